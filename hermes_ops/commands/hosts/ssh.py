"""`hosts.ssh`: a shell on one host, through the same connection as every other task."""

from __future__ import annotations

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.hosts.one_host import connected
from hermes_ops.errors import UsageError
from hermes_ops.transport.terminal import converse, is_terminal

SHELL = 'exec "${SHELL:-/bin/sh}" -l'


def run(options: Options, output: Output, host: str) -> Result:
    """Open the login shell of the user who runs the gateways, and end as it does.

    Raises:
        UsageError: there is no terminal, or no such host.
    """
    if not is_terminal():
        raise UsageError(
            "hosts.ssh needs a terminal", hint=f"one command: ./inv hosts.exec COMMAND -l {host}"
        )
    with connected(host, options, output) as transport:
        return Result(converse(transport.terminal(SHELL)))
