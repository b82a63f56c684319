"""Restarts of the last hour, from the times at which a program noted that it began."""

from __future__ import annotations

from collections.abc import Sequence

HOUR = 3600


def lately(
    times: int | None,
    starts: Sequence[float],
    ordered: float | None,
    *,
    now: float,
    age: float | None,
) -> int | None:
    """Return how many of `times` restarts were in the last hour; None if that is not known.

    `starts` are the last starts of all, oldest first, `ordered` is when the last one that was no
    restart was ordered, and `age` is how long the present process lives.
    """
    if not times or (age is not None and age > HOUR):
        return None if times is None else 0
    last = starts[-times:]
    # A run that ended before it noted its start has no time; of too many only the last are kept.
    is_whole = len(last) == times and (ordered is None or last[0] >= ordered)
    reaches = len(last) < times and bool(last) and now - last[0] > HOUR
    if is_whole or reaches:
        return sum(now - start <= HOUR for start in last)
    return 1 if times == 1 and age is not None else None
