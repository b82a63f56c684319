"""Hosts: reach, describe and trust them."""

from __future__ import annotations

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb


@verb(example="./inv hosts.ping -l minis")
def ping(options: Options, output: Output) -> Result:
    """Connect to each host, run a script there, and show how long that took."""
    from hermes_ops.commands.hosts import look as command

    return command.ping(options, output)


@verb(example="./inv hosts.facts -l mini-1 --json")
def facts(options: Options, output: Output) -> Result:
    """Show what each host is: system, user, service manager, Hermes, Pythons."""
    from hermes_ops.commands.hosts import look as command

    return command.facts(options, output)


@verb(example="./inv hosts.trust -l mini-4")
def trust(options: Options, output: Output) -> Result:
    """Show the key of each host, ask, and write it to the inventory's known_hosts."""
    from hermes_ops.commands.hosts import trust as command

    return command.trust(options, output)
