"""What earlier looks with `--alert` saw and told: a file for each inventory and selection.

It is in the operator's state folder, mode 0600, replaced atomically. A URL stands in it as a
fingerprint only.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hermes_ops.alerts.news import Trouble, Troubles
from hermes_ops.errors import CommandError
from hermes_ops.files.replace import put_file

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Memory:
    """What was wrong at the last look, and what each URL was told of it."""

    looked_at: float = 0
    wrong: Troubles = field(default_factory=dict)
    told: Mapping[str, Troubles] = field(default_factory=dict)
    """By the fingerprint of the URL."""


def file_of(inventory: Sequence[Path], selection: str | None) -> Path:
    """Return the file of the looks at this selection of this inventory."""
    from platformdirs import user_state_path

    key = json.dumps([[str(path.resolve()) for path in inventory], selection])
    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return user_state_path("hermes-ops") / "alerts" / f"{name}.json"


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Let one look at a time read, tell and remember.

    Raises:
        CommandError: the state folder cannot be written.
    """
    lock = file.with_suffix(".lock")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CommandError(f"cannot be written: {error.strerror}", where=str(lock)) from None
    with os.fdopen(handle) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def recall(file: Path) -> Memory:
    """Return what is remembered: nothing, if there is no file, or it is not one of ours."""
    try:
        return _read(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def _read(found: Mapping[str, Any]) -> Memory:
    if found["schema"] != SCHEMA:
        return Memory()
    told = {key: _troubles(each) for key, each in found["told"].items()}
    return Memory(float(found["looked_at"]), _troubles(found["wrong"]), told)


def _troubles(found: Mapping[str, Any]) -> Troubles:
    return {name: Trouble(str(w["state"]), float(w["since"])) for name, w in found.items()}


def remember(file: Path, memory: Memory) -> None:
    """Write what the next look has to know.

    Raises:
        CommandError: the file cannot be written.
    """
    document = {
        "schema": SCHEMA,
        "looked_at": memory.looked_at,
        "wrong": _plain(memory.wrong),
        "told": {key: _plain(each) for key, each in memory.told.items()},
    }
    put_file(file, json.dumps(document, indent=1) + "\n", mode=0o600)


def _plain(found: Troubles) -> dict[str, Any]:
    return {name: {"state": wrong.state, "since": wrong.since} for name, wrong in found.items()}
