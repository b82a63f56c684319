"""What was typed: the words of the program's call, so that a run can be told again."""

from __future__ import annotations

from collections.abc import Sequence

_words: tuple[str, ...] = ()


def typed(words: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the words behind the program's name; first keep these, if there are any."""
    global _words  # noqa: PLW0603 - a process is called once
    if words is not None:
        _words = tuple(words)
    return _words
