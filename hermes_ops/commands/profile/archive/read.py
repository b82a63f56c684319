"""The archive of a profile on this machine: written privately, and checked before it is used."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import secrets
import stat
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hermes_ops.commands.profile.archive.on_host import MANIFEST
from hermes_ops.errors import UsageError

MOST_UNPACKED = 1 << 30
"""The most bytes that an archive may hold, unpacked."""
MOST_MEMBERS = 100_000
_OVERHEAD = 256 << 20
"""What names, times and filling may add to that."""
MOST_AT_ONCE = 32 << 20
"""The most bytes that are in memory at once."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that was read as a whole: its content is sound, and leads nowhere outside."""

    top: str
    """The one folder in which everything lies."""
    size: int
    """How many bytes it holds, unpacked."""
    about: Mapping[str, Any]
    """What was noted when it was made; empty if Hermes itself made it."""


class NewArchive:
    """A new file that only its owner may read: all of it or nothing.

    In a `with`, it is written beside its place; `keep` puts it there.
    """

    def __init__(self, path: Path) -> None:
        """Take where it shall be, where nothing is yet."""
        self.path, self.size = path, 0
        self._sum = hashlib.sha256()
        self._draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")

    def __enter__(self) -> NewArchive:
        """Begin it.

        Raises:
            UsageError: its folder cannot be written.
        """
        with self._told():
            handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._stream = os.fdopen(handle, "wb")
        return self

    def write(self, data: bytes) -> None:
        """Add a part.

        Raises:
            UsageError: it cannot be written.
        """
        with self._told():
            self._stream.write(data)
        self._sum.update(data)
        self.size += len(data)

    @property
    def digest(self) -> str:
        """Return the checksum of all parts."""
        return self._sum.hexdigest()

    def keep(self) -> None:
        """Put it in its place.

        Raises:
            UsageError: something is there by now, or it cannot be written.
        """
        with self._told():
            self._stream.flush()
            os.fsync(self._stream.fileno())
            os.link(self._draft, self.path)

    def __exit__(self, *_: object) -> None:
        """Remove the draft."""
        with suppress(OSError):
            self._stream.close()
        with suppress(OSError):
            self._draft.unlink()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise taken(self.path) from None
        except OSError as error:
            raise _unwritten(error, self.path) from None


def private(folder: Path) -> Path:
    """Return a folder for archives, which is made if it is not there.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unwritten(error, folder) from None
    return folder


def _unwritten(error: OSError, path: Path) -> UsageError:
    message = f"the archive cannot be written: {error.strerror}"
    return UsageError(message, where=str(path))


def taken(path: Path) -> UsageError:
    """Return the error of a new archive whose file exists."""
    hint = "name another: --to FILE"
    return UsageError("this file exists already", hint=hint, where=str(path))


def read(path: Path) -> Archive:
    """Read an archive of ours, or of `hermes profile export`.

    Raises:
        UsageError: it is no such archive, is cut off, or has members that lead out of it.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError("this is no file", where=str(path))
        _refuse_damage(path)
        with _Content(path) as content, tarfile.open(fileobj=content, mode="r:") as archive:
            found = _checked(archive, str(path))
            _refuse_more(content, archive.offset)
            return found
    except OSError as error:
        if isinstance(error, tarfile.ReadError) or error.errno is None:
            raise _damaged(path) from None
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (tarfile.TarError, EOFError, ValueError, RecursionError, MemoryError):
        raise _damaged(path) from None
    except Exception as error:
        if type(error).__module__ == "zlib":
            raise _damaged(path) from None
        raise


class _Content(gzip.GzipFile):
    """What is packed; a header that claims to be huge is not read."""

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes."""
        if size is None or not 0 <= size <= MOST_AT_ONCE:
            raise EOFError
        return super().read(size)


def _refuse_more(content: _Content, end: int) -> None:
    """Raise if anything follows the end of an archive: another tar would unpack it as well."""
    content.seek(end)
    while block := content.read(1 << 20):
        if block.strip(b"\0"):
            raise EOFError


def _damaged(path: Path) -> UsageError:
    return UsageError(
        "this is no whole archive of a profile: it is cut off, or something else", where=str(path)
    )


def _refuse_damage(path: Path) -> None:
    """Raise unless the whole content can be unpacked, and its checksum is right."""
    size = 0
    with gzip.open(path) as stream:
        while block := stream.read(1 << 20):
            size += len(block)
            if size > MOST_UNPACKED + _OVERHEAD:
                raise _too_much(str(path))


def _too_much(where: str) -> UsageError:
    return UsageError(f"it holds more than {MOST_UNPACKED >> 20} MiB", where=where)


def _checked(archive: tarfile.TarFile, where: str) -> Archive:
    tops: set[str] = set()
    about: Mapping[str, Any] = {}
    size = 0
    for number, (member, path) in enumerate(_members(archive, where)):
        tops.add(path.parts[0])
        size += member.size
        if number > MOST_MEMBERS or size > MOST_UNPACKED:
            raise _too_much(where)
        if len(path.parts) == 1 and not member.isdir():
            raise UsageError(f"{member.name!r} in it lies in no folder", where=where)
        if member.isfile():
            begin = _begin(archive, member)
            if path.parts[1:] == (MANIFEST,):
                about = _noted(begin)
    if len(tops) != 1:
        raise UsageError("it must have exactly one folder, that of the profile", where=where)
    return Archive(tops.pop(), size, about)


def _begin(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Read a file of an archive to its end, and return the first 16 MiB of it."""
    stream = archive.extractfile(member)
    begin, size = b"", 0
    while block := stream.read(16 << 20) if stream else b"":
        begin, size = begin or block, size + len(block)
    if size != member.size:
        raise EOFError
    return begin


def _members(
    archive: tarfile.TarFile, where: str
) -> Iterator[tuple[tarfile.TarInfo, PurePosixPath]]:
    for member in archive:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in member.name:
            raise UsageError(f"{member.name!r} in it leads out of the archive", where=where)
        if any(not part.isprintable() for part in path.parts):
            raise UsageError(f"{member.name!r} in it is no name of a file", where=where)
        if not (member.isfile() or member.isdir()):
            kind = "a link" if member.issym() or member.islnk() else "a device or a pipe"
            words = f"{member.name!r} in it is {kind}: only files are unpacked"
            raise UsageError(words, where=where)
        yield member, path


def _noted(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
