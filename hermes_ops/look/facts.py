"""The facts of one host: `question` asks for them, `answers` parses the reply."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from hermes_ops.files.layout import OWED, environment, stamp
from hermes_ops.inventory.model import BECOMING, WITHOUT_SUDO


@dataclass(frozen=True, slots=True)
class PathState:
    """What `ls` printed about a path; `kind` is file, folder, link, device, pipe or socket."""

    kind: str
    mode: int
    uid: int
    size: int
    target: str | None = None
    """The target of a link, exactly as the link has it."""
    gid: int = 0
    inode: int = 0
    end: LinkEnd | None = None
    """Where a link leads in the end."""


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """What a link leads to, after any further links: `state` is None if nothing is there."""

    path: str
    state: PathState | None
    folder: PathState | None


@dataclass(frozen=True, slots=True)
class Hermes:
    """The hermes-agent installation that this host runs."""

    python: str
    version: str
    venv: str | None = None
    python_version: str = ""
    project: str = ""
    folders: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()
    """Further versions of which its environment has the metadata, though not the code."""
    runs: bool = True  # its interpreter is still there
    works: bool = True  # and, if it was asked, it runs and finds the code
    gone: str = ""  # a part of its code that is not there
    info: str = ""  # the metadata by which its code can be compared, if it is the one that is there

    @property
    def again(self) -> str:
        """What installs its code again, in words."""
        if f"/{environment('hermes')}/" in self.python:
            return (
                f"on the host: rm ~/{stamp('hermes')}   # the next fleet.up installs Hermes again"
            )
        return "install Hermes again on the host, or set hermes_python"


@dataclass(frozen=True, slots=True)
class Unit:
    """A service as its manager reports it: its properties by name."""

    properties: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.properties.get(name, "")

    def number(self, name: str) -> int | None:
        """Return a numeric property, None if the manager did not report it."""
        value = self[name]
        return int(value) if value.isdigit() and value != str(2**64 - 1) else None


_UNKNOWN = Unit({})


@dataclass(frozen=True, slots=True)
class Process:
    """A live process: when it started, in clock ticks since boot, and its memory in pages.

    Without `/proc`, `started` is None and `born` is its start in seconds since 1970.
    """

    started: int | None
    state: str
    rss_pages: int | None
    cgroup: str = ""
    """Its control group; of several hierarchies that of the last."""
    born: float | None = None
    cpu_ticks: int | None = None
    """The time that it had of a processor, in clock ticks."""
    cgroups: tuple[str, ...] = ()
    """Its control groups in all hierarchies that systemd uses."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a process was started with: its command line, and HERMES_HOME if it was set."""

    argv: tuple[str, ...]
    home: str = ""
    cgroup: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a URL; `status` is None if nothing answered."""

    status: int | None
    body: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """Something that listens on a TCP port; `pid` is None for a process that is not a service."""

    host: str
    port: int
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock of another process on bytes of a file, in which ours cannot write meanwhile."""

    pid: int
    inode: int
    first: int
    last: float
    """Without end for one that reaches to the end of the file, however long it becomes."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that one look read from a host."""

    user: str
    uid: int
    home: str
    account_home: str
    system: str = "Linux"
    machine: str = "x86_64"
    now: float = 0
    boot: str = ""
    uptime: float | None = None
    group: str = ""  # the user's own, filled if rights were asked
    may_root: bool | None = None  # whether who logs in may become root; None: nobody asked
    taken: Mapping[str, str] = field(default_factory=dict)
    """Units of the system that run gateways of other users, by their paths: the user of each."""
    systemd: bool = False
    bus: bool = False
    linger: bool = False
    controllers: frozenset[str] | None = None
    """What the kernel lets the user's systemd limit, such as `memory`; None if that is unknown."""
    system_controllers: frozenset[str] | None = None
    """The same of the system's own systemd; `memory.high` is of its own, as cgroups v1 lack it."""
    traits: tuple[str, ...] = ()  # what few hosts are: musl, wsl, selinux enforcing
    noexec: str = ""  # where a file system is mounted that lets no program of the home run
    user_namespaces: bool = True  # whether a user may make them: a /tmp of its own needs one
    has_route: bool = True
    tools: frozenset[str] = frozenset()
    pythons: tuple[tuple[str, str], ...] = ()
    hermes: Hermes | None = None
    damaged: tuple[str, ...] = ()
    """What of its code, and of its libraries, is not as it was installed; `strangers` asks."""
    shadows: frozenset[str] = frozenset()
    """Files in homes of gateways with names of modules: they would be loaded in place of those."""
    launcher: str = ""  # one of Hermes that could not be followed to an interpreter
    paths: Mapping[str, PathState] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)  # by path=NAME, checks of hidden values
    folders: frozenset[str] = frozenset()
    node: str | None = None
    units: Mapping[str, Mapping[str, Unit]] = field(default_factory=dict)
    """The services that each manager reported, by manager and by the manager's own names."""
    mute: Mapping[str, str] = field(default_factory=dict)
    """The managers that are there and did not answer, each with what it was asked, if known."""
    defined: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Gateways with a definition on the disk, by manager; filled if `strangers` was asked."""
    processes: Mapping[int, Process] = field(default_factory=dict)
    commands: Mapping[int, Invocation] = field(default_factory=dict)
    """What the services' processes and all other gateways of this user were started with."""
    variables: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """The names of the variables with which the services' processes began."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Those that the user's manager gives to a next start, with the file that sets each, or `-`."""
    interpreters: Mapping[int, str] = field(default_factory=dict)
    """What the services' processes run where that is not the Python of Hermes (any more)."""
    overlay: str = ""
    """The `config.yaml` that an administrator puts over those of all profiles."""
    overlaid: frozenset[str] = frozenset()  # the names that the administrator's `.env` sets
    newer: frozenset[str] = frozenset()  # settings written after their gateway began; home: code
    unit_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Commands, users, homes and our slice in files of systemd's units of both scopes, by path."""
    parts: tuple[str, ...] = ()
    """Files that change units, or take the place of one, whether systemd has read them or not."""
    masked: frozenset[str] = frozenset()
    """Units that a boot needs before any service, and that are masked or end everything."""
    unread: tuple[str, ...] = ()  # those of these files that this user cannot read
    unwritable: Mapping[str, PathState] = field(default_factory=dict)  # in homes of gateways
    answers: Mapping[str, Answer] = field(default_factory=dict)  # by URL
    servers: tuple[Server, ...] | None = None
    """Everything that listens on a TCP port; None where the kernel does not list it."""
    addresses: frozenset[str] | None = None  # the host's own, if they were asked and are all
    unprivileged: int = 0  # the first port on which this user may listen, if that was asked
    locks: Mapping[int, str] = field(default_factory=dict)
    """The path of the lock that each service's gateway has open; a deleted one says so."""
    deleted: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # still open, by pid
    opened: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """The logs and databases that services' processes have open, by pid."""
    locked: tuple[Lock, ...] = ()
    real: Mapping[str, str] = field(default_factory=dict)
    """Where homes, and the logs of gateways, lie without links."""
    closed: frozenset[str] = frozenset()  # files and folders that cannot be written
    garbled: frozenset[str] = frozenset()  # the asked databases that are none
    aged: frozenset[str] = frozenset()  # the asked marks that nobody has written for an hour
    free_kib: int | None = None  # the space that the user may still write where least is left
    free_at: str = ""  # that place; empty for the disk of the home
    profiles: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()  # with our memory, and not in the inventory
    ours: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Services of ours that are no gateways and not in the inventory: their names, by manager."""
    spaces: Mapping[str, int] = field(default_factory=dict)  # of the asked folders, in bytes
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The profiles that Hermes' own commands in `~/.local/bin` start, by path."""
    kept: tuple[str, ...] = ()
    """The files that we kept when we replaced them; filled if `strangers` was asked."""
    health: Mapping[str, str] = field(default_factory=dict)
    """What a doctor asked besides, by the words of `health.sh`; empty if nobody did."""
    awake: Mapping[str, str] = field(default_factory=dict)
    """What keeps the machine awake, by the words of `services/awake`; empty if nobody asked."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """The bytes of the databases and logs of gateways; filled together with `health`."""

    @property
    def way_to_root(self) -> str:
        """Return what helps where the user who logs in cannot become root."""
        return BECOMING if "sudo" in self.tools else WITHOUT_SUDO

    @property
    def hermes_by_hand(self) -> str:
        """Return the words by which a person there calls Hermes, for a shell: the one that runs may
        be on no PATH, or behind another one."""
        if self.hermes is None:
            return "hermes"
        if not self.hermes.venv:
            return f"{shlex.quote(self.hermes.python)} -m hermes_cli.main"
        script = f"{self.hermes.venv}/bin/hermes"
        ours = f"{self.home}/{environment('hermes')}/"
        return script.replace(self.home, "~", 1) if script.startswith(ours) else shlex.quote(script)

    def real_home(self, home: PurePosixPath) -> str:
        """Return a home as Hermes writes it into its unit: links are followed.

        It writes the unit anew at its start, so any other path would never stay. A profile whose
        own folder is a link has another name there, which Hermes takes for no profile of its own.
        """
        named, above = f"{self.home}/{home}", str(home.parent)
        if above == ".":  # that of the default profile
            return self.real.get(str(home), named)
        real = f"{self.real.get(above, f'{self.home}/{above}')}/{home.name}"
        return real if self.real.get(str(home), real) == real else named

    def digest(self, path: PurePosixPath | str) -> str:
        """Return the state that a change expects: a digest, `-` for absent, `+` for existing."""
        key = str(path)
        if key not in self.paths:
            return "-"
        return self.digests.get(key, "+")

    def unit(self, manager: str, id: str) -> Unit:
        """Return a service as its manager reported it, without properties if it did not."""
        return self.units.get(manager, {}).get(id, _UNKNOWN)

    def owes_restart(self, name: str) -> bool:
        """Return whether the service still needs a restart for an earlier change of its files."""
        return f"{OWED}/{name}" in self.paths
