"""What the kernel says of processes, for the stand-ins of `ps`, `pgrep`, `lsof` and `netstat`."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

KERNEL = Path("/opt/mac/kernel")
REFUSED = Path("/run/refused")
TICKS = 100
PAGE = 4  # KiB
STAND_IN = re.compile(r"/opt/mac/gnu/bin/(?:python3 -IS|bash -p) ")
SHELL = re.compile(r"^((?:ba)?sh)(?: --posix)? -O compat32")
STATES = {1: "ESTABLISHED", 2: "SYN_SENT", 6: "TIME_WAIT", 8: "CLOSE_WAIT", 10: "LISTEN"}


def refuse(name: str) -> NoReturn:
    """End as for words that the simulator does not know, and leave a note."""
    said = " ".join([name, *sys.argv[1:]])
    with REFUSED.open("a") as notes:
        notes.write(f"{said}\n")
    print(f"{name}: not known to the simulated Mac: {said}", file=sys.stderr)
    sys.exit(64)


@dataclass(frozen=True, slots=True)
class Process:
    """A process; what cannot be read of it any more raises OSError."""

    pid: int

    def read(self, name: str) -> str:
        """Return a file of the kernel's."""
        return (KERNEL / str(self.pid) / name).read_text(errors="replace")

    @property
    def fields(self) -> list[str]:
        """The kernel's line from its state on."""
        return self.read("stat").rpartition(")")[2].split()

    @property
    def born(self) -> float:
        """When it began, in seconds since 1970."""
        (booted,) = re.findall(r"^btime (\d+)", (KERNEL / "stat").read_text(), re.MULTILINE)
        return int(booted) + int(self.fields[19]) / TICKS

    @property
    def command(self) -> str:
        """Its words; a stand-in has the name of what it stands for."""
        if self.pid == 1:
            return "/sbin/launchd"
        words = self.read("cmdline").rstrip("\0").replace("\0", " ")
        return SHELL.sub(r"\1", STAND_IN.sub("", words)) or f"({self.read('comm').strip()})"

    @property
    def name(self) -> str:
        """The path of its program, as `comm` shows it."""
        return self.command.partition(" ")[0]

    @property
    def environment(self) -> str:
        """Its environment; only the owner and root may read it."""
        try:
            return self.read("environ").rstrip("\0").replace("\0", " ")
        except PermissionError:
            return ""

    @property
    def age(self) -> str:
        """How long it runs, by the rules of Apple's `get_etime`."""
        age = int(time.time()) - int(self.born)
        clock = f"{age // 60 % 60:02}:{age % 60:02}"
        if age >= 86400:
            return f"{age // 86400:02}-{age // 3600 % 24:02}:{clock}"
        return f"{age // 3600:02}:{clock}" if age >= 3600 else clock

    @property
    def state(self) -> str:
        """Its state, with s for the leader of a session."""
        letter = {"D": "U", "t": "T"}.get(self.fields[0], self.fields[0])
        return letter + "s" * (self.fields[3] == str(self.pid))

    def user(self, which: int) -> int:
        """Return a user of it: real 0, effective 1, saved 2."""
        (line,) = re.findall(r"^Uid:(.*)", self.read("status"), re.MULTILINE)
        return int(line.split()[which])


def processes() -> Iterator[Process]:
    """Yield all processes."""
    for entry in sorted(KERNEL.iterdir(), key=lambda path: path.name.zfill(8)):
        if entry.name.isdigit():
            yield Process(int(entry.name))


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket of TCP."""

    proto: str
    address: str
    port: int
    other: str
    other_port: int
    state: str
    inode: str


def sockets() -> Iterator[Socket]:
    """Yield the sockets of TCP."""
    for proto in ("tcp4", "tcp6"):
        name = {"tcp4": "net/tcp", "tcp6": "net/tcp6"}[proto]
        for line in (KERNEL / "self" / name).read_text().splitlines()[1:]:
            words = line.split()
            state = STATES.get(int(words[3], 16), "CLOSED")
            yield Socket(proto, *_end(words[1]), *_end(words[2]), state, words[9])


def _end(text: str) -> tuple[str, int]:
    digits, _, port = text.partition(":")
    raw = b"".join(bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8))
    if not any(raw):
        return "*", int(port, 16)
    if len(raw) == 4 or raw[:12] == bytes(10) + b"\xff\xff":
        return ".".join(map(str, raw[-4:])), int(port, 16)
    return raw.hex(":", 2), int(port, 16)


def inodes(process: Process) -> dict[str, str]:
    """Return the sockets that a process has open, each with its descriptor."""
    found = {}
    folder = KERNEL / str(process.pid) / "fd"
    try:
        for entry in folder.iterdir():
            link = str(entry.readlink())
            if link.startswith("socket:["):
                found[link[8:-1]] = entry.name
    except OSError:
        return {}
    return found
