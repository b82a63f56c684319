"""One reading of an inventory: what opens its values, how much was read, what its end tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.sources.named import refuse_link_out
from hermes_ops.loader.sources.text import LARGEST_FILE, TOO_LARGE, bytes_of, decoded, shown
from hermes_ops.loader.sources.vault import Vault

Kind = Literal["ours", "variables", "structure", "answer"]
"""What a file holds: a profile or role, variables, groups, or what an executable printed."""


class Double(NamedTuple):
    """A key that stands twice in one mapping; the last one counts."""

    path: tuple[Any, ...]
    """The keys that lead to it, itself at the end."""
    place: Place
    first: Place
    kind: Kind = "ours"

    @property
    def message(self) -> str:
        """Return the sentence about it, without its place."""
        line = f", first in line {self.first.line}" if self.first.line else ""
        return f"{self.path[-1]!r} appears twice{line}"


class Reading:
    """Collects while the files of one inventory are read; each file counts for the size."""

    def __init__(self, vault: Vault | None = None, folders: Sequence[Path] | None = None) -> None:
        """Read with this vault; `folders` are those in which links may lead, resolved."""
        self.vault = vault or Vault()
        self._folders = folders
        self.doubles: list[Double] = []
        self._read: set[Path] = set()
        self._size = 0

    def bytes_of(self, path: Path) -> bytes:
        """Return the content of a file; all files of an inventory have at most 64 MiB."""
        if self._folders is not None:
            refuse_link_out(path, self._folders)
        content = bytes_of(path)
        self._size += 0 if path in self._read else len(content)
        self._read.add(path)
        if self._size > LARGEST_FILE:
            raise InventoryError(f"with this file the inventory {TOO_LARGE}", where=shown(path))
        return content

    def text_of(self, path: Path) -> str:
        """Return the text of a file, which must be UTF-8."""
        return decoded(self.bytes_of(path), shown(path))

    def tell(self, doubles: Sequence[Double]) -> None:
        """Keep keys that appear twice for the end of the reading."""
        self.doubles += [double for double in doubles if double not in self.doubles]

    def forget(self, file: str) -> None:
        """Drop what was told of a file that does not count."""
        self.doubles = [double for double in self.doubles if double.place.file != file]
