"""What a gateway's process was started with: a record beside our memory, written with each start.

It holds checks of the managed settings that need a restart, and no value. It describes a process
only if that began soon after the start was ordered: one that somebody else started is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files import ownership
from hermes_ops.files.layout import STARTED
from hermes_ops.files.ownership import GENERATED, Ownership, Tree, at, dotted, leaves
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.look.facts import Facts

RECORD = STARTED
"""The file in the profile's home."""
ENV = ".env"
FILES = ("config.yaml", ENV)

_SOON = 900
"""Seconds after an order within which a process counts as its result: drain, waits and retries."""
_AT_ONCE = 1.5
"""Seconds after an order within which nobody else starts it again, though clocks tell whole ones.

We wait at least three seconds for readiness, so that a restart by hand comes later.
"""
_NEXT_TURN = ("model", "providers", "agent")
"""Settings that a running gateway reads again on its next turn."""
_UNIT = ("agent", "restart_drain_timeout")
_PROVIDER = re.compile(r"[A-Z0-9_]+_(API_KEY|BASE_URL)")


@dataclass(frozen=True, slots=True)
class StartRecord:
    """What is known of a start: checks of the settings, and of the values that are on the host."""

    ordered: float
    """When it was ordered, or a process began, in seconds since 1970."""
    at: float | None = None
    """When the host gave the order, after all waits."""
    keys: Mapping[str, Tree] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)


def record(keys: Mapping[str, Tree], now: float, made: Mapping[str, str] | None = None) -> str:
    """Return the text of the record for a start that is ordered now.

    `made`: checks of the values that stay on the host; the host adds those of a start itself.
    """
    kept = {name: _restarting(tree) for name, tree in keys.items()}
    text = ownership.render(Ownership(keys=kept)) + f"ordered: {now:.0f}\n"
    lines = (f"  {name}: {check}\n" for name, check in sorted((made or {}).items()))
    return "".join((text, f"at: {now:.0f}\nmade:\n", *lines)) if made else text


def made_of(keys: Mapping[str, Tree]) -> tuple[str, ...]:
    """Return the variables whose values only the host knows, and that need a restart."""
    tree = _restarting(keys.get(ENV, {}))
    return tuple(str(name) for name, check in tree.items() if check == GENERATED)


def read(home: PurePosixPath, facts: Facts) -> StartRecord | None:
    """Return the record of the last start; None if there is none, or it cannot be read."""
    text = facts.contents.get(f"{home}/{RECORD}", "")
    head, _, made = text.partition("\nmade:\n")
    ordered = re.search(r"^ordered: (\d{1,15})$", head, re.MULTILINE)
    if not ordered:
        return None
    try:
        keys = ownership.parse(head).keys
    except (ValueError, Conflict):
        return None
    at = re.search(r"^at: (\d{1,15})$", head, re.MULTILINE)
    checks = re.findall(r"^  (\w+): ([0-9a-f]{4})$", made, re.MULTILINE)
    return StartRecord(int(ordered[1]), int(at[1]) if at else None, keys, dict(checks))


def is_newer(home: PurePosixPath, facts: Facts) -> bool:
    """Whether a settings file was written after the gateway began."""
    return bool(facts.newer & {f"{home}/{name}" for name in FILES})


def compared(
    home: PurePosixPath, keys: Mapping[str, Tree], evidence: Evidence, facts: Facts
) -> tuple[tuple[str, ...], bool]:
    """Return the settings that the process was started without, and whether that is known.

    Files that are older than the process need no comparison; Hermes writes some of them itself.
    """
    if evidence.age_s is None:
        return (), True
    newer, found = is_newer(home, facts), read(home, facts)
    born = facts.now - evidence.age_s
    if found is None or not -5 <= born - found.ordered <= _SOON:
        return (), not newer
    stale = [*_differing(found.keys, keys)] if newer else []
    at_once = found.at is not None and abs(born - found.at) <= _AT_ONCE
    if newer or (at_once and evidence.restarts == 0):
        stale += _replaced(home, made_of(keys), found.made, facts)
    return tuple(stale), True


def _replaced(
    home: PurePosixPath, names: Iterable[str], before: Mapping[str, str], facts: Facts
) -> Iterator[str]:
    """Yield the variables that somebody gave another value on the host since the start."""
    for name in names:
        check = facts.made.get(f"{home}/{ENV}={name}", "")
        if name in before and check and before[name] != check:
            yield name


def _differing(before: Mapping[str, Tree], keys: Mapping[str, Tree]) -> Iterator[str]:
    """Yield what both have with other checks: a setting that is new need not be a new value."""
    for name, tree in keys.items():
        for path, check in leaves(_restarting(tree)):
            was, old = at(before.get(name, {}), path)
            if was and old != check:
                yield dotted(path)


def _restarting(tree: Tree) -> Tree:
    kept: dict[Any, Any] = {}
    for path, check in leaves(tree):
        on_turn = path[0] in _NEXT_TURN and path != _UNIT
        if not on_turn and not _PROVIDER.fullmatch(str(path[0])):
            ownership.put(kept, path, check)
    return kept
