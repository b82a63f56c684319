"""The nodes of a YAML text: where each begins and ends, and its value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from hermes_ops.errors import Place

TAG = "tag:yaml.org,2002:"
_ALIAS = re.compile(r"\s*:\s*\*[^\s,\]}]+")


def compose(text: str) -> Any:
    """Return the root node of a text; None if the text is empty."""
    return yaml.compose(text, Loader=yaml.SafeLoader)  # libyaml's marks are less exact


def place_of(error: yaml.YAMLError, file: str) -> Place:
    """Return where a text is not YAML."""
    mark = getattr(error, "problem_mark", None)
    return Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)


def entry_of(node: Any, name: str) -> tuple[Any, Any]:
    """Return the nodes of a key and its value; if it is given twice, the last."""
    found = [(k, v) for k, v in node.value if isinstance(k, yaml.ScalarNode) and k.value == name]
    return found[-1] if found else (None, None)


def item_of(items: Sequence[Any], name: str) -> int | None:
    """Return which item of a list a part of a path names, such as `[0]`; None if it names none."""
    number = name[1:-1]
    if f"[{number}]" != name or not (number.isascii() and number.isdigit()):
        return None
    return int(number) if int(number) < len(items) else None


def is_nothing(node: Any) -> bool:
    """Return whether a value is null, or a mapping without entries."""
    is_empty = isinstance(node, yaml.MappingNode) and not node.value
    return is_empty or (isinstance(node, yaml.ScalarNode) and node.tag == f"{TAG}null")


def is_alias(key: Any, value: Any) -> bool:
    """Return whether a value is an alias: its node begins before its key does."""
    return bool(value.start_mark.index < key.start_mark.index)


def end_of(text: str, key: Any, value: Any) -> int:
    """Return where the text of an entry ends; a collection's end mark is at the next entry."""
    if is_alias(key, value):
        match = _ALIAS.match(text, key.end_mark.index)
        return match.end() if match else int(key.end_mark.index)
    if isinstance(value, yaml.MappingNode) and not value.flow_style and value.value:
        return end_of(text, *value.value[-1])
    if isinstance(value, yaml.SequenceNode) and not value.flow_style and value.value:
        return end_of(text, value, value.value[-1])
    if _is_block(value):
        end = int(value.end_mark.index)
        # The blank lines after a `|+` belong to it; its mark is where the next line begins.
        return end - text[:end].endswith("\n") if _keeps(text, value) else len(text[:end].rstrip())
    return int(value.end_mark.index)


def begin_of(text: str, value: Any) -> int:
    """Return where the text of a value begins; for a block, on the line after its mark."""
    begin = int(value.start_mark.index)
    return begin + len(text[begin:].partition("\n")[0]) if _is_block(value) else begin


def _is_block(node: Any) -> bool:
    return getattr(node, "style", None) in ("|", ">")


def _keeps(text: str, block: Any) -> bool:
    mark = text[block.start_mark.index : begin_of(text, block)]
    return "+" in mark.partition("#")[0]


def words_of(text: str, node: Any) -> str:
    """Return a node as it is written."""
    return text[node.start_mark.index : node.end_mark.index]


def says_the_same(before: str, after: str) -> bool:
    """Return whether two texts mean the same, however they are written."""
    try:
        return bool(meaning(compose(before)) == meaning(compose(after)))
    except (yaml.YAMLError, RecursionError, TypeError):
        return False


def with_value(said: Any, path: list[str], value: Any) -> Any:
    """Return the meaning with another value at a path."""
    if not path:
        return value
    if isinstance(said, list) and (at := item_of(said, path[0])) is not None:
        return [*said[:at], with_value(said[at], path[1:], value), *said[at + 1 :]]
    if isinstance(said, list) and path == [f"[{len(said)}]"]:
        return [*said, value]
    entries = said if isinstance(said, dict) else {}
    same = [
        key for key in entries if key[1] == path[0]
    ]  # `123:` is a number, but a path names it as text
    key = same[-1] if same else meaning(yaml.ScalarNode(f"{TAG}str", path[0]))
    return {**entries, key: with_value(entries.get(key), path[1:], value)}


def meaning(node: Any) -> Any:
    """Return the meaning of a node: with its tags, without its style."""
    if isinstance(node, yaml.MappingNode):
        return {meaning(key): meaning(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [meaning(item) for item in node.value]
    return (node.tag, node.value)
