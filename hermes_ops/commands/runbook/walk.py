"""The walk through a runbook: show a step, ask, run or skip it, and write down what happened."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.cli.prompts import answer
from hermes_ops.commands.runbook.call import called
from hermes_ops.commands.runbook.document import ByHand, Runbook, Stage, ToRun
from hermes_ops.commands.runbook.words import spelled
from hermes_ops.errors import HermesError, Interrupted
from hermes_ops.program_name import program_name, spoken
from hermes_ops.reporting.journal import Journal

_AGAIN = "mend what it says, and run the runbook again: skip what is done"
_ASKED = (
    "mend what it says, and walk the runbook at a terminal: there what is done can be skipped, and"
    " what a command asks be answered, which -y of a runbook does not"
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A command with its values: the words to show, and those with which it is started."""

    shown: tuple[str, ...]
    started: tuple[str, ...]


class Stopped(HermesError):
    """A command ended otherwise than its runbook says."""


@dataclass
class Walk:
    """One walk through a runbook."""

    runbook: Runbook
    values: Mapping[str, str]
    plans: Mapping[ToRun, Ready]
    options: Options
    output: Output
    journal: Journal
    run: str
    rows: list[dict[str, Any]] = field(default_factory=list)

    def done(self) -> Result:
        """Walk to the end, or to the first command that ends otherwise than it should."""
        try:
            code, error = self._walked()
        except (Interrupted, KeyboardInterrupt):
            self.journal.write("ended", exit=Interrupted.exit_code)
            raise
        self.journal.write("ended", exit=code)
        more = spoken(f"./inv runs.show {self.run}")
        self._say(f"{self.runbook.title}: {self._counted()}; {more}")
        document = items(self.rows, exit=code).document
        told = error.document() if error else None
        return Result(code, {**document, "run": self.run, "error": told})

    def _walked(self) -> tuple[int, HermesError | None]:
        acts = sum(step.act is not None for step in self.runbook.steps)
        number = 0
        for step in self.runbook.steps:
            if step.text:
                self._say(f"\n{_typed(step.text)}")
            if step.act is None:
                continue
            number += 1
            code = self._acted(step, f"{number}/{acts}")
            if isinstance(step.act, ToRun) and code not in (None, *step.act.expected):
                return self._stopped(step.act, code or 0)
        return 0, None

    def _acted(self, step: Stage, count: str) -> int | None:
        """Do what a step says; return the exit code of its command, None if none ran."""
        if isinstance(step.act, ToRun):
            return self._ran(step, step.act, count)
        assert isinstance(step.act, ByHand)  # noqa: S101 - one of the two
        text = _typed(spelled(step.act.text, self.values))
        self._say(f"\n[{count}] by hand:\n{_indented(text)}")
        if self.options.yes or self.options.check:
            self._note(step, text, "shown")  # nobody said that it was done
        else:
            skips = self._choice("done", "skip", "quit") == "s"
            self._note(step, text, "skipped" if skips else "by hand")
        return None

    def _ran(self, step: Stage, command: ToRun, count: str) -> int | None:
        plan = self.plans[command]
        line = shlex.join(plan.shown)
        self._say(f"\n[{count}] $ {program_name()} {line}")
        if self.options.check:
            self._note(step, line, "planned")
            return None
        if not self.options.yes and self._choice("run", "skip", "quit") == "s":
            self._note(step, line, "skipped")
            return None
        self.journal.write("step", outcome="begins", step=step.heading, line=command.place.line,
                           command=line)  # fmt: skip
        began = time.monotonic()
        code = called(plan.started, self.output)
        word = "done" if code in command.expected else "failed"
        self._note(step, line, word, exit=code, seconds=round(time.monotonic() - began, 3))
        return code

    def _stopped(self, command: ToRun, code: int) -> tuple[int, HermesError]:
        line = shlex.join(self.plans[command].shown)
        wanted = " or ".join(map(str, command.expected))
        error = Stopped(
            f"{line} ended with {code}, and the runbook goes on only after {wanted}",
            hint=_AGAIN if sys.stdin.isatty() else _ASKED,
            where=command.place,
        )
        self.output.note(f"error: {error}")
        self.output.note(f"hint:  {error.hint}")
        # 0 would say that all is well, where the runbook wanted something else.
        return code or 1, error

    def _choice(self, *words: str) -> str:
        """Ask, and return the first letter of the word that was chosen; quit ends the walk."""
        letters = {word[0] for word in words}
        first = words[0]
        while True:
            line = answer(f"{' / '.join(words)}? [{first[0].upper()}] ")
            chosen = line.strip().lower()[:1] or first[0]
            if not line.endswith("\n") or chosen == "q":
                raise Interrupted("the runbook ends here: what follows was not done")
            if chosen in letters:
                return chosen

    def _note(self, step: Stage, text: str, outcome: str, **more: Any) -> None:
        """Write down what became of a step."""
        assert step.act is not None  # noqa: S101 - steps without an act are only shown
        row = {"step": step.heading, "line": step.act.place.line, "command": text} | more
        self.journal.write("step", outcome=outcome, **row)
        empty = {"host": None, "profile": None, "exit": None, "seconds": None}
        self.rows.append({**empty, **row, "outcome": outcome})

    def _counted(self) -> str:
        words = [row["outcome"] for row in self.rows]
        told = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
        return ", ".join(told) or "nothing to do"

    def _say(self, text: str) -> None:
        """Print for people; with `--json`, beside the document."""
        (self.output.note if self.output.json else self.output.text)(text)


_TASK = re.compile(r"(?<![\w/.-])hermes-ops (?=[a-z]+\.[a-z])")


def _typed(text: str) -> str:
    """Return a text in which each task begins with what the operator types for this program."""
    return spoken(_TASK.sub("./inv ", text))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
