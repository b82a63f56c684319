"""The steps of the graph, folded into one call: load, look, plan, apply, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hermes_ops.assets import pip_wheel
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, exit_code
from hermes_ops.cli.prompts import confirm
from hermes_ops.cli.typed import typed
from hermes_ops.commands.look_hosts import rules_of, tracer
from hermes_ops.commands.strangers import standing_of
from hermes_ops.commands.workspace import (
    Workspace,
    in_service,
    new_run,
    now,
    open_workspace,
    operator,
    with_values,
)
from hermes_ops.errors import Interrupted
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.loader.sources.text import shown
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import StepPlan, both, desired_state, writes_env
from hermes_ops.reporting.document import document
from hermes_ops.reporting.events import Event
from hermes_ops.reporting.journal import Journal
from hermes_ops.reporting.report import Progress
from hermes_ops.reporting.summary import Summary
from hermes_ops.reporting.wrongs import NotPassed
from hermes_ops.run import (
    Connections,
    HostResult,
    One,
    Settings,
    Turns,
    converge_hosts,
    ignore,
    nothing,
)


@dataclass(slots=True)
class Converged:
    """The results of a run; `document` makes the JSON document of them."""

    run: str
    task: str
    options: Options
    workspace: Workspace
    results: list[HostResult]
    steps: Sequence[StepPlan] = ()
    seconds: float = 0
    skipped: list[tuple[Host, str]] = field(default_factory=list)
    verify: dict[str, Any] | None = None
    not_passed: Sequence[NotPassed] = ()
    """The checks that did not pass, to be repeated at the end."""
    journal: Journal | None = None
    connections: Connections = field(default_factory=Connections)

    def close(self) -> None:
        """Close the connection to every host."""
        self.connections.close()


Adjust = Callable[[Inventory], Inventory]


def run_steps(task: str, steps: Sequence[StepPlan], options: Options, output: Output) -> Result:
    """Run steps that no task of the kind `Finish` follows."""
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
    also: Mapping[str, DesiredState] = MappingProxyType({}),
    meanwhile: Callable[[], None] = nothing,
    stage: str = "",
) -> Converged:
    """Bring the selected hosts to the state that the steps want.

    It raises only before the first host is contacted; later failures are in the results.

    Only secrets that a step writes are resolved: a stop needs none. A `workspace` that is given is
    used as it is: its secrets must be resolved. `also` is wanted besides of profiles that are not
    in the inventory, by host. `meanwhile` is called while the hosts are waited for. `stage`: what
    this is a part of goes on with the hosts; the journal tells their ends by this word.
    """
    given, workspace = workspace, workspace or open_workspace(options, output)
    selected, notes = in_service(adjust(workspace.selected))
    if given is None:
        selected = with_values(selected, workspace, options, output, writes_env(steps, selected))
    workspace = replace(workspace, selected=selected)
    for note in notes:
        output.note(f"skipped: {note}")
    if any(step.name == "gateway.start" for step in steps):
        from hermes_ops.audit.preflight import refuse_conflicts  # late: `--list` does not need it

        refuse_conflicts(workspace.whole, selected)
    states = [desired_state(host, selected.roles, steps) for host in selected.hosts]
    states = [both(s, also[s.host.name]) if s.host.name in also else s for s in states]
    if workspace.whole.strays and not (options.check or options.yes):
        _ask_about_removals(workspace, states, options, output)
    converged = begin(task, steps, options, workspace, output)
    try:
        how = settings(converged, output, wait=wait)
        how = replace(how, meanwhile=lambda: _load_ahead(meanwhile))
        run_hosts(converged, states, how, output, stage=stage)
    except BaseException:
        converged.close()
        raise
    return converged


def _ask_about_removals(
    workspace: Workspace, states: list[DesiredState], options: Options, output: Output
) -> None:
    """Ask if most profiles would lose settings while a file of variables is read by nobody.

    Such a file is probably misspelt, and its settings only seem to be gone.
    """
    trial = Converged("", "", options, workspace, [])
    how = replace(settings(trial, output), check=True)
    try:
        results = converge_hosts(states, rules_of(options), how, ignore, trial.connections)
    finally:
        trial.close()
    losing = sum(len(result.plan.removes) for result in results if result.plan)
    everything = sum(len(state.host.profiles) for state in states)
    if 2 * losing > everything:
        files = ", ".join(map(shown, workspace.whole.strays))
        question = f"settings would be removed from {losing} of {everything} profiles, and {files}"
        confirm(f"{question} is not read: there is no such group. Remove them?", options)


def begin(
    task: str, steps: Sequence[StepPlan], options: Options, workspace: Workspace, output: Output
) -> Converged:
    """Begin a run, and its journal."""
    run = new_run()
    journal = Journal(run, REDACTOR, output.note)
    journal.write(
        "begun", task=task, operator=operator(), why=options.why, limit=options.selection,
        check=options.check, inventory=[str(path) for path in workspace.paths],
        typed=typed(), hosts=[host.name for host in workspace.selected.hosts],
    )  # fmt: skip
    return Converged(run, task, options, workspace, [], steps, journal=journal)


def settings(converged: Converged, output: Output, *, wait: bool = True) -> Settings:
    """Return the settings of this run, the same for every host."""
    from platformdirs import user_cache_path

    options = converged.options
    owner = {"operator": operator(), "run": converged.run, "since": now()}
    # The owner of a lock is in a file on the host that everybody can read.
    owner["why"] = REDACTOR(options.why)
    return Settings(
        check=options.check,
        rolling=not options.serial,
        drain=0 if options.now else options.drain,
        wait=wait,
        owner=owner,
        lock_timeout=options.lock_timeout,
        known_hosts=converged.workspace.known_hosts,
        pip=pip_wheel(),
        cache=Path(user_cache_path("hermes-ops")),
        learn=REDACTOR.learn,
        trace=tracer(options, output),
    )


def _load_ahead(meanwhile: Callable[[], None]) -> None:
    """Load what the answers of the hosts will need."""
    import hermes_ops.audit.standing  # noqa: F401
    from hermes_ops import templates

    templates.prepare()
    meanwhile()


def run_hosts(
    converged: Converged, states: list[DesiredState], how: Settings, output: Output,
    *, one: One | None = None, stage: str = "",
) -> None:  # fmt: skip
    """Do the work on all hosts, with all that `options` say of it; the results are `converged`'s.

    `one` is the work on a host, if it is not to bring it to its state.
    """
    options, began = converged.options, time.monotonic()
    names = [state.host.name for state in states]
    rules = replace(
        rules_of(options),
        batch=options.serial.of(len(states)) if options.serial else None,
        most_failures=options.max_fail.of(len(states)) if options.max_fail else None,
    )
    with Progress(output, names, verbose=options.verbose, check=options.check) as progress:

        def emit(event: Event) -> None:
            progress(event)
            if converged.journal:
                converged.journal.event(event, stage)

        if not (options.serial or options.check):
            allowed = rules.most_failures or 0
            how = replace(how, turns=Turns([state.host.name for state in states], allowed))
        converged.results = converge_hosts(states, rules, how, emit, converged.connections, one)
    own = {host.name: host for host in converged.workspace.selected.hosts}
    for result in converged.results:
        # Who is pruned is no profile of the host: nothing more is told of it.
        known = (*own[result.host.name].all_profiles, *(p.name for p in result.host.profiles))
        result.host = replace(own[result.host.name], all_profiles=tuple(dict.fromkeys(known)))
        result.findings = tuple(standing_of(result, converged.workspace, options))
    converged.seconds += time.monotonic() - began


# --- results ----------------------------------------------------------------------------------

_CODES = {"failed": 1, "unreachable": 3, "unknown": 4}


def codes(converged: Converged) -> list[int]:
    """Return every exit code that applies to the run."""
    found = [
        max(result.error.exit_code, 1)
        if result.outcome == "failed" and result.error
        else _CODES.get(result.outcome, 0)
        for result in converged.results
    ]
    found += [
        Interrupted.exit_code
        for result in converged.results
        if isinstance(result.error, Interrupted)
    ]
    if converged.options.check and any(result.differs for result in converged.results):
        found.append(2)
    lasting = (one for result in converged.results for one in result.differences if one.lasts)
    found += [4 if one.state == "unknown" and not converged.options.check else 2 for one in lasting]
    if any(
        r.outcome == "skipped" and r.error and r.error.kind == "timeout" for r in converged.results
    ):
        found.append(4)
    if converged.verify and (
        converged.verify["failed"] or converged.verify["passed"] < converged.verify["expected"]
    ):
        found.append(1)
    return found


def finish(
    converged: Converged,
    output: Output,
    more: Iterable[int] = (),
    table: Callable[[], None] = lambda: None,
) -> Result:
    """Print the summary and return the document; `more` has further exit codes that apply.

    `table` prints the profiles, if the task shows them.
    """
    code = exit_code([*codes(converged), *more])
    body = document(converged, code)
    if converged.journal:
        converged.journal.write("ended", exit=code, changes=body["totals"]["changes"])
    Summary(output, converged.options).show(converged, body, table)
    return Result(code, body)
