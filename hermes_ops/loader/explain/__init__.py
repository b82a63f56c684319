"""Where a value comes from, and what may be set."""
