"""Where the value of a secret can be: one module a kind of source."""
