"""What keeps a simulated Mac awake: its settings, and the assertions of processes."""

from __future__ import annotations

import json
import time
from pathlib import Path

SETTINGS = Path("/var/db/simulator/pmset.json")
KNOBS = Path("/var/db/simulator/knobs.json")
ASSERTIONS = Path("/run/assertions")
TYPES = {
    "d": "PreventUserIdleDisplaySleep",
    "i": "PreventUserIdleSystemSleep",
    "m": "PreventDiskIdle",
    "s": "PreventSystemSleep",
    "u": "UserIsActive",
}
FIRST = {
    "SleepDisabled": 0,
    "womp": 1,
    "autorestart": 0,
    "powernap": 1,
    "networkoversleep": 0,
    "disksleep": 10,
    "sleep": 1,
    "ttyskeepawake": 1,
    "tcpkeepalive": 1,
    "displaysleep": 10,
}
"""As a Mac mini comes."""


def settings() -> dict[str, int]:
    """Return the settings of power."""
    return FIRST | (json.loads(SETTINGS.read_text()) if SETTINGS.exists() else {})


def hold(pid: int, letters: str, details: str) -> None:
    """Let a process hold assertions."""
    said = {"letters": letters, "since": time.time(), "details": details}
    (ASSERTIONS / str(pid)).write_text(json.dumps(said))


def held() -> dict[int, dict[str, str | float]]:
    """Return the assertions by process; those of dead ones do not count."""
    found = {}
    for file in sorted(ASSERTIONS.iterdir()):
        if Path("/opt/mac/kernel", file.name).exists():
            found[int(file.name)] = json.loads(file.read_text())
    return found
