"""A repository for a fleet of your own."""

from __future__ import annotations

from hermes_ops.cli.options import ANSWER, Option, Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb

_DIR = Option("dir", "a new or empty folder")


@verb(operands=(_DIR,), common=ANSWER, example="./inv init fleet")
def init(_options: Options, output: Output, *, dir: str) -> Result:
    """Make a repository for a fleet: inventory, profile, runbook; shows the next commands."""
    from hermes_ops.commands import init as command

    return command.init(output, dir)
