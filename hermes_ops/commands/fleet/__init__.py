"""The fleet: bring it up, take it down, show it, verify it."""
