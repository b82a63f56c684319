"""Which files an inventory consists of: its sources, and the variable files beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from hermes_ops.errors import InventoryError
from hermes_ops.loader.located import Variables, kind
from hermes_ops.loader.yaml_source import read, shown

ENDINGS = ("", ".yml", ".yaml", ".json")
"""In the order in which a name is looked for; a folder has no ending."""

_INI = re.compile(rb"\[[\w:.-]+\]|\w[\w.-]*(\s+\w+=|\s*$)")
OURS = ("group_vars", "host_vars", "profiles", "roles", "known_hosts")
_PASSED_OVER = (
    *(".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst"),
    *(".orig", ".cfg", ".retry"),
)


def folder_of(source: Path) -> Path:
    """Return the folder where the variable files of a source are."""
    return source if source.is_dir() else source.parent


def role_folders(folder: Path) -> tuple[Path, Path]:
    """Return where roles of the operator's own may be: beside an inventory folder, and in it."""
    return folder.parent / "roles", folder / "roles"


def structure_files(source: Path) -> list[Path]:
    """Return the files of a source that name hosts and groups, in order."""
    if not source.exists():
        raise InventoryError("there is no such inventory", where=shown(source))
    files = list(_files_below(source)) if source.is_dir() else [source]
    if not files:
        hint = "name at least one host there: all: {hosts: {mini-1: }}"
        raise InventoryError("the folder has no hosts.yml", hint=hint, where=shown(source))
    for file in files:
        _refuse_unread(file)
    return files


def _files_below(folder: Path) -> Iterator[Path]:
    for path in _entries(folder):
        if path.name.endswith(_PASSED_OVER) or path.name in OURS:
            continue
        if path.is_dir():
            yield from _files_below(path)
        elif _is_source(path):
            yield path


def _entries(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted, hidden files left out."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InventoryError(message, where=shown(folder)) from None


def _is_source(file: Path) -> bool:
    """Say whether a file of a folder names hosts, or would if we could read it.

    Keys and certificates may stand beside them.
    """
    if file.suffix in ENDINGS[1:]:
        return True
    if not file.is_file():
        return False
    if os.access(file, os.X_OK) or file.suffix == ".ini":
        return True
    return not file.suffix and (file.name in ("hosts", "inventory") or _looks_like_ini(file))


def _refuse_unread(file: Path) -> None:
    """Refuse sources that Ansible would run, or read in another format."""
    hint = "ansible-inventory --list --yaml --export writes it as YAML"
    if os.access(file, os.X_OK) and file.suffix not in ENDINGS[1:]:
        message = "executable inventories are not read yet"
        raise InventoryError(message, hint=hint, where=shown(file))
    if file.suffix not in ENDINGS or (not file.suffix and _looks_like_ini(file)):
        message = "only YAML inventories are read yet"
        raise InventoryError(message, hint=hint, where=shown(file))


def _looks_like_ini(file: Path) -> bool:
    """Say whether the first line that says anything is a section, or a host with variables."""
    try:
        with file.open("rb") as stream:
            says = (line for line in stream if line.strip() and line[:1] not in b"#;")
            return bool(_INI.match(next(says, b"")))
    except OSError:
        return False


class VariableFiles:
    """The variable files of one source; each is read once, and only when somebody asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, frozenset[str]] = {}
        self._read: dict[tuple[str, str], tuple[Variables, ...]] = {}

    def of_group(self, name: str) -> tuple[Variables, ...]:
        """Return what each file of `group_vars/` says of a group, the strongest last."""
        return self._variables("group_vars", name)

    def of_host(self, name: str) -> tuple[Variables, ...]:
        """Return what each file of `host_vars/` says of a host, the strongest last."""
        return self._variables("host_vars", name)

    def _variables(self, of: str, name: str) -> tuple[Variables, ...]:
        if (of, name) not in self._read:
            self._read[of, name] = tuple(_variables_in(file) for file in self.files(of, name))
        return self._read[of, name]

    def files(self, of: str, name: str) -> list[Path]:
        """Return the files of a name: of several endings the first that is there counts."""
        folder = self._folder / of
        if of not in self._names:
            entries = _entries(folder) if folder.is_dir() else []
            self._names[of] = frozenset(path.name for path in entries)
        for ending in ENDINGS:
            if name + ending in self._names[of]:
                path = folder / (name + ending)
                return list(_variable_files_below(path)) if path.is_dir() else [path]
        return []


def _variable_files_below(folder: Path) -> Iterator[Path]:
    for path in _entries(folder):
        if path.is_dir() and not path.suffix:
            yield from _variable_files_below(path)
        elif path.is_file() and path.suffix in ENDINGS and not path.name.endswith("~"):
            yield path


def _variables_in(file: Path) -> Variables:
    document = read(file)
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        raise document.error(f"variables must be a mapping, this is {kind(document)}")
    for name, entry in document.entries.items():
        if not isinstance(name, str):
            raise entry.error(f"the name of a variable must be a text, {name} is none")
    return document.entries
