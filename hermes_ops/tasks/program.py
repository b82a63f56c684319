"""`./inv` and `hermes-ops`: Invoke's program, with our namespace and exit codes."""

from __future__ import annotations

import atexit
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from types import FrameType
from typing import Any

from invoke.exceptions import Exit, ParseError, UnexpectedExit
from invoke.parser import Parser
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext
from invoke.program import Program as InvokeProgram

from hermes_ops import __version__
from hermes_ops.assets import INSTALLED
from hermes_ops.cli.output import Output, veil
from hermes_ops.cli.typed import typed
from hermes_ops.errors import Interrupted, UsageError
from hermes_ops.inventory.find import beside_inventory
from hermes_ops.program_name import VARIABLE, program_name, spoken, started_as, works_on
from hermes_ops.tasks import namespace, own_tasks
from hermes_ops.tasks.executor import GraphExecutor
from hermes_ops.tasks.handed import arguments_of
from hermes_ops.tasks.mistyped import REPEATED, refuse_missing, usage_error
from hermes_ops.tasks.operands import spelled_out
from hermes_ops.tasks.overview import FIRST, NEW, overview

_ANYWHERE = {"help", "list"}
_REMEDIES = {
    "dry": "to look and plan without changing anything, use --check",
    "echo": "to see what is exchanged with the hosts, use -v",
}


class Program(InvokeProgram):
    """Invoke's program, with one sentence and exit 64 for every parse error."""

    def __init__(self) -> None:
        super().__init__(name="hermes-ops", version=__version__, executor_class=GraphExecutor)

    @property
    def binary(self) -> str:
        """Return the command that the help shows."""
        return program_name()

    @property
    def binary_names(self) -> list[str]:
        """Return the names of the program for which a shell completes."""
        return ["hermes-ops"] if INSTALLED else ["inv", "invoke"]

    def run(self, argv: list[str] | None = None, exit: bool = True) -> None:
        """Parse, run, and leave with one of our exit codes."""
        del exit
        argv = _help_first(sys.argv if argv is None else argv)
        typed(argv[1:])
        try:
            self._parsed(argv)
            self.update_config()
            self.execute()
        except UsageError as error:
            Output(json="--json" in (self.argv or ())).error(error)
            sys.exit(error.exit_code)
        except Exit as leaving:
            if leaving.message:
                print(leaving.message, file=sys.stderr)
            sys.exit(leaving.code)
        except UnexpectedExit as failed:
            sys.exit(failed.result.exited)
        except KeyboardInterrupt:
            sys.exit(Interrupted.exit_code)

    def _parsed(self, argv: list[str] | None) -> None:
        try:
            self.create_config()
            self.parse_core(argv)
            self.parse_collection()
            self.parse_tasks()
            self.parse_cleanup()
        except ParseError as error:
            raise usage_error(error, self._task_names()) from None
        except ValueError as error:
            raise UsageError(str(error)) from None

    def _task_names(self) -> list[str]:
        collection = getattr(self, "collection", None)
        return list(collection.task_names) if collection else []

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse the core flags, and let Python keep what it compiles.

        Invoke forbids it; then every run of a fresh clone would compile all modules again.
        """
        forbidden = sys.dont_write_bytecode
        said = io.StringIO()
        try:
            with redirect_stdout(said) if _asks_for_completion(argv) else nullcontext():
                super().parse_core(argv)
        finally:
            sys.dont_write_bytecode = forbidden
            sys.stdout.write(_completion(said.getvalue(), self.binary_names[0]))

    def load_collection(self) -> None:
        """Load our tasks, and those of the runbook beside the inventory, or that -r names."""
        given = own_tasks.inventories(self.core.unparsed)
        works_on(given)
        folder, name = self.args["search-root"].value, self.args.collection.value
        try:
            file = own_tasks.find(folder, name, given, os.environ)
            self.collection = own_tasks.tasks_of(file, self.config) if file else namespace()
        except UsageError:
            if not self.args.complete.value:  # the Tab key must not print an error
                raise
            self.collection = namespace()

    def parse_tasks(self) -> None:
        """Parse the tasks; refuse core flags behind a task, where Invoke would accept them."""
        if self.args.complete.value:
            # Invoke recognizes its own name there only without a folder.
            self.core.remainder = re.sub(r"^\S*/", "", self.core.remainder)
            super().parse_tasks()
            return
        self.core.unparsed = spelled_out(self.core.unparsed, self.collection)
        refuse_missing(self.core.unparsed, REPEATED)
        super().parse_tasks()
        if self.core.remainder:
            raise UsageError(f"nothing may follow --, but here is: {self.core.remainder}")
        if self.args.dry.value:
            # Invoke's own --dry would not keep our tasks from running.
            raise UsageError("--dry is not supported", hint=_REMEDIES["dry"])
        if self.core_via_tasks.args["list"].got_value and "--list" not in self.core.unparsed:
            raise UsageError(
                f"{self.tasks[-1].name} takes no -l: it selects no hosts",
                hint="./inv --list lists the tasks",
            )
        if any(_is_repeated(task.args.get("limit")) for task in self.tasks):
            refuse_missing(self.core.unparsed, {"-l": "limit"})
        for name, argument in self.core_via_tasks.args.items():
            if argument.got_value and name not in _ANYWHERE:
                raise UsageError(
                    f"--{name} is an option of the program, not of a task",
                    hint=_REMEDIES.get(name, f"put it before the task: ./inv --{name} …"),
                )

    def _make_parser(self) -> Parser:
        """Give the parser only the tasks that are named: it makes deep copies of all its tasks."""
        words = {part for word in self.argv[1:] for part in _parts(word)}
        if "--complete" in words:
            words.update(self.collection.task_names)
        contexts = [
            ParserContext(name=name, aliases=aliases, args=arguments_of(self.collection[name]))
            for name, aliases in self.collection.task_names.items()
            if words & {name, *aliases}
        ]
        return Parser(initial=self.initial_context, contexts=contexts)

    def no_tasks_given(self) -> None:
        """List the tasks by noun: somebody typed only the name of the program."""
        print(f"Usage: {self.binary} TASK [--options]; {self.binary} --help TASK explains one\n")
        here = beside_inventory(own_tasks.inventories(self.core.unparsed), os.environ)
        print("\n".join(overview(self.collection, FIRST if here else NEW)))
        raise Exit

    def print_task_help(self, name: str) -> None:
        """Print Invoke's help for a task, and an example."""
        super().print_task_help(name)
        example = getattr(self.collection[name], "example", "")
        if example:
            print(f"Example:\n  {spoken(example)}\n")


