"""Parse the answer of a host into records, as it arrives: lines that begin with the run's nonce."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from shlex import quote
from typing import Final

from hermes_ops.errors import NotUnderstood

LARGEST: Final = 16 << 20
"""How much a host may say in one answer, in bytes."""
MOST_RECORDS: Final = 100_000
NOISE_LINES, NOISE_LETTERS = 20, 400
"""What is kept of that which is no answer: its last lines, and the beginning of each."""


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


TAKEN: Final = object()
"""What `on_record` returns for a record that it has passed on: it is not kept, nor counted."""

OnRecord = Callable[[Record], object]


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
    """Turns the bytes from a host into records, as they arrive, in time linear in their number."""

    def __init__(self, nonce: str, on_record: OnRecord | None = None) -> None:
        self._mark = nonce.encode() + b" "
        self._on_record = on_record
        self._size = 0
        self._rest = bytearray()
        self._searched = 0
        self._open: Record | None = None
        self._text = bytearray()
        self._noise: deque[str] = deque(maxlen=NOISE_LINES)
        self.records: list[Record] = []
        self.complete = False
        self.heard = False
        """Whether anything of the script arrived: if not, it may not have run at all."""

    def feed(self, data: bytes) -> None:
        """Take the bytes that have arrived; call `on_record` for every completed record.

        A record that it takes is gone: so more may arrive than fits into memory.

        Raises:
            NotUnderstood: the host has said more than any answer has.
        """
        self._size += len(data)
        if self._size > LARGEST or len(self.records) > MOST_RECORDS:
            raise self._too_large(len(data))
        self._rest += data
        end = self._rest.rfind(b"\n", self._searched)
        self._searched = len(self._rest)
        if end >= 0:
            block = bytes(self._rest[:end])
            del self._rest[: end + 1]
            self._searched = len(self._rest)
            self._block(block)

    def _too_large(self, more: int) -> NotUnderstood:
        """Return the error for an answer that does not end; a file that is most of it is named."""
        said = f"the answer is larger than {LARGEST >> 20} MiB"
        size = len(self._text) + len(self._rest) + more
        if self._open is None or not self._open.rest or size < LARGEST // 2:
            hint = "what prints so much there: the login shell's startup files?"
            return NotUnderstood(said, hint=hint)
        file = last_words(self._open.rest)
        return NotUnderstood(
            f"{said}: most of it is {file}", hint=f"look at it on the host: ls -l {quote(file)}"
        )

    def reply(self) -> Reply:
        """Return what was read so far."""
        return Reply(tuple(self.records), self.complete, "\n".join(self._noise))

    @property
    def said(self) -> str:
        """Return the last line that is no answer, as text that does nothing to a terminal."""
        lines = [*self._noise, _text(bytes(self._rest[:NOISE_LETTERS]))]
        return last_words(next((line for line in reversed(lines) if line.strip()), ""))

    def _block(self, block: bytes) -> None:
        """Take whole lines; those without a mark are taken together, for there may be millions."""
        at = 0
        while (found := block.find(self._mark, at)) >= 0:
            begin = max(at, block.rfind(b"\n", at, found) + 1)
            end = block.find(b"\n", found)
            end = len(block) if end < 0 else end
            if begin > at:
                self._unmarked(block[at : begin - 1])
            self._line(block[begin:end])
            at = end + 1
        if at <= len(block):
            self._unmarked(block[at:])

    def _line(self, line: bytes) -> None:
        before, _, rest = line.partition(self._mark)
        # A login shell may greet without a line end: then our first line follows on the same line.
        # In raw text a mark counts only at the beginning of a line.
        if before and self._open is not None:
            self._unmarked(line)
            return
        if before:
            self._unmarked(before)
        self.heard = True
        self._marked(_text(rest))

    def _unmarked(self, lines: bytes) -> None:
        if self._open is None:
            last = lines.rsplit(b"\n", NOISE_LINES)[-NOISE_LINES:]
            self._noise.extend(_text(line[:NOISE_LETTERS]) for line in last)
        else:
            self._text += lines + b"\n"

    def _marked(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "begin":
            name, _, rest = rest.partition(" ")
            self._open, self._text = Record(name, rest), bytearray()
        elif word == "end" and self._open is not None:
            self._tell(Record(self._open.word, self._open.rest, _text(bytes(self._text[:-1]))))
            self._open = None
        elif word == "done":
            self.complete = True
        else:
            self._tell(Record(word, rest))

    def _tell(self, record: Record) -> None:
        if self._on_record is not None and self._on_record(record) is TAKEN:
            self._size -= len(record.text or "")
        else:
            self.records.append(record)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def last_words(text: str) -> str:
    """Return a text of a host as one line that does nothing to a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text.strip()[:NOISE_LETTERS])
