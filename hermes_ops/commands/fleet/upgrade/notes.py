"""The note of an upgrade, as it is written on the host.

A part of the program that is sent to hosts (`on_host`): it needs only the standard library.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ROOM = 128 << 10
"""Bytes for two notes, whatever fills the disk meanwhile: gateways are stopped by then."""

Request = Mapping[str, Any]


def read_note(request: Request) -> dict[str, Any]:
    """Return the note of the last upgrade."""
    note: dict[str, Any] = json.loads(Path(request["note"]).read_text("utf-8"))
    return note


def write_note(request: Request, note: Mapping[str, Any]) -> None:
    """Replace the note; whoever reads it sees the old one or the new one.

    On a full disk the room that was kept for it is used.
    """
    text = json.dumps(note, indent=1)
    try:
        written(Path(request["note"]), text)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        leave_room(request)
        written(Path(request["note"]), text)


def written(path: Path, text: str) -> None:
    """Write a private file as a whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


def keep_room(request: Request) -> None:
    """Take room on the disk for the notes that follow."""
    written(_room(request), "-" * _ROOM)


def leave_room(request: Request) -> None:
    """Give that room back."""
    _room(request).unlink(missing_ok=True)


def _room(request: Request) -> Path:
    return Path(request["note"] + ".room")
