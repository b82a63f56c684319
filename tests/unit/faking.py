"""A transport that is a value: what a host answers to one exchange after the other.

An answer is text as a host sends it; a line that begins with `@ ` is a record of the script. A
number in an answer is a time in seconds that the host takes, and an exception is raised.
"""

from __future__ import annotations

import base64
import io
import posixpath
import tarfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from hermes_ops.errors import Unknown
from hermes_ops.hermes.gateway import EVIDENCE
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts, PathState
from hermes_ops.transport import Session, Transport
from hermes_ops.transport.base import Stream
from hermes_ops.transport.terminal import Remote
from hermes_ops.wire import OnRecord, Reader, Reply, Script

Answer = str | Exception | Sequence[str | float | Exception]


@dataclass
class FakeTransport:
    """Gives its answers in their order; one exchange more than there are answers is a failure."""

    answers: list[Answer]
    sessions: list[Session] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    timeouts: list[float | None] = field(default_factory=list)
    copied: list[tuple[str, str]] = field(default_factory=list)
    is_closed: bool = False

    @property
    def exchanges(self) -> int:
        return len(self.scripts)

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        self.scripts.append(script)
        self.timeouts.append(timeout)
        assert self.answers, f"nothing more was to be asked: {script.text[-500:]}"
        answer, reader = self.answers.pop(0), Reader(script.nonce, on_record)
        for part in [answer] if isinstance(answer, str | Exception) else answer:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, str):
                text = part.replace("\n@ ", f"\n{script.nonce} ")
                text = text.replace("@ ", f"{script.nonce} ", 1) if text.startswith("@ ") else text
                reader.feed(text.encode("utf-8", "surrogateescape"))
            else:
                time.sleep(part)
        return reader.reply()

    def put(self, source: Path, target: PurePosixPath) -> None:
        self.copied.append((source.name, str(target)))

    def session(self) -> Session:
        return self.sessions.pop(0)

    def terminal(self, command: str) -> Remote:
        """Have no terminal."""
        raise NotImplementedError(command)

    @property
    def is_lost(self) -> bool:
        """Be there as long as anybody asks."""
        return False

    def forward(self, port: int) -> Stream:
        """Lead nowhere."""
        raise NotImplementedError(port)

    def close(self) -> None:
        self.is_closed = True


class EachAlone:
    """What a shell has beside `run`, where every command is run by itself."""

    def run(self, command: str, *, timeout: float = 30) -> tuple[int, bytes, bytes]:
        """Answer every command with nothing, and well."""
        del command, timeout
        return 0, b"", b""

    def run_alone(self, command: str, *, timeout: float = 30) -> tuple[int, bytes, bytes]:
        """Run it as any other."""
        return self.run(command, timeout=timeout)

    def run_all(
        self, commands: Sequence[str], *, timeout: float = 30
    ) -> list[tuple[int, bytes, bytes] | Unknown]:
        """Run one after the other."""
        return [self.run(command, timeout=timeout) for command in commands]

    def close(self) -> None:
        """Do nothing."""


def connecting(**transports: Transport | Exception) -> Any:
    """Return a `connect` that leads to these transports by the names of their hosts."""

    def connect(host: Host, **_named: Any) -> Transport:
        found = transports[host.name]
        if isinstance(found, Exception):
            raise found
        return found

    return connect


# --- facts as a host tells them -----------------------------------------------------------------


def said(facts: Facts) -> str:
    """Return the answer to a look that has these facts: what `answers.parse` reads."""
    return "\n".join([*_lines(facts), "@ done", ""])


def evidence(facts: Facts) -> str:
    """Return what one round of a wait shows of these facts."""
    written = {name: text for name, text in facts.contents.items() if name.endswith(EVIDENCE)}
    words = ["@ round", f"@ now {facts.now:.0f}", *_archive(written), *_services(facts), ""]
    return "\n".join(words)


