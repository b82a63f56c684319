"""Look, plan, apply: each host in its own thread, many hosts at once.

parallel     threads, batches, failures and the deadline
connections  the connection to each host: opened, closed
fan_out      one piece of work on every host, and the outcome of each
model        the settings of a run, and its result for each host
host         one host, from the look to the verdict
apply        apply its plan in one exchange
turns        which host may restart its gateways now
listener     the records that arrive meanwhile
watch        wait until its services are ready

Its names are loaded when they are asked for: many tasks ask hosts, and plan nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hermes_ops.run.connections import Connections, open_host
    from hermes_ops.run.fan_out import HostOutcome, ignore, outcome_of, over_hosts
    from hermes_ops.run.host import One, converge_host, converge_hosts, gather
    from hermes_ops.run.model import Done, HostResult, Settings, nothing
    from hermes_ops.run.parallel import Rules
    from hermes_ops.run.turns import Turns
    from hermes_ops.run.watch import verdict_of

__all__ = [
    "Connections",
    "Done",
    "HostOutcome",
    "HostResult",
    "One",
    "Rules",
    "Settings",
    "Turns",
    "converge_host",
    "converge_hosts",
    "gather",
    "ignore",
    "nothing",
    "open_host",
    "outcome_of",
    "over_hosts",
    "verdict_of",
]

_MODULES = {
    "connections": ("Connections", "open_host"),
    "fan_out": ("HostOutcome", "ignore", "outcome_of", "over_hosts"),
    "host": ("One", "converge_host", "converge_hosts", "gather"),
    "model": ("Done", "HostResult", "Settings", "nothing"),
    "parallel": ("Rules",),
    "turns": ("Turns",),
    "watch": ("verdict_of",),
}

if not TYPE_CHECKING:  # hidden from type checkers: they would accept any name

    def __getattr__(name: str) -> object:
        """Return one of the names above."""
        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
