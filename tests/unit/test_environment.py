"""What tests stand on: nothing of this machine, and the same examples every time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from examples import EXPLORE, examples
from hypothesis import settings
from inherited import KEPT

HOMES: list[str] = []


def test_nothing_is_inherited() -> None:
    """Of the environment only what tells where programs are, and how to test, is left."""
    own = {"HOME", "LANG", "TERM"}
    assert [name for name in os.environ if name not in own and not KEPT.fullmatch(name)] == []
    for name in ("EDITOR", "SSH_AUTH_SOCK", "XDG_STATE_HOME", "ANSIBLE_CONFIG", "HERMES_HOME"):
        assert not KEPT.fullmatch(name)


@pytest.mark.parametrize("_number", [1, 2])
def test_each_test_has_a_home(_number: int) -> None:
    """A home is empty, and nobody else's."""
    home = Path(os.environ["HOME"])
    assert (list(home.iterdir()), str(home) in HOMES) == ([], False)
    HOMES.append(str(home))
    (home / "left").touch()


@pytest.mark.skipif(EXPLORE in os.environ, reason="examples are random now")
def test_examples_are_the_same_every_time() -> None:
    """No test fails today that passed yesterday, nor because the machine is slow."""
    default = settings.default
    assert default is not None
    assert (default.derandomize, default.deadline) == (True, None)


def test_thorough_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth in passing, all in earnest, and more where somebody explores."""
    for name in (EXPLORE, "HERMES_OPS_TEST_THOROUGH"):
        monkeypatch.delenv(name, raising=False)
    assert (examples(500), examples(20)) == (100, 10)
    monkeypatch.setenv("HERMES_OPS_TEST_THOROUGH", "1")
    assert examples(500) == 500
    monkeypatch.setenv(EXPLORE, "1")
    assert examples(500) > 500
