"""`.env` of the inventory folder: variables for `{env: …}` besides the process environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.sources.files import folder_of
from hermes_ops.loader.sources.text import shown


def load_env(sources: Sequence[Path], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for references; those of the process win."""
    values: dict[str, str] = {}
    for folder in dict.fromkeys(folder_of(source) for source in sources):
        file = folder / ".env"
        if file.is_file():
            values.update(_read(file))
    return {**values, **environ}


def _read(file: Path) -> dict[str, str]:
    # Imported late: most inventories have no .env.
    from dotenv.parser import parse_stream

    try:
        with file.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InventoryError(f"cannot be read: {reason}", where=shown(file)) from None
    for binding in bindings:
        if binding.error:
            place = Place(shown(file), binding.original.line)
            raise InventoryError("this line is not NAME=value", where=place)
    return {b.key: b.value for b in bindings if b.key is not None and b.value is not None}
