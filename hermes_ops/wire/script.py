"""Assemble the script that is sent to a host.

A script is a single text on the standard input of `/bin/sh`. Everything is inside functions, and
only the very last line runs anything: a text that was cut off does nothing. Only lines that begin
with the run's nonce are answers, so that nothing else that a host prints is mistaken for one.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hermes_ops.files import layout


@dataclass(frozen=True, slots=True)
class Script:
    """A text for `/bin/sh`, and the nonce that marks its answer."""

    text: str
    nonce: str
    before: str = ""
    """A line for the login user, if another user runs the text (`hermes_user`)."""


@cache
def library(name: str) -> str:
    """Return a shell file of this package; `name` is its path without `.sh`: `look/look`."""
    return (files("hermes_ops") / f"{name}.sh").read_text(encoding="utf-8")


def assemble(
    libraries: Iterable[str], body: str, *, definitions: str = "", nonce: str | None = None
) -> Script:
    """Return the script that has these libraries and runs `body` if it arrived complete.

    `definitions` are further functions that are the same in every such script.

    Everything is between two braces, which a shell reads completely before it runs any of it; and
    the last line repeats the length in the first line. So a text that was cut off is a syntax
    error, or calls `main` with another length, and does nothing.
    """
    nonce = nonce or secrets.token_hex(8)
    functions = layout.shell() + "".join(map(library, libraries)) + definitions
    work = f"work() {{\n{body}\n}}\n"
    gate = 'main() {\n  [ "$1" = "$length" ] || return 0\n  work </dev/null\n  say done\n}\n'
    length = len(functions) + len(work)
    text = f"nonce={nonce} length={length}\n{{\n{functions}{work}{gate}}}\nmain {length}\n"
    return Script(text, nonce)


def libraries_end(script: Script) -> int:
    """Return where in a script's text the libraries end and its own part begins."""
    return script.text.index("\nwork() {\n") + 1
