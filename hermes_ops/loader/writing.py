"""A setting written into a layer of the inventory: which file it is, and the text that follows.

Nothing here writes. A layer is named as `--layer` names it:

    catalogue    profiles/NAME.yml: the profile, wherever it is
    group:NAME   hermes_profile_defaults of the group: every profile of its hosts
    host         hermes_profile_defaults of the host: every profile of the host
    profile      hermes_profiles of the host: this profile there
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from hermes_ops import yamlfile
from hermes_ops.errors import Conflict, InventoryError, Place, UsageError
from hermes_ops.loader.keypath import KeyPath, spelled
from hermes_ops.loader.load import Gathered
from hermes_ops.loader.schema import suggestion
from hermes_ops.loader.sources import ENDINGS
from hermes_ops.loader.variables import layers_of
from hermes_ops.loader.yaml_source import shown

LAYERS = "catalogue, group:NAME, host or profile"


_WRITABLE = (".yml", ".yaml", ".json")


class Spot(NamedTuple):
    """Where a layer says something of a profile: the file, and the keys that lead there."""

    file: Path
    path: KeyPath
    variable: str
    """`hermes_profile_defaults`, `hermes_profiles`, or '' in the catalogue."""
    said_by: str
    """The layer as provenance names it: `catalogue`, `group:NAME` or `host`."""


def spot_of(
    gathered: Gathered, folders: Sequence[Path], host: str, profile: str, layer: str
) -> Spot:
    """Return where a layer says something of a profile, whether it does so already or not.

    Raises:
        UsageError: there is no such layer, or the host is not in the group.
    """
    kind, _, name = layer.partition(":")
    if layer == "catalogue":
        return Spot(_catalogue_file(folders, profile), (), "", layer)
    if kind == "group" and name:
        _refuse_stranger(gathered, host, name)
        return _variable(gathered, folders, host, ("group", name), "hermes_profile_defaults")
    if layer == "host":
        return _variable(gathered, folders, host, ("host", host), "hermes_profile_defaults")
    if layer == "profile":
        spot = _variable(gathered, folders, host, ("host", host), "hermes_profiles")
        return spot._replace(path=(*spot.path, profile))
    raise UsageError(f"there is no layer {layer!r}", hint=f"a layer is {LAYERS}")


def _refuse_stranger(gathered: Gathered, host: str, group: str) -> None:
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
    gathered: Gathered, folders: Sequence[Path], host: str, owner: tuple[str, str], variable: str
) -> Spot:
    """Return where the owner's variable stands; where it does not yet, the owner's own file."""
    kind, name = owner
    said_by = f"group:{name}" if kind == "group" else "host"
    for layer in reversed(layers_of(host, gathered.tree, gathered.files)):
        value = layer.variables.get(variable)
        if layer.origin == f"{kind} {name}" and value is not None:
            file = Path(value.place.file)
            if file.suffix not in _WRITABLE:
                continue  # an inventory that Ansible reads otherwise: our own file comes upon it
            path = _path_at(read_text(file), value.place)
            return Spot(file, path, variable, said_by)
    file = _variable_file(folders, f"{kind}_vars", name)
    return Spot(file, (variable,), variable, said_by)


def _variable_file(folders: Sequence[Path], of: str, name: str) -> Path:
    for folder in reversed(folders):
        for ending in ENDINGS:
            path = folder / of / f"{name}{ending}"
            if path.exists():
                return path / "hermes.yml" if path.is_dir() else path
    return folders[-1] / of / f"{name}.yml"


def _path_at(text: str, place: Place) -> KeyPath:
    """Return the keys that lead to the one that stands at a place."""
    root = yaml.compose(text.removeprefix("\ufeff"), Loader=yamlfile.LOADER)
    for path, mark in _keys(root, ()):
        if (mark.line + 1, mark.column + 1) == (place.line, place.column):
            return path
    hint = "write it out there: an alias or `<<` brings it in"
    raise InventoryError("this cannot be changed here alone", hint=hint, where=place)


def _keys(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            name = yaml.constructor.SafeConstructor().construct_object(_untagged(key))
            yield (*path, name), key.start_mark
            yield from _keys(value, (*path, name))


def _untagged(key: yaml.ScalarNode) -> yaml.ScalarNode:
    known = key.tag.startswith("tag:yaml.org,2002:") and not key.tag.endswith(":merge")
    return yaml.ScalarNode(key.tag if known else "tag:yaml.org,2002:str", key.value)


# --- the text ---------------------------------------------------------------------------------


_Tagged: Any = type("_Tagged", (yamlfile.LOADER,), {})
"""Reads what Ansible's tags stand before, such as `!vault`, as something of its own."""
_Tagged.add_multi_constructor("!", lambda _loader, tag, node: f"!{tag} {node.value}")


def read_text(file: Path) -> str:
    """Return the text of a file with its line ends as they are; of one that is absent, none."""
    try:
        return file.read_bytes().decode("utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InventoryError(f"cannot be read: {error}", where=shown(file)) from None


def with_value(text: str, path: KeyPath, value: Any, file: Path) -> str:
    """Return the text in which `value` stands at a path; comments and all else stay.

    A mapping is merged into the one that is there. Raises `InventoryError` where the way is
    barred, or something else would change.
    """
    if text.startswith("$ANSIBLE_VAULT"):
        hint = "ansible-vault edit it, or name a layer in another file"
        raise InventoryError("is encrypted as a whole", hint=hint, where=shown(file))
    try:
        data = yamlfile.load(text, file=shown(file), loader=_Tagged)
        wanted = _nested(data, path, value, (), file)
        if file.suffix == ".json":
            return _json(text, data, wanted)
        return yamlfile.merge(text, wanted, file=shown(file), loader=_Tagged)
    except Conflict as conflict:
        hint = "write it there by hand: config.edit opens the file"
        where = conflict.where or shown(file)
        raise InventoryError(conflict.message, hint=hint, where=where) from None


def _json(text: str, data: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> str:
    """Return JSON, on as many lines as before; what YAML made a date is its text again."""
    found = json.dumps(
        _merged(data, wanted),
        indent=2 if "\n" in text.strip() else None,
        ensure_ascii=False,
        default=str,
    )
    return found + ("\n" if text.endswith("\n") else "")


def _merged(have: Any, want: Any) -> Any:
    if not isinstance(have, Mapping) or not isinstance(want, Mapping):
        return want
    return {**have, **{key: _merged(have.get(key), item) for key, item in want.items()}}


def _nested(data: Any, path: KeyPath, value: Any, above: KeyPath, file: Path) -> Any:
    """Return the mappings that lead to the value, with the keys as the file has them."""
    if not path:
        return value
    if isinstance(data, list) and above[-1:] == ("hermes_profiles",):
        data = dict.fromkeys(data)
        rest: dict[Any, Any] = data
    elif data is None or isinstance(data, Mapping):
        rest = {}
    else:
        what = f"{spelled(above)} is no mapping there"
        raise InventoryError(what, hint=f"set {spelled(above)} itself", where=shown(file))
    key = next((own for own in data or () if str(own) == str(path[0])), path[0])
    inner = (data or {}).get(key)
    return {**rest, key: _nested(inner, path[1:], value, (*above, key), file)}
