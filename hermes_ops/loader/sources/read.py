"""Which reader a source wants: Ansible's order is program, YAML, INI.

What is wrong in a file that somebody named, or that is plainly an inventory, is an error. In a
folder other files may stand as well: those are passed over, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hermes_ops.errors import InventoryError
from hermes_ops.loader.groups import Gathering, Mention
from hermes_ops.loader.sources.files import ENDINGS, structure_files
from hermes_ops.loader.sources.ini import ini_mentions
from hermes_ops.loader.sources.structure import is_inventory, mentions
from hermes_ops.loader.sources.text import is_program, shown
from hermes_ops.loader.sources.vault import Vault
from hermes_ops.loader.sources.yaml import read

_SECTION = re.compile(rb"\s*\[[^\]]+\]")
_YAML = re.compile(rb"---|[\w.\"'-]+\s*:(\s|$)|[{%]")
_INI_ENDINGS = ("", ".ini", ".inv", ".inventory", ".hosts")
_NO_TEXT = (b"-----BEGIN", b"ssh-")

Warn = Callable[[str], None]


def gather_mentions(paths: Sequence[Path], vault: Vault, warn: Warn) -> Gathering:
    """Return what all sources say, heard in their order."""
    gathering = Gathering()
    for path in paths:
        for file in structure_files(path):
            named = file == path or file.stem in ("hosts", "inventory")
            try:
                _hear(file, named, vault, gathering, warn)
            except InventoryError as error:
                raise error if named or error.hint else _with_remedy(error) from None
    return gathering


def _with_remedy(error: InventoryError) -> InventoryError:
    hint = "if the file is no inventory, it belongs elsewhere: a folder's files are all read"
    return InventoryError(error.message, hint=hint, where=error.where)


def _hear(file: Path, named: bool, vault: Vault, gathering: Gathering, warn: Warn) -> None:
    if is_program(file):
        # Imported late: it is the only reader that starts a process.
        from hermes_ops.loader.sources.executable import dynamic_mentions

        return gathering.add_all(dynamic_mentions(file, vault))
    reason = _no_source(file) if named else _no_source(file) or _companion(file)
    if reason and (named or file.suffix == ".toml"):
        raise InventoryError(f"is no inventory: {reason}", where=shown(file))
    found = None if reason else _text_mentions(file, named, vault, gathering)
    if found is not None:
        return gathering.add_all(found)
    if reason != _KEY:
        warn(f"{shown(file)} is passed over: {reason or 'it does not look like an inventory'}")
    return None


_KEY = "it is a key, or no text"


def _no_source(file: Path) -> str:
    """Return why a file cannot be a source, from its first bytes; empty: it may be one."""
    head = _head(file)
    if head.startswith(b"#!"):
        return "it is a program, but not executable"
    if head.startswith(_NO_TEXT) or b"\x00" in head:
        return _KEY
    if file.suffix == ".toml":
        return "TOML is not read, only YAML, JSON and INI"
    return ""


def _companion(file: Path) -> str:
    """Return whether a file configures a program beside it, such as `ec2.ini` does `ec2.py`."""
    if file.suffix == ".ini":
        others = (other for other in sorted(file.parent.iterdir()) if other.stem == file.stem)
        program = next((other for other in others if is_program(other)), None)
        if program is not None:
            return f"it is taken for the settings of {program.name}"
    return ""


def _text_mentions(
    file: Path, named: bool, vault: Vault, gathering: Gathering
) -> Iterable[Mention] | None:
    """Return what a text says; None when nobody named it and it cannot be an inventory."""
    if file.suffix not in ENDINGS or _begins_with(file, _SECTION):
        return _ini(file, named or file.suffix in _INI_ENDINGS, vault, gathering)
    try:
        document = read(file, vault)
    except InventoryError as error:
        if _begins_with(file, _YAML):
            raise
        return _ini_after(error, file, vault, gathering)
    if isinstance(document.data, str) or (document.items and not file.suffix):
        return ini_mentions(file, vault, gathering.groups)
    return mentions(document) if named or is_inventory(document) else None


def _ini_after(
    error: InventoryError, file: Path, vault: Vault, gathering: Gathering
) -> Iterable[Mention]:
    """Return what a file that is no YAML says as INI; of two errors, that of its ending counts."""
    try:
        return list(ini_mentions(file, vault, gathering.groups))
    except InventoryError:
        if file.suffix:
            raise error from None
        raise


def _ini(file: Path, plainly: bool, vault: Vault, gathering: Gathering) -> Iterable[Mention] | None:
    """Return what an INI file says; one of any ending may turn out to be something else."""
    if plainly:
        return ini_mentions(file, vault, gathering.groups)
    try:
        return list(ini_mentions(file, vault, gathering.groups))
    except InventoryError:
        return None


def _begins_with(file: Path, pattern: re.Pattern[bytes]) -> bool:
    """Return whether the first line that says anything matches."""
    try:
        with file.open("rb") as stream:
            says = (line for line in stream if line.strip() and line.lstrip()[:1] not in b"#;")
            return bool(pattern.match(next(says, b"")))
    except OSError:
        return False


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(512)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise InventoryError(message, where=shown(file)) from None
