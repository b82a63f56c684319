"""Pack a profile without its credentials: this runs on hosts, as a text.

This whole file is sent to a host (`python -I -S -c …`), with a request on standard input. It sends
the archive in parts, in base64, as they are made, and then JSON: what was left out and why, and the
names in `.env`. It needs only the standard library and, to look into `config.yaml`, Hermes' own
PyYAML. What is large is neither here nor there in memory as a whole.

What holds a credential, by its name or because a value known as one is found in it, is left out; in
`config.yaml` the value alone. Databases are copied by SQLite itself, while a gateway writes them.
"""

from __future__ import annotations

import base64
import fnmatch
import gzip
import hashlib
import io
import json
import os
import sqlite3
import stat
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from hermes_ops.commands.profile.archive.search import (
    BLOCK,
    PLACEHOLDER,
    SHORTEST,
    Search,
    credentials,
    settings_of,
    text_of,
    variables,
)
from hermes_ops.secrets.names import holds_credential

MANIFEST = ".hermes-ops.export.json"
"""The file in the archive that says what is not in it."""

SECRET_FILES = (
    ".env", ".env.*", ".op.env", "auth.json*", "slack_tokens.json*", "token.json",
    "token[-_]*.json", "*[-_]token.json", "*[-_]tokens.json", "credentials", "credentials.*",
    "service[-_]account*", "*cookies*", "whatsapp", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", ".npmrc", ".pypirc", ".pgpass",
    ".git-credentials", ".ssh", ".gnupg", ".aws", ".azure", ".docker", ".kube", "gcloud", "gh",
)  # fmt: skip
OF_RUN = (
    "gateway.pid", "gateway_state.json", "gateway.heartbeat", "gateway-starts.log", ".gateway-*",
    "restart_loop.json", "processes.json", ".drain_request.json", ".clean_shutdown", "*.lock",
    ".restart_*.json", "*-wal", "*-shm", "*-journal", "*.sock", "*.tmp", ".hermes-ops*",
    ".*.hermes-ops.*", "__pycache__", "node_modules", "node", "state-snapshots", ".install_method",
)  # fmt: skip
"""What belongs to this host, or can be had again: left out without a word."""

_SQLITE = b"SQLite format 3\0"
_PART = 768 << 10
"""The bytes of a part, which is a line of base64."""


class TooLarge(Exception):
    """The profile has more than an archive may hold."""


