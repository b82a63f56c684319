"""Where a layer of the inventory sets a key of a profile: the file, and the path in it.

A layer is named as `--layer` names it:

    catalogue    profiles/NAME.yml: the profile, wherever it is
    group:NAME   hermes_profile_defaults of the group: every profile of its hosts
    host         hermes_profile_defaults of the host: every profile of the host
    profile      hermes_profiles of the host: this profile there
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.loader.edit.edits import refuse_encrypted, text_of
from hermes_ops.loader.edit.splice import path_at
from hermes_ops.loader.keypath import KeyPath
from hermes_ops.loader.layers.variables import layers_of
from hermes_ops.loader.load import InventoryFiles
from hermes_ops.loader.located import Located
from hermes_ops.loader.schema import suggestion
from hermes_ops.loader.sources.files import ENDINGS

LAYERS = "catalogue, group:NAME, host or profile"
WRITABLE = (".yml", ".yaml", ".json")


class Spot(NamedTuple):
    """Where a layer sets keys of a profile: the file, and the path in it."""

    file: Path
    path: KeyPath
    variable: str
    """`hermes_profile_defaults`, `hermes_profiles`, or '' in the catalogue."""
    said_by: str
    """The layer as provenance names it: `catalogue`, `group:NAME` or `host`."""
    found: Located | None = None
    """What the variable is there now, its expressions not rendered."""


def spot_of(
    gathered: InventoryFiles, folders: Sequence[Path], host: str, profile: str, layer: str
) -> Spot:
    """Return where a layer sets keys of a profile, even if it sets none yet.

    Raises:
        UsageError: there is no such layer, or the host is not in the group.
    """
    if layer == "catalogue":
        return Spot(_catalogue_file(folders, profile), (), "", layer)
    if layer == "profile":
        spot = _variable(gathered, folders, host, ("host", host), "hermes_profiles")
        return spot._replace(path=(*spot.path, profile))
    found = variable_spot(gathered, folders, host, layer, "hermes_profile_defaults")
    if found is None:
        raise UsageError(f"there is no layer {layer!r}", hint=f"a layer is {LAYERS}")
    return found


def variable_spot(
    gathered: InventoryFiles, folders: Sequence[Path], host: str, layer: str, variable: str
) -> Spot | None:
    """Return where a layer sets a variable of a host; None if variables have no such layer.

    Raises:
        UsageError: the host is not in the group.
    """
    kind, _, name = layer.partition(":")
    if kind == "group" and name:
        _refuse_stranger(gathered, host, name)
        return _variable(gathered, folders, host, ("group", name), variable)
    if layer == "host":
        return _variable(gathered, folders, host, ("host", host), variable)
    return None


def layer_of(gathered: InventoryFiles, host: str, variable: str) -> str | None:
    """Return the strongest layer that sets a variable of a host; None if none does."""
    layers = layers_of(host, gathered.tree, gathered.files)
    found = [layer.origin for layer in layers if variable in layer.variables]
    kind, _, name = found[-1].partition(" ") if found else ("", "", "")
    return f"group:{name}" if kind == "group" else kind or None


def beside(spot: Spot, place: Place, path: KeyPath) -> Spot | None:
    """Return where another file of the same layer sets its keys, from the place of one of them."""
    file = Path(place.file)
    if file == spot.file or file.suffix not in WRITABLE:
        return None
    full = path_at(text_of(file) or "", place.line, place.column)
    return spot._replace(file=file, path=full[: len(full) - len(path)]) if full else None


def _refuse_stranger(gathered: InventoryFiles, host: str, group: str) -> None:
    groups = ("all", *gathered.tree.lineage[host])
    if group not in groups:
        hint = suggestion(group, groups)
        raise UsageError(f"{host} is not in the group {group!r}", hint=hint)


def _catalogue_file(folders: Sequence[Path], profile: str) -> Path:
    found = [
        file
        for folder in reversed(folders)
        for ending in (".yml", ".yaml")
        if (file := folder / "profiles" / f"{profile}{ending}").exists()
    ]
    return found[0] if found else folders[-1] / "profiles" / f"{profile}.yml"


def _variable(
    gathered: InventoryFiles,
    folders: Sequence[Path],
    host: str,
    owner: tuple[str, str],
    variable: str,
) -> Spot:
    """Return where the variable of a host or group is set; if nowhere yet, its own file."""
    kind, name = owner
    said_by = f"group:{name}" if kind == "group" else "host"
    for layer in reversed(layers_of(host, gathered.tree, gathered.files)):
        value = layer.variables.get(variable)
        if layer.origin == f"{kind} {name}" and value is not None:
            file = Path(value.place.file)
            if file.suffix not in WRITABLE:
                continue  # The inventory is in another format: our own file adds to it.
            return Spot(file, _path_of(value.place), variable, said_by, value)
    file = _variable_file(folders, f"{kind}_vars", name)
    return Spot(file, (variable,), variable, said_by)


def _variable_file(folders: Sequence[Path], of: str, name: str) -> Path:
    for folder in reversed(folders):
        for ending in ENDINGS:
            path = folder / of / f"{name}{ending}"
            if path.exists():
                return path / "hermes.yml" if path.is_dir() else path
    return folders[-1] / of / f"{name}.yml"


def _path_of(place: Place) -> KeyPath:
    """Return the path of the key at this place."""
    text = text_of(Path(place.file)) or ""
    refuse_encrypted(Path(place.file), text)
    path = path_at(text, place.line, place.column)
    if not path:
        hint = "write it out there: an alias or `<<` brings it in"
        raise InventoryError("this cannot be changed here alone", hint=hint, where=place)
    return path
