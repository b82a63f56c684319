"""What is so on one host now: the questions as a script, the answers as frozen values."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shlex
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import CommandError, Unknown
from hermes_ops.wire import Record, Reply, Script, assemble

LOCK = ".local/state/hermes-ops/lock"
OWED = ".local/state/hermes-ops/restart"
"""Folder of the restarts that are owed: a file for each service, made before a change lands."""


@dataclass(frozen=True, slots=True)
class PathState:
    """What `ls` says of a path; `kind` is file, folder, link or other."""

    kind: str
    mode: int
    uid: int
    size: int
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Hermes:
    """The hermes-agent that this host would run."""

    python: str
    version: str
    venv: str | None = None
    python_version: str = ""
    project: str = ""
    folders: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of a unit: its properties by name."""

    properties: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.properties.get(name, "")

    def number(self, name: str) -> int | None:
        """Return a numeric property, None where systemd has none."""
        value = self[name]
        return int(value) if value.isdigit() and value != str(2**64 - 1) else None


@dataclass(frozen=True, slots=True)
class Process:
    """A live process: when it started, in clock ticks since boot, and its memory in pages."""

    started: int
    state: str
    rss_pages: int
    cgroup: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a URL answered; `status` is None when nobody did."""

    status: int | None
    body: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that one look brought back from a host."""

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
    paths: Mapping[str, PathState] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    node: str | None = None
    units: Mapping[str, Unit] = field(default_factory=dict)
    supervisor: int | None = None
    programs: Mapping[str, str] = field(default_factory=dict)
    processes: Mapping[int, Process] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    unit_files: tuple[str, ...] = ()

    def digest(self, path: PurePosixPath | str) -> str:
        """Return what a change must find again: a digest, `-` for absent, `+` for there."""
        key = str(path)
        if key not in self.paths:
            return "-"
        return self.digests.get(key, "+")

    def owes_restart(self, name: str) -> bool:
        """Say whether an earlier change of this service's files still waits for a restart."""
        return f"{OWED}/{name}" in self.paths


@dataclass(frozen=True, slots=True)
class Question:
    """What a look asks: paths are relative to the home, folders are absolute."""

    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    masked: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    pid_files: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    hermes_python: str = ""
    pythons: bool = False
    """Whether to look for Pythons even where the shell sees nothing to install."""
    strangers: bool = False


def probe(question: Question) -> Script:
    """Return the script that asks all of `question` in one exchange, and writes nothing."""
    return assemble(("common", "evidence", "look"), "\n".join(_lines(question)))


def _lines(question: Question) -> Iterable[str]:
    yield "identify; enter_home; look_host; pids=; urls="
    yield _call("look_hermes", question.hermes_python)
    yield _call("look_pythons", "yes" if question.pythons else "")
    if question.strangers:
        yield "look_profiles"
    yield _call("look_folders", *question.folders)
    yield _call("look_node", *question.node)
    yield _call("list_paths", *question.paths)
    yield _call("send_files", *question.files)
    masked = f" {' '.join(sorted(question.masked))} " if question.masked else ""
    yield _call("send_env", masked, *question.env_files)
    yield _call("look_ports", " ".join(question.urls), *question.env_files)
    more = " 'hermes-gateway*.service'" if question.strangers else ""
    yield from watch_lines(question.units, question.pid_files, more=more)
    yield _call("ask_urls", *question.urls) + " $urls"


def watch_lines(units: Iterable[str], pid_files: Iterable[str], *, more: str = "") -> Iterable[str]:
    """Yield the lines that look at services; `units` are systemd's names, `more` is shell text."""
    yield _call("systemd_units", *units) + more
    yield "supervisor_programs"
    yield _call("recorded_pids", *pid_files)
    yield "show_processes"


def _call(function: str, *words: str) -> str:
    return shlex.join([function, *words])


def parse(reply: Reply) -> Facts:
    """Return the facts in an answer; an answer that broke off is `Unknown`."""
    for record in reply.of("fatal"):
        raise CommandError(record.rest)
    if not reply.complete:
        raise Unknown(
            "the connection was lost while looking",
            hint="run it again" + (f"; the host said: {reply.noise}" if reply.noise else ""),
        )
    single = {record.word: record for record in reply.records}
    return Facts(
        **_identity(single),
        **_machine(single, reply),
        **_hermes(reply),
        **_files(reply),
        **_services(reply),
        profiles=tuple(record.rest for record in reply.of("profile")),
        unit_files=tuple(record.rest for record in reply.of("unit")),
    )


def _identity(single: Mapping[str, Record]) -> dict[str, Any]:
    uid, user = single["user"].words
    return {
        "uid": int(uid),
        "user": user,
        "home": single["home"].rest,
        "account_home": single["account"].rest,
    }


def _machine(single: Mapping[str, Record], reply: Reply) -> dict[str, Any]:
    system, _, machine = single["system"].rest.partition(" ")
    return {
        "system": system,
        "machine": machine,
        "now": float(single["now"].rest),
        "boot": single["boot"].rest,
        "uptime": float(single["uptime"].rest) if "uptime" in single else None,
        "systemd": ("systemd" in single and single["systemd"].text is None) or _is_running(reply),
        "bus": "bus" in single,
        "linger": "linger" in single,
        "has_route": "route" in single,
        "tools": frozenset(record.rest for record in reply.of("tool")),
        "pythons": tuple((r.words[0], r.rest.partition(" ")[2]) for r in reply.of("python")),
    }


