"""Hosts: reached, described, trusted."""
