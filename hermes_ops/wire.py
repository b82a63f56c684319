"""One script to a host, its answer as records: how both are framed.

A script is a single text on the standard input of `/bin/sh`. Everything is inside functions, and
only the very last line runs anything: cut anywhere before it, the text does nothing. An answer is
read by lines that begin with the run's nonce, so that nothing else a host prints can be one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Record:
    """One answer of a host: a word, the rest of its line, and the raw text that followed it."""

    word: str
    rest: str = ""
    text: str | None = None

    @property
    def words(self) -> list[str]:
        """Return the blank-separated words after the first."""
        return self.rest.split()


OnRecord = Callable[[Record], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """Everything that an exchange answered; `complete` is false when the end was not seen."""

    records: tuple[Record, ...]
    complete: bool
    noise: str = ""

    def of(self, word: str) -> Iterator[Record]:
        """Yield the records with this first word."""
        return (record for record in self.records if record.word == word)


@dataclass(frozen=True, slots=True)
class Script:
    """A text for `/bin/sh` and the nonce by which its answer is known."""

    text: str
    nonce: str
    before: str = ""
    """A line for the login user, where another one runs the text (`hermes_user`)."""


@cache
def library(name: str) -> str:
    """Return one of the shell files of this package."""
    return (files("hermes_ops") / "shell" / f"{name}.sh").read_text(encoding="utf-8")


def assemble(
    libraries: Iterable[str], body: str, *, definitions: str = "", nonce: str | None = None
) -> Script:
    """Return the script that has these libraries and runs `body` when it arrived whole.

    `definitions` are more of what only defines, and is the same in every such script.

    The guard compares the length given in the first line with that of the last one: a text cut
    anywhere either lacks the last line, or has it incomplete, and then runs nothing.
    """
    nonce = nonce or secrets.token_hex(8)
    functions = "".join(library(name) for name in libraries) + definitions
    work = f"work() {{\n{body}\n}}\n"
    gate = 'main() {\n  [ "$1" = "$length" ] || return 0\n  work </dev/null\n  say done\n}\n'
    length = len(functions) + len(work)
    text = f"nonce={nonce} length={length}\n{functions}{work}{gate}main {length}\n"
    return Script(text, nonce)


def libraries_end(script: Script) -> int:
    """Return where in a script's text the part begins that is not the same in every script."""
    return script.text.index("\nwork() {\n") + 1


class Reader:
    """Turns the bytes that come from a host into records, as they come."""

    def __init__(self, nonce: str, on_record: OnRecord | None = None) -> None:
        self._mark = nonce + " "
        self._on_record = on_record
        self._rest = b""
        self._open: Record | None = None
        self._lines: list[str] = []
        self._noise: list[str] = []
        self.records: list[Record] = []
        self.complete = False

    def feed(self, data: bytes) -> None:
        """Take what has arrived; tell of every record that it completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line.decode("utf-8", "surrogateescape"))

    def reply(self) -> Reply:
        """Return what was read so far."""
        return Reply(tuple(self.records), self.complete, "\n".join(self._noise[-20:]))

    def _line(self, line: str) -> None:
        if line.startswith(self._mark):
            self._marked(line[len(self._mark) :])
        elif self._open is not None:
            self._lines.append(line)
        else:
            self._noise.append(line)

    def _marked(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "begin":
            name, _, rest = rest.partition(" ")
            self._open, self._lines = Record(name, rest), []
        elif word == "end" and self._open is not None:
            self._tell(Record(self._open.word, self._open.rest, "\n".join(self._lines)))
            self._open = None
        elif word == "done":
            self.complete = True
        else:
            self._tell(Record(word, rest))

    def _tell(self, record: Record) -> None:
        self.records.append(record)
        if self._on_record is not None:
            self._on_record(record)
