"""What is asked of a host in one look, and the script that asks it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from hermes_ops.files import ownership
from hermes_ops.files.layout import FOLDERS, OVERLAY
from hermes_ops.wire import Script, assemble


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
    places: tuple[str, ...] = ()
    """The folders in which definitions of services lie."""
    written: tuple[str, ...] = ()
    """What the user must be able to write, if it is there."""
    databases: tuple[str, ...] = ()
    """Files that must be databases, if they are there and not empty."""
    markers: tuple[str, ...] = ()
    """Files of which to tell whether they are older than an hour."""
    urls: tuple[str, ...] | None = ()
    """The URLs to ask; None: ask no URL at all, so that no server logs a request."""
    ports: tuple[int, ...] = ()
    """The ports whose holder must be known, whoever it is."""
    addresses: bool = False
    """Whether to ask on which addresses and ports the user may listen."""
    hermes_python: str = ""
    pythons: bool = False
    """Whether to look for Pythons even if nothing seems to need an installation."""
    owned: tuple[str, ...] = ()
    """Ownership files: the files that they name are read as well."""
    whole: tuple[str, ...] = ()
    """The folders of profiles whose size is asked, and with them the commands that start them."""
    strangers: bool = False
    """Whether to look for profiles and services that are not in the inventory."""
    texts: tuple[str, ...] = ()
    """The files of a home, and the folders of files, that should be JSON."""
    code: bool = False
    """Whether to compare the code of Hermes with what was installed."""
    awake: tuple[str, ...] = ()
    """The shell files that tell what keeps the machine awake; none: nobody asks."""
    rights: bool = False
    """Whether to ask if the user who logs in may become root."""
    marks: tuple[str, ...] = ()
    """Patterns of files: one shows that there are services of ours that only root changes."""
    may_ask: bool = False
    """Whether the script's user is the one who logs in, and can be asked for that right."""
    health: bool = False
    """Whether to ask what only a doctor wants to know: see `health.sh`."""
    outside: bool = False
    """Whether gateways need a network when they start."""


def probe(question: Question) -> Script:
    """Return the script that asks the whole question in one exchange, and writes nothing."""
    names = ["look", "kernel", "processes", "units", "bsd", "hermes"]
    names += ["code"] if question.code else []
    names += ["health", "mac"] if question.health else []
    of_look = [f"look/{name}" for name in names]
    libraries = ("wire/common", "look/evidence", *question.libraries, *question.awake, *of_look)
    script = assemble(libraries, _lines(question), paths=question.variables)
    return replace(script, root="") if question.rights else script


def _lines(question: Question) -> Iterable[str]:
    yield "identify; enter_home; look_host; pids=; urls="
    yield _call("look_rights", "yes" if question.may_ask else "", *question.marks)
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
    yield _call("with_extra", "send_listed", *question.files)
    yield _call("look_aged", *question.markers)
    yield _call("look_whole", *question.whole)
    masked = "".join(f"{place}\t" for place in sorted(question.masked))
    yield _call("send_env", masked, *question.env_files)
    if question.urls is not None:
        yield _call("look_ports", " ".join(question.urls), *question.env_files)
    yield from _service_lines(question)
    yield "look_interpreter; look_given"
    if question.code:
        yield _call("look_code", " ".join(question.texts), *question.homes)
    yield _call("look_addresses", "yes" if question.addresses else "")
    yield _call("look_servers", *(f"{port:04X}" for port in question.ports))
    yield _call("look_overlay", OVERLAY)
    yield "look_commands; look_units"
    yield _call("look_owners", *question.homes)
    yield _call("look_databases", *question.databases)
    yield _call("look_newer", *question.homes)
    written = (f"{home}/{name}" for home in question.homes for name in ("logs", "cron"))
    own = (".", ".hermes", ".hermes/profiles", *map(str, FOLDERS))
    folders = dict.fromkeys((*own, *question.places, *question.homes, *written))
    yield _call("look_real", *folders)
    yield _call("look_closed", *question.written)
    if question.health:
        yield _call("look_health", "yes" if question.outside else "", *question.homes)
    yield from (f"{PurePosixPath(name).name}_look" for name in question.awake)
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
