"""Wheels for a host without an index: asked for its platform, once, whole or not at all."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from hermes_ops.apply.wheels import gather
from hermes_ops.errors import CommandError
from hermes_ops.plan.model import Wheelhouse

WANTED = Wheelhouse(("hermes-agent==0.19.0", "croniter"), "x86_64", "Linux", "3.11")
PIP = """\
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "asked").open("a") as asked:
    asked.write(json.dumps(sys.argv[1:]) + "\\n")
place = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
for name in ("b-1.whl", "a-1.whl", "a.tar.gz"):
    (place / name).write_text(name)
print(*map(str, range(500)), "no such package", file=sys.stderr)
sys.exit(int((here / "code").read_text()))
"""
FASTER = """\
other = place.parent.with_name(place.parent.name.partition(".")[0])
other.mkdir()
(other / "c-1.whl").write_text("c")
"""
"""Another run that ends before this one."""


@pytest.fixture
def pip(tmp_path: Path) -> Path:
    """A pip that keeps what it was asked, and makes two wheels and something else."""
    folder = tmp_path / "pip.whl"
    folder.mkdir()
    (folder / "pip").write_text(PIP)
    (folder / "code").write_text("0")
    return folder


def asked(pip: Path) -> list[list[str]]:
    """Return with which words it was called."""
    return [json.loads(line) for line in (pip / "asked").read_text().splitlines()]


def test_wheels_are_asked_for_the_hosts_platform(pip: Path, tmp_path: Path) -> None:
    """Its Python and its CPU, nothing that is to be built, and what is required; in order."""
    found = gather(WANTED, pip=pip, cache=tmp_path / "cache")
    assert [path.name for path in found] == ["a-1.whl", "b-1.whl"]
    assert all(path.is_file() for path in found)
    (words,) = asked(pip)
    assert words[0] == "download"
    assert words[-2:] == list(WANTED.requirements)
    pairs = set(itertools.pairwise(words))
    assert pairs >= {
        ("--only-binary", ":all:"), ("--implementation", "cp"), ("--python-version", "3.11"),
        ("--platform", "manylinux2014_x86_64"), ("--platform", "manylinux_2_28_x86_64"),
    }  # fmt: skip
    assert {"--quiet", "--no-input", "--disable-pip-version-check"} <= set(words)


@pytest.mark.slow
def test_wheels_are_fetched_once(pip: Path, tmp_path: Path) -> None:
    """The second host of the same kind has those of the first; another kind has its own."""
    cache = tmp_path / "cache"
    first = gather(WANTED, pip=pip, cache=cache)
    assert gather(WANTED, pip=pip, cache=cache) == first
    assert len(asked(pip)) == 1
    for other in (replace(WANTED, python="3.12"), replace(WANTED, machine="aarch64"),
                  replace(WANTED, requirements=("x",))):  # fmt: skip
        assert gather(other, pip=pip, cache=cache) != first
    assert len(asked(pip)) == 4


def test_whoever_was_faster_is_as_good(pip: Path, tmp_path: Path) -> None:
    """Two runs download the same: the wheels of the first stay, and those of the second go."""
    (pip / "pip").write_text(PIP.replace("print(", FASTER + "print("))
    (found,) = gather(WANTED, pip=pip, cache=tmp_path / "cache")
    assert found.name == "c-1.whl"
    assert list((tmp_path / "cache/wheels").iterdir()) == [found.parent]


@pytest.mark.slow
def test_hosts_of_one_run_share_a_download(pip: Path, tmp_path: Path) -> None:
    """Whoever comes while it is under way waits for it, and gets the same wheels, or why not."""
    cache, held = tmp_path / "cache", tmp_path / "held"
    wait = f"import time\nwhile not pathlib.Path({str(held)!r}).exists(): time.sleep(0.01)\n"
    (pip / "pip").write_text(PIP.replace("place =", wait + "place ="))
    for code, ends in (("1", CommandError), ("0", None)):
        (pip / "code").write_text(code)
        held.unlink(missing_ok=True)
        with ThreadPoolExecutor() as hosts:
            ways = [hosts.submit(gather, WANTED, pip=pip, cache=cache) for _ in range(3)]
            while not (pip / "asked").exists() or len(asked(pip)) < 2 - int(code):
                time.sleep(0.01)
            time.sleep(0.05)  # all have begun
            held.touch()
        assert [type(way.exception()) for way in ways] == [ends or type(None)] * 3
        assert len(asked(pip)) == 2 - int(code)
    assert {len(way.result()) for way in ways} == {2}
    assert len(list((cache / "wheels").iterdir())) == 1


@pytest.mark.slow
def test_what_a_killed_download_left_is_removed(pip: Path, tmp_path: Path) -> None:
    """And one that is under way is not: another operator may have begun it."""
    gather(WANTED, pip=pip, cache=tmp_path)
    (folder,) = (tmp_path / "wheels").iterdir()
    left, fresh = (folder.with_name(f"{folder.name}.{end}") for end in ("left", "fresh"))
    for path in (left, fresh):
        path.mkdir()
    os.utime(left, (0, 0))
    shutil.rmtree(folder)
    gather(WANTED, pip=pip, cache=tmp_path)
    assert set((tmp_path / "wheels").iterdir()) == {folder, fresh}


@pytest.mark.slow
def test_half_a_download_is_none(pip: Path, tmp_path: Path) -> None:
    """What failed is not there the next time; the end of what pip said is told."""
    (pip / "code").write_text("1")
    with pytest.raises(CommandError, match=r"Linux x86_64, Python 3\.11") as caught:
        gather(WANTED, pip=pip, cache=tmp_path / "cache")
    assert str(caught.value).endswith("no such package")
    assert "hermes-agent==0.19.0, croniter" in str(caught.value)
    assert len(str(caught.value)) < 600
    assert "package index" in caught.value.hint
    (pip / "code").write_text("0")
    assert len(gather(WANTED, pip=pip, cache=tmp_path / "cache")) == 2
    assert len(list((tmp_path / "cache/wheels").iterdir())) == 1


def test_a_platform_that_nobody_knows(pip: Path, tmp_path: Path) -> None:
    """It is said, and pip is not asked."""
    with pytest.raises(CommandError, match="no wheel platform is known for Linux riscv64"):
        gather(replace(WANTED, machine="riscv64"), pip=pip, cache=tmp_path)
    assert not (pip / "asked").exists()
