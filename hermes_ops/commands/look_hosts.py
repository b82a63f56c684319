"""Tasks that only look: every host is asked once, in parallel, and nothing is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code, items
from hermes_ops.commands.workspace import Workspace, open_workspace, refuse_unreachable
from hermes_ops.errors import HermesError
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts
from hermes_ops.parallel import INTERRUPTED, Rules, parallel
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import StepPlan, desired_state
from hermes_ops.run import Settings, gather, open_host


@dataclass(frozen=True, slots=True)
class Look:
    """What one host answered, or why it did not."""

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
        """Return the failure as documents have it."""
        return self.failure.document() if self.failure else None


def look_all(
    options: Options,
    output: Output,
    *,
    steps: Sequence[StepPlan] = (),
    strangers: bool = False,
    workspace: Workspace | None = None,
) -> list[Look]:
    """Look at every selected host; resolves no secret."""
    workspace = workspace or open_workspace(options, output)
    refuse_unreachable(workspace.selected)
    trace = (lambda host, line: output.note(f"{host}  {line}")) if options.verbose else None
    how = Settings(known_hosts=workspace.known_hosts, trace=trace)
    states = [
        desired_state(host, workspace.selected.roles, steps) for host in workspace.selected.hosts
    ]

    def work(state: DesiredState) -> Look:
        return _look(state, how, strangers=strangers)

    deadline = time.monotonic() + options.timeout if options.timeout else None
    ended = parallel(states, work, Rules(options.forks, deadline=deadline))
    return [
        ended.values.get(i) or Look(s.host, s, failure=_late(ended.stopped_by))
        for i, s in enumerate(states)
    ]


def _late(why: str) -> HermesError:
    from hermes_ops.errors import Interrupted, Unknown

    if why == INTERRUPTED:
        return Interrupted(why)
    return Unknown(why, kind="timeout")


def _look(state: DesiredState, how: Settings, *, strangers: bool) -> Look:
    began = time.monotonic()
    try:
        transport = open_host(state.host, how, _ignore)
        try:
            facts = gather(state, transport, _ignore, strangers=strangers)
        finally:
            transport.close()
    except HermesError as failure:
        return Look(state.host, state, None, failure, time.monotonic() - began)
    return Look(state.host, state, facts, None, time.monotonic() - began)


def _ignore(event: object) -> None:
    del event


def shown(
    output: Output,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    codes: Sequence[int],
    cell: Callable[[Any], str] | None = None,
) -> Result:
    """Show rows as a table, and return them as the task's document."""
    if not output.json:
        from hermes_ops.reporting.report import table

        table(output, columns, rows, cell)
        for row in rows:
            if row.get("error"):
                output.note(f"{row['host']}: {row['error']['message']}")
    return items(rows, exit=exit_code(codes))
