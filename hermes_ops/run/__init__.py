"""Look, plan, apply: each host in its own thread, many hosts at once.

parallel     threads, batches, failures and the deadline
connections  the way to each host, and its end
fan_out      one piece of work on every host, and the outcome of each
model        how a run behaves, what it knows of a host at its end
host         one host from the connection to the verdict
apply        its plan, in one exchange
listener     what is heard meanwhile
watch        the wait for readiness
"""

from hermes_ops.run.connections import Connections, open_host
from hermes_ops.run.fan_out import HostOutcome, ignore, outcome_of, over_hosts
from hermes_ops.run.host import converge_host, converge_hosts, gather
from hermes_ops.run.model import Done, HostResult, Settings
from hermes_ops.run.parallel import Rules
from hermes_ops.run.watch import verdict_of

__all__ = [
    "Connections",
    "Done",
    "HostOutcome",
    "HostResult",
    "Rules",
    "Settings",
    "converge_host",
    "converge_hosts",
    "gather",
    "ignore",
    "open_host",
    "outcome_of",
    "over_hosts",
    "verdict_of",
]
