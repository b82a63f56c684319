"""Folders, files, YAML and `.env`: compared with the facts of the host, and merged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files import envfile, ownership, yamlcut, yamlfile
from hermes_ops.files.ownership import Ownership
from hermes_ops.files.quoting import moving
from hermes_ops.hermes import gateway
from hermes_ops.look.facts import Facts
from hermes_ops.look.links import kind_at_end, shown, unreadable
from hermes_ops.plan import marks
from hermes_ops.plan.ledger import Ledger, keeping
from hermes_ops.plan.model import (
    Change,
    Operation,
    Remove,
    SetMode,
    Wanted,
    Write,
)
from hermes_ops.plan.resource import (
    AtPath,
    EnvFile,
    File,
    Owned,
    Template,
    YamlFile,
    identity,
    steps_between,
)
from hermes_ops.secrets.reference import Generate
from hermes_ops.secrets.secret import Secret
from hermes_ops.templates import render


def change(wanted: Wanted, action: str, reason: str, operation: Operation, facts: Facts) -> Change:
    """Return the change for `wanted`, to apply only if its path is still as the look saw it."""
    path = operation.path if isinstance(operation, AtPath) else None
    seen = ((path, facts.digest(path)),) if path is not None else ()
    resource = identity(wanted.resource)
    if path is not None and resource.startswith("definition:"):
        resource = f"file:{path}"
    return Change(wanted.step, wanted.profile.name, resource, action, reason, operation, seen)


def plan_file(
    wanted: Wanted,
    file: File,
    facts: Facts,
    values: Mapping[str, Any],
    owes: str | None,
    ledger: Ledger,
) -> Iterable[Change]:
    """Yield the write of a file whose content or mode differs."""
    content = file.content
    if isinstance(content, Template):
        content = render(content.source, {**values, **content.values}, name=content.name)
    if file.below is not None:
        refuse_links(file.path, file.below, facts)
    if file.is_owned:
        digest = hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()
        ledger.files[ledger.name(file.path)] = digest
    changes = plan_text(wanted, file.path, content, file.mode, facts, owes)
    is_foreign = ledger.is_foreign(file.path) if file.is_owned else ledger.is_new
    yield from keeping(changes, facts) if is_foreign else changes


def refuse_links(path: PurePosixPath, below: PurePosixPath, facts: Facts) -> None:
    """Refuse a path that leads elsewhere through a symbolic link on the host."""
    for step in steps_between(path, below):
        if (state := facts.paths.get(str(step))) and state.kind == "link":
            hint = f"remove the link, or take {path.relative_to(below)} out of files:"
            raise Conflict(f"~/{step} is a symbolic link to {state.target}", hint=hint)


def plan_text(
    wanted: Wanted,
    path: PurePosixPath,
    content: str,
    mode: int,
    facts: Facts,
    owes: str | None,
    *,
    is_equal: Any = None,
    proof: tuple[str, ...] = (),
) -> Iterable[Change]:
    """Yield the write of `content`, or of its mode; `is_equal` ignores harmless differences."""
    before = found_text(path, facts)
    same = before == content or (
        is_equal is not None and before is not None and is_equal(before, content)
    )
    yield from _write(
        wanted, Write(path, content, mode, before, owes=owes, proof=proof), same, facts
    )


def found_text(path: PurePosixPath, facts: Facts) -> str | None:
    """Return the file's text, None if it is absent; one that cannot be read is a `Conflict`."""
    state = facts.paths.get(str(path))
    if state is None:
        return None
    if state.kind not in ("file", "link"):
        raise Conflict(f"{shown(path)} is a {state.kind}, not a file", hint=moving(path))
    text = facts.contents.get(str(path))
    if text is None and kind_at_end(state) == "file":
        raise unreadable(path, facts)
    return text


def _write(wanted: Wanted, write: Write, same: bool, facts: Facts) -> Iterable[Change]:
    state = facts.paths.get(str(write.path))
    if state is None:
        yield change(wanted, "create", "absent", write, facts)
    elif not same:
        yield change(wanted, "update", "content differs", write, facts)
    elif state.kind == "file" and state.mode != write.mode:
        reason = f"mode is {state.mode:04o}, wanted {write.mode:04o}"
        yield change(wanted, "update", reason, SetMode(write.path, write.mode), facts)


