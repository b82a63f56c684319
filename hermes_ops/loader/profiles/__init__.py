"""Profiles: the catalogue and the layers above it, merged into a frozen value."""
