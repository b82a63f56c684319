"""The one sink: everything that leaves the process passes here, and known secrets do not."""

from __future__ import annotations

import json as jsonlib
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, cast

from hermes_ops.errors import HermesError, UsageError
from hermes_ops.secrets.secret import Redactor

REDACTOR = Redactor()
"""Knows every secret value of this process."""

_ORDER = (130, 64, 5, 1, 4, 3, 2, 0)


def exit_code(codes: Iterable[int]) -> int:
    """Return the exit code that holds when several apply: the first of `docs/exit-codes.md`."""
    given = set(codes)
    return next((code for code in _ORDER if code in given), max(given, default=0))


@dataclass(frozen=True, slots=True)
class Result:
    """What a task came to: an exit code and its JSON document."""

    exit: int
    document: Mapping[str, Any] = field(default_factory=dict)


class Veil:
    """A stream whose words all pass the sink: those of tracebacks, warnings and libraries too."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what may be shown of a text."""
        self._stream.write(REDACTOR(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write what may be shown of each line."""
        self._stream.writelines(map(REDACTOR, lines))

    @property
    def unveiled(self) -> TextIO:
        """Return the stream itself."""
        return self._stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def veil() -> None:
    """Let nothing leave this process but through the sink, whoever prints it."""
    sys.stdout, sys.stderr = cast(TextIO, Veil(sys.stdout)), cast(TextIO, Veil(sys.stderr))


class Output:
    """Prints for people, or one JSON document; never a secret."""

    def __init__(self, *, json: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.json = json
        self.inventory: tuple[Path, ...] = ()
        """What was read: every document and every summary names it."""
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self._has_answered = self._has_named = False

    @property
    def is_terminal(self) -> bool:
        """Say whether a person watches standard error, where progress is drawn."""
        return self._err.isatty() and os.environ.get("TERM") != "dumb"

    def redact(self, text: str) -> str:
        """Return a text as it may be shown, for what draws by itself."""
        return REDACTOR(text)

    def text(self, text: str) -> None:
        """Print a line of the answer, unless a document is the answer."""
        if not self.json:
            self._has_answered = True
            self._write(self._out, text + "\n")

    def name_inventory(self) -> None:
        """Print in the answer which inventory was read."""
        if self.inventory:
            self._has_named = True
            self.text(self._inventory_line())

    def end(self) -> None:
        """Name the inventory beside an answer that did not; what said nothing stays silent."""
        if self.inventory and self._has_answered and not self._has_named:
            self.note(self._inventory_line())

    def _inventory_line(self) -> str:
        return f"inventory: {', '.join(map(str, self.inventory))}"

    def raw(self, text: str) -> None:
        """Print without a line end, whatever the mode."""
        self._write(self._out, text)

    def reveal(self, text: str) -> None:
        """Print a line past the sink, to the terminal that somebody asked for it at."""
        stream = getattr(self._out, "unveiled", self._out)
        if self.json or not stream.isatty():
            raise UsageError("values are shown on a terminal only")
        stream.write(text + "\n")
        stream.flush()

    def note(self, text: str) -> None:
        """Print a line beside the answer."""
        self._write(self._err, text + "\n")

    def document(self, document: Mapping[str, Any]) -> None:
        """Print the JSON document, if one is asked for."""
        if self.json and document:
            self._write(self._out, _json(self._with_inventory(document)))

    def error(self, error: HermesError) -> None:
        """Say what was wrong and how to mend it."""
        if self.json:
            body = {"schema": 1, "exit": error.exit_code, "error": error.document()}
            self._write(self._out, _json(self._with_inventory(body)))
        self.note(f"error: {error}")
        if error.hint:
            self.note(f"hint:  {error.hint}")

    def _with_inventory(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a document of ours with the inventory; Ansible's view of one is not ours."""
        if "schema" not in document:
            return document
        return {**document, "inventory": [str(path) for path in self.inventory]}

    def _write(self, stream: TextIO, text: str) -> None:
        shown = REDACTOR(text)
        try:
            # A host may have sent bytes that are no text: they end no answer about the others.
            stream.write(shown.encode("utf-8", "backslashreplace").decode())
            stream.flush()
        except BrokenPipeError:
            # `| head` has read enough: nothing more can be said, and nothing is wrong.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _json(document: Mapping[str, Any]) -> str:
    # Redacted before it is quoted: what was quoted before, and is now again, has any shape.
    return jsonlib.dumps(REDACTOR.deep(document), ensure_ascii=False) + "\n"


def items(rows: Iterable[Mapping[str, Any]], *, exit: int = 0) -> Result:
    """Return a result in the form of every task that has no document of its own."""
    return Result(exit, {"schema": 1, "exit": exit, "error": None, "items": list(rows)})
