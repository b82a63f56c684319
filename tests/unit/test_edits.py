"""A key goes into the file of its layer, and the inventory loads afterwards, or is as before."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from folders import standing_in

from hermes_ops.errors import InventoryError, UsageError
from hermes_ops.inventory.model import Inventory
from hermes_ops.loader import gather, load
from hermes_ops.loader.edit.edits import Edit, edit_key, write
from hermes_ops.loader.edit.spots import spot_of

ROLES = Path(__file__).parents[2] / "roles"

FILES = {
    "hosts.yml": "all:\n  children:\n    minis:\n      hosts:\n        mini-[1:2]:\n        solo:\n"
    "          hermes_profiles: [coder]   # one\n      vars:\n        hermes_profiles: [coder]\n",
    "profiles/coder.yml": "# writes\nenv:\n  A: x   # kept\n",
    "host_vars/mini-2/main.yml": "x: 1\n",
    "host_vars/mini-2/settings.yml": "hermes_profile_defaults:\n    config: {a: 1}\n",
    "group_vars/all.yml": "y: 'two'\n",
}


folder = standing_in(FILES)


def read(folder: Path) -> Inventory:
    """Load the inventory."""
    return load([folder], ROLES, {})


def edit(folder: Path, host: str, layer: str, key: str = "config.b", value: object = 2) -> Edit:
    """Return the edit of a key of coder on a host."""
    spot = spot_of(gather([folder], ROLES, {}), [folder], host, "coder", layer)
    return edit_key(spot.file, (*spot.path, *key.split(".")), value)


@pytest.mark.parametrize(
    ("host", "layer", "place", "after"),
    [
        ("mini-1", "catalogue", "profiles/coder.yml:5",
         "# writes\nenv:\n  A: x   # kept\nconfig:\n  b: 2\n"),
        ("mini-1", "host", "host_vars/mini-1.yml:3",
         "hermes_profile_defaults:\n  config:\n    b: 2\n"),
        ("mini-1", "profile", "host_vars/mini-1.yml:4",
         "hermes_profiles:\n  coder:\n    config:\n      b: 2\n"),
        ("mini-2", "host", "host_vars/mini-2/settings.yml:2",
         "hermes_profile_defaults:\n    config: {a: 1, b: 2}\n"),
        ("mini-2", "group:all", "group_vars/all.yml:4",
         "y: 'two'\nhermes_profile_defaults:\n  config:\n    b: 2\n"),
        ("mini-2", "group:minis", "group_vars/minis.yml:3",
         "hermes_profile_defaults:\n  config:\n    b: 2\n"),
        ("solo", "profile", "hosts.yml:10", FILES["hosts.yml"].replace(
            "hermes_profiles: [coder]   # one\n",
            "hermes_profiles:   # one\n            coder:\n              config:\n"
            "                b: 2\n")),
    ],
)  # fmt: skip
def test_each_layer_has_its_file(
    host: str, layer: str, place: str, after: str, folder: Path
) -> None:
    """The key goes to the file that has the variable, else to the host's, else to a new one."""
    made = edit(folder, host, layer)
    assert f"{made.place.file}:{made.place.line}" == f"inventory/{place}"
    assert made.after == after
    whole = write(made, lambda: read(folder))
    (wanted,) = [h.profiles[0].config for h in whole.hosts if h.name == host]
    assert wanted["b"] == 2


def test_a_diff_shows_the_lines_and_no_others(folder: Path) -> None:
    """One hunk, and the file's name as it is reached from here."""
    assert edit(folder, "mini-1", "catalogue", "env.A", "y").diff().splitlines() == [
        "--- inventory/profiles/coder.yml", "+++ inventory/profiles/coder.yml", "@@ -1,3 +1,3 @@",
        " # writes", " env:", "-  A: x   # kept", "+  A: y   # kept",
    ]  # fmt: skip


def test_an_inventory_that_would_not_load_is_put_back(folder: Path) -> None:
    """The error says what is wrong, and the file has its old bytes and mode."""
    file = folder / "profiles/coder.yml"
    file.chmod(0o640)
    with pytest.raises(InventoryError, match=r"unknown key 'wrong'; so nothing was"):
        write(edit(folder, "mini-1", "catalogue", "wrong"), lambda: read(folder))
    assert file.read_text() == FILES["profiles/coder.yml"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert not list(folder.rglob(".*"))


def test_a_new_file_that_would_not_load_is_removed(folder: Path) -> None:
    """So are the folders that were made for it."""
    (folder / "group_vars/all.yml").unlink()
    (folder / "group_vars").rmdir()
    with pytest.raises(InventoryError):
        write(edit(folder, "mini-1", "group:minis", "wrong"), lambda: read(folder))
    assert not (folder / "group_vars").exists()


def test_what_somebody_else_changed_meanwhile_stays(folder: Path) -> None:
    """Between reading and writing, another editor may have saved."""
    made = edit(folder, "mini-1", "catalogue")
    (folder / "profiles/coder.yml").write_text("description: new\n")
    with pytest.raises(InventoryError, match="somebody else changed this file"):
        write(made, lambda: read(folder))
    assert (folder / "profiles/coder.yml").read_text() == "description: new\n"


def test_a_link_stays_a_link(folder: Path) -> None:
    """The file behind it changes."""
    (folder / "profiles/coder.yml").rename(folder / "real")
    (folder / "profiles/coder.yml").symlink_to("../real")
    write(edit(folder, "mini-1", "catalogue"), lambda: read(folder))
    assert (folder / "profiles/coder.yml").is_symlink()
    assert "b: 2" in (folder / "real").read_text()


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("profiles", "there is no layer 'profiles'"),
        ("group:", "there is no layer 'group:'"),
        ("host:x", "there is no layer 'host:x'"),
        ("group:mini", "mini-1 is not in the group 'mini'"),
        ("group:ungrouped", "mini-1 is not in the group 'ungrouped'"),
    ],
)
def test_layers_that_there_are_not(layer: str, said: str, folder: Path) -> None:
    """A misspelt layer is one sentence."""
    with pytest.raises(UsageError, match=said):
        edit(folder, "mini-1", layer)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yml", b"$ANSIBLE_VAULT;1.1;AES256\n6162\n", "is encrypted as a whole"),
        ("a.json", b"{", "cannot be JSON"),
        ("a.yml", b"\xff", "is not UTF-8"),
    ],
)
def test_files_that_are_not_edited(name: str, text: bytes, said: str, tmp_path: Path) -> None:
    """What is no YAML text in plain view is refused by name."""
    (tmp_path / name).write_bytes(text)
    with pytest.raises(InventoryError, match=said):
        edit_key(tmp_path / name, ("a",), 1)


def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    """Some editors write one."""
    (tmp_path / "a.yml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    write(edit_key(tmp_path / "a.yml", ("b",), 2), lambda: None)
    assert (tmp_path / "a.yml").read_bytes() == b"\xef\xbb\xbfa: 1\nb: 2\n"
