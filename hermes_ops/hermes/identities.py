"""The identity of each platform, and its settings that are not secret: `data/platforms.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hermes_ops.hermes.platforms import data, rules


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an identity: the first of these names that is set; left out if `optional`."""

    names: tuple[str, ...]
    optional: bool = False


@cache
def identities(platform: str) -> tuple[tuple[Part, ...], ...]:
    """Return the identities of a platform, each with its parts: no two gateways may share one."""
    written = rules()[platform].get("identity", ())
    return tuple(tuple(map(_part, both.split(" + "))) for both in written)


def _part(written: str) -> Part:
    return Part(tuple(written.rstrip("?").split("|")), optional=written.endswith("?"))


def is_locked(platform: str) -> bool:
    """Return whether Hermes stops two gateways of a user on one host from sharing an identity."""
    return bool(rules()[platform].get("locked"))


@cache
def names() -> frozenset[str]:
    """Return every known platform."""
    return frozenset(rules())


def token_names() -> frozenset[str]:
    """Return the variables for which Hermes refuses to start a platform with a placeholder."""
    return frozenset(rule["token"] for rule in rules().values() if "token" in rule)


def placeholders() -> frozenset[str]:
    """Return the values that Hermes treats as placeholders from an example."""
    return frozenset(data()["placeholders"])


@cache
def open_names() -> frozenset[str]:
    """Return the settings that are not secret and show what runs and where it listens."""
    names = {"enabled", "API_SERVER_ENABLED"}
    for rule in rules().values():
        names |= {word for word in rule.get("forced", ()) if word.endswith("_ENABLED")}
        names |= _listening(rule.get("listens", {}))
    return frozenset(names)


def ports_of(platform: str) -> frozenset[str]:
    """Return the variables that may set the port of a platform."""
    listens = rules()[platform].get("listens", {})
    both = (*listens.get("port", ()), *listens.get("forced", {}).get("port", ()))
    return frozenset(name for name in both if isinstance(name, str) and name.isupper())


def _listening(listens: Mapping[str, Any]) -> set[str]:
    when = listens.get("when", {})
    words = [*listens.get("host", ()), *listens.get("port", ())]
    words += when["of"] if "is" in when else []
    own = {word for word in words if isinstance(word, str) and "." not in word}
    return own | _listening(listens["forced"]) if "forced" in listens else own
