"""What to type for this program: in a clone `./inv`, installed `hermes-ops`.

All other texts of this package say `./inv TASK`. This module replaces that by a command that works
in the operator's folder: with the name by which they started the program, and their `-i`.
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
"""In this variable `./inv` passes on the name by which it was started."""

_CLONE = Path(__file__).resolve().parents[1] / "inv"
_SAID = re.compile(
    r"(?<![\w/.])\./inv(?![\w/.-])( (?!(?:runs|lab|dev|roles)\.)[a-z]+\.[a-z]++(?! -i ))?"
)
"""The program, and a task behind it if that task reads an inventory and does not name one yet."""

_known: dict[str, tuple[str, ...]] = {"started": (), "inventory": ()}


def started_as(word: str) -> None:
    """Remember the first word of the command line: the path that the shell found."""
    _known["started"] = (word,)


def works_on(inventory: Sequence[str]) -> None:
    """Remember the inventories of the command line: proposed commands must use the same ones."""
    _known["inventory"] = tuple(inventory)


def handed_on() -> dict[str, str]:
    """Return the variable by which a further process of this program knows how it was started."""
    started = _known["started"]
    return {VARIABLE: started[0]} if started else {}


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
    # After `sh inv` the name is a file that a shell would not find without a folder.
    return shlex.quote(started if "/" in started else f"./{started}")


def spoken(text: str, *, elsewhere: bool = False) -> str:
    """Return a text with each `./inv` replaced by what to type for this program."""
    if IN_A_CLONE not in text:
        return text
    name = program_name(elsewhere=elsewhere)
    inventory = "".join(f" -i {shlex.quote(path)}" for path in _known["inventory"])
    return _SAID.sub(lambda said: f"{name}{said[1] + inventory if said[1] else ''}", text)
