"""`-v`: show what is sent to a host and what comes back, as it happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from hermes_ops.transport.base import Session, Transport
from hermes_ops.wire import OnRecord, Record, Reply, Script, libraries_end

Trace = Callable[[str], None]
_UNSHOWN = {"files", "env"}
"""Records whose text is never shown: the content of files may hold unknown credentials."""


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
        for line in script.text[libraries_end(script) :].splitlines():
            self._trace(f"→ {line}")

        def heard(record: Record) -> None:
            self._trace(f"← {record.word} {record.rest}".rstrip())
            for line in (record.text or "").splitlines() if record.word not in _UNSHOWN else ():
                self._trace(f"    {line}")
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

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
