"""The journal of runs."""

from __future__ import annotations

from hermes_ops.cli.options import ANSWER, Option, Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb

_RUN = Option("run", "the name of a run, or the beginning of it")


@verb(name="list", common=ANSWER, example="./inv runs.list")
def list_(_options: Options, output: Output) -> Result:
    """List the runs of this operator, newest first."""
    from hermes_ops.commands import runs as command

    return command.list_(output)


@verb(operands=(_RUN,), common=ANSWER, example="./inv runs.show 20261122T063907-4f2a")
def show(_options: Options, output: Output, *, run: str) -> Result:
    """Show everything that one run did."""
    from hermes_ops.commands import runs as command

    return command.show(output, run)