def _is_running(reply: Reply) -> bool:
    return any(record.text is None for record in reply.of("systemd"))


def _hermes(reply: Reply) -> dict[str, Any]:
    said = {r.words[0]: r.rest.partition(" ")[2] for r in reply.of("hermes")}
    if "info" not in said:
        return {}
    info = PurePosixPath(said["info"])
    return {
        "hermes": Hermes(
            python=said["python"],
            version=info.name.removeprefix("hermes_agent-").removesuffix(".dist-info"),
            venv=said.get("venv"),
            python_version=said.get("python_version", ""),
            project=_editable(said.get("origin", "")) or str(info.parent),
            folders=frozenset(
                r.rest.partition(" ")[2] for r in reply.of("hermes") if r.words[0] == "dir"
            ),
        )
    }


def _editable(origin: str) -> str:
    match = re.search(r'"url": *"file://([^"]+)"', origin)
    return match[1] if match and '"editable": true' in origin else ""


def _files(reply: Reply) -> dict[str, Any]:
    contents: dict[str, str] = {}
    digests: dict[str, str] = {}
    for record in reply.of("files"):
        contents |= _unpack(record.text or "")
    for path, text in contents.items():
        digests[path] = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    for record in reply.of("digests"):
        for line in (record.text or "").splitlines():
            digest, _, path = line.partition("  ")
            digests[path] = digest.removeprefix("\\")
    for record in reply.of("env"):
        contents[record.rest] = record.text or ""
    node = next(reply.of("node"), None)
    return {
        "paths": _paths(reply),
        "contents": contents,
        "digests": digests,
        "folders": frozenset(record.rest for record in reply.of("folder")),
        "node": node.rest if node else None,
    }


def _unpack(text: str) -> dict[str, str]:
    files = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text)), mode="r:") as archive:
            for member in archive:
                if (stream := archive.extractfile(member)) is not None:
                    files[member.name] = stream.read().decode("utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as error:
        problem = f"what the host sent of its files is damaged: {error}"
        raise Unknown(problem, hint="run it again") from None
    return files


_KINDS = {"-": "file", "d": "folder", "l": "link"}


def _paths(reply: Reply) -> dict[str, PathState]:
    paths = {}
    for record in reply.of("paths"):
        for line in (record.text or "").splitlines():
            _, mode, _, uid, _, size, _, _, _, name = line.split(None, 9)
            name, _, target = name.partition(" -> ")
            paths[name] = PathState(
                _KINDS.get(mode[0], "other"), _mode(mode), int(uid), int(size), target or None
            )
    return paths


def _mode(text: str) -> int:
    """Return the number of `-rwxr-x---`; set-id and sticky letters count as their execute bit."""
    bits = "".join("0" if letter in "-ST" else "1" for letter in text[1:10])
    return int(bits, 2)


def _services(reply: Reply) -> dict[str, Any]:
    programs = {}
    for record in reply.of("supervisor"):
        for line in (record.text or "").splitlines():
            name, _, status = line.partition(" ")
            programs[name] = status.strip()
    supervisor = next(reply.of("supervisord"), None)
    return {
        "units": _units(reply),
        "supervisor": int(supervisor.rest) if supervisor else None,
        "programs": programs,
        "processes": _processes(reply),
        "answers": _answers(reply),
    }


def _units(reply: Reply) -> dict[str, Unit]:
    units = {}
    for record in reply.of("systemd"):
        for block in (record.text or "").split("\n\n"):
            pairs = dict(line.partition("=")[::2] for line in block.splitlines())
            if "Id" in pairs:
                units[pairs["Id"]] = Unit(pairs)
    return units


def _processes(reply: Reply) -> dict[int, Process]:
    groups = {int(r.words[0]): r.rest.partition(" ")[2] for r in reply.of("cgroup")}
    processes = {}
    for record in reply.of("process"):
        pid, *fields = record.words
        # `fields` begins with field 3 of proc(5), so that field 22 is at 19, field 24 at 21.
        processes[int(pid)] = Process(
            int(fields[19]), fields[0], int(fields[21]), groups.get(int(pid), "")
        )
    return processes


def _answers(reply: Reply) -> dict[str, Answer]:
    answers = {}
    for record in reply.of("http"):
        for line in (record.text or "").splitlines():
            url, _, rest = line.partition(" ")
            body, _, status = rest.rpartition(" ")
            code = int(status) if status.isdigit() and status != "000" else None
            answers[url] = Answer(code, body)
    return answers


def latest(records: Iterable[Record], facts: Facts) -> Facts:
    """Return `facts` with what a later round of watching saw of its services."""
    reply = Reply(tuple(records), complete=True)
    seen = _files(reply)
    services = _services(reply)
    times: dict[str, Any] = {
        r.word: float(r.rest) for r in reply.records if r.word in ("now", "uptime")
    }
    return replace(
        facts,
        contents={**facts.contents, **seen["contents"]},
        **services,
        **times,
    )
