"""Hosts: reach, describe and trust them."""

from __future__ import annotations

from hermes_ops.cli.options import ASK, Option, Options, here, only, whole
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb


@verb(common=ASK, example="./inv hosts.ping -l minis")
def ping(options: Options, output: Output) -> Result:
    """Connect to each host, run a script there, and show how long that took."""
    from hermes_ops.commands.hosts import look as command

    return command.ping(options, output)


@verb(common=ASK, example="./inv hosts.facts -l mini-1 --json")
def facts(options: Options, output: Output) -> Result:
    """Show what each host is: system, user, service manager, Hermes, Pythons."""
    from hermes_ops.commands.hosts import look as command

    return command.facts(options, output)


@verb(common=here(), example="./inv hosts.trust -l mini-4")
def trust(options: Options, output: Output) -> Result:
    """Show the key of each host, ask, and write it to the inventory's known_hosts."""
    from hermes_ops.commands.hosts import trust as command

    return command.trust(options, output)


@verb(
    operands=(Option("command", "a command line for /bin/sh"),),
    options=(Option("all_hosts", "run it on every host of the inventory", False),),
    name="exec",
    example="./inv hosts.exec 'df -h ~' -l minis",
)
def exec_(options: Options, output: Output, *, command: str, all_hosts: bool) -> Result:
    """Run one command on each selected host, and show what each printed, equal answers once."""
    from hermes_ops.commands.hosts import exec as body

    return body.run(options, output, command=command, all_hosts=all_hosts)


@verb(
    operands=(Option("host", "the name of a host in the inventory"),),
    common=only("inventory", "ask_become_pass", "verbose"),
    example="./inv hosts.ssh mini-1",
)
def ssh(options: Options, output: Output, *, host: str) -> Result:
    """Open a shell on a host, through the same connection as every other task."""
    from hermes_ops.commands.hosts import ssh as command

    return command.run(options, output, host)


@verb(
    operands=(Option("host", "a host, or host/profile"),),
    options=(
        Option("to", "the port on the host (that of the gateway's API, or of the service)"),
        Option("port", "the port on this machine (the same number, or a free one)"),
    ),
    common=only("inventory", "verbose"),
    example="./inv hosts.tunnel mini-1/coder",
)
def tunnel(
    options: Options, output: Output, *, host: str, to: str | None, port: str | None
) -> Result:
    """Let a port of this machine lead to a gateway's API, or another service, until Ctrl-C."""
    from hermes_ops.commands.hosts import tunnel as command

    numbers = [
        text and whole(name, text, most=65535) for name, text in (("to", to), ("port", port))
    ]
    return command.run(options, output, host, *(number or None for number in numbers))
