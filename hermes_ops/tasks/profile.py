"""Profiles: create, configure and list them."""

from __future__ import annotations

from hermes_ops.cli.options import READ, Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks import graph
from hermes_ops.tasks.step import verb

create = graph.create
configure = graph.configure


@verb(name="list", common=READ, example="./inv profile.list -l minis --json")
def list_(options: Options, output: Output) -> Result:
    """List the profiles in the inventory, and where each is described."""
    from hermes_ops.commands import profile as command

    return command.list_(options, output)
