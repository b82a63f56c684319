"""The list of tasks by noun, which the program prints when it gets no task."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence

from invoke.collection import Collection
from invoke.util import helpline

from hermes_ops.tasks import namespace

OWN = "of your own"
FIRST = ("fleet.plan", "fleet.up", "fleet.ps")
"""The tasks that somebody begins with who has an inventory."""
NEW = ("init", *FIRST[:2])
"""The same for somebody who has none."""


def overview(collection: Collection, first: Sequence[str]) -> Iterator[str]:
    """Yield a line for each task, a runbook's own first: name and first line of the help.

    The `first` three come again at the end, which is what a terminal still shows.
    """
    ours = namespace().tasks
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(collection.task_names):
        noun, dot, _ = name.partition(".")
        groups[noun if dot or name in ours else OWN].append(name)
    column = 4 + max(map(len, collection.task_names), default=0)
    for title in sorted(groups, key=lambda title: (title != OWN, title)):
        yield f"{title}:"
        yield from (line for name in groups[title] for line in _lines(collection, name, column))
        yield ""
    yield "To begin with:"
    yield from (line for name in first for line in _lines(collection, name, column))


def _lines(collection: Collection, name: str, column: int) -> list[str]:
    return _wrapped(f"  {name}".ljust(column), helpline(collection[name]) or "")


def _wrapped(name: str, help: str) -> list[str]:
    """Return the lines of a task, folded to the width of a terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000
    return textwrap.wrap(
        help, max(width, 60), initial_indent=name, subsequent_indent=" " * len(name)
    ) or [name.rstrip()]
