"""Sources of secrets: one module for each kind, and the table of all kinds.

Loader, errors, `secrets.*`, `inventory.explain`, JSON schema and documentation use `SOURCES`:
a new kind is a module here and its entry in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.errors import InventoryError
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.sources.age import AgeSource
from hermes_ops.secrets.sources.base import Source
from hermes_ops.secrets.sources.command import CommandSource
from hermes_ops.secrets.sources.env import EnvSource
from hermes_ops.secrets.sources.file import FileSource
from hermes_ops.secrets.sources.keyring import KeyringSource

SOURCES: Mapping[str, Source[Any]] = {
    source.kind: source
    for source in (
        EnvSource(),
        FileSource(),
        CommandSource(),
        AgeSource(),
        KeyringSource(),
    )
}


def options() -> str:
    """Return the forms of `secrets.set --from`, for each source that it can read."""
    return ", ".join(source.option for source in SOURCES.values() if source.option)


def source_of(reference: Reference) -> Source[Any]:
    """Return the source of a reference.

    Raises:
        InventoryError: there is no such kind.
    """
    if reference.kind in SOURCES:
        return SOURCES[reference.kind]
    if reference.kind == "vault":
        message = "is encrypted, and no password was given"
        hint = "name its file with --vault-password-file or $ANSIBLE_VAULT_PASSWORD_FILE"
        raise InventoryError(message, hint=hint, where=reference.place)
    message = f"{reference.kind!r} is not a known kind of reference"
    hint = f"known are: {', '.join(SOURCES)}"
    raise InventoryError(message, hint=hint, where=reference.place)


def described(reference: Reference) -> str:
    """Name the place of a secret in a sentence."""
    return source_of(reference).described(reference.argument)
