"""Edits of the inventory that go with a change on hosts: where a profile has its name, and more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hermes_ops.commands.config.set import shown_lines
from hermes_ops.commands.workspace import Workspace, gathered
from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.inventory.model import Inventory, Profile
from hermes_ops.loader.edit.edits import Edit, refuse_encrypted, replace_file, text_of
from hermes_ops.loader.sources.text import shown
from hermes_ops.run import HostResult

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Renaming:
    """The files of the inventory, before and after."""

    edits: tuple[Edit, ...]
    gone: tuple[Edit, ...] = ()
    """Files that go: what they had is in another one."""

    copies: tuple[Edit, ...] = ()
    """New files of the catalogue."""

    def lines(self, workspace: Workspace) -> Iterator[str]:
        """Yield what changes: the lines with a name as a diff, and files of the catalogue."""
        for edit in self.edits:
            yield from shown_lines(edit, workspace)
        gone = {edit.before: edit for edit in self.gone}
        for edit in self.copies:
            if edit.after in gone:
                yield f"{shown(gone[edit.after].file)} is called {shown(edit.file)}"
            else:
                yield f"{shown(edit.file)} is a copy: other hosts use the old one"

    @property
    def written(self) -> tuple[Edit, ...]:
        """Return every file that is written."""
        return (*self.edits, *self.copies)

    def write(self, check: Callable[[], T]) -> T:
        """Write all files, then run `check`, which loads them; if that fails, restore all.

        Raises:
            InventoryError: `check` failed, or a file cannot be written, or was changed meanwhile.
        """
        for edit in (*self.written, *self.gone):
            if text_of(edit.file) != edit.before:
                words = "somebody else changed this file just now"
                raise InventoryError(words, where=shown(edit.file))
        try:
            for edit in self.written:
                replace_file(edit.file, edit.after)
            for edit in self.gone:
                edit.file.unlink()
            return check()
        except BaseException as failure:
            self.restore()
            if isinstance(failure, InventoryError):
                said = f"{failure.message}; so nothing was changed in the inventory"
                raise InventoryError(said, hint=failure.hint, where=failure.where) from None
            raise

    def restore(self) -> None:
        """Put every file back as it was before."""
        for edit in (*self.gone, *self.written):
            if edit.before is not None:
                replace_file(edit.file, edit.before)
            else:
                with suppress(FileNotFoundError):
                    edit.file.unlink()


def is_untouched(result: HostResult) -> bool:
    """Whether it is certain that nothing was changed on a host, although that was wanted."""
    is_known = result.outcome in ("failed", "unreachable", "skipped")
    return is_known and not any(done.outcome == "done" for done in result.changes)


def renaming(workspace: Workspace, hosts: Sequence[str], old: str, new: str) -> Renaming:
    """Return the edit of the inventory that gives a profile of these hosts another name.

    Raises:
        UsageError: a layer names it for further hosts, too; the hint is the selection to type.
        InventoryError: it is named where a name cannot be replaced.
    """
    named = _named(workspace, old)
    _refuse_others(named, hosts, old, new)
    places = dict.fromkeys(place for host in hosts for place in named[host])
    edits = tuple(_edit(Path(file), found, old, new) for file, found in _by_file(places).items())
    others = [host for host in named if host not in hosts]
    copies, gone = [], []
    for file in _catalogue(workspace, old):
        target = file.with_name(f"{new}{file.suffix}")
        copies.append(_copied(file, target))
        gone += [] if others else [Edit(file, (), text_of(file), "")]
    return Renaming(edits, tuple(gone), tuple(copies))


def _named(workspace: Workspace, name: str) -> dict[str, list[Place]]:
    """Return where each host that has the profile is given it."""
    from hermes_ops.loader.explain.provenance import parts_of

    files = gathered(workspace)
    found = {}
    for host in workspace.whole.hosts:
        if any(profile.name == name for profile in host.profiles):
            parts = parts_of(files, host.name, name)
            found[host.name] = [p.value.place for p in parts if p.variable == "hermes_profiles"]
    return found


def _refuse_others(
    named: Mapping[str, Sequence[Place]], hosts: Sequence[str], old: str, new: str
) -> None:
    """Refuse if what is edited also counts for hosts that are not selected."""
    wanted, more = set(hosts), {""}
    while more:
        places = {place for host in wanted for place in named[host]}
        more = {host for host, found in named.items() if places & set(found)} - wanted
        wanted |= more
    if left := [host for host in named if host in wanted and host not in hosts]:
        place = next(p for host in hosts for p in named[host] if set(named[left[0]]) & {p})
        selection = ",".join(f"{host}/{old}" for host in named if host in wanted)
        raise UsageError(
            f"this names {old} for {', '.join(left)}, too: it is renamed on all or none",
            hint=f"./inv profile.rename '{selection}' {new}",
            where=str(place),
        )


def _by_file(places: Iterable[Place]) -> Mapping[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in places:
        found.setdefault(place.file, []).append(place)
    return found


def _edit(file: Path, places: Iterable[Place], old: str, new: str) -> Edit:
    text = text_of(file)
    if text is None:
        raise _by_hand(old, f"{file}")
    refuse_encrypted(file, text)
    lines = text.splitlines(keepends=True)
    for place in sorted(places, key=lambda one: (one.line, one.column), reverse=True):
        if not 0 < place.line <= len(lines):
            raise _by_hand(old, str(place))
        line, at = lines[place.line - 1], place.column - 1
        match = re.compile(rf"([\"']?){re.escape(old)}\1(?![\w-])").match(line, at)
        if at < 0 or match is None:
            raise _by_hand(old, str(place))
        lines[place.line - 1] = f"{line[:at]}{match[1]}{new}{match[1]}{line[match.end() :]}"
    return Edit(file, (), text, "".join(lines))


def _by_hand(old: str, where: str) -> InventoryError:
    hint = "write the new name there, then run this again: it goes on with the hosts"
    return InventoryError(f"the name {old!r} cannot be replaced here", hint=hint, where=where)


def _catalogue(workspace: Workspace, name: str) -> Iterator[Path]:
    for folder in workspace.folders:
        for ending in (".yml", ".yaml"):
            if (file := folder / "profiles" / f"{name}{ending}").is_file():
                yield file


def _copied(file: Path, target: Path) -> Edit:
    text = text_of(file) or ""
    for ending in (".yml", ".yaml"):
        if (there := target.with_suffix(ending)).exists():
            hint = "remove it, or choose another name"
            raise UsageError(
                "the catalogue has this profile already", hint=hint, where=shown(there)
            )
    return Edit(target, (), None, text)


def refuse_other_meaning(
    before: Inventory, after: Inventory, hosts: Sequence[str], old: str, new: str
) -> None:
    """Refuse an edit after which anything is otherwise than before, but for the one name.

    Raises:
        InventoryError: names the host.
    """
    there = {host.name: host for host in after.hosts}
    for host in before.hosts:
        renamed = {old: new} if host.name in hosts else {}
        own = {renamed.get(one.name, one.name): _meaning(one) for one in host.profiles}
        now = there[host.name].profiles if host.name in there else ()
        if own != {one.name: _meaning(one) for one in now}:
            hint = "rename it in the inventory by hand, then run this again"
            raise InventoryError(f"{host.name} would not be as before", hint=hint)


def _meaning(profile: Profile) -> tuple[object, ...]:
    return (profile.role, profile.state, profile.config, sorted(profile.env), profile.soul)
