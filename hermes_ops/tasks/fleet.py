"""The fleet: up, planned, down, seen, verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hermes_ops.errors import UsageError
from hermes_ops.plan.desired import StepPlan
from hermes_ops.tasks import steps
from hermes_ops.tasks.options import COMMON, Option, Options
from hermes_ops.tasks.output import Output, Result
from hermes_ops.tasks.step import finish, verb

_NO_VERIFY = Option("no_verify", "do not run the checks at the end", False)
_NO_WAIT = Option("no_wait", "do not wait until what was started is ready", False)
_JUNIT = Option("junit", "write the checks' results to this file, as JUnit XML")


@finish(
    "fleet.up",
    pre=[steps.start],
    options=(_NO_VERIFY, _NO_WAIT, _JUNIT),
    example="./inv fleet.up -l minis --why 'new bot tokens'",
)
def up(
    plans: Sequence[StepPlan],
    options: Options,
    output: Output,
    *,
    no_verify: bool,
    no_wait: bool,
    junit: str | None,
) -> Result:
    """Bring the selected profiles to the wanted state, and prove that they run."""
    from hermes_ops.tasks import converge, ps

    verifies = not (options.check or no_verify or no_wait)
    if verifies or junit:
        from hermes_ops.tasks import verifying

        verifying.check_junit(junit)
    converged = converge.converge("fleet.up", plans, options, output, wait=not no_wait)
    try:
        if verifies:
            verifying.verify_converged(converged, output, junit=junit)
    finally:
        converged.close()
    result = converge.finish(converged, output)
    if not options.check:
        ps.show_converged(converged, output)
    return result


@finish("fleet.plan", pre=[steps.start], example="./inv fleet.plan -l '*/coder'")
def plan(plans: Sequence[StepPlan], options: Options, output: Output) -> Result:
    """Show what `fleet.up` would change, and change nothing (`fleet.up --check --diff`)."""
    from hermes_ops.tasks import converge

    looking = replace(options, check=True, diff=True)
    converged = converge.converge("fleet.plan", plans, looking, output)
    converged.close()
    return converge.finish(converged, output)


@verb(
    options=(Option("all_hosts", "every host of the inventory is meant", False),),
    example="./inv fleet.down -l minis/coder -y",
)
def down(options: Options, output: Output, *, all_hosts: bool) -> Result:
    """Stop and disable the selected profiles; their data stays."""
    from hermes_ops.tasks.down import take_down
    from hermes_ops.tasks.questions import confirm

    if not options.limit and not all_hosts:
        raise UsageError(
            "fleet.down needs a selection", hint="name hosts with -l, or say --all-hosts"
        )
    if not options.check:
        confirm(f"Stop and disable {options.limit or 'every profile of every host'}?", options)
    return take_down("fleet.down", "stopped", options, output)


@verb(
    options=(
        Option("watch", "show it again every two seconds, until Ctrl-C", False),
        Option("wide", "show every column", False),
        Option("sort", "the column to sort by (host)"),
    ),
    example="./inv fleet.ps -l minis --wide",
)
def ps(options: Options, output: Output, *, watch: bool, wide: bool, sort: str | None) -> Result:
    """Show every profile: state, pid, uptime, restarts, memory, platforms, drift."""
    from hermes_ops.tasks import ps as showing

    return showing.run(options, output, watch=watch, wide=wide, sort=sort)


@verb(options=(_JUNIT,), common=COMMON, example="./inv fleet.verify --junit checks.xml")
def verify(options: Options, output: Output, *, junit: str | None) -> Result:
    """Run the roles' testinfra checks on every selected profile; changes nothing."""
    from hermes_ops.tasks import verifying

    return verifying.run(options, output, junit=junit)
