"""A file of an inventory: is it a program, its text, and its path as messages show it."""

from __future__ import annotations

import os
from pathlib import Path

from hermes_ops.errors import InventoryError, Place

LARGEST_FILE = 16 * 1024 * 1024


def shown(path: Path) -> str:
    """Return the path as messages show it: relative where it is below the working folder."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def text_of(path: Path) -> str:
    """Return the text of a file, which must be UTF-8 and no larger than 16 MiB."""
    content = bytes_of(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InventoryError("is not UTF-8 text", where=Place(shown(path), line)) from None


def bytes_of(path: Path) -> bytes:
    """Return the content of a file of at most 16 MiB."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InventoryError(f"cannot be read: {error.strerror}", where=shown(path)) from None
    if len(content) > LARGEST_FILE:
        raise InventoryError("is larger than 16 MiB", where=shown(path))
    return content


_MAGIC = (b"#!", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""How scripts and the binaries of Linux and macOS begin."""


def is_program(file: Path) -> bool:
    """Return whether the system would run this file: executable, and a script or a binary.

    A text with a stray executable bit is not a program; Ansible reads it as a text too.
    """
    if not file.is_file() or not os.access(file, os.X_OK):
        return False
    try:
        with file.open("rb") as stream:
            return stream.read(4).startswith(_MAGIC)
    except OSError:
        return False
