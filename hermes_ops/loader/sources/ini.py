"""INI inventories, line by line as Ansible reads them.

A value that is a Python literal is read as one, any other as text; a host's line is split as in
a shell. `hermes_profiles=a,b` is a list of words. A group may be named as a child before its
section.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.groups import SECTIONS, HostNode, Mention
from hermes_ops.loader.located import Located
from hermes_ops.loader.sources.patterns import names_of
from hermes_ops.loader.sources.reading import Reading
from hermes_ops.loader.sources.text import shown
from hermes_ops.loader.sources.vault import Vault, is_encrypted, veiled

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_CHILD = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_LISTS = ("hermes_profiles",)
_NEEDS_SHELL = re.compile(r"[^ \t!$-&(-\[\]-~]")
"""Quotes, comments, backslashes, and blanks that only Python treats as blanks."""


def ini_mentions(path: Path, reading: Reading, known: Container[str]) -> Iterator[Mention]:
    """Yield the mentions in an INI file; `known` are the groups of earlier sources."""
    content, vault = reading.bytes_of(path), reading.vault
    sealed = vault if content.startswith(b"$ANSIBLE_VAULT;") else None
    return _Reader(shown(path), known, sealed).mentions(_lines(content, path, vault))


def _lines(content: bytes, path: Path, vault: Vault) -> list[str]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return [
            _line(line, Place(shown(path), n)) for n, line in enumerate(content.split(b"\n"), 1)
        ]
    if is_encrypted(text):
        text = vault.open(text, Place(shown(path), 1, 1))
    return text.splitlines()


def _line(line: bytes, place: Place) -> str:
    """Return a line as text; only comments may be other than UTF-8."""
    if line.lstrip()[:1] in (b"#", b";"):
        return ""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        column = len(line[: error.start].decode()) + 1
        where = Place(place.file, place.line, column)
        raise InventoryError("is not UTF-8 text", where=where) from None


class _Reader:
    """Reads the lines of one file and tracks the current section."""

    def __init__(self, file: str, known: Container[str], vault: Vault | None) -> None:
        self._file = file
        self._known = known
        self._vault = vault
        """Set for an encrypted file: its values are secrets."""
        self._own: set[str] = set()
        self._group, self._kind = "ungrouped", "hosts"
        self._place, self._text = Place(file), ""
        self._waiting: dict[str, list[tuple[str, Place]]] = {}
        """Children that have no section yet, with their parent groups."""
        self._undeclared: dict[str, Place] = {}
        """Groups that have only variables so far."""

    def mentions(self, lines: list[str]) -> Iterator[Mention]:
        for number, raw in enumerate(lines, 1):
            line = raw.strip()
            self._place = Place(self._file, number, raw.find(line) + 1)
            self._text = line
            if line and line[0] not in "#;":
                yield from self._line(line)
        self._refuse_undeclared()

    def _line(self, line: str) -> Iterator[Mention]:
        section = _SECTION.fullmatch(line)
        if section:
            yield from self._open(section[1], section[2] or "hosts")
        elif line.startswith("[") and line.endswith("]"):
            hint = "[group], [group:vars] or [group:children], without blanks"
            raise self._error(f"{line!r} is not a section", hint)
        elif self._kind == "hosts":
            yield self._hosts(line)
        elif self._kind == "vars":
            yield self._variable(line)
        else:
            yield from self._child(line)

    def _open(self, group: str, kind: str) -> Iterator[Mention]:
        if kind not in SECTIONS:
            raise self._error(f"a section is one of {', '.join(SECTIONS)}, not {kind!r}")
        self._group, self._kind = group, kind
        if not self._knows(group):
            if kind == "vars" and group not in self._waiting:
                self._undeclared[group] = self._place
            self._own.add(group)
        yield Mention.of_group(group, self._place)
        if kind != "vars":
            self._undeclared.pop(group, None)
            yield from self._arrived(group)

    def _knows(self, group: str) -> bool:
        return group in self._own or group in self._known

    def _arrived(self, group: str) -> Iterator[Mention]:
        """Add a group to the parents that named it before its section."""
        for parent, place in self._waiting.pop(group, ()):
            yield Mention.of_child(parent, place, group)
            yield from self._arrived(parent)

    def _hosts(self, line: str) -> Mention:
        words = self._words(line)
        if words[0].endswith(":") or words[0] == "---":
            raise self._error(f"{words[0]!r} cannot be the name of a host")
        names, port = names_of(words[0], self._place)
        variables = dict(self._assignment(word) for word in words[1:])
        given = None if port is None else Located(port, self._place, str(port))
        nodes = (HostNode(name, self._place, variables) for name in names)
        return Mention.of_hosts(self._group, self._place, nodes, given)

    def _words(self, line: str) -> list[str]:
        if not _NEEDS_SHELL.search(line):
            return line.split()
        try:
            return shlex.split(line, comments=True)
        except ValueError as error:
            raise self._error(f"the line cannot be split: {str(error).lower()}") from None

    def _assignment(self, word: str) -> tuple[str, Located]:
        name, equals, value = word.partition("=")
        if not equals:
            hint = "no blanks around '=', and quotes around a value with blanks"
            message = f"a host's variable is written name=value, not {_short(word)}"
            raise InventoryError(message, hint=hint, where=self._place_of(word))
        return name, self._value(name, value, self._place_of(word))

    def _variable(self, line: str) -> Mention:
        name, equals, value = line.partition("=")
        if not equals:
            raise self._error(f"a variable is written name=value, not {_short(line)}")
        found = {name.strip(): self._value(name.strip(), value.strip(), self._place)}
        return Mention.of_variables(self._group, self._place, found)

    def _child(self, line: str) -> Iterator[Mention]:
        match = _CHILD.fullmatch(line)
        if not match:
            raise self._error(f"{_short(line)} is not the name of a group")
        child = match[1]
        if self._knows(child):
            yield Mention.of_child(self._group, self._place, child)
        else:
            self._waiting.setdefault(child, []).append((self._group, self._place))

    def _value(self, name: str, text: str, place: Place) -> Located:
        read = self._literal(text, place)
        if name in _LISTS and read.data and isinstance(read.data, str) and "{" not in text:
            read = _words_of(text, place)
        found = Located({name: read}, place)
        return (veiled(found, self._vault) if self._vault else found).entries[name]

    def _literal(self, text: str, place: Place) -> Located:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                value = ast.literal_eval(text)
                str(value)  # Python has numbers that it cannot write
        except (ValueError, SyntaxError):
            return Located(text, place, text)
        except (MemoryError, RecursionError):
            raise InventoryError("a value is nested too deep", where=place) from None
        return _located(value, place)

    def _refuse_undeclared(self) -> None:
        for child, parents in self._waiting.items():
            self._place = parents[0][1]
            raise self._error(f"there is no group {child!r}", f"write [{child}], with its hosts")
        for group, place in self._undeclared.items():
            self._place = place
            raise self._error(f"there is no group {group!r}", f"write [{group}], with its hosts")

    def _place_of(self, word: str) -> Place:
        """Return where a word stands in the current line; where quotes hide it, its name."""
        at = self._text.find(word)
        if at < 0:
            at = max(self._text.find(word.partition("=")[0] + "="), 0)
        return Place(self._file, self._place.line, self._place.column + at)

    def _error(self, message: str, hint: str = "") -> InventoryError:
        return InventoryError(message, hint=hint, where=self._place)


def _words_of(text: str, place: Place) -> Located:
    """Return words with commas between them as a list, which keeps its text: Ansible has that."""
    # A host's line loses its quotes, so that `['a', 'b']` is no list for Python.
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    words = (word.strip() for word in bare.split(","))
    return Located(tuple(Located(word, place, word) for word in words if word), place, text)


def _located(value: Any, place: Place) -> Located:
    """Return a Python literal as Ansible does: sequences as lists, other types as texts."""
    if isinstance(value, Mapping):
        return Located({key: _located(entry, place) for key, entry in value.items()}, place)
    if isinstance(value, list | tuple | set):
        return Located(tuple(_located(item, place) for item in value), place)
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if value is Ellipsis:
        value = "..."
    if isinstance(value, complex):
        value = str(value)
    return Located(value, place, str(value))


def _short(text: str) -> str:
    """Return a word of the file up to its '=': what follows may be a secret."""
    name = text.partition("=")[0]
    return repr(name if len(name) <= 40 else name[:40] + "…")
