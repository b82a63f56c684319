"""Many hosts at once: bounded, in batches, stopped by failures and by the deadline."""

from __future__ import annotations

import threading
import time

import pytest

from hermes_ops.run.parallel import Rules, parallel


def test_no_more_at_once_than_forks() -> None:
    """Of twelve items with three forks, at most three run at a time, and all end."""
    lock, running, most = threading.Lock(), 0, 0

    def work(item: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return item * 2

    ended = parallel(list(range(12)), work, Rules(forks=3))
    assert ended.values == {i: i * 2 for i in range(12)}
    assert most <= 3


def test_whoever_finds_nothing_left_to_do_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quietly: no worker stumbles over the empty list."""
    stumbled: list[object] = []
    monkeypatch.setattr(threading, "excepthook", stumbled.append)
    before = set(threading.enumerate())
    parallel(list(range(6)), lambda item: item, Rules(forks=3))
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert stumbled == []


def test_batches_do_not_overlap() -> None:
    """With a batch of two, the third begins when the first two have ended."""
    order: list[str] = []

    def work(item: int) -> None:
        order.append(f"+{item}")
        time.sleep(0.01)
        order.append(f"-{item}")

    parallel([0, 1, 2, 3], work, Rules(batch=2))
    assert max(order.index("-0"), order.index("-1")) < min(order.index("+2"), order.index("+3"))


def test_too_many_failures_stop_further_ones() -> None:
    """After the second failure, with one allowed, no further batch begins; what ran, ended."""
    ended = parallel(
        list(range(6)), lambda item: item, Rules(batch=2, most_failures=1), failed=lambda _: True
    )
    assert set(ended.values) == {0, 1}
    assert "max-fail" in ended.stopped_by


def test_zero_failures_allowed_stops_at_the_first() -> None:
    """`--max-fail 0` lets no batch follow one with a failure."""
    ended = parallel(
        [0, 1], lambda item: item, Rules(batch=1, most_failures=0), failed=lambda _: True
    )
    assert set(ended.values) == {0}


@pytest.mark.slow
def test_the_deadline_is_not_outwaited() -> None:
    """An item that hangs is left behind at the deadline: begun, without a value."""
    release = threading.Event()

    def work(item: int) -> int:
        if item == 1:
            release.wait(10)
        return item

    began = time.monotonic()
    ended = parallel([0, 1, 2], work, Rules(forks=2, deadline=began + 0.2))
    assert time.monotonic() - began < 5
    assert 1 in ended.begun
    assert 1 not in ended.values
    assert "deadline" in ended.stopped_by
    release.set()
    time.sleep(0.02)
    assert 1 not in ended.values, "what comes too late changes nothing"


def test_an_exception_is_its_items_alone() -> None:
    """What `work` raises is kept beside the values of the others."""
    ended = parallel([1, 0, 2], lambda item: 2 // item, Rules())
    assert ended.values == {0: 2, 2: 1}
    assert [type(error) for error in ended.broken.values()] == [ZeroDivisionError]
    assert ended.begun == {0, 1, 2}


def test_an_exception_is_a_failure() -> None:
    """It counts for the most that may fail, as does one of whoever judges the values."""
    rules = Rules(forks=1, most_failures=0)
    assert parallel([0, 1], lambda item: 1 // item, rules).begun == {0}
    ended = parallel([1, 2], lambda item: item, rules, failed=lambda item: bool(1 // 0))
    assert (ended.begun, ended.values) == ({0}, {0: 1})
