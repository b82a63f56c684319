"""The functions of the shell library, each run alone: by every shell, in a scratch home, with
stand-ins for the programs and the parts of the host that it speaks to.

A test names a function and never the file in which it stands: the whole library is read.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from patience import soon

from hermes_ops import services
from hermes_ops.files import layout
from hermes_ops.wire import Reader, Record, Reply, Script, libraries_end

PACKAGE = Path(str(files("hermes_ops")))
FIRST, NOT_OURS = "common", "recipes"
"""The file that the others build on, and the folder whose scripts make the lab's images."""
SHELLS: Mapping[str, list[str]] = {
    "dash": ["dash"],
    "bash": ["bash"],
    "posix": ["bash", "--posix"],
    "busybox": ["busybox", "sh"],
}
NONCE = "0123456789abcdef"
SYSTEM = "/usr/bin:/bin"
"""Without the folders in which a developer's own programs are."""


# --- the shells -------------------------------------------------------------------------------


def shells(quick: str, *slow: str) -> list[ParameterSet]:
    """Return the shells of a test: the quick tests run under the first alone."""
    return [pytest.param(quick), *(pytest.param(name, marks=pytest.mark.slow) for name in slow)]


@cache
def words_of(shell: str) -> tuple[str, ...]:
    """Return the words that start a shell; one that is not here is installed, or is a failure."""
    program, *words = SHELLS[shell]
    if not shutil.which(program):
        _install(program)
    if found := shutil.which(program):
        return found, *words
    pytest.fail(f"these tests need {program}: install the package of that name")


def _install(package: str) -> None:
    if os.geteuid() or not shutil.which("apt-get"):
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["-o", "DPkg::Lock::Timeout=300", "install", "--yes", "--no-install-recommends"]
    with Path(tempfile.gettempdir(), "hermes-ops-tests-install").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
        for words in ([*install, package], ["update"], [*install, package]):
            if not shutil.which(package):
                subprocess.run(["apt-get", "-qq", *words], check=False, env=quiet)


@cache
def inner_programs(shell: str) -> tuple[str, ...]:
    """Return the programs that a shell has in itself and looks for on no PATH (some busybox)."""
    if shell != "busybox":
        return ()
    asked = 'for n in $(busybox --list); do case $(type "$n") in *" is $n") echo "$n" ;; esac; done'
    words = [*words_of(shell), "-c", asked]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return tuple(name for name in said.split() if name.isidentifier())


# --- the library ------------------------------------------------------------------------------


@cache
def library() -> str:
    """Return the text of every shell file of the package."""
    found = [file for file in PACKAGE.rglob("*.sh") if NOT_OURS not in file.parts]
    ordered = sorted(found, key=lambda file: (file.stem != FIRST, file))
    return layout.shell(services.paths()) + "".join(
        file.read_text(encoding="utf-8") for file in ordered
    )


# --- a host -----------------------------------------------------------------------------------

_RECORD = """\
_note={name}; for _word; do case $_word in '' | *' '*) _word="'$_word'" ;; esac
  _note="$_note $_word"; done; printf '%s\\n' "$_note" >>'{record}'
"""


