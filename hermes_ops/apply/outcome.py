"""Read the outcomes of changes from the records that a script sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hermes_ops.wire import Record


@dataclass(frozen=True, slots=True)
class ChangeOutcome:
    """How one change ended: done, failed, skipped, or moved (its files changed since the look)."""

    number: int
    outcome: str
    message: str = ""


def outcomes(record: Record) -> Iterable[ChangeOutcome]:
    """Return the outcomes that a record reports; none for other kinds of records."""
    if record.word == "moved":
        return [ChangeOutcome(int(number), "moved") for number in record.words]
    if record.word != "change":
        return []
    number, _, rest = record.rest.partition(" ")
    outcome, _, message = rest.partition(" ")
    return [ChangeOutcome(int(number), outcome, message)]
