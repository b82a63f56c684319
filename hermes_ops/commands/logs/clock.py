"""The local times in a host's logs as UTC: by its own zone rules, and corrected by its clock."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from io import BytesIO
from zoneinfo import ZoneInfo

LEAST = 2.0
"""Seconds of a difference of clocks that count: less cannot be told from the way to the host."""

SHORTEST_RETURN = 60.0
"""Seconds by which a time must be before the last one for a second pass through its hour."""

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


@dataclass(frozen=True, slots=True)
class HostClock:
    """A host's zone, and how far its clock is ahead of ours, in seconds."""

    zone: tzinfo = UTC
    ahead: float = 0.0

    def utc(self, local: str, last: Moment | None) -> Moment:
        """Return the moment of a local time such as `2026-10-25 02:30:00,123`.

        Where clocks were set back a time comes twice: then the order in the file decides, so `last`
        is the moment of the line before.

        Raises:
            ValueError: there is no such date.
        """
        time = datetime.fromisoformat(local.replace(",", ".")).replace(tzinfo=self.zone)
        first, second = time.timestamp(), time.replace(fold=1).timestamp()
        if second <= first:  # only one such time; or none, where clocks were set forward
            return Moment(first - self.ahead, again=False)
        again = last is not None and (last.again or first - self.ahead < last.at - SHORTEST_RETURN)
        return Moment((second if again else first) - self.ahead, again)


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds since 1970 by our clock."""

    at: float
    again: bool = field(default=False)
    """Whether this is the second pass through an hour that comes twice."""


def zone_of(name: str, rules: str, offset: str) -> tzinfo:
    """Return a host's zone, from the first of these that can be read.

    `rules` is its zone file as hexadecimal digits, `name` the zone's name or a path that ends with
    it, `offset` what `date +%z` printed: right for today, and perhaps not for half a year ago.
    """
    for found in (_by_rules(rules), _by_name(name)):
        if found is not None:
            return found
    return _fixed(offset)


def _by_rules(digits: str) -> tzinfo | None:
    try:
        return ZoneInfo.from_file(BytesIO(bytes.fromhex(digits))) if digits.strip() else None
    except (ValueError, OSError, IndexError):
        return None


def _by_name(name: str) -> tzinfo | None:
    name = name.strip().rpartition("zoneinfo/")[2].removeprefix("posix/")
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):  # unknown, or no name at all but a POSIX rule
        return None


def _fixed(offset: str) -> tzinfo:
    match = _OFFSET.fullmatch(offset.strip())
    if match is None:
        return UTC
    way = -1 if match[1] == "-" else 1
    return timezone(way * timedelta(hours=int(match[2]), minutes=int(match[3])))


def ahead(told: int, asked: float, answered: float) -> float:
    """Return how far a host's clock is ahead, if it told `told` between these times of ours.

    It tells whole seconds, and the way there takes time: within that it counts as equal.
    """
    least, most = told - answered, told + 1 - asked
    if least <= 0 <= most:
        return 0.0
    middle = (least + most) / 2
    return middle if abs(middle) >= LEAST else 0.0
