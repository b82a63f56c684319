"""Assemble the script that is sent to a host.

A script is a single text on the standard input of `/bin/sh`. Everything is inside functions, and
only the very last line runs anything: a text that was cut off does nothing. Only lines that begin
with the run's nonce are answers, so that nothing else that a host prints is mistaken for one.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath

from hermes_ops.files import layout


class Hidden(str):
    """A line of a script whose text is never shown; `shape` says what it is."""

    shape: str

    def __new__(cls, text: str, shape: str) -> Hidden:
        """Return the line with its shape."""
        line = super().__new__(cls, text)
        line.shape = shape
        return line


_QUOTED = re.compile(r"""'[^']+'(?:"'"'[^']*')*""")


def _shape(line: str) -> str:
    """Return a line as it may be shown: of a quoted word only its length."""
    if isinstance(line, Hidden):
        return line.shape
    return _QUOTED.sub(lambda word: f"'… {len(shlex.split(word[0])[0])}'", line)


@dataclass(frozen=True, slots=True)
class Script:
    """A text for `/bin/sh`, and the nonce that marks its answer."""

    text: str
    nonce: str
    lines: tuple[str, ...] = ()
    """The script's own part."""
    root: str | None = None
    """What root does at the request of the text, as shell; empty: it is only asked whether the user
    who logs in may become root; None: not even that."""
    before: str = ""
    """A line for the login user, if another user runs the text (`hermes_user`)."""

    @property
    def shape(self) -> list[str]:
        """Return what may be shown of the script's own part: its commands, without contents."""
        return [line for text in self.lines for line in _shape(text).splitlines()]


def as_root(command: str) -> str:
    """Return shell that runs a command with sudo; its password, if there is one, is in `secret`."""
    asked = f"printf '%s\\n' \"$secret\" | sudo -S -p : {command}"
    return f'{{ sudo -n {command} </dev/null || {{ [ -n "$secret" ] && {asked}; }}; }}'


@cache
def library(name: str) -> str:
    """Return a shell file of this package; `name` is its path without `.sh`: `look/look`."""
    return (files("hermes_ops") / f"{name}.sh").read_text(encoding="utf-8")


_AT_ONCE = """\
case $-${BASH_VERSION+b} in
*h*B*s*b) set -- "$(head -c %d)"; [ ${#1} -lt $length ] || eval "$1"; exit ;;
esac
"""
"""bash reads a script on its input byte by byte, which takes longer than all that a look does; so
it takes the rest at once, unless the script is an argument (no `s` in `$-`). A shell that reads in
blocks, as dash does, has taken a part by then: it never comes to that, and a text that is too short
would not run."""

_NONE: Mapping[str, PurePosixPath] = {}


def assemble(
    libraries: Iterable[str],
    body: str | Iterable[str],
    *,
    paths: Mapping[str, PurePosixPath] = _NONE,
    definitions: str = "",
    nonce: str | None = None,
) -> Script:
    """Return the script that has these libraries and runs `body` if it arrived complete.

    A line of the body that carries the content of a file, or a password, is `Hidden`.
    `paths` are those of the libraries alone, by the variable that holds each; `definitions` are
    further functions that are the same in every such script.

    Everything is between two braces, which a shell reads completely before it runs any of it; and
    the last line repeats the length in the first line. So a text that was cut off is a syntax
    error, or calls `main` with another length, and does nothing.
    """
    nonce = nonce or secrets.token_hex(8)
    functions = layout.shell(paths) + "".join(map(library, libraries)) + definitions
    lines = (body,) if isinstance(body, str) else tuple(body)
    work = "work() {\n" + "\n".join(lines) + "\n}\n"
    gate = 'main() {\n  [ "$1" = "$length" ] || return 0\n  work </dev/null\n  say done\n}\n'
    length = len(functions) + len(work)
    first = f"nonce={nonce} length={length} may_root=${{1-}}\n"
    rest = f"{{\n{functions}{work}{gate}}}\nmain {length}\n"
    size = len(rest.encode("utf-8", "surrogateescape"))
    text = f"{first}{_AT_ONCE % size}{rest}"
    return Script(text, nonce, lines)


def libraries_end(script: Script) -> int:
    """Return where in a script's text the libraries end and its own part begins."""
    return script.text.index("\nwork() {\n") + 1
