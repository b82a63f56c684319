"""A `.env` file: which values it can hold, and how to merge keys into it.

Two readers must read the same: python-dotenv, which sets the process environment of a gateway,
and the line reader of Hermes' own command line. Hermes also rewrites a file that is not in its
canonical form, at every start of any of its processes; ours always is.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from hermes_ops.errors import Conflict, InventoryError, Place

MASK = "\x01kept\x01"
"""Stands for a value that stays on the host; the apply script restores the old line."""

_TOKEN = re.compile(r"\x01(?:kept|new:\d+)\x01")
_NONE: Mapping[str, int] = MappingProxyType({})


def new(size: int) -> str:
    """Return the token for a secret of `size` random bytes that the apply script makes."""
    return f"\x01new:{size}\x01"


# What it can hold.


def refusal(name: str, value: str) -> str | None:
    """Return why Hermes would not read `value` back under `name`; None if it would."""
    return _name_refusal(name) or _value_refusal(name, value) or _line_refusal(name, value)


def _name_refusal(name: str) -> str | None:
    if name == "HERMES_HOME":
        return "HERMES_HOME in .env sends Hermes to another home"
    if not name.isprintable() or not re.fullmatch(r"[^\s=#'][^\s=#]*", name):
        return "its name has a blank, a quote, '=', '#' or a control character, or is empty"
    return None


def _value_refusal(name: str, value: str) -> str | None:
    if re.search(r"[\r\n\0]", value):
        return "its value has a line break or a NUL, and a line ends there"
    if "${" in value:
        return "its value has '${', which only one of Hermes' two readers expands"
    if not value.isascii() and name.endswith(_CREDENTIAL):
        return "its value is not ASCII, and Hermes strips that from credentials"
    if _TOKEN.search(value) or re.search(r"[\ud800-\udfff]", value):
        return "its value cannot be encoded as text"
    return None


_CREDENTIAL = ("_API_KEY", "_TOKEN", "_SECRET", "_KEY")


def _line_refusal(name: str, value: str) -> str | None:
    line = _line(name, value)
    if _canonical_lines(line) != [line]:
        return "its value contains another variable's name and '=', and Hermes splits that in two"
    if line.endswith('\\"'):
        return "its value needs quotes and ends in a backslash, and the readers disagree on that"
    return None


def render_line(name: str, value: str) -> str:
    """Return the line, without its newline, from which both readers read `value` for `name`."""
    if reason := refusal(name, value):
        raise InventoryError(f"{name} cannot be kept in .env: {reason}")
    return _line(name, value)


def _line(name: str, value: str) -> str:
    # A quote after a backslash can extend to the next quote in the file, so such a value
    # is written without quotes if possible.
    quoted = _must_quote(value) if value.endswith("\\") else _is_quoted_by_hermes(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"' if quoted else f"{name}={value}"


def _must_quote(value: str) -> bool:
    return value != value.strip() or value[:1] in {'"', "'"} or bool(re.search(r"\s#", value))


def _is_quoted_by_hermes(value: str) -> bool:
    return bool(re.search(r"[\s#\"']", value))


# What it holds.


def read(text: str) -> dict[str, str]:
    """Return what python-dotenv reads, without expanding; the last line of a name counts."""
    return {part.name: part.value for part in _parts(text) if part.name and part.value is not None}


class _Part(NamedTuple):
    """A part of the file; `name` is None for comments and unreadable text."""

    name: str | None
    value: str | None
    text: str


@lru_cache(maxsize=64)
def _parts(text: str) -> tuple[_Part, ...]:
    from dotenv.parser import parse_stream  # here, so that only merging loads it

    found = parse_stream(io.StringIO(text))
    return tuple(_Part(b.key, b.value, b.original.string) for b in found)


def _read_by_line(text: str) -> dict[str, str]:
    """Return what Hermes' own reader, which reads line by line, reads in a canonical text."""
    lines = (line.strip() for line in text.split("\n"))
    pairs = (ln.removeprefix("export ").partition("=") for ln in lines if not ln.startswith("#"))
    return {name.strip(): _unquoted(value.strip()) for name, equals, value in pairs if equals}


def _unquoted(value: str) -> str:
    if len(value) < 2 or value[0] != value[-1] or value[0] not in {'"', "'"}:
        return value
    return re.sub(r'\\(["\\])', r"\1", value[1:-1]) if value[0] == '"' else value[1:-1]


# The canonical form.


