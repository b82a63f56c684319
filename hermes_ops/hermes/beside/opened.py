"""The files that a gateway's process has open: whether they are still those of its home."""

from __future__ import annotations

from math import inf
from pathlib import PurePosixPath

from hermes_ops.hermes.gateway import DATABASES, JOBS_DATABASE, LOCK, LOGS
from hermes_ops.hermes.versions import UNKNOWN, capabilities
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceSpec

_LOGS = str(PurePosixPath(LOGS[0]).parent)
_SHARED = ("kanban.db",)
"""What all gateways of a user have in the home of the default profile."""
_PENDING = 2**30
"""The first of the bytes that SQLite locks in a database; those from there on bar a writer."""
_WRITER = 120
"""The byte of its `-shm` file that whoever writes locks, where a database has a log of writes."""


def lost(service: ServiceSpec, pid: int | None, facts: Facts) -> str:
    """Return that a process has not locked the file which another gateway would try to lock."""
    held, real = facts.locks.get(pid or 0), facts.real.get(str(service.home))
    if not held or not real or held == f"{real}/gateway.lock":
        return ""
    return f"the lock of its process {pid} is {held}, not that of ~/{service.home}"


def deleted(service: ServiceSpec, pid: int | None, facts: Facts) -> tuple[str, ...]:
    """Return the files of its home that a process has open, and somebody deleted.

    Logs are no loss where the process opens them anew: logrotate renames them, and compresses.
    """
    home = facts.real.get(str(service.home), "")
    held = facts.deleted.get(pid or 0, ()) if home else ()
    below = {path[len(home) + 1 :] for path in held if path.startswith(f"{home}/")}
    logs = {name for name in below if _is_reopened(name, service, facts)}
    return tuple(sorted(below - {LOCK} - logs))


def _is_reopened(name: str, service: ServiceSpec, facts: Facts) -> bool:
    """Whether the next line of a log goes to its own place again, wherever the last one went."""
    folder, _, file = name.rpartition("/")
    known = capabilities(facts.hermes.version) if facts.hermes else UNKNOWN
    if folder != _LOGS or ".log" not in file or str(service.home / folder) not in facts.paths:
        return False
    return known.reopens_logs is not False


def astray(service: ServiceSpec, pid: int | None, facts: Facts) -> str:
    """Return in words that a process writes a log or a database elsewhere than in its home.

    The kernel names a file where it is now: somebody moved it, or a folder above it.
    """
    if service.text != "hermes" or not facts.real.get(str(service.home)):
        return ""
    held, home = facts.opened.get(pid or 0, ()), facts.real[str(service.home)]
    for name in (*LOGS, *DATABASES, JOBS_DATABASE):
        folder = str((service.home / name).parent)
        # A folder that this user cannot enter is where its name says.
        real, file = facts.real.get(folder), name.rpartition("/")[2]
        place = f"{real}/{file}" if real else f"{home}/{name}"
        same = [path for path in held if path.rpartition("/")[2] == file]
        follows = _is_link(service, name, facts) or _is_reopened(name, service, facts)
        if same and place not in same and not follows:
            return f"its process {pid} writes {same[0]}, not ~/{folder}"
    return _renamed(service, pid, facts)


def _is_link(service: ServiceSpec, name: str, facts: Facts) -> bool:
    """Whether a file of the home is a link to another; folders above that may be links, too."""
    state = facts.paths.get(str(service.home / name))
    return bool(state and state.end and state.end.state)


def _renamed(service: ServiceSpec, pid: int | None, facts: Facts) -> str:
    """Return that the database which every gateway has open got another name.

    Extensions may have databases of their own there.
    """
    home, own = facts.real[str(service.home)], DATABASES[0]
    held = {path for path in facts.opened.get(pid or 0, ()) if path.endswith(".db")}
    others = sorted(held - {f"{home}/{name}" for name in (*DATABASES, JOBS_DATABASE, *_SHARED)})
    here = [path for path in others if path.startswith(f"{home}/")]
    if not here or f"{home}/{own}" in held or _is_link(service, own, facts):
        return ""
    return f"its process {pid} writes {here[0]}, not ~/{service.home}/{own}"


def missing(service: ServiceSpec, facts: Facts) -> tuple[str, ...]:
    """Return the folders that every start of its version makes in its home, and that are gone.

    Caches may be cleaned while it runs.
    """
    if service.text != "hermes" or not facts.hermes or str(service.home) not in facts.paths:
        return ()
    made = capabilities(facts.hermes.version).folders
    kept = (name for name in made if not name.endswith("_cache") and "/" not in name)
    return tuple(name for name in kept if str(service.home / name) not in facts.paths)


def emptied(service: ServiceSpec, facts: Facts) -> tuple[str, ...]:
    """Return the databases that somebody has emptied while a process had them open.

    Before SQLite makes the file beside a database, it writes the first page of that.
    """
    paths = {name: facts.paths.get(str(service.home / name)) for name in DATABASES}
    empty = [name for name, found in paths.items() if found and found.kind == "file"]
    shared = (name for name in empty if f"{service.home}/{name}-shm" in facts.paths)
    return tuple(name for name in shared if not facts.paths[f"{service.home}/{name}"].size)


def barred(service: ServiceSpec, facts: Facts) -> tuple[tuple[int, str], ...]:
    """Return the processes that keep a gateway from writing into its databases: pid and name."""
    found = []
    for name in (*DATABASES, JOBS_DATABASE):
        # Where it has a log of writes, all go by one byte of the file beside it.
        for file, first, last in ((name, _PENDING, inf), (f"{name}-shm", _WRITER, _WRITER)):
            state = facts.paths.get(f"{service.home}/{file}")
            state = state.end.state if state and state.end else state
            locks = (one for one in facts.locked if state and one.inode == state.inode)
            found += [(one.pid, name) for one in locks if one.last >= first and one.first <= last]
    return tuple(dict.fromkeys(found))
