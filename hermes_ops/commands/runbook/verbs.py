"""`runbook.list` and `runbook.run`: all is read and understood before the first step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, items
from hermes_ops.cli.typed import typed
from hermes_ops.commands.runbook.document import Runbook, ToRun
from hermes_ops.commands.runbook.shelf import kept, named, opened
from hermes_ops.commands.runbook.values import all_values
from hermes_ops.commands.runbook.walk import Ready, Walk
from hermes_ops.commands.runbook.words import substituted
from hermes_ops.commands.workspace import chosen_inventory, new_run, open_workspace, operator
from hermes_ops.errors import HermesError, InventoryError, Place, UsageError
from hermes_ops.reporting.journal import Journal

Understand = Callable[[Sequence[str]], tuple[str, ...]]
"""Returns the words with which a command is started; raises `UsageError` if it is none of ours."""


def list_(options: Options, output: Output) -> Result:
    """Show the runbooks of the operator and those of this program."""
    rows = []
    code = 0
    for each in kept(options.inventory):
        try:
            title = opened(each.file).title
        except UsageError as error:
            output.note(f"error: {error}")
            title, code = None, 64
        where = "own" if each.is_own else "hermes-ops"
        rows.append({"name": each.name, "title": title, "where": where, "file": str(each.file)})
    if not output.json:
        from hermes_ops.reporting.report import table

        table(output, ["name", "title", "where"], rows)
    return items(({"host": None, "profile": None, **row} for row in rows), exit=code)


def run(
    options: Options, output: Output, name: str, *, given: Sequence[str], understand: Understand
) -> Result:
    """Walk an operator through a runbook; nothing begins before all of it was understood.

    Raises:
        UsageError: a command or a value is wrong, or there is nobody to ask.
    """
    file = named(name, options.inventory)
    runbook = opened(file)
    if not any(step.act for step in runbook.steps):
        raise UsageError(
            "it has no block of commands, so there is nothing to run",
            hint="a command stands in a fenced block: ```console, then $ hermes-ops fleet.ps",
            where=Place(str(file)),
        )
    _learn_secrets(options, output)
    values = all_values(given, runbook.needs)
    plans = planned(runbook, values, understand)
    if not (options.yes or options.check or sys.stdin.isatty()):
        hint = "-y runs every command that asks for nothing itself; --check only shows them"
        raise UsageError("each step is asked about, and there is no terminal to ask on", hint=hint)
    journal = Journal(run_name := new_run(), REDACTOR, output.note)
    journal.write(
        "begun", task="runbook.run", operator=operator(), why=options.why, limit=None,
        check=options.check, inventory=[str(path) for path in output.inventory],
        runbook=str(file), title=runbook.title, values=values, typed=typed(),
    )  # fmt: skip
    return Walk(runbook, values, plans, options, output, journal, run_name).done()


def planned(runbook: Runbook, values: dict[str, str], understand: Understand) -> dict[ToRun, Ready]:
    """Return what is started for each command.

    Raises:
        UsageError: one is no command of this program; the message names file and line.
    """
    plans = {}
    for command in runbook.commands:
        words = substituted(command.words, values, command.place)
        try:
            plans[command] = Ready(words, understand(words))
        except UsageError as error:
            raise UsageError(str(error), hint=error.hint, where=command.place) from None
    return plans


def _learn_secrets(options: Options, output: Output) -> None:
    """Let output and journal mask what the inventory keeps secret, if there is one."""
    try:
        chosen_inventory(options, output)
    except InventoryError:
        return  # not every command needs one
    try:
        open_workspace(options, output)
    except HermesError as error:
        output.note(f"warning: {error}")
