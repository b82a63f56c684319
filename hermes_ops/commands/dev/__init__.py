"""For developers: checks, tests, measurements."""
