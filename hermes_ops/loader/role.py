"""Read the roles: `roles/<name>/role.yml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Role
from hermes_ops.loader.located import plain, refuse_sealed
from hermes_ops.loader.schema import ANY, MAPPING, TEXT, WORD, Each, Fields, check
from hermes_ops.loader.sources.vault import CLOSED, Vault
from hermes_ops.loader.sources.yaml import read

ROLE = Fields(
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


def load_roles(folders: Iterable[Path], vault: Vault = CLOSED) -> dict[str, Role]:
    """Return every role that has a `role.yml` below a folder, with the program it runs.

    Of two with one name the later folder's wins.
    """
    roles = {
        file.parent.name: _load_role(file, vault)
        for folder in dict.fromkeys(folders)
        for file in sorted(folder.glob("*/role.yml"))
    }
    return {name: _with_program(role, roles) for name, role in roles.items()}


def _with_program(role: Role, roles: Mapping[str, Role]) -> Role:
    name = role.data.get("program")
    if name is None:
        return role
    if name not in roles:
        raise InventoryError(
            f"program: there is no role {name!r}",
            where=str(role.folder / "role.yml"),
            hint=f"roles: {', '.join(sorted(roles))}",
        )
    return replace(role, program=roles[name])


def _load_role(file: Path, vault: Vault) -> Role:
    document = read(file, vault)
    refuse_sealed(document)
    if document.data is not None:
        check(document, ROLE, "role.yml")
    return Role(file.parent.name, file.parent, plain(document) or {})
