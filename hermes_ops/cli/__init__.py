"""The command line without its parser: options as values, the one sink, questions."""
