"""Read the roles: `roles/<name>/role.yml`."""

from __future__ import annotations

from pathlib import Path

from hermes_ops.inventory import Role
from hermes_ops.loader.located import plain
from hermes_ops.loader.schema import ANY, MAPPING, TEXT, WORD, Each, Record, check
from hermes_ops.loader.yaml_source import read

ROLE = Record(
    {
        "description": TEXT,
        "program": ANY,
        "home": ANY,
        "create": ANY,
        "directories": ANY,
        "files": ANY,
        "service": ANY,
        "readiness": ANY,
        "checks": Each(WORD),
        "defaults": MAPPING,
    }
)
"""The top of `role.yml`; what stands deeper is checked by the code that uses it."""


def load_roles(folder: Path) -> dict[str, Role]:
    """Return every role that has a `role.yml` below the folder."""
    return {file.parent.name: _load_role(file) for file in sorted(folder.glob("*/role.yml"))}


def _load_role(file: Path) -> Role:
    document = read(file)
    if document.data is not None:
        check(document, ROLE, "role.yml")
    return Role(file.parent.name, file.parent, plain(document) or {})
