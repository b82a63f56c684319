"""Secrets: kept, shown by name, compared, rotated."""
