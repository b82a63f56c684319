"""What a look tells of the system beside the user: its services, and who may change them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files.layout import CONFIG, LAUNCH_DAEMONS, SYSTEM_UNITS
from hermes_ops.look.facts import Facts
from hermes_ops.wire import Record

ROOT = "root"


def rights(single: Mapping[str, Record]) -> dict[str, Any]:
    """Return what an answer says of the user's group, and of who logs in."""
    return {
        "group": single["group"].rest if "group" in single else "",
        "may_root": single["root"].rest == "yes" if "root" in single else None,
    }


def _user_of_unit(path: str, text: str, facts: Facts) -> str:
    del path, facts
    users = (line.partition("=")[2] for line in text.splitlines() if line[:5] == "User=")
    return next((user.strip() for user in users), ROOT)


def _user_of_plist(path: str, text: str, facts: Facts) -> str:
    """Return the user of a daemon, also of a list that nobody can parse.

    One that names no user may be this user's, damaged by a person: it has this home, or our mark.
    """
    found = re.search(r"<key>\s*UserName\s*</key>\s*<string>(.*?)</string>", text, re.DOTALL)
    if found:
        return found[1].strip()
    mark = f" {PurePosixPath(path).stem} is ours"
    marks = (t for p, t in facts.contents.items() if p.startswith(f"{CONFIG}/launchd-system/"))
    is_own = f">{facts.home}/" in text or any(mark in told for told in marks)
    return facts.user if is_own else ROOT


@dataclass(frozen=True, slots=True)
class _Scope:
    """The system's half of a manager: its folder, how its files end, and whose each one is."""

    manager: str
    folder: PurePosixPath
    ending: str
    user_of: Callable[[str, str, Facts], str]
    id_ending: str


_SCOPES = (
    _Scope("systemd-system", SYSTEM_UNITS, ".service", _user_of_unit, ".service"),
    _Scope("launchd-system", LAUNCH_DAEMONS, ".plist", _user_of_plist, ""),
)


def path_of(member: str) -> str:
    """Return the path of a file in an archive: tar takes the first slash away."""
    path = f"/{member}"
    return path if path.startswith(tuple(f"{one.folder}/" for one in _SCOPES)) else member


def without_others(facts: Facts) -> Facts:
    """Return the facts without these services, but for their paths and users in `taken`."""
    for scope in _SCOPES:
        taken = dict(_taken(facts, scope))
        facts = _without(facts, scope, taken) if taken else facts
    return facts


def _without(facts: Facts, scope: _Scope, taken: Mapping[str, str]) -> Facts:
    names = {PurePosixPath(path).name.removesuffix(scope.ending) for path in taken}
    ids, manager = {f"{name}{scope.id_ending}" for name in names}, scope.manager
    units = {id: unit for id, unit in facts.units.get(manager, {}).items() if id not in ids}
    return replace(
        facts,
        taken={**facts.taken, **taken},
        paths=_other_paths(facts.paths, scope, taken),
        contents=_other_paths(facts.contents, scope, taken),
        digests=_other_paths(facts.digests, scope, taken),
        units={**facts.units, manager: units},
        defined={**facts.defined, manager: facts.defined.get(manager, frozenset()) - ids},
        ours={**facts.ours, manager: facts.ours.get(manager, frozenset()) - names},
    )


def _taken(facts: Facts, scope: _Scope) -> Iterator[tuple[str, str]]:
    for path, text in facts.contents.items():
        if path.startswith(f"{scope.folder}/") and path.endswith(scope.ending):
            user = scope.user_of(path, text, facts)
            if user not in (facts.user, str(facts.uid)):
                yield path, user


def _other_paths(found: Mapping[str, Any], scope: _Scope, gone: Iterable[str]) -> Mapping[str, Any]:
    names = [PurePosixPath(path).name for path in gone]
    links = {f"{scope.folder}/multi-user.target.wants/{name}" for name in names}
    below = tuple(f"{path}.d/" for path in gone)
    return {k: v for k, v in found.items() if k not in {*gone, *links} and not k.startswith(below)}
