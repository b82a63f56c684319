"""What an inventory names lies in it: no path and no link leads to the operator's own files."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import BARE_ROLE

from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Profile
from hermes_ops.loader import load

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an inventory, and a file beside it."""
    monkeypatch.chdir(tmp_path)
    files = {
        "inventory/hosts.yml": "all: {hosts: {one: {hermes_profiles: [a]}}}\n",
        "inventory/texts/in.md": "inside\n",
        "inventory/profiles/near.md": "near\n",
        "outside/out.md": "outside\n",
        "roles/gateway/role.yml": BARE_ROLE,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "inventory"


def loaded(folder: Path, profile: str) -> Profile:
    """Return the profile that a file of the catalogue describes."""
    (folder / "profiles" / "a.yml").write_text(profile)
    return load([folder], Path("roles"), {}).hosts[0].profiles[0]


def refused(folder: Path, profile: str) -> InventoryError:
    """Return the error about a profile."""
    with pytest.raises(InventoryError) as caught:
        loaded(folder, profile)
    return caught.value


def test_files_of_the_inventory_are_read(folder: Path) -> None:
    """Beside the profile, anywhere in the inventory, and through a link that stays in it."""
    (folder / "profiles" / "link.md").symlink_to("../texts/in.md")
    assert loaded(folder, "soul: near.md\n").soul == "near\n"
    assert loaded(folder, "soul: ../texts/in.md\n").soul == "inside\n"
    assert loaded(folder, "files: {x: {copy: link.md}}\n").files["x"].content == "inside\n"


@pytest.mark.parametrize("form", ["soul: {}", "files: {{x: {{copy: {}}}}}"])
def test_a_path_or_a_link_that_leads_out_is_refused(form: str, folder: Path) -> None:
    """With its place, where it leads, and how its folder is allowed."""
    (folder / "profiles" / "link.md").symlink_to(folder.parent / "outside" / "out.md")
    for path in ("../../outside/out.md", str(folder.parent / "outside" / "out.md"), "link.md"):
        error = refused(folder, form.format(path) + "\n")
        assert "is outside of the inventory" in error.message
        assert error.hint.endswith(f"HERMES_OPS_FILES_PATH={folder.parent}/outside")
        assert str(error.where).startswith("inventory/profiles/a.yml:1:")
    assert f"it leads to {folder.parent}/outside/out.md" in error.message


def test_the_operator_allows_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, in the environment."""
    monkeypatch.setenv("HERMES_OPS_FILES_PATH", f"/nowhere:{folder.parent}/outside")
    assert loaded(folder, "soul: ../../outside/out.md\n").soul == "outside\n"


def test_a_private_key_is_never_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it lies, whatever is allowed."""
    monkeypatch.setenv("HERMES_OPS_FILES_PATH", "/")
    (folder / "profiles" / "id").write_text(KEY)
    assert "is a private key" in refused(folder, "files: {x: {copy: id}}\n").message
    assert "is a private key" in refused(folder, "soul: id\n").message


@pytest.mark.parametrize("where", ["group_vars/all.yml", "host_vars/one.yml", "profiles/a.yml"])
def test_variables_that_a_link_reads_elsewhere_are_refused(where: str, folder: Path) -> None:
    """With the file, where it leads, and how its folder is allowed; no value of it is told."""
    out = folder.parent / "outside" / "vars.yml"
    out.write_text("secret_of_the_operator: {broken\n")
    (folder / "profiles" / "a.yml").write_text("description: a\n")
    (folder / where).unlink(missing_ok=True)
    (folder / where).parent.mkdir(exist_ok=True)
    (folder / where).symlink_to(out)
    with pytest.raises(
        InventoryError, match=f"is outside of the inventory: it leads to {out}"
    ) as e:
        load([folder], Path("roles"), {})
    assert str(e.value.where) == f"inventory/{where}"
    assert e.value.hint == (
        f"copy it there, or allow its folder: HERMES_OPS_FILES_PATH={out.parent}"
    )
    assert "secret_of" not in str(e.value)


def test_a_folder_of_variables_that_is_a_link(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is judged by where it leads: in the inventory, in its repository, or where allowed."""
    out = folder.parent / "outside"
    (out / "all.yml").write_text("colour: red\n")
    (folder / "profiles" / "a.yml").write_text("description: a\n")
    (folder / "group_vars").symlink_to(out)
    with pytest.raises(InventoryError, match="is outside of the inventory"):
        load([folder], Path("roles"), {})
    monkeypatch.setenv("HERMES_OPS_FILES_PATH", str(out))
    assert load([folder], Path("roles"), {}).hosts[0].variables["colour"] == "red"
    monkeypatch.delenv("HERMES_OPS_FILES_PATH")
    (folder.parent / ".git").mkdir()
    assert load([folder], Path("roles"), {}).hosts[0].variables["colour"] == "red"
    monkeypatch.setenv("HOME", str(folder.parent))
    with pytest.raises(InventoryError, match="is outside of the inventory"):
        load([folder], Path("roles"), {})


def test_a_source_that_is_a_link_is_the_operators_own_word(folder: Path) -> None:
    """What `-i` names is read, wherever it leads; what lies beside it is not followed out."""
    (folder / "profiles" / "a.yml").write_text("description: a\n")
    hosts = folder.parent / "outside" / "hosts.yml"
    hosts.write_text("all: {hosts: {far: {hermes_profiles: [a]}}}\n")
    (folder / "link.yml").symlink_to(hosts)
    assert [host.name for host in load([folder / "link.yml"], Path("roles"), {}).hosts] == ["far"]
