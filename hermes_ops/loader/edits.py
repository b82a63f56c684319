"""Write one key into the inventory: into the right file of the right layer, or not at all.

    edit = edit_layer(paths, inventory, host, "coder", "host", ("config", "model"), "x")
    print(edit.diff())
    write(edit, lambda: load(paths, roles, environ))

A layer is `catalogue`, `group:NAME`, `host` or `profile`, in the order of their strength: what a
profile is everywhere, what a group gives its profiles, what a host gives its profiles, and this
one profile on this one host.
"""

from __future__ import annotations

import difflib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.inventory import Host, Inventory
from hermes_ops.loader.schema import suggestion
from hermes_ops.loader.sources import VariableFiles, folder_of, structure_files
from hermes_ops.loader.splice import line_of, put
from hermes_ops.loader.yaml_source import shown

LAYERS = "catalogue, group:NAME, host or profile"

_BOM = "\ufeff"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edit:
    """One key of one file: the text without and with the change."""

    file: Path
    path: tuple[str, ...]
    before: str | None
    """None: there is no such file yet."""
    after: str

    @property
    def place(self) -> Place:
        """Return where the key stands after the change."""
        return Place(shown(self.file), line_of(self.after.removeprefix(_BOM), self.path))

    @property
    def is_empty(self) -> bool:
        """Say whether the file has this value already."""
        return self.before == self.after

    def diff(self, context: int = 3) -> str:
        """Return the change as a unified diff, without a newline at its end."""
        name = shown(self.file)
        lines = difflib.unified_diff(
            (self.before or "").splitlines(), self.after.splitlines(),
            name if self.before is not None else "/dev/null", name, n=context, lineterm="",
        )  # fmt: skip
        return "\n".join(lines)


def edit_layer(
    paths: Sequence[Path],
    inventory: Inventory,
    host: Host,
    profile: str,
    layer: str,
    key: Sequence[str],
    value: Any,
) -> Edit:
    """Return the edit that sets `key` of a profile, such as `("env", "TOKEN")`, in a layer.

    Raises:
        UsageError: there is no such layer, or the host is not in that group.
        InventoryError: the file of the layer cannot be edited.
    """
    of, name, prefix = _home(inventory, host, profile, layer)
    file, above = _file(paths, of, name, prefix)
    return edit_key(file, (*above, *prefix, *key), value)


def edit_key(file: Path, path: Sequence[str], value: Any) -> Edit:
    """Return the edit that sets the key at `path` of a file, which need not be there yet."""
    before = _text(file)
    _refuse_other_formats(file, before or "")
    text = (before or "").removeprefix(_BOM)
    bom = _BOM if before is not None and before.startswith(_BOM) else ""
    return Edit(file, tuple(path), before, bom + put(text, path, value, file=shown(file)))


def write(edit: Edit, check: Callable[[], T]) -> T:
    """Write the file, and put the old one back unless `check`, which loads it, succeeds.

    Raises:
        InventoryError: what `check` raised, or the file cannot be written, or changed meanwhile.
    """
    if _text(edit.file) != edit.before:
        raise InventoryError("somebody else changed this file just now", where=shown(edit.file))
    made = _missing_folders(edit.file.parent)
    try:
        replace_file(edit.file, edit.after)
        return check()
    except BaseException as failure:
        _put_back(edit, made)
        if isinstance(failure, InventoryError):
            said = f"{failure.message}; so nothing was changed in {shown(edit.file)}"
            raise InventoryError(said, hint=failure.hint, where=failure.where) from None
        raise


# --- which file -------------------------------------------------------------------------------


def _home(
    inventory: Inventory, host: Host, profile: str, layer: str
) -> tuple[str, str, tuple[str, ...]]:
    """Return the folder of a layer's files, the name of its file, and the keys above a profile."""
    word, _, group = layer.partition(":")
    match word:
        case "catalogue" if not group:
            return "profiles", profile, ()
        case "host" if not group:
            return "host_vars", host.name, ("hermes_profile_defaults",)
        case "profile" if not group:
            return "host_vars", host.name, ("hermes_profiles", profile)
        case "group" if group:
            _refuse_foreign_group(inventory, host, group)
            return "group_vars", group, ("hermes_profile_defaults",)
    raise UsageError(f"there is no layer {layer!r}", hint=f"it is {LAYERS}")


