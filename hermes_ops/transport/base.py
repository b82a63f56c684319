"""The interface of a transport."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from hermes_ops.errors import Unknown
from hermes_ops.wire import OnRecord, Reply, Script

if TYPE_CHECKING:
    from hermes_ops.transport.terminal import Remote

Retry = Callable[[int, str], None]
"""Called with the number of the next attempt, and why the last one failed."""


class Session(Protocol):
    """A shell on the host that runs one command after another until it is closed."""

    def run(self, command: str, *, timeout: float = 30) -> tuple[int, bytes, bytes]:
        """Run a shell command; return its exit code, standard output and standard error."""

    def run_alone(self, command: str, *, timeout: float = 30) -> tuple[int, bytes, bytes]:
        """Run the only command of this shell: when the connection ends, the host ends it."""

    def run_all(
        self, commands: Sequence[str], *, timeout: float = 30
    ) -> list[tuple[int, bytes, bytes] | Unknown]:
        """Run commands one after another, with one round trip; return what became of each."""

    def close(self) -> None:
        """End the shell."""


class Stream(Protocol):
    """A connection that carries bytes in both directions."""

    def recv(self, size: int, /) -> bytes:
        """Return what arrived; empty at the end."""

    def sendall(self, data: bytes, /) -> None:
        """Send all the data."""

    def shutdown(self, how: int, /) -> None:
        """End one direction."""

    def close(self) -> None:
        """End both."""


class Transport(Protocol):
    """An open connection to one host."""

    @property
    def exchanges(self) -> int:
        """Return how many exchanges there were so far."""

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Send a script and read its answer as it arrives; `timeout` is the deadline in seconds.

        Raises:
            Unknown: the deadline passed; what the script did is not known.
            Unreachable: no channel for the script could be opened.
        """

    def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file to a path under the user's home, atomically."""

    def session(self) -> Session:
        """Open a long-lived shell."""

    def terminal(self, command: str) -> Remote:
        """Run a command of `/bin/sh` on a terminal of its own, of the size of this one."""

    def forward(self, port: int) -> Stream:
        """Open a connection to a port of the host's loopback.

        Raises:
            Unreachable: nobody listens there.
        """

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended by itself, as far as that is known here."""

    def close(self) -> None:
        """Close the connection."""
