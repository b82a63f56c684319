"""Questions before something is taken down or trusted: only a yes is one."""

from __future__ import annotations

import os

import pytest
from terminal import typing

from hermes_ops.cli.options import Options
from hermes_ops.cli.prompts import confirm, confirm_typed
from hermes_ops.errors import HermesError, Interrupted, UsageError


@pytest.mark.parametrize("typed", ["y\n", "Y\n", "yes\n", " YES \n"])
def test_yes_goes_on(
    typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The question is shown beside the answer, with what Enter means."""
    with typing(monkeypatch, typed):
        confirm("Stop it?", Options())
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Stop it? [y/N] ")


@pytest.mark.parametrize("typed", ["\n", "n\n", "no\n", "yep\n", "1\n", "\x04"])
def test_anything_else_ends_it(typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter is a no, and so is the end of the input: exit 130, and nothing was changed."""
    with typing(monkeypatch, typed), pytest.raises(Interrupted, match="nothing") as caught:
        confirm("Stop it?", Options())
    assert caught.value.exit_code == 130


@pytest.mark.parametrize(
    ("typed", "goes_on"),
    [("minis\n", True), (" minis \n", True), ("MINIS\n", False), ("mini\n", False),
     ("y\n", False), ("\n", False), ("\x04", False)],
)  # fmt: skip
def test_what_is_taken_away_is_typed(
    typed: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The very word, which the question names; names of hosts differ by their letters alone."""
    with typing(monkeypatch, typed):
        if goes_on:
            confirm_typed("minis", "Remove it?", Options())
        else:
            with pytest.raises(Interrupted, match="nothing was changed"):
                confirm_typed("minis", "Remove it?", Options())
    assert capsys.readouterr().err == "Remove it?\nType minis to go on: "


def test_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal it is a usage error that says how to answer, whatever comes in."""
    reader, writer = os.pipe()
    os.write(writer, b"y\n")
    os.close(writer)
    with os.fdopen(reader) as stream, monkeypatch.context() as patch:
        patch.setattr("sys.stdin", stream)
        with pytest.raises(UsageError, match=r"Stop it\? — there is no terminal") as caught:
            confirm("Stop it?", Options())
    assert (caught.value.exit_code, caught.value.hint) == (64, "answer yes with -y")


def test_yes_was_said_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With -y nobody is asked."""
    monkeypatch.setattr("sys.stdin", None)
    try:
        confirm("Stop it?", Options(yes=True))
    except HermesError as error:  # pragma: no cover - the failure that this test is about
        pytest.fail(str(error))
    assert capsys.readouterr() == ("", "")
