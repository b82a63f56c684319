"""The profiles whose logs are wanted, and where their files are on a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hermes_ops.inventory.model import Host
from hermes_ops.inventory.role import Role
from hermes_ops.services import MANAGERS
from hermes_ops.services.describe import describe


@dataclass(frozen=True, slots=True)
class LogSource:
    """One profile, and its folder in the user's home."""

    host: str
    profile: str
    home: str
    ids: tuple[tuple[str, str], ...]
    """The name of its service with each manager that could run it."""
    zone: str = ""
    """The TZ that the inventory gives to its service."""

    def path(self, file: str) -> str:
        """Return the path of a log, relative to the user's home."""
        return f"{self.home}/logs/{file}.log"

    @property
    def env_file(self) -> str:
        """Return the path of its `.env`."""
        return f"{self.home}/.env"


def sources_of(host: Host, roles: Mapping[str, Role]) -> list[LogSource]:
    """Return the selected profiles of a host."""
    return [
        LogSource(
            host.name,
            profile.name,
            str(service.home),
            tuple((one.shell_name, one.id(service)) for one in MANAGERS.values()),
            service.environment.get("TZ", ""),
        )
        for profile in host.profiles
        for service in [describe(profile, roles[profile.role])]
    ]


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next line of a file is: which file that is, and the offset in it."""

    inode: str = "0"
    offset: int = 0
    cut: int = 0
    """1 if that is within a line of which the beginning was shown."""
    mark: str = "-"
    """The checksum of its first bytes: inodes are used again."""


@dataclass(frozen=True, slots=True)
class LogNotice:
    """Something that an operator must know about a host, a profile or a file."""

    origin: str
    text: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.text}"
