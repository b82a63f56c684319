"""Whose turn it is to restart: of each messaging platform one gateway of the fleet at a time.

Hosts take their turns in the order of the inventory. A host whose plan restarts nothing that is on
a messaging platform waits for nobody, and nobody waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Place:
    """A host in the queue: the platforms that it restarts, None until its plan is known."""

    platforms: frozenset[str] | None = None
    left: bool = False


@dataclass(slots=True)
class Turns:
    """The queue of one run; more than `most_failures` bad turns on a platform are its last."""

    hosts: Sequence[str]
    most_failures: int = 0
    _places: dict[str, _Place] = field(default_factory=dict)
    _failed: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._places = {name: _Place() for name in self.hosts}

    def ask(self, host: str, platforms: Iterable[str]) -> bool:
        """Announce the platforms that the host restarts; return whether it is its turn already."""
        with self._changed:
            self._places[host].platforms = frozenset(platforms)
            self._changed.notify_all()
            return self._may_go(host)

    def wait(self, host: str) -> str:
        """Wait for the turn of a host that has asked; return why it gets none, empty if it does."""
        with self._changed:
            self._changed.wait_for(lambda: self._bad_turns(host) or self._may_go(host))
            failed = self._bad_turns(host)
            return f"{', '.join(failed)} did not come up again after a restart" if failed else ""

    def leave(self, host: str, *, failed: bool = False) -> None:
        """End the turn of a host, or let go of one that takes none."""
        with self._changed:
            place = self._places.get(host)
            if place is None or place.left:
                return
            place.left = True
            if failed and place.platforms:
                self._failed.append(host)
            self._changed.notify_all()

    def _bad_turns(self, host: str) -> list[str]:
        """Return the hosts that failed on a platform of this one, if they are too many."""
        own = self._places[host].platforms or frozenset()
        failed = [name for name in self._failed if own & (self._places[name].platforms or own)]
        return failed if own and len(failed) > self.most_failures else []

    def _may_go(self, host: str) -> bool:
        own = self._places[host].platforms or frozenset()
        return not own or not any(
            not place.left and (place.platforms is None or place.platforms & own)
            for place in self._before(host)
        )

    def _before(self, host: str) -> Iterable[_Place]:
        for name, place in self._places.items():
            if name == host:
                return
            yield place
