"""Download wheels for a host that reaches no package index, for its system, CPU and Python."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

from hermes_ops.errors import CommandError
from hermes_ops.plan.model import Wheelhouse

_PLATFORMS = {
    ("Linux", "x86_64"): ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"),
    ("Linux", "aarch64"): (
        "manylinux2014_aarch64",
        "manylinux_2_17_aarch64",
        "manylinux_2_28_aarch64",
    ),
    ("Linux musl", "x86_64"): ("musllinux_1_1_x86_64", "musllinux_1_2_x86_64"),
    ("Linux musl", "aarch64"): ("musllinux_1_1_aarch64", "musllinux_1_2_aarch64"),
    ("Darwin", "arm64"): ("macosx_11_0_arm64", "macosx_12_0_arm64", "macosx_14_0_arm64"),
    ("Darwin", "x86_64"): ("macosx_10_13_x86_64", "macosx_11_0_x86_64"),
}
DEADLINE = 900
_guard = threading.Lock()
_running: dict[Path, Future[None]] = {}
"""The downloads of this run, by their folders."""


def gather(wanted: Wheelhouse, *, pip: Path, cache: Path) -> Sequence[Path]:
    """Return the wheels, downloaded once and kept in `cache`; `pip` is its wheel.

    Raises:
        CommandError: there are none for that platform, or the index cannot be reached.
    """
    key = hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]
    folder = cache / "wheels" / key
    if not folder.is_dir():
        _download_once(wanted, folder, pip)
    return sorted(folder.glob("*.whl"))


def _download_once(wanted: Wheelhouse, folder: Path, pip: Path) -> None:
    """Download, or wait for the other host of this run for which it is done, and share its end."""
    with _guard:
        is_first = folder not in _running
        shared = _running.setdefault(folder, Future())
    if is_first:
        try:
            _download(wanted, folder, pip)
            shared.set_result(None)
        except BaseException as error:
            shared.set_exception(error)
        finally:
            with _guard:
                del _running[folder]
    shared.result()


def _download(wanted: Wheelhouse, folder: Path, pip: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_cut_off(folder)
    # Other runs, of other operators of this machine, may download the same at the same time.
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as name:
        part = Path(name, "wheels")
        part.mkdir()
        _fetch(wanted, part, pip)
        # Whoever has finished first: that folder is as good.
        with suppress(OSError):
            part.rename(folder)


def _remove_cut_off(folder: Path) -> None:
    """Remove what a run that was killed has left: none takes that long."""
    for left in folder.parent.glob(f"{folder.name}.*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - 2 * DEADLINE:
                shutil.rmtree(left, ignore_errors=True)


def _fetch(wanted: Wheelhouse, part: Path, pip: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(pip / "pip"), "download", "--quiet", "--disable-pip-version-check",
         "--no-input", "--dest", str(part), *_target(wanted), *wanted.requirements],
        capture_output=True, text=True, timeout=DEADLINE, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise CommandError(
            f"no wheels of {', '.join(wanted.requirements)} for {wanted.system} {wanted.machine},"
            f" Python {wanted.python}: {ended.stderr.strip()[-400:]}",
            hint="check that pip on this machine reaches its package index (pip config list)",
        )


def _target(wanted: Wheelhouse) -> list[str]:
    platforms = _PLATFORMS.get((wanted.system, wanted.machine))
    if platforms is None:
        raise CommandError(
            f"no wheel platform is known for {wanted.system} {wanted.machine}",
            hint="install Hermes on the host by hand, or let it reach a package index",
        )
    words = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", wanted.python]
    return [*words, *(word for platform in platforms for word in ("--platform", platform))]
