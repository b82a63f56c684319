"""A YAML file that others edit too: keys are put in place, every other byte stays.

The file is read as Hermes reads it (PyYAML, the safe loader), and a changed key is written into
the text where it stands: no round trip through a document, so comments, quotes, order and
indentation of all that is not ours are kept exactly. The result is read again before it is
returned, and must be what a merge of the values gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import yaml

from hermes_ops.errors import Conflict, Place
from hermes_ops.yamlstyle import Style

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def holds(text: str, wanted: Mapping[Any, Any], *, file: str = "config.yaml") -> bool:
    """Say whether every key of `wanted` is in `text` with that value; mappings match deep.

    Lists must be equal. Raises `Conflict` where `text` is no YAML mapping.
    """
    return _covers(_load(text, file), wanted)


def merge(
    text: str,
    wanted: Mapping[Any, Any],
    initial: Mapping[Any, Any] | None = None,
    *,
    file: str = "config.yaml",
) -> str:
    """Return `text` with `wanted` merged in; a file with no keys yet begins with `initial`.

    Raises `Conflict` where `text` is no YAML mapping, names a key twice, or ties the value to
    another one by an anchor.
    """
    data = _load(text, file)
    if not data:
        wanted = _merged(initial or {}, wanted)
    if _covers(data, wanted):
        return text
    text = text.removeprefix("\ufeff")
    result = _ended(_apply(text, list(_edits(text, data, wanted, file))))
    if not _reads_as(result, _merged(data, wanted)):
        names = [str(key) for key in wanted if not _covers(data, {key: wanted[key]})]
        raise Conflict(
            f"{', '.join(names)} cannot be set without changing other keys",
            hint="anchors, aliases or merge keys tie them together: write them out on the host",
            where=Place(file),
        )
    return result


def _reads_as(text: str, values: Mapping[Any, Any]) -> bool:
    with suppress(Conflict):
        return _is(_load(text, ""), values)
    return False


# Values.


def _covers(have: Any, want: Any) -> bool:
    if not isinstance(want, Mapping):
        return _is(have, want)
    return isinstance(have, Mapping) and all(k in have and _covers(have[k], want[k]) for k in want)


def _is(have: Any, want: Any) -> bool:
    """Compare as YAML does: 1, 1.0 and true are three values, and .nan is itself."""
    if isinstance(want, Mapping):
        return (
            isinstance(have, Mapping)
            and len(have) == len(want)
            and all(k in have and _is(have[k], want[k]) for k in want)
        )
    if isinstance(want, list | tuple):
        return isinstance(have, list) and len(have) == len(want) and all(map(_is, have, want))
    if isinstance(want, str):
        return isinstance(have, str) and have == want
    return type(have) is type(want) and (have == want or str(have) == str(want) == "nan")


def _merged(have: Any, want: Any) -> Any:
    if not isinstance(have, Mapping) or not isinstance(want, Mapping):
        return want
    return {**have, **{k: _merged(have[k], v) if k in have else v for k, v in want.items()}}


# Reading.


def _load(text: str, file: str) -> Mapping[Any, Any]:
    try:
        data = yaml.load(text, Loader=_FAST)  # noqa: S506 - the safe loader, in C
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(error, file) from None
    if data is not None and not isinstance(data, Mapping):
        raise Conflict(
            f"this is a {type(data).__name__}, not a mapping of keys to values",
            hint=_MEND,
            where=Place(file, 1),
        )
    return data or {}


_MEND = "Hermes would run on its defaults: mend the file on the host, or move it away"


def _unreadable(error: Exception, file: str) -> Conflict:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return Conflict(
        f"this is not valid YAML: {problem}",
        hint=_MEND,
        where=Place(file, mark.line + 1, mark.column + 1) if mark else Place(file),
    )


def _compose(text: str, file: str) -> yaml.MappingNode | None:
    """Return the nodes of a text that loads, with their places; `Conflict` for a key twice."""
    root = yaml.compose(text, Loader=_FAST)
    if not isinstance(root, yaml.MappingNode):
        return None
    for key, first in _repeated_keys(root):
        line = first.start_mark.line + 1
        raise Conflict(
            f"the key {key.value!r} is here for the second time, first in line {line}",
            hint="Hermes takes the last one: remove the other on the host",
            where=Place(file, key.start_mark.line + 1),
        )
    return root


def _repeated_keys(node: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, yaml.ScalarNode]]:
    """Yield each key that its mapping has already, and the first one."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    seen: dict[tuple[str, str], yaml.ScalarNode] = {}
    for key in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
        if (first := seen.setdefault((key.tag, key.value), key)) is not key:
            yield key, first
    children = node.value if isinstance(node, yaml.SequenceNode) else [value for _, value in pairs]
    for child in children:
        yield from _repeated_keys(child)


