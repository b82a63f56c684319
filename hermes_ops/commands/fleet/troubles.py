"""What `fleet.status` says of a look: how many are in which state, and what is not as desired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from hermes_ops.commands.fleet.profile_table import lasting, wanted
from hermes_ops.commands.fleet.status import HostSeen, SeenProfile
from hermes_ops.program_name import spoken
from hermes_ops.reporting.report import count


def counted(hosts: Iterable[HostSeen]) -> dict[str, Any]:
    """Return how many hosts there are, profiles of the inventory by state, and findings by kind."""
    hosts = list(hosts)
    own = [seen for host in hosts for seen in host.profiles if seen.desired is not None]
    found = [finding.kind for host in hosts for finding in host.findings]
    return {
        "hosts": len(hosts),
        "profiles": len(own),
        "states": dict(Counter(seen.verdict.state for seen in own).most_common()),
        "findings": dict(Counter(found)),
    }


def line(counts: Mapping[str, Any]) -> str:
    """Return the counts as one line."""
    parts = [f"{number} {state}" for state, number in counts["states"].items()]
    text = f"{count(counts['profiles'], 'profile')} on {count(counts['hosts'], 'host')}"
    text += f": {', '.join(parts)}" if parts else ""
    found = [count(number, kind) for kind, number in counts["findings"].items()]
    return "; ".join((text, *found))


def troubles_of(host: HostSeen) -> Iterable[dict[str, Any]]:
    """Yield what is not as desired on a host: where, what, and the next command."""
    name = host.host.name
    if host.error:
        hint = host.error.hint or spoken(f"./inv hosts.ping -l {name}")
        yield _row(name, None, "unknown", f"{name}: {host.error}", hint)
        return
    for seen in host.profiles:
        if seen.as_desired is False:
            yield _row(name, seen.name, seen.verdict.state, sentence(host, seen), seen.remedy)
    for finding in host.findings:
        side = finding.sides[0]
        yield _row(side.host, side.profile, finding.kind, finding.message, finding.mend)


def sentence(host: HostSeen, seen: SeenProfile) -> str:
    """Return how a profile is that is not as desired, and why."""
    # What mends it is told once.
    reasons = (one.removesuffix(f"; {seen.remedy}") for one in seen.verdict.reasons)
    state, why = seen.verdict.state, ", ".join(reasons)
    return f"{host.host.name}/{seen.name} is {state}{lasting(host, seen)}: {why or wanted(seen)}"


def _row(host: str, profile: str | None, state: str, message: str, then: str) -> dict[str, Any]:
    return {"host": host, "profile": profile, "state": state, "message": message, "next": then}
