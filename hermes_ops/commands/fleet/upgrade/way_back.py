"""What a way back puts in its place again, as it is done on the host.

A part of the program that is sent to hosts (`on_host`): it needs only the standard library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hermes_ops.commands.fleet.upgrade.databases import databases, move_aside, put_back, schema
from hermes_ops.commands.fleet.upgrade.notes import Request, read_note

_SCHEMA = re.compile(r"^_config_version:\s*(\d+)", re.MULTILINE)


def homes_of(request: Request) -> list[Path]:
    """Return the folders with databases: those of the profiles, and what they share."""
    return list(map(Path, dict.fromkeys((*request["homes"].values(), request["root"]))))


def text_of(path: Path) -> str:
    """Return what a file has; empty if it cannot be read."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def restored(request: Request, note: Mapping[str, Any]) -> list[str]:
    """Put back what a version has migrated, and return the paths; what it has not stays."""
    folder = _folder(request, note)
    there = [path for path in _migrated(request, note) if (folder / path).exists()]
    for path in there:
        put_back(folder / path, path, Path(request["aside"]) / note["run"] / path)
    return list(map(str, there))


def put_away(request: Request, note: Mapping[str, Any]) -> list[str]:
    """Move databases aside that were not there before, and return the paths: the version before
    would use, or trip over, what it has not made. One of a format that it has stays."""
    kept = {Path(name): mark for name, mark in note.get("kept", {}).items()}
    new = [
        path for home in homes_of(request) if (_folder(request, note) / home).is_dir()
        for path in databases(home)
        if path not in kept and schema(path) not in _formats(kept, path.name)
    ]  # fmt: skip
    for path in new:
        move_aside(path, Path(request["aside"]) / note["run"] / path)
    return list(map(str, new))


def _formats(kept: Mapping[Path, str], name: str) -> set[str]:
    """Return the formats that databases of a name had before, in whatever home."""
    return {mark for path, mark in kept.items() if path.name == name}


def sizes_of_copies(request: Request, note: Mapping[str, Any]) -> Iterator[int]:
    """Yield how large each copy is that goes back: it is copied again, and stays."""
    copies = (_folder(request, note) / path for path in _migrated(request, note))
    return (copy.stat().st_size for copy in copies if copy.exists())


def lost(request: Request) -> list[str]:
    """Return the databases of a format that the version before has not, and without a copy."""
    try:
        note = read_note(request)
    except (OSError, ValueError):
        return []
    folder = _folder(request, note)
    migrated = [path for path in _migrated(request, note) if path.exists()]
    gone = [path for path in migrated if not (folder / path).exists()]
    return list(map(str, (*gone, *_of_later(request, note))))


def _of_later(request: Request, note: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the databases of profiles that were made or renamed since then."""
    kept = {Path(name): mark for name, mark in note.get("kept", {}).items()}
    for home in map(Path, request["homes"].values()):
        if not (_folder(request, note) / home).is_dir():
            for path in databases(home):
                before = _formats(kept, path.name)
                if before and schema(path) not in before:
                    yield path


def _folder(request: Request, note: Mapping[str, Any]) -> Path:
    return Path(request["snapshots"], note["run"])


def _migrated(request: Request, note: Mapping[str, Any]) -> Iterator[Path]:
    """Yield what has another format than before; a profile that is gone since then needs none."""
    for name, mark in note.get("kept", {}).items():
        path = Path(name)
        if path.parent.is_dir() and schema(path) != mark:
            yield path
    for path in (home / "config.yaml" for home in homes_of(request)):
        before = _folder(request, note) / path
        if before.exists() and path.parent.is_dir() and _format_of(path) != _format_of(before):
            yield path


def _format_of(path: Path) -> str:
    """Return the number of the format of a `config.yaml`."""
    found = _SCHEMA.search(text_of(path))
    return found[1] if found else ""
