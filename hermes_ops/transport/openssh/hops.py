"""Open the connections of a way, one through the other, each with its settings and its keys."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import fabric
import paramiko

from hermes_ops.errors import HermesError
from hermes_ops.inventory.model import Host
from hermes_ops.transport.openssh.dial import dial, is_special
from hermes_ops.transport.openssh.failures import classify
from hermes_ops.transport.openssh.hostkeys import HostKeys, NotPinned, Policy
from hermes_ops.transport.openssh.login import Login
from hermes_ops.transport.openssh.route import Hop
from hermes_ops.transport.openssh.settings import ClientSettings

Value = TypeVar("Value")


class HopFailed(Exception):
    """A connection of the way could not be opened: why, and whether to try again."""

    def __init__(self, failure: HermesError, passing: bool) -> None:
        super().__init__(failure.message)
        self.failure, self.passing = failure, passing


class HopConnection(fabric.Connection):  # type: ignore[misc]
    """Fabric's connection, with a bound for the jump host and a shell for the ProxyCommand."""

    process: subprocess.Popen[bytes] | None = None
    patience: float = 10
    special: ClientSettings | None = None
    """The settings, if they ask for a socket of a certain kind."""

    def open(self) -> Any:
        """Open the connection, with a socket as the settings want it."""
        if self.special is not None and not self.gateway:
            self.connect_kwargs["sock"] = dial(self.special, self.patience)
        return super().open()

    def peer(self) -> Any:
        """Return a socket or channel to the host, without a conversation."""
        if self.gateway:
            return self.open_gateway()
        if self.special is not None:
            return dial(self.special, self.patience)
        return socket.create_connection((self.host, int(self.port)), self.patience)

    def open_gateway(self) -> Any:
        """Return the channel through the jump host, or the socket of the ProxyCommand."""
        if isinstance(self.gateway, str):
            process, peer = _run_command(self.gateway)
            self._set(process=process)
            return peer
        return self.gateway.transport.open_channel(
            "direct-tcpip", (self.host, int(self.port)), ("", 0), timeout=self.patience
        )


def open_way(host: Host, hops: Sequence[Hop], known_hosts: Sequence[Path]) -> HopConnection:
    """Return an open connection to the last of the hops.

    Raises:
        HopFailed: one of them could not be opened; all before it are closed.
    """
    last: HopConnection | None = None
    for hop in hops:
        before = last

        def opened(passed: Sequence[str], hop: Hop = hop, way: Any = before) -> HopConnection:
            made, _ = _made(host, hop, way, known_hosts, passed)
            try:
                made.open()
            except BaseException:
                close(made, alone=True)
                raise
            return made

        try:
            last = _in_the_pinned_kind(opened)
        except Exception as error:
            if before is not None:
                close(before)
            raise HopFailed(*classify(error, hop, patience(host, hop))) from error
    assert last is not None  # noqa: S101 - a way has at least the host itself
    return last


def patience(host: Host, hop: Hop) -> float:
    """Return how many seconds a connection may take: the inventory's word counts before ssh's."""
    if host.connection.is_patience_given or hop.settings.patience is None:
        return host.connection.connect_timeout
    return hop.settings.patience


def close(connection: Any, *, alone: bool = False) -> None:
    """Close a connection and its jump hosts: Fabric does not close half-open ones."""
    connection.close()
    connection.client.close()
    if connection.process is not None:
        connection.process.kill()
        connection.process.wait()
    if isinstance(connection.gateway, fabric.Connection) and not alone:
        close(connection.gateway)


def shown_key(
    host: Host, hops: Sequence[Hop], known_hosts: Sequence[Path]
) -> tuple[HostKeys, paramiko.PKey]:
    """Return what is known of the last of the hops, and the key that it shows, without a login.

    Raises:
        HopFailed: it was not reached, or shows another key than the pinned one.
    """
    *before, hop = hops
    seconds = patience(host, hop)
    way = open_way(host, before, known_hosts) if before else None

    def asked(passed: Sequence[str]) -> tuple[HostKeys, paramiko.PKey]:
        made, keys = _made(host, hop, way, known_hosts, passed)
        try:
            key = _shown(made, keys, seconds)
        finally:
            close(made, alone=True)
        if keys.verdict(key) == "not pinned":
            keys.check(key)
        return keys, key

    try:
        return _in_the_pinned_kind(asked)
    except Exception as error:
        raise HopFailed(*classify(error, hop, seconds)) from error
    finally:
        if way is not None:
            close(way)


