"""Optional parts: not installed by default, and one sentence where one is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from test_loader_vault import encrypted

from hermes_ops.extras import EXTRAS

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAIN = "from hermes_ops.tasks.program import main; main()"
MISSING = re.compile(r"(ansible|keyring|apprise)\b|hermes_ops\.pth")
"""What is not taken over: the packages, what says that they are there, and a relative path."""

Run = Callable[..., subprocess.CompletedProcess[str]]


def required(texts: list[str]) -> set[str]:
    """Return the names of the distributions that are required."""
    return {Requirement(text).name for text in texts}


def test_what_a_wheel_brings() -> None:
    """None is among the dependencies; each is an extra of its own."""
    assert not required(PROJECT["dependencies"]) & set(EXTRAS.values())
    extras = PROJECT["optional-dependencies"]
    assert {name: required(extras[name]) for name in EXTRAS} == {
        name: {distribution} for name, distribution in EXTRAS.items()
    }


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has all but what is optional."""
    folder = tmp_path_factory.mktemp("lean")
    venv = [sys.executable, "-I", "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(venv, check=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    for found in Path(sysconfig.get_path("purelib")).iterdir():
        if not MISSING.match(found.name) and not (packages / found.name).exists():
            (packages / found.name).symlink_to(found)
    (packages / "hermes_ops.pth").write_text(f"{ROOT}\n")
    return folder / "bin" / "python"


@pytest.fixture
def run(python: Path, tmp_path: Path) -> Run:
    """Run the program in a folder with an empty home."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-I", "-c", MAIN, *words],
            cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def write(folder: Path, token: str) -> None:
    """Write an inventory of this machine with one profile that has one token."""
    (folder / "hosts.yml").write_text(
        "all: {hosts: {here: {ansible_connection: local, hermes_profiles: {coder: {env: {\n"
        f"  A_TOKEN: {token}\n"
        "}}}}}}\n"
    )


@pytest.mark.slow
def test_without_them_all_else_works(run: Run, tmp_path: Path) -> None:
    """A plain inventory is read, and its plan asks for none of them."""
    write(tmp_path, "{env: HOME}")
    listed = run("inventory.list", "-i", "hosts.yml")
    shown = run("secrets.show", "-i", "hosts.yml")
    assert (listed.returncode, shown.returncode) == (0, 0), listed.stderr + shown.stderr


@pytest.mark.slow
@pytest.mark.parametrize("task", ["inventory.list", "fleet.plan"])
def test_a_vault_without_ansible_core(run: Run, tmp_path: Path, task: str) -> None:
    """Where, what, and the commands that install it; nothing was touched."""
    text = encrypted("a token of mine").strip().replace("\n", "\\n")
    write(tmp_path, f'!vault "{text}"')
    (tmp_path / "password").write_text("open\n")
    done = run(task, "-i", "hosts.yml", "--vault-password-file", "password")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == (
        "error: hosts.yml:2:3: is encrypted with ansible-vault; opening it needs ansible-core\n"
        "hint:  pip install 'hermes-ops[vault]' (or pipx inject hermes-ops ansible-core)\n"
    )


@pytest.mark.slow
def test_a_keyring_entry_without_keyring(run: Run, tmp_path: Path) -> None:
    """The program that would ask the keyring is what lacks it; the sentence is the same."""
    write(tmp_path, "{keyring: hermes/coder}")
    done = run("fleet.plan", "-i", "hosts.yml")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == (
        "error: hosts.yml:2:13: is in the system's keyring; reading it needs the Python package"
        " keyring\n"
        "hint:  pip install 'hermes-ops[keyring]' (or pipx inject hermes-ops keyring)\n"
    )


@pytest.mark.slow
def test_alerts_without_apprise(run: Run, tmp_path: Path) -> None:
    """The same, before any host is contacted; to look and to ping needs nothing."""
    write(tmp_path, "x")
    text = (tmp_path / "hosts.yml").read_text()
    alerts = "  vars: {hermes_alerts: {urls: [{env: A}]}}\n"
    hosts = text.replace("all: {hosts: ", "all:\n  hosts: ").rstrip()[:-1] + "\n"
    (tmp_path / "hosts.yml").write_text(hosts + alerts)
    done = run("fleet.status", "-i", "hosts.yml", "--alert")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == (
        "error: hermes_alerts names URLs of Apprise, which is not installed\n"
        "hint:  pip install 'hermes-ops[alerts]' (or pipx inject hermes-ops apprise)\n"
    )
    assert run("fleet.status", "-i", "hosts.yml").returncode == 2
