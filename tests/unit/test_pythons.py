"""Which other Pythons the quick tests can be run under, and what is taken if one cannot be had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from calling import said

from hermes_ops.commands.dev import debians
from hermes_ops.errors import CommandError

INV = Path(__file__).parents[2] / "inv"


def minor(version: str) -> int:
    """Return the 14 of 3.14."""
    return int(version.removeprefix("3."))


def test_the_newest_is_the_last_that_is_promised() -> None:
    """The newest first, none newer than ./inv promises, and one that is: else raise both."""
    promised = re.search(r"^FIRST=(\S+) LAST=(\S+)", INV.read_text(), re.M)
    assert promised
    known = [minor(version) for version in debians.SUITES]
    assert known == sorted(known, reverse=True)
    assert known[0] == minor(promised[2])
    assert known[-1] > minor(promised[1])


def test_one_that_cannot_be_had_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is taken, and it is said why."""
    newest, *_, stable = debians.SUITES
    notes: list[str] = []

    def image(version: str, say: debians.Say) -> Path:
        if version != stable:
            raise CommandError("no mirror has it")
        return Path("/debian")

    monkeypatch.setattr(debians, "image", image)
    assert debians.newest(notes.append) == (stable, Path("/debian"))
    assert notes == [f"without Python {newest}: no mirror has it"]


def test_a_python_that_no_debian_has(capsys: pytest.CaptureFixture[str]) -> None:
    """It is a sentence that names those there are, before anything is built."""
    code, _, err = said(capsys, "dev.test", "--python", "2.7")
    assert (code, err) == (64, "error: --python 2.7: known are 3.14, 3.13, newest\n")
