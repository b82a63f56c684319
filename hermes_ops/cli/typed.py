"""The words with which the program was called, to show them or call it again."""

from __future__ import annotations

from collections.abc import Sequence

_words: tuple[str, ...] = ()


def typed(words: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the words behind the program's name; first keep these, if there are any."""
    global _words  # noqa: PLW0603 - a process is called once
    if words is not None:
        _words = tuple(words)
    return _words
