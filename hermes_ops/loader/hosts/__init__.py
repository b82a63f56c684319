"""Hosts: the variables of a machine, turned into a frozen value."""
