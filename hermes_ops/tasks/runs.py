"""The journal of runs."""

from __future__ import annotations

from hermes_ops import journal
from hermes_ops.errors import UsageError
from hermes_ops.tasks.options import COMMON, Option, Options
from hermes_ops.tasks.output import Output, Result, items
from hermes_ops.tasks.step import verb

_ANSWER = tuple(option for option in COMMON if option.name in ("json", "verbose"))


@verb(name="list", common=_ANSWER, example="./inv runs.list")
def list_(_options: Options, output: Output) -> Result:
    """List the runs of this operator, newest first."""
    rows = journal.runs()
    if not output.json:
        from hermes_ops.report import table

        table(output, ["run", "task", "exit", "changes", "limit", "why", "operator"], rows)
    return items(rows)


@verb(
    operands=(Option("run", "a run's name, or its beginning"),),
    common=_ANSWER,
    example="./inv runs.show 20261122T063907-4f2a",
)
def show(_options: Options, output: Output, *, run: str) -> Result:
    """Show everything that one run did."""
    found = [path.stem for path in sorted(journal.folder().glob(f"{_plain(run)}*.jsonl"))]
    if len(found) != 1:
        known = ", ".join(found[:5]) or "none begins so"
        raise UsageError(f"no single run is called {run!r}: {known}", hint="./inv runs.list")
    lines = list(journal.read(found[0]))
    for entry in lines:
        rest = {key: value for key, value in entry.items() if key not in ("at", "event", "host")}
        words = "  ".join(
            f"{key}={value}" for key, value in rest.items() if value not in (None, "")
        )
        output.text(f"{entry['at']:.3f}  {entry.get('host', '-')}  {entry['event']}  {words}")
    return items(lines)


def _plain(run: str) -> str:
    if not all(letter.isalnum() or letter == "-" for letter in run):
        raise UsageError(f"{run!r} is no name of a run", hint="./inv runs.list")
    return run
