"""The steps of the graph, folded into one call: load, look, plan, apply, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hermes_ops.assets import pip_wheel
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, exit_code
from hermes_ops.commands.workspace import (
    Workspace,
    in_service,
    new_run,
    now,
    open_workspace,
    operator,
)
from hermes_ops.errors import HermesError, Interrupted, Unknown
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.parallel import INTERRUPTED, Ended, Rules, parallel
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import StepPlan, desired_state
from hermes_ops.reporting.events import Changed, Event
from hermes_ops.reporting.journal import Journal
from hermes_ops.reporting.report import Progress, Summary
from hermes_ops.run import Done, HostResult, Settings, converge_host


@dataclass(slots=True)
class Converged:
    """Everything that a run came to, before it is a document."""

    run: str
    task: str
    options: Options
    workspace: Workspace
    results: list[HostResult]
    steps: Sequence[StepPlan] = ()
    seconds: float = 0
    skipped: list[tuple[Host, str]] = field(default_factory=list)
    verify: dict[str, Any] | None = None
    journal: Journal | None = None

    def close(self) -> None:
        """Let go of every host."""
        for result in self.results:
            if result.transport is not None:
                result.transport.close()


Adjust = Callable[[Inventory], Inventory]


def run_steps(task: str, steps: Sequence[StepPlan], options: Options, output: Output) -> Result:
    """Run steps that end without an act of their own."""
    converged = converge(task, steps, options, output)
    converged.close()
    return finish(converged, output)


def converge(
    task: str,
    steps: Sequence[StepPlan],
    options: Options,
    output: Output,
    *,
    wait: bool = True,
    adjust: Adjust = lambda inventory: inventory,
    workspace: Workspace | None = None,
) -> Converged:
    """Bring the selected hosts to what the steps want; raises only before any host is touched.

    A `workspace` that is given is what is meant, with its secrets resolved.
    """
    workspace = workspace or open_workspace(options, output, resolve=True)
    selected, notes = in_service(adjust(workspace.selected))
    workspace = replace(workspace, selected=selected)
    for note in notes:
        output.note(f"skipped: {note}")
    if any(step.name == "gateway.start" for step in steps):
        from hermes_ops.audit.preflight import refuse_conflicts  # late: `--list` need not read it

        refuse_conflicts(workspace.whole, selected)
    states = [desired_state(host, selected.roles, steps) for host in selected.hosts]
    converged = _begin(task, steps, options, workspace, output)
    _run(converged, states, settings(converged, output, wait=wait), output)
    return converged


def _begin(
    task: str, steps: Sequence[StepPlan], options: Options, workspace: Workspace, output: Output
) -> Converged:
    run = new_run()
    journal = Journal(run, REDACTOR, output.note)
    journal.write(
        "begun", task=task, operator=operator(), why=options.why, limit=options.selection,
        check=options.check, inventory=[str(path) for path in workspace.paths],
    )  # fmt: skip
    return Converged(run, task, options, workspace, [], steps, journal=journal)


def settings(converged: Converged, output: Output, *, wait: bool = True) -> Settings:
    """Return how this run behaves towards every host."""
    from platformdirs import user_cache_path

    options = converged.options
    owner = {"operator": operator(), "run": converged.run, "since": now()}
    # The owner of a lock stands in a file on the host, for everybody to read.
    owner["why"] = REDACTOR(options.why)
    return Settings(
        check=options.check,
        wait=wait,
        owner=owner,
        lock_timeout=options.lock_timeout,
        known_hosts=converged.workspace.known_hosts,
        pip=pip_wheel(),
        cache=Path(user_cache_path("hermes-ops")),
        learn=REDACTOR.learn,
        trace=tracer(output) if options.verbose else None,
    )


def tracer(output: Output) -> Callable[[str, str], None]:
    """Return what prints an exchange's lines beside the answer."""
    return lambda host, line: output.note(f"{host}  {line}")


