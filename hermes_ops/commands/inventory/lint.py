"""`inventory.lint`: find what has no effect in an inventory."""

from __future__ import annotations

from dataclasses import replace

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.commands.workspace import gathered, open_workspace, refuse_unreachable


def lint(options: Options, output: Output) -> Result:
    """Find what is never used, never wins, or looks like a typo; exit 2 if there is any."""
    from hermes_ops.loader.lint import lint as findings_of
    from hermes_ops.loader.sources.files import folder_of
    from hermes_ops.reporting.report import count

    workspace = open_workspace(options, output)
    managed = (host for host in workspace.selected.hosts if host.profiles)
    refuse_unreachable(replace(workspace.selected, hosts=tuple(managed)))
    folders = list(dict.fromkeys(map(folder_of, workspace.paths)))
    findings = findings_of(gathered(workspace), folders)
    for finding in findings:
        output.text(f"{finding.place}: {finding.message}")
        output.text(f"    {finding.hint}")
    output.text(count(len(findings), "finding") if findings else "nothing found")
    rows = [
        {
            **{"host": None, "profile": None, "kind": finding.kind},
            **{"where": str(finding.place), "message": finding.message, "hint": finding.hint},
        }
        for finding in findings
    ]
    return items(rows, exit=2 if findings else 0)