def _in_the_pinned_kind(act: Callable[[Sequence[str]], Value]) -> Value:
    """Act; while the key is not the pinned one, again without the kinds that the host has shown.

    Only a fingerprint is pinned, and a host has keys of several kinds.
    """
    refused: list[NotPinned] = []
    while True:
        try:
            return act([error.shown_kind for error in refused])
        except NotPinned as error:
            refused.append(error)
        except (paramiko.SSHException, ValueError):
            if not refused:
                raise
            raise refused[0] from None  # it has no key of another kind


def _shown(made: HopConnection, keys: HostKeys, seconds: float) -> paramiko.PKey:
    peer = made.peer()
    with closing(peer), closing(_transport(keys, peer)) as transport:
        transport.start_client(timeout=seconds)
        return transport.get_remote_server_key()


# --- one connection -----------------------------------------------------------------------------

# All connections share one configuration. Creating a connection writes into it, and Invoke empties
# it for a moment during each write: so only one thread may create a connection at a time.
_MAKING = Lock()


@cache
def _config() -> fabric.Config:
    """Return Fabric's settings, without those of ~/.ssh/config: `ask` has them."""
    return fabric.Config(ssh_config=paramiko.SSHConfig())


def _made(
    host: Host,
    hop: Hop,
    gateway: HopConnection | None,
    known_hosts: Sequence[Path],
    passed: Sequence[str] = (),
) -> tuple[HopConnection, HostKeys]:
    keys = HostKeys.of(hop, host.name, known_hosts, passed)
    seconds = patience(host, hop)

    def transport(*args: Any, **kwargs: Any) -> paramiko.Transport:
        return _transport(keys, *args, **kwargs)

    options = {
        "timeout": seconds,
        "banner_timeout": seconds,
        "auth_timeout": seconds,
        "transport_factory": transport,
        "auth_strategy": Login(hop.settings),
    }
    way = gateway or hop.settings.proxy_command
    with _MAKING:
        made = HopConnection(
            hop.settings.address, user=hop.settings.user, port=hop.settings.port,
            config=_config(), connect_kwargs=options, forward_agent=False,
            **({"gateway": way} if way else {}),
        )  # fmt: skip
        made.connect_timeout = None  # the time to connect is among the options, with its fraction
        special = hop.settings if is_special(hop.settings) else None
        made._set(patience=seconds, special=special)
    made.client.set_missing_host_key_policy(Policy(keys))
    return made, keys


class CertificatesFirst(paramiko.Transport):
    """A transport that asks for a certificate of the host before its plain key."""

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Return the algorithms in the order in which they are asked for."""
        return tuple(sorted(super().preferred_keys, key=lambda name: "-cert-" not in name))


def _transport(keys: HostKeys, *args: Any, **kwargs: Any) -> paramiko.Transport:
    """Return a transport that offers AES-GCM first, and asks for a key that is known.

    With other ciphers Paramiko compares each packet's MAC byte by byte in Python, which is slow.
    """
    made = CertificatesFirst if keys.authorities else paramiko.Transport
    transport = made(*args, **kwargs)
    options = transport.get_security_options()
    options.ciphers = sorted(options.ciphers, key=lambda name: "gcm" not in name)
    keys.prefer(options)
    return transport


def _run_command(command: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Run a ProxyCommand in the user's shell, as ssh does; return it and our end of its stream."""
    ours, theirs = socket.socketpair()
    shell = os.environ.get("SHELL") or "/bin/sh"
    with theirs:
        process = subprocess.Popen(
            [shell, "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    with suppress(OSError):
        ours.settimeout(30)
    return process, ours