class Parts:
    """A file that is sent away while it is written."""

    def __init__(self, send: Callable[[bytes], object]) -> None:
        """Take what sends a part."""
        self._send, self._rest, self._sum = send, bytearray(), hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write, and send what is a whole part."""
        self._rest += data
        while len(self._rest) >= _PART:
            self._take(_PART)
        return len(data)

    def _take(self, size: int) -> None:
        part = bytes(self._rest[:size])
        del self._rest[:size]
        self._sum.update(part)
        self._send(part)

    def flush(self) -> None:
        """Do nothing: a part is sent when it is whole."""

    def ended(self) -> str:
        """Send what is left, and return the checksum of everything."""
        if self._rest:
            self._take(len(self._rest))
        return self._sum.hexdigest()


class Pack:
    """An archive that is being written, and the names of what is left out."""

    def __init__(self, home: Path, name: str, search: Search, largest: int) -> None:
        """Take the profile's folder and name, what must not be in the archive, and its bound."""
        self.home, self.name, self.search, self.largest = home, name, search, largest
        self.left: list[tuple[str, str]] = []
        self.masked: list[str] = []
        self.sizes: list[tuple[int, str]] = []
        self.size = 0

    def fill(self, archive: tarfile.TarFile) -> None:
        """Add everything that may be added."""
        top = tarfile.TarInfo(self.name)
        top.type, top.mode = tarfile.DIRTYPE, 0o700
        archive.addfile(top)
        for path, state in self._listed(self.home):
            shown = str(path.relative_to(self.home))
            try:
                self._add(archive, path, shown, state)
            except (OSError, sqlite3.Error) as error:
                why = getattr(error, "strerror", "") or error
                self.left.append((shown, f"cannot be read: {why}"))

    def _listed(self, folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
        for path in sorted(folder.iterdir()):
            shown, state = str(path.relative_to(self.home)), path.lstat()
            if _matches(path.name, OF_RUN):
                continue
            if _matches(path.name, SECRET_FILES):
                self.left.append((shown, "such files hold credentials"))
            elif stat.S_ISDIR(state.st_mode):
                yield path, state
                try:
                    yield from self._listed(path)
                except OSError as error:
                    self.left.append((shown, f"cannot be read: {error.strerror}"))
            elif stat.S_ISREG(state.st_mode):
                yield path, state
            else:
                kind = "a link" if stat.S_ISLNK(state.st_mode) else "no file"
                self.left.append((shown, f"it is {kind}"))

    def _add(self, archive: tarfile.TarFile, path: Path, shown: str, state: os.stat_result) -> None:
        member = tarfile.TarInfo(f"{self.name}/{shown}")
        member.mtime, member.mode = int(state.st_mtime), stat.S_IMODE(state.st_mode) & 0o755
        if stat.S_ISDIR(state.st_mode):
            member.type, member.mode = tarfile.DIRTYPE, member.mode | 0o700
            archive.addfile(member)
            return
        self.sizes.append((state.st_size, shown))
        self.size += state.st_size
        if self.size > self.largest:
            raise TooLarge
        if shown == "config.yaml":
            self._add_settings(archive, member, path.read_bytes(), shown)
            return
        with stable(path, state.st_size) as stream:
            if name := self.search.found_in(stream):
                self.left.append((shown, f"it contains {name}"))
                return
            member.size, member.mode = stream.seek(0, os.SEEK_END), member.mode | 0o600
            stream.seek(0)
            archive.addfile(member, stream)

    def _add_settings(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, content: bytes, shown: str
    ) -> None:
        content, names = self.search.masked(content)
        if any(_is_left(*leaf) for leaf in settings_of(content.decode("utf-8", "replace"))):
            self.left.append((shown, "a credential in it cannot be taken out"))
        elif name := self.search.found(content):
            self.left.append((shown, f"it contains {name}"))
        else:
            self.masked += names
            _put(archive, member, content)

    def note(self, archive: tarfile.TarFile, about: dict[str, Any]) -> None:
        """Add the file that says what is not in the archive."""
        member = tarfile.TarInfo(f"{self.name}/{MANIFEST}")
        _put(archive, member, json.dumps(about, indent=1).encode("utf-8", "surrogateescape"))


def _put(archive: tarfile.TarFile, member: tarfile.TarInfo, content: bytes) -> None:
    member.size, member.mode = len(content), member.mode | 0o600
    archive.addfile(member, io.BytesIO(content))


def _is_left(name: str, value: str) -> bool:
    is_known = value in ("", PLACEHOLDER.decode()) or "${" in value
    return holds_credential(name) and not is_known and len(value) >= SHORTEST


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@contextmanager
def stable(path: Path, size: int) -> Iterator[BinaryIO]:
    """Yield the content of a file that nobody changes meanwhile, `size` bytes at most.

    A database is copied by SQLite, even while it is written; what is large is copied on the disk.
    """
    with path.open("rb") as stream:
        if stream.read(len(_SQLITE)) != _SQLITE:
            stream.seek(0)
            with tempfile.SpooledTemporaryFile(BLOCK, "w+b", dir=_disk()) as copy:
                left = size
                while block := stream.read(min(BLOCK, left)):
                    left -= copy.write(block)
                copy.seek(0)
                yield copy  # type: ignore[misc] # it has what a file has
            return
    with tempfile.TemporaryDirectory(prefix="hermes-ops-", dir=_disk()) as folder:
        made = Path(folder) / "copy.db"
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        with closing(source), closing(sqlite3.connect(made)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        with made.open("rb") as found:
            yield found


def _disk() -> str | None:
    """Return a folder for large files: the usual one may be in memory."""
    return "/var/tmp" if os.access("/var/tmp", os.W_OK | os.X_OK) else None  # noqa: S108


def packed(request: dict[str, Any], send: Callable[[bytes], object]) -> dict[str, Any]:
    """Send the archive in parts, and return the answer of this host."""
    home, largest = Path(request["home"]), int(request["largest"])
    if not home.is_dir() or home.is_symlink():
        return {"absent": True}
    pack = Pack(home, request["name"], Search(credentials(home)), largest)
    env = sorted(variables(text_of(home / ".env")))
    stream = Parts(send)
    try:
        with (
            gzip.GzipFile("", "wb", 6, cast("BinaryIO", stream), 0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            pack.fill(archive)
            told = {"left": pack.left, "masked": sorted(set(pack.masked)), "env": env}
            pack.note(archive, {"format": 1, **request["about"], **told})
    except TooLarge:
        return {"large": [[size, shown] for size, shown in sorted(pack.sizes, reverse=True)[:3]]}
    return {**told, "digest": stream.ended()}


def _send(nonce: bytes) -> Callable[[bytes], object]:
    """Return what sends a part as a record of the answer (`wire/common.sh`)."""

    def send(part: bytes) -> object:
        record = (nonce, b" begin part\n", base64.b64encode(part), b"\n", nonce, b" end\n")
        return sys.stdout.buffer.write(b"".join(record))

    return send


def main() -> None:
    """Read a request and print the answer; if a module is missing, only its name."""
    os.umask(0o077)
    sys.path += filter(None, sys.argv[1:])
    request = json.loads(sys.stdin.buffer.read().decode())
    try:
        import yaml  # noqa: F401
    except ImportError as error:
        print(json.dumps({"missing": error.name}))
        return
    nonce = os.environ.get("NONCE", "").encode()
    answer = packed(request, _send(nonce))
    sys.stdout.buffer.write(nonce + b" begin disclosed\n")
    sys.stdout.buffer.write(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