_ITSELF = {
    " --complete -- ${COMP": '"${COMP_WORDS[0]}" --complete -- ${COMP',
    " ${=collection_arg}": "${~words[1]} ${=collection_arg}",
    " --complete -- (commandline --tokenize)": (
        "set --local words (commandline --tokenize); $words[1] --complete -- $words"
    ),
}
"""How a shell names the program that is being completed: `./inv` is not on the PATH."""


def _asks_for_completion(argv: Sequence[str] | None) -> bool:
    return any(word.startswith("--print-completion-script") for word in argv or sys.argv)


def _completion(script: str, name: str) -> str:
    """Return Invoke's completion script, changed to ask the program exactly as it was typed."""
    for theirs, ours in _ITSELF.items():
        script = script.replace(f"{name}{theirs}", ours)
    return script


def _parts(word: str) -> tuple[str, str, str]:
    """Return the texts that the parser may find in a word: itself, or the value behind a flag."""
    return word, word.partition("=")[2], word[2:]


def _is_repeated(argument: Argument | None) -> bool:
    return argument is not None and argument.kind is list


def main() -> Any:
    """Run the program: the entry point of the command."""
    veil()
    signal.signal(signal.SIGTERM, _terminated)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in the background of a script
        signal.signal(signal.SIGINT, _terminated)
    started_as(os.environ.pop(VARIABLE, "") or sys.argv[0])
    code: Any = None
    try:
        Program().run()
    except SystemExit as leaving:
        code = leaving.code
    _leave_at_once(code)
    sys.exit(code)


def _terminated(number: int, frame: FrameType | None) -> None:
    """End with results and connections closed, and the signal's own code, after Ctrl-C too.

    Not while Python is importing: it would keep its lock, and whoever imports next would hang.
    """
    if frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        # To the main thread: a signal to another one would not end what that one waits for.
        main_thread = threading.main_thread().ident
        later = threading.Timer(0.01, signal.pthread_kill, (main_thread, number))
        later.daemon = True
        later.start()
        return
    Interrupted.exit_code = 128 + number
    raise KeyboardInterrupt


def _help_first(argv: Sequence[str]) -> list[str]:
    """Return the words with --help in front of its task: Invoke takes it for a task's operand."""
    words = list(argv)
    named = (at for at, word in enumerate(words) if at and _TASK.fullmatch(word))
    task = next((at for at in named if not words[at - 1].startswith("-")), None)
    if task is None or not {"--help", "-h"} & set(words[task + 1 :]):
        return words
    return [*words[:task], "--help", words[task]]


_TASK = re.compile(r"[a-z]+\.[a-z_-]+|init")


def _leave_at_once(code: Any) -> None:
    """End the process without Python's own cleanup of some hundred modules, which takes a while.

    Exit handlers run first. If other threads still run, Python ends as usual and waits for them.
    """
    threads = [thread for thread in threading.enumerate() if not thread.daemon]
    if threads != [threading.main_thread()] or not isinstance(code, int | None):
        return
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # Python itself says what it could not write
    os._exit(code or 0)


if __name__ == "__main__":
    main()
