"""Checks of roles beside an inventory are programs: they run only if the operator trusts them."""

from __future__ import annotations

from pathlib import Path

import pytest
from calling import said

ROLE = """
home: ".thing/{{ profile }}"
files: [{yaml: "{{ home }}/config.yaml"}]
service: {name: "thing-{{ profile }}", command: [/bin/sleep, "60"]}
checks: [test_ran]
"""
HOSTS = "all: {hosts: {here: {ansible_connection: local, hermes_profiles: {a: {role: thing}}}}}\n"
CHECK = 'def test_ran(host):\n    """Leave a trace."""\n    open("RAN", "w")\n'
LEFT = 'open("CONFTEST", "a").write(__file__)\n'


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of this machine with a role of its own, and conftest files all around."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HERMES_OPS_ROLE_PATH", "")
    (tmp_path / "home").mkdir()
    checks = "inventory/roles/thing/checks"
    files = {
        "inventory/hosts.yml": HOSTS,
        "inventory/roles/thing/role.yml": ROLE,
        f"{checks}/test_it.py": CHECK,
        **{f"{folder}/conftest.py": LEFT for folder in (".", "inventory", "inventory/roles")},
        "inventory/roles/thing/conftest.py": LEFT,
    }
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    return tmp_path


def verified(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    """Verify this machine; return the exit code and what is said beside the answer."""
    code, _, err = said(capsys, "fleet.verify", "-i", "inventory", *more)
    return code, err


@pytest.mark.slow
def test_checks_of_an_inventory_do_not_run_unasked(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal that is 64, by name, before anything is contacted; a look goes on."""
    for task in ("fleet.verify", "fleet.up"):
        code, _, err = said(capsys, task, "-i", "inventory")
        assert code == 64
        assert "error: the checks of roles in inventory/roles are programs" in err
        assert "roles.trust inventory/roles" in err
    assert said(capsys, "fleet.plan", "-i", "inventory")[0] in (0, 2)
    assert not Path("RAN").exists()
    assert not Path("CONFTEST").exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["option", "trust", "yes"])
def test_trusted_checks_run(how: str, fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And no conftest.py above them is read."""
    if how == "trust":
        code, out, _ = said(capsys, "roles.trust", "inventory/roles", "-y")
        assert (code, out) == (0, "inventory/roles/thing/checks/test_it.py\n")
    more = {"option": ["--role-path", "inventory/roles"], "yes": ["-y"], "trust": []}[how]
    verified(capsys, *more)
    assert Path("RAN").exists()
    assert not Path("CONFTEST").exists()
    if how == "yes":
        Path("RAN").unlink()
        assert verified(capsys)[0] == 64


@pytest.mark.slow
def test_trust_ends_with_a_change(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was trusted is the content: a further file is another one."""
    said(capsys, "roles.trust", "inventory/roles", "-y")
    Path("inventory/roles/thing/checks/conftest.py").write_text(LEFT)
    code, err = verified(capsys)
    assert code == 64
    assert "the checks of roles in inventory/roles were changed since they were trusted" in err
    said(capsys, "roles.trust", "inventory/roles", "-y")
    verified(capsys)
    read = str(fleet / "inventory" / "roles" / "thing" / "checks" / "conftest.py")
    assert Path("CONFTEST").read_text() == read


def test_a_folder_without_checks_is_nothing_to_trust(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody has named another one."""
    code, _, err = said(capsys, "roles.trust", "inventory", "-y")
    assert (code, err.splitlines()[0]) == (64, "error: no role in inventory has checks")
