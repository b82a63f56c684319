"""This project with one thing more: what a developer would add, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "lab" / "toy"
NOT_COPIED = ("__pycache__", ".[!c]*", "build", "*.egg-info")
"""Of what begins with a dot only `.ci`: no environment, no lab."""


def copied(folder: Path) -> Path:
    """Copy the project into the folder."""
    ignored = shutil.ignore_patterns(*NOT_COPIED)
    shutil.copytree(ROOT, folder, ignore=ignored, dirs_exist_ok=True)
    return folder


def with_manager(folder: Path) -> Path:
    """Copy the project into the folder, and add the toy to it.

    The row of CONTRIBUTING.md on service managers names all places that this touches.
    """
    copied(folder)
    services = folder / "hermes_ops" / "services"
    shutil.copy(TOY / "toy.py", services)
    shutil.copy(TOY / "toy.sh", services)
    (folder / "templates" / "toy").mkdir()
    for template in TOY.glob("*.j2"):
        shutil.copy(template, folder / "templates" / "toy")
    table = services / "__init__.py"
    _replace(table, '"supervisord": Supervisord()', '"supervisord": Supervisord(), "toy": Toy()')
    importing = "from hermes_ops.services.systemd import Systemd\n"
    _replace(table, importing, f"{importing}from hermes_ops.services.toy import Toy\n")
    for file in ("inventory.md", "example/inventory/hosts.yml"):
        _replace(folder / "docs" / file, "| supervisord (auto)", "| supervisord | toy (auto)")
    return folder


SOURCE = '''
"""`{reversed: TEXT}`: the text, read backwards."""

from __future__ import annotations

from hermes_ops.secrets.runner import Runner
from hermes_ops.secrets.sources.base import TextSource


class ReversedSource(TextSource):
    """A text that keeps nothing from anybody."""

    __slots__ = ()

    kind = "reversed"
    meaning = "a text, read backwards"
    example = "terces"
    option = "reversed:TXET"

    def resolve(self, argument: str, runner: Runner) -> str:
        return argument[::-1]
'''


def with_source(folder: Path) -> Path:
    """Copy the project into the folder, and add a source of secrets to it.

    The row of CONTRIBUTING.md on sources names all places that this touches.
    """
    sources = copied(folder) / "hermes_ops" / "secrets" / "sources"
    (sources / "reversed.py").write_text(SOURCE, encoding="utf-8")
    table = sources / "__init__.py"
    _replace(
        table, "        KeyringSource(),\n", "        KeyringSource(),\n        ReversedSource(),\n"
    )
    importing = "from hermes_ops.secrets.sources.keyring import KeyringSource\n"
    also = "from hermes_ops.secrets.sources.reversed import ReversedSource\n"
    _replace(table, importing, f"{importing}{also}")
    above = "this machine's keyring | `keyring:SERVICE/USER` |\n"
    row = "| `{reversed: terces}` | a text, read backwards | `reversed:TXET` |\n"
    _replace(folder / "docs" / "secrets.md", above, f"{above}{row}")
    swept = folder / "tests" / "unit" / "leaking.py"
    _replace(swept, '"keyring")\n', '"keyring", "reversed")\n')
    planted = '        case "reversed":\n            return {"reversed": value[::-1]}\n'
    _replace(swept, '        case "plain":\n', f'{planted}        case "plain":\n')
    return folder


def run_quick(copy: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run those quick tests in a copy of the project whose files have one of these words."""
    tests = [
        f"tests/unit/{file.name}"
        for file in sorted((copy / "tests" / "unit").glob("test_*.py"))
        if any(word in file.read_text(encoding="utf-8") for word in words)
    ]
    command = ["-m", "pytest", "-v", "-p", "no:cacheprovider", "-m", "not slow", *tests]
    return subprocess.run(
        [sys.executable, *command], cwd=copy, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(copy)},
    )  # fmt: skip


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file}: {old}"
    file.write_text(text.replace(old, new), encoding="utf-8")
