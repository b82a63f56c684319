"""Text that cannot control a terminal, whoever wrote it: hosts and inventories are not trusted."""

from __future__ import annotations

import re
from unicodedata import category

_LINES = str.maketrans("", "", "\n\t")
_BYTES = range(0xDC80, 0xDD00)
"""What Python reads for bytes that are not text (surrogateescape)."""


def printable(text: str) -> str:
    """Return a text in which everything but newlines, tabs and visible characters is escaped.

    Control characters, those that change the direction of text, and undecodable bytes become
    `\\x1b`, `\\u202e`, `\\xff`.
    """
    if text.translate(_LINES).isprintable():
        return text
    return "".join(char if _is_shown(char) else _escaped(char) for char in text)


def one_line(text: str) -> str:
    """Return a printable text whose line ends are escaped too, for names and cells."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def printable_json(document: str) -> str:
    """Return the text of a JSON document with the same meaning and only printable characters."""
    if document.translate(_LINES).isprintable():
        return document
    return "".join(char if _is_shown(char) else _unit(char) for char in document)


def _is_shown(char: str) -> bool:
    return char.isprintable() or char in "\n\t" or category(char) == "Zs"


def _escaped(char: str) -> str:
    point = ord(char)
    if point in _BYTES:
        point -= 0xDC00
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def in_bytes(size: int) -> str:
    """Return a size in bytes for people: `12 kB`, `3.4 MB`, `1.1 GB`."""
    if size < 1_000_000:
        return f"{-(-size // 1000)} kB"
    return f"{size / 1e6:.1f} MB" if size < 1_000_000_000 else f"{size / 1e9:.1f} GB"


def _unit(char: str) -> str:
    """Return a character as JSON escapes it: in units of 16 bits."""
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return re.sub("....", r"\\u\g<0>", units)
