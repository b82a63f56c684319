"""Which settings on a host are ours: recorded beside the profile, readable by a person.

A key is ours once the inventory set it. Each is recorded with a short check of what we wrote, to
detect changes by hand; no value is in the file. A key removed from the inventory is removed from
the host, unless somebody changed it there: then it stays, and that is reported once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from hermes_ops.errors import Conflict

NAME = ".hermes-ops.yml"
"""The file in the profile's home: it is moved and deleted with the profile."""

FORMAT = 1
"""The number of the file's format; a file without a number has the first format.

It rises when a reader of the old format would misunderstand the new one. In every format the file
is a YAML mapping with its number under `format`.
"""

GENERATED = "made on the host"
"""Stands for a secret that the host generated: only the host knows its value."""
MIGRATED = "taken over by Hermes"
"""Stands for a key that a migration of Hermes removed: it is not put back."""

VERSION = "_config_version"

Path = tuple[Any, ...]
"""The keys that lead to a value, outermost first."""
Tree = Mapping[Any, Any]
"""Nested like the recorded file; each leaf is a check."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """What of one profile's files is ours; paths are relative to the profile's home."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Whole files, with the SHA-256 of what we wrote."""
    keys: Mapping[str, Tree] = field(default_factory=dict)
    """Files that others edit too, with our keys."""
    version: int = 0
    """The schema of `config.yaml` when we last saw it."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is ours."""
        return not self.files and not any(self.keys.values())


class Parting(NamedTuple):
    """What to do with keys that we once set."""

    gone: Tree
    """To remove: no longer in the inventory, and unchanged since we wrote them."""
    left: tuple[Path, ...]
    """No longer in the inventory, but changed on the host: they stay, and are no longer ours."""
    migrated: tuple[Path, ...]
    """Wanted, but removed by a migration of Hermes."""


# --- checks -----------------------------------------------------------------------------------


def check(path: Path, value: Any, *, secret: bool = False) -> str:
    """Return the check of a value; for a secret it is too short to help guessing."""
    words = f"{path!r} {_exact(value)}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(words).hexdigest()[: 4 if secret else 12]


def _exact(value: Any) -> str:
    """Return a text that is equal for two values only if they are equal in YAML."""
    if isinstance(value, Mapping):
        pairs = sorted(f"{_exact(key)}: {_exact(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_exact, value)) + "]"
    return f"{type(value).__name__} {value!r}"


def checks(values: Mapping[Any, Any], path: Path = ()) -> Tree:
    """Return the checks of all leaves of a mapping; lists and empty mappings are leaves."""
    return {
        key: checks(value, (*path, key))
        if isinstance(value, Mapping) and value
        else check((*path, key), value)
        for key, value in values.items()
    }


# --- what to do with what was ours ------------------------------------------------------------


def part(owned: Tree, wanted: Mapping[Any, Any], have: Mapping[Any, Any], *, rose: bool) -> Parting:
    """Compare what is ours with what is wanted and what is there.

    `rose`: Hermes has migrated the file since we last saw it.
    """
    gone: dict[Any, Any] = {}
    left: list[Path] = []
    migrated: list[Path] = []
    for path, mark in leaves(owned):
        is_there, value = at(have, path)
        if _is_wanted(wanted, path):
            if not is_there and (rose or mark == MIGRATED):
                migrated.append(path)
        elif is_there and mark == check(path, value):
            put(gone, path, None)
        elif is_there and mark != MIGRATED:
            left.append(path)
    return Parting(gone, tuple(left), tuple(migrated))


