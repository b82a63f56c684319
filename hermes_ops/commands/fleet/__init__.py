"""The fleet: up, down, seen, verified."""
