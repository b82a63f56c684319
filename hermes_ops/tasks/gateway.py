"""Services: installed, started, uninstalled."""

from __future__ import annotations

from hermes_ops.tasks import steps
from hermes_ops.tasks.down import take_down
from hermes_ops.tasks.options import Options
from hermes_ops.tasks.output import Output, Result
from hermes_ops.tasks.step import verb

install = steps.install
start = steps.start


@verb(example="./inv gateway.uninstall -l mini-1/coder --check")
def uninstall(options: Options, output: Output) -> Result:
    """Stop the service, disable it and remove its unit; the profile's data stays."""
    return take_down("gateway.uninstall", "absent", options, output)
