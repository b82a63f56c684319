"""Profiles: created, configured, listed."""

from __future__ import annotations

from hermes_ops.tasks import steps
from hermes_ops.tasks.options import Options
from hermes_ops.tasks.output import Output, Result, items
from hermes_ops.tasks.step import verb
from hermes_ops.tasks.workspace import open_workspace

create = steps.create
configure = steps.configure


@verb(name="list", example="./inv profile.list -l minis --json")
def list_(options: Options, output: Output) -> Result:
    """List the profiles that the inventory describes, and where each comes from."""
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
