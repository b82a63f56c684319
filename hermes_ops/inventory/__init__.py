"""The hosts, groups and profiles of the inventory, and how to select among them."""
