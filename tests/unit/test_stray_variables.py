"""Variables that nobody reads are named in every task, and never take settings away unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
from calling import said

from hermes_ops.loader import load

ROLE = """
home: ".thing/{{ profile }}"
files:
  - {yaml: "{{ home }}/config.yaml"}
  - {env: "{{ home }}/.env"}
service: {name: "thing-{{ profile }}", command: [/bin/sleep, "60"]}
"""
HOSTS = """
all:
  children:
    desks:
      hosts: {here: {ansible_connection: local, hermes_profiles: [a, b, c]}}
"""
DEFAULTS = """
hermes_profile_defaults:
  config: {model: {default: x}}
  env: {TOKEN: abcdefgh}
"""


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of this machine: three profiles, whose settings are those of their group."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    files = {"hosts.yml": HOSTS, "group_vars/desks.yml": DEFAULTS, "roles/thing/role.yml": ROLE}
    for name, text in files.items():
        (tmp_path / "inventory" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "inventory" / name).write_text(text)
    for name in ("a", "b", "c"):
        own = tmp_path / "inventory" / "profiles" / f"{name}.yml"
        own.parent.mkdir(exist_ok=True)
        own.write_text("role: thing\nconfig: {own: 1}\n")
    return tmp_path / "inventory"


def configure(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    """Run the step that writes settings; return its exit code and what it says beside them."""
    code, _, err = said(capsys, "profile.configure", "-i", "inventory", *more)
    return code, err


def kept(name: str) -> bool:
    """Return whether the settings of the group are still there."""
    return "model" in (Path("home") / ".thing" / name / "config.yaml").read_text()


@pytest.mark.slow
def test_settings_of_a_misnamed_file_are_not_removed_unasked(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Most profiles would lose settings: somebody must say so; a look and `--yes` go on."""
    assert configure(capsys)[0] == 0
    assert all(map(kept, "abc"))
    (fleet / "group_vars" / "desks.yml").rename(fleet / "group_vars" / "desk.yml")
    code, err = configure(capsys)
    assert code == 64
    assert (
        "warning: inventory/group_vars/desk.yml is not read: there is no group 'desk';"
        " did you mean 'desks'?" in err
    )
    assert (
        "error: settings would be removed from 3 of 3 profiles, and inventory/group_vars/desk.yml"
        " is not read: there is no such group. Remove them?" in err
    )
    assert all(map(kept, "abc"))
    assert configure(capsys, "--check")[0] == 2
    assert configure(capsys, "--yes")[0] == 0
    assert not any(map(kept, "abc"))


@pytest.mark.slow
def test_few_removals_are_not_asked_about(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of the profiles or less: a file that nobody reads may have nothing to do with it."""
    assert configure(capsys)[0] == 0
    (fleet / "group_vars" / "others.yml").write_text("x: 1\n")
    (fleet / "profiles" / "a.yml").write_text("role: thing\n")
    assert configure(capsys, "-l", "here/a,here/b")[0] == 0
    assert "own" not in (Path("home") / ".thing" / "a" / "config.yaml").read_text()


@pytest.mark.slow
def test_removals_without_a_stray_file_are_not_asked_about(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever removes settings means it."""
    assert configure(capsys)[0] == 0
    (fleet / "group_vars" / "desks.yml").unlink()
    assert configure(capsys)[0] == 0
    assert not any(map(kept, "abc"))


def test_only_a_group_that_is_not_there_makes_removals_doubtful(fleet: Path) -> None:
    """A file of a host that left has settings of nobody who is still there."""
    (fleet / "group_vars" / "mins.yml").write_text("x: 1\n")
    (fleet / "host_vars").mkdir()
    (fleet / "host_vars" / "gone.yml").write_text("x: 1\n")
    assert [path.name for path in load([fleet], Path("roles"), {}).strays] == ["mins.yml"]


def test_many_stray_files_are_one_warning(fleet: Path) -> None:
    """An inventory that shares its variables with others does not bury what matters."""
    for name in ("one", "two.yml", "three.json", "four.yaml"):
        (fleet / "group_vars" / name).write_text("{}")
    (fleet / "host_vars").mkdir()
    (fleet / "host_vars" / "her.yml").write_text("")
    assert load([fleet], Path("roles"), {}).warnings == (
        "inventory/group_vars: four.yaml, one, three.json and 1 more are not read:"
        " there are no such groups (inventory.lint names all)",
        "inventory/host_vars/her.yml is not read: there is no host 'her'; did you mean 'here'?",
    )


def test_variables_beside_a_playbook_are_told(fleet: Path) -> None:
    """They are for a group of this inventory, and only `ansible-playbook` reads them."""
    beside = fleet.parent / "group_vars"
    beside.mkdir()
    (beside / "other.yml").write_text("ansible_user: deploy\n")
    assert load([fleet], Path("roles"), {}).warnings == ()
    (beside / "all.yml").write_text("ansible_user: deploy\n")
    (told,) = load([fleet / "hosts.yml"], Path("roles"), {}).warnings
    assert told == (
        "group_vars is not read, as by ansible-inventory: variables stand beside the inventory,"
        " not beside a playbook"
    )
    (beside / "other.yml").unlink()
    assert load([fleet, Path("group_vars/../")], Path("roles"), {}).warnings == ()
