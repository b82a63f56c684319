"""Roles: kinds of services, and whose checks may run."""

from __future__ import annotations

from hermes_ops.cli.options import Option, Options, only
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb


@verb(
    operands=(Option("folder", "a folder of roles, such as inventory/roles"),),
    common=only("json", "yes"),
    example="./inv roles.trust inventory/roles",
)
def trust(options: Options, output: Output, *, folder: str) -> Result:
    """Let the checks of the roles in a folder run on this machine."""
    from hermes_ops.commands import roles as command

    return command.trust(options, output, folder)
