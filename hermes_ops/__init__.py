"""Ansible-style task-graph automation for fleets of Hermes agent gateways.

A runbook begins with `from hermes_ops import fleet, gateway`: the tasks of each noun, imported
only if somebody asks for them. Three nouns are also names of packages in here: `inventory`, `lab`
and `secrets` mean the tasks in a `tasks.py` that this program reads, and the packages everywhere
else. `from hermes_ops.tasks import secrets` means the tasks everywhere.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
NOUNS = (
    "awake",
    "config",
    "dev",
    "fleet",
    "gateway",
    "hosts",
    "linger",
    "profile",
    "roles",
    "runbook",
    "runs",
)

if not TYPE_CHECKING:  # hidden from type checkers: they would accept any name

    def __getattr__(name: str) -> object:
        """Return the tasks of a noun."""
        if name not in NOUNS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return import_module(f"hermes_ops.tasks.{name}")
