"""How this machine talks to a host: `Local` and `Ssh` are equals, chosen in one place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hermes_ops.inventory.model import Host
from hermes_ops.transport.base import Retry, Session, Transport
from hermes_ops.transport.local import Local

__all__ = ["Local", "Retry", "Session", "Transport", "connect"]


def connect(
    host: Host, *, known_hosts: Sequence[Path] = (), retry: Retry | None = None
) -> Transport:
    """Return an open transport to the host.

    `known_hosts` are further files of accepted keys; `retry` is told of every further attempt.

    Raises:
        Unreachable: no connection, for the reason in its kind.
        HostKeyChanged: the host shows another key than the known one.
    """
    if host.connection.kind == "local":
        return Local(host)
    # Fabric takes longer to import than a local run takes.
    from hermes_ops.transport.ssh import Ssh

    return Ssh.open(host, known_hosts=known_hosts, retry=retry)
