"""`config.set`: write a setting into a layer of the inventory, check it, show the effect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.commands.next_step import say_next
from hermes_ops.commands.target import open_target
from hermes_ops.commands.workspace import Workspace, gathered, loaded
from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Inventory
from hermes_ops.loader.edit import edits, spots
from hermes_ops.loader.keypath import KeyPath, begins, parsed, spelled, veiled_at
from hermes_ops.loader.profiles.profile import PROFILE, UNMERGED
from hermes_ops.loader.sources.text import shown
from hermes_ops.secrets.names import holds_credential
from hermes_ops.secrets.secret import SHOWN, without_odd_words

if TYPE_CHECKING:
    from hermes_ops.loader.explain.provenance import Leaf, Saying


@dataclass(frozen=True, slots=True)
class SettingWritten:
    """What was written for one profile, and where."""

    target: str
    layer: str
    spot: spots.Spot
    lines: list[str]
    """The diff of the file."""
    after: Inventory | None = None
    """The inventory as it is afterwards, if the file was written."""

    @property
    def changes(self) -> bool:
        """Whether the file was changed, or would be."""
        return bool(self.lines)


def set_value(
    options: Options, output: Output, target: str, key: str, value: str, layer: str | None
) -> Result:
    """Write one setting; if the inventory does not load afterwards, the file is restored."""
    path = setting_path(key)
    given = parsed_value(value)
    if layer is None:
        raise UsageError("--layer is missing: where to write it", hint=f"one of {spots.LAYERS}")
    workspace, host, profile = open_target(options, output, target)
    whose = (host.name, profile.name)
    return write_told(options, output, workspace, whose, layer, path, given)


def write_told(
    options: Options,
    output: Output,
    workspace: Workspace,
    whose: tuple[str, str],
    layer: str,
    path: KeyPath,
    value: Any,
) -> Result:
    """Write a setting for a host's profile, and show the effect."""
    done = write(workspace, *whose, layer, path, value, check=options.check)
    told = _told(workspace, *whose, path, done, check=options.check)
    _print(output, done, told, options, workspace.whole)
    return items(told, exit=2 if options.check and done.changes else 0)


def setting_path(key: str) -> KeyPath:
    """Return the path of a key in a profile; a key that profiles do not have is one of `config`."""
    path = parsed(key)
    return path if path[0] in PROFILE.keys else ("config", *path)


def parsed_value(text: str) -> Any:
    """Return the value of a YAML text; an empty text stands for itself."""
    import yaml

    try:
        return yaml.safe_load(text) if text else ""
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it cannot be read"
        hint = """put quotes around a text, inside those of the shell: '"a: b"'"""
        raise UsageError(f"VALUE is not YAML: {problem}", hint=hint) from None


_WITH_PASSWORD = re.compile(r"//[^/\s:@]*:[^/\s@]+@")


def _refuse_plain_secret(path: KeyPath, value: Any) -> None:
    """Refuse a credential in clear: it would be in the inventory, and in the shell's history."""
    for keys, given in _leaves(path, value):
        if veiled_at(keys, given) != given:
            raise UsageError(
                f"{spelled(keys)} is a credential, and would be in the inventory in clear",
                hint="put it under env:, as a reference",
            )
        if keys[0] == "env" and len(keys) == 2 and _is_secret(str(keys[1]), given):
            raise UsageError(
                f"{keys[1]} is a secret, and would be in the inventory in clear",
                hint=f"write a reference: ./inv config.set … env.{keys[1]} '{{env: {keys[1]}}}'",
            )


def _is_secret(name: str, value: Any) -> bool:
    """Whether a plain value of `env` is secret: by its name, or as it looks like a key."""
    if isinstance(value, dict):
        return False
    text = str(value)
    looks = without_odd_words(text) != text or _WITH_PASSWORD.search(text)
    return bool(text and (holds_credential(name) or looks))


# --- the file ---------------------------------------------------------------------------------


def write(
    workspace: Workspace,
    host: str,
    profile: str,
    layer: str,
    path: KeyPath,
    value: Any,
    *,
    check: bool = False,
) -> SettingWritten:
    """Write a setting into its file, unless the file has it already; refuse credentials."""
    _refuse_plain_secret(path, value)
    spot = spots.spot_of(gathered(workspace), workspace.folders, host, profile, layer)
    leaves = [((*spot.path, *keys), leaf) for keys, leaf in _leaves(path, value)]
    edit = edits.edit_keys(spot.file, leaves)
    after = None
    if not edit.is_empty and not check:
        after = edits.write(edit, lambda: loaded(workspace.paths, workspace.vault))
    lines = shown_lines(edit, workspace, path)
    return SettingWritten(f"{host}/{profile}", layer, spot, lines, after)


