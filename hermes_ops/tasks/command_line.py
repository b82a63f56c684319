"""Commands that are written down, parsed as this program would parse them, and not run."""

from __future__ import annotations

from collections.abc import Sequence

from invoke.exceptions import ParseError

from hermes_ops.cli.options import Options
from hermes_ops.errors import UsageError
from hermes_ops.tasks.mistyped import usage_error
from hermes_ops.tasks.program import Program

_NEVER = {
    "runbook.run": "a runbook cannot run a runbook",
    "dev.test": "it runs for long, and reads no inventory",
}


class CommandLine(Program):
    """Parses commands of a runbook; an operator's own tasks are read once."""

    def __init__(self, inventory: Sequence[str]) -> None:
        super().__init__()
        self._inventory = [f"--inventory={path}" for path in inventory]
        self.create_config()
        self.parse_core([self.name, *self._inventory])
        self.parse_collection()

    def __call__(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the words of a command with the inventory that its task is to read.

        Raises:
            UsageError: it has no such task or option, or answers questions that are the operator's.
        """
        if not words or words[0].startswith("-"):
            hint = "./inv --list shows the tasks"
            raise UsageError("a command of a runbook begins with a task", hint=hint)
        self._parsed_alone(words)
        task = self.tasks[0]
        if len(self.tasks) != 1:
            raise UsageError(f"{task.name} and {self.tasks[1].name}: one task in each line")
        if task.name in _NEVER:
            raise UsageError(f"{task.name}: {_NEVER[task.name]}")
        given = {argument.name: argument for argument in task.args.values()}
        if "yes" in given and given["yes"].value:
            hint = "leave -y out: whoever runs the runbook answers"
            raise UsageError(f"{task.name} would be answered by the runbook itself", hint=hint)
        Options.read(task.as_kwargs)
        takes = "inventory" in given and not given["inventory"].value
        return (*words, *(self._inventory if takes else ()))

    def _parsed_alone(self, words: Sequence[str]) -> None:
        try:
            self.parse_core([self.name, *words])
            self.parse_tasks()
        except ParseError as error:
            raise usage_error(error, self._task_names()) from None
        except ValueError as error:
            raise UsageError(str(error)) from None
        if not self.tasks or self.core_via_tasks.args["help"].got_value:
            raise UsageError(f"{words[0]!r} runs no task")
