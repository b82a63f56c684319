"""What a crash, or a call as root, leaves in a home, and keeps the next start from working.

Hermes removes most of it itself, unless it belongs to another user or names a process that lives.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.hermes.gateway import ACTIVE, DATABASES, HEARTBEAT, PID_FILE, STATE_FILE
from hermes_ops.look.facts import Facts

LOCK, TAKEOVER, STARTS = "gateway.lock", ".gateway-takeover.json", "gateway-starts.log"
LOOP = "gateway/restart_loop.json"
_LOGS = ("logs/gateway.log", "logs/errors.log", "logs/agent.log")
_WITH = ("", "-wal", "-shm")
"""What SQLite keeps beside a database: with another database it would be mixed into that one."""
FILES = (
    *(PID_FILE, LOCK, STATE_FILE, HEARTBEAT, TAKEOVER, STARTS, LOOP, *_LOGS),
    *(f"{name}{end}" for name in DATABASES for end in _WITH),
)
"""Relative to the home; their names and owners are looked at."""
READ = (TAKEOVER, STARTS, LOOP)
"""Those that no other look reads."""

_OPEN = frozenset(FILES) - set(READ)
"""Those that a gateway has open while it runs, or writes anew."""

_STORM, _WINDOW = 5, 120
"""More starts than these within so many seconds make the next one sleep (Hermes' defaults)."""
_TAKEOVER_LASTS = 60
_LOOPS, _LOOP_WINDOW = 3, 60


def leftovers(
    home: PurePosixPath, facts: Facts, *, alive: bool
) -> Iterable[tuple[PurePosixPath, str]]:
    """Yield each file that should not be there, and why; `alive`: whether its gateway runs."""
    for name in FILES:
        path = home / name
        state = facts.paths.get(str(path))
        if state is None or state.kind != "file":
            continue
        if state.uid != facts.uid:
            owner = "root" if state.uid == 0 else f"uid {state.uid}"
            yield path, f"it belongs to {owner}, and the gateway cannot write it"
        elif str(home / (database := name.partition("-")[0])) in facts.garbled:
            yield path, f"{database} is no SQLite database"
        elif why := _why(name, facts.contents.get(str(path), ""), facts, alive=alive):
            yield path, why


def why_restart(home: PurePosixPath, facts: Facts) -> str:
    """Return why a gateway that runs must be restarted: what it has open is moved aside."""
    moved = [path.relative_to(home) for path, _ in leftovers(home, facts, alive=True)]
    names = [str(path) for path in moved if str(path) in _OPEN]
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} moved aside" if names else ""


def active_profile(facts: Facts) -> Iterable[tuple[PurePosixPath, str]]:
    """Yield the file that makes every call without `-p` use one profile, if it names another."""
    name = facts.contents.get(ACTIVE, "").strip()
    if ACTIVE in facts.paths and name and name != "default":
        yield PurePosixPath(ACTIVE), f"every call of hermes without -p uses the profile {name}"


def _why(name: str, text: str, facts: Facts, *, alive: bool) -> str:
    match name:
        case "gateway.pid" if not alive:
            return "its process is gone"
        case ".gateway-takeover.json" if _is_over(text, facts):
            return "the takeover that it announces is over"
        case "gateway-starts.log" if (count := _recent(text.split(), facts, _WINDOW)) > _STORM:
            return f"after {count} starts in {_WINDOW} s Hermes sleeps before it begins"
        case "gateway/restart_loop.json" if _loops(text, facts) >= _LOOPS:
            return "after several interrupted starts Hermes resumes no session"
    return ""


def _is_over(text: str, facts: Facts) -> bool:
    from datetime import datetime

    said = _read(text)
    try:
        written = datetime.fromisoformat(str(said.get("written_at"))).timestamp()
    except (ValueError, OverflowError):
        return True
    return facts.now - written > _TAKEOVER_LASTS


def _loops(text: str, facts: Facts) -> int:
    boots = _read(text).get("boots")
    return _recent(boots, facts, _LOOP_WINDOW) if isinstance(boots, list) else 0


def _recent(times: Iterable[Any], facts: Facts, window: float) -> int:
    """Return how many of these times, in seconds since 1970, lie within so many seconds."""
    count = 0
    for time in times:
        try:
            count += 0 <= facts.now - float(time) <= window
        except (TypeError, ValueError):
            continue
    return count


def _read(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
