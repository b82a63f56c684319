"""The journal of runs."""

from __future__ import annotations

import shlex
import sys

from hermes_ops.cli.options import ANSWER, Option, Options, only, whole
from hermes_ops.cli.output import Output, Result
from hermes_ops.program_name import spoken
from hermes_ops.tasks.step import verb

_RUN = Option("run", "the name of a run, or the beginning of it; last is the newest one")


@verb(
    name="list",
    options=(
        Option("rows", "how many runs, the newest ones (20; with --json all)", short="n"),
        Option("failed", "only runs that failed, or did not end", False),
    ),
    common=ANSWER,
    example="./inv runs.list -n 5 --failed",
)
def list_(_options: Options, output: Output, *, rows: str | None, failed: bool) -> Result:
    """List the runs of this operator, newest first."""
    from hermes_ops.commands import runs as command

    return command.list_(output, rows=None if rows is None else whole("rows", rows), failed=failed)


@verb(operands=(_RUN,), common=ANSWER, example="./inv runs.show last")
def show(_options: Options, output: Output, *, run: str) -> Result:
    """Show everything that one run did."""
    from hermes_ops.commands import runs as command

    return command.show(output, run)


@verb(operands=(_RUN,), common=(*ANSWER, *only("check")), example="./inv runs.resume last --check")
def resume(options: Options, output: Output, *, run: str) -> None:
    """Call the task of a run again, for the hosts that were not done."""
    from hermes_ops.commands import runs as command
    from hermes_ops.tasks.program import Program

    # How it is shown is asked for now, not then.
    words = [word for word in command.resumed(run, _selects) if word != "--json"]
    words += ["--json"] if options.json else []
    words += ["--check"] if options.check and "--check" not in words else []
    output.note(f"again: {spoken('./inv')} {shlex.join(words)}")
    Program().run([sys.argv[0], *words])


def _selects(task: str) -> bool:
    """Whether a task takes a selection of hosts."""
    from hermes_ops.tasks import namespace

    return any(option.name == "limit" for option in namespace()[task].common)
