"""The inventory: list, show, explain and check it."""
