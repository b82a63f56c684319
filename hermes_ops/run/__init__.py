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
"""

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
