"""Paths of values inside a profile: `config.model.default`.

Segments are joined by dots. A segment with a dot, a blank or a quote is quoted as in JSON:
`config.aliases."gpt-4.1".model`. Single quotes are read too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from hermes_ops.errors import UsageError
from hermes_ops.secrets.secret import veiled

KeyPath = tuple[Any, ...]
"""The keys as in YAML: mostly texts, sometimes numbers or booleans."""

_BARE = r"""[^\s."'\\]+"""
_SEGMENT = re.compile(rf"""({_BARE})|("(?:[^"\\]|\\.)*")|'([^']*)'""", re.DOTALL)


def spelled(path: Iterable[Any]) -> str:
    """Return a path in its written form."""
    return ".".join(map(_segment, path))


def _segment(key: Any) -> str:
    text = _words(key)
    return text if re.fullmatch(_BARE, text) else json.dumps(text, ensure_ascii=False)


def _words(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def veiled_at(path: KeyPath, value: Any) -> Any:
    """Return a value at a path of a profile with its credentials masked.

    Only `config` and `service` have names of settings; a file may be called `token`.
    """
    return veiled(spelled(path), value) if path[:1] in (("config",), ("service",)) else value


def parsed(text: str) -> tuple[str, ...]:
    """Return the segments of a written path.

    Raises:
        UsageError: it is not a path; the message says at which character.
    """
    segments, at = [], 0
    while True:
        match = _SEGMENT.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        segments.append(_unquoted(match, text))
        if match.end() == len(text):
            return tuple(segments)
        if text[match.end()] != ".":
            raise _unreadable(text, match.end())
        at = match.end() + 1


def _unquoted(match: re.Match[str], text: str) -> str:
    bare, quoted, single = match.groups()
    if quoted is None:
        return bare if bare is not None else single
    try:
        return str(json.loads(quoted, strict=False))
    except ValueError:
        raise _unreadable(text, match.start()) from None


def _unreadable(text: str, at: int) -> UsageError:
    return UsageError(
        f"{text!r} is not a key: it cannot be read from character {at + 1} on",
        hint="""join keys with dots, quote one that has a dot: 'config.aliases."gpt-4.1"'""",
    )


def begins(path: Iterable[Any], prefix: Iterable[str]) -> bool:
    """Return whether a path is the written one, or lies below it."""
    segments, wanted = tuple(map(_words, path)), tuple(prefix)
    return segments[: len(wanted)] == wanted
