"""Pack a profile without its credentials: this runs on hosts, as a text.

This whole file is sent to a host (`python -I -S -c …`), with a request on standard input. The
answer is JSON: the archive in base64, what was left out and why, and the names in `.env`. It needs
only the standard library and, to look into `config.yaml`, Hermes' own PyYAML.

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
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from hermes_ops.commands.profile.archive.search import (
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

_LARGEST_PACKED = 100
"""A file so many times as large as the archive may be is not even read."""
_SQLITE = b"SQLite format 3\0"


class TooLarge(Exception):
    """The archive would be larger than allowed."""


class Bounded(io.BytesIO):
    """A file in memory that does not grow over a size."""

    largest = 0

    def write(self, data: Any) -> int:
        """Write; raise if that is too much."""
        if self.tell() + len(data) > self.largest:
            raise TooLarge
        return super().write(data)


class Pack:
    """An archive that grows, and what is not in it."""

    def __init__(self, home: Path, name: str, search: Search, largest: int) -> None:
        """Take the profile's folder and name, what must not be in the archive, and its bound."""
        self.home, self.name, self.search, self.largest = home, name, search, largest
        self.left: list[tuple[str, str]] = []
        self.masked: list[str] = []
        self.sizes: list[tuple[int, str]] = []

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
        if state.st_size > _LARGEST_PACKED * self.largest:
            raise TooLarge
        content = content_of(path)
        if shown == "config.yaml":
            content, names = self.search.masked(content)
            if any(_is_left(*leaf) for leaf in settings_of(content.decode("utf-8", "replace"))):
                self.left.append((shown, "a credential in it cannot be taken out"))
                return
            self.masked += names
        if name := self.search.found(content):
            self.left.append((shown, f"it contains {name}"))
            return
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


def content_of(path: Path) -> bytes:
    """Return the content of a file; a database is copied by SQLite, even while it is written."""
    with path.open("rb") as stream:
        if stream.read(len(_SQLITE)) != _SQLITE:
            stream.seek(0)
            return stream.read()
    with tempfile.TemporaryDirectory(prefix="hermes-ops-") as folder:
        copy = Path(folder) / "copy.db"
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        with closing(source), closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        return copy.read_bytes()


def packed(request: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of this host."""
    home, largest = Path(request["home"]), int(request["largest"])
    if not home.is_dir() or home.is_symlink():
        return {"absent": True}
    pack = Pack(home, request["name"], Search(credentials(home)), largest)
    env = sorted(variables(text_of(home / ".env")))
    stream = Bounded()
    stream.largest = largest
    try:
        with (
            gzip.GzipFile("", "wb", 6, stream, 0) as zipped,
            tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            pack.fill(archive)
            told = {"left": pack.left, "masked": sorted(set(pack.masked)), "env": env}
            pack.note(archive, {"format": 1, **request["about"], **told})
    except TooLarge:
        return {"large": [[size, shown] for size, shown in sorted(pack.sizes, reverse=True)[:3]]}
    content = stream.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    return {**told, "digest": digest, "archive": base64.b64encode(content).decode()}


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
    print(json.dumps(packed(request)))


if __name__ == "__main__":
    main()
