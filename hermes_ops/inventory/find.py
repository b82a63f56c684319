"""Which inventory is meant when several could be, and whether its folder may be trusted.

An inventory, and the `tasks.py` beside it, can be programs. One that somebody names is meant;
one that is merely found must lie where nobody else could have put it.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from hermes_ops.errors import InventoryError, UsageError

VARIABLE = "HERMES_OPS_INVENTORY"
FOLDER = "inventory"


def find_inventory(given: Sequence[str], environ: Mapping[str, str], working: Path) -> list[Path]:
    """Return what `-i` gives; else `$HERMES_OPS_INVENTORY`, comma-separated; else `inventory/`.

    That is the one of the `working` folder or of the nearest folder above it that has one.

    Raises:
        InventoryError: there is none, or somebody else could have put the one that was found there.
    """
    if paths := named(given, environ, working):
        return paths
    if found := nearest(working, environ):
        for path in (found.parent, found):
            refuse_untrusted(path, f"-i {found} names it on purpose")
        return [found]
    raise InventoryError(
        "there is no inventory/ here, nor in a folder above that counts",
        hint=f"name one with -i PATH or with ${VARIABLE}, or go to a folder that has inventory/"
        " (./inv init DIR makes one)",
        where=str(working),
    )


def named(given: Sequence[str], environ: Mapping[str, str], working: Path) -> list[Path]:
    """Return the inventories that are named, by `-i` or else by the variable."""
    names = list(given) or [part for part in environ.get(VARIABLE, "").split(",") if part.strip()]
    return [working / Path(name.strip()).expanduser() for name in names]


def nearest(working: Path, environ: Mapping[str, str]) -> Path | None:
    """Return the `inventory/` that counts in a folder, whosever it is; None if there is none."""
    folders = _folders(working, environ.get("HOME", ""))
    return next((each / FOLDER for each in folders if (each / FOLDER).is_dir()), None)


def beside_inventory(given: Sequence[str], environ: Mapping[str, str]) -> list[Path]:
    """Return the folders that hold the chosen inventories, the strongest first."""
    try:
        working = Path.cwd()
    except OSError:
        return []
    found = nearest(working, environ)
    chosen = named(given, environ, working) or ([found] if found else [])
    return [_holder(Path(os.path.normpath(path))) for path in reversed(chosen)]


def _holder(inventory: Path) -> Path:
    """Return the folder that holds an inventory: a folder, or a file, in such a folder or alone."""
    folder = inventory if inventory.is_dir() else inventory.parent
    return folder.parent if folder == inventory or folder.name == FOLDER else folder


def working_folder() -> Path:
    """Return the working folder; raises `UsageError` if it was removed meanwhile."""
    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(f"the working folder cannot be told: {error.strerror}") from None


def _folders(working: Path, home: str) -> list[Path]:
    """Return where `inventory/` counts: up to the repository's root or the home, the nearer one.

    Outside of both it is the working folder alone: a folder further up may be anybody's.
    """
    # The working folder has no links in its path. Of a home that is / everything would be part.
    top = Path(home).resolve() if home.strip("/") else None
    folders = [working, *working.parents]
    for index, folder in enumerate(folders):
        if folder == top or (folder / ".git").exists():
            return folders[: index + 1]
    return [working]


def refuse_untrusted(path: Path, remedy: str) -> None:
    """Raise where somebody else than the operator and root owns `path` or everybody may write it.

    Raises:
        InventoryError: it is so; `remedy` is what else can be done.
    """
    state = path.stat()
    if state.st_uid not in (0, os.geteuid()):
        raise InventoryError(
            f"belongs to {_name(state.st_uid)}: what lies there may be programs of theirs",
            hint=remedy,
            where=str(path),
        )
    if state.st_mode & stat.S_IWOTH:
        raise InventoryError(
            "may be written by everybody: what lies there may be programs of theirs",
            hint=f"chmod o-w {path}, or {remedy}",
            where=str(path),
        )


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