def canonical(text: str) -> str:
    """Return `text` in the canonical form; Hermes would rewrite any other."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    lines = plain.removesuffix("\n").split("\n") if plain else []
    result = "".join(f"{clean}\n" for line in lines for clean in _canonical_lines(line))
    return canonical(result) if result.startswith("\ufeff") else result


def _canonical_lines(line: str) -> list[str]:
    stripped = line.strip()
    return [line] if not stripped or stripped.startswith("#") else _split(stripped)


def _split(line: str) -> list[str]:
    """Return the lines into which Hermes splits one: it cuts before each known name.

    Not if the line begins with something else, or if a piece looks like a URL or a phrase.
    """
    starts = list(_known_starts(line))
    if len(starts) < 2 or starts[0] != 0:
        return [line]
    pieces = [line[start:end] for start, end in pairwise([*starts, len(line)])]
    return [line] if any(map(_is_structured, pieces[:-1])) else pieces


def _known_starts(line: str) -> Iterable[int]:
    """Yield the start of the longest known name before each equals sign."""
    for run in re.finditer(r"[A-Z0-9_]+(?==)", line):
        starts = range(run.start(), run.end())
        yield from [at for at in starts if line[at : run.end()] in _known_names()][:1]


def _is_structured(piece: str) -> bool:
    return bool(re.search(r"://|[?&\s]", piece.partition("=")[2]))


@cache
def _known_names() -> frozenset[str]:
    listed = (files("hermes_ops.files") / "hermes-env-names.txt").read_text("utf-8")
    return frozenset(line for line in listed.splitlines() if not line.startswith("#"))


# Merging.


def merge(
    text: str,
    wanted: Mapping[str, str],
    generated: Mapping[str, int] = _NONE,
    *,
    renewed: Collection[str] = (),
    file: str = ".env",
) -> str:
    """Return the canonical `text` with `wanted` set; foreign lines keep their place.

    A name of `generated` that has no value yet, or is `renewed`, gets the token for that many
    random bytes.
    A wanted value that differs replaces the name's last line, and the name's other lines are
    removed. Raises `Conflict` if a foreign line prevents a wanted one from being read.
    """
    result = canonical(text)
    present = read(result) if generated else {}
    lacking = [name for name in generated if name in renewed or not present.get(name)]
    tokens = {name: new(generated[name]) for name in lacking}
    lines = {name: render_line(name, value) for name, value in wanted.items()}
    lines |= {name: _line(name, token) for name, token in tokens.items()}
    values = {**wanted, **tokens}
    missing = _unread(result, values)
    for name in missing:
        result = _put(result, name, lines[name])
    if missing and (lost := _unread(result, values)):
        raise _swallowed(result, lost, file)
    return result


def without(text: str, names: Iterable[str]) -> str:
    """Return `text` without the lines that set one of these names."""
    gone = set(names)
    if not gone:
        return text
    parts = _parts(canonical(text))
    return "".join(
        _blank_before(part.text) if any(_defines(part, name) for name in gone) else part.text
        for part in parts
    )


def same(first: str, second: str) -> bool:
    """Return whether both of Hermes' readers read the same in two texts."""
    return read(first) == read(second) and _read_by_line(canonical(first)) == _read_by_line(
        canonical(second)
    )


def _unread(text: str, values: Mapping[str, str]) -> list[str]:
    """Return the names that one of the two readers does not read as wanted."""
    first, second = read(text), _read_by_line(text)
    return [
        name for name, value in values.items() if not first.get(name) == second.get(name) == value
    ]


def _put(text: str, name: str, line: str) -> str:
    parts = list(_parts(text))
    at = [index for index, part in enumerate(parts) if _defines(part, name)]
    if not at:
        return f"{text}{line}\n"
    for index in at:
        blank = _blank_before(parts[index].text)
        parts[index] = _Part(name, None, f"{blank}{line}\n" if index == at[-1] else blank)
    return "".join(part.text for part in parts)


def _defines(part: _Part, name: str) -> bool:
    """Return whether a part sets `name`, for either reader."""
    is_one_line = part.text.strip().count("\n") == 0
    return part.name == name or (
        part.name is None and is_one_line and name in _read_by_line(part.text)
    )


def _blank_before(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _swallowed(text: str, names: list[str], file: str) -> Conflict:
    """Return the error for names whose lines exist but are not read."""
    broken = next(
        (part for part in _parts(text) if part.name is None and names[0] in part.text), None
    )
    before = text[: text.find(broken.text)].count("\n") + 1 if broken else 0
    return Conflict(
        f"{', '.join(names)} would not be read: a line before opens a quote and does not close it",
        hint="close the quote on the host, or remove that line; then run again",
        where=Place(file, before),
    )
