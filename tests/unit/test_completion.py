"""Completion, as a real bash asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from machine import needs

MAIN = "from hermes_ops.tasks.program import main; main()"
ROOT = Path(__file__).parents[2]
ASKED = """\
eval "$("$1" --print-completion-script bash)"
shift
COMP_WORDS=("$@")
_complete_inv "$1" "${@: -1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.slow
@needs("bash")
@pytest.mark.parametrize(
    ("words", "offered", "not_offered"),
    [
        (["fleet.u"], {"fleet.up"}, {"fleet.ps"}),
        (["fleet.up", "--ser"], {"--serial"}, {"--check"}),
        (["fleet.up", "-l", "x", "--"], {"--check", "--no-verify"}, {"--dry", "fleet.ps"}),
    ],
)
def test_bash_completes_what_is_on_no_path(
    words: list[str], offered: set[str], not_offered: set[str], tmp_path: Path
) -> None:
    """Tasks and their options are offered for `./inv`, asked of the very file that is typed."""
    invoke = tmp_path / "inv"
    invoke.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -c "$MAIN" "$@"\n')
    invoke.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", ASKED, "bash", str(invoke), str(invoke), *words],
        capture_output=True, text=True, check=True, env={**os.environ, "MAIN": MAIN},
    )  # fmt: skip
    found = set(done.stdout.split())
    assert offered <= found
    assert not not_offered & found
