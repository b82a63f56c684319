"""Logs that are followed: hosts that flood, leave, are late or are lost, and what others see."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from patience import soon

from hermes_ops.commands.logs import follow
from hermes_ops.commands.logs.follow import Follower
from hermes_ops.commands.logs.line import LogLine, Origin
from hermes_ops.commands.logs.request import Request
from hermes_ops.commands.logs.source import LogNotice, LogSource
from hermes_ops.errors import Unreachable
from hermes_ops.inventory.model import Connection, Host

Lines = list[LogLine]
SOURCES = [LogSource("box", "demo", "home", ())]
BOX = Host("box", Connection(), (), (), ())


def line(word: str, at: float = 1.0) -> LogLine:
    """Return a line of a host."""
    return LogLine(Origin("box", "demo", "gateway"), at, "INFO", "a.b", word, order=at)


@dataclass
class Box:
    """A host: what it answers one time after another, and which connections are open."""

    answers: Iterator[Lines | Exception]
    opened: int = 0
    closed: int = 0
    told: list[str] = field(default_factory=list)
    sources: Sequence[LogSource] = ()
    hurries: bool = False
    hurried: list[bool] = field(default_factory=list)

    def connect(self, _host: Host) -> Any:
        """Be the connection as well."""
        self.opened += 1
        return self

    def tell(self, notice: LogNotice) -> None:
        """Hear a notice."""
        self.told.append(str(notice))

    def session(self) -> Box:
        """Be the session as well."""
        return self

    def close(self) -> None:
        """Count it."""
        self.closed += 1

    def logs(self, _name: str, sources: Sequence[LogSource], *_: object) -> Box:
        """Be what is known of its logs as well."""
        self.sources = sources
        return self

    def last(self, _transport: object) -> list[Lines]:
        """Return the end of its only file."""
        return [self.next()]

    def next(self, _session: object = None) -> Lines:
        """Return what comes, or nothing for ever."""
        self.hurried.append(self.hurries)
        self.hurries = False
        found = next(self.answers, [])
        if isinstance(found, Exception):
            raise found
        return found

    def follow(self, sources: Sequence[LogSource]) -> None:
        """Follow these."""
        self.sources = sources


def test_a_lost_host_is_tried_less_and_less_often() -> None:
    """Up to the longest pause, and no longer."""
    assert [follow.pause(attempt) for attempt in range(8)] == [1, 2, 4, 8, 15, 30, 30, 30]


Following = Callable[[Box], Follower]


@pytest.fixture
def following(monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    """Follow a host without long pauses."""
    made: list[Follower] = []
    for name, value in {"PACE": 0.01, "PAUSES": (0.01,), "HOLD": 0, "GRACE": 0.3}.items():
        monkeypatch.setattr(follow, name, value)

    def make(box: Box) -> Follower:
        monkeypatch.setattr(follow, "HostLogs", box.logs)
        made.append(Follower(Request(follow=True), box.connect, box.tell, forks=2))
        return made[-1]

    yield make
    for follower in made:
        follower.close()


def shown(follower: Follower, count: int, seconds: float = 5) -> list[str]:
    """Return the messages that are shown until there are so many, or nobody waits any longer."""
    began, found = time.monotonic(), list[str]()
    while len(found) < count and time.monotonic() < began + seconds:
        found += [each.message for each in follower.lines(began)]
    return found


@pytest.mark.slow
def test_a_host_that_floods_waits_until_its_lines_are_shown(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many are held, and no more are taken; when those are shown it goes on."""
    monkeypatch.setattr(follow, "MOST_HELD", 3)
    follower = following(Box(iter(())))
    follower.lines(0)
    follower.take("box", [[line(word) for word in "abcd"]])
    late = threading.Thread(target=follower.take, args=("box", [[line("e")]]), daemon=True)
    late.start()
    late.join(0.1)
    assert late.is_alive()
    assert shown(follower, 5) == list("abcde")
    late.join(2)
    assert not late.is_alive()


def test_what_one_host_floods_does_not_hold_up_another(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has its own number of lines."""
    monkeypatch.setattr(follow, "MOST_HELD", 1)
    follower = following(Box(iter(())))
    follower.lines(0)
    follower.take("box", [[line("a"), line("b")]])
    follower.take("other", [[line("c")]])
    assert sorted(shown(follower, 3)) == list("abc")


def test_a_host_that_is_lost_is_told_once_and_goes_on(following: Following) -> None:
    """However often it is tried in vain; each connection is closed, and no line is lost."""
    lost = Unreachable("no answer")
    box = Box(iter([[line("a")], [line("b", 2)], lost, lost, lost, [line("c", 3)]]))
    follower = following(box)
    follower.follow({BOX: SOURCES})
    assert shown(follower, 3) == ["a", "b", "c"]
    assert box.told == [
        "box: not connected any more: no answer; trying again and again",
        "box: connected again; goes on where it was",
    ]
    assert (box.opened, box.closed) == (4, 3)
    # Who has no new line answers after half a minute: until then nobody knows of the connection.
    assert box.hurried[:7] == [False, False, False, True, True, True, False]
    assert not follower.unreachable


def test_a_host_that_is_not_reached_does_not_hold_up_the_others(following: Following) -> None:
    """It has had its chance to answer; at the end it is known that it did not."""
    follower = following(Box(iter([Unreachable("no way")] * 10_000)))
    follower.follow({BOX: SOURCES})
    assert soon(lambda: follower.unreachable)
    follower.take("other", [[line("a")]])
    assert shown(follower, 1) == ["a"]
    assert follower.unreachable


def test_a_late_host_is_waited_for_at_first_and_not_for_ever(following: Following) -> None:
    """The last lines of all hosts are to be shown in one order."""
    answered = threading.Event()

    def answers() -> Iterator[Lines]:
        answered.wait(5)
        yield [line("late", 2)]

    follower = following(Box(answers()))
    follower.follow({BOX: SOURCES})
    follower.take("other", [[line("early")]])
    began = time.monotonic()
    assert list(follower.lines(began)) == []
    assert shown(follower, 1) == ["early"]
    answered.set()


def test_who_left_the_selection_is_followed_no_further(following: Following) -> None:
    """Its connection is closed, and what it still says is not shown; nor is that a failure."""
    box = Box(iter([[line("a")]]))
    follower = following(box)
    follower.follow({BOX: SOURCES})
    assert shown(follower, 1) == ["a"]
    follower.follow({})
    assert soon(lambda: box.closed == 1)
    box.answers = iter([[line("b")]])
    assert shown(follower, 1, 0.2) == []
    assert (box.told, follower.unreachable, follower.watches) == ([], False, {})


def test_other_profiles_of_a_host_need_no_other_connection(following: Following) -> None:
    """They are asked for from the next answer on."""
    box = Box(iter(()))
    follower = following(box)
    follower.follow({BOX: SOURCES})
    more = [*SOURCES, LogSource("box", "scout", "home", ())]
    follower.follow({BOX: more})
    assert soon(lambda: box.sources is more)
    assert box.opened == 1
