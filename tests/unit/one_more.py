"""This project with one service manager more: what a developer would add, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "lab" / "toy"
NOT_COPIED = ("__pycache__", ".git", ".venv", ".[mr]*_cache", "build", "*.egg-info")


def with_manager(folder: Path) -> Path:
    """Copy the project into the folder, and add the toy to it.

    The row of CONTRIBUTING.md on service managers names all places that this touches.
    """
    ignored = shutil.ignore_patterns(*NOT_COPIED)
    shutil.copytree(ROOT, folder, ignore=ignored, dirs_exist_ok=True)
    services = folder / "hermes_ops" / "services"
    shutil.copy(TOY / "toy.py", services)
    shutil.copy(TOY / "toy.sh", services)
    (folder / "templates" / "toy").mkdir()
    shutil.copy(TOY / "service.sh.j2", folder / "templates" / "toy")
    table = services / "__init__.py"
    _replace(table, '"supervisord": Supervisord()', '"supervisord": Supervisord(), "toy": Toy()')
    importing = "from hermes_ops.services.systemd import Systemd\n"
    _replace(table, importing, f"{importing}from hermes_ops.services.toy import Toy\n")
    for file in ("inventory.md", "example/inventory/hosts.yml"):
        _replace(folder / "docs" / file, "| supervisord | ", "| supervisord | toy | ")
    return folder


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file}: {old}"
    file.write_text(text.replace(old, new), encoding="utf-8")
