"""Text that is never shown, and how output masks it."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
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


class Public(str):
    """A text that is shown as it is: the name of something, or what was redacted already."""

    __slots__ = ()


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
        self._names: frozenset[str] = frozenset()
        self._typed: set[str] = set()

    def spare(self, names: Iterable[str]) -> None:
        """Leave these names whole in every text, though a value may be a part of one."""
        self._names |= {part for name in names for part in name.split("/")}

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

    def learn_typed(self, value: str) -> None:
        """Add a value of a vault: as the value of a setting it is masked whatever its length is."""
        self.learn(value)
        self._typed |= {value.strip()} - {""}

    def of_setting(self, value: str) -> str:
        """Return the value of a setting, or `***` if it is one of a vault."""
        return SHOWN if value.strip() in self._typed else value

    def in_line(self, line: str, shown: Callable[[str], str] = lambda _: SHOWN) -> str:
        """Return a line of a file of settings with what is shown for each value of a vault."""
        if not self._typed:
            return line
        long = sorted((v for v in self._typed if _SPLITS.search(v)), key=len, reverse=True)
        for value in long:
            line = line.replace(value, shown(value))
        return _TOKEN.sub(lambda f: shown(f[0]) if f[0] in self._typed else f[0], line)

    def __call__(self, text: str) -> str:
        """Return `text` without any known value."""
        return self._without(text, self._is_in_a_name)

    def in_words(self, text: str) -> str:
        """Return `text` without the values that are words of their own in it.

        For what an operator wrote beside a value: `web-note` is not the password `web`.
        """
        return self._without(text, _is_in_a_word)

    def _without(self, text: str, stays: Callable[[str, int, int], bool]) -> str:
        parts, done = [], 0
        for at in self._candidates(text):
            length = self._length_at(text, at) if at >= done else 0
            if length and not stays(text, at, at + length):
                parts += [text[done:at], SHOWN]
                done = at + length
        return "".join((*parts, text[done:])) if parts else text

    def _candidates(self, text: str) -> Sequence[int]:
        """Return where the first letters of a known value are."""
        heads = self._lengths
        if len(text) < SHORTEST or not heads:
            return ()
        if len(heads) <= _FEW and not any(head in text for head in heads):
            # Most texts hold none, and this is much faster than a look at each place.
            return ()
        places = range(len(text) - SHORTEST + 1)
        return [at for at in places if text[at : at + SHORTEST] in heads]

    def _is_in_a_name(self, text: str, begin: int, end: int) -> bool:
        """Return whether a value is a part of a spared name; the whole name is no such part."""
        if not self._names:
            return False
        first, last = _word_around(text, begin, end)
        return last - first > end - begin and text[first:last].strip(".-") in self._names

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
        """Return a document with every text in it redacted, before it is quoted or escaped.

        What is `Public` stays: a name is a name, whatever is secret.
        """
        if isinstance(value, str):
            return value if isinstance(value, Public) else self(value)
        if isinstance(value, Mapping):
            return {self.deep(key): self.deep(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(item) for item in value]
        return value


_FEW = 32
_SPLITS = re.compile(r"[\s:=,\[\]{}\"']")
_TOKEN = re.compile(r"[^\s:=,\[\]{}\"']+")
"""What may be the value of a setting in YAML, or in a unit."""
_WORD = re.compile(r"[\w.-]")


def _word_around(text: str, begin: int, end: int) -> tuple[int, int]:
    """Return where the word begins and ends of which this is a part."""
    while begin > 0 and _WORD.match(text[begin]) and _WORD.match(text[begin - 1]):
        begin -= 1
    while end < len(text) and _WORD.match(text[end - 1]) and _WORD.match(text[end]):
        end += 1
    return begin, end


def _is_in_a_word(text: str, begin: int, end: int) -> bool:
    return _word_around(text, begin, end) != (begin, end)


_ODD_WORD = re.compile(r"(?=[\w+=-]*[0-9])(?=[\w+=-]*[A-Za-z])[\w+=-]{20,}", re.ASCII)


def without_odd_words(text: str) -> str:
    """Return a text with anything that looks like a key or a token masked."""
    return _ODD_WORD.sub(SHOWN, text)
