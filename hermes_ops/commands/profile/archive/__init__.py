"""A profile as one file: made on a host without any credential, and unpacked on another."""
