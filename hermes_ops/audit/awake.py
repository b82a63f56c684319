"""Whether a machine that is to be kept awake is, and what would let it sleep regardless.

They need `Facts.awake`, which a doctor asks of hosts for which `hermes_awake` is set.
"""

from __future__ import annotations

from collections.abc import Iterable

from hermes_ops.audit.finding import Finding, Side, make
from hermes_ops.audit.register import Seen, finds
from hermes_ops.services.awake import KEEPERS


def _on(seen: Seen) -> tuple[Side, ...]:
    return (Side(seen.host.name, None),)


def _is_wanted(seen: Seen) -> bool:
    return bool(seen.facts.awake and seen.host.awake and seen.host.awake.is_on)


@finds(
    "not-awake",
    severity="error",
    says="nothing of ours keeps {who} awake, although hermes_awake is set",
    ignored="its gateways answer nobody while it sleeps",
    mend="./inv fleet.up -l {who}   # who else keeps it awake: ./inv awake.status -l {who}",
)
def _not_awake(seen: Seen) -> Iterable[Finding]:
    """Yield it if the unit or job does not run; a time that was given may be over."""
    keeper = KEEPERS.get(seen.facts.system)
    ends = seen.host.awake is not None and bool(seen.host.awake.seconds)
    if keeper and _is_wanted(seen) and not ends and not keeper.is_on(seen.facts):
        yield make("not-awake", "hermes_awake", _on(seen))


@finds(
    "lid",
    says="{who} is a laptop: it sleeps when its lid is closed, whatever keeps it awake",
    ignored="its gateways answer nobody while it sleeps",
    mend="leave its lid open, or, on the host: {name}",
)
def _lid(seen: Seen) -> Iterable[Finding]:
    keeper = KEEPERS.get(seen.facts.system)
    if keeper and _is_wanted(seen) and keeper.sleeps_by_lid(seen.facts):
        ends = "sudo pmset -a disablesleep 1"
        if seen.facts.system == "Linux":
            ends = "HandleLidSwitch=ignore in /etc/systemd/logind.conf, and a reboot"
        yield make("lid", ends, _on(seen))