# Writing.


class _Edit(NamedTuple):
    """Replace `text[start:end]`."""

    start: int
    end: int
    text: str


def _apply(text: str, edits: list[_Edit]) -> str:
    # From the end, so that places stay true. Edits of one place are given outermost first, and
    # the inner one then comes to stand before it.
    for edit in sorted(edits, key=lambda edit: -edit.start):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _edits(text: str, data: Any, wanted: Mapping[Any, Any], file: str) -> Iterator[_Edit]:
    root, style = _compose(text, file), Style.of(text)
    if root is None:
        yield _insertion(text, len(text), style.entries(wanted))
    elif not root.value:
        lead = "\n" if root.start_mark.column else ""
        text = lead + style.entries(wanted).rstrip("\n")
        yield _Edit(root.start_mark.index, root.end_mark.index, text)
    else:
        yield from _mapping_edits(text, root, data, wanted, style)


def _mapping_edits(
    text: str, node: yaml.MappingNode, data: Any, wanted: Mapping[Any, Any], style: Style
) -> Iterator[_Edit]:
    """Yield what makes `wanted` hold in the non-empty mapping that is `data` now."""
    present = {key: _entry(node, key) for key in wanted}
    if new := {k: _merged(data.get(k), wanted[k]) for k in wanted if present[k] is None}:
        yield _addition(text, node, new, style)
    for key, entry in present.items():
        if entry is None or _covers(data[key], wanted[key]):
            continue
        _, value = entry
        if isinstance(wanted[key], Mapping) and isinstance(value, yaml.MappingNode) and value.value:
            yield from _mapping_edits(text, value, data[key], wanted[key], style)
        else:
            yield _replacement(text, node, entry, wanted[key], style)


def _entry(node: yaml.MappingNode, key: Any) -> tuple[yaml.Node, yaml.Node] | None:
    constructor = yaml.constructor.SafeConstructor()
    for name, value in node.value:
        if name.tag == "tag:yaml.org,2002:merge" or not isinstance(name, yaml.ScalarNode):
            continue
        if _is(constructor.construct_object(name), key):
            return name, value
    return None


def _addition(text: str, node: yaml.MappingNode, new: Mapping[Any, Any], style: Style) -> _Edit:
    """Return the edit that puts entries behind the last one of a mapping."""
    at = _end(text, node.value[-1][1])
    if node.flow_style:
        return _Edit(at, at, ", " + style.flow(new)[1:-1])
    lines = _indented(style.entries(new), _column(text, node.value[0][0]))
    return _insertion(text, _line_end(text, at), lines)


def _replacement(
    text: str, node: yaml.MappingNode, entry: tuple[yaml.Node, yaml.Node], value: Any, style: Style
) -> _Edit:
    """Return the edit that gives an entry another value, and keeps a comment beside its key."""
    name, old = entry
    colon = text.index(":", name.end_mark.index) + 1
    end = colon + len(text[colon : _end(text, old)].rstrip())
    if node.flow_style:
        return _Edit(colon, end, " " + style.flow({"k": value})[3:-1].strip())
    beside = text[colon : old.start_mark.index].partition("\n")[0].rstrip()
    column = _column(text, name)
    new = _indented(style.entries({"k": value}), column)[column + len("k:") :].rstrip("\n")
    first, newline, rest = new.partition("\n")
    if newline:  # behind the new last line, a comment could become part of the text
        beside, end = beside or text[end : _line_end(text, end)].rstrip(), _line_end(text, end)
    return _Edit(colon, end, first + beside + newline + rest)


def _column(text: str, key: yaml.Node) -> int:
    """Return where the entry of a key begins in its line: at `?`, an anchor or the key itself."""
    at: int = key.start_mark.index
    before = text[at - key.start_mark.column : at]
    return len(re.sub(r"(\?\s+)?([&!]\S*\s+)*\Z", "", before))


def _end(text: str, node: yaml.Node) -> int:
    """Return where the last character of a node is, without what follows it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(node, yaml.MappingNode) else last)
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        header = text[start:end].partition("\n")[0]
        return end if "+" in header else start + len(text[start:end].rstrip())
    return end


def _line_end(text: str, at: int) -> int:
    if at and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _insertion(text: str, at: int, lines: str) -> _Edit:
    """Return the edit that puts whole lines at a line's end or beginning."""
    if at == 0 or text[at - 1] == "\n":
        return _Edit(at, at, lines)
    return _Edit(at, at, "\n" + lines.rstrip("\n"))


def _indented(lines: str, column: int) -> str:
    return re.sub(r"(?m)^(?=.)", " " * column, lines)
