"""Services: install, start and uninstall them."""

from __future__ import annotations

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks import graph
from hermes_ops.tasks.step import verb

install = graph.install
start = graph.start


@verb(example="./inv gateway.uninstall -l mini-1/coder --check")
def uninstall(options: Options, output: Output) -> Result:
    """Stop the service, disable it and remove its unit; the profile's data stays."""
    from hermes_ops.commands.fleet.down import take_down

    return take_down("gateway.uninstall", "absent", options, output)
