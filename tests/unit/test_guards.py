"""What is protected is neither stopped nor removed, whatever else is selected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from calling import said
from examples import seldom
from terminal import typing

pytestmark = pytest.mark.usefixtures("hasty")  # no host is there

Captured = pytest.CaptureFixture[str]
TEXT = """\
all:
  hosts:
    one: {ansible_connection: local, hermes_profiles: {a: {protected: true}, b: {}}}
    two: {hermes_protected: true, hermes_profiles: {c: {}}}
    three: {ansible_host: 127.0.0.9, ansible_port: 9, hermes_profiles: {d: {}}}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "typed", ["y", "TWO", "", *seldom("yes", "all", "two,three", " two -l three !")]
)
def test_a_selection_is_typed_as_it_is(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    """Whoever is asked sees each gateway that is meant; any other word changes nothing."""
    lost = {"ansible_host": "127.0.0.9", "ansible_port": 9}
    profiles: dict[str, Any] = {f"p{number:02}": {} for number in range(14)}
    hosts = {"two": {**lost, "hermes_profiles": profiles}, "three": {**lost, "ansible_user": "x"}}
    hosts["three"]["hermes_profiles"] = profiles
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    words = ("fleet.down", "-i", str(tmp_path), "-l", "two", "-l", "three")
    with typing(monkeypatch, f"{typed}\n"):
        code, _, err = said(capsys, *words)
    told = ", ".join(f"two/p{number:02}" for number in range(12))
    assert f"Stop and disable 28 gateways ({told}, …)?\nType two -l three to go on: " in err
    assert (code, "nothing was changed" in err) == (130, True)
    for limit in ("three", " three "):
        with typing(monkeypatch, f" two -l {limit} \n"):
            assert said(capsys, *words[:-1], limit)[0] == 3


@pytest.mark.parametrize(
    "words", [("fleet.down",), ("fleet.stop",), ("gateway.uninstall",), ("fleet.stop", "--check")]
)
@pytest.mark.parametrize(
    ("limit", "named"),
    [("all", "one/a, two/c are"), ("one,three", "one/a is"), ("two/c", "two/c is")],
)
def test_one_that_is_protected_refuses_all(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: tuple[str, ...],
    limit: str,
    named: str,
) -> None:
    """By name, before any host is contacted or anything is asked; `-y` is no answer to it."""
    (tmp_path / "hosts.yml").write_text(TEXT)
    for answer in ("-y", "-v"):
        code, out, err = said(capsys, *words, "-i", str(tmp_path), "-l", limit, answer)
        assert (code, out) == (64, "")
        assert f"{words[0]}: {named} protected" in err


@pytest.mark.parametrize("task", ["fleet.restart", "fleet.drain", "fleet.start", "gateway.reset"])
def test_what_comes_back_is_not_refused(capsys: Captured, tmp_path: Path, task: str) -> None:
    """A restart, a reset and a drain leave a protected gateway running."""
    (tmp_path / "hosts.yml").write_text(
        TEXT.replace("{c: {}}", "{c: {}}, ansible_port: 9, ansible_host: 127.0.0.9")
    )
    words = ["two/c"] if task == "gateway.reset" else ["-l", "two/c"]
    assert said(capsys, task, "-i", str(tmp_path), *words)[0] == 3


def test_what_is_not_protected_is_not_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its neighbour may be: here the host is just not to be reached."""
    (tmp_path / "hosts.yml").write_text(TEXT)
    code, _, err = said(capsys, "fleet.stop", "-i", str(tmp_path), "-l", "three,one/b,!one", "-y")
    assert code == 3
    assert "protected" not in err


def test_a_check_of_a_stop_asks_nothing(capsys: Captured, tmp_path: Path) -> None:
    """To stop every gateway needs a yes; to see what that would be does not."""
    text = "all: {hosts: {gone: {ansible_host: 127.0.0.9, ansible_port: 9, hermes_profiles: [d]}}}"
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/d.yml").write_text("{}")
    (tmp_path / "hosts.yml").write_text(text)
    assert said(capsys, "fleet.stop", "-i", str(tmp_path))[0] == 64
    assert said(capsys, "fleet.stop", "-i", str(tmp_path), "--check")[0] == 3


def test_one_gateway_is_asked_about_in_the_singular(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the question sees at once that it is a single one."""
    (tmp_path / "hosts.yml").write_text(TEXT)
    with typing(monkeypatch, "no\n"):
        code, _, err = said(capsys, "fleet.down", "-i", str(tmp_path), "-l", "three")
    assert (code, "Stop and disable one gateway (three/d)?\n" in err) == (130, True)


def test_a_gateway_outside_the_inventory_on_a_host_that_is_lost(
    capsys: Captured, tmp_path: Path
) -> None:
    """The host is shown as unreachable: nobody knows what it runs."""
    (tmp_path / "hosts.yml").write_text(TEXT)
    words = ("fleet.ps", "-i", str(tmp_path), "--unmanaged", "-l", "three/x", "--json")
    code, out, _ = said(capsys, *words)
    (host,) = json.loads(out)["hosts"]
    assert (code, host["host"], host["reachable"], host["profiles"]) == (3, "three", False, [])
