"""`config.unset`: remove a setting from a layer of the inventory, check it, show the effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.commands.config.set import setting_path, shown_lines
from hermes_ops.commands.next_step import say_next
from hermes_ops.commands.target import open_target
from hermes_ops.commands.workspace import Workspace, gathered, loaded
from hermes_ops.errors import Place, UsageError
from hermes_ops.loader.edit import edits, spots
from hermes_ops.loader.edit.spots import Spot
from hermes_ops.loader.keypath import KeyPath, begins, spelled
from hermes_ops.loader.sources.text import shown

if TYPE_CHECKING:
    from hermes_ops.loader.explain.provenance import Leaf, Saying


def unset(options: Options, output: Output, target: str, key: str, layer: str | None) -> Result:
    """Remove one setting; if the inventory does not load afterwards, the file is restored."""
    path = setting_path(key)
    workspace, host, profile = open_target(options, output, target)
    everything = list(_said(workspace, target))
    said = [saying for saying in everything if _is_at(saying.path, path)]
    if layer is None:
        layers = ", ".join(dict.fromkeys(map(_layer, said)))
        hint = f"it is set in {layers}" if layers else f"one of {spots.LAYERS}"
        raise UsageError("--layer is missing: where to remove it", hint=hint)
    files = gathered(workspace)
    spot = spots.spot_of(files, workspace.folders, host.name, profile.name, layer)
    edit = _edit(spot, path, said)
    if edit is None:
        if own := [saying for saying in said if _is_of(saying, spot)]:
            raise _not_here(layer, path, own[-1].place)
        raise _not_set(layer, target, path, said, everything)
    row = {"host": host.name, "profile": profile.name, "key": spelled(path), "layer": layer,
           "file": shown(edit.file), "line": edit.line, "changed": not options.check,
           "diff": shown_lines(edit, workspace, path), "wins": None, "winner": None}  # fmt: skip
    if options.check:
        _print(output, row, (), "would be removed")
        return items([row], exit=2)
    after = edits.write(edit, lambda: loaded(workspace.paths, workspace.vault))
    left = list(_left(workspace, target, path))
    if left:
        row["winner"] = {"layer": _layer(left[0].winner), "where": str(left[0].winner.place)}
    _print(output, row, left, "is removed")
    say_next(output, workspace.whole, after)
    return items([row])


def _said(workspace: Workspace, target: str) -> Iterator[Saying]:
    """Yield everything that the layers of a profile set, weakest first."""
    from hermes_ops.loader.explain.provenance import parts_of, sayings_of

    host, _, profile = target.partition("/")
    for part in parts_of(gathered(workspace), host, profile):
        yield from sayings_of(part)


def _left(workspace: Workspace, target: str, path: KeyPath) -> Iterator[Leaf]:
    """Yield the settings at a path or below it that another layer still sets."""
    from hermes_ops.loader.explain.provenance import leaves

    host, _, profile = target.partition("/")
    found = leaves(gathered(workspace), host, profile)
    return (leaf for leaf in found if _is_at(leaf.path, path))


def _is_at(path: KeyPath, wanted: KeyPath) -> bool:
    """Return whether a path is the wanted one or below it; `+key` changes the list `key`."""
    return begins(path, wanted) or begins(path, (*wanted[:-1], str(wanted[-1]).lstrip("+-")))


def _layer(said: Saying) -> str:
    """Return the name of a layer in `--layer`, as far as it has one."""
    if said.variable == "hermes_profiles":
        return "profile" if said.layer == "host" else f"hermes_profiles of {said.layer}"
    return said.layer


def _edit(spot: Spot, path: KeyPath, said: Sequence[Saying]) -> edits.Edit | None:
    """Return the removal from the strongest file of a layer that has the key."""
    kept = len(spot.path) if spot.variable == "hermes_profiles" else max(len(spot.path) - 1, 0)
    others = [
        spots.beside(spot, saying.place, saying.path) for saying in said if _is_of(saying, spot)
    ]
    for each in (spot, *filter(None, reversed(others))):
        edit = edits.cut_key(each.file, (*each.path, *path), kept=kept)
        if edit is not None:
            return edit
    return None


def _is_of(saying: Saying, spot: Spot) -> bool:
    return (saying.layer, saying.variable) == (spot.said_by, spot.variable)


def _not_here(layer: str, path: KeyPath, place: Place) -> UsageError:
    """Return the error for a key that the layer sets in a way that cannot be edited."""
    why = "an alias, `<<` or an operator brings it in"
    if Path(place.file).suffix not in spots.WRITABLE:
        why = "only files of YAML and JSON are edited"
    message = f"{spelled(path)} cannot be removed from the layer {layer} here: {why}"
    return UsageError(message, hint=f"remove it by hand: {place}", where=place)


def _not_set(
    layer: str, target: str, path: KeyPath, said: Sequence[Saying], everything: Sequence[Saying]
) -> UsageError:
    """Return the error for a key that the layer does not set, with where it is set."""
    hint = f"./inv inventory.explain {target}   shows what is set"
    if said:
        places = dict.fromkeys(f"{_layer(saying)} ({saying.place})" for saying in reversed(said))
        hint = f"it is set in {', '.join(places)}"
    elif alike := get_close_matches(spelled(path), _keys(everything), cutoff=0.8):
        hint = f"did you mean {' or '.join(map(repr, alike))}?"
    return UsageError(f"the layer {layer} does not set {spelled(path)}", hint=hint)


def _keys(said: Sequence[Saying]) -> list[str]:
    """Return every key that is set, and the heads of several."""
    paths = {saying.path[:end] for saying in said for end in range(1, len(saying.path) + 1)}
    return sorted(map(spelled, paths))


def _print(output: Output, row: dict[str, Any], left: Sequence[Leaf], word: str) -> None:
    """Print the diff, what was removed from where, and which layer still sets it."""
    for line in row["diff"]:
        output.text(line)
    where = f"{row['file']}:{row['line']}" if row["line"] else row["file"]
    output.text(f"{where}: {row['key']} {word} from the layer {row['layer']}")
    for leaf in left:
        output.note(f"warning: {_layer(leaf.winner)} still sets {leaf.key}: {leaf.winner.place}")
