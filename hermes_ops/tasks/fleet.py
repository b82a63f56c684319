"""The fleet: bring it up, take it down, show it, verify it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermes_ops.cli.options import COMMON, Option, Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.plan.desired import StepPlan
from hermes_ops.tasks import graph
from hermes_ops.tasks.executor import step_plans
from hermes_ops.tasks.step import finish, verb

_NO_VERIFY = Option("no_verify", "do not run the roles' checks at the end", False)
_NO_WAIT = Option("no_wait", "do not wait until the started services are ready", False)
_ALL_HOSTS = Option("all_hosts", "take down every host of the inventory", False)
_JUNIT = Option("junit", "write the checks' results to this file, as JUnit XML")


@finish(
    "fleet.up",
    pre=[graph.start],
    options=(_NO_VERIFY, _NO_WAIT, _JUNIT),
    example="./inv fleet.up -l minis --why 'new bot tokens'",
)
def up(steps: Sequence[StepPlan], options: Options, output: Output, **own: Any) -> Result:
    """Bring the selected profiles to the wanted state, and prove that they run."""
    from hermes_ops.commands.fleet import up as command

    return command.up(steps, options, output, **own)


@finish("fleet.plan", pre=[graph.start], example="./inv fleet.plan -l '*/coder'")
def plan(steps: Sequence[StepPlan], options: Options, output: Output) -> Result:
    """Show what `fleet.up` would change, and change nothing (`fleet.up --check --diff`)."""
    from hermes_ops.commands.fleet import up as command

    return command.plan(steps, options, output)


@verb(options=(_ALL_HOSTS,), example="./inv fleet.down -l minis/coder -y")
def down(options: Options, output: Output, *, all_hosts: bool) -> Result:
    """Stop and disable the selected profiles; their data stays."""
    from hermes_ops.commands.fleet import down as command

    return command.down(options, output, all_hosts=all_hosts)


@verb(
    options=(
        Option("watch", "show the table again every two seconds, until Ctrl-C", False),
        Option("wide", "show every column", False),
        Option("sort", "the column to sort by (host)"),
    ),
    example="./inv fleet.ps -l minis --wide",
)
def ps(options: Options, output: Output, *, watch: bool, wide: bool, sort: str | None) -> Result:
    """Show every profile: state, pid, uptime, restarts, memory, platforms, drift."""
    from hermes_ops.commands.fleet import ps as command

    steps = step_plans(graph.start)
    return command.run(steps, options, output, watch=watch, wide=wide, sort=sort)


@verb(options=(_JUNIT,), common=COMMON, example="./inv fleet.verify --junit checks.xml")
def verify(options: Options, output: Output, *, junit: str | None) -> Result:
    """Run the roles' testinfra checks on every selected profile; changes nothing."""
    from hermes_ops.commands.fleet import verify as command

    return command.run(step_plans(graph.start), options, output, junit=junit)
