"""The order of changes, and which of them are duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.graph import waves
from hermes_ops.look.facts import Facts
from hermes_ops.look.links import refuse_link
from hermes_ops.look.owners import shut
from hermes_ops.plan.model import (
    Change,
    Control,
    DesiredState,
    Refuse,
    SetMode,
    Wanted,
    Write,
    WriteUnit,
)
from hermes_ops.plan.resource import AtPath, EnvFile, File, Owned, YamlFile, identity


def refusal(wanted: Wanted, conflict: Conflict) -> Change:
    """Return a change that only fails, for something that is not possible on this host."""
    refuse = Refuse(str(conflict), conflict.kind, conflict.hint)
    name = identity(wanted.resource)
    return Change(wanted.step, wanted.profile.name, name, "refuse", "cannot be", refuse)


def refuses(change: Change) -> bool:
    """Whether a change only fails."""
    return isinstance(change.operation, Refuse)


def refuse_bad_places(
    changes: Iterable[Change], facts: Facts, shared: Mapping[str, Conflict]
) -> None:
    """Refuse changes that would write through a link to where it must not lead, or cannot write.

    `shared` has an error for each path that is one file with another.
    """
    for one in changes:
        if isinstance(one.operation, AtPath):
            refuse_closed(one.operation.path, facts)
        if isinstance(one.operation, Write | WriteUnit | SetMode):
            refuse_link(one.operation.path, facts)
            if conflict := shared.get(str(one.operation.path)):
                raise conflict


def refuse_closed(path: PurePosixPath, facts: Facts) -> None:
    """Refuse a path that is immutable, or below a folder in which this user can write nothing.

    Raises:
        Conflict: names it, and what shows why.
    """
    if closed := shut(path, facts):
        raise closed
    folder = next((one for one in path.parents if str(one) in facts.real), None)
    if folder is not None and str(folder) in facts.closed:
        where = "~" if str(folder) == "." else f"~/{folder}"
        words = f"{facts.user} can write nothing in {where}: by its mode, or as it is read-only"
        raise Conflict(
            words, hint=f"on the host, this shows it: ls -ld {where}; findmnt -T {where}"
        )


def start_waves(desired: DesiredState) -> list[list[str]]:
    """Return the profiles in waves: each starts when the profiles of its `after:` are ready."""
    profiles = {p.name: p for p in desired.host.profiles}
    return waves({name: [a for a in p.after if a in profiles] for name, p in profiles.items()})


def starts_and_stops(controls: Iterable[Change]) -> tuple[list[Change], dict[str, Change]]:
    """Return the starts in order, and the stop of each profile that is not started.

    The stop of one that is started again stays just before the starts.
    """
    changes = list(controls)
    last = {change.profile: change for change in changes}
    stops = {change.profile or "": change for change in last.values() if _stops(change)}
    return [change for change in changes if stops.get(change.profile or "") is not change], stops


def _stops(change: Change) -> bool:
    return isinstance(change.operation, Control) and change.operation.verb == "stop"


def stops_first(stops: Mapping[str, Change], changes: Iterable[Change]) -> Iterable[Change]:
    """Yield each stop before the other changes of its profile.

    Once its unit is removed, Hermes cannot tell that the stop is intended.
    """
    left = dict(stops)
    for change in changes:
        if change.profile in left:
            yield left.pop(change.profile)
        yield change
    yield from left.values()


def once(changes: Iterable[Change]) -> list[Change]:
    """Drop repeated changes: several profiles want the same shared file."""
    seen: dict[Any, Change] = {}
    for change in changes:
        key = (change.resource, change.action) if _is_shared(change) else id(change)
        seen.setdefault(key, change)
    return list(seen.values())


def _is_shared(change: Change) -> bool:
    return change.resource.startswith("file:")


def private_files(desired: DesiredState) -> Iterable[PurePosixPath]:
    """Yield the files that one profile alone may have."""
    resources = (wanted.resource for wanted in desired.wanted)
    return (r.path for r in resources if isinstance(r, File | YamlFile | EnvFile | Owned))
