"""What tests need of this machine beside the project: where it is not, they are left out.

A plugin of pytest (see `pyproject.toml`). `.ci/run` counts, so nothing is left out unseen there.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

HERMES = "HERMES_OPS_TEST_HERMES_PYTHON"
"""Names a Python that has hermes-agent; `dev.test` makes one and sets it."""
PROGRAMS = ("bash", "systemd-analyze")
LACKS = frozenset(
    [name for name in PROGRAMS if not shutil.which(name)]
    + ["hermes-agent"] * (HERMES not in os.environ)
)


def needs(name: str) -> pytest.MarkDecorator:
    """Return the mark of a test that needs one of `PROGRAMS`, or hermes-agent."""
    assert name in (*PROGRAMS, "hermes-agent")
    return pytest.mark.needs(name)


def source_of(version: str) -> Path:
    """Return hermes-agent of this version without its libraries; it is kept beside that Python."""
    from hermes_ops.commands.dev.hermes_python import hermes_source

    kept = Path(os.environ[HERMES]).parents[2] / "hermes-sources"
    return hermes_source(kept, version, print)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here."""
    out = [item for item in items if LACKS & {m.args[0] for m in item.iter_markers("needs")}]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out."""
    if LACKS:
        names = ", ".join(sorted(LACKS))
        terminalreporter.write_line(f"left out, as they are not here: tests that need {names}")
