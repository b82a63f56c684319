"""Read YAML with libyaml's speed, and keep the line and column of every key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

from hermes_ops.errors import InventoryError, Place
from hermes_ops.files.yamlreader import Loader
from hermes_ops.loader.located import Literal, Located, plain
from hermes_ops.loader.sources.json import DEEPEST, MARKS, decoded, doubles_in, located, opened
from hermes_ops.loader.sources.reading import Double, Kind, Reading
from hermes_ops.loader.sources.text import place_after, shown
from hermes_ops.loader.sources.vault import Vault, is_encrypted, veiled

DEEP = 1000
MOST_ALIASED = 100_000
"""How many values aliases may add to those that are written."""

_RESOLVER: Any = yaml.resolver.Resolver()
_TAG = "tag:yaml.org,2002:"
_TOO_DEEP = f"is nested in itself, or deeper than {DEEPEST}"


def read(path: Path, reading: Reading | None = None, kind: Kind = "ours") -> Located:
    """Return the one document of a file; an empty file is `None` at its first line."""
    text = (reading or Reading()).text_of(path)
    return parse(text, shown(path), reading, kind)


def parse(text: str, file: str, reading: Reading | None = None, kind: Kind = "ours") -> Located:
    """Return the one document of a text, which messages call `file`.

    Keys that appear twice are told to the reading; without one, the first is an error.
    """
    vault = reading.vault if reading else Vault()
    secret = is_encrypted(text)
    text = vault.open(text, Place(file, 1, 1)) if secret else text
    construction = _Construction(file, vault, secret)
    is_json = text.lstrip()[:1] in ("{", "[")
    found = (_json_or_yaml if is_json else _yaml)(text, construction)
    doubles = [double._replace(kind=kind) for double in construction.doubles]
    if reading:
        reading.tell(doubles)
    elif doubles:
        raise InventoryError(doubles[0].message, where=doubles[0].place)
    return found


def _yaml(text: str, construction: _Construction) -> Located:
    file = construction.file
    try:
        _refuse_depth(text, file)
        root = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, file) from None
    return construction.document(root)


def _json_or_yaml(text: str, construction: _Construction) -> Located:
    """Read JSON as JSON, like Ansible; the YAML reader still gives the places.

    The two differ only in `1e3`, characters written as two `\\u`, and Ansible's own marks.
    """
    _refuse_depth(text, construction.file)
    try:
        value = decoded(text)
    except ValueError:
        return _yaml(text, construction)
    found = _places(text, construction)
    if found is None or plain(found) != value or '"__ansible_' in text:
        if found is None:
            construction.doubles = doubles_in(value, Place(construction.file, 1, 1))
        return construction.given(value, found)
    return found


def _places(text: str, construction: _Construction) -> Located | None:
    """Return the values of a JSON text as the YAML reader sees them; None if it cannot."""
    # What only JSON may have is exchanged for something of the same length.
    text = text.replace("\t", " ")
    for pattern, instead in _ONLY_JSON if "\\" in text else ():
        text = pattern.sub(instead, text)
    try:
        return _yaml(text, construction)
    except InventoryError:
        return None


_ONLY_JSON = (
    (re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"), r"\\u0020"),
    (re.compile(r"((?<!\\)(?:\\\\)*)\\/"), r"\1//"),
)


def _refuse_depth(text: str, file: str) -> None:
    """Refuse a text nested so deep that libyaml's recursion would crash the process.

    Only texts with that many brackets, or lines that long, are parsed twice to find out.
    """
    brackets = text.count("[") + text.count("{")
    if brackets < DEEP and max(map(len, text.splitlines()), default=0) < DEEP:
        return
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise InventoryError(_TOO_DEEP, where=_place(event, file))


def _syntax_error(error: yaml.YAMLError, text: str, file: str) -> InventoryError:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        # The reader's own count is of bytes, or of a part of the text.
        odd = yaml.reader.Reader.NON_PRINTABLE.search(text)
        words = _one_line(getattr(error, "reason", None) or str(error))
        words += f" (U+{ord(odd[0]):04X})" if odd else ""
        place = place_after(text[: odd.start()] if odd else "", file)
        return InventoryError(f"is not YAML: {words}", where=place)
    place = Place(file, mark.line + 1, mark.column + 1)
    if _stands_on_tab(text, mark):
        return InventoryError("a tab cannot indent YAML", hint="use spaces", where=place)
    problem = _one_line(getattr(error, "problem", None), getattr(error, "context", None))
    return InventoryError(f"is not YAML: {problem}", where=place)


def _stands_on_tab(text: str, mark: Any) -> bool:
    lines = text.split("\n")[mark.line : mark.line + 1]
    return any(line[mark.column : mark.column + 1] == "\t" for line in lines)


def _place(at: Any, file: str) -> Place:
    """Return where a node or an event begins."""
    return Place(file, at.start_mark.line + 1, at.start_mark.column + 1)


def _one_line(*parts: str | None) -> str:
    return ", ".join(" ".join(part.split()) for part in parts if part)


class _Construction:
    """Builds the values of one document; aliases share their value."""

    def __init__(self, file: str, vault: Vault, secret: bool) -> None:
        self.file = file
        self._vault, self._secret = vault, secret
        self._scalars = SafeConstructor()
        self._made: dict[int, Located] = {}
        self._weights: dict[int, int] = {}
        self._open: set[int] = set()
        self.doubles: list[Double] = []
        self._path: list[Any] = []
        """The keys that lead to the value that is being made."""

    def document(self, root: yaml.Node | None) -> Located:
        """Return the values below the root of a document."""
        if root is None:
            return Located(None, Place(self.file, 1))
        value = self._value(root, self._place(root))
        if self._weights[id(root)] > len(self._weights) + MOST_ALIASED:
            raise value.error(f"aliases add more than {MOST_ALIASED} values to this file")
        return veiled(value, self._vault) if self._secret else value

    def given(self, value: Any, like: Located | None) -> Located:
        """Return the values of another reader, with the places that they have in `like`."""
        found = self._like(value, like or Located(None, Place(self.file, 1, 1)))
        return veiled(found, self._vault) if self._secret else found

    def _like(self, value: Any, like: Located) -> Located:
        if isinstance(value, dict) and value.keys() == like.entries.keys() - MARKS:
            entries = {key: self._like(one, like.entries[key]) for key, one in value.items()}
            return Located(entries, like.place)
        if isinstance(value, list) and len(value) == len(like.items):
            return Located(tuple(map(self._like, value, like.items)), like.place)
        return located(value, like.place, self._vault)

    def _place(self, node: yaml.Node) -> Place:
        return _place(node, self.file)

    def _error(self, node: yaml.Node, message: str, hint: str = "") -> InventoryError:
        return InventoryError(message, hint=hint, where=self._place(node))

    def _value(self, node: yaml.Node, place: Place) -> Located:
        made = self._made.get(id(node))
        if made is None:
            made = self._made[id(node)] = self._make(node, place)
        return made if made.place is place else made._replace(place=place)

    def _make(self, node: yaml.Node, place: Place) -> Located:
        if isinstance(node, yaml.ScalarNode):
            self._weights[id(node)] = 1
            if node.tag in ("!vault", "!vault-encrypted"):
                return opened(node.value, place, self._vault)
            return Located(self._scalar(node), place, node.value)
        if id(node) in self._open or len(self._open) == DEEPEST:
            raise self._error(node, _TOO_DEEP)
        self._open.add(id(node))
        made = Located(self._collection(node), place)
        self._open.remove(id(node))
        return _literal(made) if node.tag == "!unsafe" else made

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag == _TAG + "str":
            return node.value
        if node.tag == "!unsafe":
            return self._unsafe(node)
        if not node.tag.startswith(_TAG):
            raise self._error(node, f"the tag {node.tag} is not known")
        try:
            made = self._scalars.construct_object(node)
            str(made)  # Python has numbers, such as hexadecimal ones, that it cannot write
            return made
        except (ConstructorError, ValueError):
            name = node.tag.removeprefix(_TAG)
            shown_value = "an encrypted value" if self._secret else repr(node.value)
            raise self._error(node, f"{shown_value} is not a valid {name}") from None

    def _unsafe(self, node: yaml.ScalarNode) -> Any:
        """Return the value after `!unsafe`, in its own type; a text is never an expression."""
        tag = _RESOLVER.resolve(yaml.ScalarNode, node.value, (True, False))
        value = self._scalar(yaml.ScalarNode(tag, node.value, node.start_mark, node.end_mark))
        return Literal(value) if isinstance(value, str) else value

    def _collection(self, node: yaml.Node) -> Any:
        if node.tag not in (_TAG + "map", _TAG + "seq", "!unsafe"):
            raise self._error(node, f"the tag {node.tag} is not known")
        if isinstance(node, yaml.SequenceNode):
            items = tuple(
                self._below(at, item, self._place(item)) for at, item in enumerate(node.value)
            )
            self._weigh(node, node.value)
            return items
        return self._mapping(node.value, node)

    def _mapping(
        self, pairs: list[tuple[yaml.Node, yaml.Node]], node: yaml.Node
    ) -> dict[Any, Located]:
        inherited: dict[Any, Located] = {}
        own: dict[Any, Located] = {}
        for key_node, value_node in pairs:
            if key_node.tag == _TAG + "merge":
                inherited = {**self._inherited(value_node), **inherited}
                continue
            key = self._key(key_node)
            place = self._place(key_node)
            if key in own:
                self.doubles.append(Double((*self._path, key), place, own[key].place))
            own[key] = self._below(key, value_node, place)
        self._weigh(node, [value for _, value in pairs])
        return {**inherited, **own}

    def _below(self, key: Any, node: yaml.Node, place: Place) -> Located:
        """Return the value of a key of the mapping, or the item of the list, that is being made."""
        self._path.append(key)
        value = self._value(node, place)
        self._path.pop()
        return value

    def _key(self, node: yaml.Node) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            hint = "quote a value that begins with {{"
            raise self._error(node, "a key must be a word or a number", hint)
        key = self._scalar(node)
        if key is None and not node.value:
            raise self._error(node, "a key is missing before ':'")
        return key

    def _inherited(self, node: yaml.Node) -> dict[Any, Located]:
        """Return the entries that `<<:` merges in; of several mappings the first wins."""
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        entries: dict[Any, Located] = {}
        for part in reversed(parts):
            if not isinstance(part, yaml.MappingNode):
                raise self._error(node, "'<<' wants a mapping, or a list of mappings")
            entries.update(self._value(part, self._place(part)).data)
        self._weigh(node, parts if node not in parts else [])
        return entries

    def _weigh(self, node: yaml.Node, parts: list[yaml.Node]) -> None:
        """Count the values in a node when every alias is written out."""
        own = self._weights.get(id(node), 1)
        self._weights[id(node)] = own + sum(self._weights[id(part)] for part in parts)


def _literal(value: Located) -> Located:
    """Return the same values with every text as a `Literal`."""
    if isinstance(value.data, tuple):
        return value._replace(data=tuple(map(_literal, value.data)))
    if isinstance(value.data, dict):
        return value._replace(data={key: _literal(entry) for key, entry in value.data.items()})
    return value._replace(data=Literal(value.data)) if isinstance(value.data, str) else value
