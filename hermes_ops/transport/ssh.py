"""A host over SSH: Fabric's Connection with its configuration, and channels of our own.

Fabric accepts any host key and has no option to refuse one: so we set the policy here, on the
connection and on every jump host in front of it, before anything is opened.
"""

from __future__ import annotations

import logging
import random
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from errno import EHOSTUNREACH, ENETUNREACH
from functools import cache
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any

import fabric
import paramiko

from hermes_ops.errors import CommandError, HermesError, HostKeyChanged, Unknown, Unreachable
from hermes_ops.inventory.model import Host
from hermes_ops.transport.base import Retry, Session
from hermes_ops.transport.become import become, receiving
from hermes_ops.transport.hostkeys import KnownHosts, RejectUnknown
from hermes_ops.transport.session import FramedShell
from hermes_ops.transport.streams import Channel
from hermes_ops.wire import OnRecord, Reader, Reply, Script

ATTEMPTS = 3
PAUSES = (0.2, 0.6)
"""The range of the pause before the second attempt, in seconds; twice that for the third."""
POLL = 0.25
"""Seconds between two checks of the deadline while nothing arrives."""

# Paramiko logs every failed attempt as a traceback of its own thread.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class Ssh:
    """An open SSH connection to a host."""

    def __init__(self, host: Host, connection: fabric.Connection) -> None:
        self.host = host
        self.connection = connection
        self.exchanges = 0

    @classmethod
    def open(
        cls, host: Host, *, known_hosts: Sequence[Path] = (), retry: Retry | None = None
    ) -> Ssh:
        """Connect; after failures that may be temporary try again, with a random pause."""
        for attempt in range(1, ATTEMPTS + 1):
            connection = _configured(host, known_hosts)
            try:
                connection.open()
            except Exception as error:
                _close(connection)
                failure, passing = _classify(error, host)
                if not passing or attempt == ATTEMPTS:
                    raise failure from error
                if retry is not None:
                    retry(attempt + 1, failure.message)
                time.sleep(random.uniform(*PAUSES) * attempt)  # noqa: S311 - only spreads load
            else:
                _notice_silence(connection.transport.sock)
                return cls(host, connection)
        raise AssertionError("unreachable")

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Send a script on its own channel; the login shell only sees `exec /bin/sh`."""
        self.exchanges += 1
        seconds = timeout or self.host.connection.exchange_timeout
        reader = Reader(script.nonce, on_record)
        channel = self._channel(become(self.host, before=script.before))
        try:
            self._converse(channel, script, reader, seconds)
        finally:
            channel.close()
        return reader.reply()

    def _channel(self, command: str) -> paramiko.Channel:
        try:
            transport = self.connection.transport
            channel: paramiko.Channel = transport.open_session(
                timeout=self.host.connection.connect_timeout
            )
            channel.exec_command(command)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Unreachable(f"no channel: {error}", kind="lost", hint="run it again") from error
        return channel

    def _converse(
        self, channel: paramiko.Channel, script: Script, reader: Reader, seconds: float
    ) -> None:
        until = time.monotonic() + seconds
        channel.settimeout(POLL)
        # The reader reports an answer that breaks off as incomplete.
        with suppress(OSError):  # a shell that ended early takes no more, but may have said why
            self._send(channel, script.text.encode("utf-8", "surrogateescape"), until)
            channel.shutdown_write()
        with suppress(OSError):
            while chunk := self._receive(channel, until, seconds):
                reader.feed(chunk)

    def _send(self, channel: paramiko.Channel, content: bytes, until: float) -> None:
        data = memoryview(content)
        while data:
            if time.monotonic() > until:
                raise Unknown("the host did not accept the script in time", kind="timeout")
            with suppress(TimeoutError):  # the window is full: the line is slow, but not lost
                data = data[channel.send(data) :]  # type: ignore[arg-type]

    def _receive(self, channel: paramiko.Channel, until: float, seconds: float) -> bytes:
        while time.monotonic() <= until:
            # Standard error is not framed, but it must be read, or a chatty shell blocks.
            if channel.recv_stderr_ready():
                channel.recv_stderr(1 << 21)  # at most what the channel's window allows
            with suppress(TimeoutError):
                return channel.recv(65536)
        raise Unknown(f"no answer within {seconds:.0f} s", kind="timeout", hint="run it again")

    def put(self, source: Path, target: PurePosixPath) -> None:
        """Copy a file under the home, atomically; a file of the same size there is kept."""
        size = source.stat().st_size
        channel = self._channel(become(self.host, receiving(target, size)))
        channel.settimeout(self.host.connection.exchange_timeout)
        with channel, source.open("rb") as content:
            answer = channel.makefile("r")
            if answer.readline().strip() == "send":
                while block := content.read(1 << 20):
                    channel.sendall(block)
            channel.shutdown_write()
            if channel.recv_exit_status():
                raise CommandError(f"~/{target} cannot be written on {self.host.name}")

    def session(self) -> Session:
        """Open a long-lived shell on its own channel."""
        return FramedShell(Channel(self._channel(become(self.host))))

    def close(self) -> None:
        """Close the connection."""
        _close(self.connection)


def _close(connection: Any) -> None:
    """Close a connection and its jump hosts: Fabric does not close half-open ones."""
    connection.close()
    connection.client.close()
    if isinstance(connection.gateway, fabric.Connection):
        _close(connection.gateway)


# --- a host that is gone -----------------------------------------------------------------------

SILENCE = 30
"""Seconds without an answer of a host after which its connection counts as lost."""


def _notice_silence(peer: Any) -> None:
    """Let the kernel end a connection to a host that is gone, long before any of our deadlines."""
    if not isinstance(peer, socket.socket):
        return  # a connection through a jump host has a channel instead of a socket
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


# --- before the connection --------------------------------------------------------------------


def _configured(host: Host, known_hosts: Sequence[Path]) -> fabric.Connection:
    settings = host.connection
    options: dict[str, Any] = {
        "banner_timeout": settings.connect_timeout,
        "auth_timeout": settings.connect_timeout,
        "transport_factory": _transport,
    }
    if settings.key_file:
        options |= {"key_filename": str(settings.key_file), "look_for_keys": False}
    with _MAKING:
        connection = fabric.Connection(
            settings.address or host.name,
            user=settings.user,
            port=settings.port,
            config=_config(Path.home()),
            connect_timeout=settings.connect_timeout,
            connect_kwargs=options,
            **_gateway(settings.proxy_jump, options),
        )
    _be_strict(connection, host, known_hosts)
    return connection


def _transport(*args: Any, **kwargs: Any) -> paramiko.Transport:
    """Return a transport that offers AES-GCM first.

    With other ciphers Paramiko compares each packet's MAC byte by byte in Python, which is slow.
    """
    transport = paramiko.Transport(*args, **kwargs)
    options = transport.get_security_options()
    options.ciphers = sorted(options.ciphers, key=lambda name: "gcm" not in name)
    return transport


# All connections share one configuration. Creating a connection writes into it, and Invoke empties
# it for a moment during each write: so only one thread may create a connection at a time.
_MAKING = Lock()


@cache
def _config(_home: Path) -> fabric.Config:
    """Return Fabric's settings and those of ~/.ssh/config, read once for all hosts."""
    return fabric.Config()


