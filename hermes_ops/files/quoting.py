"""Quote any text as one word of a shell or one value of a systemd unit."""

from __future__ import annotations

import re
import shlex

shell = shlex.quote
"""Return one word of a POSIX shell; `'…'` is the only quoting that all shells share."""

_PLAIN = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
_ESCAPES = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}


def moving(path: object) -> str:
    """Return in words how something of a host is moved out of the way; most is below the home."""
    name = shlex.quote(str(path))
    if str(path).startswith("/"):
        return f"on the host: sudo mv {name} {name}.old"
    return f"on the host: mv ~/{name} ~/{name}.old"


def mending(file: str) -> str:
    """Return in words how a file that cannot be parsed is mended; `~/` begins a path of a host."""
    path = file.partition("~/")[2]
    return f"mend it, or, for a new one by fleet.up, {moving(path)}" if path else "mend the file"


def unit_refusal(value: str, name: str = "_") -> str | None:
    """Return why a unit file cannot hold this value, or a variable of this name; None if it can."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return (
            "systemd accepts only letters, digits and '_' in a variable's name, and no digit first"
        )
    if "\0" in value or any(map(_is_no_character, value)):
        return "systemd accepts no NUL and only valid Unicode characters"
    return None


def _is_no_character(char: str) -> bool:
    point = ord(char)
    return 0xD800 <= point < 0xE000 or 0xFDD0 <= point < 0xFDF0 or point & 0xFFFE == 0xFFFE


def systemd_environment(name: str, value: str) -> str:
    """Return the line of a unit that sets a variable; systemd expands nothing in it."""
    return f'Environment="{_escaped(f"{name}={value}")}"'


def systemd_word(word: str) -> str:
    """Return one argument of an `Exec…=` line; systemd expands nothing in it."""
    return _quoted(_escaped(word).replace("$", "$$"))


def systemd_program(path: str) -> str:
    """Return the first word of an `Exec…=` line, in which systemd expands no variables."""
    return _quoted(_escaped(path))


def _quoted(escaped: str) -> str:
    return escaped if _PLAIN.fullmatch(escaped) else f'"{escaped}"'


def _escaped(text: str) -> str:
    """Return the text for double quotes: with C's escapes, and `%%` for `%`."""
    doubled = re.sub(r'(["\\])', r"\\\1", text).replace("%", "%%")
    return re.sub(r"[\x00-\x1f\x7f]", _escape, doubled)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    return f"\\{_ESCAPES[char]}" if char in _ESCAPES else f"\\x{ord(char):02x}"
