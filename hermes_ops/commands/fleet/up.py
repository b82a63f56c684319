"""`fleet.up`, the main task, and `fleet.plan`, which shows what it would change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.converge import converge, finish
from hermes_ops.commands.roles import refuse_untrusted
from hermes_ops.commands.workspace import open_workspace
from hermes_ops.plan.desired import StepPlan


def up(
    steps: Sequence[StepPlan],
    options: Options,
    output: Output,
    *,
    no_verify: bool,
    no_wait: bool,
    junit: str | None,
) -> Result:
    """Converge, verify over the same connections, and show the state of every profile."""
    verifies = not (options.check or no_verify or no_wait)
    if verifies or junit:
        from hermes_ops.commands.fleet import verify

        verify.check_junit(junit)
    workspace = open_workspace(options, output, resolve=True)
    if verifies:
        refuse_untrusted(workspace.selected, options)
    converged = converge("fleet.up", steps, options, output, wait=not no_wait, workspace=workspace)
    try:
        if verifies:
            verify.verify_converged(converged, output, junit=junit)
    finally:
        converged.close()
    if options.check:
        return finish(converged, output)
    from hermes_ops.commands.fleet.profile_table import show_converged

    return finish(converged, output, table=lambda: show_converged(converged, output))


def plan(steps: Sequence[StepPlan], options: Options, output: Output) -> Result:
    """Look and plan; write nothing."""
    looking = replace(options, check=True)
    converged = converge("fleet.plan", steps, looking, output)
    converged.close()
    return finish(converged, output)
