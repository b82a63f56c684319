"""What has no content that we write: folders, commands, paths; and a profile that is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.quoting import moving
from hermes_ops.hermes import gateway
from hermes_ops.look.facts import Facts
from hermes_ops.look.links import kind_at_end, refuse_dead_end
from hermes_ops.plan.files import change
from hermes_ops.plan.lifecycle.moves import Move, Retarget, Unpack
from hermes_ops.plan.model import (
    Change,
    DesiredState,
    MakeFolder,
    Remove,
    RunCommand,
    Wanted,
    Write,
)
from hermes_ops.plan.resource import (
    Absent,
    Command,
    Directory,
    Existing,
    Gone,
    Moved,
    Path,
    Renamed,
    Unpacked,
    Whole,
    identity,
)
from hermes_ops.templates import render


def plan_plain(wanted: Wanted, facts: Facts, values: Mapping[str, Any]) -> Iterable[Change]:
    """Return the changes of what has no content that we write: a folder, a command, a path."""
    match wanted.resource:
        case Directory() as directory:
            return plan_directory(wanted, directory, facts)
        case Command() as command:
            return plan_command(wanted, command, facts, values)
        case Existing() as existing:
            return plan_existing(existing, facts)
        case Absent() as absent:
            return plan_absent(wanted, absent, facts)
        case Unpacked() as unpacked:
            return plan_unpacked(wanted, unpacked, facts)
        case Moved() as moved:
            return plan_moved(wanted, moved, facts)
        case Renamed() as renamed:
            return plan_renamed(wanted, renamed, facts)
        case Gone() as gone:
            return plan_gone(wanted, gone, facts)
        case Whole():
            return ()
    raise TypeError(f"no plan for {identity(wanted.resource)}")


def plan_directory(wanted: Wanted, directory: Directory, facts: Facts) -> Iterable[Change]:
    """Yield the making of the folder, or the change of its mode."""
    refuse_dead_end(directory.path, facts)
    found = facts.paths.get(str(directory.path))
    operation = MakeFolder(directory.path, directory.mode)
    if found is None:
        yield change(wanted, "create", "absent", operation, facts)
    elif (kind := kind_at_end(found)) != "folder":
        raise Conflict(f"~/{directory.path} is a {kind}, not a folder", hint=moving(directory.path))
    elif found.kind == "folder" and directory.mode not in (None, found.mode):
        yield change(wanted, "update", f"mode is {found.mode:04o}", operation, facts)


def plan_command(
    wanted: Wanted, command: Command, facts: Facts, values: Mapping[str, Any]
) -> Iterable[Change]:
    """Yield the command if what it creates is absent."""
    refuse_dead_end(command.creates, facts)
    if str(command.creates) in facts.paths:
        return
    where = f"{wanted.role.folder}/role.yml"
    words = tuple(filter(None, (render(word, values, name=where) for word in command.words)))
    operation = RunCommand(words, command.deadline)
    yield Change(
        wanted.step,
        wanted.profile.name,
        identity(command),
        "run",
        f"~/{command.creates} is absent",
        operation,
        ((command.creates, "-"),),
    )


def plan_existing(existing: Existing, facts: Facts) -> Iterable[Change]:
    """Raise if something that is needed is absent."""
    if str(existing.path) not in facts.paths:
        raise Conflict(f"~/{existing.path} is absent", hint=existing.hint)
    return ()


def plan_absent(wanted: Wanted, absent: Absent, facts: Facts) -> Iterable[Change]:
    """Yield the removal of a path if it exists."""
    if str(absent.path) in facts.paths:
        yield change(wanted, "remove", wanted.profile.why or "is there", Remove(absent.path), facts)


def plan_unpacked(wanted: Wanted, unpacked: Unpacked, facts: Facts) -> Iterable[Change]:
    """Yield the unpacking; a folder that is there is never written into.

    Raises:
        Conflict: it is there.
    """
    refuse_dead_end(unpacked.path, facts)
    if str(unpacked.path) in facts.paths:
        hint = "name another profile, or delete this one: profile.delete"
        raise Conflict(f"~/{unpacked.path} is there already", hint=hint)
    unpack = Unpack(unpacked.path, unpacked.archive, unpacked.top)
    yield change(wanted, "create", "absent", unpack, facts)


def plan_moved(wanted: Wanted, moved: Moved, facts: Facts) -> Iterable[Change]:
    """Yield the move, if there is something to move.

    Raises:
        Conflict: something else is at the new path, or what is moved is a link.
    """
    found, there = (facts.paths.get(str(path)) for path in (moved.path, moved.to))
    if found is None:
        return
    why = wanted.profile.why or "is there"
    if there is not None and moved.is_note:
        yield _named(change(wanted, "remove", why, Remove(moved.path), facts))
    elif there is not None:
        hint = f"look at both: ls ~/{moved.path} ~/{moved.to}; one of them must go"
        raise Conflict(f"~/{moved.to} is there already, beside ~/{moved.path}", hint=hint)
    elif found.kind == "link":
        words = f"~/{moved.path} is a link to {found.target}"
        raise Conflict(words, hint=f"on the host: mv ~/{moved.path} ~/{moved.to}")
    else:
        move = _named(change(wanted, "move", why, Move(moved.path, moved.to), facts))
        yield replace(move, seen=(*move.seen, (moved.to, "-")))


def plan_renamed(wanted: Wanted, renamed: Renamed, facts: Facts) -> Iterable[Change]:
    """Yield the new profile of each command of Hermes that starts the old one, and of a bare one.

    The command that is called like the profile gets its new name, if no other has that.
    """
    old, new, why = wanted.profile.name, renamed.name, wanted.profile.why or "is there"
    for path in sorted(path for path, profile in facts.aliases.items() if profile == old):
        at = Path(path)
        to = at.with_name(new) if at.name == old else at
        one = _named(change(wanted, "update", why, Retarget(at, to, old, new), facts))
        yield replace(one, seen=((at, "+"),))
    if facts.contents.get(gateway.ACTIVE, "").strip() == old:
        active = Write(Path(gateway.ACTIVE), f"{new}\n", 0o644)
        yield _named(change(wanted, "update", why, active, facts))


def leaving(desired: DesiredState) -> frozenset[str]:
    """Return the profiles that leave their place: if one cannot, it is not even stopped."""
    wanted = (one for one in desired.wanted if isinstance(one.resource, Gone | Moved))
    return frozenset(one.profile.name for one in wanted)


DELETING = 300
"""Seconds that Hermes has to delete a profile."""


def plan_gone(wanted: Wanted, gone: Gone, facts: Facts) -> Iterable[Change]:
    """Yield the end of all that is left of a profile whose service is gone; its folder comes last.

    Hermes deletes what it knows of itself: it also ends what else runs with the profile. A run that
    was cut off finds the folder, and goes on.

    Raises:
        Conflict: the folder is a link, or no folder.
    """
    name, home = wanted.profile.name, facts.paths.get(str(gone.path))
    if home is not None and home.kind != "folder":
        to = f" to {home.target}" if home.kind == "link" else ""
        words = f"~/{gone.path} is a {home.kind}{to}, not a folder"
        raise Conflict(words, hint=f"on the host: rm ~/{gone.path}")
    why = wanted.profile.why or "is there"
    aliases = [Path(path) for path, profile in facts.aliases.items() if profile == name]
    if facts.contents.get(gateway.ACTIVE, "").strip() == name:
        aliases.append(Path(gateway.ACTIVE))
    for path in aliases:
        alias = _named(change(wanted, "remove", why, Remove(path), facts))
        yield replace(alias, seen=((path, "+"),))
    if home is None:
        return
    folder = _named(change(wanted, "remove", why, Remove(gone.path), facts))
    if gone.by_hermes and facts.hermes is not None and facts.hermes.runs:
        command = RunCommand((facts.hermes.python, *gateway.deletion(name)), DELETING)
        yield replace(folder, action="delete", operation=command)
    yield folder


def _named(change: Change) -> Change:
    return replace(change, resource=f"file:{change.operation.path}")  # type: ignore[union-attr]
