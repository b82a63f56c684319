"""The program, called in this process as an operator calls it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from hermes_ops.tasks.program import Program


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Call the program; return exit code, output and errors."""
    code = 0
    try:
        Program().run(["inv", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def python_is_here(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the `python3` of this machine, as a host, be the one that runs these tests."""
    folder.mkdir()
    (folder / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "python3").chmod(0o755)
    patch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin:/bin")
