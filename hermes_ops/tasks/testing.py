"""What the tests need beside the project: programs, the real Hermes, another Debian's Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hermes_ops.errors import CommandError, UsageError
from hermes_ops.tasks.output import Output
from hermes_ops.tasks.workspace import ROOT

VERSION = "0.19.0"
PROGRAMS = {"bash": "bash", "busybox": "busybox", "dash": "dash", "systemd-analyze": "systemd"}
"""A program for each package of Debian that tests ask, whether they are in the lab or not."""


def prepare(say: Callable[[str], None]) -> None:
    """Get all that is missing, if that can be had, and let the tests know."""
    from hermes_ops import lab

    if os.geteuid() == 0 and shutil.which("apt-get"):
        lab.install_packages(say)
        lab.install_packages(say, PROGRAMS)
    os.environ["HERMES_OPS_TEST_HERMES_PYTHON"] = hermes_python(say)
    os.environ["HERMES_OPS_TEST_THOROUGH"] = "1"


def elsewhere(version: str, results: str | None, output: Output) -> None:
    """Run the quick tests under a Python of another Debian, or the newest; newest.xml has them.

    Raises:
        CommandError: it cannot be had here, or a test failed.
        UsageError: no Debian is known for this version.
    """
    from hermes_ops import lab
    from hermes_ops.lab import pythons

    if version not in (*pythons.SUITES, "newest"):
        raise UsageError(f"--python {version}: known are {', '.join(pythons.SUITES)}, newest")
    if os.geteuid() == 0:
        lab.install_packages(output.note)
    if reason := lab.why_not():
        raise CommandError(f"another Debian cannot run here: {reason}")
    say = output.note
    found = pythons.newest(say) if version == "newest" else (version, pythons.image(version, say))
    say(f"the quick tests under Python {found[0]}")
    with TemporaryDirectory() as folder:
        script = "./inv dev.test --quick --junit results"
        code = pythons.run_beside(ROOT, script, found[1], Path(folder))
        if results and (Path(folder) / "quick.xml").exists():
            Path(results).mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(folder) / "quick.xml", Path(results) / "newest.xml")
    if code:
        raise CommandError(f"under Python {found[0]} they failed with exit code {code}")


def hermes_python(say: Callable[[str], None]) -> str:
    """Return a Python that has hermes-agent, made once and kept in the cache folder.

    Raises:
        CommandError: the package cannot be had.
    """
    from platformdirs import user_cache_path

    folder = Path(user_cache_path("hermes-ops")) / f"hermes-{VERSION}-{sys.version_info[1]}"
    if not (folder / "made").exists():
        say(f"making an environment with hermes-agent {VERSION} for the tests (once)")
        _make(folder)
    return str(folder / "bin" / "python")


def _make(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    pip = next((ROOT / "vendor").glob("pip-*.whl")) / "pip"
    requirement = f"hermes-agent[sms]=={VERSION}"
    for words in (
        [sys.executable, "-m", "venv", "--without-pip", str(folder)],
        [str(folder / "bin" / "python"), str(pip), "install", "--quiet", requirement],
    ):
        ended = subprocess.run(words, stdin=subprocess.DEVNULL, check=False)
        if ended.returncode:
            raise CommandError(f"{' '.join(words[:3])} … failed with exit code {ended.returncode}")
    (folder / "made").touch()
