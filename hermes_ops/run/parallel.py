"""Many hosts at once: bounded, in batches, with a deadline that no host can outwait."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")


INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Rules:
    """How many at once, how many before the rest, how many failures, until when."""

    forks: int = 32
    batch: int | None = None
    most_failures: int | None = None
    deadline: float | None = None
    """On the clock of `time.monotonic`."""


@dataclass(slots=True)
class Ended(Generic[Item, Value]):
    """What came of the items: values in the order of the items, and who never began or ended."""

    values: dict[int, Value] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    broken: list[Exception] = field(default_factory=list)
    stopped_by: str = ""


def parallel(
    items: Sequence[Item],
    work: Callable[[Item], Value],
    rules: Rules,
    *,
    failed: Callable[[Value], bool] = lambda _: False,
) -> Ended[Item, Value]:
    """Call `work` with every item in threads; one that is past the deadline is left behind.

    An exception of `work` is raised when all others have ended: it is a mistake of ours.
    """
    ended: Ended[Item, Value] = Ended()
    size = rules.batch or max(1, len(items))
    try:
        for start in range(0, len(items), size):
            batch = range(start, min(start + size, len(items)))
            _run(items, batch, work, rules, ended, failed)
            if ended.stopped_by:
                break
    except KeyboardInterrupt:
        ended.stopped_by = INTERRUPTED
    if ended.broken:
        raise ended.broken[0]
    return ended


def _run(
    items: Sequence[Item],
    batch: Sequence[int],
    work: Callable[[Item], Value],
    rules: Rules,
    ended: Ended[Item, Value],
    failed: Callable[[Value], bool],
) -> None:
    waiting, lock = deque(batch), threading.Condition()
    running: set[int] = set()

    def worker() -> None:
        while True:
            with lock:
                if not waiting or ended.stopped_by:
                    return
                index = waiting.popleft()
                running.add(index)
                ended.begun.add(index)
            try:
                value = work(items[index])
                with lock:
                    ended.values[index] = value
                    _count_failures(ended, rules, failed)
            except Exception as error:
                ended.broken.append(error)
            finally:
                with lock:
                    running.discard(index)
                    lock.notify_all()

    # Daemons: a host that hangs past the deadline must not keep the program alive.
    for _ in range(min(rules.forks, len(batch))):
        threading.Thread(target=worker, daemon=True).start()
    with lock:
        while waiting or running:
            if rules.deadline is not None and time.monotonic() >= rules.deadline:
                ended.stopped_by = "the deadline of the run passed"
                return
            if ended.stopped_by and not running:
                return
            lock.wait(_patience(rules))


def _count_failures(
    ended: Ended[Item, Value], rules: Rules, failed: Callable[[Value], bool]
) -> None:
    # At once, under the lock: else a free worker, or the next batch, begins one too many.
    if rules.most_failures is None or ended.stopped_by:
        return
    bad = sum(failed(value) for value in ended.values.values())
    if bad > rules.most_failures:
        ended.stopped_by = f"{bad} hosts failed, --max-fail allows {rules.most_failures}"


def _patience(rules: Rules) -> float:
    if rules.deadline is None:
        return 0.5
    return max(0.01, min(0.5, rules.deadline - time.monotonic()))
