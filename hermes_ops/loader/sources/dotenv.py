"""`.env` of the inventory folder: variables for `{env: …}` besides the process environment."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
            raise InventoryError(
                "this line is not NAME=value", where=_place(binding.original, file)
            )
    return {b.key: b.value for b in bindings if b.key is not None and b.value is not None}


def _place(original: Any, file: Path) -> Place:
    """Return where the text of a line begins; blank lines above belong to it."""
    text: str = original.string
    blank = text[: len(text) - len(text.lstrip())]
    column = len(blank) - blank.rfind("\n")
    return Place(shown(file), original.line + blank.count("\n"), column)
