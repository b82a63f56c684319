"""Services: install, start and uninstall them."""

from __future__ import annotations

from typing import Any

from hermes_ops.cli.options import COMMON, LOGS, LOOK, RESTARTING, Option, Options, only
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks import graph
from hermes_ops.tasks.step import verb

install = graph.install
start = graph.start

_UNMANAGED = Option("unmanaged", "also if it is not in the inventory", False)


@verb(
    operands=(Option("target", "host/profile"),),
    options=(_UNMANAGED,),
    common=tuple(option for option in COMMON if option.name != "limit"),
    example="./inv gateway.reset mini-1/coder",
)
def reset(options: Options, output: Output, *, target: str, unmanaged: bool) -> Result:
    """End one gateway at once, whatever it does, and start it again; no turn is waited for."""
    from hermes_ops.commands.fleet import control

    return control.reset(options, output, target, unmanaged=unmanaged)


@verb(
    operands=(Option("target", "host/profile"),),
    options=(_UNMANAGED,),
    common=tuple(option for option in RESTARTING if option.name != "limit"),
    example="./inv gateway.repair mini-1/coder --check",
)
def repair(options: Options, output: Output, *, target: str, unmanaged: bool) -> Result:
    """Move aside what a crash left of one gateway, end what stands still, and start it.

    A gateway that the inventory wants stopped is not started.
    """
    from hermes_ops.commands.fleet import control

    return control.repair(options, output, target, unmanaged=unmanaged)


@verb(
    operands=(Option("target", "host/profile"),),
    common=only("inventory", "ask_become_pass", "verbose"),
    example="./inv gateway.run mini-1/coder",
)
def run(options: Options, output: Output, *, target: str) -> Result:
    """Run one gateway in the foreground, on this terminal, as its service would run it."""
    from hermes_ops.commands.fleet import foreground

    return foreground.run(options, output, target)


@verb(
    operands=(Option("target", "host/profile"),),
    options=(*LOGS, _UNMANAGED),
    common=tuple(option for option in LOOK if option.name != "limit"),
    example="./inv gateway.logs mini-1/coder -f",
)
def logs(options: Options, output: Output, **own: Any) -> Result:
    """Show the last lines of one gateway's logs; `-f` follows them."""
    from hermes_ops.commands.logs import logs as command

    return command.gateway(options, output, **own)


@verb(
    options=(Option("all_hosts", "uninstall on every host of the inventory", False),),
    example="./inv gateway.uninstall -l mini-1/coder --check",
)
def uninstall(options: Options, output: Output, *, all_hosts: bool) -> Result:
    """Stop the service, disable it and remove its unit; the profile's data stays."""
    from hermes_ops.commands.fleet import down as command

    return command.uninstall(options, output, all_hosts=all_hosts)
