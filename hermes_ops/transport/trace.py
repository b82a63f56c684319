"""`-v`: show what is sent to a host and what comes back, as it happens, without any contents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from hermes_ops.transport.base import Session, Stream, Transport
from hermes_ops.wire import OnRecord, Record, Reply, Script

if TYPE_CHECKING:
    from hermes_ops.transport.terminal import Remote

Trace = Callable[[str], None]
_SHOWN = {
    "paths", "links", "targets", "digests", "log", "output", "lock-held", "lock-taken-over",
}  # fmt: skip
"""Records whose text is shown; what files, units and processes hold may be unknown credentials."""


def _told(record: Record) -> Iterator[str]:
    """Yield the lines that are shown of a record."""
    said = f"← {record.word} {record.rest}".rstrip()
    if record.text is None or record.word in _SHOWN:
        yield said
        yield from (f"    {line}" for line in (record.text or "").splitlines())
    else:
        yield f"{said} ({len(record.text)} characters)"


class Traced:
    """A transport that traces its exchanges: the script without its libraries, and all records."""

    def __init__(self, transport: Transport, trace: Trace) -> None:
        self._transport, self._trace = transport, trace

    @property
    def exchanges(self) -> int:
        """Return how many exchanges there were so far."""
        return self._transport.exchanges

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Trace an exchange, and do it."""
        for line in script.shape:
            self._trace(f"→ {line}")

        def heard(record: Record) -> None:
            for line in _told(record):
                self._trace(line)
            if on_record is not None:
                on_record(record)

        return self._transport.exchange(script, heard, timeout=timeout)

    def put(self, source: Path, target: PurePosixPath) -> None:
        """Trace a copy, and do it."""
        self._trace(f"→ {source.name} to ~/{target}")
        self._transport.put(source, target)

    def session(self) -> Session:
        """Open a long-lived shell."""
        return self._transport.session()

    def terminal(self, command: str) -> Remote:
        """Run a command on a terminal; what is typed there is not traced."""
        return self._transport.terminal(command)

    def forward(self, port: int) -> Stream:
        """Trace that a port is connected to, and do it."""
        self._trace(f"→ a connection to port {port}")
        return self._transport.forward(port)

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended by itself."""
        return self._transport.is_lost

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
