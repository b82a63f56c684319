"""Set one key in a YAML text and leave every other byte as its author wrote it.

Re-emitting a whole file would change indentation, quotes and line ends that a person chose, and
hide the real change in a review. So only the lines of the key change. The result is parsed again
and must equal the old document with that one value set; otherwise an error is raised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.edit.nodes import (
    begin_of,
    compose,
    end_of,
    entry_of,
    is_alias,
    is_nothing,
    item_of,
    meaning,
    place_of,
    says_the_same,
    with_value,
    words_of,
)
from hermes_ops.loader.edit.values import block, flow

_COMMENT = re.compile(r"[ \t]+#[^\n]*")
_DOCUMENT_END = re.compile(r"^\.\.\.(?=\s|\Z)", re.MULTILINE)


def put(text: str, path: Sequence[str], value: Any, *, file: str) -> str:
    """Return `text` with `value` at `path`; missing keys are added.

    A list of names in the way, such as `hermes_profiles: [coder]`, becomes a mapping. A path that
    ends in `[N]` sets item N of a list that is there, or adds the one behind its last.

    Raises:
        InventoryError: something on the path is not a mapping, or the file is written in a way
            that one key cannot be changed alone.
    """
    if "\r\n" in text:
        return put(text.replace("\r\n", "\n"), path, value, file=file).replace("\n", "\r\n")
    try:
        if _has_lines(value):
            text = _unfolded(text, path)
        text = _without_list(text, path, file)
        result = _spliced(text, _find(compose(text), path, file), path, value)
    except yaml.YAMLError as error:
        where = place_of(error, file)
        raise InventoryError("is not YAML, so nothing is set in it", where=where) from None
    return _proven(text, result, path, value, file)


def line_of(text: str, path: Sequence[str]) -> int:
    """Return the line of the last key of a path; 0 if it is missing."""
    spot = _find(compose(text), path, "")
    node = spot.key or (spot.value if isinstance(spot.parent, yaml.SequenceNode) else None)
    return node.start_mark.line + 1 if node is not None and not spot.rest else 0


def path_at(text: str, line: int, column: int) -> tuple[str, ...]:
    """Return the path of the key at a place; empty if there is none."""
    return _path_to(compose(text), line - 1, column - 1)


def _path_to(node: Any, line: int, column: int) -> tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        found = ((number, _path_to(item, line, column)) for number, item in enumerate(node.value))
        return next(((f"[{number}]", *below) for number, below in found if below), ())
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if (key.start_mark.line, key.start_mark.column) == (line, column):
            return (key.value,)
        if below := _path_to(value, line, column):
            return (key.value, *below)
    return ()


# --- where it goes ----------------------------------------------------------------------------


class _Spot(NamedTuple):
    """The deepest mapping of a path that exists, the entry in it, and the keys still missing."""

    # If the path ends in an item of a list: the list and the item, without a key.

    parent: Any
    key: Any
    value: Any
    rest: tuple[str, ...]


def _find(root: Any, path: Sequence[str], file: str) -> _Spot:
    if not isinstance(root, yaml.MappingNode):
        return _Spot(None, None, root, tuple(path))
    node = root
    for depth, name in enumerate(path):
        key, value = entry_of(node, name)
        rest = tuple(path[depth + 1 :])
        if key is None:
            return _Spot(node, None, None, (name, *rest))
        if not rest or is_nothing(value):
            return _Spot(node, key, value, rest)
        items = value.value if isinstance(value, yaml.SequenceNode) else ()
        if (at := item_of(items, rest[0])) is not None:
            item, below = items[at], rest[1:]
            return _find(item, below, file) if below else _Spot(value, None, item, ())
        if items and rest == (f"[{len(items)}]",):
            return _Spot(value, None, None, rest)
        if not isinstance(value, yaml.MappingNode):
            place = Place(file, key.start_mark.line + 1, key.start_mark.column + 1)
            raise InventoryError(
                f"{name!r} is not a mapping, so {rest[0]!r} cannot be set in it",
                hint=f"set {name!r} itself",
                where=place,
            )
        node = value
    raise AssertionError("a path has at least one key")


# --- what is written there --------------------------------------------------------------------


def _spliced(text: str, spot: _Spot, path: Sequence[str], value: Any) -> str:
    if spot.parent is None:
        return _appended(text, block(_nested(path, value), 0))
    if isinstance(spot.parent, yaml.SequenceNode):
        return _with_item(text, spot.parent, spot.value, value)
    if spot.key is None:
        return _added(text, spot.parent, spot.rest[0], _nested(spot.rest[1:], value))
    return _replaced(text, spot, _nested(spot.rest, value))


def _with_item(text: str, listed: Any, item: Any, value: Any) -> str:
    """Return the text with an item of a list replaced; with None, with one more at its end."""
    if listed.flow_style:
        words = flow({"k": value})[4:-1]
        if item is not None:
            return f"{text[: item.start_mark.index]}{words}{text[item.end_mark.index :]}"
        at = listed.end_mark.index - 1
        return f"{text[:at].rstrip().removesuffix(',')}, {words}{text[at:]}"
    if item is None:
        end = end_of(text, listed, listed.value[-1])
        return _after_line(text, end, block([value], listed.start_mark.column))
    begin = yaml.ScalarNode(item.tag, "", item.start_mark, item.start_mark)
    return _exchanged(text, begin, item, block(value, item.start_mark.column).lstrip())


def _nested(path: Sequence[str], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


def _appended(text: str, block: str) -> str:
    end = _DOCUMENT_END.search(text)
    head, tail = (text[: end.start()], text[end.start() :]) if end else (text, "")
    newline = "\n" if head and not head.endswith("\n") else ""
    return f"{head}{newline}{block}\n{tail}"


def _added(text: str, parent: Any, name: str, value: Any) -> str:
    if parent.flow_style:
        at = parent.end_mark.index - 1
        comma = ", " if parent.value else ""
        return text[:at].rstrip() + comma + flow({name: value})[1:-1] + text[at:]
    column = parent.value[0][0].start_mark.column
    return _after_line(text, end_of(text, *parent.value[-1]), block({name: value}, column))


def _after_line(text: str, at: int, block: str) -> str:
    newline = text.find("\n", at)
    if newline < 0:
        return f"{text}\n{block}\n"
    return f"{text[: newline + 1]}{block}\n{text[newline + 1 :]}"


def _replaced(text: str, spot: _Spot, value: Any) -> str:
    if spot.parent.flow_style:
        begin, end = spot.key.end_mark.index, end_of(text, spot.key, spot.value)
        return f"{text[:begin]}: {flow({'k': value})[4:-1]}{text[end:]}"
    lines = block({"k": value}, spot.key.start_mark.column).lstrip()[1:]
    return _exchanged(text, spot.key, spot.value, lines)


def _exchanged(text: str, key: Any, value: Any, block: str) -> str:
    """Return the text with everything after a key replaced by `: …`, except its comment."""
    first, newline, rest = block.partition("\n")
    beside, tail = _comments(text, key, value, end_of(text, key, value))
    # The lines of a `|` block end with one.
    return text[: key.end_mark.index] + first + beside + newline + rest + (tail or "\n")


def _comments(text: str, key: Any, value: Any, end: int) -> tuple[str, str]:
    """Return the comment on a key's line, and the text after the entry."""
    behind = _COMMENT.match(text, end)
    if behind:
        return behind[0], text[behind.end() :]
    until = end if is_alias(key, value) else begin_of(text, value)
    before = _COMMENT.search(text, key.end_mark.index, max(until, key.end_mark.index))
    return (before[0] if before else ""), text[end:]


