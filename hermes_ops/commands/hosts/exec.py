"""`hosts.exec`: run one command on every selected host, and show what each printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, exit_code, items
from hermes_ops.cli.typed import typed
from hermes_ops.commands.look_hosts import looking, rules_of
from hermes_ops.commands.workspace import (
    enabled,
    new_run,
    open_workspace,
    operator,
    refuse_unreachable,
)
from hermes_ops.errors import Interrupted, Unknown, UsageError
from hermes_ops.inventory.model import Host
from hermes_ops.reporting.events import Finished
from hermes_ops.reporting.journal import Journal
from hermes_ops.run import HostOutcome, over_hosts
from hermes_ops.transport import Transport


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command did on a host."""

    code: int
    out: str
    err: str

    @property
    def heading(self) -> str:
        """What is shown beside the host: the exit code."""
        return f"exit {self.code}"


def run(options: Options, output: Output, *, command: str, all_hosts: bool) -> Result:
    """Run the command by `/bin/sh` on each selected host, side by side, without any input.

    Raises:
        UsageError: nothing selects the hosts.
    """
    if not options.limit and not all_hosts:
        hint = "name hosts with -l, or say --all-hosts"
        raise UsageError("hosts.exec needs a selection", hint=hint)
    if not command.strip():
        hint = "is a shell variable empty?"
        raise UsageError("hosts.exec needs a command: this one is empty", hint=hint)
    workspace = open_workspace(options, output)
    selected, skipped = enabled(workspace.selected)
    refuse_unreachable(selected)
    for note in skipped:
        output.note(f"skipped: {note}")
    if options.check:
        output.note(f"would run on {', '.join(host.name for host in selected.hosts)}: {command}")
        return items(_planned(command, selected.hosts), exit=0)
    journal = _journal(command, [host.name for host in selected.hosts], options, output)
    rules = replace(
        rules_of(options),
        batch=options.serial.of(len(selected.hosts)) if options.serial else None,
        most_failures=options.max_fail.of(len(selected.hosts)) if options.max_fail else None,
    )
    work = _Command(command, options)
    found = over_hosts(
        selected.hosts, work, rules, looking(workspace, options, output), word_of=_word
    )
    outcomes = [_may_still_run(outcome, work) for outcome in found]
    code = exit_code(map(_code, outcomes))
    for outcome in outcomes:
        message = str(outcome.failure) if outcome.failure else ""
        journal.event(Finished(outcome.host.name, _word(outcome), message, outcome.seconds))
    journal.write("ended", exit=code, changes=0)
    _show(outcomes, output)
    return items([_row(outcome) for outcome in outcomes], exit=code)


@dataclass(frozen=True, slots=True)
class _Command:
    """The work of one host."""

    command: str
    options: Options

    def seconds(self, host: Host) -> float:
        """Return after how many seconds the host ends it."""
        return self.options.timeout or host.connection.exchange_timeout

    def __call__(self, host: Host, transport: Transport) -> Printed:
        seconds = self.seconds(host)
        session = transport.session()
        try:
            code, out, err = session.run_alone(self.command, timeout=seconds)
        finally:
            session.close()
        return Printed(code, out.decode(errors="replace"), err.decode(errors="replace"))


def _may_still_run(outcome: HostOutcome[Printed], work: _Command) -> HostOutcome[Printed]:
    """Return the outcome with what is true of a command that nobody waits for any more."""
    failure = outcome.failure
    if isinstance(failure, Interrupted):
        failure.hint = "the host ends it with the connection; what it began apart from it runs on"
    elif isinstance(failure, Unknown):
        most = f"{work.seconds(outcome.host):g} s after its start"
        failure.hint = f"it may still run there; what is left of it is ended {most}"
    return outcome


def _journal(command: str, hosts: Sequence[str], options: Options, output: Output) -> Journal:
    journal = Journal(new_run(), REDACTOR, output.note)
    journal.write(
        "begun", task="hosts.exec", operator=operator(), why=options.why, limit=options.selection,
        check=False, inventory=[str(path) for path in output.inventory], command=command,
        typed=typed(), hosts=hosts,
    )  # fmt: skip
    return journal


def _planned(command: str, hosts: Sequence[Host]) -> Iterable[dict[str, Any]]:
    """Yield what would run where, as whom; an empty user is that of ssh's own settings."""
    for host in hosts:
        user = host.hermes.user or host.connection.user
        yield {"host": host.name, "outcome": "planned", "command": command, "user": user}


def _word(outcome: HostOutcome[Printed]) -> str:
    return "failed" if outcome.value and outcome.value.code else outcome.word


def _code(outcome: HostOutcome[Printed]) -> int:
    if outcome.failure:
        return outcome.failure.exit_code
    return 1 if outcome.value and outcome.value.code else 0


def _row(outcome: HostOutcome[Printed]) -> dict[str, Any]:
    answer, failure = outcome.value, outcome.failure
    return {
        "host": outcome.host.name,
        "outcome": _word(outcome),
        "code": answer.code if answer else None,
        "stdout": answer.out if answer else None,
        "stderr": answer.err if answer else None,
        "error": failure.document() if failure else None,
    }


# --- for people -------------------------------------------------------------------------------


def _show(outcomes: Sequence[HostOutcome[Printed]], output: Output) -> None:
    """Print each answer once, under the hosts that gave it; failures come last."""
    told: dict[Printed, list[str]] = {}
    for outcome in outcomes:
        if outcome.value:
            told.setdefault(outcome.value, []).append(outcome.host.name)
    for answer, hosts in sorted(told.items(), key=lambda item: bool(item[0].code)):
        output.text(f"{', '.join(hosts)}  {answer.heading}")
        for line in _lines(answer):
            output.text(f"    {line}".rstrip())
    for outcome in outcomes:
        if outcome.failure:
            output.text(f"{outcome.host.name}  {_word(outcome)}: {outcome.failure}")
            if outcome.failure.hint:
                output.text(f"    hint: {outcome.failure.hint}")


def _lines(answer: Printed) -> Iterable[str]:
    yield from answer.out.splitlines()
    yield from (f"stderr: {line}" for line in answer.err.splitlines())
