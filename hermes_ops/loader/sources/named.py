"""A file that another one names: a soul, a copy, a template."""

from __future__ import annotations

from pathlib import Path

from hermes_ops.errors import InventoryError
from hermes_ops.loader.located import Located
from hermes_ops.loader.sources.text import decoded, exact_bytes_of, shown

MARK = "\ufeff"
"""The byte order mark that some editors write at the beginning of a text."""

MEBIBYTE = 1024 * 1024


def named_text(file: Path, entry: Located, what: str = "") -> str:
    """Return the text of a file that `entry` names, as it is; errors have the entry's place."""
    try:
        return decoded(exact_bytes_of(file, MEBIBYTE), shown(file))
    except InventoryError as error:
        message = f"{what} {error.where} {error.message}"
        raise entry.error(message.strip(), error.hint) from None
