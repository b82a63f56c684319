"""Work on many items in threads: bounded, in batches, with a deadline that no item can delay."""

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
DEADLINE = "the deadline of the run passed"


@dataclass(frozen=True, slots=True)
class Rules:
    """How many items run at once, the size of a batch, the failures allowed, and the deadline."""

    forks: int = 32
    batch: int | None = None
    most_failures: int | None = None
    deadline: float | None = None
    """On the clock of `time.monotonic`."""


@dataclass(slots=True)
class Ended(Generic[Item, Value]):
    """The results of the items, by their index.

    An item that is in `begun`, but neither in `values` nor in `broken`, was left behind.
    """

    values: dict[int, Value] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    broken: dict[int, BaseException] = field(default_factory=dict)
    """What `work` raised; it ends only its own item."""
    stopped_by: str = ""


def parallel(
    items: Sequence[Item],
    work: Callable[[Item], Value],
    rules: Rules,
    *,
    failed: Callable[[Value], bool] = lambda _: False,
    meanwhile: Callable[[], None] = lambda: None,
) -> Ended[Item, Value]:
    """Call `work` with every item, in threads; items that miss the deadline are left behind.

    What they do later does not change the value that was returned. `meanwhile` is called here as
    soon as the first batch is at work.
    """
    ended: Ended[Item, Value] = Ended()
    failures: list[int] = []
    size = rules.batch or max(1, len(items))
    try:
        for start in range(0, len(items), size):
            batch = range(start, min(start + size, len(items)))
            first = meanwhile if start == 0 else lambda: None
            _run(items, batch, work, rules, ended, failed, failures, first)
            if ended.stopped_by:
                break
    except KeyboardInterrupt:
        ended.stopped_by = INTERRUPTED
    return Ended(dict(ended.values), set(ended.begun), dict(ended.broken), ended.stopped_by)


def _run(
    items: Sequence[Item],
    batch: Sequence[int],
    work: Callable[[Item], Value],
    rules: Rules,
    ended: Ended[Item, Value],
    failed: Callable[[Value], bool],
    failures: list[int],
    meanwhile: Callable[[], None],
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
            bad = True
            try:
                ended.values[index] = value = work(items[index])
                bad = failed(value)
            except BaseException as error:
                ended.broken[index] = error
            finally:
                with lock:
                    running.discard(index)
                    failures.extend([index] if bad else [])
                    _stop_at(len(failures), rules, ended)
                    lock.notify_all()

    # Daemons: a host that hangs past the deadline must not keep the program alive.
    for _ in range(min(rules.forks, len(batch))):
        threading.Thread(target=worker, daemon=True).start()
    meanwhile()
    with lock:
        while waiting or running:
            if rules.deadline is not None and time.monotonic() >= rules.deadline:
                ended.stopped_by = DEADLINE
                return
            if ended.stopped_by and not running:
                return
            lock.wait(_patience(rules))


def _stop_at(failures: int, rules: Rules, ended: Ended[Item, Value]) -> None:
    # Under the lock, at once: otherwise a free worker or the next batch begins one item too many.
    if rules.most_failures is None or ended.stopped_by or failures <= rules.most_failures:
        return
    hosts = "1 host" if failures == 1 else f"{failures} hosts"
    ended.stopped_by = f"{hosts} failed, --max-fail allows {rules.most_failures}"


def _patience(rules: Rules) -> float:
    if rules.deadline is None:
        return 0.5
    return max(0.01, min(0.5, rules.deadline - time.monotonic()))
