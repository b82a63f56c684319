"""A Python with the real Hermes, for the tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hermes_ops.assets import CLONE
from hermes_ops.errors import CommandError
from hermes_ops.hermes.versions import OBSERVED


def hermes_python(say: Callable[[str], None]) -> str:
    """Return a Python that has hermes-agent, made once and kept in the cache folder.

    Raises:
        CommandError: the package cannot be installed.
    """
    from platformdirs import user_cache_path

    folder = Path(user_cache_path("hermes-ops")) / f"hermes-{OBSERVED}-{sys.version_info[1]}"
    if not (folder / "made").exists():
        say(f"making an environment with hermes-agent {OBSERVED} for the tests (once)")
        _make(folder)
    return str(folder / "bin" / "python")


def _make(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    pip = next((CLONE / "vendor").glob("pip-*.whl")) / "pip"
    requirement = f"hermes-agent[sms]=={OBSERVED}"
    for words in (
        [sys.executable, "-m", "venv", "--without-pip", str(folder)],
        [str(folder / "bin" / "python"), str(pip), "install", "--quiet", requirement],
    ):
        ended = subprocess.run(words, stdin=subprocess.DEVNULL, check=False)
        if ended.returncode:
            raise CommandError(f"{' '.join(words[:3])} … failed with exit code {ended.returncode}")
    (folder / "made").touch()