# --- braces become lines ----------------------------------------------------------------------


def _has_lines(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_lines, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and "\n" in value


def _unfolded(text: str, path: Sequence[str]) -> str:
    """Return the text without braces around a path: multi-line text is hard to read in braces."""
    node = compose(text)
    for depth, name in enumerate(path[:-1], 1):
        key, value = entry_of(node, name) if isinstance(node, yaml.MappingNode) else (None, None)
        if isinstance(value, yaml.CollectionNode) and value.flow_style and value.value:
            # Comments and anchors would not be kept.
            plain = not re.search(r"[#&*]", words_of(text, value))
            opened = _opened(text, key, value, path[depth:]) if plain else text
            return opened if says_the_same(text, opened) else text
        node = value
    return text


def _opened(text: str, key: Any, value: Any, path: Sequence[str]) -> str:
    top = node = compose(words_of(text, value))
    for name in path:
        if isinstance(node, yaml.CollectionNode):
            node.flow_style = False
        node = entry_of(node, name)[1] if isinstance(node, yaml.MappingNode) else None
    lines = yaml.serialize(top, width=2**31, allow_unicode=True).rstrip().split("\n")
    indent = " " * (key.start_mark.column + 2)
    return _exchanged(text, key, value, ":\n" + "\n".join(indent + line for line in lines))


# --- a list of names becomes a mapping --------------------------------------------------------


def _without_list(text: str, path: Sequence[str], file: str) -> str:
    """Return the text with a list of words on the path turned into a mapping."""
    node = compose(text)
    for depth, name in enumerate(path[:-1], 1):
        key, value = entry_of(node, name) if isinstance(node, yaml.MappingNode) else (None, None)
        if isinstance(value, yaml.SequenceNode) and _are_words(value.value):
            if item_of([*value.value, None], path[depth]) is not None:
                return text
            names: dict[str, Any] = {str(item.value): {} for item in value.value}
            opened = _as_mapping(text, _Spot(node, key, value, ()), names)
            return _proven(text, opened, path[:depth], names, file)
        node = value
    return text


def _are_words(items: Sequence[Any]) -> bool:
    return bool(items) and all(isinstance(item, yaml.ScalarNode) for item in items)


def _as_mapping(text: str, spot: _Spot, names: Any) -> str:
    listed = spot.value
    if listed.flow_style and "\n" not in words_of(text, listed):
        return _replaced(text, spot, names)
    # A list may be indented like its key, a mapping may not.
    shift = "  " if listed.start_mark.column <= spot.key.start_mark.column else ""
    for item in reversed(listed.value):
        begin = item.start_mark.index
        begin = begin if listed.flow_style else text.rfind("-", 0, begin)
        text = f"{text[:begin]}{shift}{words_of(text, item)}: {{}}{text[item.end_mark.index :]}"
    return _in_braces(text, listed) if listed.flow_style else text


def _in_braces(text: str, listed: Any) -> str:
    begin, end = listed.start_mark.index, text.index("]", listed.end_mark.index - 1)
    return f"{text[:begin]}{{{text[begin + 1 : end]}}}{text[end + 1 :]}"


# --- the proof --------------------------------------------------------------------------------


def _proven(before: str, after: str, path: Sequence[str], value: Any, file: str) -> str:
    """Return `after` if it equals `before` with this one value set; raise otherwise."""
    if _is_as_wanted(before, after, path, value):
        return after
    hint = "anchors, aliases or odd indentation are in the way: set it by hand"
    raise InventoryError(f"{'.'.join(path)} cannot be set here", hint=hint, where=Place(file))


def _is_as_wanted(before: str, after: str, path: Sequence[str], value: Any) -> bool:
    try:
        have, old = meaning(compose(after)), compose(before)
        (new,) = meaning(compose(block({"k": value}, 0) + "\n")).values()
        return bool(have == with_value({} if old is None else meaning(old), list(path), new))
    except (yaml.YAMLError, RecursionError, TypeError):
        return False
