"""Which inventory counts: named, or the nearest of folders that are the operator's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import said
from folders import give_away, open_to_all

from hermes_ops.errors import InventoryError
from hermes_ops.inventory.find import find_inventory

HOSTS = "all: {hosts: {here: {ansible_connection: local}}}\n"


def folder(path: Path, *, inventory: bool = False, repository: bool = False) -> Path:
    """Return a folder, made with what it shall have."""
    path.mkdir(parents=True, exist_ok=True)
    if inventory:
        (path / "inventory").mkdir()
        (path / "inventory/hosts.yml").write_text(HOSTS)
    if repository:
        (path / ".git").mkdir()
    return path


def test_what_is_named_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-i`, then the variable, and only then the folder that somebody stands in."""
    working = folder(tmp_path / "fleet", inventory=True)
    environ = {"HERMES_OPS_INVENTORY": "a, /b"}
    assert find_inventory(["x", "y"], environ, working) == [working / "x", working / "y"]
    assert find_inventory([], environ, working) == [working / "a", Path("/b")]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_inventory(["~/x"], {}, working) == [tmp_path / "x"]
    assert find_inventory([], {}, working) == [working / "inventory"]


def test_the_nearest_folder_above_up_to_the_repository(tmp_path: Path) -> None:
    """In a repository its own `inventory/` counts, from any depth, and none above its root."""
    folder(tmp_path, inventory=True)
    root = folder(tmp_path / "fleet", repository=True)
    deep = folder(root / "docs/deep")
    with pytest.raises(InventoryError, match="no inventory/ here"):
        find_inventory([], {}, deep)
    folder(root, inventory=True)
    assert find_inventory([], {}, deep) == [root / "inventory"]
    folder(root / "docs", inventory=True)
    assert find_inventory([], {}, deep) == [root / "docs/inventory"]


def test_the_nearest_folder_above_up_to_the_home(tmp_path: Path) -> None:
    """In the home every folder up to it counts, whatever links lead to it, and none above it."""
    folder(tmp_path, inventory=True)
    home = folder(tmp_path / "home")
    deep = folder(home / "work/deep")
    (tmp_path / "link").symlink_to(home)
    with pytest.raises(InventoryError, match="no inventory/ here"):
        find_inventory([], {"HOME": str(home)}, deep)
    folder(home, inventory=True)
    assert find_inventory([], {"HOME": str(tmp_path / "link")}, deep) == [home / "inventory"]


@pytest.mark.parametrize("home", ["", "/", "/nonexistent"])
def test_outside_of_both_only_the_working_folder_counts(tmp_path: Path, home: str) -> None:
    """A folder above is no place to look in; a home of `/` makes none of it one."""
    above = folder(tmp_path / "above", inventory=True)
    deep = folder(above / "deep")
    with pytest.raises(InventoryError, match="no inventory/ here"):
        find_inventory([], {"HOME": home}, deep)
    assert find_inventory([], {"HOME": home}, above) == [above / "inventory"]


@pytest.mark.parametrize("spoil", [give_away, open_to_all])
@pytest.mark.parametrize("part", [".", "inventory"])
def test_a_folder_that_others_can_fill_is_refused(
    tmp_path: Path,
    spoil: Callable[[Path, pytest.MonkeyPatch], None],
    part: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of another user, or that everybody may write, is 64 when found, and fine when named."""
    fleet = folder(tmp_path / "fleet", inventory=True)
    monkeypatch.chdir(fleet)
    monkeypatch.delenv("HERMES_OPS_INVENTORY", raising=False)
    assert said(capsys, "inventory.list")[0] == 0
    spoil(fleet / part, monkeypatch)
    code, _, err = said(capsys, "inventory.list")
    assert (code, err.splitlines()[0].startswith(f"error: {fleet / part}: ")) == (64, True), err
    assert f"-i {fleet / 'inventory'} names it" in err
    assert said(capsys, "inventory.list", "-i", "inventory")[0] == 0


def test_none_is_64_with_the_ways_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Away from any inventory, none is taken from where the program lies."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HERMES_OPS_INVENTORY", raising=False)
    code, out, err = said(capsys, "fleet.plan", "--json")
    assert (code, json.loads(out)["inventory"]) == (64, [])
    for way in ("-i PATH", "$HERMES_OPS_INVENTORY", "a folder that has inventory/"):
        assert way in err


def test_a_working_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a sentence, not a traceback."""
    monkeypatch.chdir(folder(tmp_path / "gone"))
    (tmp_path / "gone").rmdir()
    code, _, err = said(capsys, "inventory.list")
    assert (code, err.startswith("error: the working folder cannot be told")) == (64, True), err


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with an inventory; return the path of it."""
    monkeypatch.chdir(folder(tmp_path, inventory=True))
    monkeypatch.delenv("HERMES_OPS_INVENTORY", raising=False)
    return tmp_path / "inventory"


def test_every_document_names_what_was_read(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So do errors; Ansible's view of the inventory alone is exactly Ansible's."""
    for words in (["profile.list"], ["inventory.show"], ["fleet.plan", "-l", "nobody"]):
        document = json.loads(said(capsys, *words, "--json")[1])
        assert document["inventory"] == [str(fleet)], document
    assert "inventory" not in json.loads(said(capsys, "inventory.list", "--json")[1])


def test_people_are_told_what_was_read(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line: in the summary of a run, else beside the answer, which others may read."""
    _, out, err = said(capsys, "fleet.plan")
    assert (out.count(f"inventory: {fleet}\n"), err.count("inventory: ")) == (1, 0)
    _, out, err = said(capsys, "inventory.list")
    assert (out.count("inventory: "), err) == (0, f"inventory: {fleet}\n")
