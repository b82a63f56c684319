"""Profiles: from the catalogue and the layers upon it to a frozen value."""
