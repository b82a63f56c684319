"""`fleet.up`, the main task, and `fleet.plan`, which shows what it would change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.converge import converge, finish
from hermes_ops.commands.roles import refuse_untrusted
from hermes_ops.commands.steps import KEEP_AWAKE
from hermes_ops.commands.workspace import open_workspace
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import StepPlan


def up(
    steps: Sequence[StepPlan],
    options: Options,
    output: Output,
    *,
    no_verify: bool,
    no_wait: bool,
    junit: str | None,
    prune: bool,
) -> Result:
    """Converge, verify over the same connections, and show the state of every profile."""
    verifies = not (options.check or no_verify or no_wait)
    if verifies or junit:
        from hermes_ops.commands.fleet import verify
        from hermes_ops.verify import prepare

        verify.check_junit(junit)
    workspace = open_workspace(options, output, resolve=True)
    if verifies:
        refuse_untrusted(workspace.selected, options)
        prepare()
    converged = converge(
        "fleet.up", [*steps, KEEP_AWAKE], options, output, wait=not no_wait, workspace=workspace,
        also=_orphans(options, output, prune=prune), meanwhile=_load_table,
    )  # fmt: skip
    try:
        if verifies:
            verify.verify_converged(converged, output, junit=junit)
    finally:
        converged.close()
    if options.check:
        return finish(converged, output)
    from hermes_ops.commands.fleet.profile_table import show_converged

    return finish(converged, output, table=lambda: show_converged(converged, output))


def _load_table() -> None:
    import hermes_ops.commands.fleet.profile_table  # noqa: F401


def _orphans(options: Options, output: Output, *, prune: bool) -> Mapping[str, DesiredState]:
    if not prune:
        return {}
    from hermes_ops.commands.fleet.prune import also_pruned

    return also_pruned(options, output)


def plan(steps: Sequence[StepPlan], options: Options, output: Output, *, prune: bool) -> Result:
    """Look and plan; write nothing."""
    looking = replace(options, check=True)
    also = _orphans(looking, output, prune=prune)
    converged = converge("fleet.plan", [*steps, KEEP_AWAKE], looking, output, also=also)
    converged.close()
    return finish(converged, output)
