"""Names that look misspelt: of `.env`, of `config.yaml`, of variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hermes_ops.loader.explain.provenance import Saying
from hermes_ops.loader.keypath import KeyPath, spelled
from hermes_ops.loader.lint.model import Check, Remark, Survey
from hermes_ops.loader.misspelt import misspelt
from hermes_ops.loader.typos import is_slip, meant_env


def misspelt_env(seen: Survey) -> Iterator[Remark]:
    """Names of `env` that are one letter from a name that Hermes knows."""
    for saying in seen.said:
        name = str(saying.path[-1])
        if saying.path[0] == "env" and (other := meant_env(name)):
            yield _finding(saying, f"Hermes does not know {name!r}", other)


def misspelt_variables(seen: Survey) -> Iterator[Remark]:
    """Variables whose names differ in one letter from a variable that is read here."""
    for leaves in seen.variables.values():
        for leaf in leaves:
            name = str(leaf.path[0])
            if other := misspelt(name):
                for saying in leaf.said:
                    yield _finding(saying, f"{name!r} is not a known variable", other)


Siblings = Mapping[Any, frozenset[str]]
"""The keys of one mapping, and the profiles whose settings have each."""


def misspelt_config(seen: Survey) -> Iterator[Remark]:
    """Keys of `config` that one profile has, and all others have with one letter changed."""
    wrong = {
        (*parent, key): other
        for parent, siblings in _mappings(seen).items()
        for key, other in _misspelt(siblings)
    }
    for saying in seen.said:
        for end in range(2, len(saying.path) + 1):
            if other := wrong.get(saying.path[:end]):
                path = spelled(saying.path[:end])
                yield _finding(saying, f"no other profile has {path!r}", other)


def _mappings(seen: Survey) -> Mapping[KeyPath, Siblings]:
    """Return each mapping below `config` with its keys."""
    users: dict[KeyPath, dict[Any, frozenset[str]]] = {}
    for settings in seen.settings:
        for leaf in settings.leaves:
            for end in range(1, len(leaf.path)):
                if leaf.path[0] == "config":
                    siblings = users.setdefault(leaf.path[:end], {})
                    key = leaf.path[end]
                    siblings[key] = siblings.get(key, frozenset()) | {settings.profile}
    return users


def _misspelt(siblings: Siblings) -> Iterator[tuple[str, str]]:
    """Yield keys of one profile, each with the one that at least two other profiles have.

    Every profile that has the mapping has one or the other. A profile may have both
    if they are singular and plural.
    """
    words = {key: users for key, users in siblings.items() if isinstance(key, str)}
    everybody = frozenset[str]().union(*siblings.values())
    for key, alone in words.items():
        for other, users in words.items() if len(alone) == 1 else ():
            if len(users - alone) < 2 or users | alone != everybody or not is_slip(key, other):
                continue
            if not (alone <= users and _is_plural(key, other)):
                yield key, other


def _is_plural(key: str, other: str) -> bool:
    return key in (other + "s", other.removesuffix("s"))


def _finding(saying: Saying, message: str, other: str) -> Remark:
    return Remark("misspelt", saying.place, message, f"did you mean {other!r}?")


CHECKS: tuple[Check, ...] = (misspelt_env, misspelt_variables, misspelt_config)
