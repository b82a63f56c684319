"""The text of a property list: what may stand in it, and how two of them are compared."""

from __future__ import annotations

import re
from functools import partial
from html import escape
from typing import Any

from hermes_ops.errors import Conflict


def text(value: str) -> str:
    """Return a text for XML.

    Raises:
        Conflict: it has a character that no XML can hold.
    """
    if re.search("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", value):
        raise Conflict(f"a property list cannot hold the text {value!r}", hint="change it")
    return escaped(value)


def refuse_markup(*paths: str) -> None:
    """Refuse paths that would make Hermes' own text invalid.

    Raises:
        Conflict: one has such a character.
    """
    for path in paths:
        if escaped(path) != path:
            words = f"the path {path} has one of & < > in it, which Hermes writes as it is"
            hint = "use a home folder or a Python without such characters"
            raise Conflict(f"{words}: no property list would be valid", hint=hint)


escaped = partial(escape, quote=False)
_PATH = re.compile(r"(<key>PATH</key>\s*<string>)(.*?)(</string>)", re.DOTALL)


def parted(text: str) -> tuple[str, str]:
    """Return a plist as Hermes compares it, and its PATH apart."""
    plain = "\n".join(line.rstrip() for line in text.strip().splitlines())
    path = _PATH.search(plain)
    return _PATH.sub(r"\1\3", plain), path[2] if path else ""


def loaded(text: str) -> dict[str, Any]:
    """Return what a plist says; nothing if it cannot be parsed."""
    import plistlib  # here: only a Mac needs it
    from xml.parsers.expat import ExpatError

    try:
        found = plistlib.loads(text.encode("utf-8", "surrogateescape"))
    except (plistlib.InvalidFileException, ExpatError, ValueError, TypeError, LookupError):
        return {}
    return found if isinstance(found, dict) else {}


def arguments(text: str) -> list[str]:
    """Return the ProgramArguments of a plist; none if it cannot be parsed."""
    words = loaded(text).get("ProgramArguments")
    return [str(word) for word in words] if isinstance(words, list) else []
