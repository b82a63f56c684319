"""A configuration of Gatus: endpoints that it polls from its own machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

HEALTH = "/health"


@dataclass(frozen=True, slots=True)
class Polled:
    """One endpoint: what it is called, in which group, its URL and what must hold."""

    name: str
    group: str
    url: str
    conditions: tuple[str, ...]


def of_api(name: str, group: str, url: str) -> Polled:
    """Return the endpoint of a gateway's API, which needs no key for its health."""
    return Polled(name, group, f"{url}{HEALTH}", ("[STATUS] == 200",))


def of_port(name: str, group: str, host: str, port: int) -> Polled:
    """Return the endpoint of a TCP port that must accept a connection."""
    return Polled(name, group, f"tcp://{bracketed(host)}:{port}", ("[CONNECTED] == true",))


def bracketed(host: str) -> str:
    """Return a host as URLs have it."""
    return f"[{host}]" if ":" in host else host


def configuration(endpoints: Sequence[Polled], remarks: Sequence[str]) -> str:
    """Return the text of a configuration; the remarks are comments at its head."""
    head = "".join(f"# {' '.join(remark.split())}\n" for remark in remarks)
    body = [
        {
            "name": str(each.name),
            "group": str(each.group),
            "url": str(each.url),
            "interval": "60s",
            "conditions": list(each.conditions),
        }
        for each in endpoints
    ]
    text: str = yaml.safe_dump({"endpoints": body}, sort_keys=False, allow_unicode=True, width=120)
    return head + text
