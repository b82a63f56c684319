"""The seam: what a transport can do, whatever it goes through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Protocol

from hermes_ops.wire import OnRecord, Reply, Script

Retry = Callable[[int, str], None]
"""Told the number of the attempt that follows, and why the last one failed."""


class Session(Protocol):
    """A shell on the host that lives until it is closed: commands go in, results come out."""

    def run(self, command: str, *, timeout: float = 30) -> tuple[int, bytes, bytes]:
        """Run a command of the shell; return its exit code, standard output and error."""

    def close(self) -> None:
        """End the shell."""


class Transport(Protocol):
    """An open way to one host."""

    @property
    def exchanges(self) -> int:
        """Return how many exchanges looked or applied."""

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Send a script, read its answer as it comes; `timeout` is the deadline in seconds.

        Raises:
            Unknown: the deadline passed; what the script did is not known.
            Unreachable: the script was not taken.
        """

    def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file to a path under the user's home, atomically."""

    def session(self) -> Session:
        """Open a long-lived shell."""

    def close(self) -> None:
        """Let go of the host."""
