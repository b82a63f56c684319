"""Lets the checks of one host ask at the same time, so that distance costs as little as it can.

Each check is an ordinary function that asks and waits. All checks of a host begin at once, each in
a thread; when every one of them waits, what they ask is sent in one turn. So a host costs as many
round trips as its longest check, and questions that belong together become one command.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from testinfra.backend.base import CommandResult

MOST = 32
"""How many checks of a host are under way at once."""
PATIENCE = 0.25
"""Seconds after which a turn does not wait any longer for checks that work without asking."""


class QueryKind(Protocol):
    """Questions that one command answers, however many there are."""

    def command(self, subjects: Sequence[Any]) -> str:
        """Return the shell text that asks about all subjects."""

    def answers(self, subjects: Sequence[Any], ended: CommandResult) -> Sequence[Any]:
        """Return an answer for each subject."""


@dataclass(eq=False, slots=True)
class Query:
    """What a check wants to know: the result of a command, or a subject of a kind."""

    command: str = ""
    kind: QueryKind | None = None
    subject: Any = None
    answer: Future[Any] = field(default_factory=Future)
    is_begun: bool = False
    is_awaited: bool = False
    is_over: bool = False
    """Whether the turn that asked it has ended."""


class Together:
    """The questions of one host; `ask` answers those of one turn."""

    def __init__(self, ask: Callable[[Sequence[Query]], None]) -> None:
        self._ask = ask
        self._changed = threading.Condition()
        self._waiting: list[Query] = []
        self._busy = 0
        self._member = threading.local()

    def begin(self, query: Query) -> None:
        """Let the next turn ask it, without waiting; outside of `all` it is asked when awaited."""
        if self._is_member():
            with self._changed:
                self._add(query)

    def wait(self, query: Query) -> Any:
        """Return the answer of a query; outside of `all` it is asked at once."""
        if not self._is_member():
            self._ask([query])
            return query.answer.result()
        with self._changed:
            self._add(query)
            if not query.is_over:
                query.is_awaited = True
                self._busy -= 1
                self._changed.notify_all()
        return query.answer.result()

    def _is_member(self) -> bool:
        return getattr(self._member, "is_one", False)

    def _add(self, query: Query) -> None:
        if not query.is_begun:
            query.is_begun = True
            self._waiting.append(query)

    def all(self, calls: Sequence[Callable[[], None]]) -> None:
        """Make all calls, many of them at once, and return when all have ended."""
        left = deque(calls)
        self._busy = min(MOST, len(calls))
        for _ in range(self._busy):
            # Daemons: a host that hangs must not keep an interrupted program alive.
            threading.Thread(target=self._work, args=(left,), daemon=True).start()
        while queries := self._turn():
            self._ask(queries)
            with self._changed:
                for query in queries:
                    query.is_over = True
                    self._busy += query.is_awaited

    def _work(self, left: deque[Callable[[], None]]) -> None:
        self._member.is_one = True
        try:
            while left:
                left.popleft()()
        except IndexError:  # another thread took the last one
            pass
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _turn(self) -> list[Query]:
        """Wait until all are waiting; return what is asked, nothing if all have ended."""
        with self._changed:
            while self._busy:
                if not self._changed.wait(PATIENCE) and self._waiting:
                    break
            taken, self._waiting = self._waiting, []
            is_awaited = self._busy or any(query.is_awaited for query in taken)
            return taken if is_awaited else []
