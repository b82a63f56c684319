"""`fleet.logs` and `gateway.logs` as they are called, on this machine as the host."""

from __future__ import annotations

import json
import time
from pathlib import Path
from threading import Thread

import pytest
from calling import said

from hermes_ops.commands.logs.follow import Follower
from hermes_ops.errors import Interrupted

LOG = ".hermes/profiles/coder/logs/gateway.log"
TEXT = """\
2026-07-20 10:00:00,000 INFO gateway.run: one
2026-07-20 10:00:01,000 ERROR gateway.run: two
  and more
"""
HOSTS = """\
all: {hosts: {here: {ansible_connection: local, hermes_profiles: {coder: {}, scout: {}}}}}
"""


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of a profile of this machine, whose home is a folder of this test."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HERMES_OPS_INVENTORY", str(tmp_path / "inventory"))
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/hosts.yml").write_text(HOSTS)
    log = tmp_path / "home" / LOG
    log.parent.mkdir(parents=True)
    log.write_text(TEXT)
    return log


Capture = pytest.CaptureFixture[str]


def test_the_end_of_the_logs(capsys: Capture) -> None:
    """And, beside it, what is not there."""
    code, out, err = said(capsys, "fleet.logs", "-n", "2")
    assert code == 0
    first, second = out.splitlines()
    assert first.startswith("here/coder 2026-07-20T")
    assert first.endswith("Z ERROR gateway.run: two")
    assert second.split() == ["here/coder", "and", "more"]
    assert "-- here: there is no gateway.log yet of scout" in err


def test_objects_of_json(capsys: Capture) -> None:
    """One a line, and nothing else on standard output."""
    code, out, _ = said(capsys, "gateway.logs", "here/coder", "--json", "--grep", "more|one")
    found = [json.loads(line) for line in out.splitlines()]
    assert (code, [line["message"] for line in found]) == (0, ["one", "  and more"])
    assert [line["level"] for line in found] == ["INFO", "ERROR"]


@pytest.mark.slow
def test_following_ends_at_the_deadline(log: Path, capsys: Capture) -> None:
    """With what came until then."""

    def later() -> None:
        time.sleep(1)
        with log.open("a") as stream:
            stream.write("2026-07-20 10:00:02,000 INFO gateway.run: three\n")

    writer = Thread(target=later)
    writer.start()
    words = ("fleet.logs", "-l", "here/coder", "-f", "-n", "0", "--timeout", "4", "--json")
    code, out, _ = said(capsys, *words)
    writer.join()
    assert (code, [json.loads(line)["message"] for line in out.splitlines()]) == (0, ["three"])


def test_a_gateway_outside_the_inventory_is_reached_by_an_option(capsys: Capture) -> None:
    """It is named where the host is known and the gateway is not, by verbs that have it."""
    told = "one that is only on the host: add --unmanaged"
    for words in (("fleet.logs", "-l", "here/stray"), ("gateway.reset", "here/stray")):
        assert told in said(capsys, *words)[2]
    for words in (("fleet.logs", "-l", "there/stray"), ("fleet.status", "-l", "here/stray")):
        code, _, err = said(capsys, *words)
        assert (code, told in err) == (64, False)


@pytest.mark.parametrize(
    ("signal", "unreachable", "ends"), [(130, False, 0), (130, True, 3), (143, False, 143)]
)
def test_following_is_ended_by_hand(
    signal: int, unreachable: bool, ends: int, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Ctrl-C is how it is meant to end; then only a host that is lost counts. SIGTERM does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Follower, "follow", lambda *_: None)
    monkeypatch.setattr(Follower, "lines", interrupt)
    monkeypatch.setattr(Follower, "unreachable", unreachable)
    monkeypatch.setattr(Interrupted, "exit_code", signal)
    code, out, _ = said(capsys, "fleet.logs", "-f")
    assert (code, out) == (ends, "")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("fleet.logs", "-l", "here/codr"), "did you mean 'here/coder'?"),
        (("gateway.logs", "here/codr"), "did you mean 'coder'?"),
        (("gateway.logs", "hree/coder"), "did you mean 'here'?"),
        (("gateway.logs", "coder", "--unmanaged"), "write host/profile: mini-1/coder"),
        (("gateway.logs", "her*/own", "--unmanaged"), "did you mean 'here'?"),
        (("gateway.repair", "here/o*", "--unmanaged"), "a target is one gateway: mini-1/coder"),
        (("gateway.reset", "here/a,b", "--unmanaged"), "a target is one gateway: mini-1/coder"),
        (("fleet.logs", "--level", "loud"), "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        (("fleet.logs", "--file", "gatway"), "did you mean gateway?"),
    ],
)
def test_what_is_wrong_is_told_before(words: tuple[str, ...], hint: str, capsys: Capture) -> None:
    """With the nearest that would be right."""
    code, out, err = said(capsys, *words)
    assert (code, out) == (64, "")
    assert f"hint:  {hint}" in err
