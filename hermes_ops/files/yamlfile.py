"""Merge our keys into a YAML file that others edit too; comments and foreign keys stay.

PyYAML, in C, reads and compares, as Hermes reads the file. Only a text that changes makes a round
trip through ruamel.yaml, as its graph of nodes: there a value that is not ours keeps its form
(`yes`, `012`, `~`) and quotes. The result is parsed again, and must equal the merge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

import yaml

from hermes_ops.errors import Conflict, Place
from hermes_ops.files.quoting import mending

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


def load(text: str, *, file: str = "config.yaml", loader: Any = LOADER) -> Mapping[Any, Any]:
    """Return what Hermes reads in `text`; `Conflict` if it is not a mapping or has a key twice."""
    try:
        root = yaml.compose(text, Loader=loader)
        for key, first in _repeated_keys(root):
            problem = f"the key {key.value!r} appears twice, first in line {first}"
            hint = "Hermes takes the last one: remove the other on the host"
            raise Conflict(problem, hint=hint, where=Place(file, key.start_mark.line + 1))
        data = None if root is None else loader("").construct_document(root)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(error, file) from None
    if data is not None and not isinstance(data, Mapping):
        problem = f"this is a {type(data).__name__}, not a mapping of keys to values"
        raise Conflict(problem, hint=mending(file), where=Place(file, 1))
    return data or {}


def holds(text: str, wanted: Mapping[Any, Any], *, file: str = "config.yaml") -> bool:
    """Return whether `text` has `wanted`: mappings match deeply, lists whole. Raises as `load`."""
    return _covers(load(text, file=file), wanted)


def merge(
    text: str,
    wanted: Mapping[Any, Any],
    initial: Mapping[Any, Any] | None = None,
    *,
    file: str = "config.yaml",
    loader: Any = LOADER,
) -> str:
    """Return `text` with `wanted` merged in; a file without keys starts as `initial`.

    A text that has `wanted` already is returned unchanged. Raises as `load`, and `Conflict` if a
    foreign key would change, or a comment would be lost. `loader` knows its tags.
    """
    data = load(text, file=file, loader=loader)
    if not data:
        wanted = _merged(initial or {}, wanted)
    if _covers(data, wanted):
        return text
    from ruamel.yaml.error import YAMLError

    _refuse_comments_in_braces(text, file)
    why = "without changing other keys"
    try:
        result = _round_trip(text, data, wanted)
        if same(load(result, loader=loader), _merged(data, wanted)):
            return result
    except (YAMLError, Conflict, RecursionError, AttributeError) as error:
        # ruamel raises AttributeError for a comment in `- | # comment`.
        why = f"here: {problem}" if (problem := getattr(error, "problem", None)) else why
    names = ", ".join(str(key) for key in wanted if not _covers(data, {key: wanted[key]}))
    hint = "write anchors, aliases, `<<`, `?` keys and tabs of this file out on the host"
    raise Conflict(f"{names} cannot be set {why}", hint=hint, where=Place(file))


def _covers(have: Any, want: Any) -> bool:
    return same(have, _merged(have, want))


def same(have: Any, want: Any) -> bool:
    """Compare as YAML does: 1, 1.0 and true differ, and .nan equals itself."""
    if have is want:
        return True
    if isinstance(want, Mapping):
        alike = isinstance(have, Mapping) and len(have) == len(want)
        return alike and all(k in have and same(have[k], want[k]) for k in want)
    if isinstance(want, list | tuple):
        alike = isinstance(have, list | tuple) and len(have) == len(want)
        return alike and all(map(same, have, want))
    if isinstance(want, str):
        return isinstance(have, str) and have == want
    return type(have) is type(want) and (have == want or str(have) == str(want) == "nan")


def _merged(have: Any, want: Any) -> Any:
    if not isinstance(have, Mapping) or not isinstance(want, Mapping):
        return want
    return {**have, **{k: _merged(have[k], v) if k in have else v for k, v in want.items()}}


def _unreadable(error: Exception, file: str) -> Conflict:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    return Conflict(f"this is not valid YAML: {problem}", hint=mending(file), where=place)


def _nodes(node: Any, seen: set[int]) -> Iterator[Any]:
    """Yield a node, PyYAML's or ruamel's, and all nodes below it, each once."""
    if node is not None and id(node) not in seen:
        seen.add(id(node))
        yield node
        pairs = node.value if node.id == "mapping" else [node.value] * (node.id == "sequence")
        for child in (child for pair in pairs for child in pair):
            yield from _nodes(child, seen)


def _entries(root: Any) -> Iterator[tuple[Any, Any, Any]]:
    for node in _nodes(root, set()):
        yield from ((node, *pair) for pair in node.value if node.id == "mapping")


def _repeated_keys(root: Any) -> Iterator[tuple[Any, int]]:
    """Yield each repeated key of a mapping, and the line of the first."""
    seen: dict[tuple[int, str, str], Any] = {}
    for node, key, _ in _entries(root):
        if key.id == "scalar":
            first = seen.setdefault((id(node), key.tag, key.value), key)
            if first is not key:
                yield key, first.start_mark.line + 1


def _refuse_comments_in_braces(text: str, file: str) -> None:
    depth = end = 0
    token: Any
    for token in yaml.scan(text, Loader=LOADER):
        if depth and "#" in text[end : token.start_mark.index]:
            problem = "a comment inside of {} or [] would be lost"
            hint = "move it above the key, or write the value without braces, on the host"
            raise Conflict(problem, hint=hint, where=Place(file, token.start_mark.line))
        depth += token.id in {"{", "["}
        depth -= token.id in {"}", "]"}
        end = token.end_mark.index


_HEAD = re.compile(r"(?:(?:%.*|---)?[ \t]*(?:#.*)?\n)*(?:--- )?")
_FOOT = re.compile(r"^\.\.\.(?!\S).*", re.M | re.S)
"""The text before the first key and after `...`: ruamel would drop or move parts of it."""

_BLOCK = re.compile(r"(?![ \n])([ -~\xa1-\u2027]*(?<! )\n)+[ -~\xa1-\u2027]*(?<! )(?<!\n\n)")
_ODD = re.compile(r"[^ -~\xa0-\u2027\u2030-\ud7ff]|\A:|\?")
"""Text that a `|` block keeps exactly, and text that PyYAML needs in double quotes."""


def _round_trip(text: str, data: Any, wanted: Mapping[Any, Any]) -> str:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n")
    lines += "" if not lines or lines.endswith("\n") else "\n"
    rest = _HEAD.sub("", lines, count=1)
    body = _FOOT.sub("", rest, count=1)
    lines = lines.removesuffix(rest) + _edited(body, data, wanted) + rest.removeprefix(body)
    return lines.replace("\n", "\r\n") if "\r\n" in text else lines


def _edited(text: str, data: Any, wanted: Mapping[Any, Any]) -> str:
    from ruamel.yaml import YAML

    rt, out = YAML(), StringIO()
    version = rt.resolver.processing_version
    for first, words in yaml.SafeLoader.yaml_implicit_resolvers.items():
        for tag, pattern in words:  # PyYAML decides which words are not texts
            rt.resolver.add_version_implicit_resolver(version, tag, pattern, [first])
    root = rt.compose(text)
    rt.width = 2**31
    rt.indent(**_indents(root))
    end = _settle(root)
    rt.serialize(_node(wanted) if root is None else _changed(root, data, wanted), out)
    return out.getvalue().lstrip(" ") + end


def _settle(root: Any) -> str:
    """Resolve nodes as ruamel does for values, and attach each comment to the node below it.

    ruamel keeps a comment at the value above, which may be removed. A final comment is returned.
    """
    from ruamel.yaml.anchor import Anchor
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    above, end = "", 0
    for node in _nodes(root, set()):
        if above and node.start_mark.index >= end:
            beside, before, *_ = node.comment or (None, None)
            node.comment = [beside, [CommentToken(above, CommentMark(0)), *(before or ())]]
            above = ""
        if node.anchor:
            name, node.anchor = node.anchor, Anchor()
            node.anchor.value, node.anchor.always_dump = name, True
        if node.id == "scalar" or node.flow_style:
            above, end = _cut(node) or above, max(end, node.end_mark.index)
    return above


def _cut(leaf: Any) -> str:
    """Remove the lines below a value from its comment, and return them."""
    block = getattr(leaf, "style", None) in {"|", ">"}
    if block:  # ruamel's marks where a long line was folded
        leaf.value = re.sub(r"\a(?! \S)|(?<!\S)\a", "", leaf.value)
    text = leaf.comment[0].value if leaf.comment and leaf.comment[0] else ""
    beside, _, below = ("", "", text) if block else text.partition("\n")
    if text:
        leaf.comment[0].value = beside + "\n"
        leaf.comment[0] = leaf.comment[0] if beside else None
    return str(below)


def _indents(root: Any) -> dict[str, int]:
    """Return the indentation of the first nested mapping, and of the first list."""
    found: dict[str, int] = {}
    for _, key, value in _entries(root):
        if value.id != "scalar" and not value.flow_style and not value.anchor:
            first = value if value.id == "sequence" else value.value[0][0]
            step = first.start_mark.column - key.start_mark.column
            is_list = {"sequence": step + 2, "offset": step}
            found = {**(is_list if value.id == "sequence" else {"mapping": step}), **found}
    return {"mapping": 2, "sequence": 4, "offset": 2, **found}


def _node(value: Any) -> Any:
    from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

    if isinstance(value, Mapping):
        pairs = [(_node(key), _node(item)) for key, item in value.items()]
        return MappingNode(_TAG + "map", pairs, flow_style=not pairs)
    if isinstance(value, list | tuple):
        return SequenceNode(_TAG + "seq", [_node(item) for item in value], flow_style=not value)
    if isinstance(value, str):
        style = "|" if _BLOCK.fullmatch(value) else '"' if _ODD.search(value) else None
        return ScalarNode(_TAG + "str", str(value), style=style)
    scalar: Any = yaml.representer.SafeRepresenter().represent_data(value)
    return ScalarNode(scalar.tag, scalar.value, style=scalar.style)


def _changed(node: Any, have: Any, want: Any) -> Any:
    """Return the node with `want` set: this node if its kind stays, else a new one."""
    if _covers(have, want):
        return node
    if node.value and node.id == "mapping" and isinstance(want, Mapping):
        return _filled(node, have, want)
    if node.value and node.id == "sequence" and isinstance(want, list | tuple) and want:
        old = list(zip(have, node.value, strict=True))
        node.value = [_taken(old, item) for item in want]
        return node
    return _beside(node, _node(want))


def _filled(node: Any, have: Any, want: Mapping[Any, Any]) -> Any:
    for key, value in want.items():
        at = next((n for n, (name, _) in enumerate(node.value) if reads_as(name, key)), None)
        if at is None:
            node.value.append((_node(key), _node(_merged(have.get(key), value))))
        else:
            node.value[at] = (node.value[at][0], _changed(node.value[at][1], have[key], value))
    return node


def reads_as(name: Any, key: Any) -> bool:
    """Return whether a node is this key."""
    if name.id != "scalar" or name.tag == _TAG + "merge":
        return False
    scalar = yaml.ScalarNode(name.tag, name.value)
    return bool(yaml.constructor.SafeConstructor().construct_object(scalar) == key)


def _taken(old: list[tuple[Any, Any]], item: Any) -> Any:
    at = next((n for n, (have, _) in enumerate(old) if same(have, item)), None)
    return _node(item) if at is None else old.pop(at)[1]


def _beside(old: Any, new: Any) -> Any:
    """Return the new node with the comment of the old one."""
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    comment: Any = old.comment or (None, None)
    post, before = comment[:2]
    header = "".join(text for text in before or () if isinstance(text, str))  # of `|`
    if (post or header) and not old.anchor:
        beside = header.strip() or post.value.partition("\n")[0]
        token = CommentToken(beside + "\n", post.start_mark if post else CommentMark(0))
        block = getattr(new, "style", None) == "|"
        new.comment = [None, ["  " + beside]] if block else [token, None]
    return new
