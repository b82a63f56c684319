"""Writing into the inventory: one key, and every other byte as its author wrote it."""
