"""Parse the answer to a look (what was read from the host) into frozen values."""

from __future__ import annotations

import base64
import hashlib
import io
import posixpath
import re
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import CommandError, Unknown, belongs_to
from hermes_ops.look.facts import Answer, Facts, Hermes, LinkEnd, PathState, Unit
from hermes_ops.look.kernel import kernel
from hermes_ops.look.processes import processes, surroundings
from hermes_ops.look.scopes import path_of, rights, without_others
from hermes_ops.look.servers import listening, locks
from hermes_ops.wire import Record, Reply


def parse(reply: Reply, host: str = "the host") -> Facts:
    """Return the facts in an answer.

    Raises:
        CommandError: the host reported that it cannot be looked at.
        Unknown: the answer is incomplete or damaged.
    """
    for record in reply.of("fatal"):
        raise CommandError(record.rest)
    if not reply.complete:
        raise Unknown(
            "the connection was lost during the look",
            hint="run it again" + (f"; the host printed: {reply.noise}" if reply.noise else ""),
        )
    with belongs_to(host):
        return without_others(_facts(reply))


def _facts(reply: Reply) -> Facts:
    single = {record.word: record for record in reply.records}
    return Facts(
        **_identity(single),
        **_machine(single, reply),
        **_hermes(reply),
        **_files(reply),
        **_services(reply),
        **listening(reply),
        mute=dict(record.rest.partition(" ")[::2] for record in reply.of("mute")),
        locks=locks(reply),
        closed=frozenset(record.rest for record in reply.of("closed")),
        garbled=frozenset(record.rest for record in reply.of("garbled")),
        real={r.words[0]: r.rest.partition(" ")[2] for r in reply.of("real")},
        **surroundings(reply),
        overlay=next((record.text or "" for record in reply.of("overlay")), ""),
        overlaid=frozenset(record.rest for record in reply.of("overlaid")),
        newer=frozenset(record.rest for record in reply.of("newer")),
        unread=tuple(record.rest for record in reply.of("unread")),
        unwritable=dict(found for record in reply.of("owners") for found in _owners(record.text)),
        aged=frozenset(record.rest for record in reply.of("aged")),
        profiles=tuple(record.rest for record in reply.of("profile")),
        spaces={r.rest.partition(" ")[2]: 1024 * int(r.words[0]) for r in reply.of("space")},
        aliases={r.rest.partition(" ")[2]: r.words[0] for r in reply.of("alias")},
        orphans=tuple(record.rest for record in reply.of("orphan")),
        kept=tuple(path for r in reply.of("kept") for path in sorted((r.text or "").splitlines())),
        health={r.words[0]: r.rest.partition(" ")[2] for r in reply.of("health")},
        awake={
            r.words[0]: r.rest.partition(" ")[2] if r.text is None else r.text
            for r in reply.of("awake")
        },
        sizes={name: state.size for name, state in _listing(reply, "sizes").items()},
        defined=_named(reply, "defined"),
        ours=_named(reply, "ours"),
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
        "systemd": "systemd" in single,
        "bus": "bus" in single,
        **rights(single),
        "linger": "linger" in single,
        **kernel(single, reply),
        "has_route": "route" in single,
        "tools": frozenset(record.rest for record in reply.of("tool")),
        "pythons": tuple((r.words[0], r.rest.partition(" ")[2]) for r in reply.of("python")),
    }


def _hermes(reply: Reply) -> dict[str, Any]:
    said = {r.words[0]: r.rest.partition(" ")[2] for r in reply.of("hermes")}
    if "info" not in said:
        return {"launcher": said.get("launcher", "")}
    info = PurePosixPath(said["info"])
    versions = [_version(r.rest) for r in reply.of("hermes") if r.words[0] == "info"]
    version = said.get("code", versions[-1])
    others = dict.fromkeys(versions)
    others.pop(version, None)
    return {
        "hermes": Hermes(
            python=said["python"],
            version=version,
            venv=said.get("venv"),
            python_version=said.get("python_version", ""),
            project=_editable(said.get("origin", "")) or str(info.parent),
            folders=frozenset(
                r.rest.partition(" ")[2] for r in reply.of("hermes") if r.words[0] == "dir"
            ),
            others=tuple(others),
            runs="gone" not in said,
            works="broken" not in said,
            gone=said.get("codeless", ""),
            info=said["info"],
        )
    }


