"""Sources of secrets: one module for each kind, and the table of all kinds.

Loader, errors, `secrets.*`, `inventory.explain` and JSON schema use `SOURCES`: a new kind is a
module here and its entry in the table. Tests ask for its row in `docs/secrets.md`, and for a value
of it in `tests/unit/leaking.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from hermes_ops.errors import InventoryError
from hermes_ops.secrets.reference import GENERATE, Reference
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


def forms() -> tuple[str, ...]:
    """Return the keys of which a mapping in `env` has exactly one, in the order of the table."""
    return (*SOURCES, GENERATE)


def unknown(kind: str) -> tuple[str, str]:
    """Return the message and the hint for a kind that there is not."""
    near = get_close_matches(kind, forms())
    meant = f"did you mean {' or '.join(map(repr, near))}?"
    hint = meant if near else f"known are: {', '.join(forms())}"
    return f"{kind!r} is not a known kind of reference", hint


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
    message, hint = unknown(reference.kind)
    raise InventoryError(message, hint=hint, where=reference.place)


def described(reference: Reference) -> str:
    """Name the place of a secret in a sentence."""
    return source_of(reference).described(reference.argument)
