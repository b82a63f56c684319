"""Work that nobody waits for longer than its time, whatever the other side does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, jobs: Sequence[Callable[[], T]], late: T) -> list[T]:
    """Return the results of jobs that run side by side; `late` for each that has none in time.

    A job that hangs is left behind: its thread does not keep the process from ending.
    """
    results = [late] * len(jobs)

    def run(at: int, job: Callable[[], T]) -> None:
        results[at] = job()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(jobs)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return list(results)
