"""The wheel, built and installed as a stranger would, and used from an empty folder and home."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import hermes_ops
from hermes_ops.lab import pipconfig

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]

ROOT = Path(__file__).parents[2]
CARRIED = ("templates", "roles", "runbooks", "vendor")
PIP = next((ROOT / "vendor").glob("pip-*.whl")) / "pip"
INDEX = pipconfig.settings()
"""Where packages come from, read before the tests have an empty home."""


def sources(folder: Path) -> list[Path]:
    """Return the files of a folder that are no leftovers of Python's."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in found if "__pycache__" not in path.parts]


def run(words: Sequence[str | Path], **more: str) -> str:
    """Run what must not fail; return its output."""
    environ = {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], **INDEX, **more}
    done = subprocess.run(
        words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of this clone, in which an older build has left a module behind."""
    clone, made = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("wheel")
    for folder in ("hermes_ops", *CARRIED):
        shutil.copytree(ROOT / folder, clone / folder)
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, clone)
    (clone / "build/lib/hermes_ops").mkdir(parents=True)
    (clone / "build/lib/hermes_ops/gone.py").touch()
    run([sys.executable, "-I", PIP, "wheel", "-q", "--no-deps", "-w", made, clone])
    (found,) = made.iterdir()
    return found


@pytest.fixture(scope="module")
def tools(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands are: an environment with the wheel, and what it requires."""
    folder = tmp_path_factory.mktemp("installed")
    locked = (ROOT / "requirements.lock").read_text()
    constraints = re.findall(r"^([\w.-]+==[^\s;]+(?: ; [^\\\n]+)?)", locked, re.M)
    (folder / "constraints").write_text("\n".join(constraints))
    python = folder / "venv/bin/python"
    run([sys.executable, "-I", "-m", "venv", "--without-pip", folder / "venv"])
    pip: list[str | Path] = [sys.executable, "-I", PIP, "--python", python, "install", "-q"]
    run([*pip, "-c", folder / "constraints", wheel])
    return python.parent


def test_it_carries_all_of_the_clone(wheel: Path) -> None:
    """Modules, shell and data; templates, roles and pip where the program looks for them."""
    own = {str(path.relative_to(ROOT)) for path in sources(ROOT / "hermes_ops")}
    files = [path for folder in CARRIED for path in sources(ROOT / folder)]
    carried = {str("hermes_ops/share" / path.relative_to(ROOT)) for path in files}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == own | carried


def test_it_gives_one_command(wheel: Path) -> None:
    """`hermes-ops`, and neither `inv` nor `invoke`, which are Invoke's own."""
    with zipfile.ZipFile(wheel) as archive:
        (points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        lines = archive.read(points).decode().split()
    assert lines == ["[console_scripts]", "hermes-ops", "=", "hermes_ops.entry:main"]


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody with an empty home, in a folder of their own, who types what they read."""

    home: Path
    tools: Path

    def types(self, line: str, cwd: Path | None = None) -> tuple[int, str]:
        """Let a shell run a line; return its exit code and all that it prints."""
        path = f"{self.tools}:/usr/bin:/bin"
        done = subprocess.run(
            ["sh", "-c", line], cwd=cwd or self.home / "mine",
            env={"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = done.stdout + done.stderr
        assert "./inv" not in told and "Traceback" not in told, told
        return done.returncode, told


@pytest.fixture
def stranger(tmp_path: Path, tools: Path) -> Stranger:
    """Who has never been here."""
    (tmp_path / "mine").mkdir()
    return Stranger(tmp_path, tools)


def test_it_says_what_it_is(stranger: Stranger) -> None:
    """Version, tasks and help, for those who have no clone: nothing that needs one is listed."""
    assert stranger.types("hermes-ops --version") == (0, f"hermes-ops {hermes_ops.__version__}\n")
    for line in ("hermes-ops", "hermes-ops --list"):
        code, told = stranger.types(line)
        assert (code, "fleet.up" in told, "dev.check" in told) == (0, True, False)
    assert "hermes-ops fleet.up -l minis" in stranger.types("hermes-ops --help fleet.up")[1]
    assert "_complete_hermes-ops" in stranger.types("hermes-ops --print-completion-script bash")[1]


def test_it_is_called_as_it_was_typed(stranger: Stranger) -> None:
    """Where it is not on the PATH, a hint has its path, and can be typed."""
    by_path = shlex.quote(str(stranger.tools / "hermes-ops"))
    code, told = stranger.types(f"PATH=/usr/bin:/bin {by_path} runs.show nothing")
    (hint,) = re.findall(r"hint:  (.*)", told)
    assert (code, hint) == (64, f"{by_path} runs.list")
    assert stranger.types(f"PATH=/usr/bin:/bin; {hint}")[0] == 0


def test_the_way_to_a_fleet(stranger: Stranger) -> None:
    """`init`, and then what it prints, line by line, up to the one that changes this machine."""
    assert stranger.types("hermes-ops fleet.plan")[0] == 64
    code, told = stranger.types("hermes-ops init fleet")
    enter, plan, up = (line.strip() for line in told.partition("now:\n")[2].splitlines())
    assert (code, plan, up) == (0, "hermes-ops fleet.plan", "hermes-ops fleet.up")
    assert stranger.types(f"{enter} && hermes-ops inventory.list")[0] == 0
    code, told = stranger.types(f"{enter} && {plan}")
    assert code == 2, told
    assert "1 host: 1 to change" in told
    assert f"inventory: {stranger.home}/mine/fleet/inventory" in told
    code, told = stranger.types("hermes-ops look", cwd=stranger.home / "mine/fleet/inventory")
    assert (code, "localhost/demo is absent" in told) == (2, True), told
    # What is left in the home is the journal.
    assert {path.name for path in stranger.home.iterdir()} - {"mine"} <= {".local", "Library"}
