"""Secrets: values that are never shown, their sources, and how to compare them."""
