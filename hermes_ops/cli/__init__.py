"""The command line without its parser: options, output and questions."""
