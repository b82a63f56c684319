"""`config.*` and its kin, typed by an operator whose host is this machine, in a home of its own."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from calling import said

HOSTS = """\
all:
  hosts:
    here: {ansible_connection: local, hermes_service_manager: supervisord, hermes_profiles: [demo]}
"""
DEMO = 'config: {model: {default: a/b}}\nenv: {A_TOKEN: a-secret-value, PORT: "12"}\n'
CONFIG = "# by hand\nmodel:\n  default: x/y   # mine\nagent: {max_turns: 7}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory in the working folder, and a profile that lives on the host already."""
    (tmp_path / "inventory/profiles").mkdir(parents=True)
    (tmp_path / "inventory/hosts.yml").write_text(HOSTS)
    (tmp_path / "inventory/profiles/demo.yml").write_text(DEMO)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    folder = Path.home() / ".hermes/profiles/demo"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / ".env").write_text("# mine\nOTHER=1\n")
    return folder


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    """Call the program; return exit code, its document and its errors."""
    code, out, err = said(capsys, *words, "--json")
    return code, json.loads(out), err


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of every file."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_settings_are_compared_and_brought_there(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A look changes nothing; a push writes what differs, keeps the rest, and then all holds."""
    before = tree(home)
    code, document, _ = called(capsys, "config.diff")
    rows = {Path(row["resource"]).name: row for row in document["items"]}
    assert (code, set(rows)) == (2, {"config.yaml", ".env", ".hermes-ops.yml"})
    assert rows["config.yaml"]["diff"] == [
        "@@ -3 +3 @@", "-  default: x/y   # mine", "+  default: a/b   # mine",
    ]  # fmt: skip
    assert rows[".env"]["diff"] == ["+ A_TOKEN", "+ PORT"]
    assert {row["outcome"] for row in document["items"]} == {"planned"}
    assert tree(home) == before
    code, document, _ = called(capsys, "config.push")
    assert (code, document["totals"]["changes"]) == (0, 3)
    after = tree(home)
    assert after["config.yaml"][1].decode() == CONFIG.replace("x/y", "a/b")
    assert after[".env"][1] == b"# mine\nOTHER=1\nA_TOKEN=a-secret-value\nPORT=12\n"
    assert {stat.S_IMODE(mode) for mode, _ in after.values()} == {0o600}
    code, document, _ = called(capsys, "config.diff")
    assert (code, document["items"]) == (0, [])


