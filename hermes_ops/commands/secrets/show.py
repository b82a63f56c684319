"""`secrets.show`: where each secret comes from and who shares it, by fingerprint."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, items
from hermes_ops.commands.secrets.reveal import made_there, note_access
from hermes_ops.commands.target import open_target
from hermes_ops.commands.workspace import Workspace, environ_of, open_workspace
from hermes_ops.errors import InventoryError, UsageError, few
from hermes_ops.inventory.model import Inventory
from hermes_ops.program_name import spoken
from hermes_ops.reporting.report import table
from hermes_ops.secrets.fingerprint import fingerprint, operator_key
from hermes_ops.secrets.reference import EnvValue, Generate, Reference, Written
from hermes_ops.secrets.resolve import attempt
from hermes_ops.secrets.secret import Secret
from hermes_ops.secrets.sources import source_of

COLUMNS = ("host", "profile", "name", "kind", "source", "where", "fingerprint", "used_by")
_MOST_NAMED = 3

Found = Mapping[Reference, Secret | InventoryError]


@dataclass(frozen=True, slots=True)
class Held:
    """One name of one profile, and what the inventory says of it."""

    host: str
    profile: str | None
    """None for a secret of `hermes_alerts`."""
    name: str
    value: EnvValue

    def __str__(self) -> str:
        whose = f"{self.host}/{self.profile}" if self.profile else self.host
        return f"{whose} {self.name}"


def run(
    options: Options, output: Output, *, target: str | None, key: str | None, reveal: bool
) -> Result:
    """Show the selected secrets; one that cannot be resolved has the reason in its row.

    `target` and `key` select a profile, and one variable of it.
    """
    if reveal:
        _refuse_reveal(options, output)
    workspace = _opened(options, output, target, key)
    alerts = [] if target else _once(_alerts(workspace.selected))
    held = [*_named(list(_held(workspace.selected)), target, key), *alerts]
    found = attempt(
        [one.value for one in held if isinstance(one.value, Reference)],
        environ_of(workspace.paths), age_key_file=options.age_key_file, learn=REDACTOR.learn,
    )  # fmt: skip
    prints = _fingerprints([*_held(workspace.whole), *_alerts(workspace.whole)], found)
    rows = [_row(one, found, prints) for one in held]
    _print(output, rows)
    if reveal:
        _reveal(workspace, held, found, options, output, whole=not key)
    return items(rows, exit=64 if any(row["error"] for row in rows) else 0)


def _refuse_reveal(options: Options, output: Output) -> None:
    if options.verbose:
        hint = "leave out -v, which shows what is exchanged"
        raise UsageError("--reveal shows a value once, and nothing beside it", hint=hint)
    if output.json or not sys.stdin.isatty() or not sys.stdout.isatty():
        hint = "leave out --json, a pipe or a file"
        raise UsageError("--reveal shows values on a terminal only", hint=hint)


def _opened(options: Options, output: Output, target: str | None, key: str | None) -> Workspace:
    if target and options.limit:
        raise UsageError("-l and a target both select", hint="name the one or the other")
    if key and not target:
        raise UsageError("--key needs a target", hint="write ./inv secrets.show HOST/PROFILE KEY")
    return open_target(options, output, target)[0] if target else open_workspace(options, output)


def _named(held: Sequence[Held], target: str | None, key: str | None) -> Iterable[Held]:
    """Return those of this name.

    Raises:
        UsageError: the target has none of this name.
    """
    names = [one.name for one in held]
    if key and key not in names:
        near = get_close_matches(key, names) or names
        hint = f"it has {', '.join(near)}" if near else "its env: is empty"
        raise UsageError(f"the inventory sets no {key} for {target}", hint=hint)
    return (one for one in held if key in (None, one.name))


def _held(inventory: Inventory) -> Iterable[Held]:
    for host in inventory.hosts:
        for profile in host.profiles:
            for name, value in profile.env.items():
                yield Held(host.name, profile.name, name, value)


def _alerts(inventory: Inventory) -> Iterable[Held]:
    for host in inventory.hosts:
        for name, value in host.alerts.named:
            yield Held(host.name, None, name, value)


def _once(held: Iterable[Held]) -> Iterable[Held]:
    """Yield one value for each line of the inventory: a group's line sets it for many hosts."""
    seen = set()
    for one in held:
        place = getattr(one.value, "place", None)
        if (one.name, place) not in seen:
            seen.add((one.name, place))
            yield one


def _fingerprints(held: Iterable[Held], found: Found) -> dict[Held, str]:
    """Return fingerprints, also of references that share the source of a resolved one."""
    known = {of.origin: value for of, value in found.items() if isinstance(value, Secret)}
    key = operator_key()
    prints = {}
    for one in held:
        value = known.get(one.value.origin) if isinstance(one.value, Reference) else one.value
        if isinstance(value, Secret):
            prints[one] = fingerprint(key, value)
    return prints


def _row(one: Held, found: Found, prints: Mapping[Held, str]) -> dict[str, Any]:
    answer = found.get(one.value) if isinstance(one.value, Reference) else None
    mine = prints.get(one)
    others = [str(other) for other, print_ in prints.items() if print_ == mine and other != one]
    return {
        "host": one.host,
        "profile": one.profile,
        "name": one.name,
        **_origin(one.value),
        "fingerprint": mine,
        "used_by": others if mine else [],
        "error": answer.document() if isinstance(answer, InventoryError) else None,
    }


def _origin(value: EnvValue) -> dict[str, Any]:
    place = str(value.place) if isinstance(value, Reference | Generate | Written) else None
    match value:
        case Generate():
            return {"kind": "generate", "source": "made on the host", "where": place}
        case Reference():
            shown = source_of(value).shown(value.argument)
            return {"kind": value.kind, "source": shown, "where": place}
        case Written():
            return {"kind": value.kind, "source": None, "where": place}
    return {"kind": "plain", "source": None, "where": place}


def _print(output: Output, rows: Sequence[Mapping[str, Any]]) -> None:
    if output.json:
        return
    table(output, COLUMNS, [{**row, "used_by": few(row["used_by"], _MOST_NAMED)} for row in rows])
    for row in rows:
        if error := row["error"]:
            output.note(f"error: {error['where']}: {error['message']}")
            if error["hint"]:
                output.note(f"hint:  {error['hint']}")


def _reveal(
    workspace: Workspace, held: Sequence[Held], found: Found, options: Options, output: Output,
    *, whole: bool,
) -> None:  # fmt: skip
    """Show values, each access noted before; one that a host made only if it alone was asked for.

    Raises:
        UsageError: the access cannot be noted.
    """
    made = [one for one in held if isinstance(one.value, Generate)]
    values = {one: _value(one, found) for one in held if one not in made}
    shown = [one for one, value in values.items() if value] + ([] if whole else made)
    note_access(list(map(str, shown)), options, output)
    if not whole:
        values |= {one: made_there(one.name, workspace, options, output) for one in made}
    for one, value in values.items():
        if value is not None:
            output.reveal(f"{one}  {_visible(value.reveal())}")
    if whole and made:
        of = f"{made[0].host}/{made[0].profile} {made[0].name}"
        alone = spoken(f"./inv secrets.show {of} --reveal")
        output.note(f"what hosts have made is shown one by one: {alone}")


def _value(one: Held, found: Found) -> Secret | None:
    value = found[one.value] if isinstance(one.value, Reference) else one.value
    return value if isinstance(value, Secret) else None


def _visible(value: str) -> str:
    """Return a value that cannot control a terminal: as JSON, unless it is one printable line."""
    return value if value.isprintable() else json.dumps(value)
