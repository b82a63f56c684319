"""Hosts: from the variables of a machine to a frozen value."""
