"""What `systemctl show` prints of a unit, as values."""

from __future__ import annotations

import re
from math import ceil

from hermes_ops.look.facts import Facts, Unit

_HOUR = 3600


def recent(unit: Unit, facts: Facts) -> int | None:
    """Return how many of its restarts were in the last hour; the journal may not tell that.

    The last of them is when its state changed, or before. The journal also has those from before
    somebody started it on purpose.
    """
    times, changed = unit.number("NRestarts"), unit.number("StateChangeTimestampMonotonic")
    if not times or (facts.uptime and changed and facts.uptime - changed / 1e6 > _HOUR):
        return None if times is None else 0
    told = 1 if times == 1 else unit.number("Recent")
    return None if told is None else min(told, times)


def activity(unit: Unit) -> str:
    """Return what a unit does; one that waits until an order for it is begun is being started."""
    told = unit["ActiveState"] or "inactive"
    return "activating" if told == "inactive" and unit.number("Job") else told


def argv(shown: str) -> str:
    """Return the command lines in `systemctl show -p ExecStart`, without its further fields."""
    return "; ".join(re.findall(r"argv\[\]=(.*?) ; ignore_errors=", shown))


_SPAN = re.compile(r"(\d+)(us|ms|s|min|h|d|w|month|y)(?= |$)")
_UNITS = {
    "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800,
    "month": 2629800, "y": 31557600,
}  # fmt: skip


def seconds(shown: str) -> int:
    """Return a span of time as `systemctl show` prints it (`2min 30s`), 0 for one without end."""
    return ceil(sum(int(number) * _UNITS[unit] for number, unit in _SPAN.findall(shown)))
