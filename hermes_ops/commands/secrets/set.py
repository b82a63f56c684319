"""`secrets.set`, `edit` and `rekey`: write encrypted values into the inventory."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path
from typing import Any, TypeGuard

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, items
from hermes_ops.commands.editor import edited
from hermes_ops.commands.next_step import say_next
from hermes_ops.commands.secrets.bearer import Bearer, all_bearers, bearer_of, refuse_losses
from hermes_ops.commands.secrets.keygen import readers_of
from hermes_ops.commands.workspace import Workspace, loaded, open_workspace, resolved
from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.inventory.model import Inventory
from hermes_ops.loader.edit.edits import Edit, edit_key, replace_file, write
from hermes_ops.loader.edit.splice import path_at
from hermes_ops.loader.profiles.env import reference
from hermes_ops.loader.schema import suggestion
from hermes_ops.loader.sources.json import located
from hermes_ops.loader.sources.text import shown
from hermes_ops.reporting.report import count
from hermes_ops.secrets import age, sources
from hermes_ops.secrets.reference import EnvValue, Reference
from hermes_ops.secrets.secret import SHOWN, Secret
from hermes_ops.secrets.sources import SOURCES
from hermes_ops.secrets.sources.base import Source

# --- secrets.set ------------------------------------------------------------------------------


def set_(
    options: Options, output: Output, target: str, name: str, layer: str | None, source: str | None
) -> Result:
    """Read a value, encrypt it, and write it into a layer of the inventory."""
    workspace = open_workspace(options, output)
    bearer = bearer_of(workspace.whole, target, name)
    readers = readers_of(workspace)
    secret = _given(name, source, workspace, options)
    bearer.check(name, secret, None)
    text = age.encrypt(secret, readers)
    edit, name = bearer.edit(name, {age.KIND: text}, layer, workspace)
    return _kept(NewText(edit, text, bearer, name), len(readers), workspace, options, output)


def _given(name: str, source: str | None, workspace: Workspace, options: Options) -> Secret:
    """Return the value: typed, read from stdin, or from the source in `--from`; no argument."""
    kind, _, argument = (source or "stdin").partition(":")
    if kind == "stdin" and not argument:
        secret = _typed(name) if source is None and sys.stdin.isatty() else Secret(_piped())
    elif argument and kind in SOURCES and SOURCES[kind].option:
        secret = _fetched(SOURCES[kind], argument, workspace, options)
    else:
        hint = f"{sources.options()} or stdin"
        raise UsageError(f"--from cannot be {source!r}", hint=hint)
    if not secret.reveal():
        raise UsageError(
            f"there is no value for {name}", hint="printf %s VALUE | ./inv secrets.set …"
        )
    REDACTOR.learn(secret)
    return secret


def _typed(name: str) -> Secret:
    first = getpass(f"{name}: ")
    if getpass(f"{name}, again: ") != first:
        raise UsageError("the two values differ: nothing was changed")
    return Secret(first)


def _piped() -> str:
    try:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError("the value is not UTF-8 text") from None


def _fetched(source: Source[Any], text: str, workspace: Workspace, options: Options) -> Secret:
    place = Place("--from")
    of = reference(source, located(source.given(text), place))
    return resolved([of], workspace.paths, options)[of]


# --- secrets.edit -----------------------------------------------------------------------------


def edit(options: Options, output: Output, target: str, name: str) -> Result:
    """Decrypt a value, open it in an editor, and write it back to the same place."""
    workspace = open_workspace(options, output)
    bearer = bearer_of(workspace.whole, target, name)
    of = _age_reference(bearer, name)
    readers = readers_of(workspace)
    before = resolved([of], workspace.paths, options)[of]
    secret = Secret(edited(name, before.reveal()))
    REDACTOR.learn(secret)
    if secret == before:
        output.text("nothing was changed")
        return items([_row(bearer, name, str(of.place), changed=False)])
    bearer.check(name, secret, of.place)
    text = age.encrypt(secret, readers)
    change = NewText(_edit_at(of, text), text, bearer, name)
    return _kept(change, len(readers), workspace, options, output)


def _age_reference(bearer: Bearer, name: str) -> Reference:
    value = bearer.values.get(name)
    if _is_age(value):
        return value
    if value is None:
        hint = suggestion(name, bearer.values) or "secrets.set adds it"
        raise UsageError(f"{bearer} has no {name}", hint=hint)
    place = getattr(value, "place", None)
    words = shlex.join(["secrets.set", str(bearer), name])
    hint = f"replace it by an encrypted value: ./inv {words}"
    raise UsageError(
        f"{name} is not an age secret: it cannot be edited here", hint=hint, where=place
    )


def _is_age(value: EnvValue | None) -> TypeGuard[Reference]:
    return isinstance(value, Reference) and value.kind == age.KIND


def _edit_at(of: Reference, text: str) -> Edit:
    """Return the edit that replaces the age text of a reference."""
    argument = str(of.argument)
    if not age.is_armored(argument):
        return Edit(Path(argument), (), None, text)
    file = Path(of.place.file)
    path = path_at(file.read_text(encoding="utf-8-sig"), of.place.line, of.place.column)
    if path[-1:] != (age.KIND,):
        raise InventoryError("this age text comes from an alias: edit it by hand", where=of.place)
    return edit_key(file, path, text)


# --- secrets.rekey ----------------------------------------------------------------------------


def rekey(options: Options, output: Output) -> Result:
    """Encrypt every age text of the selection again, to the present recipients."""
    workspace = open_workspace(options, output)
    users = _age_references(workspace.selected)
    readers = readers_of(workspace)
    values = resolved(users, workspace.paths, options)
    # From the end of each file: an edit moves only the lines below it.
    order = sorted(users, key=lambda of: (of.place.file, of.place.line), reverse=True)
    for of in order:
        change = _edit_at(of, age.encrypt(values[of], readers))
        if not options.check:
            _written(change, workspace)
    for of in reversed(order):
        output.text(
            f"{of.place}: {count(len(readers), 'recipient')}, used by {', '.join(users[of])}"
        )
    if options.check:
        output.note("nothing was written: --check")
    rows = [{"where": str(of.place), "used_by": users[of]} for of in reversed(order)]
    return items(rows, exit=2 if options.check and rows else 0)


def _age_references(inventory: Inventory) -> dict[Reference, list[str]]:
    """Return each age text, with its users."""
    users: dict[Reference, list[str]] = {}
    for host in inventory.hosts:
        for profile in host.profiles:
            for name, value in profile.env.items():
                if _is_age(value):
                    users.setdefault(value, []).append(f"{host.name}/{profile.name} {name}")
        for name, told in host.alerts.named:
            if _is_age(told):
                users.setdefault(told, []).append(f"{host.name} {name}")
    return users


# --- both -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewText:
    """A new age text that is about to be written into the inventory."""

    edit: Edit
    text: str
    bearer: Bearer
    name: str

    @property
    def where(self) -> str:
        """Return the place of the text after the edit."""
        return str(self.edit.place) if self.edit.path else shown(self.edit.file)

    def is_in(self, value: EnvValue | None) -> bool:
        """Whether a value is this text: two encryptions are never equal."""
        return isinstance(value, Reference) and value.argument in (self.text, str(self.edit.file))


def _kept(
    change: NewText, readers: int, workspace: Workspace, options: Options, output: Output
) -> Result:
    """Write a change and show its effect; with `--check`, only show it."""
    row = _row(change.bearer, change.name, change.where, changed=not options.check)
    output.text(f"{change.where}: {change.name} is encrypted to {count(readers, 'recipient')}")
    for line in _masked(change.edit):
        output.text(line)
    if options.check:
        output.note("nothing was written: --check")
        return items([row], exit=2)
    after = _written(change.edit, workspace, change)
    told = _effect(change, after, output)
    say_next(output, workspace.whole, after)
    return items([{**row, **told}])


def _row(bearer: Bearer, name: str, where: str, *, changed: bool) -> dict[str, Any]:
    profile = bearer.profile.name if bearer.profile else None
    return {
        "host": bearer.host.name, "profile": profile, "name": name, "where": where,
        "changed": changed, "used_by": [], "overlaid_by": None,
    }  # fmt: skip


_PLAIN = re.compile(
    r"\s*([\w.-]+:\s*\{)?hermes_profiles:\s*[^:{#]*|\s*[\w-]+:\s*(\{\}|\[\]|null|~)\s*"
)
"""Entries without a secret: a list of profiles, or nothing yet."""
_ENTRY = re.compile(r"([-+]\s*[^\s:#]+:)\s*(\|?)")


def _masked(edit: Edit) -> Iterable[str]:
    """Yield the changed lines with keys, without values: the old value may be a plain text."""
    for line in edit.diff(context=0).splitlines()[2:] if edit.path else ():
        if match := _ENTRY.match(line):
            hides = match.end() != len(line) and not _PLAIN.fullmatch(line[1:])
            yield f"{match[1]} {SHOWN}" if hides else line if match.end() != len(line) else match[1]


def _written(edit: Edit, workspace: Workspace, change: NewText | None = None) -> Inventory:
    """Write, and return the inventory as it is afterwards."""

    def check() -> Inventory:
        after = loaded(workspace.paths, workspace.vault)
        if change and not change.bearer.profile:
            refuse_losses(workspace.whole, after, change.name)
        return after

    if edit.path:
        return write(edit, check)
    replace_file(edit.file, edit.after)
    return loaded(workspace.paths, workspace.vault)


def _effect(change: NewText, after: Inventory, output: Output) -> dict[str, Any]:
    """Print who uses the value now, and which stronger layer hides it from the target."""
    of = all_bearers(after, alerts=not change.bearer.profile)
    values = {str(one): one.values.get(change.name) for one in of}
    users = [who for who, value in values.items() if change.is_in(value)]
    mine = values[str(change.bearer)]
    stronger = None if change.is_in(mine) else str(getattr(mine, "place", None))
    output.text(f"used by {', '.join(users) or 'nobody'}")
    if stronger:
        whom = "profile" if change.bearer.profile else "host"
        output.note(f"warning: {stronger} is stronger, so this {whom} still gets that value")
    return {"used_by": users, "overlaid_by": stronger}
