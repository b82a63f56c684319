"""Awake: the machine does not go to sleep while gateways run on it."""

from __future__ import annotations

from hermes_ops.cli.options import ASK, Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb


@verb(example="./inv awake.on -l minis")
def on(options: Options, output: Output) -> Result:
    """Keep each machine awake as `hermes_awake` says, else with the flags idle and system."""
    from hermes_ops.commands import awake as command

    return command.on(options, output)


@verb(example="./inv awake.off -l mini-1 --check")
def off(options: Options, output: Output) -> Result:
    """Let each machine sleep again, and set back what was set in pmset."""
    from hermes_ops.commands import awake as command

    return command.off(options, output)


@verb(common=ASK, example="./inv awake.status -l minis")
def status(options: Options, output: Output) -> Result:
    """Show for each host whether it is kept awake, and who holds what."""
    from hermes_ops.commands import awake as command

    return command.status(options, output)
