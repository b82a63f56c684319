"""Read what `systemctl show` prints, to compare it with what was wanted."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAMES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^" \n][^ \n]*)', re.S)
_ESCAPED = re.compile(r"\\([0-7]{3}|x[0-9a-f]{2}|.)", re.S)


def parse_show_environment(printed: str) -> dict[str, str]:
    """Return the variables of `systemctl show -p Environment`, with or without `--value`."""
    return dict(_assignments(printed.removeprefix("Environment=")))


def _assignments(printed: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each word; systemctl quotes a word whole, as for a shell."""
    for match in _WORD.finditer(printed):
        quoted, bare = match.groups()
        word = bare if quoted is None else _ESCAPED.sub(_unescape, quoted)
        name, _, value = word.partition("=")
        yield name, value


def _unescape(match: re.Match[str]) -> str:
    escaped: str = match[1]
    if len(escaped) > 1:
        return chr(int(escaped.removeprefix("x"), 16 if escaped[0] == "x" else 8))
    return _NAMES.get(escaped, escaped)
