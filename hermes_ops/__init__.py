"""Ansible-style task-graph automation for fleets of Hermes agent gateways."""

__version__ = "0.1.0"
