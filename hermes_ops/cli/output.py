"""All output of the process goes through here: secrets are masked, controls are escaped."""

from __future__ import annotations

import json as jsonlib
import os
import select
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, cast

from hermes_ops.cli.printable import printable, printable_json
from hermes_ops.errors import HermesError, UsageError
from hermes_ops.secrets.secret import Public, Redactor

REDACTOR = Redactor()
"""Knows every secret value of this process."""

_ORDER = (143, 130, 64, 5, 1, 6, 4, 3, 2, 0)


def shown(text: str) -> Public:
    """Return a text as people may see it: secrets masked, then control characters escaped."""
    return Public(printable(text if isinstance(text, Public) else REDACTOR(text)))


def exit_code(codes: Iterable[int]) -> int:
    """Return the exit code if several apply: the first of them in the order of exit-codes.md."""
    given = set(codes)
    return next((code for code in _ORDER if code in given), max(given, default=0))


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a task: an exit code and a JSON document."""

    exit: int
    document: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def _while_read(stream: TextIO) -> Iterator[None]:
    """Let what is printed go nowhere once the reader, such as `head`, has read enough."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Veil:
    """A stream that masks secrets in everything written to it, also by tracebacks and libraries."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text with its secrets masked."""
        with _while_read(self._stream):
            self._stream.write(REDACTOR(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line with its secrets masked."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what is buffered; Python does so at its end."""
        with _while_read(self._stream):
            self._stream.flush()

    @property
    def unveiled(self) -> TextIO:
        """Return the stream that does not mask."""
        return self._stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def veil() -> None:
    """Mask secrets in everything that this process prints, whatever code prints it."""
    sys.stdout, sys.stderr = cast(TextIO, Veil(sys.stdout)), cast(TextIO, Veil(sys.stderr))


class Output:
    """Prints for people, or one JSON document; never a secret."""

    def __init__(self, *, json: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.json = json
        self.inventory: tuple[Path, ...] = ()
        """The paths that were read: every document and every summary names them."""
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self._has_answered = self._has_named = False
        self._is_closed = False

    @property
    def is_terminal(self) -> bool:
        """Whether standard error, where progress is drawn, is a terminal."""
        return self._err.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def has_colors(self) -> bool:
        """Whether what is printed may have colors (https://no-color.org)."""
        plain = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
        return not self.json and self._out.isatty() and not plain

    @property
    def is_closed(self) -> bool:
        """Whether nobody reads what is printed any more: `| head` has enough."""
        with suppress(OSError, ValueError):  # a stream of a test is no file
            (poll := select.poll()).register(self._out.fileno(), 0)
            return self._is_closed or any(event & select.POLLERR for _, event in poll.poll(0))
        return self._is_closed

    def redact(self, text: str) -> str:
        """Return a text as it may be shown, for code that draws on the terminal itself."""
        return shown(text)

    def text(self, text: str) -> None:
        """Print a line of the answer; with `--json`, print nothing."""
        self.drawn(shown(text))

    def drawn(self, text: str) -> None:
        """Print a line that may have colors: every foreign word in it must be `shown` already."""
        if not self.json:
            self._has_answered = True
            self._write(self._out, Public(f"{text}\n"))

    def name_inventory(self) -> None:
        """Print which inventory was read, as a line of the answer."""
        if self.inventory:
            self._has_named = True
            self.text(self._inventory_line())

    def end(self) -> None:
        """Name the inventory on standard error, if there was an answer that did not name it."""
        if self.inventory and self._has_answered and not self._has_named:
            self.note(self._inventory_line())

    def _inventory_line(self) -> str:
        return f"inventory: {', '.join(map(str, self.inventory))}"

    def raw(self, text: str) -> None:
        """Print without a line end, with `--json` too."""
        self._write(self._out, text)

    def reveal(self, text: str) -> None:
        """Print a line without masking, on a terminal only: somebody asked for the value."""
        stream = getattr(self._out, "unveiled", self._out)
        if self.json or not stream.isatty():
            raise UsageError("values are shown on a terminal only")
        stream.write(printable(text) + "\n")
        stream.flush()

    def note(self, text: str) -> None:
        """Print a line on standard error."""
        self._write(self._err, Public(shown(text) + "\n"))

    def document(self, document: Mapping[str, Any]) -> None:
        """Print the JSON document, with `--json`."""
        if self.json and document:
            self._write(self._out, _json(self._with_inventory(document)))

    def objects(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Print objects of JSON, one a line (NDJSON)."""
        if text := "".join(map(_json, documents)):
            self._write(self._out, Public(text))

    def error(self, error: HermesError) -> None:
        """Print an error, and the hint how to mend it."""
        if self.json:
            body = {"schema": 1, "exit": error.exit_code, "error": error.document()}
            self._write(self._out, _json(self._with_inventory(body)))
        self.note(f"error: {error}")
        if error.hint:
            self.note(f"hint:  {error.hint}")

    def _with_inventory(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a document with the inventory added; not if it has the form of Ansible's."""
        if "schema" not in document:
            return document
        return {**document, "inventory": [str(path) for path in self.inventory]}

    def _write(self, stream: TextIO, text: str) -> None:
        told = text if isinstance(text, Public) else REDACTOR(text)
        # Past the veil, which would mask in a document what is no text: names.
        stream = getattr(stream, "unveiled", stream)
        try:
            # What the streams of a test or of a foreign tool sent may have bytes that are not text.
            stream.write(told.encode("utf-8", "backslashreplace").decode())
            stream.flush()
        except BrokenPipeError:
            # `| head` has read enough: nothing more can be printed, and this is not an error.
            self._is_closed = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _json(document: Mapping[str, Any]) -> Public:
    # Masked before quoting for JSON: a text that was quoted already would be quoted twice.
    text = jsonlib.dumps(REDACTOR.deep(document), ensure_ascii=False)
    return Public(printable_json(text) + "\n")


def items(rows: Iterable[Mapping[str, Any]], *, exit: int = 0) -> Result:
    """Return a result with `items`, the form of all tasks without a document of their own."""
    return Result(exit, {"schema": 1, "exit": exit, "error": None, "items": list(rows)})
