"""Databases of profiles, on a host: copied while they are written, and put back.

A part of the program that is sent to hosts (`on_host`): it needs only the standard library.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

_MAGIC = b"SQLite format 3\0"
_BESIDE = ("-wal", "-shm", "-journal")
_NOT_IN = (
    "profiles", "hermes-agent", "node", "node_modules", "sandboxes", "state-snapshots", "workspace",
    "home", "cache", "checkpoints", "__pycache__", ".git", "venv", ".venv", "logs",
)  # fmt: skip
_PAGES = 2000
"""So many are copied at once of a database that cannot be read and written at the same time."""


class Sentence(Exception):
    """Why it cannot be done, as one sentence for people."""


def databases(home: Path) -> Iterator[Path]:
    """Yield the databases in the folder of a profile, but not those of other profiles in it."""
    for folder, names, files in os.walk(home):
        names[:] = sorted(n for n in names if n not in _NOT_IN and not Path(folder, n).is_symlink())
        for path in (Path(folder, name) for name in sorted(files)):
            if path.suffix in (".db", ".sqlite", ".sqlite3") and _is_database(path):
                yield path


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return not path.is_symlink() and stream.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def size(path: Path) -> int:
    """Return the bytes of a database, with what was not written into its main file yet."""
    parts = (path, *(path.with_name(path.name + end) for end in _BESIDE))
    return sum(part.stat().st_size for part in parts if part.exists())


def copy(path: Path, target: Path) -> str:
    """Copy a database while others write it; return what its schema is.

    With a write-ahead log one step copies all, and no writer waits for it. Otherwise it is done in
    pieces, between which writers have their turn.

    Raises:
        Sentence: the copy is not sound.
    """
    with closing(_opened(path)) as source, closing(sqlite3.connect(target)) as copied:
        is_logged = source.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        source.backup(copied, pages=-1 if is_logged else _PAGES, sleep=0.01)
        copied.execute("PRAGMA journal_mode=DELETE")
        said = copied.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise Sentence(f"the copy of ~/{path} is not sound: {said}")
        mark = _mark(copied)
    with target.open("rb") as stream:
        os.fsync(stream.fileno())
    return mark


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=30)


def schema(path: Path) -> str:
    """Return what the schema of a database is, as a short text; empty if there is none.

    One that is damaged has a schema that no copy has: it is replaced by the copy.
    """
    if not path.exists():
        return ""
    try:
        with closing(_opened(path)) as database:
            return _mark(database)
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:
            raise  # it is locked, or cannot be opened: nothing is known of its content
        return "damaged"


def _mark(database: sqlite3.Connection) -> str:
    """Return a digest of the tables, and of the numbers by which a program knows its schema."""
    rows = database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
    told = [*rows, database.execute("PRAGMA user_version").fetchone()]
    if any(name == "schema_version" for _, name, _ in rows):
        told += database.execute("SELECT * FROM schema_version").fetchall()
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def put_back(copied: Path, path: Path, aside: Path) -> None:
    """Put a copy in the place of a database, which is moved aside with what belongs to it.

    Nobody may have it open. It can be done again after it was interrupted anywhere.
    """
    new = path.with_name(path.name + ".hermes-ops.new")
    shutil.copyfile(copied, new)
    new.chmod(0o600)
    with new.open("rb") as stream:
        os.fsync(stream.fileno())
    move_aside(path, aside)
    new.replace(path)


def move_aside(path: Path, aside: Path) -> None:
    """Move a database, with what belongs to it, to where nothing is yet: never onto another one.

    Nobody may have it open. What an interrupted move has left behind follows it.
    """
    aside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    last, free, number = aside, aside, 0
    while free.exists():
        last, number = free, number + 1
        free = aside.with_name(f"{aside.name}.{number}")
    kept = free if path.exists() else last
    for end in ("", *_BESIDE):
        part = path.with_name(path.name + end)
        if part.exists():
            shutil.move(part, kept.with_name(kept.name + end))
