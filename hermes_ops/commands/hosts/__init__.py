"""Hosts: reach, describe and trust them."""
