"""What a doctor finds about jobs of Hermes' own cron: nobody runs them, or the wrong gateway."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping

from hermes_ops.audit.finding import Finding, Side, make, register
from hermes_ops.commands.fleet.status import HostSeen

_CRON = "cron:"

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
    "cron-twice",
    {
        "severity": "warning",
        "says": "{who} have the same cron jobs: {name}",
        "ignored": "each gateway runs them, the copy with its own bot and settings: people get the"
        " results twice, and from the wrong one",
        "mend": "{path}",
    },
)


def without_gateway(host: HostSeen) -> Iterator[Finding]:
    """Yield each profile with jobs that nobody wants to run, and that does not run by itself."""
    if any(seen.topology == "multiplex" for seen in host.profiles):
        return  # it runs those of the profiles that it serves
    if {*host.host.all_profiles} - {one.name for one in host.profiles}:
        return  # nobody has looked at the other gateways of this host
    known = {one.name for one in host.profiles if one.desired or one.evidence.alive}
    assert host.facts is not None  # noqa: S101 - the caller has asked
    for name, _ in _jobs(host):
        if name not in known:
            side = Side(host.host.name, None)
            yield make("cron-waits", name, (side,), path=host.facts.hermes_by_hand)


def run_twice(hosts: Iterable[HostSeen]) -> Iterator[Finding]:
    """Yield each profile whose jobs a profile that was seen before has as well: it is a copy.

    Hermes gives every job a number of its own; a clone, or an archive that was imported, has those
    of its original.
    """
    first: dict[str, tuple[str, Side]] = {}
    for host in hosts:
        # One machine may be in the inventory under two names.
        boot, running = host.facts.boot if host.facts else "", _running(host)
        for name, jobs in _jobs(host):
            if name in running:
                home, side = f"{boot}/{name}", Side(host.host.name, name)
                owners = {job: first.setdefault(job, (home, side)) for job in jobs}
                twice = {job: other for job, (owner, other) in owners.items() if owner != home}
                if twice:
                    yield _copied(host, side, twice)


def _copied(host: HostSeen, side: Side, twice: Mapping[str, Side]) -> Finding:
    assert host.facts is not None  # noqa: S101 - its jobs were told
    remove = f"{host.facts.hermes_by_hand} -p {shlex.quote(str(side.profile))} cron remove"
    words = f"{remove} {next(iter(twice))}"
    if len(twice) > 1:
        words = f"for job in {' '.join(twice)}; do {remove} $job; done"
    sides = tuple(dict.fromkeys((*twice.values(), side)))
    where = f"on the host: {words}   # on {side.host}, or there where they are not wanted"
    return make("cron-twice", ", ".join(twice), sides, path=where)


def _running(host: HostSeen) -> frozenset[str]:
    """Return the profiles whose jobs a gateway runs, or will run."""
    return frozenset(
        one.name for one in host.profiles if one.desired == "started" or one.evidence.alive
    )


def _jobs(host: HostSeen) -> Iterator[tuple[str, list[str]]]:
    """Yield each profile of which a host has scheduled jobs, with their numbers."""
    for word, jobs in host.facts.health.items() if host.facts else ():
        folder, _, profile = word.removeprefix(_CRON).partition("/profiles/")
        if word.startswith(_CRON) and folder:
            yield profile or "default", list(filter(None, jobs.split(",")))
