"""The bytes of a source as text, and its path as messages show it."""

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
