"""Many items at once: in order, bounded, never waiting for what cannot come."""

from __future__ import annotations

import threading
import time

import pytest

from hermes_ops.parallel import Rules, parallel


def test_values_are_those_of_their_items() -> None:
    """Every item has its own value, however many threads there are."""
    ended = parallel(range(20), lambda number: number * 2, Rules(forks=3))
    assert ended.values == {number: number * 2 for number in range(20)}


def test_a_mistake_of_ours_is_raised_when_the_others_have_ended() -> None:
    """An exception neither hangs the run nor takes the other items with it."""
    done = []

    def work(number: int) -> None:
        if number == 0:
            raise RuntimeError("a mistake")
        time.sleep(0.05)
        done.append(number)

    with pytest.raises(RuntimeError, match="a mistake"):
        parallel([0, 1, 2], work, Rules(forks=2))
    assert done == [1, 2]


def test_the_deadline_leaves_behind_what_hangs() -> None:
    """What runs past the deadline began and has no value; what waited never began."""
    release = threading.Event()
    ended = parallel(
        [0, 1], lambda _: release.wait(10), Rules(forks=1, deadline=time.monotonic() + 0.1)
    )
    release.set()
    assert (ended.values, ended.begun) == ({}, {0})
    assert "deadline" in ended.stopped_by


def test_failures_stop_the_launch_of_further_items() -> None:
    """Past the allowed failures nothing further begins; what runs, ends."""
    ended = parallel(
        range(10),
        lambda number: number,
        Rules(forks=1, batch=1, most_failures=1),
        failed=lambda _: True,
    )
    assert ended.begun == {0, 1}
    assert "--max-fail" in ended.stopped_by
