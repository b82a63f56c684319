"""A file that another one names: a soul, a copy, a template. It lies in the inventory.

An inventory may be a stranger's: what it names is carried to hosts, and a path or a link could
lead to a file of the operator.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hermes_ops.errors import InventoryError
from hermes_ops.loader.located import Located
from hermes_ops.loader.sources.text import decoded, exact_bytes_of, shown

MARK = "\ufeff"
"""The byte order mark that some editors write at the beginning of a text."""

MEBIBYTE = 1024 * 1024
VARIABLE = "HERMES_OPS_FILES_PATH"
_FOLDERS = ("profiles", "group_vars", "host_vars")
_PRIVATE = re.compile(rb"PRIVATE KEY-----|^PuTTY-User-Key-File|AGE-SECRET-KEY-1", re.MULTILINE)


def named_text(file: Path, entry: Located, what: str = "") -> str:
    """Return the text of a file that `entry` names, as it is; errors have the entry's place."""
    try:
        _refuse_outside(file, Path(entry.place.file))
        content = exact_bytes_of(file, MEBIBYTE)
        if _PRIVATE.search(content):
            raise InventoryError("is a private key, which is never carried", where=shown(file))
        return decoded(content, shown(file))
    except InventoryError as error:
        message = f"{what} {error.where} {error.message}"
        raise entry.error(message.strip(), error.hint) from None


def _refuse_outside(file: Path, namer: Path) -> None:
    """Raise if a file, or what a link leads to, is in none of the folders that are allowed."""
    target = file.resolve()
    if not any(target.is_relative_to(folder) for folder in _allowed(namer)):
        message = "is outside of the inventory"
        message += f": it leads to {target}" if file.is_symlink() else ""
        hint = f"copy it there, or allow its folder: {VARIABLE}={target.parent}"
        raise InventoryError(message, hint=hint, where=shown(file))


def refuse_link_out(file: Path, folders: Iterable[Path]) -> None:
    """Raise if a file of variables, or a folder above it, is a link that leads out of all folders.

    `folders` are resolved; what the operator allows counts beside them.
    """
    target = file.resolve()
    if not any(target.is_relative_to(folder) for folder in (*folders, *_allowed_by_operator())):
        raise InventoryError(
            f"is outside of the inventory: it leads to {target}",
            hint=f"copy it there, or allow its folder: {VARIABLE}={target.parent}",
            where=shown(file),
        )


def home_of_inventory(folder: Path) -> Path:
    """Return the folder in which links of an inventory may lead: its repository, or itself.

    A repository that contains the operator's home is none: everything would lie in it.
    """
    folder = folder.resolve()
    home = Path.home().resolve()
    tops = (above for above in (folder, *folder.parents) if (above / ".git").exists())
    top = next(tops, folder)
    return folder if home.is_relative_to(top) else top


def _allowed(namer: Path) -> Iterator[Path]:
    """Yield the folder of the inventory (or role) of a file, and those that the operator allows."""
    above = [folder for folder in namer.absolute().parents if folder.name in _FOLDERS]
    yield (above[0].parent if above else namer.absolute().parent).resolve()
    yield from _allowed_by_operator()


def _allowed_by_operator() -> Iterator[Path]:
    given = os.environ.get(VARIABLE, "")
    yield from (Path(folder).expanduser().resolve() for folder in given.split(":") if folder)
