"""The connections of a command: each is opened by its host's work, all are closed in one place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from hermes_ops.errors import Unknown
from hermes_ops.inventory.model import Host
from hermes_ops.reporting.events import Connecting, Emit
from hermes_ops.run.model import Settings
from hermes_ops.run.parallel import DEADLINE, INTERRUPTED, Rules, parallel
from hermes_ops.transport import Transport, forget_settings
from hermes_ops.transport.trace import Traced

PATIENCE = 5
"""Seconds that connections have to close cleanly."""


def open_host(host: Host, settings: Settings, emit: Emit) -> Transport:
    """Connect; emit an event for each attempt."""
    emit(Connecting(host.name))
    transport = settings.connect(
        host,
        known_hosts=settings.known_hosts,
        retry=lambda attempt, why: emit(Connecting(host.name, attempt, why)),
    )
    trace = settings.trace
    return Traced(transport, lambda line: trace(host.name, line)) if trace else transport


class Connections:
    """The connections of one command; at its end all are closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Transport] = {}
        self._left: set[str] = set()
        forget_settings()

    def open(self, host: Host, settings: Settings, emit: Emit) -> Transport:
        """Connect to a host."""
        transport = open_host(host, settings, emit)
        with self._lock:
            if host.name not in self._left:
                self._open[host.name] = transport
                return transport
        _close_all([transport])
        raise Unknown(DEADLINE, kind="timeout")

    def leave(self, hosts: Iterable[str]) -> None:
        """Close these hosts' connections for good, including those that are still being opened."""
        names = set(hosts)
        with self._lock:
            self._left |= names
            found = [self._open.pop(name) for name in names if name in self._open]
        _close_all(found)

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            found, self._open = list(self._open.values()), {}
        _close_all(found)

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _close_all(transports: list[Transport]) -> None:
    # All at once: closing takes a moment, and some hosts never answer. Connections that are not
    # closed in time are abandoned.
    until = time.monotonic() + PATIENCE
    ended = parallel(transports, lambda transport: transport.close(), Rules(deadline=until))
    if ended.stopped_by == INTERRUPTED:
        raise KeyboardInterrupt
