"""Run a script in a copy of a checkout, with the Python of another Debian; leaves nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from hermes_ops.errors import CommandError
from hermes_ops.lab import chroot
from hermes_ops.lab.commands import run
from hermes_ops.lab.image import CACHE, debootstrap, locked

SUITES: Mapping[str, str] = {"3.14": "forky", "3.13": "trixie"}
"""The Debian release that has each Python, the newest first; the last release is stable."""
PACKAGES = "python3,git,ca-certificates,busybox,procps,systemd,openssh-client"
# The package index of a testing Debian expires in a week, and mirrors lag. It is still signed.
OPTION = 'Acquire::Check-Valid-Until "false"'

Say = Callable[[str], None]


def image(python: str, say: Say) -> Path:
    """Return a Debian with this Python, made once on this machine.

    Raises:
        CommandError: it cannot be built, or has another Python by now.
    """
    suite = SUITES[python]
    key = hashlib.sha256(f"{suite} {PACKAGES} {OPTION}".encode()).hexdigest()[:12]
    folder = CACHE / f"python-{python}-{key}"
    with locked():
        if not folder.exists():
            say(f"building Debian {suite} for its Python {python}, once on this machine")
            _build(folder, suite, python)
    return folder


def newest(say: Say) -> tuple[str, Path]:
    """Return the newest Python that is available here, and the Debian that has it."""
    *testing, stable = SUITES
    for python in testing:
        try:
            return python, image(python, say)
        except CommandError as error:
            say(f"without Python {python}: {error}")
    return stable, image(stable, say)


def run_beside(checkout: Path, script: str, debian: Path, results: Path) -> int:
    """Run a script in a copy of a checkout as root; return its exit code.

    Files that it writes to its folder `results` are copied to the given one.
    """
    _sweep()
    with TemporaryDirectory(prefix=f"beside-{os.getpid()}-", dir=CACHE) as name:
        scratch = Path(name)
        place = scratch / "upper" / "root" / "checkout"
        _copy(checkout, place)
        words = chroot.command(scratch, [debian], alone=True)
        text = f"cd /root/checkout; git init -q; git add -A; mkdir results\n{script}\n"
        done = subprocess.run(
            words, input=text, env=chroot.environment(), text=True, umask=0o022, check=False
        )
        if (place / "results").exists():
            shutil.copytree(place / "results", results, dirs_exist_ok=True)
    return done.returncode


def _sweep() -> None:
    """Remove what killed runs have left."""
    for folder in CACHE.glob("beside-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _build(folder: Path, suite: str, python: str) -> None:
    with TemporaryDirectory(prefix="building-", dir=CACHE) as scratch:
        made = Path(scratch) / "debian"
        debootstrap(made, suite, PACKAGES, OPTION)
        found = (made / "usr/bin/python3").readlink().name
        if found != f"python{python}":
            raise CommandError(f"Debian {suite} has {found} by now")
        made.rename(folder)


def _copy(checkout: Path, place: Path) -> None:
    """Copy the files that git tracks or would add: the checkout as after a commit."""
    git = ["git", "-c", f"safe.directory={checkout}", "-C", str(checkout), "ls-files", "-z"]
    names = run([*git, "--cached", "--others", "--exclude-standard"]).split("\0")
    for name in names:
        if name and (checkout / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, place / name)
