"""What can be wanted on a host: a small closed set, independent of platform and manager.

Paths are relative to the home of the user who runs the services. Nothing here depends on facts:
the plan renders a `Template` with the facts of the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as LocalPath
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files import ownership
from hermes_ops.files.layout import stamp
from hermes_ops.inventory.awake import Awake
from hermes_ops.inventory.model import Profile
from hermes_ops.secrets.reference import Generate
from hermes_ops.secrets.secret import Secret

Path = PurePosixPath


@dataclass(frozen=True, slots=True)
class Template:
    """A text to render with `values` and the facts of the host; messages show `name`."""

    name: str
    source: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AtPath:
    """Something at one path of the host."""

    path: Path


@dataclass(frozen=True, slots=True)
class Directory(AtPath):
    """A folder that exists; with `mode` None an existing folder keeps its mode."""

    mode: int | None = None


@dataclass(frozen=True, slots=True)
class File(AtPath):
    """A file with exactly this content; `restarts`: the service reads it only at its start."""

    content: Template | str
    mode: int = 0o644
    restarts: bool = False
    below: Path | None = None
    """The path to the file may not leave this folder through a link."""
    is_owned: bool = False
    """It is recorded as ours, and removed once it is no longer wanted."""


@dataclass(frozen=True, slots=True)
class YamlFile(AtPath):
    """A YAML file with these keys and values; every other key and every comment stays."""

    values: Mapping[str, Any]
    mode: int = 0o600
    initial: Mapping[str, Any] = field(default_factory=dict)
    restarts: bool = False
    fitted: tuple[ownership.Path, ...] = ()
    """Keys that the plan, not the inventory, adds and removes, as the host's Hermes needs them."""


@dataclass(frozen=True, slots=True)
class EnvFile(AtPath):
    """A `.env` file with these keys and values; every other line stays."""

    values: Mapping[str, Secret | Generate]
    mode: int = 0o600
    unresolved: tuple[str, ...] = ()
    """Keys whose reference was not resolved: they are left as they are and not compared."""
    restarts: bool = False
    marks: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of the values: a later look compares the values with them."""
    kept: Path | None = None
    """The file of these fingerprints, if the profile has any reference."""


@dataclass(frozen=True, slots=True)
class Owned:
    """The record of what we set in `home`; what was removed from the inventory is removed there."""

    home: Path
    partial: bool = False
    """Only a part of our settings is selected: nothing is removed, the rest stays recorded."""

    @property
    def path(self) -> Path:
        """Return the path of the ownership file."""
        return self.home / ownership.NAME


@dataclass(frozen=True, slots=True)
class Existing(AtPath):
    """Something that other steps make; if it is absent, nothing in the profile is touched."""

    hint: str


@dataclass(frozen=True, slots=True)
class Wrapper(AtPath):
    """The script that commands these gateways by hand; with none it is removed."""

    gateways: tuple[str, ...]


class Absent(AtPath):
    """Nothing is at this path."""


@dataclass(frozen=True, slots=True)
class Unpacked(AtPath):
    """A folder that is unpacked from an archive of this machine; one that is there is refused."""

    archive: LocalPath
    top: str
    """The folder in the archive."""


@dataclass(frozen=True, slots=True)
class Whole(AtPath):
    """A profile's folder as a whole is looked at: its size, the commands that start the profile."""

    reads: tuple[str, ...] = ()
    """Files in it to read as well."""


@dataclass(frozen=True, slots=True)
class Renamed(Whole):
    """What is called after a profile has its new name: the commands that start it."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Moved(AtPath):
    """What is at a path is at another one, where nothing else was."""

    to: Path
    is_note: bool = False
    """It is a note of ours: one that is there already counts."""


@dataclass(frozen=True, slots=True)
class Gone(Whole):
    """Nothing is left of a profile: neither this folder nor the commands that start it."""

    by_hermes: bool = False
    """Whether Hermes knows it as a profile of its own, and deletes it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that makes `creates`, run if that is absent; its words may be templates."""

    words: tuple[str, ...]
    creates: Path
    needs_program: bool = True
    deadline: int = 60


@dataclass(frozen=True, slots=True)
class PythonProgram:
    """A Python program; if none is found, it is installed in its own environment under the home."""

    name: str
    package: str
    version: str
    extras: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    python: str = ""
    install: str = "auto"
    beside: bool = False
    """This version is installed beside the one that is used, which goes on to be used."""


@dataclass(frozen=True, slots=True)
class Linger:
    """Linger: services run without a session; `policy` is `required`, `optional` or `off`."""

    policy: str = "required"


@dataclass(frozen=True, slots=True)
class KeptAwake:
    """The machine is kept awake, or is not; `begins`: a time that is over begins again."""

    awake: Awake
    begins: bool = False


@dataclass(frozen=True, slots=True)
class ServiceDefinition:
    """The files that define the profile's service for the host's service manager."""

    profile: Profile
    only_disable: bool = False
    """Only remove what starts it automatically; create nothing."""


@dataclass(frozen=True, slots=True)
class Service:
    """The profile's service is in the wanted state."""

    profile: Profile
    only_restart: bool = False
    """Nothing is started or stopped; a running service is restarted if its settings need it."""
    order: str = ""
    """What is to be done, in one word such as `start`; then no setting is written."""
    lasts: int = 0
    """Seconds until a drain that is ordered ends by itself."""


Resource = (
    Directory
    | File
    | YamlFile
    | EnvFile
    | Owned
    | Existing
    | Wrapper
    | Absent
    | Unpacked
    | Whole
    | Moved
    | Command
    | PythonProgram
    | Linger
    | KeptAwake
    | ServiceDefinition
    | Service
)


def identity(resource: Resource) -> str:
    """Return the name of a resource in changes, reports and overlaps."""
    match resource:
        case Directory(path=path) | Unpacked(path=path):
            return f"directory:{path}"
        case File() | YamlFile() | EnvFile() | Wrapper() | Absent():
            path = resource.path
            return f"file:{path}"
        case Owned():
            return f"file:{resource.path}"
        case Gone(path=path):
            return f"gone:{path}"
        case Moved(path=path):
            return f"moved:{path}"
        case Whole(path=path):
            return f"whole:{path}"
        case Existing(path=path):
            return f"existing:{path}"
        case Command(creates=path):
            return f"command:{path}"
        case PythonProgram(name=name):
            return f"program:{name}"
        case Linger() | KeptAwake():
            return "linger" if isinstance(resource, Linger) else "awake"
        case ServiceDefinition(profile=profile):
            return f"definition:{profile.name}"
        case Service(profile=profile):
            return f"service:{profile.name}"


def paths_of(resource: Resource) -> Iterable[Path]:
    """Yield the paths whose state on the host decides whether something must change."""
    match resource:
        case File(path=path, below=below) if below is not None:
            yield from steps_between(path, below)
        case Moved(path=path, to=to):
            yield from (path, to)
        case AtPath(path=path) | Command(creates=path):
            yield path
        case Owned():
            yield resource.path
        case PythonProgram(name=name, version=version, beside=True):
            yield stamp(name, version)


def steps_between(path: Path, below: Path) -> list[Path]:
    """Return the path and its parent folders that are below a folder."""
    return [step for step in (*reversed(path.parents), path) if below in step.parents]
