"""The documented example is the schema: it loads, and it has every key that there is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from hermes_ops.inventory import Inventory
from hermes_ops.loader import load
from hermes_ops.loader.connection import SPELLINGS
from hermes_ops.loader.hosts import VARIABLES
from hermes_ops.loader.profiles import PROFILE, SERVICE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "inventory.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```\w+\n# (inventory/\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """Return what the example of the page loads as."""
    for name, text in BLOCK.findall(PAGE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    return load([Path("inventory")], ROOT / "roles", {})


def test_example_loads(example: Inventory) -> None:
    """The example's hosts have the profiles that the page promises."""
    hosts = {host.name: host for host in example.hosts}
    assert list(hosts) == ["mini-01", "mini-02", "mini-03", "mini-04", "rack-1", "here"]
    assert hosts["mini-01"].connection.address == "mini-01.example.org"
    assert hosts["mini-04"].connection.address == "10.0.0.14"
    assert hosts["rack-1"].all_profiles == ("coder", "scout", "porter")
    assert hosts["mini-02"].profiles[0].service.memory_max == "4G"
    assert hosts["mini-01"].profiles[0].service.memory_max == "2G"
    assert hosts["rack-1"].profiles[0].config == {
        "model": {"default": "anthropic/claude-opus-4"},
        "security": {"allow_lazy_installs": False},
    }
    assert hosts["mini-01"].profiles[0].soul == "You write small, honest programs.\n"


def test_example_has_every_key() -> None:
    """Each variable and each key of a profile stands in the example or the tables."""
    words = set(re.findall(r"[a-z_]+", PAGE))
    assert words >= {*VARIABLES, *SPELLINGS, *PROFILE.keys, *SERVICE.keys}


def test_embedded_inventory_loads(tmp_path: Path) -> None:
    """The inventory of the project is valid: this machine with one profile."""
    shutil.copytree(ROOT / "inventory", tmp_path / "inventory")
    inventory = load([tmp_path / "inventory"], ROOT / "roles", {})
    (host,) = inventory.hosts
    (profile,) = host.profiles
    assert (host.name, host.connection.kind, profile.name) == ("localhost", "local", "demo")
    assert not inventory.warnings
