"""The edit of the inventory that gives a profile another name, and what is refused before it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from calling import said

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands.profile.layers import refuse_other_meaning, renaming
from hermes_ops.commands.workspace import loaded, open_workspace
from hermes_ops.errors import InventoryError

pytestmark = pytest.mark.usefixtures("hasty")  # no host is there

GROUPS = """\
all:
  children:
    minis:
      vars:
        hermes_profiles: [coder, "scout"]   # both
      hosts:
        mini-1: {}
        mini-2: {hermes_profiles: {'coder': {description: mine}}}
    racks:
      hosts:
        rack-1:
          hermes_profiles:
            - coder
            - coder-2
"""
CODER = "description: writes code\nsoul: coder.soul.md\n"
FILES = {
    "hosts.yml": GROUPS,
    "profiles/coder.yml": CODER,
    "profiles/coder.soul.md": "You are coder.\n",
    "profiles/coder-2.yml": "",
    "profiles/scout.yml": "",
}


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory with one profile in a group, on a host of it, and on another host."""
    monkeypatch.chdir(tmp_path)
    return written(tmp_path / "inventory", FILES)


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """Write these files below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def renamed(hosts: list[str], old: str, new: str) -> dict[str, list[str]]:
    """Rename a profile in the inventory of the working folder; return the names on each host."""
    workspace = open_workspace(Options(), Output(json=True))
    edit = renaming(workspace, hosts, old, new)

    def load() -> dict[str, list[str]]:
        after = loaded(workspace.paths, workspace.vault)
        refuse_other_meaning(workspace.whole, after, hosts, old, new)
        return {host.name: [one.name for one in host.profiles] for host in after.hosts}

    return edit.write(load)


def texts(folder: Path) -> dict[str, str]:
    """Return every file below a folder, by its path."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_text() for file in files}


def test_a_name_in_a_group_is_replaced_for_all_its_hosts(inventory: Path) -> None:
    """In each layer, as it is written; other profiles and hosts keep theirs, and their file."""
    names = renamed(["mini-1", "mini-2"], "coder", "builder")
    assert names == {
        "mini-1": ["builder", "scout"],
        "mini-2": ["builder", "scout"],
        "rack-1": ["coder", "coder-2"],
    }
    after = texts(inventory)
    expected = GROUPS.replace("[coder,", "[builder,").replace("'coder':", "'builder':")
    assert after["hosts.yml"] == expected
    assert after["profiles/builder.yml"] == after["profiles/coder.yml"] == CODER


def test_a_file_of_the_catalogue_that_nobody_uses_any_more_is_renamed(inventory: Path) -> None:
    """The last one takes it along."""
    renamed(["mini-1", "mini-2", "rack-1"], "coder", "builder")
    after = texts(inventory)
    assert "profiles/coder.yml" not in after
    assert after["profiles/builder.yml"] == CODER
    assert "- builder\n            - coder-2\n" in after["hosts.yml"]


def test_what_fails_leaves_every_file_as_it_was(inventory: Path) -> None:
    """As where another profile must come after the one that is renamed."""
    (inventory / "profiles/scout.yml").write_text("after: [coder]\n")
    before = texts(inventory)
    with pytest.raises(InventoryError, match="so nothing was changed in the inventory") as caught:
        renamed(["mini-1", "mini-2"], "coder", "builder")
    assert "scout.yml" in str(caught.value.where)
    assert texts(inventory) == before


def test_a_name_that_is_written_otherwise_is_left_to_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an expression, or a program: the place is told, and what to do."""
    monkeypatch.chdir(tmp_path)
    text = "all: {vars: {who: [coder]}, hosts: {one: {hermes_profiles: '{{ who }}'}}}\n"
    folder = written(tmp_path / "inventory", {"hosts.yml": text, "profiles/coder.yml": ""})
    before = texts(folder)
    with pytest.raises(InventoryError) as caught:
        renamed(["one"], "coder", "builder")
    assert "hosts.yml" in str(caught.value.where)
    assert texts(folder) == before


@pytest.mark.parametrize(
    ("target", "new", "words"),
    [
        ("mini-1/coder", "builder", "profile.rename 'mini-1/coder,mini-2/coder' builder"),
        ("mini-2/coder", "builder", "this names coder for mini-1, too"),
        ("rack-1/coder", "coder-2", "rack-1 has a profile 'coder-2' already"),
        ("rack-1/coder", "coder", "'coder' is its name already"),
        ("rack-1/coder", "hermes", "Hermes keeps it for itself"),
        ("rack-1/coder", "Builder", "cannot be the name of a profile"),
        ("rack-1/coder", "default", "default is Hermes' own folder"),
        ("rack-1/default", "builder", "default is Hermes' own folder"),
        ("rack-1/codr", "builder", "codr"),
        ("rack-1", "builder", "is not a target"),
        ("rack-1/c*", "builder", "cannot be the name of a profile"),
        ("rack-1/coder,mini-1/scout", "builder", "is not a target"),
    ],
)
def test_what_is_refused_before_any_host_is_asked(
    inventory: Path, capsys: pytest.CaptureFixture[str], target: str, new: str, words: str
) -> None:
    """64, one sentence, and the inventory is as it was."""
    before = texts(inventory)
    code, _, err = said(capsys, "profile.rename", target, new)
    assert (code, texts(inventory)) == (64, before)
    assert words in err


def test_a_profile_that_is_in_the_catalogue_already(
    inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file of it is replaced."""
    (inventory / "profiles/builder.yaml").write_text("description: mine\n")
    code, _, err = said(capsys, "profile.rename", "rack-1/coder", "builder")
    assert (code, "builder.yaml: the catalogue has this profile already" in err) == (64, True)


def test_hosts_that_cannot_be_asked_leave_the_inventory(
    inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing was renamed anywhere, so nothing is in the inventory."""
    hosts = GROUPS.replace("rack-1:", "rack-1:\n          ansible_host: 127.0.0.9\n"
                           "          ansible_port: 9\n          ansible_user: x", 1)  # fmt: skip
    (inventory / "hosts.yml").write_text(hosts)
    before = texts(inventory)
    code, _, err = said(capsys, "profile.rename", "rack-1/coder", "builder")
    assert (code, texts(inventory)) == (3, before)
    assert "the inventory is as before" in err