def _gateway(jump: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return Fabric's argument for a jump host, where the host's own login key is used as well."""
    return {"gateway": fabric.Connection(jump, connect_kwargs=options)} if jump else {}


def _be_strict(connection: Any, host: Host, known_hosts: Sequence[Path]) -> None:
    files = (*host.connection.known_hosts, *known_hosts)
    known = KnownHosts.read(tuple(files))
    name = host.connection.host_key_alias or connection.host
    known.give(connection.client, connection.host, connection.port, alias=name)
    connection.client.set_missing_host_key_policy(
        RejectUnknown(known, host.connection.host_key, host.name)
    )
    gateway = connection.gateway
    if isinstance(gateway, fabric.Connection):
        jump = replace(
            host, connection=replace(host.connection, host_key_alias=None, host_key=None)
        )
        _be_strict(gateway, jump, known_hosts)


# --- when it fails ----------------------------------------------------------------------------


def _classify(error: Exception, host: Host) -> tuple[HermesError, bool]:
    """Return our error for a failed connection, and whether another attempt may help."""
    address = host.connection.address or host.name
    if isinstance(error, HermesError):
        return error, False
    if isinstance(error, paramiko.BadHostKeyException):
        return _changed(error, host), False
    if isinstance(error, paramiko.AuthenticationException | paramiko.PasswordRequiredException):
        return _refused_login(error, host), False
    if isinstance(error, TimeoutError | socket.timeout):
        seconds = host.connection.connect_timeout
        return Unreachable(f"{address} did not answer within {seconds:g} s", kind="timeout"), False
    if isinstance(error, socket.gaierror):
        hint = "set ansible_host to its address"
        return Unreachable(f"{address} cannot be resolved", kind="refused", hint=hint), False
    return _lost(error, address), True


def _lost(error: Exception, address: str) -> Unreachable:
    causes = list(getattr(error, "errors", {}).values())
    if any(getattr(e, "errno", None) in (EHOSTUNREACH, ENETUNREACH) for e in (error, *causes)):
        return Unreachable(f"there is no route to {address}", hint="is the host on the network?")
    if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError | ConnectionRefusedError):
        return Unreachable(f"{address} refuses the connection", hint="is sshd running there?")
    if isinstance(error, OSError):
        return Unreachable(f"{address}: {error.strerror or error}", kind="refused")
    return Unreachable(f"{address}: {str(error) or type(error).__name__}", kind="lost")


def _refused_login(error: Exception, host: Host) -> Unreachable:
    who = host.connection.user or "your user"
    return Unreachable(
        f"{host.connection.address or host.name} refuses the login of {who}: {error}",
        kind="auth",
        hint="set ansible_ssh_private_key_file to the key, or load it with: ssh-add KEY",
    )


def _changed(error: paramiko.BadHostKeyException, host: Host) -> HostKeyChanged:
    from hermes_ops.transport.hostkeys import fingerprint

    return HostKeyChanged(
        f"the key of {error.hostname} has changed: it shows {fingerprint(error.key)},"
        f" the known key is {fingerprint(error.expected_key)}",
        hint=f"if the machine was really replaced: ./inv hosts.trust -l {host.name}",
    )
