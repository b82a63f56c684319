"""`inventory.show`: what each selected profile will be, all layers merged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, items
from hermes_ops.commands.inventory.list import shown
from hermes_ops.commands.workspace import open_workspace
from hermes_ops.inventory.model import LIMITS, Host, Profile, ProfileFile
from hermes_ops.secrets.secret import Public


def show(options: Options, output: Output) -> Result:
    """Show the profiles as YAML, without secrets."""
    inventory = open_workspace(options, output).selected
    rows = [_profile(host, profile) for host in inventory.hosts for profile in host.profiles]
    if not output.json:
        import yaml

        # Redacted before it is quoted, as documents are; the names in it are no text.
        texts = _plain(REDACTOR.deep(rows))
        shown_rows = yaml.safe_dump(texts, sort_keys=False, allow_unicode=True)
        output.text(Public(shown_rows.rstrip()))
    return items(rows)


def _plain(value: Any) -> Any:
    """Return the same values with ordinary texts: PyYAML writes no others."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _profile(host: Host, profile: Profile) -> dict[str, Any]:
    return {
        "host": host.name,
        "profile": profile.name,
        "role": profile.role,
        "state": profile.state,
        "address": host.connection.address or host.name,
        "connection": host.connection.kind,
        "manager": host.manager,
        "hermes": host.hermes.version or None,
        "config": shown(profile.config),
        "env": sorted(profile.env),
        "soul": profile.soul_file or None,
        "files": {Public(path): _file(file) for path, file in profile.files.items()},
        "service": {
            "memory_max": profile.service.memory_max,
            "watchdog": profile.service.watchdog,
            "environment": shown(profile.service.environment),
            **{name: getattr(profile.service, name) for name in (*LIMITS, "ceiling")},
        },
        "description": profile.description or None,
        "protected": profile.protected,
        "after": list(profile.after),
        "where": str(profile.place) if profile.place else None,
    }


def _file(file: ProfileFile) -> dict[str, Any]:
    """Return where a file comes from, and how it is written; its content is not shown."""
    return {
        "from": file.source,
        "template": file.is_template,
        "mode": f"{file.mode:04o}",
        "restart": file.restart,
    }
