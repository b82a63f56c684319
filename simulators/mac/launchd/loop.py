"""Time, children and connections, in one thread."""

from __future__ import annotations

import heapq
import os
import selectors
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

Call = Callable[[], object]


def _safely(call: Call) -> None:
    """Call something: an error of ours is told on the console, and the Mac goes on."""
    try:
        call()
    except Exception:
        traceback.print_exc()


def in_turn(*calls: Call) -> Call:
    """Return a call that does several things."""

    def do() -> None:
        for call in calls:
            call()

    return do


@dataclass(order=True, slots=True)
class Timer:
    """Something to be done at a time, unless it is cancelled before."""

    at: float
    number: int
    call: Call | None = field(compare=False)

    def cancel(self) -> None:
        """Let it not be done."""
        self.call = None


class Loop:
    """Do what is due; `scale` seconds of launchd pass in one second."""

    def __init__(self, scale: Callable[[], float]) -> None:
        self.scale = scale
        self._timers: list[Timer] = []
        self._numbers = count()
        self._signals: dict[int, Call] = {}
        self.selector = selectors.DefaultSelector()
        reading, writing = os.pipe()
        for end in (reading, writing):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self.selector.register(reading, selectors.EVENT_READ, lambda: self._hear(reading))

    def later(self, seconds: float, call: Call) -> Timer:
        """Call something after some seconds of launchd."""
        timer = Timer(time.monotonic() + seconds / self.scale(), next(self._numbers), call)
        heapq.heappush(self._timers, timer)
        return timer

    def on_signal(self, number: int, call: Call) -> None:
        """Call something whenever a signal comes."""
        self._signals[number] = call
        signal.signal(number, lambda *_: None)

    def run(self) -> None:
        """Run for ever."""
        while True:
            for key, _ in self.selector.select(self._pause()):
                _safely(key.data)
            while self._timers and self._timers[0].at <= time.monotonic():
                call = heapq.heappop(self._timers).call
                if call:
                    _safely(call)

    def _pause(self) -> float | None:
        while self._timers and self._timers[0].call is None:
            heapq.heappop(self._timers)
        return max(0, self._timers[0].at - time.monotonic()) if self._timers else None

    def _hear(self, reading: int) -> None:
        for number in set(os.read(reading, 4096)):
            if number in self._signals:
                self._signals[number]()
