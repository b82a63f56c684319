"""Edit one key in a file of the inventory; every other byte stays as it was."""
