"""Look, plan, apply: each host in its own thread, many hosts at once.

model     how a run behaves, what it knows of a host at its end
host      one host from the connection to the verdict
apply     its plan, in one exchange
listener  what is heard meanwhile
watch     the wait for readiness
"""

from hermes_ops.run.host import converge_host, gather, open_host, outcome_of
from hermes_ops.run.model import Done, HostResult, Settings
from hermes_ops.run.watch import verdict_of

__all__ = [
    "Done",
    "HostResult",
    "Settings",
    "converge_host",
    "gather",
    "open_host",
    "outcome_of",
    "verdict_of",
]
