"""What the kernel says of sockets, for the stand-ins of `lsof` and `netstat`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from processes import KERNEL, Process

STATES = {1: "ESTABLISHED", 2: "SYN_SENT", 6: "TIME_WAIT", 8: "CLOSE_WAIT", 10: "LISTEN"}


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
        for line in Path(KERNEL, "self", name).read_text().splitlines()[1:]:
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
    folder = Path(KERNEL, str(process.pid), "fd")
    try:
        for entry in folder.iterdir():
            link = os.readlink(entry)
            if link.startswith("socket:["):
                found[link[8:-1]] = entry.name
    except OSError:
        return {}
    return found
