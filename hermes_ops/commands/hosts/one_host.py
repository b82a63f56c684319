"""A connection to one host, for tasks that stay connected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands.look_hosts import looking
from hermes_ops.commands.workspace import Workspace, open_workspace, refuse_disabled
from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Host
from hermes_ops.run import ignore
from hermes_ops.run.connections import Connections
from hermes_ops.transport import Transport


def open_one(name: str, options: Options, output: Output) -> tuple[Workspace, Host]:
    """Load the inventory and return the workspace, and the host of this name.

    Raises:
        UsageError: the name selects no host, or several, or one that is disabled.
    """
    workspace = open_workspace(replace(options, limit=name), output)
    hosts = workspace.selected.hosts
    if len(hosts) != 1:
        names = ", ".join(host.name for host in hosts)
        raise UsageError(f"{name!r} selects {names}", hint="name one of them")
    refuse_disabled(hosts[0])
    return workspace, hosts[0]


@contextmanager
def connected(name: str, options: Options, output: Output) -> Iterator[Transport]:
    """Connect to the host of this name, for this block."""
    workspace, host = open_one(name, options, output)
    with connection(host, workspace, options, output) as transport:
        yield transport


@contextmanager
def connection(
    host: Host, workspace: Workspace, options: Options, output: Output
) -> Iterator[Transport]:
    """Connect to a host for this block; a connection that does not close is abandoned."""
    with Connections() as connections:
        yield connections.open(host, looking(workspace, options, output), ignore)