def part_names(
    owned: Tree, wanted: Iterable[str], have: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return which names of a `.env` to remove, and which somebody changed."""
    known = set(wanted)
    old = [name for name in owned if name not in known and name in have]
    ours = {n for n in old if owned[n] in (GENERATED, check((n,), have[n], secret=True))}
    return [name for name in old if name in ours], [name for name in old if name not in ours]


def without(values: Mapping[Any, Any], paths: Iterable[Path]) -> Mapping[Any, Any]:
    """Return the mapping without these keys, and without mappings that become empty."""
    tree: dict[Any, Any] = {}
    for path in paths:
        put(tree, path, None)
    return pruned(values, tree)


def pruned(values: Mapping[Any, Any], gone: Tree) -> Mapping[Any, Any]:
    """Return the mapping without the leaves of `gone`, and without mappings that become empty."""
    rest: dict[Any, Any] = {}
    for key, value in values.items():
        if key not in gone:
            rest[key] = value
        elif gone[key] is not None and isinstance(value, Mapping):
            rest |= {key: inner} if (inner := pruned(value, gone[key])) else {}
    return rest


def marked(tree: Tree, paths: Iterable[Path], mark: Any) -> Tree:
    """Return the tree with `mark` at these paths."""
    result = _copied(tree)
    for path in paths:
        put(result, path, mark)
    return result


def with_leaf(tree: Tree, path: Path, leaf: Any) -> Tree:
    """Return the tree with `leaf` at a path."""
    return marked(tree, [path], leaf)


def dotted(path: Path) -> str:
    """Return a path as people write it."""
    return ".".join(map(str, path))


def leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of every leaf; lists and empty mappings are leaves."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def at(values: Any, path: Path) -> tuple[bool, Any]:
    """Return whether a mapping has something at a path, and its value."""
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return False, None
        values = values[key]
    return True, values


def _is_wanted(wanted: Any, path: Path) -> bool:
    """Return whether the inventory sets a path, or one above it."""
    for key in path:
        if not isinstance(wanted, Mapping):
            return True
        if key not in wanted:
            return False
        wanted = wanted[key]
    return True


def put(tree: dict[Any, Any], path: Path, leaf: Any) -> None:
    """Set a leaf at a path of a mapping; missing mappings are added."""
    *above, last = path
    for key in above:
        inner = tree.get(key)
        tree[key] = inner if isinstance(inner, dict) else {}
        tree = tree[key]
    tree[last] = leaf


def _copied(tree: Tree) -> dict[Any, Any]:
    return {k: _copied(v) if isinstance(v, Mapping) else v for k, v in tree.items()}


# --- the file ---------------------------------------------------------------------------------

_HEAD = """\
# Kept by hermes-ops: what of this profile comes from the inventory. No value is in here.
# A key that leaves the inventory is removed, unless its value is no longer the one that we wrote.
"""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,200}")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])


def render(ownership: Ownership, *, numbered: bool = True) -> str:
    """Return the text of the file. What the shell reads comes first, one entry on each line.

    Without a number it is as written before there were format numbers.
    """
    lines = ["files:", *_lines(ownership.files, 1, quote=True)] if ownership.files else []
    made = [f'  - "{name}={key}"' for name, key in _made_here(ownership)]
    lines += ["made_here:", *made] if made else []
    # After what the shell reads: an older shell would stop at this unknown line.
    lines += [f"format: {FORMAT}"] if numbered else []
    lines += [f"config_version: {ownership.version}"] if ownership.version else []
    keys = {name: tree for name, tree in sorted(ownership.keys.items()) if tree}
    lines += ["keys:", *_lines(keys, 1)] if keys else []
    return _HEAD + "".join(f"{line}\n" for line in lines)


def _made_here(ownership: Ownership) -> Iterator[tuple[str, str]]:
    for name, tree in sorted(ownership.keys.items()):
        yield from ((name, key) for key in sorted(map(str, tree)) if tree.get(key) == GENERATED)


def _lines(tree: Tree, depth: int, *, quote: bool = False) -> Iterator[str]:
    for key, value in sorted(tree.items(), key=lambda item: str(item[0])):
        indent = "  " * depth
        start = indent + (f'"{key}"' if quote else _key(key, indent))
        if isinstance(value, Mapping):
            yield f"{start}:"
            yield from _lines(value, depth + 1)
        else:
            yield f'{start}: "{value}"'


@lru_cache(maxsize=4096, typed=True)  # typed: 1, 1.0 and true are three keys
def _key(key: Any, indent: str) -> str:
    if isinstance(key, str) and _PLAIN.fullmatch(key) and key.lower() not in _WORDS:
        return key
    import yaml

    style = '"' if isinstance(key, str) else None
    words: str = yaml.safe_dump(key, default_style=style, width=2**31)
    # A key of more than 1024 characters must begin with a question mark.
    text = words.removesuffix("...\n").rstrip("\n")
    return text if len(text) < 1000 else f"? {text}\n{indent}"


@lru_cache(maxsize=1024)  # a plan reads each several times, and nobody changes what it holds
def parse(text: str, where: str = NAME) -> Ownership:
    """Return the content of a file.

    Raises:
        Conflict: a newer hermes-ops wrote it, in a format that this one does not know.
        ValueError: it is not an ownership file.
    """
    import yaml

    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}  # noqa: S506 - safe ones
        _refuse_newer(data.get("format", FORMAT), where)
        return Ownership(
            {str(path): str(mark) for path, mark in dict(data.get("files") or {}).items()},
            {str(name): _tree(tree) for name, tree in dict(data.get("keys") or {}).items()},
            int(data.get("config_version") or 0),
        )
    except (yaml.YAMLError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _refuse_newer(number: object, where: str) -> None:
    if type(number) is not int or number < 1:
        raise ValueError(f"{number!r} is not a format number")
    if number > FORMAT:
        raise Conflict(
            f"a newer hermes-ops wrote {where}: its format is {number}, this one knows {FORMAT}",
            hint="upgrade hermes-ops on this machine; nothing is written to that profile",
        )


def _tree(tree: Any) -> Tree:
    return {key: _tree(v) if isinstance(v, Mapping) else str(v) for key, v in dict(tree).items()}
