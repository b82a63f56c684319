"""What the tests of SSH share: a hop whose known keys are in files."""

from __future__ import annotations

from pathlib import Path

from hermes_ops.transport.openssh.hostkeys import HostKeys
from hermes_ops.transport.openssh.route import Hop
from hermes_ops.transport.openssh.settings import ClientSettings


def keys_of(
    *files: Path,
    host: str = "there",
    port: int = 22,
    alias: str | None = None,
    pinned: str | None = None,
    inventory_name: str = "there",
) -> HostKeys:
    """Return what these files say of a host."""
    settings = ClientSettings(host, port, "somebody", alias=alias, user_known_hosts=files)
    return HostKeys.of(Hop(host, settings, pinned), inventory_name)
