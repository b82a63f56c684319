"""`fleet.ps --watch`: the table again and again, and each host in it as soon as it answers."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.output import Output, Result, exit_code, shown
from hermes_ops.commands.fleet.status import HostSeen
from hermes_ops.commands.workspace import now

if TYPE_CHECKING:
    from rich.live import Live

EVERY = 2.0
"""Seconds between two tables."""

Each = Callable[[HostSeen], None]


def ignored(seen: HostSeen) -> None:
    """Drop the state of a host."""
    del seen


Show = Callable[[Sequence[HostSeen], Any], None]


def result(hosts: Sequence[HostSeen]) -> Result:
    """Return exit code and document of one look."""
    code = exit_code(code for host in hosts for code in host.codes)
    document = {"schema": 1, "exit": code, "error": None, "taken_at": now()}
    return Result(code, document | {"hosts": [host.document() for host in hosts]})


class _Page:
    """Collects the lines of one table."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def text(self, text: str) -> None:
        self.lines.append(shown(text))

    def drawn(self, text: str) -> None:
        self.lines.append(text)

    def __str__(self) -> str:
        return "\n".join(self.lines)


class _Screen:
    """A terminal on which the newest state of every host is drawn, whoever answers first."""

    def __init__(self, show: Show) -> None:
        self._show, self._seen = show, dict[str, HostSeen]()
        self._lock = threading.Lock()
        self._live: Live | None = None

    def start(self) -> None:
        from rich.live import Live

        self._live = Live(auto_refresh=False, vertical_overflow="visible")
        self._live.start()

    def stop(self) -> None:
        if self._live is not None:
            self._live.stop()

    def hear(self, seen: HostSeen) -> None:
        with self._lock:
            self._seen[seen.host.name] = seen
            self._draw()

    def all(self, hosts: Sequence[HostSeen]) -> None:
        """Draw every host, from now on in this order."""
        with self._lock:
            self._seen = {seen.host.name: seen for seen in hosts}
            self._draw()

    def _draw(self) -> None:
        from rich.text import Text

        self._show(list(self._seen.values()), page := _Page())
        if self._live is not None:
            self._live.update(Text.from_ansi(str(page)), refresh=True)


def watched(
    look: Callable[[Each], list[HostSeen]],
    show: Show,
    output: Output,
    left: Callable[[], float] = lambda: inf,
) -> Result:
    """Show tables until Ctrl-C, or until no second is left; return the result of the last one.

    Neither is an error here.
    """
    last, whole = Result(0), list[HostSeen]()
    screen = _Screen(show) if sys.stdout.isatty() else None
    try:
        if screen:
            screen.start()
        while left() > 0:
            hosts = look(screen.hear if screen else ignored)
            if whole and left() <= 0:
                break  # whoever had not answered by then is not unknown
            if screen:
                screen.all(hosts)
            else:
                show(hosts, page := _Page())
                output.drawn(f"{now()}\n{page}\n")
            last, whole = result(hosts), hosts
            time.sleep(max(0, min(EVERY, left())))
    except KeyboardInterrupt:
        pass
    finally:
        if screen and whole:
            screen.all(whole)  # not what the end has left of a look
        if screen:
            screen.stop()
    return last
