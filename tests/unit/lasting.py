"""How long each file of the quick tests takes, so that the next run divides them well.

A plugin of pytest that `hermes_ops/commands/dev/tools.py` adds to each part. It keeps one number a
file in pytest's own cache; parts that run at the same time have different files.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

SECONDS: defaultdict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add what a test took, with what was set up and taken down for it."""
    SECONDS[Path(report.fspath).name] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep it; a run that was cut short says nothing about its files."""
    if session.config.cache and not session.shouldstop and not session.shouldfail:
        for file, seconds in SECONDS.items():
            session.config.cache.set(f"seconds/{file}", round(seconds, 3))
