"""What else ends a unit of systemd, or keeps a boot from starting it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import SYSTEM_UNITS
from hermes_ops.look.facts import Facts, Unit

_ENDS = {
    "Conflicts": "conflicts with {other}: who starts that ends it",
    "ConflictedBy": "conflicts with {other}: who starts that ends it",
    "StopPropagatedFrom": "ends whenever {other} ends",
    "PartOf": "ends whenever {other} ends",
    "BindsTo": "ends whenever {other} ends",
    "Requires": "needs {other}: it ends with that, and does not start without it",
    "Requisite": "needs {other}: it ends with that, and does not start without it",
}
_USUAL = {"basic.target", "shutdown.target", "sysinit.target"}
"""What every unit is tied to."""
_ALWAYS = (".slice", ".mount", ".swap", ".device")
"""Kinds of units to which systemd ties others by itself: a home may lie on a disk of its own."""
_OF_SYSTEM = {f"{SYSTEM_UNITS}/{name}.target" for name in ("default", "multi-user")}


def bonds(id: str, unit: Unit, facts: Facts, *, by_root: bool) -> Iterator[Conflict]:
    """Yield the other units by which a unit ends, or is not started at boot; each with its end."""
    systemctl = "sudo systemctl" if by_root else "systemctl --user"
    told: set[str] = set()
    for name, words in _ENDS.items():
        for other in unit[name].split():
            if other not in {id, *_USUAL, *told} and not other.endswith(_ALWAYS):
                told.add(other)
                hint = f"on the host: {systemctl} cat {shlex.quote(other)} {id}"
                ends = f"   # take out what ties them, then {systemctl} daemon-reload"
                yield Conflict(f"{id} {words.format(other=other)}", hint=hint + ends)
    for path in sorted(facts.masked):
        if not by_root or path in _OF_SYSTEM:
            yield _masked(path)


def parts_of(id: str, facts: Facts, *, by_root: bool) -> Iterator[str]:
    """Yield the files on the disk that change this unit, or take its place at the next reload."""
    for path in facts.parts:
        above, folder, name = ("", "", *path.split("/"))[-3:]
        begins = folder.removesuffix(".service.d")
        changes = folder in (f"{id}.d", f"{id}.requires", "service.d") or (
            begins.endswith("-") and begins != folder and id.startswith(begins)
        )
        replaces = name == id and folder in _ABOVE
        of_system = {"system", "system.control"} & {folder, above} or (
            path.startswith("/run/systemd/transient/")
        )
        if (changes or replaces) and bool(of_system) is by_root:
            yield path if path.startswith("/") else f"{facts.home}/{path}"


_ABOVE = ("user.control", "system.control", "transient")
"""Folders whose units count more than those in ours."""


def _masked(path: str) -> Conflict:
    own = not path.startswith("/")
    shown = f"~/{path}" if own else path
    words = f"{shown} keeps a boot from starting it: it is masked, or leads to another target"
    systemctl = "systemctl --user" if own else "sudo systemctl"
    return Conflict(words, hint=f"on the host: {'' if own else 'sudo '}rm {shown} && "
                    f"{systemctl} daemon-reload")  # fmt: skip
