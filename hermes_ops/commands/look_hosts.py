"""For tasks that only look: ask every host once, in parallel, and write nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code, items
from hermes_ops.commands.workspace import Workspace, open_workspace, refuse_unreachable
from hermes_ops.errors import HermesError
from hermes_ops.inventory.model import Host
from hermes_ops.run import HostOutcome, Rules, Settings, ignore, over_hosts
from hermes_ops.transport import Transport

if TYPE_CHECKING:
    from hermes_ops.look.facts import Facts
    from hermes_ops.plan import DesiredState
    from hermes_ops.plan.desired import StepPlan


@dataclass(frozen=True, slots=True)
class Look:
    """The answer of one host, or the error why there is none."""

    host: Host
    desired: DesiredState
    facts: Facts | None = None
    failure: HermesError | None = None
    seconds: float = 0

    @property
    def code(self) -> int:
        """Return the exit code that this host asks for."""
        return self.failure.exit_code if self.failure else 0

    @property
    def error(self) -> Mapping[str, Any] | None:
        """Return the failure for JSON documents."""
        return self.failure.document() if self.failure else None


def look_all(
    options: Options,
    output: Output,
    *,
    steps: Sequence[StepPlan] = (),
    strangers: bool = False,
    health: bool = False,
    workspace: Workspace | None = None,
    each: Callable[[Look], None] = lambda _: None,
) -> list[Look]:
    """Look at every selected host, without resolving secrets.

    `each` gets the look at a host as soon as it has ended.
    """
    from hermes_ops.plan.desired import desired_state

    workspace = workspace or open_workspace(options, output)
    refuse_unreachable(workspace.selected)
    states = [
        desired_state(host, workspace.selected.roles, steps) for host in workspace.selected.hosts
    ]
    how = looking(workspace, options, output)
    return look_hosts(states, rules_of(options), how, strangers=strangers, health=health, each=each)


def look_hosts(
    states: Sequence[DesiredState],
    rules: Rules,
    how: Settings,
    *,
    strangers: bool = False,
    health: bool = False,
    each: Callable[[Look], None] = lambda _: None,
) -> list[Look]:
    """Look at each host once."""
    from hermes_ops.run import gather

    wanted = {state.host.name: state for state in states}

    def work(state: DesiredState, transport: Transport) -> Facts:
        return gather(state, transport, ignore, strangers=strangers, health=health)

    def look_of(outcome: HostOutcome[Facts]) -> Look:
        state = wanted[outcome.host.name]
        return Look(outcome.host, state, outcome.value, outcome.failure, outcome.seconds)

    def word_of(outcome: HostOutcome[Facts]) -> str:
        each(look_of(outcome))
        return outcome.word

    return [look_of(outcome) for outcome in over_hosts(states, work, rules, how, word_of=word_of)]


# --- how every task behaves towards its hosts -------------------------------------------------


def rules_of(options: Options) -> Rules:
    """Return how many hosts run at once, and the deadline: `--timeout` counts from now."""
    deadline = time.monotonic() + options.timeout if options.timeout else None
    return Rules(options.forks, deadline=deadline)


def looking(workspace: Workspace, options: Options, output: Output) -> Settings:
    """Return the settings of a task that changes nothing."""
    return Settings(known_hosts=workspace.known_hosts, trace=tracer(options, output))


def tracer(options: Options, output: Output) -> Callable[[str, str], None] | None:
    """Return the function that prints the lines of an exchange; None without `-v`."""
    return (lambda host, line: output.note(f"{host}  {line}")) if options.verbose else None


def shown(
    output: Output,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    codes: Sequence[int],
    cell: Callable[[Any], str] | None = None,
) -> Result:
    """Print rows as a table, and return them as the task's document."""
    if not output.json:
        from hermes_ops.reporting.report import table

        table(output, columns, rows, cell)
        for row in rows:
            if error := row.get("error"):
                output.note(f"{row['host']}: {error['message']}")
                if error["hint"]:
                    output.note(f"    hint: {error['hint']}")
    return items(rows, exit=exit_code(codes))
