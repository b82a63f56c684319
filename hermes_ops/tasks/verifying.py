"""`fleet.verify`: the roles' testinfra checks, through one long-lived shell a host."""