def _run(converged: Converged, states: list[DesiredState], how: Settings, output: Output) -> None:
    options = converged.options
    began = time.monotonic()
    hosts = [state.host for state in states]
    rules = Rules(
        options.forks,
        options.serial.of(len(states)) if options.serial else None,
        options.max_fail.of(len(states)) if options.max_fail else None,
        began + options.timeout if options.timeout else None,
    )
    done: dict[str, list[Done]] = {host.name: [] for host in hosts}
    with Progress(output, [host.name for host in hosts], verbose=options.verbose) as progress:

        def emit(event: Event) -> None:
            progress(event)
            if isinstance(event, Changed):
                done[event.host].append(
                    Done(event.change, event.outcome, event.because, event.seconds)
                )
            if converged.journal:
                converged.journal.event(event)

        ended: Ended[DesiredState, HostResult] = parallel(
            states, lambda state: converge_host(state, how, emit), rules, failed=_has_failed
        )
    converged.results = [_result(i, host, ended, done[host.name]) for i, host in enumerate(hosts)]
    converged.seconds = time.monotonic() - began


def _has_failed(result: HostResult) -> bool:
    return result.outcome in ("failed", "unreachable", "unknown")


def _result(
    index: int, host: Host, ended: Ended[DesiredState, HostResult], done: list[Done]
) -> HostResult:
    """Return what a host came to; of one that was left behind, what was heard until then."""
    if index in ended.values:
        return ended.values[index]
    outcome = "unknown" if index in ended.begun else "skipped"
    if ended.stopped_by == INTERRUPTED:
        error: HermesError = Interrupted("interrupted", hint="run it again: it converges")
    else:
        kind = "timeout" if "deadline" in ended.stopped_by else "command"
        error = Unknown(ended.stopped_by, kind=kind, hint="run it again: it converges")
    return HostResult(host, outcome, error, list(done))


# --- what it came to --------------------------------------------------------------------------

_CODES = {"failed": 1, "unreachable": 3, "unknown": 4}


def codes(converged: Converged) -> list[int]:
    """Return every exit code that applies to the run."""
    found = [
        max(result.error.exit_code, 1)
        if result.outcome == "failed" and result.error
        else _CODES.get(result.outcome, 0)
        for result in converged.results
    ]
    found += [130 for result in converged.results if isinstance(result.error, Interrupted)]
    if converged.options.check and any(result.differs for result in converged.results):
        found.append(2)
    if any(
        r.outcome == "skipped" and r.error and r.error.kind == "timeout" for r in converged.results
    ):
        found.append(4)
    if converged.verify and (
        converged.verify["failed"] or converged.verify["passed"] < converged.verify["expected"]
    ):
        found.append(1)
    return found


def finish(converged: Converged, output: Output, more: Iterable[int] = ()) -> Result:
    """Print the summary and return the document; `more` are exit codes that apply as well."""
    code = exit_code([*codes(converged), *more])
    body = document(converged, code)
    if converged.journal:
        converged.journal.write("ended", exit=code, changes=body["totals"]["changes"])
    Summary(output, converged.options).show(converged, body)
    return Result(code, body)


def document(converged: Converged, code: int) -> dict[str, Any]:
    """Return the document of `fleet.up --json` and every converging task."""
    results = converged.results
    counts = {
        word: sum(result.outcome == word for result in results)
        for word in ("changed", "ok", "failed", "unreachable", "unknown", "skipped")
    }
    changes = [_host_changes(result) for result in results]
    worth = ("done", "planned")
    return {
        "schema": 1,
        "run": converged.run,
        "task": converged.task,
        "check": converged.options.check,
        "exit": code,
        "error": None,
        "totals": {
            "hosts": len(results),
            **counts,
            "changes": sum(c["outcome"] in worth for host in changes for c in host),
        },
        "exchanges": {result.host.name: result.exchanges for result in results},
        "seconds": round(converged.seconds, 2),
        "hosts": [
            {
                "host": result.host.name,
                "outcome": result.outcome,
                "error": result.error.document() if result.error else None,
                "notes": [*result.plan.notes, *result.plan.differs] if result.plan else [],
                "changes": host,
            }
            for result, host in zip(results, changes, strict=True)
        ],
        "verify": converged.verify,
    }


def _host_changes(result: HostResult) -> list[dict[str, Any]]:
    return [
        {
            "step": done.change.step,
            "profile": done.change.profile,
            "resource": done.change.resource,
            "action": done.change.action,
            "reason": done.change.reason,
            "outcome": "skipped" if done.outcome in ("moved", "unknown") else done.outcome,
            "because": done.because or {"moved": "it changed since the look"}.get(done.outcome),
            "seconds": round(done.seconds, 3),
        }
        for done in result.changes
    ]
