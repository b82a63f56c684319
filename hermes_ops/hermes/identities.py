"""Who a platform is to the world, and which of its settings are no secret: `data/platforms.yml`."""

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
    """Return what says who a platform is, each in its parts: no two may share all of one."""
    written = rules()[platform].get("identity", ())
    return tuple(tuple(map(_part, both.split(" + "))) for both in written)


def _part(written: str) -> Part:
    return Part(tuple(written.rstrip("?").split("|")), optional=written.endswith("?"))


def is_locked(platform: str) -> bool:
    """Return whether Hermes keeps two gateways of one user on one host from being one identity."""
    return bool(rules()[platform].get("locked"))


@cache
def names() -> frozenset[str]:
    """Return every platform that there is."""
    return frozenset(rules())


def token_names() -> frozenset[str]:
    """Return the variables whose placeholder values keep Hermes from starting a platform."""
    return frozenset(rule["token"] for rule in rules().values() if "token" in rule)


def placeholders() -> frozenset[str]:
    """Return the values that Hermes takes for ones that were left from an example."""
    return frozenset(data()["placeholders"])


@cache
def open_names() -> frozenset[str]:
    """Return the settings that are no secret, and that tell what runs and where it listens."""
    names = {"enabled", "API_SERVER_ENABLED"}
    for rule in rules().values():
        names |= {word for word in rule.get("forced", ()) if word.endswith("_ENABLED")}
        names |= _listening(rule.get("listens", {}))
    return frozenset(names)


def ports_of(platform: str) -> frozenset[str]:
    """Return the variables that may say on which port a platform listens."""
    listens = rules()[platform].get("listens", {})
    both = (*listens.get("port", ()), *listens.get("forced", {}).get("port", ()))
    return frozenset(name for name in both if isinstance(name, str) and name.isupper())


def _listening(listens: Mapping[str, Any]) -> set[str]:
    when = listens.get("when", {})
    words = [*listens.get("host", ()), *listens.get("port", ())]
    words += when["of"] if "is" in when else []
    own = {word for word in words if isinstance(word, str) and "." not in word}
    return own | _listening(listens["forced"]) if "forced" in listens else own
