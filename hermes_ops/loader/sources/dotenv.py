"""`.env` of the inventory folder: variables for `{env: …}` besides the process environment."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.sources.files import folder_of
from hermes_ops.loader.sources.text import shown, text_of


def load_env(sources: Sequence[Path], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for references; those of the process win."""
    values: dict[str, str] = {}
    for folder in dict.fromkeys(folder_of(source) for source in sources):
        file = folder / ".env"
        if file.exists():
            values.update(_read(file))
    return {**values, **environ}


def _read(file: Path) -> dict[str, str]:
    # Imported late: most inventories have no .env.
    from dotenv.parser import parse_stream

    bindings = list(parse_stream(io.StringIO(text_of(file))))
    for binding in bindings:
        if binding.error:
            place = Place(shown(file), binding.original.line, 1)
            raise InventoryError("this line is not NAME=value", where=place)
    return {b.key: b.value for b in bindings if b.key is not None and b.value is not None}
