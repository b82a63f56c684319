"""Another Debian's Python: a script beside a copy of the checkout, of which nothing remains."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit import ROOT

from hermes_ops import lab
from hermes_ops.commands.dev import debians
from hermes_ops.lab.image import CACHE

WHY_NOT = lab.why_not()
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "the lab works here"),
]
SCRIPT = """
python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' >results/python
git ls-files >results/files
touch /root/left /tmp/left
sleep 36321 &
exit 3
"""


def read(file: Path) -> bytes:
    """Return a file of a process that may have ended meanwhile."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def sleepers() -> list[Path]:
    """Return the processes that the script leaves behind."""
    found = Path("/proc").glob("[0-9]*/cmdline")
    return [file for file in found if read(file) == b"sleep\x0036321\0"]


def test_a_script_runs_beside_a_copy_of_the_checkout(tmp_path: Path) -> None:
    """Its Python is the wanted one; exit code and results come back, all else is gone, and what
    a run left that was killed."""
    version, debian = debians.newest(lambda _: None)
    before = set(CACHE.glob("beside-*"))
    (CACHE / "beside-999999999-killed").mkdir()
    assert debians.run_beside(ROOT, SCRIPT, debian, tmp_path) == 3
    assert (tmp_path / "python").read_text() == f"{version}\n"
    assert {"inv", "tests/minimum.toml"} <= set((tmp_path / "files").read_text().splitlines())
    assert set(CACHE.glob("beside-*")) == before
    assert not sleepers()
    assert not (debian / "root/left").exists()
    assert str(CACHE) not in Path("/proc/mounts").read_text()