def text_of(data: bytes) -> str:
    """Return what was printed as text, to the byte: no line end becomes another."""
    return data.decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script printed, and how it ended."""

    code: int
    out: str
    errors: str

    @property
    def reply(self) -> Reply:
        """Return what a transport would read."""
        reader = Reader(NONCE)
        reader.feed(self.out.encode("utf-8", "surrogateescape"))
        return reader.reply()

    @property
    def told(self) -> list[str]:
        """Return the records, each as one line without the text that belongs to it."""
        return [_line(record) for record in self.reply.records]

    def block(self, word: str) -> str:
        """Return the text of the only record of this name."""
        (text,) = (record.text for record in self.reply.of(word))
        assert text is not None
        return text


def _line(record: Record) -> str:
    return f"{record.word} {record.rest}".rstrip()


class Host:
    """A home, the stand-ins beside it, and what they were asked."""

    def __init__(self, shell: str, place: Path) -> None:
        self.shell, self.place = shell, place
        self.home, self.bin, self.root = place / "home", place / "bin", place / "root"
        self._record = place / "record"
        self._before: list[str] = []
        self._stands: list[str] = []
        self._rooted: list[str] = []
        self._started: list[str] = []
        for folder in (self.home, self.bin, self.root):
            folder.mkdir()

    def file(self, path: str, text: str = "", mode: int = 0o644) -> Path:
        """Write a file of the home, and the folders above it."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def program(self, name: str, body: str = "", *, at: str = "") -> Path:
        """Put a stand-in on PATH, or at a path of the home; its calls are noted."""
        file = self.home / at if at else self.bin / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{self._noting(name)}{body}\n")
        file.chmod(0o755)
        return file

    def stand(self, name: str, body: str = ":") -> None:
        """Let a function of this body stand for a program or a function; its calls are noted.

        Not a program on PATH: some shells have `sleep` or `timeout` in them and look no further.
        """
        self._stands.append(f"{name}() {{\n{self._noting(name)}{body}\n}}")

    def has_only(self, *names: str) -> None:
        """Let the library find these programs and no other, whatever this machine has."""
        self._stands.append(
            f"has() {{ case $1 in {'|'.join(names) or '-'}) ;; *) false ;; esac; }}"
        )

    def lacks(self, *names: str) -> None:
        """Let the library not find these programs."""
        self._stands.append(
            f"has() {{ case $1 in {'|'.join(names)}) return 1 ;; esac; command -v $1 >/dev/null; }}"
        )

    def define(self, text: str) -> None:
        """Run this after the library was read: variables that others would have set."""
        self._stands.append(text)

    def before(self, text: str) -> None:
        """Run this before the library is read: what a login has left."""
        self._before.append(text)

    def rooted(self, path: str) -> Path:
        """Let an absolute path of the library lie in a folder of this test; return where."""
        assert path in library(), f"nothing in the library speaks of {path}"
        self._rooted += [] if path in self._rooted else [path]
        return Path(f"{self.root}{path}")

    def part(self, path: str, text: str) -> Path:
        """Write a file of the host outside the home, at a path that is `rooted`."""
        file = Path(f"{self.root}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    @property
    def calls(self) -> list[str]:
        """Return the calls of all stand-ins in their order, words with blanks in quotes."""
        return self._record.read_text().splitlines() if self._record.exists() else []

    def script(self, body: str) -> str:
        """Return the library and the stand-ins as one text that runs `body`."""
        text = library()
        for path in self._rooted:
            text = text.replace(path, f"{self.root}{path}")
        before, stands = "\n".join(self._before), "\n".join(self._stands)
        head = f"nonce={NONCE} length=0\n{before}\n{text}\n{stands}\n"
        return f"{head}work() {{\n{body}\n}}\nwork </dev/null\n"

    def start(
        self, body: str, *, environ: Mapping[str, str] | None = None, umask: int = -1
    ) -> subprocess.Popen[bytes]:
        """Start a script that goes on by itself."""
        script = self.place / f"script-{len(self._started)}"
        script.write_text(self.script(body))
        self._started.append(body)
        return subprocess.Popen(
            [*words_of(self.shell), str(script)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=self.home, umask=umask, start_new_session=True,
            env={"HOME": str(self.home), "PATH": f"{self.bin}:{SYSTEM}", **(environ or {})},
        )  # fmt: skip

    def run(
        self, body: str, *, environ: Mapping[str, str] | None = None, umask: int = -1
    ) -> Answer:
        """Run a script to its end; one that waits for what takes a minute is a failure."""
        with self.start(body, environ=environ, umask=umask) as process:
            try:
                out, errors = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Answer(process.returncode, text_of(out), text_of(errors))

    def apply(self, script: Script) -> Answer:
        """Run what a compiled script does, with the stand-ins between it and the library."""
        body = script.text[libraries_end(script) :].removeprefix("work() {\n")
        return self.run(body[: body.index("\n}\nmain() {\n")])

    def _noting(self, name: str) -> str:
        return _RECORD.format(name=name, record=self._record)


QUICK = "dash"
"""What `/bin/sh` is on most hosts, and the strictest of them."""
_PARAMS = [
    pytest.param(shell, marks=() if shell == QUICK else pytest.mark.slow) for shell in SHELLS
]


@pytest.fixture(params=_PARAMS)
def every_host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """A host under every shell. A test module takes it by `host = every_host`."""
    return Host(request.param, tmp_path)


@pytest.fixture
def one_host(tmp_path: Path) -> Host:
    """A host under one shell, for what is the same in all of them."""
    return Host(QUICK, tmp_path)


def listen(path: Path) -> None:
    """Leave a socket at a path, however long that is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def sleeps(seconds: int) -> bool:
    """Say whether a process of this machine sleeps for exactly so long."""
    wanted = f"sleep\0{seconds}\0".encode()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if file.read_bytes().endswith(wanted):
                return True
    return False


def ends(seconds: int) -> bool:
    """Say whether soon no process sleeps for exactly so long."""
    return soon(lambda: not sleeps(seconds))


def state_of(host: Host, home: str, **fields: object) -> None:
    """Write what a gateway writes of itself into a folder of the home."""
    host.file(f"{home}/gateway_state.json", json.dumps(fields))
