"""Secrets: values that never show themselves, where they come from, and how they are compared."""
