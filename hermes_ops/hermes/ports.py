"""The TCP ports that services open, and who serves them now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from hermes_ops.hermes import identities, platforms
from hermes_ops.look.facts import Facts, Server
from hermes_ops.services.base import ServiceSpec

EVERY = ("0.0.0.0", "::", "")  # noqa: S104 - what a service is told, not what we bind
_DEFAULT = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Port:
    """An address on which a service listens."""

    host: str
    number: int

    def meets(self, host: str, number: int) -> bool:
        """Whether only one of this address and the other can be listened on."""
        same = self.host == host or self.host in EVERY or host in EVERY
        return self.number == number and same

    def is_on(self, addresses: Collection[str]) -> bool:
        """Whether a host with these addresses has its address; a name is not looked up."""
        own = _address(self.host)
        return self.host in EVERY or own is None or own.is_loopback or str(own) in addresses


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


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


def program_at(server: Server, facts: Facts) -> str:
    """Return in words which program listens there, as far as it is known."""
    if server.pid is None:
        return f"another program, which {facts.user} does not run"
    # Of a stranger's command line only the program: its arguments may be secrets.
    command = facts.commands.get(server.pid)
    return f"process {server.pid}" + (f" ({command.argv[0]})" if command else "")


def free_hint(number: int, pid: int | None, facts: Facts) -> str:
    """Return how to free a port that a program holds which is none of ours."""
    other = "give the profile another port in the inventory"
    if pid is None:
        shows = f"sudo ss -ltnp 'sport = :{number}'"
        if facts.system == "Darwin":
            shows = f"sudo lsof -nP -iTCP:{number} -sTCP:LISTEN"
        return f"on the host, this shows it: {shows}; end it, or {other}"
    return f"on the host: kill {pid}; or {other}"


def _port_of_url(url: str) -> tuple[Port, ...]:
    number = number_of(url)
    host = urlsplit(url).hostname if number else None
    if not number or host not in ("localhost", "127.0.0.1", "::1"):
        return ()
    return (Port("127.0.0.1" if host == "localhost" else host, number),)


def number_of(url: str) -> int | None:
    """Return the port of a URL; None if it has none, as one made of a role's settings may."""
    try:
        parts = urlsplit(url)
        return parts.port or _DEFAULT.get(parts.scheme)
    except ValueError:
        return None
