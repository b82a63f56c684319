"""What is protected is neither stopped nor removed, whatever else is selected."""

from __future__ import annotations

from pathlib import Path

import pytest
from calling import said

Captured = pytest.CaptureFixture[str]
TEXT = """\
all:
  hosts:
    one: {ansible_connection: local, hermes_profiles: {a: {protected: true}, b: {}}}
    two: {hermes_protected: true, hermes_profiles: {c: {}}}
    three: {ansible_host: 127.0.0.9, ansible_port: 9, hermes_profiles: {d: {}}}
"""


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
    """By name, before any host is contacted; `-y` is no answer to it."""
    (tmp_path / "hosts.yml").write_text(TEXT)
    code, out, err = said(capsys, *words, "-i", str(tmp_path), "-l", limit, "-y")
    assert (code, out) == (64, "")
    assert f"{words[0]}: {named} protected" in err


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
