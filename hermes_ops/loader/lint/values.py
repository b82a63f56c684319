"""Values that never win: a stronger layer overrides them on every host and profile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from hermes_ops.loader.explain.provenance import ACTIONS, Leaf, Saying
from hermes_ops.loader.keypath import spelled
from hermes_ops.loader.layers.overlay import APPEND, REMOVE
from hermes_ops.loader.lint.model import Check, Remark, Survey
from hermes_ops.secrets.secret import SHOWN

Key = tuple[Any, ...]


def _key(saying: Saying) -> Key:
    """Return the identity of a contribution, which is the same on every host."""
    place = saying.place
    return (place.file, place.line, place.column, saying.path, saying.action)


def lost_settings(seen: Survey) -> Iterator[Remark]:
    """Settings of profiles that are overridden everywhere."""
    lost, winner = _lost(seen.leaves, seen.said)
    for saying in lost:
        yield from _lost_setting(saying, winner.get(_key(saying)))


def lost_variables(seen: Survey) -> Iterator[Remark]:
    """Variables that win on no host."""
    leaves = [leaf for of_host in seen.variables.values() for leaf in of_host]
    lost, winner = _lost(leaves, (saying for leaf in leaves for saying in leaf.said))
    for saying in lost:
        by = winner[_key(saying)]
        message = f"{spelled(saying.path)!r} of {saying.layer} wins on no host"
        yield _in_vain(saying, f"{message}: {by.layer} has it too, at {by.place}")


def _lost(
    leaves: Iterable[Leaf], said: Iterable[Saying]
) -> tuple[list[Saying], Mapping[Key, Saying]]:
    """Return the settings that win on no host, each with one that overrides it."""
    counting: set[Key] = set()
    winners: dict[Key, Saying] = {}
    for leaf in leaves:
        counting.update(_key(saying) for saying in leaf.said if saying.counts)
        winners.update((_key(saying), leaf.winner) for saying in leaf.said)
    everything = {_key(saying): saying for saying in said}
    return [saying for key, saying in everything.items() if key not in counting], winners


def _lost_setting(saying: Saying, winner: Saying | None) -> Iterator[Remark]:
    key = spelled(saying.path)
    if winner is None:
        if saying.action == ACTIONS[REMOVE]:
            yield _idle(saying, f"removes from {key!r}, which no layer sets")
    elif saying.variable == "hermes_profile_defaults" and winner.variable == "hermes_profiles":
        message = f"every profile overrides the default {key!r}, as at {winner.place}"
        yield Remark("never-wins", saying.place, message, "remove the default")
    else:
        message = f"{key!r} of {_layer(saying)} wins nowhere: {_layer(winner)} has it too"
        yield _in_vain(saying, f"{message}, at {winner.place}")


def _in_vain(saying: Saying, message: str) -> Remark:
    return Remark("never-wins", saying.place, message, "remove the one that is not meant")


def _layer(saying: Saying) -> str:
    return f"{saying.layer} ({saying.variable})" if saying.variable else saying.layer


def idle_changes(seen: Survey) -> Iterator[Remark]:
    """`+key` and `-key` that change nothing anywhere."""
    moved: set[Key] = set()
    idle: dict[Key, Saying] = {}
    effects = (effect for leaf in seen.leaves for effect in _effects(leaf))
    for saying, is_idle in effects:
        if is_idle:
            idle[_key(saying)] = saying
        else:
            moved.add(_key(saying))
    for key, saying in idle.items():
        if key not in moved:
            yield _idle(saying, f"{_IDLE[saying.action]}: {', '.join(map(str, saying.value))}")


_IDLE = {
    ACTIONS[APPEND]: "appends what is already there",
    ACTIONS[REMOVE]: "removes what no weaker layer has",
}


def _idle(saying: Saying, message: str) -> Remark:
    return Remark("no-effect", saying.place, message, "remove it, or mend the name")


def _effects(leaf: Leaf) -> Iterator[tuple[Saying, bool]]:
    """Yield each change of a list that counts, and whether it changed nothing."""
    items: list[Any] = []
    for saying in reversed([saying for saying in leaf.said if saying.counts]):
        if saying.action == ACTIONS[""]:
            items = saying.value if isinstance(saying.value, list) else []
            continue
        before = list(items)
        items = _CHANGES[saying.action](items, saying.value)
        # Two masked values may be equal or not: they are not reported.
        yield saying, items == before and SHOWN not in str(saying.value)


_CHANGES: Mapping[str, Callable[[list[Any], list[Any]], list[Any]]] = {
    ACTIONS[APPEND]: lambda items, more: items + [item for item in more if item not in items],
    ACTIONS[REMOVE]: lambda items, less: [item for item in items if item not in less],
}

CHECKS: tuple[Check, ...] = (lost_settings, lost_variables, idle_changes)
