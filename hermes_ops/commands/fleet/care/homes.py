"""What a doctor finds in the homes of a host: what no gateway runs, starts or has loaded."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from hermes_ops.audit.finding import Finding, Side, make, register
from hermes_ops.commands.fleet.care.growth import home_of
from hermes_ops.commands.fleet.status import HostSeen, SeenProfile

_CRON = "cron:"

register(
    "newer-code",
    {
        "severity": "warning",
        "says": "packages of Hermes were changed on {name} after {who} had started",
        "ignored": "it loads more of them later, which may not fit: turns end in an ImportError",
        "mend": "./inv fleet.restart -l {path}",
    },
)
register(
    "cron-waits",
    {
        "severity": "warning",
        "says": "{who} has cron jobs of the profile {name}, and no gateway runs for it",
        "ignored": "they never run: a gateway runs those of its own profile alone",
        "mend": "on the host: {path} -p {name} cron list   # make them with -p of one that runs",
    },
)
register(
    "stale-command",
    {
        "severity": "warning",
        "says": "{who} has the command {what} of the profile {name}, which is gone",
        "ignored": "whoever calls it gets an error, or one day another profile of that name",
        "mend": "on the host: rm {path}",
    },
)


def findings(host: HostSeen) -> Iterator[Finding]:
    """Yield what is found of the profiles of a host that was looked at."""
    yield from _changed(host)
    if host.facts is not None:
        yield from _without_gateway(host)
        yield from _of_nobody(host)


def _changed(host: HostSeen) -> Iterator[Finding]:
    """Yield each gateway that is as desired and runs older code than its program's files."""
    for seen in host.profiles:
        if seen.as_desired and seen.runs_hermes and _is_newer(host, seen):
            side = Side(host.host.name, seen.name)
            path = shlex.quote(side.target)
            yield make("newer-code", host.host.name, (side,), path=path)


def _is_newer(host: HostSeen, seen: SeenProfile) -> bool:
    told = host.facts.health if host.facts else {}
    packages = f"packages:{home_of(seen.name)}" in told
    return seen.evidence.alive and (bool(seen.evidence.newer_code) or packages)


def _without_gateway(host: HostSeen) -> Iterator[Finding]:
    """Yield each profile with jobs that nobody wants to run, and that does not run by itself."""
    if any(seen.topology == "multiplex" for seen in host.profiles):
        return  # it runs those of the profiles that it serves
    known = {seen.name for seen in host.profiles if seen.desired or seen.evidence.alive}
    assert host.facts is not None  # noqa: S101 - the caller has asked
    called = host.facts.hermes_by_hand
    for word in host.facts.health:
        folder, _, profile = word.removeprefix(_CRON).partition("/profiles/")
        name = profile or "default"
        if word.startswith(_CRON) and folder and name not in known:
            yield make("cron-waits", name, (Side(host.host.name, None),), path=called)


def _of_nobody(host: HostSeen) -> Iterator[Finding]:
    """Yield each command of Hermes for a profile that the host does not have."""
    facts = host.facts
    assert facts is not None  # noqa: S101 - the caller has asked
    there = {*facts.profiles, *(seen.name for seen in host.profiles), "default"}
    for path, name in sorted(facts.aliases.items()):
        if name not in there:
            side = Side(host.host.name, None)
            yield make("stale-command", name, (side,), f"~/{path}", path=f"~/{shlex.quote(path)}")
