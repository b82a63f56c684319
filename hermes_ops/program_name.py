"""What to type for this program: in a clone `./inv`, installed `hermes-ops`.

Everything in this package says `./inv TASK`. Here alone that becomes what works when it is typed
where the operator is: by the name that they started it with, and on the inventory that they named.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

IN_A_CLONE, INSTALLED = "./inv", "hermes-ops"
VARIABLE = "HERMES_OPS_STARTED_AS"
"""How `./inv` tells Python the name that it was itself started by."""

_CLONE = Path(__file__).resolve().parents[1] / "inv"
_SAID = re.compile(r"(?<![\w/.])\./inv(?![\w/.-])( (?!(?:runs|lab|dev)\.)[a-z]+\.[a-z]+)?")
"""The program, and behind it a task that reads an inventory."""

_known: dict[str, tuple[str, ...]] = {"started": (), "inventory": ()}


def started_as(word: str) -> None:
    """Remember the first word of the command line: the path that the shell found."""
    _known["started"] = (word,)


def works_on(inventory: Sequence[str]) -> None:
    """Remember which inventories the command line names, so that what we propose is for these."""
    _known["inventory"] = tuple(inventory)


def program_name(*, elsewhere: bool = False) -> str:
    """Return the word to type for this program; with `elsewhere`, from any other folder."""
    if not _known["started"]:
        return IN_A_CLONE if _CLONE.exists() else INSTALLED
    (started,) = _known["started"]
    name = Path(started).name
    found = shutil.which(name)
    if found and Path(found).absolute() == Path(started).absolute():
        return shlex.quote(name)
    if elsewhere:
        return shlex.quote(os.path.abspath(started))  # noqa: PTH100 - links are to stay
    # `sh inv` names a file that no shell would find by that name alone.
    return shlex.quote(started if "/" in started else f"./{started}")


def spoken(text: str, *, elsewhere: bool = False) -> str:
    """Return a text in which each `./inv` is what to type for this program."""
    if IN_A_CLONE not in text:
        return text
    name = program_name(elsewhere=elsewhere)
    inventory = "".join(f" -i {shlex.quote(path)}" for path in _known["inventory"])
    return _SAID.sub(lambda said: f"{name}{said[1] + inventory if said[1] else ''}", text)
