"""What a doctor finds by comparing hosts: two gateways that use one credential at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hermes_ops.audit.finding import Finding, Side, make, register
from hermes_ops.commands.fleet.status import HostSeen, SeenProfile
from hermes_ops.hermes import identities
from hermes_ops.inventory.model import Inventory
from hermes_ops.look.facts import Facts

_LOCK = "lock:"
_SUM = 17
"""How many letters the sum of the credential and its hyphen have in the name of a lock."""

register(
    "used-twice",
    {
        "severity": "error",
        "says": "{who} use the same {name} at this moment",
        "ignored": "both connect, and each message reaches one, the other or both",
        "mend": "./inv secrets.lint --live -l {path}   # where it is set; give one of them another",
    },
)


def used_twice(hosts: Sequence[HostSeen], whole: Inventory) -> Iterator[Finding]:
    """Yield each credential that several living gateways use, unless the inventory allows it."""
    yield from _locked_twice(hosts)
    living = {
        (_boot(host), seen.evidence.pid): (host, seen)
        for host in hosts
        for seen in host.profiles
        if seen.desired is not None and _has_no_lock(seen)
    }
    if len(living) > 1:
        from hermes_ops.commands.fleet.care import unlocked

        for found in unlocked.shared(living.values(), whole):
            yield _finding(found.name, found.sides)


def _has_no_lock(seen: SeenProfile) -> bool:
    """Whether a gateway lives and connects to a platform for which Hermes has no lock."""
    named = seen.evidence.expected & identities.names() if seen.evidence.alive else frozenset()
    return any(identities.identities(one) and not identities.is_locked(one) for one in named)


def _locked_twice(hosts: Iterable[HostSeen]) -> Iterator[Finding]:
    """Yield each credential that living gateways of several machines have locked.

    Hermes keeps two gateways of one account apart, and nobody those of two. What is compared is the
    sum in the name of its lock: no credential, and no name of one, leaves a host.
    """
    users: dict[str, dict[tuple[str, str], Side]] = {}
    for host in hosts:
        for word, pid in _locks(host.facts) if host.facts else ():
            # One machine may be in the inventory under two names.
            side = Side(host.host.name, _profile(host, pid))
            users.setdefault(word, {}).setdefault((_boot(host), pid), side)
    for word, found in users.items():
        if len(found) > 1:
            name = word.removeprefix(_LOCK)[:-_SUM].replace("-", " ")
            yield _finding(name, list(found.values()))


def _locks(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the locks of gateways that live: a number may be that of another program by now."""
    gateways = {str(pid) for pid in facts.processes}
    for word, pid in facts.health.items():
        if word.startswith(_LOCK) and pid in gateways:
            yield word, pid


def _finding(name: str, sides: Sequence[Side]) -> Finding:
    where = ",".join(dict.fromkeys(side.host for side in sides))
    return make("used-twice", name, sides, path=where)


def _boot(host: HostSeen) -> str:
    return host.facts.boot if host.facts else ""


def _profile(host: HostSeen, pid: str) -> str | None:
    return next((one.name for one in host.profiles if str(one.evidence.pid) == pid), None)
