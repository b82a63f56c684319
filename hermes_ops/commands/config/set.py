"""`config.set`: a setting written into a layer of the inventory, checked, and told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.commands.target import open_target
from hermes_ops.commands.workspace import Workspace, gathered, loaded
from hermes_ops.errors import UsageError
from hermes_ops.loader.edit import edits, spots
from hermes_ops.loader.keypath import KeyPath, begins, parsed, spelled
from hermes_ops.loader.profiles.profile import PROFILE, UNMERGED
from hermes_ops.loader.sources.text import shown
from hermes_ops.program_name import spoken
from hermes_ops.secrets.names import is_credential as holds_credential
from hermes_ops.secrets.names import promises_secret
from hermes_ops.secrets.secret import SHOWN, is_searched

if TYPE_CHECKING:
    from hermes_ops.loader.explain.provenance import Leaf, Saying


@dataclass(frozen=True, slots=True)
class SettingWritten:
    """What was written for one profile, and where."""

    target: str
    layer: str
    spot: spots.Spot
    lines: list[str]
    """The difference that it makes to the file."""

    @property
    def changes(self) -> bool:
        """Say whether the file differs from what it was."""
        return bool(self.lines)


def set_value(
    options: Options, output: Output, target: str, key: str, value: str, layer: str | None
) -> Result:
    """Write one setting; the whole inventory must load afterwards, or nothing has changed."""
    path = setting_path(key)
    given = parsed_value(value)
    if layer is None:
        raise UsageError("--layer says where it is written", hint=f"it is {spots.LAYERS}")
    _refuse_plain_secret(path, given)
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
    """Write a setting for a host's profile, and tell what that comes to."""
    done = write(workspace, *whose, layer, path, value, check=options.check)
    told = _told(workspace, *whose, path, done, check=options.check)
    show(output, done, told, options)
    return items(told, exit=2 if options.check and done.changes else 0)


def setting_path(key: str) -> KeyPath:
    """Return where a key stands in a profile: what is no key of one is a key of `config`."""
    path = parsed(key)
    return path if path[0] in PROFILE.keys else ("config", *path)


def parsed_value(text: str) -> Any:
    """Return a value that was written as YAML; an empty one is an empty text."""
    import yaml

    try:
        return yaml.safe_load(text) if text else ""
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it cannot be read"
        hint = """put a text in quotes of its own: '"a: b"'"""
        raise UsageError(f"VALUE is not YAML: {problem}", hint=hint) from None


def _refuse_plain_secret(path: KeyPath, value: Any) -> None:
    """Refuse a credential in clear: it would stand in the inventory, and in the shell's history."""
    pairs = [(path[1], value)] if path[:1] == ("env",) and len(path) == 2 else []
    if path == ("env",) and isinstance(value, dict):
        pairs = list(value.items())
    for keys, given in _leaves(path, value) if path[:1] == ("config",) else ():
        if isinstance(given, str) and given and holds_credential(str(keys[-1])):
            raise UsageError(
                f"{spelled(keys)} is a credential, and would stand in the inventory in clear",
                hint="give it to the gateway by env:, where it can be a reference",
            )
    for name, given in pairs:
        if not isinstance(given, dict) and is_credential(str(name), given):
            raise UsageError(
                f"{name} is a secret, and would stand in the inventory in clear",
                hint=f"name where it is: config.set … env.{name} '{{env: {name}}}'",
            )


def is_credential(name: str, value: Any) -> bool:
    """Say whether a value is, by its name or its looks, nothing to be shown."""
    text = str(value)
    return bool(promises_secret(name) and text) or (isinstance(value, str) and is_searched(text))


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
    """Write a setting into its file, unless it stands there already."""
    spot = spots.spot_of(gathered(workspace), workspace.folders, host, profile, layer)
    leaves = [((*spot.path, *keys), leaf) for keys, leaf in _leaves(path, value)]
    edit = edits.edit_keys(spot.file, leaves)
    if not edit.is_empty and not check:
        edits.write(edit, lambda: loaded(workspace.paths, workspace.vault))
    return SettingWritten(f"{host}/{profile}", layer, spot, shown_lines(edit, workspace, path))


def shown_lines(edit: edits.Edit, workspace: Workspace, path: KeyPath = ()) -> list[str]:
    """Return what differs, without any value of `env`: the short ones are told by their names."""
    profiles = (profile for host in workspace.whole.hosts for profile in host.profiles)
    names = {name for profile in profiles for name in profile.env}
    names.update(str(name) for name in path[1:2] if path[0] == "env")
    lines = edit.diff(context=1).splitlines()
    if not names:
        return lines
    named = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    value = re.compile(rf"""\b({named})(["']?:[ \t]+)(?![{{|>*&!])("[^"]*"|'[^']*'|[^,}}\n#]+)""")
    return [value.sub(rf"\1\2{SHOWN}", line) for line in lines]


def _leaves(path: KeyPath, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    """Yield what is set one by one: of a mapping each key, of `env` and `files` each name."""
    if not isinstance(value, Mapping) or not value or (path[0] in UNMERGED and len(path) == 2):
        yield path, value
        return
    for key, inner in value.items():
        yield from _leaves((*path, key), inner)


# --- what is told -----------------------------------------------------------------------------


def _told(
    workspace: Workspace,
    host: str,
    profile: str,
    path: KeyPath,
    done: SettingWritten,
    *,
    check: bool,
) -> list[dict[str, Any]]:
    """Return an item for each value that was set: its place, and who wins."""
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
    """Return a layer as `--layer` names it."""
    return "profile" if (said.layer, said.variable) == ("host", "hermes_profiles") else said.layer


def _is_ours(said: Saying, spot: spots.Spot) -> bool:
    same_layer = (said.layer, said.variable) == (spot.said_by, spot.variable)
    return same_layer and said.place.file == shown(spot.file)


def show(
    output: Output, done: SettingWritten, told: Sequence[dict[str, Any]], options: Options
) -> None:
    """Print the difference, where each value stands now, and what is to do."""
    for line in done.lines:
        output.text(line)
    for row in told:
        where = f"{row['file']}:{row['line']}" if row["line"] else row["file"]
        word = "would be set" if options.check and done.changes else "is set"
        word = word if done.changes else "is set already"
        output.text(f"{where}: {row['key']} {word} in the layer {row['layer']}")
        if row["wins"] is False:
            winner = row["winner"]
            output.note(f"warning: {winner['layer']} says otherwise, and wins: {winner['where']}")
    shared = done.spot.variable == "hermes_profile_defaults"
    for key in [row["key"] for row in told if shared and str(row["key"]).startswith("env.")]:
        whose = "the host" if done.layer == "host" else done.layer
        output.note(f"warning: every profile of {whose} gets {key}; --layer profile is for one")
    if done.changes and not options.check:
        output.text(spoken(f"now: ./inv config.push -l {done.target}"))
