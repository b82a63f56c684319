"""Look at a host: the script that asks, the answer, and the facts parsed from it."""
