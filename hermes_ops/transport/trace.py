"""`-v`: what goes to a host and what comes back, told as it happens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from hermes_ops.transport.base import Session, Transport
from hermes_ops.wire import OnRecord, Record, Reply, Script, libraries_end

Trace = Callable[[str], None]
_UNSHOWN = {"files", "env"}
"""Records with the content of files: it may hold credentials that we have never seen."""


class Traced:
    """A transport that tells of its exchanges: our own lines of the script, and every record."""

    def __init__(self, transport: Transport, trace: Trace) -> None:
        self._transport, self._trace = transport, trace

    @property
    def exchanges(self) -> int:
        """Return how many exchanges there were."""
        return self._transport.exchanges

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Exchange, and tell."""
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
        """Copy, and tell."""
        self._trace(f"→ {source.name} to ~/{target}")
        self._transport.put(source, target)

    def session(self) -> Session:
        """Open a long-lived shell."""
        return self._transport.session()

    def close(self) -> None:
        """Let go of the host."""
        self._transport.close()
