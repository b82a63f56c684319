"""What a gateway's process was started with: a record beside our memory, written with each start.

It holds checks of the managed settings that need a restart, and no value. It describes a process
only if that began soon after the start was ordered: one that somebody else started is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files import ownership
from hermes_ops.files.ownership import Ownership, Tree, at, dotted, leaves
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.look.facts import Facts

RECORD = ".hermes-ops.started.yml"
"""The file in the profile's home."""
FILES = ("config.yaml", ".env")

_SOON = 900
"""Seconds after an order within which a process counts as its result: drain, waits and retries."""
_NEXT_TURN = ("model", "providers", "agent")
"""Settings that a running gateway reads again on its next turn."""
_UNIT = ("agent", "restart_drain_timeout")
_PROVIDER = re.compile(r"[A-Z0-9_]+_(API_KEY|BASE_URL)")


def record(keys: Mapping[str, Tree], now: float) -> str:
    """Return the text of the record for a start that is ordered now."""
    kept = {name: _restarting(tree) for name, tree in keys.items()}
    return ownership.render(Ownership(keys=kept)) + f"ordered: {now:.0f}\n"


def compared(
    home: PurePosixPath, keys: Mapping[str, Tree], evidence: Evidence, facts: Facts
) -> tuple[tuple[str, ...], bool]:
    """Return the settings that the process was started without, and whether that is known.

    Files that are older than the process need no comparison; Hermes writes some of them itself.
    """
    if evidence.age_s is None or not facts.newer & {f"{home}/{name}" for name in FILES}:
        return (), True
    text = facts.contents.get(f"{home}/{RECORD}", "")
    ordered = re.search(r"^ordered: (\d+)$", text, re.MULTILINE)
    born = facts.now - evidence.age_s
    if not ordered or not -5 <= born - int(ordered[1]) <= _SOON:
        return (), False
    try:
        before = ownership.parse(text).keys
    except (ValueError, Conflict):
        return (), False
    return tuple(_differing(before, keys)), True


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