def _refuse_foreign_group(inventory: Inventory, host: Host, group: str) -> None:
    if group not in inventory.groups:
        hint = suggestion(group, inventory.groups)
        raise UsageError(f"there is no group {group!r}", hint=hint)
    if group not in ("all", *host.groups):
        known = ", ".join(("all", *host.groups))
        raise UsageError(f"{host.name} is not in group {group!r}", hint=f"it is in {known}")


def _file(
    paths: Sequence[Path], of: str, name: str, prefix: Sequence[str]
) -> tuple[Path, tuple[str, ...]]:
    """Return the file that a layer's variable is in, or shall be in, and the keys above it.

    The strongest that has the variable; else one of that name; else a new one.
    """
    folders = list(dict.fromkeys(folder_of(path) for path in paths))
    if of == "profiles":
        found = [file for folder in folders for file in _profile_files(folder, name)]
        return (found or [folders[-1] / of / f"{name}.yml"])[-1], ()
    files = [file for folder in folders for file in VariableFiles(folder).files(of, name)]
    if having := [file for file in files if _has(file, prefix[0])]:
        return having[-1], ()
    if inline := list(_inline(paths, of, name, prefix[0])):
        return inline[-1]
    return (files or [folders[-1] / of / f"{name}.yml"])[-1], ()


def _profile_files(folder: Path, name: str) -> list[Path]:
    files = [folder / "profiles" / f"{name}{ending}" for ending in (".yml", ".yaml")]
    return [file for file in files if file.is_file()]


def _has(file: Path, variable: str) -> bool:
    return bool(line_of((_text(file) or "").removeprefix(_BOM), (variable,)))


def _inline(
    paths: Sequence[Path], of: str, name: str, variable: str
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield where the files of hosts and groups themselves give a variable to a host or group."""
    for source in paths:
        for file in structure_files(source):
            with suppress(yaml.YAMLError):  # Ansible has other formats too
                root = yaml.compose(_text(file) or "", Loader=yaml.SafeLoader)
                for path, variables in _owners(root, (), of, name):
                    if variable in _keys(variables):
                        yield file, path


def _owners(
    groups: Any, above: tuple[str, ...], of: str, name: str
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for group, body in _keys(groups).items():
        parts = _keys(body)
        if of == "group_vars" and group == name:
            yield (*above, group, "vars"), parts.get("vars")
        if of == "host_vars":
            yield (*above, group, "hosts", name), _keys(parts.get("hosts")).get(name)
        yield from _owners(parts.get("children"), (*above, group, "children"), of, name)


def _keys(node: Any) -> dict[str, Any]:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return {key.value: value for key, value in pairs if isinstance(key, yaml.ScalarNode)}


# --- reading and writing ----------------------------------------------------------------------


def _text(file: Path) -> str | None:
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InventoryError(message, where=shown(file)) from None
    except UnicodeDecodeError:
        raise InventoryError("is not UTF-8 text", where=shown(file)) from None


def _refuse_other_formats(file: Path, text: str) -> None:
    if text.startswith("$ANSIBLE_VAULT;"):
        hint = f"ansible-vault edit {shown(file)}"
        raise InventoryError(
            "is encrypted as a whole: it is not edited here", hint=hint, where=shown(file)
        )
    if file.suffix == ".json":
        raise InventoryError("is JSON: only YAML is edited here", where=shown(file))


def _missing_folders(folder: Path) -> list[Path]:
    return [path for path in (folder, *folder.parents) if not path.exists()]


def replace_file(file: Path, text: str) -> None:
    """Put a whole new file in the place of the old one, with its mode; a link stays a link."""
    target = file.resolve()
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("x", encoding="utf-8", newline="") as stream:
            if target.exists():
                os.fchmod(stream.fileno(), target.stat().st_mode & 0o7777)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise InventoryError(message, where=shown(file)) from None
    finally:
        draft.unlink(missing_ok=True)


def _put_back(edit: Edit, made: Sequence[Path]) -> None:
    if edit.before is not None:
        replace_file(edit.file, edit.before)
        return
    edit.file.unlink(missing_ok=True)
    for folder in made:
        with suppress(OSError):
            folder.rmdir()
