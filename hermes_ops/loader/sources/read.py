"""Choose the reader of a source, in Ansible's order: program, YAML, INI.

A mistake in a file that was named, or that is clearly an inventory, is an error. Other files in
a folder are ignored with a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

from hermes_ops.errors import InventoryError
from hermes_ops.loader.groups import Gathering, Mention
from hermes_ops.loader.sources.files import ENDINGS, structure_files
from hermes_ops.loader.sources.ini import ini_mentions
from hermes_ops.loader.sources.reading import Reading
from hermes_ops.loader.sources.structure import is_inventory, mentions
from hermes_ops.loader.sources.text import is_program, opened, shown, without_mark
from hermes_ops.loader.sources.yaml import read

_SECTION = re.compile(rb"\s*\[[^\]]+\]")
_YAML = re.compile(rb"---|[\w.\"'-]+\s*:(\s|$)|[{%]")
_INI_ENDINGS = ("", ".ini", ".inv", ".inventory", ".hosts")
_NO_TEXT = (b"-----BEGIN", b"ssh-")

Warn = Callable[[str], None]


def gather_mentions(paths: Sequence[Path], reading: Reading, warn: Warn) -> Gathering:
    """Return the tree of all sources, read in their order."""
    gathering = Gathering()
    for path in paths:
        for file in structure_files(path):
            named = file == path or file.stem in ("hosts", "inventory")
            try:
                _hear(file, named, reading, gathering, warn)
            except InventoryError as error:
                raise error if named or error.hint else _with_remedy(error) from None
    return gathering


def _with_remedy(error: InventoryError) -> InventoryError:
    hint = "if the file is not an inventory, move it elsewhere: all files of the folder are read"
    return InventoryError(error.message, hint=hint, where=error.where)


def _hear(file: Path, named: bool, reading: Reading, gathering: Gathering, warn: Warn) -> None:
    if is_program(file):
        # Imported late: the only reader that starts a process.
        from hermes_ops.loader.sources.executable import dynamic_mentions

        return gathering.add_all(dynamic_mentions(file, reading))
    reason = _no_source(file)
    if not (reason or named):
        reason = _settings_of_a_program(file, reading, gathering)
    if reason and (named or file.suffix == ".toml"):
        raise InventoryError(f"is not an inventory: {reason}", where=shown(file))
    found = None if reason else _text_mentions(file, named, reading, gathering)
    if found is not None:
        return gathering.add_all(found)
    if reason != _KEY:
        warn(f"{shown(file)} is ignored: {reason or 'it does not look like an inventory'}")
    return None


_KEY = "it is a key, or not a text"


def _no_source(file: Path) -> str:
    """Return why a file cannot be a source, from its first bytes; empty if it can be one."""
    head = _head(file)
    if head.startswith(b"#!"):
        return "it is a program, but not executable"
    if head.startswith(_NO_TEXT) or b"\x00" in head:
        return _KEY
    if file.suffix == ".toml":
        return "TOML is not read, only YAML, JSON and INI"
    return ""


def _settings_of_a_program(file: Path, reading: Reading, gathering: Gathering) -> str:
    """Return whether a file has the settings of a program beside it, as `ec2.ini` for `ec2.py`.

    It has not if it can be read as hosts.
    """
    if file.suffix == ".ini":
        others = (other for other in sorted(file.parent.iterdir()) if other.stem == file.stem)
        program = next((other for other in others if is_program(other)), None)
        if program is not None and not _names_hosts(file, reading, gathering):
            return f"it is taken for the settings of {program.name}"
    return ""


def _names_hosts(file: Path, reading: Reading, gathering: Gathering) -> bool:
    """Return whether an INI file has hosts, none of which looks like a setting."""
    found = _ini(file, False, reading, gathering) or ()
    names = [host.name for mention in found for host in mention.hosts]
    return bool(names) and not any("=" in name for name in names)


def _text_mentions(
    file: Path, named: bool, reading: Reading, gathering: Gathering
) -> Iterable[Mention] | None:
    """Return the mentions in a text; None if it was not named and cannot be an inventory."""
    if file.suffix not in ENDINGS or _begins_with(file, _SECTION):
        return _ini(file, named or file.suffix in _INI_ENDINGS, reading, gathering)
    try:
        document = read(file, reading, "structure")
    except InventoryError as error:
        if _begins_with(file, _YAML):
            raise
        return _ini_after(error, file, reading, gathering)
    if isinstance(document.data, str) or (document.items and not file.suffix):
        return ini_mentions(file, reading, gathering.groups)
    if named or is_inventory(document):
        return mentions(document)
    reading.forget(shown(file))
    return None


def _ini_after(
    error: InventoryError, file: Path, reading: Reading, gathering: Gathering
) -> Iterable[Mention]:
    """Return the mentions in a file that is not YAML, read as INI.

    If that fails too, the YAML `error` counts for a file with a suffix.
    """
    try:
        return list(ini_mentions(file, reading, gathering.groups))
    except InventoryError:
        if file.suffix:
            raise error from None
        raise


def _ini(
    file: Path, plainly: bool, reading: Reading, gathering: Gathering
) -> Iterable[Mention] | None:
    """Return the mentions in an INI file; None if it is not one."""
    if plainly:
        return ini_mentions(file, reading, gathering.groups)
    try:
        return list(ini_mentions(file, reading, gathering.groups))
    except InventoryError:
        return None


def _begins_with(file: Path, pattern: re.Pattern[bytes]) -> bool:
    """Return whether the first line with content matches."""
    try:
        with opened(file) as stream:
            lines = chain([without_mark(stream.readline())], stream)
            says = (line for line in lines if line.strip() and line.lstrip()[:1] not in b"#;")
            return bool(pattern.match(next(says, b"")))
    except OSError:
        return False


def _head(file: Path) -> bytes:
    try:
        with opened(file) as stream:
            return without_mark(stream.read(512))
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InventoryError(message, where=shown(file)) from None
