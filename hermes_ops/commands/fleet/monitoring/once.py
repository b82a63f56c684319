"""`fleet.status`: look once, say what is not as desired, and tell other programs of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code, items
from hermes_ops.commands.fleet.profile_table import not_compared
from hermes_ops.commands.fleet.ps import STEPS, look_at
from hermes_ops.commands.fleet.status import HostSeen
from hermes_ops.commands.fleet.troubles import counted, line, troubles_of
from hermes_ops.commands.workspace import Workspace, open_workspace
from hermes_ops.errors import UsageError
from hermes_ops.plan.desired import StepPlan


def run(
    steps: Sequence[StepPlan],
    options: Options,
    output: Output,
    *,
    quiet: bool,
    alert: bool = False,
    textfile: str | None = None,
    gatus: bool = False,
) -> Result:
    """Look once, print the counts and the troubles; the exit code is that of `fleet.ps`."""
    if gatus:
        _refuse_beside_gatus(options, quiet=quiet, alert=alert, textfile=textfile)
        from hermes_ops.commands.fleet.monitoring import gatus as configuration

        return configuration.run(options, output)
    workspace = open_workspace(options, output)
    watchers = _watchers(workspace, options, output, alert=alert, textfile=textfile)
    compared = [step for step in steps if step.name in STEPS]
    hosts = look_at(compared, options, output, workspace)
    result = _shown(hosts, output, quiet=quiet)
    more: dict[str, Any] = {}
    for watcher in watchers:
        more |= watcher(hosts, result.exit)
    return Result(result.exit, {**result.document, **more})


Watcher = Callable[[Sequence[HostSeen], int], Mapping[str, Any]]
"""Gets a look and its exit code; returns what it adds to the document."""


def _watchers(
    workspace: Workspace, options: Options, output: Output, *, alert: bool, textfile: str | None
) -> list[Watcher]:
    """Return the receivers of the look; raises before the look if one of them is refused."""
    watchers: list[Watcher] = []
    if alert:
        from hermes_ops.commands.fleet.monitoring.alert import Alarm

        watchers.append(Alarm(workspace, options, output).tell)
    if textfile is not None:
        from hermes_ops.commands.fleet.monitoring.textfile import textfile_writer

        watchers.append(textfile_writer(textfile, options, output))
    return watchers


def _refuse_beside_gatus(options: Options, **others: Any) -> None:
    given = [name for name, value in {**others, "json": options.json}.items() if value]
    if given:
        raise UsageError(f"--gatus prints a configuration, and does nothing with --{given[0]}")


def _shown(hosts: Sequence[HostSeen], output: Output, *, quiet: bool) -> Result:
    """Print a look; return its exit code and its document."""
    counts = counted(hosts)
    troubles = [row for host in hosts for row in troubles_of(host)]
    if not quiet:
        output.text(line(counts))
    for row in troubles:
        output.text(f"{row['message']}; next: {row['next']}")
    for text in () if quiet else not_compared(hosts):
        output.text(text)
    result = items(troubles, exit=exit_code(code for host in hosts for code in host.codes))
    return Result(result.exit, {**result.document, "counts": counts})
