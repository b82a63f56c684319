"""Remove keys from a YAML file that others edit too: all other bytes stay as they are.

The lines of an entry are cut from the text itself; comments above it stay. The result is parsed
again, and must equal the old document without those keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from hermes_ops.errors import Conflict, Place
from hermes_ops.files import yamlfile
from hermes_ops.files.ownership import Tree, at, dotted, leaves, pruned


class _Cut(NamedTuple):
    start: int
    end: int
    keep: str = ""
    """The replacement for the cut text: comments of a removed mapping."""


def without(text: str, gone: Tree, *, file: str = "config.yaml") -> str:
    """Return `text` without the leaves of `gone`, and without mappings that become empty.

    Raises `Conflict` if a key cannot be removed without changing what is not ours.
    """
    if not gone:
        return text
    wanted = pruned(yamlfile.load(text, file=file), gone)
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    result = mark + _without(text.removeprefix(mark), gone)
    try:
        if yamlfile.same(yamlfile.load(result), wanted):
            return result
    except Conflict:
        pass
    names = ", ".join(dotted(path) for path in _paths(gone))
    hint = "remove it on the host: an anchor, an alias or `<<` depends on it"
    raise Conflict(f"{names} cannot be removed here alone", hint=hint, where=Place(file))


def _paths(gone: Tree, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, inner in gone.items():
        yield from [(*path, key)] if inner is None else _paths(inner, (*path, key))


def _without(text: str, gone: Tree) -> str:
    root = yaml.compose(text, Loader=yamlfile.LOADER)
    for cut in sorted(_cuts(text, root, gone), reverse=True):
        text = text[: cut.start] + cut.keep + text[cut.end :]
    return text


def _cuts(text: str, node: Any, gone: Tree) -> Iterator[_Cut]:
    """Yield what to cut from a mapping."""
    if node.flow_style:
        yield _Cut(node.start_mark.index, node.end_mark.index, _in_braces(text, node, gone))
        return
    for key, value in node.value:
        if _goes(key, value, gone):
            yield _lines(text, key, value)
        elif isinstance(inner := _wish(key, gone), Mapping) and value.id == "mapping":
            yield from _cuts(text, value, inner)


def _in_braces(text: str, node: Any, gone: Tree) -> str:
    """Return a mapping in braces without the removed entries."""
    starts = [key.start_mark.index for key, _ in node.value]
    ends = [*starts[1:], node.end_mark.index - 1]
    stays = [
        _entry_in_braces(text, text[start:end].rstrip().rstrip(",").rstrip(), key, value, gone)
        for start, end, (key, value) in zip(starts, ends, node.value, strict=True)
        if not _goes(key, value, gone)
    ]
    return "{" + ", ".join(stays) + "}"


def _entry_in_braces(text: str, entry: str, key: Any, value: Any, gone: Tree) -> str:
    inner = _wish(key, gone)
    if not isinstance(inner, Mapping) or value.id != "mapping" or _is_alias(key, value):
        return entry
    return text[key.start_mark.index : value.start_mark.index] + _in_braces(text, value, inner)


def _wish(key: Any, gone: Tree) -> Any:
    """Return what to remove of an entry: None means all of it, False nothing."""
    return next((inner for name, inner in gone.items() if yamlfile.reads_as(key, name)), False)


def _goes(key: Any, value: Any, gone: Tree) -> bool:
    inner = _wish(key, gone)
    if not isinstance(inner, Mapping):
        return inner is None
    pairs = value.value if value.id == "mapping" else ()
    return bool(pairs) and all(_goes(name, item, inner) for name, item in pairs)


def _lines(text: str, key: Any, value: Any) -> _Cut:
    """Return the lines of an entry; comments between the entries of a mapping stay."""
    start, end = _span(text, key, value)
    indent = text[start : key.start_mark.index]
    comments = "".join(f"{indent}{line}" for line in _comments(text, key, value))
    return _Cut(start, end, comments)


def _comments(text: str, key: Any, value: Any) -> Iterator[str]:
    if value.id != "mapping" or value.flow_style or _is_alias(key, value):
        return
    at = key.end_mark.index
    for name, item in value.value:
        start, end = _span(text, name, item)
        between = text[at:start].splitlines(keepends=True)[at == key.end_mark.index :]
        yield from (line.lstrip() for line in between if line.lstrip().startswith("#"))
        yield from _comments(text, name, item)
        at = end


def _span(text: str, key: Any, value: Any) -> tuple[int, int]:
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    last = len(text[: _end(text, key, value)].rstrip())
    end = text.find("\n", last)
    return start, len(text) if end < 0 else end + 1


def _end(text: str, key: Any, value: Any) -> int:
    """Return where the text of an entry ends; an alias ends on its own line."""
    if _is_alias(key, value):
        return int(key.end_mark.index)
    if value.id == "scalar" or value.flow_style or not value.value:
        return int(value.end_mark.index)
    if value.id == "mapping":
        return _end(text, *value.value[-1])
    last = value.value[-1]
    return _above_comments(text, value) if _is_alias(value, last) else _end(text, value, last)


def _above_comments(text: str, value: Any) -> int:
    """Return the end of a block that ends in an alias, whose node is elsewhere."""
    lines = text[: value.end_mark.index].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return len("".join(lines))


def _is_alias(before: Any, value: Any) -> bool:
    """Return whether a value is an alias: its node is that of the anchor."""
    return bool(value.start_mark.index < before.start_mark.index)


def differing(have: Mapping[Any, Any], then: Mapping[Any, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield the paths at which the two have different values."""
    for path in dict.fromkeys(path for side in (have, then) for path, _ in leaves(side)):
        (was, before), (is_, after) = at(have, path), at(then, path)
        if was != is_ or not yamlfile.same(before, after):
            yield path