@pytest.mark.slow
def test_a_profile_that_is_not_there_is_not_made(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings are brought to what lives: who creates it is said."""
    home.rename(home.with_name("other"))
    code, document, _ = called(capsys, "config.push")
    assert code == 1
    (change,) = document["hosts"][0]["changes"]
    assert (change["outcome"], change["action"]) == ("failed", "refuse")
    assert "fleet.up creates the profile" in change["because"]
    assert not home.exists()


@pytest.mark.slow
def test_what_a_person_changed_is_seen_and_taken_over(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Offered as YAML, and written into the layer that is named."""
    called(capsys, "config.push")
    (home / "config.yaml").write_text(CONFIG.replace("x/y", "c/d"))
    (home / ".env").write_text("A_TOKEN=another-value\nPORT=12\n")
    code, document, _ = called(capsys, "config.get", "here/demo")
    rows = {row["key"]: row for row in document["items"]}
    assert code == 2
    assert (rows["model.default"]["now"], rows["model.default"]["wanted"]) == ("c/d", "a/b")
    assert (rows["model.default"]["ours"], rows["agent.max_turns"]["ours"]) == (True, False)
    code, out, _ = said(capsys, "config.pull")
    assert code == 2
    assert out.splitlines() == [
        "# here/demo", "config:", "  model:", "    default: c/d", "  agent:", "    max_turns: 7",
        "# model.default: the inventory says 'a/b'",
        "# here/demo: .env: A_TOKEN was changed on the host: config.push sets it back",
        "# here: what others wrote is kept:"
        " ~/.local/state/hermes-ops/kept/.hermes/profiles/demo/config.yaml",
    ]  # fmt: skip
    assert "another-value" not in out
    code, _, err = said(capsys, "config.pull", "-l", "here/demo", "--layer", "catalogue", "-y")
    assert code == 0, err
    written = Path("inventory/profiles/demo.yml").read_text()
    assert "default: c/d" in written
    assert "max_turns: 7" in written


@pytest.mark.slow
def test_what_the_inventory_changed_is_not_offered_back(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is it what a person set on the host: the next push replaces it."""
    called(capsys, "config.push")
    file = Path("inventory/profiles/demo.yml")
    file.write_text(DEMO.replace("a/b", "e/f"))
    code, out, _ = said(capsys, "config.pull")
    assert (code, "    max_turns: 7\n" in out, "default: a/b" in out) == (2, True, False)
    assert "# model.default: the inventory says 'e/f', and it is not there yet: config.push" in out
    for _ in range(2):
        words = ("config.pull", "-l", "here/demo", "--layer", "catalogue", "-y")
        code, out, err = said(capsys, *words)
        assert code == 0, err
        assert "default: e/f" in file.read_text()
        assert "max_turns: 7" in file.read_text()
    assert out == "nothing to write\n"


@pytest.mark.slow
def test_nothing_goes_down_that_is_not_there(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Taking down installs nothing, and writes nothing where nothing runs."""
    before = tree(Path.home())
    code, document, _ = called(capsys, "fleet.down", "-l", "here", "--check")
    assert (code, document["hosts"][0]["changes"]) == (0, [])
    assert tree(Path.home()).items() >= before.items()


@pytest.mark.slow
def test_a_host_tells_of_its_users_session(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without systemd there is no linger: that is neither yes nor no."""
    code, document, _ = called(capsys, "linger.status")
    (row,) = document["items"]
    assert row["host"] == "here"
    assert row["error"] is None
    assert (row["linger"] is None) is (row["bus"] is None)
    assert code in (0, 2)
    assert code == 0 or row["linger"] is False


@pytest.mark.slow
def test_what_is_described_is_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Hosts below their groups, each with its profiles; of a profile all but its secrets."""
    code, out, _ = said(capsys, "inventory.list")
    assert (code, out) == (0, "@all\n  @ungrouped\n    here: demo\n")
    code, document, _ = called(capsys, "profile.list")
    assert [(row["host"], row["profile"], row["state"]) for row in document["items"]] == [
        ("here", "demo", "started"),
    ]  # fmt: skip
    code, out, _ = said(capsys, "inventory.show")
    assert (code, "a-secret-value" in out, "default: a/b" in out) == (0, False, True)
    inventory = Path("inventory/profiles")
    (inventory / "demo.soul.md").write_text("Be a-secret-soul.\n")
    (inventory / "note.j2").write_text("{{ hermes_profile }}\n")
    files = (
        '{note.md: {template: note.j2, mode: "0600"}, x/y: {content: inline-text, restart: true}}'
    )
    (inventory / "demo.yml").write_text(f"{DEMO}soul: demo.soul.md\nfiles: {files}\n")
    code, document, _ = called(capsys, "inventory.show")
    (row,) = document["items"]
    assert row["soul"] == "inventory/profiles/demo.soul.md"
    assert row["files"] == {
        "note.md": {"from": "inventory/profiles/note.j2", "template": True, "mode": "0600",
                    "restart": False},
        "x/y": {"from": "inventory/profiles/demo.yml:4:59", "template": False, "mode": "0644",
                "restart": True},
    }  # fmt: skip
    assert row["service"]["cpu_quota"] is None
    (inventory / "demo.yml").write_text(
        f"{DEMO}soul: demo.soul.md\nfiles: {files}\ndescription: x\n"
        "service: {cpu_quota: 50%, hardening: true, nice: 3}\n"
    )
    code, document, _ = called(capsys, "inventory.show")
    shown = document["items"][0]
    assert (shown["description"], shown["protected"]) == ("x", False)
    assert [shown["service"][name] for name in ("cpu_quota", "hardening", "nice", "tasks_max")] == [
        "50%", True, 3, None,
    ]  # fmt: skip
    code, out, _ = said(capsys, "inventory.show")
    assert "  soul: inventory/profiles/demo.soul.md\n  files:\n    note.md:\n" in out
    assert "a-secret-soul" not in out
    assert "inline-text" not in out
