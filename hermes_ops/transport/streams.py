"""The streams of a long-lived shell: the pipes of a process, or a channel of SSH."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

from hermes_ops.errors import Unknown
from hermes_ops.transport.unheard import KEPT

if TYPE_CHECKING:
    import paramiko

BLOCK = 65536
SENDING = 30
"""Seconds after which a host that accepts no data counts as lost."""
SIGNALLED = 255
ENDING = 2
"""Seconds that a local shell has to end after its input was closed."""


class Pipes:
    """A process on this machine, in its own session, so that Ctrl-C does not reach it."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment, cwd="/", start_new_session=True, bufsize=0,
        )  # fmt: skip
        self._input, *outputs = self._ends()
        self._selector = selectors.DefaultSelector()
        for number, end in enumerate(outputs):
            self._selector.register(end, selectors.EVENT_READ, number)

    def _ends(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        process = self._process
        assert process.stdin and process.stdout and process.stderr  # noqa: S101 - all are pipes
        return process.stdin, process.stdout, process.stderr

    def send(self, data: bytes) -> None:
        """Send all the data."""
        while data:
            data = data[os.write(self._input.fileno(), data) :]

    def receive(self, seconds: float) -> tuple[bytes, bytes]:
        """Return the output and the errors that arrived; both are empty at the end."""
        ready = self._selector.select(seconds)
        if not ready:
            raise TimeoutError
        come = {key.data: os.read(key.fd, BLOCK) for key, _ in ready}
        return come.get(0, b""), come.get(1, b"")

    def code(self) -> int:
        """Return the exit code of the process; -1 if it does not end, or was killed."""
        try:
            return max(-1, self._process.wait(ENDING))
        except subprocess.TimeoutExpired:
            return -1

    def close(self) -> None:
        """End the process; its background processes may live on."""
        self._selector.close()
        for end in self._ends():
            end.close()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class RemoteChannel:
    """A channel of SSH that has a terminal."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def fileno(self) -> int:
        """Return what becomes readable when there is output."""
        return self._channel.fileno()

    def read(self, most: int = BLOCK) -> bytes:
        """Return output; empty at the end."""
        return self._channel.recv(most)

    def write(self, data: bytes) -> None:
        """Send all of what was typed."""
        self._channel.sendall(data)

    def resize(self, columns: int, rows: int) -> None:
        """Tell the size of the window."""
        self._channel.resize_pty(columns, rows)

    def wait(self) -> int:
        """Return the exit code; 255 of what a signal ended, as ssh does.

        Raises:
            Unknown: the connection ended before.
        """
        self._channel.status_event.wait(ENDING)
        if self._channel.exit_status >= 0:
            return self._channel.exit_status
        if not self._channel.get_transport().is_active():
            words = "the connection was lost; what ran on this terminal has probably ended"
            raise Unknown(words, kind="lost")
        return SIGNALLED


class Channel:
    """A channel of SSH; its output and its errors are read as they arrive."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        channel.settimeout(SENDING)
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ)

    def send(self, data: bytes) -> None:
        """Send all the data."""
        self._channel.sendall(data)

    def receive(self, seconds: float) -> tuple[bytes, bytes]:
        """Return the output and the errors that arrived; both are empty at the end."""
        channel, until = self._channel, time.monotonic() + seconds
        while not (channel.recv_ready() or channel.recv_stderr_ready()):
            if channel.closed or channel.eof_received:
                return b"", b""
            if not self._selector.select(max(0.0, until - time.monotonic())):
                raise TimeoutError
        output = channel.recv(BLOCK) if channel.recv_ready() else b""
        errors = channel.recv_stderr(BLOCK) if channel.recv_stderr_ready() else b""
        return output, errors

    def code(self) -> int:
        """Return the exit code of the shell; -1 if the connection ended before."""
        self._channel.status_event.wait(ENDING)
        return self._channel.exit_status if self._channel.exit_status_ready() else -1

    def close(self) -> None:
        """End the shell: its standard input ends with the channel."""
        self._channel.close()  # also wakes a thread that still waits for data
        self._selector.close()


class Arrived:
    """The bytes that arrived on one stream and were not taken yet."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def rest(self) -> bytes:
        """The last bytes of what was not taken."""
        return bytes(self._data[-KEPT:])

    def add(self, data: bytes) -> None:
        self._data += data

    def take(self, end: bytes) -> bytes | None:
        """Take and return the bytes before `end`; None if `end` has not arrived yet."""
        at = self._data.find(end, self._searched)
        if at < 0:
            # The next search begins here: output may be large.
            self._searched = max(0, len(self._data) - len(end) + 1)
            return None
        taken = bytes(self._data[:at])
        del self._data[: at + len(end)]
        self._searched = 0
        return taken
