"""A service manager is a module, its templates, its shell file, and a line in `MANAGERS`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeOperator
from kit import Box, Operator, echo
from one_more import with_manager

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project with one manager more."""
    return with_manager(tmp_path_factory.mktemp("project"))


def call(copy: Path, somebody: Operator, *words: str) -> tuple[int, Any]:
    """Return exit code and document of a task of the copy."""
    code = "from hermes_ops.tasks.program import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, *words, "-i", str(somebody.inventory), "--json"],
        cwd=somebody.home, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL,
        env={
            "PATH": os.environ["PATH"], "HOME": str(somebody.home), "PYTHONPATH": str(copy),
            "HERMES_OPS_ROLE_PATH": str(somebody.inventory.parent / "roles"),
        },
    )  # fmt: skip
    assert ended.stdout.startswith("{"), ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def test_a_toy_manager_runs_a_role(copy: Path, linux: Box, operator: MakeOperator) -> None:
    """It brings a role up, shows it, verifies it, changes it and takes it down."""
    somebody = operator(
        {linux: {"greeter": echo(8801)}}, variables={"hermes_service_manager": "toy"}
    )
    code, up = call(copy, somebody, "fleet.up")
    assert (code, up["verify"]["passed"], up["verify"]["failed"]) == (0, 2, 0), up
    code, again = call(copy, somebody, "fleet.up")
    assert (code, again["totals"]["changes"]) == (0, 0), again
    code, ps = call(copy, somebody, "fleet.ps")
    (host,) = ps["hosts"]
    (seen,) = host["profiles"]
    assert (code, host["manager"], seen["state"], seen["unit"]) == (
        0, "toy", "healthy", "toy-echo-greeter",
    )  # fmt: skip
    linux.user(f"kill {seen['pid']}")
    code, verified = call(copy, somebody, "fleet.verify")
    assert (code, verified["verify"]["passed"]) == (1, 0), verified
    assert call(copy, somebody, "fleet.up")[0] == 0
    code, down = call(copy, somebody, "fleet.down", "--all-hosts", "-y")
    assert (code, down["totals"]["changed"]) == (0, 1), down
    assert "http.server" not in linux.user("ps -eo args")
    _, ps = call(copy, somebody, "fleet.ps")
    assert ps["hosts"][0]["profiles"][0]["enabled"] is False
