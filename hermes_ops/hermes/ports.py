"""Which TCP ports services need after a plan, who has them now, and who has to leave first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hermes_ops.hermes import identities, platforms
from hermes_ops.hermes.orphans import REMEDY, on_port
from hermes_ops.look.facts import Facts, Server
from hermes_ops.services.base import ServiceSpec

_EVERY = ("0.0.0.0", "::", "")  # noqa: S104 - what a service is told, not what we bind
_DEFAULT = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Port:
    """An address on which a service listens."""

    host: str
    number: int

    def meets(self, host: str, number: int) -> bool:
        """Whether only one of this address and the other can be listened on."""
        same = self.host == host or self.host in _EVERY or host in _EVERY
        return self.number == number and same


def ports_of(
    service: ServiceSpec, config: Mapping[str, Any], env: Mapping[str, str | None]
) -> tuple[Port, ...]:
    """Return the ports that a service with these settings opens, as far as they are known."""
    if service.readiness != "hermes":
        return _port_of_url(service.url)
    return tuple(
        Port("127.0.0.1" if host == "localhost" else host, number)
        for platform, host, number in platforms.listeners(config, env)
        if not any(env.get(name, "") is None for name in identities.ports_of(platform))
    )


def served_by_others(
    urls: Iterable[str], pid: int | None, facts: Facts
) -> tuple[list[str], list[str]]:
    """Return which ports of these URLs another service serves, and of which nobody knows who does.

    Both in words.
    """
    served, unknown = [], []
    for url in urls if pid else ():
        for port in _port_of_url(url):
            owners = {s.pid for s in facts.servers or () if port.meets(s.host, s.port)}
            if not owners or owners == {None}:
                unknown.append(f"who serves port {port.number}")
            elif pid not in owners:
                who = ", ".join(sorted(f"process {owner}" for owner in owners if owner))
                served.append(f"{who} serves its port {port.number}")
    return served, unknown


def _port_of_url(url: str) -> tuple[Port, ...]:
    parts = urlsplit(url)
    number = parts.port or _DEFAULT.get(parts.scheme)
    if not number or parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        return ()
    return (Port("127.0.0.1" if parts.hostname == "localhost" else parts.hostname, number),)


@dataclass(frozen=True, slots=True)
class Occupant:
    """One profile's service, for the question who may have which port after the plan."""

    needs: tuple[Port, ...] = ()
    had: tuple[Port, ...] = ()
    """What its files on the host say now; it counts where the process of a server is not known."""
    pids: frozenset[int] = frozenset()
    ends: bool = False
    """Whether the plan ends its process, to stop it or to start it anew."""
    begins: bool = False
    """Whether the plan starts it, after a stop or not."""
    runs: bool = False


def settled(
    occupants: Mapping[str, Occupant], facts: Facts
) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Return the services that cannot start and why; and of the others, who must stop before them.

    A port is free for a service if whoever has it is stopped, or moves to another port.
    """
    refused: dict[str, str] = {}
    while True:
        first: dict[str, set[str]] = {}
        more: dict[str, str] = {}
        for name, occupant in occupants.items():
            if occupant.begins and name not in refused:
                holders = _holders(name, occupants, facts)
                before, why = _judged(holders, occupants, refused, facts)
                more |= {name: why} if why else {}
                first |= {name: before} if before else {}
        if not more:
            return refused, first
        refused |= more


def _holders(
    name: str, occupants: Mapping[str, Occupant], facts: Facts
) -> Iterable[tuple[Port, Server, str | None]]:
    """Yield who else has a port that the service needs; the profile is None if it is not known."""
    own = occupants[name]
    for port in own.needs:
        for server in facts.servers or ():
            if not port.meets(server.host, server.port):
                continue
            holder = next((n for n, o in occupants.items() if server.pid in o.pids), None)
            mine = server.pid is None and own.runs and port.number in {p.number for p in own.had}
            if holder != name and not mine:
                yield port, server, holder


def _judged(
    holders: Iterable[tuple[Port, Server, str | None]],
    occupants: Mapping[str, Occupant],
    refused: Mapping[str, str],
    facts: Facts,
) -> tuple[set[str], str]:
    before: set[str] = set()
    for port, server, holder in holders:
        other = occupants.get(holder or "")
        stays = other is None or not other.ends or holder in refused
        if other is None or stays or any(p.meets(server.host, server.port) for p in other.needs):
            return set(), _why(port, server, holder, facts)
        before.add(holder or "")
    return before, ""


def _why(port: Port, server: Server, holder: str | None, facts: Facts) -> str:
    if not holder and (orphan := on_port(port.number, facts, pid=server.pid)):
        return f"port {port.number} is taken by the orphan {orphan}: {REMEDY}"
    if holder:
        who = f"{holder}, which keeps it"
    elif server.pid is not None:
        who = f"process {server.pid}"
    else:
        who = "another program"
    return f"port {port.number} is taken by {who}: end it, or give the profile another port"
