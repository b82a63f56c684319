"""Secrets: encrypt, show, compare and rotate them."""
