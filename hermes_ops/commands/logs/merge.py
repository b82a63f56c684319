"""Lines of many files as one stream in the order of time; each file keeps its own order."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import count

from hermes_ops.commands.logs.line import LogLine


def merged(files: Iterable[Iterable[LogLine]], last: int | None = None) -> Sequence[LogLine]:
    """Return the lines of all files, or the last ones of them."""
    return deque(heapq.merge(*files, key=lambda line: line.order), maxlen=last)


def placed(lines: Sequence[LogLine]) -> Sequence[LogLine]:
    """Return lines of a file with a place for those at its beginning that have no time.

    They are the rest of a message that was not read: they stay before the line that follows.
    """
    order = next((line.order for line in lines if line.order >= 0), -1.0)
    return [line if line.order >= 0 else line._replace(order=order) for line in lines]


class Merger:
    """Merges what arrives: a line is held back a moment, as an older one may be on its way."""

    def __init__(self, hold: float) -> None:
        self._hold = hold
        self._heap: list[tuple[float, int, float, LogLine]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, lines: Iterable[LogLine], now: float) -> None:
        """Take lines that arrived now, on a clock that only goes forward."""
        for line in lines:
            heapq.heappush(self._heap, (line.order, next(self._numbers), now, line))

    def due(self, now: float) -> list[LogLine]:
        """Return the lines that were held long enough, and all that are older than those."""
        ripe = now - self._hold
        until = max((order for order, _, came, _ in self._heap if came <= ripe), default=None)
        found: list[LogLine] = []
        while until is not None and self._heap and self._heap[0][0] <= until:
            found.append(heapq.heappop(self._heap)[3])
        return found
