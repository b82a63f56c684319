"""What must hold on a host: a small closed set of data, neutral of platform and manager.

Paths are relative to the home of the user who runs the services. Nothing here depends on facts:
a `Template` is rendered by the plan, with the facts of the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files import ownership
from hermes_ops.inventory.model import Profile
from hermes_ops.secrets.reference import Generate
from hermes_ops.secrets.secret import Secret

Path = PurePosixPath


@dataclass(frozen=True, slots=True)
class Template:
    """A text to render with `values` and the facts of the host; `name` stands in messages."""

    name: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Directory:
    """A folder that exists; `mode` None leaves an existing mode alone."""

    path: Path
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file with exactly this content; `restarts`: the service reads it at its start only."""

    path: Path
    content: Template | str
    mode: int = 0o644
    restarts: bool = False
    below: Path | None = None
    """No link may lead out of this folder on the way to the file."""
    is_owned: bool = False
    """It is remembered as ours, and goes when nobody wants it any more."""


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A YAML file in which these keys hold; every other key and every comment stays."""

    path: Path
    values: Mapping[str, Any]
    mode: int = 0o600
    initial: Mapping[str, Any] = field(default_factory=dict)
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class EnvFile:
    """A `.env` file in which these keys hold; every other line stays."""

    path: Path
    values: Mapping[str, Secret | Generate]
    mode: int = 0o600
    unresolved: tuple[str, ...] = ()
    """Keys whose reference was not resolved: left as they are, and not judged."""
    restarts: bool = False
    marks: Mapping[str, str] = field(default_factory=dict)
    """What to keep of the values, by which a later look tells whether they are still there."""
    kept: Path | None = None
    """Where that is kept, if the profile has any reference."""


@dataclass(frozen=True, slots=True)
class Owned:
    """The memory of what we set in `home`: what left the inventory since is taken away."""

    home: Path
    partial: bool = False
    """Only a part of what is ours is wanted now: nothing is taken away, the rest is as before."""

    @property
    def path(self) -> Path:
        """Return the file that remembers."""
        return self.home / ownership.NAME


@dataclass(frozen=True, slots=True)
class Existing:
    """Something that other steps make; where it is absent, nothing of the profile is touched."""

    path: Path
    hint: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing is at this path."""

    path: Path


@dataclass(frozen=True, slots=True)
class Command:
    """A command that makes `creates`, run when that is absent; words may be templates."""

    words: tuple[str, ...]
    creates: Path
    needs_program: bool = True
    deadline: int = 60


@dataclass(frozen=True, slots=True)
class PythonProgram:
    """A Python program that an environment of its own under the home holds, unless one is there."""

    name: str
    package: str
    version: str
    extras: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    python: str = ""
    install: str = "auto"


@dataclass(frozen=True, slots=True)
class Linger:
    """The user's services run without a session; `policy` is `required`, `optional` or `off`."""

    policy: str = "required"


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """The files by which the host's service manager knows the profile's service."""

    profile: Profile
    only_disable: bool = False
    """Nothing but what makes it start by itself is taken away; what is not there is not made."""


@dataclass(frozen=True, slots=True)
class Service:
    """The profile's service is in the state that the profile wants."""

    profile: Profile
    only_restart: bool = False
    """Nothing is started or stopped: a running one gets the restart that its settings owe."""
    drain: int = 0
    """How many seconds its turns may take to end before a restart; 0: none is waited for."""


Resource = (
    Directory
    | File
    | YamlFile
    | EnvFile
    | Owned
    | Existing
    | Absent
    | Command
    | PythonProgram
    | Linger
    | ServiceDefinition
    | Service
)


def identity(resource: Resource) -> str:
    """Return the name by which changes, reports and overlaps know a resource."""
    match resource:
        case Directory(path=path):
            return f"directory:{path}"
        case File(path=path) | YamlFile(path=path) | EnvFile(path=path) | Absent(path=path):
            return f"file:{path}"
        case Owned():
            return f"file:{resource.path}"
        case Existing(path=path):
            return f"existing:{path}"
        case Command(creates=path):
            return f"command:{path}"
        case PythonProgram(name=name):
            return f"program:{name}"
        case Linger():
            return "linger"
        case ServiceDefinition(profile=profile):
            return f"definition:{profile.name}"
        case Service(profile=profile):
            return f"service:{profile.name}"
