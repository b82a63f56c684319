"""Check mappings: which keys they may have, and which values.

A `Schema` is data: the tables are in the modules that use the keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NamedTuple

from hermes_ops.errors import InventoryError
from hermes_ops.inventory.amounts import bytes_of
from hermes_ops.loader.layers.overlay import signed
from hermes_ops.loader.located import Located, kind
from hermes_ops.secrets.secret import without_odd_words


class Kind(NamedTuple):
    """What a value must be: in words, as a check, and as JSON Schema."""

    words: str
    accepts: Callable[[Any], bool]
    json: Mapping[str, Any] = MappingProxyType({})
    choices: tuple[str, ...] = ()


class Fields(NamedTuple):
    """A mapping with these keys and no other."""

    keys: Mapping[str, Schema]
    is_layered: bool = False
    """Layers are merged: `+key` and `-key` may change its lists."""
    required: tuple[str, ...] = ()
    """Keys that must have a value."""
    or_boolean: bool = False
    """`true` and `false` are allowed in its place."""


class Each(NamedTuple):
    """A list of items of one kind."""

    item: Schema
    may_be_empty: bool = True


class Key(NamedTuple):
    """A schema with the text that documents, editors and `inventory.explain` show for its key."""

    schema: Kind | Fields | Each
    about: str
    default: Any = None
    otherwise: str = ""
    """The default in words, if it is not a value: `no limit`."""

    @property
    def comment(self) -> str:
        """Return the comment of the annotated example."""
        default = self.otherwise or ("" if self.default is None else _yaml(self.default))
        return f"{self.about} ({default})" if default else self.about


Schema = Kind | Fields | Each | Key


def bare(schema: Schema) -> Kind | Fields | Each:
    """Return a schema without its documentation."""
    return schema.schema if isinstance(schema, Key) else schema


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_time(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and value <= LONGEST


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


LONGEST = 10**7
"""In seconds: some hundred days, far below what a clock or a shell can count."""

ANY = Kind("anything", lambda _: True)
TEXT = Kind("a text", lambda value: isinstance(value, str), {"type": "string"})
WORD = Kind(
    "a text that is not empty",
    lambda value: isinstance(value, str) and value != "",
    {"type": "string", "minLength": 1},
)
BOOLEAN = Kind("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})
WHOLE = Kind(
    "a whole number from 0",
    lambda value: _is_whole(value) and value >= 0,
    {"type": "integer", "minimum": 0},
)
SECONDS = Kind(
    "a number of seconds above 0",
    lambda value: _is_time(value) and value > 0,
    {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST},
)
PAUSE = Kind(
    "a number of seconds from 0",
    lambda value: _is_time(value) and value >= 0,
    {"type": "number", "minimum": 0, "maximum": LONGEST},
)
WATCHDOG = Kind(
    f"a whole number of seconds from 0 to {LONGEST}",
    lambda value: _is_whole(value) and 0 <= value <= LONGEST,
    {"type": "integer", "minimum": 0, "maximum": LONGEST},
)
STAGGER = Kind(
    "a whole number of seconds from 0 to 600",
    lambda value: _is_whole(value) and 0 <= value <= 600,
    {"type": "integer", "minimum": 0, "maximum": 600},
)
MAPPING = Kind("a mapping", lambda value: isinstance(value, dict), {"type": "object"})
SWITCH = MAPPING._replace(words="true, false or a mapping")
LIST = Kind("a list", lambda value: isinstance(value, tuple), {"type": "array"})
PORT = Kind(
    "a port from 1 to 65535",
    lambda value: _is_whole(value) and 0 < value < 65536,
    {"type": "integer", "minimum": 1, "maximum": 65535},
)


def one_of(*words: str) -> Kind:
    """Return the kind of value that is one of these words."""
    described = "one of " + ", ".join(words)
    return Kind(described, lambda value: value in words, {"enum": list(words)}, words)


def matching(words: str, pattern: str) -> Kind:
    """Return the kind of text that matches a pattern from end to end."""
    expression = re.compile(pattern)
    return Kind(
        words,
        lambda value: isinstance(value, str) and expression.fullmatch(value) is not None,
        {"type": "string", "pattern": f"^(?:{pattern})$"},
    )


def _is_memory(amount: str) -> bool:
    """Whether systemd takes an amount, and something could run within it: 512 lacks its M."""
    if amount.endswith(("%", "infinity")):
        return amount.strip("0.%") != ""
    return 2**20 <= bytes_of(amount) < 2**63


_MEMORY = re.compile(r"\d+(\.\d+)?[KMGT]?|(100|\d{1,2}(\.\d{1,2})?)%|infinity")
MEMORY = Kind(
    "an amount such as 512M or 2G",
    lambda value: bool(_MEMORY.fullmatch(str(value))) and _is_memory(str(value)),
    {"type": ["string", "number"], "pattern": f"^(?:{_MEMORY.pattern})$"},
)
_AMOUNT = re.compile(r"\d+(\.\d+)?[KMGT]?")
AMOUNT = Kind(
    "an amount such as 512M or 2G",
    lambda value: bool(_AMOUNT.fullmatch(str(value)) and re.search("[1-9]", str(value))),
    {"type": ["string", "number"], "pattern": f"^(?:{_AMOUNT.pattern})$"},
)
_TASKS = re.compile(r"[1-9]\d{0,8}|(100|[1-9]\d?)%|infinity")
TASKS = Kind(
    "a number such as 200, or a part such as 20%",
    lambda value: not isinstance(value, bool) and bool(_TASKS.fullmatch(str(value))),
    {"type": ["string", "integer"], "pattern": f"^(?:{_TASKS.pattern})$"},
)
CPU = matching("a part of one processor such as 50% or 200%", r"[1-9]\d{0,4}%")
NICE = Kind(
    "a whole number from 0 to 19: only root's services may be less nice",
    lambda value: _is_whole(value) and 0 <= value <= 19,
    {"type": "integer", "minimum": 0, "maximum": 19},
)
MODE = matching("a mode such as '0600'", r"0?o?[0-7]{3}")
VERSION = matching("a version such as '0.19.0'", r"\d[0-9A-Za-z.+!-]*")


def check(value: Located, schema: Schema, name: str) -> None:
    """Raise unless the value matches the schema; messages call it `name`."""
    match bare(schema):
        case Kind() as kind_of:
            _check_kind(value, kind_of, name)
        case Fields() as record:
            _check_record(value, record, name)
        case Each() as each:
            _check_each(value, each, name)


def _check_kind(value: Located, schema: Kind, name: str) -> None:
    if not schema.accepts(value.data):
        hint = "put it in quotes" if value.text and schema.accepts(value.text) else ""
        if not hint and isinstance(value.data, str):
            hint = near(value.data, schema.choices)
        raise value.error(f"{name!r} must be {schema.words}, this is {written(value)}", hint)


def _check_record(value: Located, schema: Fields, name: str) -> None:
    if schema.or_boolean and isinstance(value.data, bool):
        return
    _check_kind(value, SWITCH if schema.or_boolean else MAPPING, name)
    for written_key, entry in value.entries.items():
        sign, key = signed(written_key) if schema.is_layered else ("", written_key)
        if key not in schema.keys:
            raise unknown_key(written_key, entry, schema.keys)
        if sign:
            _refuse_no_list(sign, key, entry, schema.keys[key])
        if entry.data is not None:
            check(entry, schema.keys[key], written_key)
    for key in schema.required:
        _require(value, key, schema.keys[key], name)


def _require(value: Located, key: str, schema: Schema, name: str) -> None:
    found = value.entries.get(key)
    if found is None or found.data is None:
        hint = f"{key}: {schema.about}" if isinstance(schema, Key) else ""
        raise value.error(f"{name!r} needs {key!r}", hint)


def _refuse_no_list(sign: str, name: str, entry: Located, schema: Schema) -> None:
    if not isinstance(bare(schema), Each):
        message = f"'{sign}{name}' would change a list, and {name!r} is not a list"
        raise entry.error(message, f"write {name!r}")


def _check_each(value: Located, schema: Each, name: str) -> None:
    _check_kind(value, LIST, name)
    if not (value.items or schema.may_be_empty):
        raise value.error(f"{name!r} must not be an empty list")
    for item in value.items:
        check(item, schema.item, name)


def filled(value: Located) -> dict[str, Located]:
    """Return the entries that have a value: a key without a value is ignored."""
    return {key: entry for key, entry in value.entries.items() if entry.data is not None}


def word(value: Located, schema: Schema) -> Located:
    """Return the word that was written for a boolean, if the schema allows that word.

    YAML reads `off` as a boolean, but a person who chooses `required` or `off` means the word.
    """
    kind_of = bare(schema)
    if isinstance(value.data, bool) and isinstance(kind_of, Kind) and kind_of.accepts(value.text):
        return Located(value.text, value.place, value.text)
    return value


def written(value: Located) -> str:
    """Describe a wrong value; a text is repeated only if it is short and no token or URL."""
    text = value.data
    if isinstance(text, str) and len(text) <= 40 and "://" not in text and not value.secret:
        return repr(without_odd_words(text))
    return kind(value)


def unknown_key(key: object, entry: Located, known: Iterable[str]) -> InventoryError:
    """Return the error for a key that is not among the known ones."""
    return entry.error(f"unknown key {str(key)!r}", suggestion(str(key), known))


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the hint that names what was probably meant, or else all known names."""
    names = list(known)
    return near(name, names) or ("known are: " + ", ".join(sorted(names)) if names else "")


def near(name: str, known: Iterable[str]) -> str:
    """Return the hint that names what was probably meant, if anything resembles it."""
    names = list(known)
    found = get_close_matches(name, names, cutoff=0.8) or get_close_matches(name, names)
    return "did you mean " + " or ".join(map(repr, found)) + "?" if found else ""
