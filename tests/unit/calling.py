"""The program, called in this process as an operator calls it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def in_repository(place: Path, hosts: str, coder: str, patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a repository with these hosts and this profile, without a home or a terminal."""
    folder = place / "fleet"
    (folder / "inventory/profiles").mkdir(parents=True)
    (folder / "inventory/hosts.yml").write_text(hosts)
    (folder / "inventory/profiles/coder.yml").write_text(coder)
    for name in ("HERMES_OPS_INVENTORY", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        patch.delenv(name, raising=False)
    patch.setenv("HOME", str(place / "home"))
    patch.chdir(folder)
    patch.setattr("sys.stdin", io.StringIO())
    before = list(sys.path)
    yield folder
    sys.path[:] = before


def python_is_here(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the `python3` of this machine, as a host, be the one that runs these tests."""
    folder.mkdir()
    (folder / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "python3").chmod(0o755)
    patch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin:/bin")
