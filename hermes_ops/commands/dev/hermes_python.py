"""A Python with the real Hermes, and the sources of other versions of it, for the tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

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


def hermes_source(folder: Path, version: str, say: Callable[[str], None]) -> Path:
    """Return where hermes-agent of this version is, without its libraries: in a folder of `folder`.

    Raises:
        CommandError: the package cannot be fetched.
    """
    found = folder / version
    if not found.exists():
        say(f"fetching hermes-agent {version} for the tests (once)")
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(mkdtemp(prefix=".new-", dir=folder))
        _run([sys.executable, _pip(), *_FETCH, str(scratch), f"hermes-agent=={version}"])
        with suppress(OSError):  # another test was faster
            scratch.rename(found)
        shutil.rmtree(scratch, ignore_errors=True)
    return found


_FETCH = ("install", "--quiet", "--no-deps", "--no-compile", "--root-user-action=ignore",
          "--disable-pip-version-check", "--target")  # fmt: skip


def _make(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    requirement = f"hermes-agent[sms]=={OBSERVED}"
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    _run([str(folder / "bin" / "python"), _pip(), "install", "--quiet", requirement])
    (folder / "made").touch()


def _pip() -> str:
    return str(next((CLONE / "vendor").glob("pip-*.whl")) / "pip")


def _run(words: list[str]) -> None:
    ended = subprocess.run(words, stdin=subprocess.DEVNULL, check=False)
    if ended.returncode:
        raise CommandError(f"{' '.join(words[:3])} … failed with exit code {ended.returncode}")
