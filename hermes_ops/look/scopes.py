"""What a look tells of the system beside the user: its units, and who may change them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files.layout import SYSTEM_UNITS
from hermes_ops.look.facts import Facts
from hermes_ops.wire import Record

MANAGER = "systemd-system"


def rights(single: Mapping[str, Record]) -> dict[str, Any]:
    """Return what an answer says of the user's group, and of who logs in."""
    return {
        "group": single["group"].rest if "group" in single else "",
        "may_root": single["root"].rest == "yes" if "root" in single else None,
    }


def path_of(member: str) -> str:
    """Return the path of a file in an archive: tar takes the first slash away."""
    return f"/{member}" if f"/{member}".startswith(f"{SYSTEM_UNITS}/") else member


def without_others(facts: Facts) -> Facts:
    """Return the facts without these units, but for their paths and users in `taken`."""
    taken = dict(_taken(facts))
    if not taken:
        return facts
    names = {PurePosixPath(path).name for path in taken}
    units = {id: unit for id, unit in facts.units.get(MANAGER, {}).items() if id not in names}
    defined = facts.defined.get(MANAGER, frozenset()) - names
    ours = facts.ours.get(MANAGER, frozenset()) - {name.removesuffix(".service") for name in names}
    return replace(
        facts,
        taken=taken,
        paths=_without(facts.paths, names),
        contents=_without(facts.contents, names),
        digests=_without(facts.digests, names),
        units={**facts.units, MANAGER: units},
        defined={**facts.defined, MANAGER: defined},
        ours={**facts.ours, MANAGER: ours},
    )


def _taken(facts: Facts) -> Iterable[tuple[str, str]]:
    for path, text in facts.contents.items():
        if path.startswith(f"{SYSTEM_UNITS}/") and path.endswith(".service"):
            users = (line.partition("=")[2] for line in text.splitlines() if line[:5] == "User=")
            user = next((user.strip() for user in users), "root")
            if user not in (facts.user, str(facts.uid)):
                yield path, user


def _without(found: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    gone = {f"{SYSTEM_UNITS}/{name}" for name in names}
    links = {f"{SYSTEM_UNITS}/multi-user.target.wants/{name}" for name in names}
    below = tuple(f"{path}.d/" for path in gone)
    return {k: v for k, v in found.items() if k not in gone | links and not k.startswith(below)}
