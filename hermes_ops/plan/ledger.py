"""What is ours on a host: as read from the ownership file, and after the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, TypeGuard

from hermes_ops.errors import Conflict
from hermes_ops.files import ownership
from hermes_ops.files.layout import KEPT
from hermes_ops.files.ownership import GENERATED, MIGRATED, Ownership, Parting, dotted
from hermes_ops.look.facts import Facts
from hermes_ops.look.links import kind_at_end
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.model import Change, Operation, Remove, Wanted, Write, WriteUnit
from hermes_ops.plan.resource import EnvFile, Owned
from hermes_ops.secrets.reference import Generate
from hermes_ops.secrets.secret import Secret

_NOWHERE = PurePosixPath()


@dataclass(slots=True)
class Ledger:
    """What is ours in one profile: now, and after the plan."""

    profile: str = ""
    home: PurePosixPath = _NOWHERE
    before: Ownership = field(default_factory=Ownership)
    files: dict[str, str] = field(default_factory=dict)
    keys: dict[str, ownership.Tree] = field(default_factory=dict)
    version: int = 0
    is_new: bool = False
    """Nothing of the profile is ours so far: what is there, others wrote."""
    partial: bool = False
    """Only a part of our settings is selected: the rest stays recorded as it was."""
    notes: list[str] = field(default_factory=list)
    """The plan's own list of warnings, shown in every run."""
    differs: list[Difference] = field(default_factory=list)
    """The plan's own list of differences that no run changes."""
    removes: list[str] = field(default_factory=list)
    """The plan's own list of profiles from which something is removed."""

    def name(self, path: PurePosixPath) -> str:
        """Return a path as the file has it: relative to the profile's home if below it."""
        return str(path.relative_to(self.home) if path.is_relative_to(self.home) else path)

    def is_foreign(self, path: PurePosixPath) -> bool:
        """Return whether others wrote a whole file that we are about to replace."""
        return self.name(path) not in self.before.files

    def has_foreign(
        self, path: PurePosixPath, wanted: Mapping[Any, Any], have: Mapping[Any, Any]
    ) -> bool:
        """Return whether wanted keys replace values of a file that others set."""
        ours = self.before.keys.get(self.name(path), {})
        return any(
            not ownership.at(ours, key)[0] and _is_lost(have, key, value)
            for key, value in ownership.leaves(wanted)
        )

    def leaves(self, name: str, what: str) -> None:
        """Warn of something that was removed from the inventory but stays on the host."""
        words = (
            f"{what} was removed from the inventory, but somebody changed it on the host: it stays"
        )
        self.differs.append(Difference(self.profile, f"{name}: {words}", is_settled=True))

    def part_yaml(
        self, path: PurePosixPath, wanted: Mapping[Any, Any], have: Mapping[Any, Any],
        fitted: Iterable[ownership.Path] = (),
    ) -> Parting:  # fmt: skip
        """Return what to do with our keys in a YAML file, and record those that are wanted.

        Of a part of our settings, only the `fitted` keys are removed and recorded.
        """
        name = self.name(path)
        self.saw(have)
        if self.partial:
            return self._part_fitted(name, wanted, have, fitted)
        rose = 0 < self.before.version < self.version
        parting = ownership.part(self.before.keys.get(name, {}), wanted, have, rose=rose)
        tree = ownership.checks(wanted)
        self.keys[name] = ownership.marked(tree, parting.migrated, MIGRATED)
        if parting.gone:
            self.removes.append(self.profile)
        for key in parting.left:
            self.leaves(name, dotted(key))
        for key in parting.migrated:
            words = "a migration of Hermes removed it, and it is not put back"
            self.notes.append(f"{self.profile}: {name}: {dotted(key)}: {words}")
        return parting

    def _part_fitted(
        self, name: str, wanted: Mapping[Any, Any], have: Mapping[Any, Any],
        fitted: Iterable[ownership.Path],
    ) -> Parting:  # fmt: skip
        ours = self.before.keys.get(name, {})
        mine = {path: ownership.at(ours, path)[1] for path in fitted if ownership.at(ours, path)[0]}
        tree: dict[Any, Any] = {}
        for path, mark in mine.items():
            ownership.put(tree, path, mark)
        parting = ownership.part(tree, wanted, have, rose=False)
        # What the host had before us is not removed after us.
        new = [(p, v) for p, v in ownership.leaves(wanted) if not ownership.at(have, p)[0]]
        kept = ownership.without(ours, [p for p in mine if not ownership.at(wanted, p)[0]])
        for path, value in new:
            kept = ownership.with_leaf(kept, path, ownership.check(path, value))
        self.keys[name] = kept
        return Parting(parting.gone, (), ())

    def saw(self, config: Mapping[Any, Any]) -> None:
        """Record the schema of `config.yaml`: if it rises, Hermes has migrated the file.

        Who looks at a part of our settings leaves that to the next run that looks at all of them.
        """
        version = config.get(ownership.VERSION)
        if isinstance(version, int) and not self.partial:
            self.version = version

    def part_env(self, file: EnvFile, have: Mapping[str, str]) -> list[str]:
        """Return the names to remove from a `.env`, and record those that are wanted."""
        name = self.name(file.path)
        before = self.before.keys.get(name, {})
        known = (*file.values, *file.unresolved)
        gone, left = ownership.part_names(before, known, have)
        kept = before if self.partial else file.unresolved
        self.keys[name] = {
            **{key: before[key] for key in kept if key in before},
            **{key: _env_check(key, value) for key, value in file.values.items()},
        }
        if self.partial:
            return []
        if gone:
            self.removes.append(self.profile)
        for key in left:
            self.leaves(name, key)
        return gone


