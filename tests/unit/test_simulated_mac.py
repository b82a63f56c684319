"""What the simulated Mac computes, and that the program has nothing of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from launchd.calendar import Fields, seconds_until
from launchd.job import signal_number

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 5, 9, 30, 20)  # a Monday
HOUR, DAY = 3600, 86400

CASES: list[tuple[Fields | list[Fields], float]] = [
    ({"Minute": 31}, 40),
    ({"Minute": 30}, HOUR - 20),  # this minute has begun
    ({"Hour": 10, "Minute": 0}, 30 * 60 - 20),
    ({"Hour": 9, "Minute": 0}, DAY - 30 * 60 - 20),
    ({"Weekday": 1, "Hour": 10, "Minute": 0}, 30 * 60 - 20),
    ({"Weekday": 0, "Hour": 9, "Minute": 30}, 6 * DAY - 20),
    ({"Weekday": 7, "Hour": 9, "Minute": 30}, 6 * DAY - 20),
    ({"Day": 7, "Hour": 9, "Minute": 30}, 2 * DAY - 20),
    ({"Day": 7, "Weekday": 2, "Hour": 9, "Minute": 30}, DAY - 20),  # either of them
    ({"Month": 2, "Day": 1, "Hour": 0, "Minute": 0}, 27 * DAY - 9 * HOUR - 30 * 60 - 20),
    ({}, 40),
    ([{"Minute": 45}, {"Minute": 35}], 5 * 60 - 20),
]


@pytest.mark.parametrize(("times", "seconds"), CASES)
def test_when_a_job_starts(times: Fields | list[Fields], seconds: float) -> None:
    """Keys that are missing are any; a day and a weekday are either; Sunday is 0 and 7."""
    assert seconds_until(times, NOW) == seconds


@pytest.mark.parametrize("word", ["TERM", "SIGTERM", "sigterm", "15", "-15", "-TERM"])
def test_a_signal_has_many_names(word: str) -> None:
    """`launchctl kill` takes a signal by name or number, as Darwin numbers them."""
    assert signal_number(word) == 15


def test_signals_are_numbered_as_by_darwin() -> None:
    """30 is SIGUSR1 on a Mac and SIGPWR on Linux; some are none at all."""
    assert signal_number("30") == signal_number("USR1")
    assert signal_number("10") == signal_number("BUS")
    assert signal_number("0") is None
    assert signal_number("FROB") is None


def test_the_program_has_nothing_of_it() -> None:
    """Only the lab knows the simulator, as a folder whose files it copies."""
    files = [*(ROOT / "hermes_ops").rglob("*.py"), *(ROOT / "hermes_ops").rglob("*.sh")]
    naming = {file.name for file in files if "simulators" in file.read_text(encoding="utf-8")}
    assert naming <= {"files.py", "mac.sh"}
    assert "simulators" not in (ROOT / "setup.py").read_text(encoding="utf-8")
