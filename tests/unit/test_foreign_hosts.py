"""An inventory that serves others, too: what is not ours is no obstacle, and is not contacted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import calling
import pytest

HOSTS = """\
all:
  children:
    windows:
      hosts: {desk-1: }
      vars: {ansible_connection: winrm, ansible_password: not-ours-to-print}
    vagrant:
      hosts:
        box-1:
          ansible_ssh_private_key_file: ~/.vagrant.d/insecure_private_key
          ansible_ssh_common_args: -o StrictHostKeyChecking=no
    ours:
      hosts: {here-1: {ansible_connection: local}}
"""
RUN = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RUN:
    """Call the program upon that inventory; return exit code, output and errors."""
    (tmp_path / "hosts.yml").write_text(HOSTS)
    monkeypatch.setenv("HERMES_OPS_INVENTORY", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def call(*words: str) -> tuple[int, str, str]:
        return calling.said(capsys, *words)

    return call


def test_it_is_listed(run: RUN) -> None:
    """How others connect is none of our business, and their passwords are not printed."""
    code, out, _ = run("inventory.list", "--json")
    assert code == 0
    assert set(json.loads(out)["_meta"]["hostvars"]) == {"desk-1", "box-1", "here-1"}
    assert "not-ours-to-print" not in out


@pytest.mark.parametrize("task", ["fleet.plan", "fleet.ps", "fleet.verify"])
def test_hosts_without_profiles_are_left_alone(run: RUN, task: str) -> None:
    """Nobody connects to them, and that nothing was to do is no failure."""
    code, _, err = run(task)
    assert code == 0, err


@pytest.mark.parametrize(
    ("host", "reason"), [("desk-1", "winrm"), ("box-1", "StrictHostKeyChecking")]
)
def test_who_wants_to_connect_is_told(run: RUN, host: str, reason: str) -> None:
    """The reason comes with its place when such a host is selected for contact."""
    code, _, err = run("hosts.ping", "-l", host)
    assert code == 64
    assert reason in err
    assert "hosts.yml:" in err
