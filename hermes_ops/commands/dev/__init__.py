"""For developers: check, test and measure the project."""
