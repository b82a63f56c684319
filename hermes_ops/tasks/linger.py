"""Linger: the user's services run without a session."""

from __future__ import annotations

from hermes_ops.cli.options import ASK, Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks import graph
from hermes_ops.tasks.step import verb

enable = graph.enable


@verb(common=ASK, example="./inv linger.status -l minis")
def status(options: Options, output: Output) -> Result:
    """Show for each host whether its user's services outlive the session."""
    from hermes_ops.commands import linger as command

    return command.status(options, output)
