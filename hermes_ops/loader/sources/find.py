"""Find the inventory to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hermes_ops.errors import InventoryError

VARIABLE = "HERMES_OPS_INVENTORY"


def find_inventory(
    given: Sequence[str], environ: Mapping[str, str], working: Path, beside: Path
) -> list[Path]:
    """Return the paths of `-i`, else of `$HERMES_OPS_INVENTORY` (with commas), else `inventory/`.

    `inventory/` is the one in the `working` folder, or else the one `beside` `tasks.py`.
    """
    named = list(given) or [part for part in environ.get(VARIABLE, "").split(",") if part.strip()]
    if named:
        return [working / Path(name.strip()).expanduser() for name in named]
    for folder in (working / "inventory", beside / "inventory"):
        if folder.is_dir():
            return [folder]
    hint = f"name one with -i or ${VARIABLE}"
    raise InventoryError("there is no inventory/ here", hint=hint, where=str(working))
