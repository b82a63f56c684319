"""Host names as inventories write them: ports and ranges, `mini-[01:03]`, `[a:c]`, steps."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from hermes_ops.errors import InventoryError, Place
from hermes_ops.inventory.addresses import split_port

MOST_HOSTS = 10_000
"""How many hosts one range may name."""

_RANGE = re.compile(r"\[([^:\[\]]*):([^:\[\]]*)(?::([^:\[\]]*))?\]")
_ODD = re.compile(r"^[-!&~@.]|[\s,/\[\]\"'\\$`;|<>(){}*?\x00-\x1f\x7f]")


def names_of(pattern: str, place: Place) -> tuple[tuple[str, ...], int | None]:
    """Return the host names for a word of an inventory, and their port."""
    body, port = split_port(pattern) or (pattern, None)
    names = tuple(_expanded(body, place, MOST_HOSTS))
    if not all(names):
        raise InventoryError(f"{pattern!r} names no host", where=place)
    return names, port


def is_odd(name: str) -> bool:
    """Return whether a selector could not name this host, or a shell would expand its name."""
    return _ODD.search(name) is not None


def _expanded(pattern: str, place: Place, room: int) -> Iterator[str]:
    if "[" not in pattern:
        yield pattern
        return
    match = _RANGE.search(pattern)
    if not match or "[" in pattern[: match.start()]:
        hint = "a range is [begin:end] or [begin:end:step]"
        raise InventoryError(f"{pattern!r} has an invalid range", hint=hint, where=place)
    head, tail = pattern[: match.start()], pattern[match.end() :]
    for middle in _steps(match, place):
        for name in _expanded(tail, place, room):
            room -= 1
            if room < 0:
                raise InventoryError(f"names more than {MOST_HOSTS} hosts", where=place)
            yield f"{head}{middle}{name}"


def _steps(match: re.Match[str], place: Place) -> Iterator[str]:
    first, last, step = match.groups()
    wrong = _wrong_range(first, last, step)
    if wrong:
        raise InventoryError(f"the range {match[0]} {wrong}", where=place)
    if _is_number(last):
        width = len(first) if first.startswith("0") else 0
        return (str(n).zfill(width) for n in range(int(first or 0), int(last) + 1, int(step or 1)))
    letters = string.ascii_letters
    return iter(letters[letters.index(first) : letters.index(last) + 1 : int(step or 1)])


def _is_number(text: str) -> bool:
    return re.fullmatch("[0-9]{1,18}", text) is not None


def _wrong_range(first: str, last: str, step: str | None) -> str:
    if step is not None and (not _is_number(step) or int(step) == 0):
        return "has no whole step above 0"
    if not last:
        return "has no end"
    if _is_number(last) and (_is_number(first) or not first):
        return _wrong_numbers(first, last)
    letters = string.ascii_letters
    if len(first) != 1 or len(last) != 1 or first not in letters or last not in letters:
        return "is neither of numbers nor of single letters"
    return "ends before it begins" if letters.index(first) > letters.index(last) else ""


def _wrong_numbers(first: str, last: str) -> str:
    if len(first) > 1 and first.startswith("0") and len(first) != len(last):
        return "begins and ends with different lengths"
    return "ends before it begins" if int(first or 0) > int(last) else ""
