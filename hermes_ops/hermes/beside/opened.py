"""The files that a gateway's process has open: whether they are still those of its home."""

from __future__ import annotations

from hermes_ops.hermes.gateway import LOCK, LOGS
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceSpec


def lost(service: ServiceSpec, pid: int | None, facts: Facts) -> str:
    """Return that a process has not locked the file which another gateway would try to lock."""
    held, real = facts.locks.get(pid or 0), facts.real.get(str(service.home))
    if not held or not real or held == f"{real}/gateway.lock":
        return ""
    return f"the lock of its process {pid} is {held}, not that of ~/{service.home}"


def deleted(service: ServiceSpec, pid: int | None, facts: Facts) -> tuple[str, ...]:
    """Return the files of its home that a process has open, and somebody deleted."""
    home = facts.real.get(str(service.home), "")
    held = facts.deleted.get(pid or 0, ()) if home else ()
    below = {path[len(home) + 1 :] for path in held if path.startswith(f"{home}/")}
    return tuple(sorted(below - {LOCK}))


def astray(service: ServiceSpec, pid: int | None, facts: Facts) -> str:
    """Return in words that a process writes its logs into another folder than that of its home."""
    folder = f"{service.home}/logs"
    real, held = facts.real.get(folder), facts.logs.get(pid or 0, ())
    names = {f"logs/{path.rpartition('/')[2]}": path for path in held}
    moved = next((path for name, path in sorted(names.items()) if name in LOGS), "")
    if not moved or not facts.real.get(str(service.home)) or moved.rpartition("/")[0] == real:
        return ""
    return f"its process {pid} writes {moved}, not ~/{folder}"
