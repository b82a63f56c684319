"""The files and links by which a service manager knows a service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal


@dataclass(frozen=True, slots=True)
class DefinitionPath:
    """A path that may belong to a service's definition on a host, and its purpose."""

    path: PurePosixPath
    kind: Literal["unit", "policy", "link", "shared", "slice"]
    """The service itself, our settings for it, its start at boot, shared by all services, or what
    limits all of them."""

    @property
    def is_own(self) -> bool:
        """Whether it belongs to this service alone."""
        return self.kind not in ("shared", "slice")


@dataclass(frozen=True, slots=True)
class Text:
    """A file of a definition.

    `base`: the manager itself compares it (`is_equal`), since a program or a person may have
    written the same in another form, and reads the command from it (`command_line`). Any other
    file must have exactly this content.
    """

    path: PurePosixPath
    content: str
    mode: int = 0o644
    base: bool = False
    restarts: bool = True
    """Whether the service must be restarted after a change of it."""


@dataclass(frozen=True, slots=True)
class HostWritten:
    """A unit that the program itself writes on the host, because we do not know its version's text.

    The command `words` writes it; a text that contains all of `marks` needs no change.
    """

    path: PurePosixPath
    words: tuple[str, ...]
    marks: tuple[str, ...]
    sign: str = "gateway run"
    """What shows that the program wrote anything."""


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link of a definition."""

    path: PurePosixPath
    target: str


Definition = Text | HostWritten | Link
