"""Ansible-style task-graph automation for fleets of Hermes agent gateways.

A runbook begins with `from hermes_ops import fleet, gateway`: the tasks of each noun, imported
when somebody asks for them. Three nouns are rooms of this package, too: `inventory`, `lab` and
`secrets` are their tasks in a `tasks.py` that this program reads, and rooms anywhere else. In
every place `from hermes_ops.tasks import secrets` means the tasks.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
_NOUNS = ("config", "dev", "fleet", "gateway", "hosts", "linger", "profile", "runs")

if not TYPE_CHECKING:  # a type checker shall know no name that is not here

    def __getattr__(name: str) -> object:
        """Return the tasks of a noun."""
        if name not in _NOUNS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return import_module(f"hermes_ops.tasks.{name}")
