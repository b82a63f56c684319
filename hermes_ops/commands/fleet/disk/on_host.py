"""What lies on a host and is not needed: this runs there, as a text, in the home of its user.

A request in JSON is on standard input. It only looks: what it names is removed under the lock, by
a change of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

GONE = ".gone-"
"""Begins the name of what a removal has moved away, and was interrupted."""
_STAMP = "hermes-ops.json"

Request = Mapping[str, Any]


def unused(request: Request) -> Iterator[dict[str, Any]]:
    """Yield what is not needed: its path, a name, why, and its size in bytes.

    A version is needed if it is in use, if `keep` names it, if the last upgrade can go back to it,
    or if a process has loaded a part of it.
    """
    note = _note(request)
    is_open = note.get("phase") not in (None, "reverted")
    needed = {note.get("from"), note.get("to")} if is_open else set()
    for program in sorted(Path(request["share"]).glob("*")):
        if (program / "current").is_symlink():
            kept = {
                *request["keep"].get(program.name, ()),
                *(needed if program.name == "hermes" else ()),
            }
            yield from _versions(program, kept)
    for copies in sorted(Path(request["snapshots"]).glob("*")):
        if not is_open or copies.name != note.get("run"):
            yield _item(copies, f"copies:{copies.name}", "no way back needs these databases")
    cache = Path(request["wheels"])
    if cache.is_dir() and any(cache.iterdir()):
        yield _item(cache, "cache:wheels", "an installation copies what it needs")


def _note(request: Request) -> dict[str, Any]:
    """Return the note of the last upgrade; one that cannot be read is an error."""
    path = Path(request["note"])
    note: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return note


def _versions(program: Path, kept: Collection[str]) -> Iterator[dict[str, Any]]:
    current = str((program / "current").readlink())
    for folder in sorted(program.iterdir()):
        if folder.is_symlink() or not folder.is_dir() or folder.name in (current, *kept):
            continue
        why = "nothing uses it, and no way back leads there"
        if folder.name.startswith(GONE):
            why = "its removal was interrupted"
        elif not (folder / _STAMP).is_file():
            why = "its installation was interrupted"
        if not any(f"/{folder}/" in text for text in _processes()):
            yield _item(folder, f"version:{program.name}-{folder.name.removeprefix(GONE)}", why)


_TEXTS: list[str] = []


def _processes() -> list[str]:
    """Return what the processes of this user have loaded, and their command lines."""
    if not _TEXTS:
        for process in Path("/proc").glob("[0-9]*"):
            _TEXTS.extend(_text(process / name) for name in ("maps", "cmdline"))
        if not _TEXTS:
            words = ["ps", "-axww", "-o", "command="]
            _TEXTS.append(subprocess.run(words, capture_output=True, text=True, check=False).stdout)
    return _TEXTS


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _item(path: Path, name: str, why: str) -> dict[str, Any]:
    return {"path": str(path), "name": name, "why": why, "bytes": _size(path)}


def _size(path: Path) -> int:
    """Return how many bytes of the disk a folder has; what is linked twice counts once."""
    found: dict[tuple[int, int], int] = {}
    for folder, _, files in os.walk(path):
        for name in (".", *files):
            try:
                state = Path(folder, name).lstat()
            except OSError:
                continue
            found[state.st_dev, state.st_ino] = state.st_blocks * 512
    return sum(found.values())


def _where(error: Exception, request: Request) -> str:
    named = getattr(error, "filename", None)
    return f"~/{named or request['note']}"


def main() -> None:
    """Print what is found, as one JSON document."""
    request = json.loads(sys.stdin.buffer.read().decode())
    try:
        print(json.dumps({"unused": list(unused(request))}))
    except (OSError, ValueError) as error:
        print(json.dumps({"error": f"{_where(error, request)} cannot be read: {error}"}))


if __name__ == "__main__":
    main()
