"""The parts of one kind of service: a `role.yml` as frozen values, made by `loader.roles`.

Paths are relative to the home of the user who runs the services.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hermes_ops.errors import Place

READINESS = ("process", "http", "hermes")


@dataclass(frozen=True, slots=True)
class RoleText:
    """A text of `role.yml`, which may have Jinja expressions, and its place."""

    source: str
    place: Place = field(default=Place("role.yml"), compare=False)


@dataclass(frozen=True, slots=True)
class Creation:
    """The command that makes a profile's home; profiles in `exceptions` get only the folder."""

    command: tuple[RoleText, ...]
    exceptions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RolePath:
    """Something that each profile has at a path."""

    path: RoleText
    mode: int


class RoleFolder(RolePath):
    """A folder of each profile."""


@dataclass(frozen=True, slots=True)
class PlacedFile(RolePath):
    """A file of each profile."""

    restart: bool
    """Whether the service must restart to read it."""


@dataclass(frozen=True, slots=True)
class RoleYaml(PlacedFile):
    """A YAML file into which the profile's `config` is merged; a new file starts as `initial`."""

    initial: Mapping[str, Any]


class RoleEnv(PlacedFile):
    """A `.env` file into which the profile's `env` is merged."""


@dataclass(frozen=True, slots=True)
class RoleTemplate(PlacedFile):
    """A file whose content is a template of the role; `source` names it in messages."""

    content: str
    source: str


class RoleSoul(PlacedFile):
    """A file whose content is the profile's `soul`; a profile without one has no such file."""


RoleFile = RoleYaml | RoleEnv | RoleTemplate | RoleSoul


@dataclass(frozen=True, slots=True)
class RoleService:
    """What runs, and the settings for its service manager."""

    name: RoleText
    command: tuple[RoleText, ...]
    label: RoleText | None = None
    """Its name under launchd; None: `name`."""
    text: str = "service"
    """The unit text: Hermes' own (`hermes`), the general `service`, or a template of the role."""
    write: tuple[RoleText, ...] = ()
    """The command by which Hermes writes its unit, if the text for its version is not known."""
    environment: Mapping[str, RoleText] = field(default_factory=dict)
    planned_stop: bool = False
    fatal_exit: tuple[int, ...] = ()
    watchdog: int = 0
    """With `text: hermes`: the watchdog of a new profile in seconds, 0 for none."""
    hardening: tuple[str, ...] = ()
    """systemd's directives for profiles with `hardening: true`."""
    limits: Mapping[str, Any] = field(default_factory=dict)
    """Limits and budgets of `model.LIMITS`, where a profile has none."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The sign of a ready service: its process, an answer at `url`, or what Hermes writes."""

    kind: str = "process"
    url: RoleText | None = None


@dataclass(frozen=True, slots=True)
class ProgramRole:
    """A Python program that services run: its package, and the version we install."""

    name: str
    package: str
    version: str


@dataclass(frozen=True, slots=True)
class Role:
    """The parts of one kind of service."""

    name: str
    folder: Path
    home: RoleText
    service: RoleService
    description: str = ""
    program: ProgramRole | None = None
    """The program that its services run, if any."""
    create: Creation | None = None
    folders: tuple[RoleFolder, ...] = ()
    files: tuple[RoleFile, ...] = ()
    readiness: Readiness = Readiness()
    checks: tuple[str, ...] = ()
    """The testinfra checks that each of its profiles must pass."""
    settings: Mapping[str, str] | None = None
    """What its profiles may set for it, each with the name of its kind; None: anything."""