def shown_lines(edit: edits.Edit, workspace: Workspace, path: KeyPath = ()) -> list[str]:
    """Return the diff, with `***` for values of `env` and values of keys named like credentials."""
    profiles = (profile for host in workspace.whole.hosts for profile in host.profiles)
    names = {name for profile in profiles for name in profile.env}
    names.update(str(name) for name in path[1:2] if path[0] == "env")
    text = edit.diff(context=1)
    names.update(filter(holds_credential, _KEY.findall(text)))
    return [_entry_of(names).sub(rf"\1\2{SHOWN}", line) for line in text.splitlines()]


_KEY = re.compile(r"""([\w.-]+)["']?:[ \t]""")


def _entry_of(names: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of these keys with their values, in any style of YAML and in JSON."""
    named = "|".join(map(re.escape, sorted(names, key=len, reverse=True))) or "(?!)"
    value = r"""\[[^]\n]*\]?|"[^"]*"|'[^']*'|[^,}\n#]+"""
    return re.compile(rf"""\b({named})(["']?:[ \t]+)(?![{{|>*&!])({value})""")


def _leaves(path: KeyPath, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    """Yield each value that is set, with its path; an entry of `env` or `files` is one value."""
    if not isinstance(value, Mapping) or not value or (path[0] in UNMERGED and len(path) == 2):
        yield path, value
        return
    for key, inner in value.items():
        yield from _leaves((*path, key), inner)


# --- what is shown ----------------------------------------------------------------------------


def _told(
    workspace: Workspace,
    host: str,
    profile: str,
    path: KeyPath,
    done: SettingWritten,
    *,
    check: bool,
) -> list[dict[str, Any]]:
    """Return an item for each value that was set: its place, and the layer that wins."""
    from hermes_ops.loader.explain.provenance import leaves

    spot = done.spot
    row = {"host": host, "profile": profile, "key": spelled(path), "layer": done.layer,
           "file": shown(spot.file), "line": None, "changed": done.changes and not check,
           "diff": done.lines, "wins": None, "winner": None}  # fmt: skip
    if check:
        return [row]
    found = leaves(gathered(workspace), host, profile)
    rows = [_leaf(row, leaf, spot) for leaf in found if begins(leaf.path, map(str, path))]
    return [told for told in rows if told["line"]] or [row]


def _leaf(row: dict[str, Any], leaf: Leaf, spot: spots.Spot) -> dict[str, Any]:
    ours = [said for said in leaf.said if _is_ours(said, spot)]
    winner = leaf.winner
    return {
        **row,
        "key": leaf.key,
        "line": ours[0].place.line if ours else None,
        "wins": bool(ours) and any(said.counts for said in ours),
        "winner": {"layer": _layer(winner), "where": str(winner.place)},
    }


def _layer(said: Saying) -> str:
    """Return the name of a layer in `--layer`."""
    return "profile" if (said.layer, said.variable) == ("host", "hermes_profiles") else said.layer


def _is_ours(said: Saying, spot: spots.Spot) -> bool:
    same_layer = (said.layer, said.variable) == (spot.said_by, spot.variable)
    return same_layer and said.place.file == shown(spot.file)


def _print(
    output: Output,
    done: SettingWritten,
    told: Sequence[dict[str, Any]],
    options: Options,
    before: Inventory,
) -> None:
    """Print the diff, the place of each value, and the next command."""
    for line in done.lines:
        output.text(line)
    for row in told:
        where = f"{row['file']}:{row['line']}" if row["line"] else row["file"]
        word = "would be set" if options.check and done.changes else "is set"
        word = word if done.changes else "is set already"
        output.text(f"{where}: {row['key']} {word} in the layer {row['layer']}")
        if row["wins"] is False:
            winner = row["winner"]
            output.note(f"warning: {winner['layer']} sets it too, and wins: {winner['where']}")
    shared = done.spot.variable == "hermes_profile_defaults"
    for key in [row["key"] for row in told if shared and str(row["key"]).startswith("env.")]:
        whose = "the host" if done.layer == "host" else done.layer
        output.note(f"warning: every profile of {whose} gets {key}; for one: --layer profile")
    if done.after is not None:
        say_next(output, before, done.after)
