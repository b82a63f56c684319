"""Only regular files are read, and a byte order mark at the beginning of one is no part of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from building import BARE_ROLE
from calling import said

from hermes_ops.errors import InventoryError
from hermes_ops.loader import Vault, load, load_env
from hermes_ops.secrets.secret import Secret
from hermes_ops.secrets.sources.base import text_of

MARK = "\ufeff"
HOSTS = "all: {hosts: {one: {hermes_profiles: [a]}}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an inventory of one host and one profile, and the role for it."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "inventory/hosts.yml": HOSTS,
        "inventory/profiles/a.yml": "description: x\n",
        "roles/gateway/role.yml": BARE_ROLE,
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    return tmp_path / "inventory"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hosts", "[web]\none v=1\n"),
        ("hosts", "# \xe4\n[web]\none v=1\n".encode("latin-1").decode("utf-8", "surrogateescape")),
        ("hosts.yml", "web: {hosts: {one: {v: 1}}}\n"),
        ("hosts.yml", "[web]\none v=1\n"),
        ("hosts.json", '{"web": {"hosts": {"one": {"v": 1}}}}\n'),
        ("more/any.yml", "[web]\none v=1\n"),
    ],
)
def test_a_mark_is_no_part_of_an_inventory(name: str, text: str, tmp_path: Path) -> None:
    """Neither of a name nor of a section, in every kind of source."""
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes((MARK + text).encode("utf-8", "surrogateescape"))
    source = file.parent if "/" in name else file
    inventory = load([source], Path("roles"), {})
    assert [host.name for host in inventory.hosts] == ["one"]
    assert inventory.groups["web"].hosts == ("one",)
    assert inventory.hosts[0].variables["v"] == 1


def test_a_mark_is_no_part_of_a_value(folder: Path) -> None:
    """In variables, profiles, souls, `.env` and files that hold a secret."""
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text(f"{MARK}team: x\n")
    (folder / "profiles" / "a.yml").write_text(f"{MARK}soul: a.soul.md\n")
    (folder / "profiles" / "a.soul.md").write_text(f"{MARK}Be kind.\n")
    (folder / ".env").write_text(f"{MARK}FIRST=abc\n")
    host = load([folder], Path("roles"), {}).hosts[0]
    assert host.variables["team"] == "x"
    assert host.profiles[0].soul == "Be kind.\n"
    assert load_env([folder], {}) == {"FIRST": "abc"}
    assert text_of(f"{MARK}abc\n".encode(), "file x") == "abc"


def test_a_copy_stays_as_it_is(folder: Path) -> None:
    """What `copy:` names is carried with its mark."""
    (folder / "profiles" / "a.yml").write_text("files: {x.txt: {copy: x.txt}}\n")
    (folder / "profiles" / "x.txt").write_text(f"{MARK}x\n")
    host = load([folder], Path("roles"), {}).hosts[0]
    assert host.profiles[0].files["x.txt"].content == f"{MARK}x\n"


def test_a_mark_hides_no_vault(tmp_path: Path) -> None:
    """An encrypted file that begins with a mark holds secrets all the same."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    vault = VaultLib([("default", VaultSecret(b"open"))])
    sealed = bytes(vault.encrypt("[web]\none v=hidden\n")).decode()
    (tmp_path / "hosts").write_text(MARK + sealed)
    (tmp_path / "password").write_text("open")
    inventory = load([tmp_path / "hosts"], Path("roles"), {}, Vault(tmp_path / "password"))
    assert isinstance(inventory.hosts[0].variables["v"], Secret)


@pytest.mark.parametrize(
    "name",
    [
        "hosts.yml",
        "more.yml",
        "group_vars/all.yml",
        "group_vars/all/x.yml",
        "host_vars/one",
        "profiles/a.yml",
        "profiles/a.soul.md",
        "profiles/x.txt",
        ".env",
        "../roles/gateway/role.yml",
    ],
)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_are_refused(name: str, kind: str, folder: Path) -> None:
    """Wherever a file of the inventory is read: at once, by name, and nothing of it is read."""
    if name.endswith(("soul.md", "x.txt")):
        text = "soul: a.soul.md\n" if "soul" in name else "files: {x: {copy: x.txt}}\n"
        (folder / "profiles" / "a.yml").write_text(text)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(InventoryError) as caught:
        load([folder], Path("roles"), {})
        load_env([folder], {})
    # A link of a soul to a device leads out of the inventory, too.
    assert re.search("is not a regular file|leads to /dev/zero", str(caught.value))
    assert path.name in str(caught.value)


def test_a_pipe_is_no_inventory(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """`-i` wants a file or a folder."""
    os.mkfifo("pipe")
    code, _, err = said(capsys, "inventory.list", "-i", "pipe")
    assert (code, err.splitlines()[0]) == (64, "error: pipe: is not a regular file")
