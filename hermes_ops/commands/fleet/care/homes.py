"""What a doctor finds in the homes of a host: what no gateway runs, starts or has loaded."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from hermes_ops.audit.finding import Finding, Side, make, register
from hermes_ops.commands.fleet.care import cron
from hermes_ops.commands.fleet.care.growth import home_of
from hermes_ops.commands.fleet.status import HostSeen, SeenProfile
from hermes_ops.hermes import platforms
from hermes_ops.plan.lifecycle.watching import settings_in

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
    "restart-notices",
    {
        "severity": "warning",
        "says": "{who} writes to its home channel of {name} when it stops, unless hermes-ops drains"
        " it first, and its settings do not say that it shall",
        "ignored": "one that restarts again and again has sent thousands of notices to people",
        "mend": "./inv config.set {path} platforms.{name}.gateway_restart_notification false"
        " --layer profile   # or true; then ./inv config.push -l {path}",
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
        yield from cron.without_gateway(host)
        yield from _announcing(host)
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


def _announcing(host: HostSeen) -> Iterator[Finding]:
    """Yield each platform of a living gateway to which it writes that it stops."""
    assert host.facts is not None  # noqa: S101 - the caller has asked
    for seen in host.profiles:
        if seen.desired is not None and seen.runs_hermes and seen.evidence.alive:
            side = Side(host.host.name, seen.name)
            settings = settings_in(home_of(seen.name), host.facts)
            for name in sorted(platforms.announcing(*settings)):
                yield make("restart-notices", name, (side,), path=shlex.quote(side.target))


def _of_nobody(host: HostSeen) -> Iterator[Finding]:
    """Yield each command of Hermes for a profile that the host does not have."""
    facts = host.facts
    assert facts is not None  # noqa: S101 - the caller has asked
    there = {*facts.profiles, *(seen.name for seen in host.profiles), "default"}
    for path, name in sorted(facts.aliases.items()):
        if name not in there:
            side = Side(host.host.name, None)
            yield make("stale-command", name, (side,), f"~/{path}", path=f"~/{shlex.quote(path)}")
