"""Links on the host: nothing is written through one that does not lead to a file of the user's own.

A link may lead to a device, into a store, or to a file that another profile uses, too.
"""

from __future__ import annotations

import posixpath
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import SYSTEM_UNITS, SYSTEMD_UNITS
from hermes_ops.look.facts import Facts, LinkEnd, PathState

_STORES = ("/nix/store/", "/gnu/store/")
"""Files in these belong to a package manager, which keeps them as they are."""


def refuse_link(path: PurePosixPath, facts: Facts) -> None:
    """Refuse to write to a path that is a link, unless it leads to a file of this user alone.

    Raises:
        Conflict: names the link, where it leads, and the command that removes it.
    """
    state = facts.paths.get(str(path))
    if state is None or state.kind != "link":
        return
    of_system = path.parent == SYSTEM_UNITS
    if state.end and state.end.path == "/dev/null" and (of_system or path.parent == SYSTEMD_UNITS):
        raise masked(path.name, of_system=of_system)
    if reason := _why_not(state, facts):
        end = state.end.path if state.end else state.target
        raise Conflict(f"{shown(path)} is a link to {end}, {reason}", hint=_removal(path, facts))


def shown(path: PurePosixPath) -> str:
    """Return a path as messages name it: below the home, or absolute."""
    return str(path) if path.is_absolute() else f"~/{path}"


def masked(unit: str, *, of_system: bool) -> Conflict:
    """Return the error of a unit that somebody has masked."""
    command = "sudo systemctl" if of_system else "systemctl --user"
    return Conflict(f"{unit} is masked", hint=f"on the host: {command} unmask {unit}")


def refuse_dead_end(path: PurePosixPath, facts: Facts) -> None:
    """Refuse a path that has to exist, if it is a link to nothing.

    Raises:
        Conflict: names the link, and the command that removes it.
    """
    state = facts.paths.get(str(path))
    if state and state.kind == "link" and (state.end is None or state.end.state is None):
        end = state.end.path if state.end else state.target
        raise Conflict(f"{shown(path)} is a link to {end}, {_ABSENT}", hint=_removal(path, facts))


def unreadable(path: PurePosixPath, facts: Facts) -> Conflict:
    """Return the error of a file that the user cannot read, with the command that changes that."""
    return Conflict(f"{shown(path)} cannot be read by {facts.user}", hint=_to_read(path, facts))


def _to_read(path: PurePosixPath, facts: Facts) -> str:
    """Return the command after which the user can read a file: its owner may change its mode."""
    state = facts.paths[str(path)]
    at_end = state.end.state if state.end and state.end.state else state
    file = shlex.quote(str(PurePosixPath(facts.home) / path))
    if path.is_absolute():
        return f"on the host: sudo chmod 644 {file}"
    if at_end.uid != facts.uid:
        return f"on the host: sudo chown {facts.user} {file}"
    return f"on the host: {'ls -l' if at_end.mode & 0o400 else 'chmod u+rw'} {file}"


def kind_at_end(state: PathState) -> str | None:
    """Return the kind of a path, of a link that of what it leads to: None if that is nothing."""
    if state.kind != "link":
        return state.kind
    return state.end.state.kind if state.end and state.end.state else None


_ABSENT = "which does not exist"


def _why_not(link: PathState, facts: Facts) -> str:
    end = link.end
    if end is None or end.state is None:
        return _ABSENT
    state = end.state
    if state.kind != "file":
        return f"which is a {state.kind}"
    if state.uid != facts.uid:
        return f"which belongs to another user (uid {state.uid})"
    if not state.mode & 0o200 or end.path.startswith(_STORES):
        return "which is not to be written"
    return _why_not_folder(end, facts)


def _why_not_folder(end: LinkEnd, facts: Facts) -> str:
    folder = end.folder
    if folder is None:
        return "in a folder that cannot be read"
    if folder.uid != facts.uid:
        return f"in a folder of another user (uid {folder.uid})"
    return "in a folder that others may write" if is_open(folder, facts) else ""


def is_open(folder: PathState, facts: Facts) -> bool:
    """Whether others may write in a folder."""
    # On many systems a user is the only member of the group with the user's number.
    return bool(folder.mode & 0o002 or (folder.mode & 0o020 and folder.gid != facts.uid))


def _removal(path: PurePosixPath, facts: Facts) -> str:
    sudo = "sudo " if path.is_absolute() else ""
    return f"on the host: {sudo}rm {shlex.quote(str(PurePosixPath(facts.home) / path))}"


def shared_files(paths: Iterable[PurePosixPath], facts: Facts) -> Mapping[str, Conflict]:
    """Return an error for each path that links make one file with another of these paths."""
    places: dict[str, set[str]] = defaultdict(set)
    for path in map(str, paths):
        places[_real(path, facts)].add(path)
    found: dict[str, Conflict] = {}
    for real, names in places.items():
        if len(names) > 1:
            listed = " and ".join(f"~/{name}" for name in sorted(names))
            links = [name for name in sorted(names) if facts.paths[name].kind == "link"]
            error = Conflict(
                f"{listed} are one file, {real}", hint=_removal(PurePosixPath(links[0]), facts)
            )
            found |= dict.fromkeys(names, error)
    return found


def _real(path: str, facts: Facts) -> str:
    state = facts.paths.get(path)
    end = state.end.path if state and state.end else path
    return posixpath.normpath(posixpath.join(facts.home, end))