def _version(info: str) -> str:
    name = info.rpartition("/")[2]
    return name.removeprefix("hermes_agent-").removesuffix(".dist-info")


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
            digests[path] = digest
    for record in reply.of("env"):
        contents[record.rest] = record.text or ""
    node = next(reply.of("node"), None)
    return {
        "paths": _paths(reply),
        "contents": contents,
        "digests": digests,
        "made": {r.rest.partition(" ")[2]: r.words[0] for r in reply.of("made")},
        "folders": frozenset(record.rest for record in reply.of("folder")),
        "node": node.rest if node else None,
    }


def _unpack(text: str) -> dict[str, str]:
    files = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text)), mode="r:") as archive:
            for member in archive:
                if (stream := archive.extractfile(member)) is not None:
                    files[path_of(member.name)] = stream.read().decode("utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as error:
        problem = f"the files that the host sent are damaged: {error}"
        raise Unknown(problem, hint="run it again") from None
    return files


_KINDS = {
    "-": "file", "d": "folder", "l": "link", "b": "device", "c": "device", "p": "pipe",
    "s": "socket",
}  # fmt: skip


def _paths(reply: Reply) -> dict[str, PathState]:
    paths = _listing(reply, "paths")
    home = next((f"{record.rest}/" for record in reply.of("home")), "/")
    # What is among the paths, relative to the home, is not listed once more as an end of a link.
    targets = {home + name: state for name, state in paths.items()} | _listing(reply, "targets")
    for record in reply.of("links"):
        for line in (record.text or "").splitlines():
            name, _, end = line.partition("\t")
            folder = targets.get(posixpath.dirname(end) or (".", "/")[end.startswith("/")])
            state = targets.get(end)
            if name in paths and (state is None or state.kind != "link"):
                paths[name] = replace(paths[name], end=LinkEnd(end, state, folder))
    return paths


def _listing(reply: Reply, word: str) -> dict[str, PathState]:
    lines = [line for r in reply.of(word) for line in (r.text or "").splitlines()]
    return dict(map(_listed_path, lines))


def _listed_path(line: str) -> tuple[str, PathState]:
    """Parse a line of `ls -ldin`. A device has two numbers, `1, 3`, in place of its size."""
    inode, mode, _, uid, gid, size, rest = line.split(None, 6)
    if size.endswith(","):
        size, (_, rest) = "0", rest.split(None, 1)
    name, _, target = rest.split(None, 3)[3].partition(" -> ")
    kind = _KINDS.get(mode[0], "device")
    state = PathState(
        kind, _mode(mode), int(uid), int(size), target or None, gid=int(gid), inode=int(inode)
    )
    return name, state


def _mode(text: str) -> int:
    """Return the mode of `-rwxr-x---` as a number; of set-id and sticky only the execute bit."""
    bits = "".join("0" if letter in "-ST" else "1" for letter in text[1:10])
    return int(bits, 2)


def _services(reply: Reply) -> dict[str, Any]:
    return {
        "units": _units(reply),
        "processes": processes(reply),
        "answers": _answers(reply),
    }


def _units(reply: Reply) -> dict[str, dict[str, Unit]]:
    """Return the services in each manager's answer: blocks of `name=value` lines with an `Id`.

    Several blocks of one service tell of it together.
    """
    units: dict[str, dict[str, Unit]] = {}
    for record in reply.of("manager"):
        found = units.setdefault(record.rest, {})
        for block in (record.text or "").split("\n\n"):
            pairs = dict(line.partition("=")[::2] for line in block.splitlines())
            if "Id" in pairs:
                known = found.get(pairs["Id"])
                found[pairs["Id"]] = Unit({**(known.properties if known else {}), **pairs})
    return units


def _owners(text: str | None) -> Iterable[tuple[str, PathState]]:
    """Yield the paths that can be parsed: strange names are of files that are not Hermes' own."""
    for line in (text or "").splitlines():
        with suppress(ValueError, IndexError):
            name, state = _listed_path(line)
            yield posixpath.normpath(name), state


def _named(reply: Reply, word: str) -> dict[str, frozenset[str]]:
    """Return the names of services that records of this word have, by manager."""
    names: dict[str, set[str]] = {}
    for record in reply.of(word):
        manager, _, name = record.rest.partition(" ")
        names.setdefault(manager, set()).add(name)
    return {manager: frozenset(found) for manager, found in names.items()}


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
    """Return `facts`, updated with the evidence of a later round of watching."""
    reply = Reply(tuple(records), complete=True)
    seen = _files(reply)
    services = _services(reply)
    times: dict[str, Any] = {
        r.word: float(r.rest) for r in reply.records if r.word in ("now", "uptime")
    }
    return replace(
        facts,
        contents={**facts.contents, **seen["contents"]},
        # These were read of the processes that ran before.
        commands={},
        servers=None,
        **services,
        **times,
    )
