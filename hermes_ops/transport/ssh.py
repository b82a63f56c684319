"""A host over SSH: the connection that `hops` opens, and channels of our own on it."""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import paramiko

from hermes_ops.errors import CommandError, Unknown, Unreachable
from hermes_ops.inventory.model import Host
from hermes_ops.transport.base import Retry, Session, Stream
from hermes_ops.transport.become import become, line_for, on_terminal, opening, receiving, sent
from hermes_ops.transport.openssh.hops import HopConnection, HopFailed, close, open_way
from hermes_ops.transport.openssh.route import Hop
from hermes_ops.transport.session import FramedShell
from hermes_ops.transport.streams import Channel, RemoteChannel
from hermes_ops.transport.unheard import KEPT, refuse_unheard
from hermes_ops.wire import OnRecord, Reader, Reply, Script

if TYPE_CHECKING:
    from hermes_ops.transport.terminal import Remote

ATTEMPTS = 3
PAUSES = (0.2, 0.6)
"""The range of the pause before the second attempt, in seconds; twice that for the third."""
POLL = 0.25
"""Seconds between two checks of the deadline while nothing arrives."""

ENDING = 2
"""Seconds in which the exit code of a shell arrives after the end of its output."""

# Paramiko logs every failed attempt as a traceback of its own thread.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class Ssh:
    """An open SSH connection to a host."""

    def __init__(self, host: Host, connection: HopConnection) -> None:
        self.host = host
        self.connection = connection
        self.exchanges = 0

    @classmethod
    def open(
        cls, host: Host, hops: Sequence[Hop], *,
        known_hosts: Sequence[Path] = (), retry: Retry | None = None,
    ) -> Ssh:  # fmt: skip
        """Connect; after failures that may be temporary try again, after a random pause."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                connection = open_way(host, hops, known_hosts)
            except HopFailed as error:
                if not error.passing or attempt == ATTEMPTS:
                    raise error.failure from error.__cause__
                if retry is not None:
                    retry(attempt + 1, error.failure.message)
                time.sleep(random.uniform(*PAUSES) * attempt)  # noqa: S311 - only spreads load
            else:
                _notice_silence(connection)
                return cls(_logged_in(host, hops[-1].settings.user), connection)
        raise AssertionError("unreachable")

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Send a script on its own channel; the login shell only sees `exec /bin/sh`."""
        self.exchanges += 1
        seconds = timeout or self.host.connection.exchange_timeout
        reader = Reader(script.nonce, on_record)
        channel = self._channel(line_for(self.host, script))
        errors = bytearray()
        try:
            self._converse(channel, script, reader, seconds, errors)
            if not reader.heard:
                code = _exit_code(channel)
                errors += channel.recv_stderr(KEPT) if channel.recv_stderr_ready() else b""
                refuse_unheard(self.host, reader.said, code, bytes(errors))
        finally:
            channel.close()
        return reader.reply()

    def _channel(self, command: str) -> paramiko.Channel:
        channel = self._opened()
        try:
            channel.exec_command(command)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise _unheard(error) from error
        return channel

    def _opened(self) -> paramiko.Channel:
        try:
            # Not the time to connect: the host has let us in, and a busy one is only slow. A
            # connection that is lost ends by itself.
            channel: paramiko.Channel = self.connection.transport.open_session(
                timeout=self.host.connection.exchange_timeout
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise _unheard(error) from error
        return channel

    def _converse(
        self,
        channel: paramiko.Channel,
        script: Script,
        reader: Reader,
        seconds: float,
        errors: bytearray,
    ) -> None:
        until = time.monotonic() + seconds
        channel.settimeout(POLL)
        # The reader reports an answer that breaks off as incomplete.
        with suppress(OSError):  # a shell that ended early takes no more, but may have said why
            self._send(channel, sent(self.host, script), until)
            channel.shutdown_write()
        with suppress(OSError):
            while chunk := self._receive(channel, until, seconds, errors):
                reader.feed(chunk)

    def _send(self, channel: paramiko.Channel, content: bytes, until: float) -> None:
        data = memoryview(content)
        while data:
            if time.monotonic() > until:
                raise Unknown("the host did not accept the script in time", kind="timeout")
            with suppress(TimeoutError):  # the window is full: the line is slow, but not lost
                data = data[channel.send(data) :]  # type: ignore[arg-type]

    def _receive(
        self, channel: paramiko.Channel, until: float, seconds: float, errors: bytearray
    ) -> bytes:
        while time.monotonic() <= until:
            # Standard error is not framed, but it must be read, or a chatty shell blocks.
            if channel.recv_stderr_ready():
                errors += channel.recv_stderr(1 << 21)  # at most what the channel's window allows
                del errors[:-KEPT]
            with suppress(TimeoutError):
                return channel.recv(65536)
        raise Unknown(f"no answer within {seconds:.0f} s", kind="timeout", hint="run it again")

    def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file under the home, atomically; a file of the same size there is kept."""
        size, mark = source.stat().st_size, secrets.token_hex(8)
        seconds = self.host.connection.exchange_timeout
        channel = self._channel(become(self.host, receiving(target, size, mark)))
        with channel, source.open("rb") as content:
            channel.sendall(opening(self.host))
            if self._wants(channel, mark.encode(), seconds):
                channel.settimeout(seconds)
                while block := content.read(1 << 20):
                    channel.sendall(block)
            channel.shutdown_write()
            if not channel.status_event.wait(seconds):
                raise Unknown(f"no answer within {seconds:.0f} s", kind="timeout")
            if channel.exit_status:
                raise CommandError(f"~/{target} cannot be written on {self.host.name}")

    def _wants(self, channel: paramiko.Channel, mark: bytes, seconds: float) -> bool:
        """Return whether the host asks for the file; what its login shell says is passed over."""
        heard, until = b"", time.monotonic() + seconds
        channel.settimeout(POLL)
        while mark + b"send" not in heard:
            chunk = self._receive(channel, until, seconds, bytearray())
            if not chunk or mark + b"have" in heard + chunk:
                return False
            heard = heard[-64:] + chunk  # the mark may come in two pieces
        return True

    def session(self) -> Session:
        """Open a long-lived shell on its own channel."""
        channel = Channel(self._channel(become(self.host)))
        return FramedShell(channel, partial(refuse_unheard, self.host), opening(self.host))

    def terminal(self, command: str) -> Remote:
        """Run a command on a terminal of its own."""
        from hermes_ops.transport.terminal import begun, size

        columns, rows = size()
        channel = self._opened()
        asks, begins = secrets.token_hex(8), secrets.token_hex(8)
        try:
            channel.get_pty(os.environ.get("TERM", "vt100"), columns, rows)
            channel.exec_command(on_terminal(self.host, command, asks, begins))
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise _unheard(error) from error
        return begun(RemoteChannel(channel), self.host, asks, begins)

    def forward(self, port: int) -> Stream:
        """Open a connection to a port of the host's loopback."""
        try:
            channel: paramiko.Channel = self.connection.transport.open_channel(
                "direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 0),
                timeout=self.host.connection.connect_timeout,
            )  # fmt: skip
        except (paramiko.SSHException, EOFError, OSError) as error:
            if not self.connection.transport.is_active():
                raise Unreachable(LOST, kind="lost", hint="run it again") from error
            refused = isinstance(error, paramiko.ChannelException) and error.code == _REFUSED
            why = "nobody listens there" if refused else str(error) or "no answer"
            words = f"port {port} of {self.host.name}: {why}"
            raise Unreachable(words, kind="refused") from error
        return channel

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended by itself; of one that is only cut, after a while."""
        return not self.connection.transport.is_active()

    def close(self) -> None:
        """Close the connection."""
        close(self.connection)


LOST = "the connection was lost"
_REFUSED = 2
"""The reason for which sshd opens no connection to a port where nobody listens: RFC 4254, 5.1."""


def _unheard(error: Exception) -> Unreachable:
    """Return that a connection took no further command; paramiko often has no words for it."""
    said = f": {error}" if str(error) else ""
    words = f"the connection was lost, or takes no further command{said}"
    return Unreachable(words, kind="lost", hint="run it again")


def _exit_code(channel: paramiko.Channel) -> int:
    """Return the exit code of a shell that said no more; -1 if the connection ended."""
    channel.status_event.wait(ENDING)
    return channel.exit_status if channel.exit_status_ready() else -1


def _logged_in(host: Host, user: str) -> Host:
    """Return the host with the user who is logged in, whom ssh's settings may have named."""
    return replace(host, connection=replace(host.connection, user=user))


# --- a host that is gone -----------------------------------------------------------------------

SILENCE = 30
"""Seconds without an answer of a host after which its connection counts as lost."""


def _notice_silence(connection: HopConnection) -> None:
    """Let the kernel end a connection to a host that is gone, long before any of our deadlines."""
    if isinstance(connection.gateway, HopConnection):
        _notice_silence(connection.gateway)  # only the first host of a way has a socket
    peer = connection.transport.sock
    if not isinstance(peer, socket.socket) or peer.family == socket.AF_UNIX:
        return
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENCE // 2),
        ("TCP_KEEPALIVE", SILENCE // 2),  # macOS' name for it
        ("TCP_KEEPINTVL", 5),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", SILENCE * 1000),  # for data that was sent and not acknowledged
    ):
        if (option := getattr(socket, name, None)) is not None:
            peer.setsockopt(socket.IPPROTO_TCP, option, value)
