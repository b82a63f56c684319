"""Profiles: what the inventory and the hosts have of them; each module is a task."""
