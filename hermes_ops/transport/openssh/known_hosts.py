"""Judge a host's key by the lines of known_hosts files, as OpenSSH judges it.

What a line means is `hostfile.c` of OpenSSH: patterns, negation, hashed names, markers. One thing
is stricter here: a line that begins with `@revoked` and a tab revokes, which ssh passes over.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from threading import Lock

LARGEST = 16 << 20
"""The size of the largest file that is read, in bytes."""
_PATTERN = re.compile(r"[*?!]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line about a key: its place, the hosts and the key it names, and its marker."""

    file: Path
    number: int
    marker: str
    """Empty, `cert-authority` or `revoked`."""
    names: str
    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"

    @property
    def blob(self) -> bytes | None:
        """Return the key as it travels; None if it is none."""
        try:
            data = base64.b64decode(self.key, validate=True)
        except (binascii.Error, ValueError):
            return None
        size = int.from_bytes(data[:4], "big")
        named = data[4 : 4 + size] == self.kind.encode() and len(data) > size + 8
        return data if named else None


@dataclass(frozen=True, slots=True)
class Entries:
    """What the files say of one name."""

    keys: tuple[tuple[Line, bytes], ...]

    def of(self, marker: str) -> Iterator[tuple[Line, bytes]]:
        """Yield the lines with this marker, and their keys."""
        return ((line, blob) for line, blob in self.keys if line.marker == marker)

    def verdict(self, blob: bytes) -> str:
        """Return `known`, `unknown`, `changed` or `revoked` for a key that was shown."""
        if any(key == blob for _, key in self.of("revoked")):
            return "revoked"
        known = [key for _, key in self.of("")]
        if blob in known:
            return "known"
        return "changed" if known else "unknown"

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of the known keys, each once."""
        return list(dict.fromkeys(line.kind for line, _ in self.of("")))


class KnownHosts:
    """The lines of several files, in their order."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = tuple(lines)

    @staticmethod
    def read(files: Iterable[Path]) -> KnownHosts:
        """Read these files; a missing one has no lines.

        They are read once, and again only after a change: with 40 hosts, reading them each time
        would take most of the time that a connection needs.
        """
        paths = tuple(dict.fromkeys(path.expanduser() for path in files))
        with _READING:  # all hosts ask at once: the first one reads, the others wait for it
            return _read(paths, tuple(map(_state, paths)))

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """Return where each plain name stands, and under the empty name all other lines."""
        found: dict[str, list[int]] = {}
        for index, line in enumerate(self.lines):
            odd = line.names.startswith("|") or _PATTERN.search(line.names)
            for name in [""] if odd else dict.fromkeys(line.names.lower().split(",")):
                found.setdefault(name, []).append(index)
        return found

    def of(self, name: str) -> Entries:
        """Return what is said of a host's name, which for a port other than 22 is `[name]:port`."""
        name = name.lower()
        likely = sorted({*self._by_name.get(name, ()), *self._by_name.get("", ())})
        lines = (self.lines[index] for index in likely)
        found = ((line, line.blob) for line in lines if matches(name, line.names))
        return Entries(tuple((line, blob) for line, blob in found if blob is not None))


def lookup_name(host: str, port: int) -> str:
    """Return the name of a host at this port in known_hosts."""
    return host if port == 22 else f"[{host}]:{port}"


# --- lines ----------------------------------------------------------------------------------------

_READING = Lock()


def _state(path: Path) -> tuple[int, ...] | None:
    """Return a value that changes when the file changes, None if it is absent."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


@cache
def _read(files: tuple[Path, ...], _states: tuple[object, ...]) -> KnownHosts:
    return KnownHosts([line for file in files for line in _lines(file)])


def _lines(file: Path) -> Iterator[Line]:
    try:
        if not file.is_file():
            return
        with file.open(encoding="utf-8", errors="replace", newline="\n") as stream:
            text = stream.read(LARGEST)
    except OSError:
        return
    yield from lines_of(text, file)


def lines_of(text: str, file: Path) -> Iterator[Line]:
    """Yield the lines of a text; `file` is named where they stand."""
    for number, line in enumerate(text.split("\n"), 1):
        if parsed := _parsed(file, number, line.strip(" \t\r")):
            yield parsed


def _parsed(file: Path, number: int, text: str) -> Line | None:
    marker = ""
    if text.startswith("@"):
        whole = text[1:]
        marker, text = (*re.split(r"[ \t]+", whole, maxsplit=1), "")[:2]
        # Where a line has a blank at all, ssh ends the marker there: it passes over one with a tab.
        ends = re.split("[ ]" if " " in whole else "\t", whole, maxsplit=1)[0]
        if marker != "revoked" and (marker != "cert-authority" or ends != marker):
            return None
    words = re.split(r"[ \t]+", text, maxsplit=3)
    if not text or text.startswith(("#", "@")) or len(words) < 3 or words[1].startswith("#"):
        return None
    names, kind, key = words[:3]
    return Line(file, number, marker, names, kind, key)


# --- names ----------------------------------------------------------------------------------------


def matches(name: str, names: str) -> bool:
    """Return whether the names of a line are about a host: one pattern is, and no negated one."""
    if names.startswith("|"):
        return _is_hash_of(name, names)
    positive = False
    for pattern in names.lower().split(","):
        if _fits(name, pattern.removeprefix("!")):
            if pattern.startswith("!"):
                return False
            positive = True
    return positive


def _fits(name: str, pattern: str) -> bool:
    """Return whether a pattern of ssh, which knows `*` and `?` alone, covers the whole name.

    Only the last `*` is ever tried again, so that no pattern takes long.
    """
    at = index = tried = 0
    star = -1
    while index < len(name):
        if at < len(pattern) and pattern[at] == "*":
            at, star, tried = at + 1, at, index
        elif at < len(pattern) and pattern[at] in ("?", name[index]):
            at, index = at + 1, index + 1
        elif star >= 0:
            tried += 1
            at, index = star + 1, tried
        else:
            return False
    return not pattern[at:].strip("*")


def _is_hash_of(name: str, hashed: str) -> bool:
    try:
        _, form, salt, digest = hashed.split("|")
        if form != "1":
            return False
        key, wanted = (base64.b64decode(part, validate=True) for part in (salt, digest))
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(key, name.encode(), hashlib.sha1).digest(), wanted)
