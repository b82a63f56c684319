"""Transports to a host: `Local` or `Ssh`, chosen by `connect`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hermes_ops.inventory.model import Host
from hermes_ops.transport.base import Retry, Session, Transport
from hermes_ops.transport.local import Local

__all__ = ["Local", "Retry", "Session", "Transport", "connect", "forget_settings", "prepare"]


def connect(
    host: Host, *, known_hosts: Sequence[Path] = (), retry: Retry | None = None
) -> Transport:
    """Return an open transport to the host.

    `known_hosts` are further files of accepted keys; `retry` is called before each new attempt.

    Raises:
        Unreachable: no connection could be opened; the error's `kind` is the cause.
        HostKeyChanged: the host shows another key than the known one.
    """
    if host.connection.kind == "local":
        return Local(host)
    from hermes_ops.transport.openssh.route import route_to

    # First, as `ssh -G` runs beside what `prepare` loads.
    hops = route_to(host)
    # Imported only here: importing Fabric takes longer than a whole local run.
    from hermes_ops.transport.ssh import Ssh

    return Ssh.open(host, hops, known_hosts=known_hosts, retry=retry)


def prepare(hosts: Iterable[Host]) -> None:
    """Load what connections to these hosts need: it takes longer than to ask for their settings."""
    if any(host.connection.kind != "local" for host in hosts):
        import hermes_ops.transport.ssh  # noqa: F401


def forget_settings() -> None:
    """Let the next connections ask ssh for its settings again: call it at the start of a run."""
    if asking := sys.modules.get("hermes_ops.transport.openssh.ask"):
        asking.forget()
