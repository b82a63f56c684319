"""`profile.list`: the profiles in the inventory."""

from __future__ import annotations

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, items
from hermes_ops.commands.workspace import open_workspace


def list_(options: Options, output: Output) -> Result:
    """List the selected profiles, and where each is written."""
    workspace = open_workspace(options, output)
    rows = [
        {
            "host": host.name,
            "profile": profile.name,
            "role": profile.role,
            "state": profile.state,
            "description": profile.description,
            "where": str(profile.place) if profile.place else None,
        }
        for host in workspace.selected.hosts
        for profile in host.profiles
    ]
    if not output.json:
        from hermes_ops.reporting.report import table

        table(output, ["host", "profile", "role", "state", "description"], rows)
    return items(rows)
