"""Remove one key from a YAML text and leave every other byte as its author wrote it.

Only the lines of the key go, with the comment behind it. Mappings that become empty go too; whole
lines of comments stay. The result is parsed again and must equal the old document without the key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.edit.nodes import compose, end_of, entry_of, is_nothing, meaning, place_of

_BEHIND = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_COMMA = re.compile(r"\s*,(?:[ \t]*#[^\n]*)?")


def without_key(text: str, path: Sequence[str], *, file: str, kept: int = 0) -> str | None:
    """Return `text` without the key at `path`; None if there is no such key.

    Mappings above it that become empty are removed too, except the first `kept` keys of the path.

    Raises:
        InventoryError: the file is written in a way that one key cannot be removed alone.
    """
    if "\r\n" in text:
        found = without_key(text.replace("\r\n", "\n"), path, file=file, kept=kept)
        return None if found is None else found.replace("\n", "\r\n")
    try:
        if _entry_at(compose(text), path) is None:
            return None
        return _pruned(text, list(path), kept, file)
    except yaml.YAMLError as error:
        where = place_of(error, file)
        raise InventoryError("is not YAML, so nothing is removed", where=where) from None


def _pruned(text: str, path: list[str], kept: int, file: str) -> str:
    """Remove the key, and then each mapping above it that has nothing left."""
    text = _without(text, path, file)
    while len(path) - 1 > kept:
        path = path[:-1]
        entry = _entry_at(compose(text), path)
        if entry is None or not is_nothing(entry[2]):
            break
        text = _without(text, path, file)
    return text


def _entry_at(root: Any, path: Sequence[str]) -> tuple[Any, Any, Any] | None:
    """Return the mapping that has the last key of a path, the key, and its value."""
    parent, key, value = None, None, root
    for name in path:
        if not isinstance(value, yaml.MappingNode):
            return None
        parent, (key, value) = value, entry_of(value, name)
        if key is None:
            return None
    return parent, key, value


def _without(text: str, path: Sequence[str], file: str) -> str:
    entry = _entry_at(compose(text), path)
    assert entry is not None  # noqa: S101 - who calls has looked
    parent, key, value = entry
    cut = _cut_braces(text, parent, key, value) if parent.flow_style else _cut(text, key, value)
    if cut is None or not _is_without(text, cut, path):
        hint = "anchors, aliases or odd indentation are in the way: remove it by hand"
        place = Place(file, key.start_mark.line + 1, key.start_mark.column + 1)
        raise InventoryError(f"{'.'.join(path)} cannot be removed here", hint=hint, where=place)
    return cut


def _cut(text: str, key: Any, value: Any) -> str | None:
    """Return the text without the lines of an entry; None if they hold something else."""
    begin = text.rfind("\n", 0, key.start_mark.index) + 1
    behind = _BEHIND.match(text, end_of(text, key, value))
    if behind is None or text[begin : key.start_mark.index].strip():
        return None
    return text[:begin] + text[behind.end() :]


def _cut_braces(text: str, parent: Any, key: Any, value: Any) -> str:
    """Return the text without an entry in braces; a comment of its neighbours stays."""
    at = next(n for n, pair in enumerate(parent.value) if pair[0] is key)
    begin, end = key.start_mark.index, end_of(text, key, value)
    if at + 1 < len(parent.value):
        following = parent.value[at + 1][0].start_mark.index
        comma = _COMMA.match(text, end)
        end = comma.end() if comma and "#" in text[end:following] else following
    elif at:
        before = end_of(text, *parent.value[at - 1])
        begin = begin if "#" in text[before:begin] else before
    else:
        first, last = parent.start_mark.index + 1, parent.end_mark.index - 1
        if not (text[first:begin] + text[end:last]).strip(" \t\n,"):
            begin, end = first, last
    return _without_blank_line(text[:begin], text[end:])


def _without_blank_line(head: str, tail: str) -> str:
    """Return both parts as one text, without the line between them if nothing is left of it."""
    above, newline, before = head.rpartition("\n")
    rest, _, below = tail.partition("\n")
    if newline and below and not (before + rest).strip():
        return above + newline + below
    return head + tail


def _is_without(before: str, after: str, path: Sequence[str]) -> bool:
    """Return whether one text says what the other says, but for this key."""
    try:
        root = compose(after)
        have = None if root is None else meaning(root)
        same = _lacking(have, path) == _lacking(meaning(compose(before)), path)
        return same and _entry_at(root, path) is None
    except (yaml.YAMLError, RecursionError, TypeError):
        return False


def _lacking(said: Any, path: Sequence[str]) -> Any:
    """Return a meaning without the entry at a path; a mapping that it leaves empty is None."""
    if not isinstance(said, dict):
        return None  # nothing is left of the mapping
    same = [key for key in said if key[1] == path[0]]
    if len(path) > 1:
        return {**said, same[-1]: _lacking(said[same[-1]], path[1:])} if same else said
    return {key: value for key, value in said.items() if key not in same} or None
