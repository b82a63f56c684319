"""What a change does to a profile that comes, or gets another name: values, as in `plan.model`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as LocalPath
from pathlib import PurePosixPath

from hermes_ops.files.layout import CACHE
from hermes_ops.plan.resource import AtPath


@dataclass(frozen=True, slots=True)
class Move(AtPath):
    """Give what is at a path another one, where nothing is."""

    to: PurePosixPath


@dataclass(frozen=True, slots=True)
class Retarget(AtPath):
    """Let a command of Hermes start another profile; it may get another path, too."""

    to: PurePosixPath
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Unpack(AtPath):
    """Make a folder of an archive, which is sent before; it appears as a whole or not at all."""

    archive: LocalPath
    top: str

    @property
    def sent(self) -> PurePosixPath:
        """Return the path of the archive on the host, which goes with the change."""
        return CACHE / f"unpack-{self.path.name}.tar.gz"


class MoveAside(AtPath):
    """Move a file into the folder of what was kept, whoever it belongs to."""


Moves = Move | MoveAside | Retarget | Unpack
