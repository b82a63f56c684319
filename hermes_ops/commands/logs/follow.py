"""Follow the logs of many hosts at once, each by its own thread, whatever happens to the others."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hermes_ops.commands.logs.host import HostLogs, Tell
from hermes_ops.commands.logs.line import LogLine
from hermes_ops.commands.logs.merge import Merger, merged
from hermes_ops.commands.logs.request import Request
from hermes_ops.commands.logs.source import LogNotice, LogSource
from hermes_ops.errors import HermesError, belongs_to
from hermes_ops.inventory.model import Host
from hermes_ops.transport import Session, Transport

HOLD = 0.7
"""Seconds that a line is held back: an older one of another host may be on its way."""
GRACE = 3.0
"""Seconds that the first lines wait for hosts that have not answered yet."""
PACE = 0.25
"""The least seconds between two answers of a host: a flood is taken in portions."""
MOST_HELD = 8000
"""Lines of one host that wait to be shown; beyond that the host is not asked for more."""
PAUSES = (1, 2, 4, 8, 15, 30)
"""Seconds before each attempt to reach a host again."""
AGAIN = 60
"""Seconds between two looks into the inventory."""

Wanted = Mapping[Host, Sequence[LogSource]]


def pause(attempt: int) -> float:
    """Return the seconds before a host is tried again; `attempt` counts from 0."""
    return PAUSES[min(attempt, len(PAUSES) - 1)]


@dataclass
class Follower:
    """The threads that read, and the lines that they have read."""

    request: Request
    connect: Callable[[Host], Transport]
    tell: Tell
    forks: int
    merger: Merger = field(default_factory=lambda: Merger(HOLD))
    lock: threading.Condition = field(default_factory=threading.Condition)
    watches: dict[str, _Watch] = field(default_factory=dict)
    first: list[list[LogLine]] | None = field(default_factory=list)
    """The last lines of each file, until they are shown."""
    held: Counter[str] = field(default_factory=Counter)
    closed: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.opening = threading.Semaphore(self.forks)

    def follow(self, wanted: Wanted) -> None:
        """Follow these, and no others from now on."""
        names = {host.name for host in wanted}
        for name in set(self.watches) - names:
            self.watches.pop(name).leave()
        for host, sources in wanted.items():
            if host.name in self.watches:
                self.watches[host.name].wanted = sources
            else:
                self.watches[host.name] = watch = _Watch(self, host, sources)
                threading.Thread(target=watch.run, daemon=True).start()

    def take(self, host: str, files: Sequence[list[LogLine]]) -> None:
        """Take the lines of a host; wait while too many of them are not shown yet."""
        with self.lock:
            if self.first is not None:
                self.first += files
                return
            while self.held[host] > MOST_HELD and not self.closed.is_set():
                self.lock.wait(1)
            for lines in files:
                self.held[host] += len(lines)
                self.merger.add(lines, time.monotonic())

    def lines(self, began: float) -> Sequence[LogLine]:
        """Return the lines that are to be shown now; at first the last ones of all hosts."""
        with self.lock:
            if self.first is not None:
                return self._beginning(began)
            self.lock.wait(0.2)
            due = self.merger.due(time.monotonic())
            self.held.subtract(line.origin.host for line in due)
            self.lock.notify_all()
            return due

    def _beginning(self, began: float) -> Sequence[LogLine]:
        self.lock.wait(0.02)
        late = any(not watch.has_answered for watch in list(self.watches.values()))
        if late and time.monotonic() < began + GRACE:
            return ()
        first, self.first = self.first or [], None
        return merged(first, self.request.lines)

    def close(self) -> None:
        """End all threads; those that wait for a host are left behind."""
        self.closed.set()
        for watch in list(self.watches.values()):
            watch.leave()

    @property
    def unreachable(self) -> bool:
        """Whether some host is not connected now."""
        return any(watch.failure for watch in list(self.watches.values()))


class _Watch:
    """One host: connected, asked again and again, and connected anew when it was lost."""

    def __init__(self, follower: Follower, host: Host, sources: Sequence[LogSource]) -> None:
        self._follower, self._host, self.wanted = follower, host, sources
        self._logs: HostLogs | None = None
        self._transport: Transport | None = None
        self._left = threading.Event()
        self.has_answered = False
        self.failure = ""

    def leave(self) -> None:
        """Follow it no further."""
        self._left.set()

    def run(self) -> None:
        """Follow the host until it is left."""
        attempt = 0
        while not self._left.is_set():
            try:
                with belongs_to(self._host.name):
                    self._connected()
            except HermesError as error:
                if not self.failure and self.has_answered and self._logs:
                    attempt = 0
                self._failed(error)
            finally:
                self._close()
            self.has_answered = True
            self._left.wait(pause(attempt))
            attempt += 1

    def _connected(self) -> None:
        with self._follower.opening:
            self._transport = self._follower.connect(self._host)
            if self._logs is None:
                self._begin(self._transport)
            else:
                self._logs.hurries = True  # only an answer tells that it is connected again
        session = self._transport.session()
        while not self._left.is_set():
            asked = time.monotonic()
            self._next(session)
            self._left.wait(max(0.0, PACE - (time.monotonic() - asked)))

    def _begin(self, transport: Transport) -> None:
        logs = HostLogs(self._host.name, self.wanted, self._follower.request, self._follower.tell)
        found = logs.last(transport)
        self._logs = logs
        self._recovered()
        self._follower.take(self._host.name, [list(merged(found, self._follower.request.lines))])
        self.has_answered = True

    def _next(self, session: Session) -> None:
        assert self._logs is not None  # noqa: S101 - it has begun
        if self.wanted is not self._logs.sources:
            self._logs.follow(self.wanted)
        lines = self._logs.next(session)
        self._recovered()
        if lines and not self._left.is_set():
            self._follower.take(self._host.name, [lines])

    def _failed(self, error: HermesError) -> None:
        if not self.failure and not self._left.is_set():
            what = "not connected any more" if self._logs else "not reached"
            self._tell(f"{what}: {error}; trying again and again")
        self.failure = str(error)

    def _recovered(self) -> None:
        if self.failure:
            self.failure = ""
            self._tell("connected again; goes on where it was")

    def _tell(self, text: str) -> None:
        self._follower.tell(LogNotice(self._host.name, text))

    def _close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