def plan_yaml(
    wanted: Wanted, file: YamlFile, facts: Facts, owes: str | None, ledger: Ledger
) -> tuple[list[Change], Mapping[str, Any]]:
    """Return the write of a YAML file, and the values that it will hold."""
    before = found_text(file.path, facts)
    where = f"{wanted.profile.name}:~/{file.path}"
    have = yamlfile.load(before or "", file=where)
    wanted_here = gateway.as_saved(file.values, have)
    parting = ledger.part_yaml(file.path, wanted_here, have, file.fitted)
    values = ownership.without(wanted_here, parting.migrated)
    after = yamlfile.merge(before or "", values, file.initial, file=where)
    after = yamlcut.without(after, parting.gone, file=where)
    if before is None and not after:
        return [], {}
    then = have if after == before else yamlfile.load(after, file=where)
    ledger.saw(then)
    # A difference in form only needs no restart.
    owes = None if yamlfile.same(have, then) else owes
    keys = tuple(ownership.dotted(path) for path in yamlcut.differing(have, then))
    write = Write(file.path, after, file.mode, before, keys, owes)
    changes: Iterable[Change] = _write(wanted, write, after == before, facts)
    if ledger.has_foreign(file.path, values, have):
        changes = keeping(changes, facts)
    return list(changes), then


def plan_env(
    wanted: Wanted, file: EnvFile, facts: Facts, owes: str | None, ledger: Ledger
) -> tuple[list[Change], Mapping[str, str | None]]:
    """Return the write of a `.env` and its future values; None: known only on the host."""
    before = found_text(file.path, facts)
    values = {k: v.reveal() for k, v in file.values.items() if isinstance(v, Secret)}
    generated = {k: v.bytes for k, v in file.values.items() if isinstance(v, Generate)}
    renewed = {k for k, v in file.values.items() if isinstance(v, Generate) and v.renew}
    where = f"~/{file.path}"
    then = envfile.read(before or "")
    known = ledger.before.keys.get(ledger.name(file.path), {})
    gone = ledger.part_env(file, then)
    after = envfile.merge(before or "", values, generated, renewed=renewed, file=where)
    after = envfile.without(after, gone)
    now = envfile.read(after)
    keys = tuple(sorted(k for k in then.keys() | now.keys() if then.get(k) != now.get(k)))
    if after != before and not keys and envfile.same(before or "", after):
        owes = None
    keeps = _note(file, facts)
    write = Write(file.path, Secret(after), file.mode, Secret(before or ""), keys, owes, keeps)
    changes = list(_write(wanted, write, after == before, facts))
    if not any(isinstance(one.operation, Write) for one in changes):
        changes += _record(wanted, file, facts)
    if any(then.get(key) and key not in known for key in keys):
        changes = list(keeping(changes, facts))
    return changes, {key: None if "\x01" in value else value for key, value in now.items()}


def _note(file: EnvFile, facts: Facts) -> tuple[PurePosixPath, str] | None:
    if file.kept is None or not file.marks:
        return None
    return file.kept, marks.merged(facts.contents.get(str(file.kept), ""), file.marks)


def _record(wanted: Wanted, file: EnvFile, facts: Facts) -> Iterable[Change]:
    """Yield the record of values that are as wanted already, if this operator has none of them."""
    before = facts.contents.get(str(file.kept), "")
    if file.kept is None or not file.marks or marks.recorded(before, file.marks) == before:
        return
    write = Write(file.kept, marks.recorded(before, file.marks), 0o600, before)
    record = change(wanted, "update", "its values are as wanted", write, facts)
    yield replace(record, resource=f"file:{file.kept}")


def plan_owned(wanted: Wanted, resource: Owned, facts: Facts, ledger: Ledger) -> Iterable[Change]:
    """Yield the removal of files no longer in the inventory, and the new ownership file.

    It comes last. After a crash before it, the next run finds written settings equal and records
    them, and finds removed ones already gone.
    """
    if ledger.partial and str(resource.path) not in facts.paths:
        return
    yield from _removals(wanted, facts, ledger)
    after = Ownership(ledger.files, ledger.keys, ledger.version if any(ledger.keys.values()) else 0)
    if str(resource.path) in facts.paths or not after.is_empty:
        text, old = ownership.render(after), ownership.render(after, numbered=False)
        # A file without a format number is equivalent: the number comes with its next change.
        text = old if facts.contents.get(str(resource.path)) == old else text
        yield from plan_text(wanted, resource.path, text, 0o600, facts, None)


def _removals(wanted: Wanted, facts: Facts, ledger: Ledger) -> Iterable[Change]:
    for name, digest in ledger.before.files.items():
        path = ledger.home / name
        if name in ledger.files or str(path) not in facts.paths or not _is_below(path, ledger):
            continue
        if facts.digest(path) != digest or facts.paths[str(path)].kind != "file":
            ledger.leaves(name, "the file")
            continue
        ledger.removes.append(ledger.profile)
        gone = change(wanted, "remove", "removed from the inventory", Remove(path), facts)
        yield replace(gone, resource=f"file:{path}")


def _is_below(path: PurePosixPath, ledger: Ledger) -> bool:
    """Return whether a path belongs to the profile: the ownership file may be wrong."""
    return path.is_relative_to(ledger.home) and ".." not in path.parts
