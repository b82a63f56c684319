"""A look as conditions of targets: names, states and reasons, each text fit for anybody."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from hermes_ops.alerts.news import FINDING, Condition
from hermes_ops.audit.finding import Finding
from hermes_ops.cli.output import shown
from hermes_ops.commands.fleet.status import WANTED, HostSeen, SeenProfile
from hermes_ops.commands.fleet.troubles import sentence
from hermes_ops.errors import Unreachable


def conditions(hosts: Sequence[HostSeen]) -> Mapping[str, Condition]:
    """Return how each host, profile and finding is, by its target, in the inventory's order."""
    return dict(pair for host in hosts if host.host.enabled for pair in _of_host(host))


def hidden(hosts: Sequence[HostSeen], targets: Iterable[str]) -> Collection[str]:
    """Return those targets that a look could not see: what was on hosts that did not answer."""
    lost = {host.host.name for host in hosts if host.error}
    return {target for target in targets if host_of(target) in lost and target not in lost}


def host_of(target: str) -> str:
    """Return the name of the host of a target."""
    return target.partition("/")[0].partition(" (")[0]


def _of_host(host: HostSeen) -> Iterable[tuple[str, Condition]]:
    name = host.host.name
    if host.error:
        state = "unreachable" if isinstance(host.error, Unreachable) else "unknown"
        yield name, Condition(state, True, shown(f"{name} is {state}: {host.error}"))
        return
    yield name, Condition("reachable")
    for seen in host.profiles:
        if seen.desired is not None:
            yield f"{name}/{seen.name}", _of_profile(host, seen)
    for finding in host.findings:
        yield _finding(finding), Condition(FINDING, True, shown(finding.message))


def _of_profile(host: HostSeen, seen: SeenProfile) -> Condition:
    state = seen.verdict.state
    if seen.as_desired is not False:
        return Condition(state)
    differs = seen.desired is not None and state == WANTED[seen.desired]
    return Condition("not as wanted" if differs else state, True, shown(sentence(host, seen)))


def _finding(finding: Finding) -> str:
    side = finding.sides[0]
    name = "" if finding.name == side.profile else f" {finding.name}"
    return f"{side.target} ({finding.kind}{name})"
