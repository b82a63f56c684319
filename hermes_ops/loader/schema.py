"""Say what keys a mapping may have and what stands behind them, and refuse the rest.

A `Schema` is data: the tables are in the modules that know the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from hermes_ops.errors import InventoryError
from hermes_ops.loader.located import Located, kind
from hermes_ops.loader.overlay import signed


class Kind(NamedTuple):
    """What a value must be, in words and as a question."""

    words: str
    accepts: Callable[[Any], bool]


class Record(NamedTuple):
    """A mapping with these keys and no other."""

    keys: Mapping[str, Schema]
    is_layered: bool = False
    """Other layers come upon it: `+key` and `-key` may change its lists."""


class Each(NamedTuple):
    """A list of items of one kind."""

    item: Schema


Schema = Kind | Record | Each


def _is_time(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and value <= LONGEST


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


LONGEST = 10**7
"""Seconds: some hundred days, far from what a clock or a shell cannot count."""

ANY = Kind("anything", lambda _: True)
TEXT = Kind("a text", lambda value: isinstance(value, str))
WORD = Kind("a text that is not empty", lambda value: isinstance(value, str) and value != "")
BOOLEAN = Kind("true or false", lambda value: isinstance(value, bool))
WHOLE = Kind("a whole number from 0", lambda value: _is_whole(value) and value >= 0)
SECONDS = Kind("a number of seconds above 0", lambda value: _is_time(value) and value > 0)
PAUSE = Kind("a number of seconds from 0", lambda value: _is_time(value) and value >= 0)
MAPPING = Kind("a mapping", lambda value: isinstance(value, dict))
LIST = Kind("a list", lambda value: isinstance(value, tuple))
PORT = Kind("a port from 1 to 65535", lambda value: _is_whole(value) and 0 < value < 65536)


def one_of(*words: str) -> Kind:
    """Return the kind of value that is one of these words."""
    return Kind("one of " + ", ".join(words), lambda value: value in words)


def matching(words: str, pattern: str) -> Kind:
    """Return the kind of text that matches a pattern from end to end."""
    expression = re.compile(pattern)
    return Kind(
        words, lambda value: isinstance(value, str) and expression.fullmatch(value) is not None
    )


def check(value: Located, schema: Schema, name: str) -> None:
    """Raise unless the value, which messages call `name`, is as the schema says."""
    match schema:
        case Kind():
            _check_kind(value, schema, name)
        case Record():
            _check_record(value, schema, name)
        case Each():
            _check_each(value, schema, name)


def _check_kind(value: Located, schema: Kind, name: str) -> None:
    if not schema.accepts(value.data):
        hint = "put it in quotes" if value.text and schema.accepts(value.text) else ""
        raise value.error(f"{name!r} must be {schema.words}, this is {written(value)}", hint)


def _check_record(value: Located, schema: Record, name: str) -> None:
    _check_kind(value, MAPPING, name)
    for key, entry in value.entries.items():
        sign, name = signed(key) if schema.is_layered else ("", key)
        if name not in schema.keys:
            raise unknown_key(key, entry, schema.keys)
        if sign:
            _refuse_no_list(sign, name, entry, schema.keys[name])
        if entry.data is not None:
            check(entry, schema.keys[name], key)


def _refuse_no_list(sign: str, name: str, entry: Located, schema: Schema) -> None:
    if not isinstance(schema, Each):
        message = f"'{sign}{name}' would change a list, and {name!r} is none"
        raise entry.error(message, f"write {name!r}")


def _check_each(value: Located, schema: Each, name: str) -> None:
    _check_kind(value, LIST, name)
    for item in value.items:
        check(item, schema.item, name)


def word(value: Located, schema: Schema) -> Located:
    """Return a boolean as the word that was written, where the schema wants that word.

    To YAML `off` is a boolean; to a person who may choose among `required` and `off` it is not.
    """
    if isinstance(value.data, bool) and isinstance(schema, Kind) and schema.accepts(value.text):
        return Located(value.text, value.place, value.text)
    return value


def written(value: Located) -> str:
    """Describe a wrong value; a text is repeated only when it is short."""
    if isinstance(value.data, str) and len(value.data) <= 40:
        return repr(value.data)
    return kind(value)


def unknown_key(key: object, entry: Located, known: Iterable[str]) -> InventoryError:
    """Return the error for a key that is not among the known ones."""
    return entry.error(f"unknown key {str(key)!r}", suggestion(str(key), known))


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the hint that names what was probably meant, or else all that is known."""
    names = list(known)
    near = get_close_matches(name, names, cutoff=0.8) or get_close_matches(name, names)
    if near:
        return "did you mean " + " or ".join(map(repr, near)) + "?"
    return "known are: " + ", ".join(sorted(names)) if names else ""
