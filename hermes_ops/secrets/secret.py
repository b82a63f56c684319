"""Text that is never shown, and how output masks it."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from hermes_ops.secrets.encodings import SHORTEST, disguises
from hermes_ops.secrets.names import holds_credential

SHOWN = "***"

_KNOWN_WORDS = frozenset({"localhost", "anthropic", "telegram", "disabled", "required", "optional"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_CUT = re.compile(r"([^\r\n]*?)(?:\.\.\.|…)?[ \t]*(?=[\r\n]|\Z)")
_ADDRESS = re.compile(
    r"(?:(?:https?|wss?)://)?(localhost|[0-9.]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?/?", re.I
)


class Secret:
    """A value that is never shown: its repr and its str are `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one place that passes it on."""
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
    """Return whether a value is long and unusual enough to be redacted everywhere.

    The rules of `docs/secrets.md`: at least 8 characters, and not a number, boolean, address or
    known word.
    """
    text = value.strip()
    return (
        len(text) >= SHORTEST
        and text.lower() not in _KNOWN_WORDS
        and not _NUMBER.fullmatch(text)
        and not _is_address(text)
    )


def _is_address(text: str) -> bool:
    """Return whether this is an address, or its URL without a name, path or password."""
    match = _ADDRESS.fullmatch(text)
    host = match[1].strip("[]").lower() if match else text
    try:
        return host == "localhost" or bool(ip_address(host))
    except ValueError:
        return False


def veiled(name: str, value: Any) -> Any:
    """Return a value of a setting that may be shown, with `***` for each credential in it.

    `name` is its dotted path. Booleans and empty values are not credentials.
    """
    if isinstance(value, Mapping):
        return {key: veiled(f"{name}.{key}", item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [veiled(name, item) for item in value]
    is_value = value not in ("", None) and not isinstance(value, bool)
    return SHOWN if is_value and holds_credential(name) else value


class Redactor:
    """Replaces known secret values, and their usual encodings, by `***`.

    Its time does not grow with the number of values: at each position of a text, the next eight
    letters are looked up.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._shapes: set[str] = set()
        self._lengths: dict[str, tuple[int, ...]] = {}
        """For the first letters of any form: the lengths of the forms, longest first."""
        self._beginning: dict[str, list[str]] = {}
        """For the first letters of any form: the forms, sorted."""

    def learn(self, secret: Secret | str) -> None:
        """Add a value to search for; values too plain to search for are left out."""
        value = secret.reveal() if isinstance(secret, Secret) else secret
        if value in self._known or not is_searched(value):
            return
        self._known.add(value)
        for shape in disguises(value):
            if shape in self._shapes:
                continue
            self._shapes.add(shape)
            insort(self._beginning.setdefault(head := shape[:SHORTEST], []), shape)
            lengths = self._lengths.get(head, ())
            if len(shape) not in lengths:
                # A new tuple each time: other threads may be reading the old one.
                self._lengths[head] = tuple(sorted({*lengths, len(shape)}, reverse=True))

    def __call__(self, text: str) -> str:
        """Return `text` without any known value."""
        heads, parts, done = self._lengths, [], 0
        places = range(len(text) - SHORTEST + 1) if heads else ()
        for at in [at for at in places if text[at : at + SHORTEST] in heads]:
            length = self._length_at(text, at) if at >= done else 0
            if length:
                parts += [text[done:at], SHOWN]
                done = at + length
        return "".join((*parts, text[done:])) if parts else text

    def _length_at(self, text: str, at: int) -> int:
        """Return the length of the longest form at this position; 0 if there is none.

        A form cut off at the end of a line counts too: logs and tables have a width.
        """
        head = text[at : at + SHORTEST]
        whole = (n for n in self._lengths[head] if text[at : at + n] in self._shapes)
        return next(whole, 0) or self._cut_off(_CUT.match(text, at)[1], head)  # type: ignore[index]

    def _cut_off(self, line: str, head: str) -> int:
        known = self._beginning[head]
        following = known[(at := bisect_left(known, line)) : at + 1]
        return len(line) if following and following[0].startswith(line) else 0

    def deep(self, value: Any) -> Any:
        """Return a document with every text in it redacted, before it is quoted or escaped."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self(k) if isinstance(k, str) else k: self.deep(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(item) for item in value]
        return value


_ODD_WORD = re.compile(r"(?=[\w+=-]*[0-9])(?=[\w+=-]*[A-Za-z])[\w+=-]{20,}", re.ASCII)


def without_odd_words(text: str) -> str:
    """Return a text with anything that looks like a key or a token masked."""
    return _ODD_WORD.sub(SHOWN, text)
