"""A file of an inventory: is it a program, its text, and its path as messages show it."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from hermes_ops.errors import InventoryError, Place

LARGEST_FILE = 64 * 1024 * 1024
TOO_LARGE = "is larger than 64 MiB"


def shown(path: Path) -> str:
    """Return the path as messages show it: relative where it is below the working folder."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def text_of(path: Path) -> str:
    """Return the text of a file, which must be UTF-8 and no larger than 64 MiB."""
    return decoded(bytes_of(path), shown(path))


def decoded(content: bytes, file: str) -> str:
    """Return the text of a content; messages call it `file`."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        place = place_after(content[: error.start].decode("utf-8"), file)
        raise InventoryError("is not UTF-8 text", where=place) from None


def place_after(text: str, file: str) -> Place:
    """Return the place in a file that comes after a text from its beginning."""
    return Place(file, text.count("\n") + 1, len(text) - text.rfind("\n"))


def bytes_of(path: Path) -> bytes:
    """Return the content of a regular file, without a byte order mark."""
    return without_mark(exact_bytes_of(path))


def exact_bytes_of(path: Path, most: int = LARGEST_FILE) -> bytes:
    """Return the whole content of a regular file."""
    try:
        with opened(path) as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise InventoryError(f"cannot be read: {error.strerror}", where=shown(path)) from None
    if len(content) > most:
        raise InventoryError(f"is larger than {most // 1024**2} MiB", where=shown(path))
    return content


def opened(path: Path) -> BinaryIO:
    """Return a regular file, opened to be read: a pipe could block, a device never ends.

    Raises:
        InventoryError: it is something else.
        OSError: it cannot be opened.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise InventoryError(
        "is not a regular file", hint="pipes and devices are not read", where=shown(path)
    )


def without_mark(content: bytes) -> bytes:
    """Return a content without the byte order mark that some editors write at its beginning."""
    return content.removeprefix(codecs.BOM_UTF8)


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
