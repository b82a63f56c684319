"""Parse the answer of a host into records, as it arrives: lines that begin with the run's nonce."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


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
    """The whole answer of an exchange; `complete` is false if its last line did not arrive."""

    records: tuple[Record, ...]
    complete: bool
    noise: str = ""

    def of(self, word: str) -> Iterator[Record]:
        """Yield the records with this first word."""
        return (record for record in self.records if record.word == word)


class Reader:
    """Turns the bytes from a host into records, as they arrive."""

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
        """Take the bytes that have arrived; call `on_record` for every completed record."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line.decode("utf-8", "surrogateescape"))

    def reply(self) -> Reply:
        """Return what was read so far."""
        return Reply(tuple(self.records), self.complete, "\n".join(self._noise[-20:]))

    def _line(self, line: str) -> None:
        before, mark, rest = line.partition(self._mark)
        # A login shell may greet without a line end: then our first line follows on the same line.
        # In raw text a mark counts only at the beginning of a line.
        if not mark or (before and self._open is not None):
            self._unmarked(line)
            return
        if before:
            self._unmarked(before)
        self._marked(rest)

    def _unmarked(self, line: str) -> None:
        (self._noise if self._open is None else self._lines).append(line)

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
