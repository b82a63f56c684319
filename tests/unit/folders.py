"""Folders of files for a test, and what makes one of them a stranger's."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest


def fill(folder: Path, files: Mapping[str, str]) -> Path:
    """Write these files into a folder, and the folders above them; return the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def standing_in(files: Mapping[str, str]) -> Callable[[Path, pytest.MonkeyPatch], Path]:
    """Return the fixture of an inventory with these files, from where messages show it."""

    @pytest.fixture
    def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        return fill(tmp_path / "inventory", files)

    return inventory


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a path belong to another user than the one who runs this."""
    if os.geteuid() == 0:
        os.chown(path, 54321, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 54321)


def open_to_all(path: Path, _monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody write a path; a folder as /tmp is."""
    path.chmod(0o1777 if path.is_dir() else 0o777)
