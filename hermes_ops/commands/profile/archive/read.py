"""The archive of a profile on this machine: written privately, and checked before it is used."""

from __future__ import annotations

import gzip
import io
import json
import os
import secrets
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hermes_ops.commands.profile.archive.on_host import MANIFEST
from hermes_ops.errors import UsageError

MOST_UNPACKED = 1 << 30
"""The most bytes that an archive may hold, unpacked."""
MOST_MEMBERS = 100_000


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that was read as a whole: its content is sound, and leads nowhere outside."""

    content: bytes
    top: str
    """The one folder in which everything lies."""
    size: int
    """How many bytes it holds, unpacked."""
    about: Mapping[str, Any]
    """What was noted when it was made; empty if Hermes itself made it."""


def keep(content: bytes, path: Path) -> None:
    """Write a new file that only its owner may read; all of it or nothing.

    Raises:
        UsageError: it exists, or cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, path)
    except FileExistsError:
        raise taken(path) from None
    except OSError as error:
        message = f"the archive cannot be written: {error.strerror}"
        raise UsageError(message, where=str(path)) from None
    finally:
        with suppress(OSError):
            draft.unlink()


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
        content = path.read_bytes()
        _refuse_damage(content, str(path))
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            return _checked(content, archive, str(path))
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


def _damaged(path: Path) -> UsageError:
    return UsageError(
        "this is no whole archive of a profile: it is cut off, or something else", where=str(path)
    )


def _refuse_damage(content: bytes, where: str) -> None:
    """Raise unless the whole content can be unpacked, and its checksum is right."""
    size = 0
    with gzip.open(io.BytesIO(content)) as stream:
        while block := stream.read(1 << 20):
            size += len(block)
            if size > MOST_UNPACKED:
                raise UsageError(f"it holds more than {MOST_UNPACKED >> 20} MiB", where=where)


def _checked(content: bytes, archive: tarfile.TarFile, where: str) -> Archive:
    tops: set[str] = set()
    about: Mapping[str, Any] = {}
    size = 0
    for number, (member, path) in enumerate(_members(archive, where)):
        tops.add(path.parts[0])
        size += member.size
        if number > MOST_MEMBERS or size > MOST_UNPACKED:
            raise UsageError(f"it holds more than {MOST_UNPACKED >> 20} MiB", where=where)
        if len(path.parts) == 1 and not member.isdir():
            raise UsageError(f"{member.name!r} in it lies in no folder", where=where)
        if member.isfile():
            stream = archive.extractfile(member)
            data = stream.read() if stream else b""
            if len(data) != member.size:
                raise EOFError
            if path.parts[1:] == (MANIFEST,):
                about = _noted(data)
    if len(tops) != 1:
        raise UsageError("it must have exactly one folder, that of the profile", where=where)
    return Archive(content, tops.pop(), size, about)


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
