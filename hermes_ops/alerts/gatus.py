"""A configuration of Gatus: endpoints that it polls from its own machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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


def is_askable(host: str) -> bool:
    """Whether Gatus takes a URL with this host: one that it does not ends its whole start.

    The zone of an address (`fe80::1%eth0`) means something on one machine alone.
    """
    return re.fullmatch(r"[\w.:-]+", host) is not None


def distinct(endpoints: Sequence[Polled]) -> Iterator[Polled]:
    """Yield the endpoints with names that Gatus takes, each of them once.

    It does not start if two have one key, to which it makes `a.b`, `a_b` and `A-b` alike.
    """
    keys: set[str] = set()
    for each in endpoints:
        group, name = _plain(each.group), _plain(each.name)
        number = 1
        while (key := _key(group, name)) in keys:
            number += 1
            name = f"{_plain(each.name)} ({number})"
        keys.add(key)
        yield replace(each, group=group, name=name)


def _plain(name: str) -> str:
    return name.replace('"', "'").replace("\\", "/")


def _key(group: str, name: str) -> str:
    """Return what Gatus makes of a name (its `config/key`)."""
    return "_".join(re.sub(r"[/_., #+&]", "-", word.lower().strip()) for word in (group, name))


def configuration(endpoints: Sequence[Polled], remarks: Sequence[str]) -> str:
    """Return the text of a configuration; the remarks are comments at its head.

    Gatus puts variables of its environment in place of `$NAME`, also in comments.
    """
    head = "".join(f"# {' '.join(remark.split())}\n" for remark in remarks)
    body = [
        {
            "name": each.name,
            "group": each.group,
            "url": str(each.url),
            "interval": "60s",
            "conditions": list(each.conditions),
        }
        for each in distinct(endpoints)
    ]
    text: str = yaml.safe_dump({"endpoints": body}, sort_keys=False, allow_unicode=True, width=120)
    return (head + text).replace("$", "$$")
