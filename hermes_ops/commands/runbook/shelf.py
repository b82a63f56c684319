"""Where runbooks lie: those of this program, and an operator's own folder beside the inventory."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hermes_ops.assets import RUNBOOKS
from hermes_ops.commands.runbook.document import Runbook, parsed
from hermes_ops.errors import UsageError
from hermes_ops.inventory.find import beside_inventory, refuse_untrusted
from hermes_ops.loader.sources.text import decoded, exact_bytes_of, shown, without_mark

FOLDER = "runbooks"
LARGEST = 1024 * 1024
"""Bytes of the largest runbook that is read."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A runbook that a name stands for."""

    name: str
    file: Path
    is_own: bool


def kept(given: Sequence[str]) -> list[Kept]:
    """Return all runbooks by name; one of the operator's own counts before ours of that name."""
    found = {each.name: each for each in _in(RUNBOOKS, is_own=False)}
    for folder in reversed(beside_inventory(given, os.environ)):
        if (folder / FOLDER).resolve() != RUNBOOKS.resolve():
            found |= {each.name: each for each in _in(folder / FOLDER, is_own=True)}
    return sorted(found.values(), key=lambda each: (not each.is_own, each.name))


def _in(folder: Path, *, is_own: bool) -> Iterator[Kept]:
    files = sorted(folder.glob("*.md")) if folder.is_dir() else []
    return (Kept(file.stem, file, is_own) for file in files)


def named(name: str, given: Sequence[str]) -> Path:
    """Return the file of a runbook: `name` is a path of a file, or the name of one that is kept.

    Raises:
        UsageError: there is none, or somebody else could have written it.
    """
    if "/" in name or name.endswith(".md"):
        file = Path(name).expanduser()
        if not file.exists():
            raise UsageError(f"there is no runbook {name}", hint="./inv runbook.list shows them")
        refuse_untrusted(file, "copy it, and read what it does")
        return file
    every = {each.name: each for each in kept(given)}
    if name not in every:
        near = difflib.get_close_matches(name, every, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "./inv runbook.list shows them"
        raise UsageError(f"there is no runbook {name!r}", hint=hint)
    found = every[name]
    if found.is_own:
        for path in (found.file.parent, found.file):
            refuse_untrusted(path, "name the file of another one")
    return found.file


def opened(file: Path) -> Runbook:
    """Return the runbook in a file; raises `UsageError` with file and line if it is none."""
    content = without_mark(exact_bytes_of(file, LARGEST))
    return parsed(decoded(content, shown(file)), shown(file))
