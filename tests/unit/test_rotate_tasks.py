"""`secrets.rotate`, typed by an operator whose host is this machine, in a home of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from calling import python_is_here, said

HOSTS = """\
all:
  hosts:
    here:
      ansible_connection: local
      hermes_service_manager: supervisord
      hermes_profiles: [one, two, three, gone]
"""
PROFILES = {
    "one": "env: {A_TOKEN: {env: ONE}}\n",
    "two": "env: {A_TOKEN: {env: TWO}}\n",
    "three": "env: {OTHER: {env: ONE}, B: plain}\n",
    "gone": "env: {A_TOKEN: {env: ONE}}\n",
}
OLD, NEW, TWO = "the-old-value-of-one", "the-new-value-of-one", "the-value-of-two"
pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory in the working folder, and three of its profiles as they live on the host."""
    (tmp_path / "inventory/profiles").mkdir(parents=True)
    (tmp_path / "inventory/hosts.yml").write_text(HOSTS)
    for name, text in PROFILES.items():
        (tmp_path / f"inventory/profiles/{name}.yml").write_text(text)
    monkeypatch.chdir(tmp_path)
    python_is_here(tmp_path / "bin", monkeypatch)
    monkeypatch.setenv("ONE", OLD)
    monkeypatch.setenv("TWO", TWO)
    there = {
        "one": f"A_TOKEN={OLD}\n",
        "two": f"A_TOKEN={TWO}\n",
        "three": f"OTHER={OLD}\nB=plain\n",
    }
    for name, text in there.items():
        folder = Path.home() / ".hermes/profiles" / name
        folder.mkdir(parents=True)
        (folder / ".env").write_text(text)
    return Path.home()


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    """Rotate; return exit code, document and errors."""
    code, out, err = said(capsys, "secrets.rotate", *words, "--json")
    return code, json.loads(out), err


def test_a_source_that_gives_the_old_value(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is done, and it is said what is to be done at each source; 2."""
    code, out, err = said(capsys, "secrets.rotate", "A_TOKEN")
    assert code == 2
    assert "A_TOKEN: the source still gives the old value (fingerprint " in out
    assert "and 3 profiles have it already" in out
    hints = [line for line in out.splitlines() if line.startswith("hint:")]
    assert hints == [
        f"hint:  give env {name.upper()} (inventory/profiles/{name}.yml:1:17) its new value, "
        "then run this again"
        for name in ("one", "two")
    ]
    left = [line for line in err.splitlines() if "skipped: " in line]
    assert left == ["skipped: here/gone does not exist yet: fleet.up creates it"]
    assert OLD not in out + err
    code, document, _ = called(capsys, "A_TOKEN")
    assert (code, document["exit"], document["unchanged"]) == (2, 2, True)
    assert {(row["profile"], row["name"]) for row in document["items"]} == {
        ("one", "A_TOKEN"), ("two", "A_TOKEN"), ("three", "OTHER"),
    }  # fmt: skip


def test_nobody_who_has_it_is_there(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A profile that is only in the inventory gets its value when it is created."""
    code, out, _ = said(capsys, "secrets.rotate", "A_TOKEN", "-l", "here/gone")
    assert (code, out.splitlines()[0]) == (
        2,
        "A_TOKEN: no profile that uses it exists on its host yet",
    )


def test_only_those_whose_value_is_new_are_concerned(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under another name too; who has the same name from another source is left alone."""
    monkeypatch.setenv("ONE", NEW)
    before = {path: path.read_bytes() for path in home.rglob(".env")}
    code, document, _ = called(capsys, "A_TOKEN", "--check")
    assert (code, document["name"], document["findings"]) == (2, "A_TOKEN", [])
    (host,) = document["hosts"]
    assert {change["profile"] for change in host["changes"] if change["profile"]} == {
        "one", "three",
    }  # fmt: skip
    written = {c["resource"] for c in host["changes"] if c["resource"].endswith("/.env")}
    assert written == {f"file:.hermes/profiles/{name}/.env" for name in ("one", "three")}
    assert document["exchanges"] == {"here": 2}
    assert {path: path.read_bytes() for path in home.rglob(".env")} == before


def test_an_alert_of_the_same_source_is_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is on no host: nothing delivers it, and the next look uses it."""
    assert home
    vars_ = Path("inventory/group_vars/all.yml")
    vars_.parent.mkdir()
    vars_.write_text("hermes_alerts: {urls: [{env: ONE}], ping: {env: ELSEWHERE}}\n")
    _, _, err = called(capsys, "A_TOKEN")
    told = (
        "hermes_alerts.urls[0] of here has the same source: fleet.status --alert reads it each time"
    )
    assert told in err
    assert "hermes_alerts.ping" not in err
