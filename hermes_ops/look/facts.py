"""The facts of one host, and the script that asks for them; `answers` parses the reply."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from hermes_ops.files import ownership
from hermes_ops.files.layout import OVERLAY, OWED
from hermes_ops.wire import Script, assemble


@dataclass(frozen=True, slots=True)
class PathState:
    """What `ls` printed about a path; `kind` is file, folder, link, device, pipe or socket."""

    kind: str
    mode: int
    uid: int
    size: int
    target: str | None = None
    """What a link says, as it stands there."""
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
    whole: bool = True  # so is its code


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
    born: float | None = None
    cpu_ticks: int | None = None
    """The time that it had of a processor, in clock ticks."""


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
    systemd: bool = False
    bus: bool = False
    linger: bool = False
    has_route: bool = True
    tools: frozenset[str] = frozenset()
    pythons: tuple[tuple[str, str], ...] = ()
    hermes: Hermes | None = None
    launcher: str = ""  # one of Hermes that could not be followed to an interpreter
    paths: Mapping[str, PathState] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    node: str | None = None
    units: Mapping[str, Mapping[str, Unit]] = field(default_factory=dict)
    """The services that each manager reported, by manager and by the manager's own names."""
    mute: frozenset[str] = frozenset()  # the managers that are there and did not answer
    defined: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Gateways with a definition on the disk, by manager; filled if `strangers` was asked."""
    processes: Mapping[int, Process] = field(default_factory=dict)
    commands: Mapping[int, Invocation] = field(default_factory=dict)
    """What the services' processes and all other gateways of this user were started with."""
    variables: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """The names of the variables with which the services' processes began."""
    overlay: str = ""
    """The `config.yaml` that an administrator puts over those of all profiles."""
    overlaid: frozenset[str] = frozenset()
    """The names that the administrator's `.env` sets."""
    newer: frozenset[str] = frozenset()
    """Settings files that were written after their gateway started."""
    unit_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Commands, users and homes in the files of systemd's units of both scopes, by path."""
    unread: tuple[str, ...] = ()  # those of these files that this user cannot read
    unwritable: Mapping[str, PathState] = field(default_factory=dict)  # in homes of gateways
    answers: Mapping[str, Answer] = field(default_factory=dict)
    servers: tuple[Server, ...] | None = None
    """Everything that listens on a TCP port; None where the kernel does not list it."""
    locks: Mapping[int, str] = field(default_factory=dict)
    """The path of the lock that each service's gateway has open; a deleted one says so."""
    real: Mapping[str, str] = field(default_factory=dict)
    """Where the homes of gateways lie, without links."""
    aged: frozenset[str] = frozenset()  # the asked marks that nobody has written for an hour
    free_kib: int | None = None  # the space that the user may still write on the home's disk
    profiles: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    """Profiles with our memory beside them that are not in the inventory."""
    ours: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Services of ours that are no gateways and not in the inventory: their names, by manager."""
    kept: tuple[str, ...] = ()
    """The files that we kept when we replaced them; filled if `strangers` was asked."""

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


@dataclass(frozen=True, slots=True)
class Question:
    """What a look asks for: paths are relative to the home, folders are absolute."""

    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()
    """Values in `env_files` that must not leave the host, as `path=NAME`."""
    folders: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    """The shell files of the service managers."""
    variables: Mapping[str, PurePosixPath] = field(default_factory=dict)
    """The paths that these files use, by the variable that holds each."""
    services: tuple[tuple[str, ...], ...] = ()
    """For each manager, the shell words that report its services."""
    defined: tuple[str, ...] = ()
    """For each manager, the shell function that names gateways which are not in the inventory."""
    others: tuple[tuple[str, ...], ...] = ()
    """For each manager in `services`, the further words that report gateways of any name."""
    known: tuple[str, ...] = ()
    """The profiles of this user in the inventory, selected or not: none of them is an orphan."""
    marked: tuple[tuple[str, ...], ...] = ()
    """For each manager in `services`, the words that find services of ours, if it marks them."""
    pid_files: tuple[str, ...] = ()
    homes: tuple[str, ...] = ()
    """The homes of gateways, in which everything must belong to the user."""
    markers: tuple[str, ...] = ()
    """Files of which to tell whether they are older than an hour."""
    urls: tuple[str, ...] | None = ()
    """The URLs to ask; None: ask no URL at all, so that no server logs a request."""
    ports: tuple[int, ...] = ()
    """The ports whose holder must be known, whoever it is."""
    hermes_python: str = ""
    pythons: bool = False
    """Whether to look for Pythons even if nothing seems to need an installation."""
    owned: tuple[str, ...] = ()
    """Ownership files: the files that they name are read as well."""
    strangers: bool = False
    """Whether to look for profiles and services that are not in the inventory."""


def probe(question: Question) -> Script:
    """Return the script that asks the whole question in one exchange, and writes nothing."""
    of_look = ("look/look", "look/processes", "look/hermes")
    libraries = ("wire/common", "look/evidence", *question.libraries, *of_look)
    return assemble(libraries, _lines(question), paths=question.variables)


def _lines(question: Question) -> Iterable[str]:
    yield "identify; enter_home; look_host; pids=; urls="
    yield _call("look_hermes", question.hermes_python)
    yield _call("look_pythons", "yes" if question.pythons else "")
    yield _call("look_orphans", ownership.NAME, *question.known)
    if question.strangers:
        yield "look_profiles"
    named = "; ".join((":", *question.defined))
    yield named if question.strangers else f'[ -z "$orphans" ] || {{ {named}; }}'
    yield _call("look_folders", *question.folders)
    yield _call("look_node", *question.node)
    yield _call("look_owned", *question.owned)
    # What is sent is listed as well: so its size is known before it is read.
    yield _call("with_extra", "list_paths", *dict.fromkeys((*question.paths, *question.files)))
    yield _call("with_extra", "send_files", *question.files)
    yield _call("look_aged", *question.markers)
    masked = "".join(f"{place}\t" for place in sorted(question.masked))
    yield _call("send_env", masked, *question.env_files)
    if question.urls is not None:
        yield _call("look_ports", " ".join(question.urls), *question.env_files)
    yield from _service_lines(question)
    yield _call("look_servers", *(f"{port:04X}" for port in question.ports))
    yield _call("look_overlay", OVERLAY)
    yield "look_commands; look_units"
    yield _call("look_owners", *question.homes)
    yield _call("look_newer", *question.homes)
    yield _call("look_real", *question.homes)
    if question.urls is not None:
        yield _call("ask_urls", *question.urls) + " $urls"


def _service_lines(question: Question) -> Iterable[str]:
    """Yield the lines about the services; those of any name only where they are looked for."""
    *services, pids, show = watch_lines(question.services, question.pid_files)
    for number, line in enumerate(services):
        words = question.others[number] if number < len(question.others) else ()
        marked = question.marked[number] if number < len(question.marked) else ()
        yield _call("look_ours", *marked) if marked else "ours="
        if question.strangers:
            yield " ".join((line, *map(shlex.quote, words), "$ours"))
        else:
            quoted = (f"${{orphans:+{shlex.quote(word)}}}" for word in words)
            yield " ".join((line, *quoted, "$ours"))
    yield from (pids, show)


def watch_lines(services: Iterable[tuple[str, ...]], pid_files: Iterable[str]) -> Iterable[str]:
    """Yield the lines that report the services, and the processes of the pid files."""
    yield from (_call(*words) for words in services)
    yield _call("recorded_pids", *pid_files)
    yield "show_processes"


def _call(*words: str) -> str:
    return shlex.join(words)