def _env_check(name: str, value: Secret | Generate) -> str:
    if isinstance(value, Generate):
        return GENERATED
    return ownership.check((name,), value.reveal(), secret=True)


def ledger_of(
    profile: str,
    resource: Owned,
    facts: Facts,
    notes: list[str],
    differs: list[Difference],
    removes: list[str],
) -> Ledger:
    """Return the ownership of a profile; warn about a damaged file, and treat it as empty.

    Raises:
        Conflict: a newer hermes-ops wrote the file in a format unknown to this one.
    """
    ledger = Ledger(profile, resource.home, notes=notes, differs=differs, removes=removes)
    text = facts.contents.get(str(resource.path))
    ledger.is_new = text is None
    if text is not None:
        try:
            ledger.before = ownership.parse(text, f"~/{resource.path}")
        except ValueError:
            ledger.is_new = True
            words = (
                "cannot be read: settings that are as wanted count as ours, and nothing is removed"
            )
            ledger.notes.append(f"{profile}: ~/{resource.path} {words}")
    ledger.version = ledger.before.version
    if resource.partial:
        ledger.partial = True
        ledger.files, ledger.keys = dict(ledger.before.files), dict(ledger.before.keys)
    return ledger


def _is_lost(have: Any, path: ownership.Path, value: Any) -> bool:
    """Return whether something is lost if `value` is set at this path."""
    for key in path:
        if not isinstance(have, Mapping):
            return have is not None
        if key not in have:
            return False
        have = have[key]
    return have is not None and ownership.check((), have) != ownership.check((), value)


def keeping(changes: Iterable[Change], facts: Facts) -> Iterator[Change]:
    """Yield the changes; those that replace or remove the content of a file keep it first."""
    for change in changes:
        if _replaces_content(change.operation, facts):
            yield replace(change, kept=KEPT / change.operation.path)
        else:
            yield change


def _replaces_content(operation: Operation, facts: Facts) -> TypeGuard[Write | WriteUnit | Remove]:
    if not isinstance(operation, Write | WriteUnit | Remove):
        return False
    state = facts.paths.get(str(operation.path))
    # Removing a link loses nothing.
    kind = state and (state.kind if isinstance(operation, Remove) else kind_at_end(state))
    return kind == "file" and bool(facts.contents.get(str(operation.path), "").strip())


def ledger_in(own: Iterable[Wanted], facts: Facts) -> Ledger:
    """Return the ownership of the profile of these resources, only to compare with.

    A file of a newer hermes-ops counts as empty: nothing is written from this.
    """
    for wanted in own:
        if isinstance(wanted.resource, Owned):
            with suppress(Conflict):
                return ledger_of(wanted.profile.name, wanted.resource, facts, [], [], [])
    return Ledger()