def _lines(facts: Facts) -> Iterator[str]:
    yield f"@ user {facts.uid} {facts.user}"
    yield f"@ home {facts.home}"
    yield f"@ account {facts.account_home}"
    yield f"@ system {facts.system} {facts.machine}"
    yield f"@ now {facts.now:.0f}"
    yield f"@ boot {facts.boot}"
    words = {"systemd running": facts.systemd, "bus ready": facts.bus, "linger on": facts.linger}
    words["route"] = facts.has_route
    yield from (f"@ {word}" for word, holds in words.items() if holds)
    yield from (f"@ tool {tool}" for tool in sorted(facts.tools))
    yield from (f"@ python {version} {path}" for version, path in facts.pythons)
    yield from _hermes(facts)
    yield from (f"@ folder {folder}" for folder in sorted(facts.folders))
    yield from _files(facts)
    yield from _services(facts)


def _hermes(facts: Facts) -> Iterator[str]:
    if found := facts.hermes:
        yield f"@ hermes python {found.python}"
        yield f"@ hermes info {found.project}/hermes_agent-{found.version}.dist-info"
        yield f"@ hermes venv {found.venv}"
        yield f"@ hermes python_version {found.python_version}"


_LETTERS = {"file": "-", "folder": "d", "link": "l", "pipe": "p", "socket": "s", "device": "c"}


def _files(facts: Facts) -> Iterator[str]:
    yield "@ begin paths"
    yield from (_listed(name, state) for name, state in facts.paths.items())
    yield "@ end"
    ends = {name: state.end for name, state in facts.paths.items() if state.end}
    yield "@ begin links"
    yield from (f"{name}\t{end.path}" for name, end in ends.items())
    yield "@ end"
    yield "@ begin targets"
    for end in ends.values():
        folder = posixpath.dirname(end.path)
        yield from (_listed(n, s) for n, s in ((end.path, end.state), (folder, end.folder)) if s)
    yield "@ end"
    plain = {name: text for name, text in facts.contents.items() if not name.endswith(".env")}
    yield from _archive(plain)
    private = {name: text for name, text in facts.contents.items() if name not in plain}
    yield "@ begin digests"
    yield from (f"{facts.digests[name]}  {name}" for name in private)
    yield "@ end"
    for name, text in private.items():
        yield f"@ begin env {name}\n{text}\n@ end"


def _listed(name: str, state: PathState) -> str:
    mode = "".join(
        letter if state.mode >> (8 - at) & 1 else "-" for at, letter in enumerate("rwxrwxrwx")
    )
    arrow = f" -> {state.target}" if state.target else ""
    size = "1, 3" if state.kind == "device" else state.size
    start = f"{state.inode} {_LETTERS[state.kind]}{mode} 1 {state.uid} {state.gid} {size}"
    return f"{start} Nov 22 09:28 {name}{arrow}"


def _archive(files: dict[str, str]) -> Iterator[str]:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in files.items():
            data = text.encode("utf-8", "surrogateescape")
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    yield from ("@ begin files", base64.encodebytes(content.getvalue()).decode(), "@ end")


def _services(facts: Facts) -> Iterator[str]:
    if facts.uptime is not None:
        yield f"@ uptime {facts.uptime}"
    for manager, units in facts.units.items():
        told = ("".join(f"{k}={v}\n" for k, v in u.properties.items()) for u in units.values())
        yield f"@ begin manager {manager}\n" + "\n".join(told) + "\n@ end"
    for pid, process in facts.processes.items():
        fields = [process.state, *["0"] * 18, process.started, 0, process.rss_pages]
        yield f"@ process {pid} {' '.join(map(str, fields))}"
        yield f"@ cgroup {pid} {process.cgroup}"
    answers = (f"{u} {a.body} {a.status or '000'}" for u, a in facts.answers.items())
    yield "@ begin http\n" + "\n".join(answers) + "\n@ end"


def done(numbers: Iterable[int], word: str = "done") -> str:
    """Return what an apply tells of changes that ended in this way."""
    return "".join(f"@ change {number} {word}\n" for number in numbers)
