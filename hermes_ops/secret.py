"""Text that never shows itself, and the sink's way to keep it from showing."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterable
from urllib.parse import quote

SHOWN = "***"
SHORTEST = 8
"""Shorter values are not searched for: they would black out ordinary words."""

_KNOWN_WORDS = frozenset({"localhost", "anthropic", "telegram", "disabled", "required", "optional"})
_ADDRESS = re.compile(r"[0-9a-fA-F.:]+|https?://(localhost|127\.0\.0\.1)(:\d+)?/?")


class Secret:
    """A value that is used, never shown: its repr and its str are `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one place that hands it on."""
        return self._value

    def __repr__(self) -> str:
        return SHOWN

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


def is_searched(value: str) -> bool:
    """Say whether a value is long and odd enough to be redacted wherever it stands.

    Rules of `docs/secrets.md`: 8 characters and more, and no number, boolean, address or
    known word.
    """
    return (
        len(value) >= SHORTEST
        and value.lower() not in _KNOWN_WORDS
        and not _ADDRESS.fullmatch(value)
    )


def _forms(value: str) -> Iterable[str]:
    """Yield the shapes in which a value may turn up in a text."""
    yield value
    yield from (part for part in value.splitlines() if len(part) >= SHORTEST)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield shlex.quote(value)
    yield quote(value, safe="")
    yield quote(value)
    for text in (value, value + "\n"):
        yield base64.b64encode(text.encode()).decode().rstrip("=")


class Redactor:
    """Replaces known secret values, and their usual encodings, by `***`."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, secret: Secret | str) -> None:
        """Add a value to what is searched for; values too plain to search for are left out."""
        value = secret.reveal() if isinstance(secret, Secret) else secret
        if is_searched(value):
            self._forms.update(form for form in _forms(value) if len(form) >= SHORTEST)
            self._pattern = None

    def __call__(self, text: str) -> str:
        """Return `text` without any known value."""
        if not self._forms:
            return text
        if self._pattern is None:
            ordered = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, ordered)))
        return self._pattern.sub(SHOWN, text)
