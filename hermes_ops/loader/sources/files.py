"""The files of an inventory: its sources, and the variable files beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hermes_ops.errors import InventoryError
from hermes_ops.loader.located import Variables, kind
from hermes_ops.loader.sources.reading import Reading
from hermes_ops.loader.sources.text import shown
from hermes_ops.loader.sources.yaml import read

ENDINGS = ("", ".yml", ".yaml", ".json")
"""In the order in which a name is looked for; a folder has no suffix."""

ROLE_PATH = "HERMES_OPS_ROLE_PATH"

OURS = ("profiles", "roles", "known_hosts")
"""Names with another meaning here; Ansible would read them as sources."""

_NOT_SOURCES = (
    *("group_vars", "host_vars", "vars_plugins", *OURS),
    *("secrets", "tokens"),  # for the values of `{file: …}`
    *("README", "LICENSE", "COPYING", "CHANGELOG", "Makefile", "Vagrantfile", "Dockerfile"),
)
_PASSED_OVER = (
    # Ansible's own list.
    *(".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst"),
    *(".orig", ".cfg", ".retry"),
    # Never an inventory: keys, certificates, templates.
    *(".pem", ".key", ".pub", ".crt", ".cer", ".j2", ".env", ".age", ".token", ".secret"),
)


def folder_of(source: Path) -> Path:
    """Return the folder of a source's variable files."""
    return source if source.is_dir() else source.parent


def role_folders(folder: Path) -> tuple[Path, Path]:
    """Return where the operator's own roles may be: beside an inventory folder, and in it."""
    return folder.parent / "roles", folder / "roles"


def role_path(environ: Mapping[str, str]) -> list[Path]:
    """Return the folders of roles that the operator names: `--role-path`, or its variable."""
    given = environ.get(ROLE_PATH, "").split(":")
    return [Path(folder).expanduser() for folder in given if folder]


def structure_files(source: Path) -> list[Path]:
    """Return the files of a source that may name hosts and groups, in order."""
    if not source.exists():
        raise InventoryError("there is no such inventory", where=shown(source))
    files = list(_files_below(source)) if source.is_dir() else [source]
    if not files:
        hint = "name at least one host there: all: {hosts: {mini-1: }}"
        raise InventoryError("the folder has no hosts.yml", hint=hint, where=shown(source))
    return files


def _files_below(folder: Path) -> Iterator[Path]:
    for path in _entries(folder):
        if path.name.endswith(_PASSED_OVER) or path.name in _NOT_SOURCES:
            continue
        if path.is_dir():
            yield from _files_below(path)
        elif path.exists():
            # A pipe or a device, too: its reader refuses it by name.
            yield path


def _entries(folder: Path) -> list[Path]:
    """Return the entries of a folder, sorted, without hidden files."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InventoryError(message, where=shown(folder)) from None


class VariableFiles:
    """The variable files of one source; each is read once, when needed."""

    def __init__(self, folder: Path, reading: Reading) -> None:
        self._folder = folder
        self._reading = reading
        self._names: dict[str, frozenset[str]] = {}
        self._read: dict[tuple[str, str], tuple[Variables, ...]] = {}

    def of_group(self, name: str) -> tuple[Variables, ...]:
        """Return the variables of a group from each file of `group_vars/`, the strongest last."""
        return self._variables("group_vars", name)

    def of_host(self, name: str) -> tuple[Variables, ...]:
        """Return the variables of a host from each file of `host_vars/`, the strongest last."""
        return self._variables("host_vars", name)

    def _variables(self, of: str, name: str) -> tuple[Variables, ...]:
        if (of, name) not in self._read:
            files = self.files(of, name)
            self._read[of, name] = tuple(_variables_in(file, self._reading) for file in files)
        return self._read[of, name]

    def files(self, of: str, name: str) -> list[Path]:
        """Return the files of a name; if it exists with several suffixes, the first counts.

        As in Ansible, `rack/one` is the file `one` of the folder `rack`; a path is no such name.
        """
        above, _, last = f"{of}/{name}".rpartition("/")
        if name.startswith("/") or ".." in name.split("/"):
            return []
        folder = self._folder / above
        if above not in self._names:
            entries = _entries(folder) if folder.is_dir() else []
            self._names[above] = frozenset(path.name for path in entries)
        for ending in ENDINGS:
            if last + ending in self._names[above]:
                path = folder / (last + ending)
                return list(_variable_files_below(path)) if path.is_dir() else [path]
        return []


def _variable_files_below(folder: Path) -> Iterator[Path]:
    for path in _entries(folder):
        if path.is_dir() and not path.suffix:
            yield from _variable_files_below(path)
        elif path.exists() and path.suffix in ENDINGS and not path.name.endswith("~"):
            yield path


def _variables_in(file: Path, reading: Reading) -> Variables:
    if reading.vault.leaves_out(file):
        return {}
    document = read(file, reading, "variables")
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        raise document.error(f"variables must be a mapping, this is {kind(document)}")
    for name, entry in document.entries.items():
        if not isinstance(name, str):
            raise entry.error(f"the name of a variable must be a text, {name} is not")
    return document.entries
