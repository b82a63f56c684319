"""The annotated example is what the page shows, what loads, and what has every key."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from hermes_ops.inventory.model import (
    LIMITS,
    Connection,
    HermesSettings,
    Host,
    Inventory,
    Profile,
    ServiceSettings,
)
from hermes_ops.loader import load
from hermes_ops.loader.hosts import connection
from hermes_ops.loader.hosts.host import VARIABLES
from hermes_ops.loader.profiles.profile import PROFILE
from hermes_ops.loader.profiles.service import SERVICE
from hermes_ops.loader.schema import Key, Schema

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "example"
PAGE = (ROOT / "docs" / "inventory.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```\w+\n# (inventory/\S+)\n(.*?)```", re.DOTALL)
COMMENT = re.compile(r"^\s*(?:# )?(\w+):(?: .*?)?\s# (.*)$", re.MULTILINE)
TABLES = (VARIABLES, connection.VARIABLES, PROFILE.keys, SERVICE.keys)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inventory:
    """Return what the example loads as."""
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    return load([Path("inventory")], ROOT / "roles", {})


def test_page_shows_the_files() -> None:
    """Each file of the example stands in the page as it is."""
    files = {
        str(path.relative_to(EXAMPLE)): path.read_text(encoding="utf-8")
        for path in (EXAMPLE / "inventory").rglob("*")
        if path.is_file()
    }
    assert dict(BLOCK.findall(PAGE)) == files


def test_example_loads(example: Inventory) -> None:
    """The example's hosts have the profiles that the page promises."""
    hosts = {host.name: host for host in example.hosts}
    assert list(hosts) == ["mini-01", "mini-02", "mini-03", "mini-04", "rack-1", "here"]
    assert hosts["mini-01"].connection.address == "mini-01.example.org"
    assert hosts["mini-04"].connection.address == "10.0.0.14"
    assert hosts["rack-1"].all_profiles == ("coder", "scout", "porter")
    assert hosts["mini-02"].profiles[0].service.memory_max == "4G"
    assert hosts["mini-01"].profiles[0].service.memory_max == "2G"
    assert hosts["mini-01"].profiles[0].config["toolsets"] == ["terminal", "file", "web"]
    assert hosts["rack-1"].profiles[0].config == {
        "model": {"default": "anthropic/claude-opus-4"},
        "toolsets": ["terminal", "file"],
        "security": {"allow_lazy_installs": False},
    }
    assert hosts["mini-01"].profiles[0].soul == "You write small, honest programs.\n"


def keys() -> list[tuple[str, Schema]]:
    """Return every key that the tables know."""
    return [entry for table in TABLES for entry in table.items()]


def commented() -> set[tuple[str, str]]:
    """Return each key of the example with the comment behind it."""
    texts = (path.read_text(encoding="utf-8") for path in (EXAMPLE / "inventory").rglob("*.yml"))
    return {(key, comment) for text in texts for key, comment in COMMENT.findall(text)}


@pytest.mark.parametrize(("name", "schema"), keys())
def test_example_has_every_key(name: str, schema: Schema) -> None:
    """Each variable and each key of a profile stands there, with the words of its table."""
    assert isinstance(schema, Key), "no documentation"
    wanted = f"docs/example/inventory and docs/inventory.md need the comment `{schema.comment}`"
    assert (name, schema.comment) in commented(), wanted


def defaults(table: Mapping[str, Schema]) -> dict[str, object]:
    """Return the defaults that a table tells."""
    return {
        name: schema.default
        for name, schema in table.items()
        if isinstance(schema, Key) and schema.default is not None
    }


def test_defaults_are_the_real_ones() -> None:
    """What the documentation calls a default is what nobody's saying so comes to."""
    host, profile, connection_ = Host("x"), Profile("x"), Connection()
    assert defaults(PROFILE.keys) == {
        "role": profile.role, "state": profile.state, "protected": profile.protected,
    }  # fmt: skip
    assert defaults(SERVICE.keys) == {}
    assert all(getattr(ServiceSettings(), name) is None for name in (*LIMITS, "watchdog"))
    assert defaults(VARIABLES) == {
        "hermes_install": HermesSettings().install,
        "hermes_user_create": HermesSettings().user_create,
        "hermes_service_manager": host.manager,
        "hermes_linger": host.linger,
        "hermes_connect_timeout": connection_.connect_timeout,
        "hermes_exchange_timeout": connection_.exchange_timeout,
        "hermes_ready_timeout": host.ready_timeout,
        "hermes_settle": host.settle,
        "hermes_start_stagger": host.start_stagger,
        "hermes_enabled": host.enabled,
        "hermes_protected": host.protected,
    }
    assert defaults(connection.VARIABLES) == {
        "ansible_port": 22,
        "ansible_connection": connection_.kind,
        "ansible_become": connection_.become,
    }


def test_older_spellings_stand_in_the_page() -> None:
    """Whoever searches the page for an older name of a variable finds the newer one."""
    assert "older `ansible_ssh_…` names" in PAGE
    assert set(connection.SPELLINGS) <= set(connection.VARIABLES)


def test_embedded_inventory_loads(tmp_path: Path) -> None:
    """The inventory of the project is valid: this machine with one profile."""
    shutil.copytree(ROOT / "inventory", tmp_path / "inventory")
    inventory = load([tmp_path / "inventory"], ROOT / "roles", {})
    (host,) = inventory.hosts
    (profile,) = host.profiles
    assert (host.name, host.connection.kind, profile.name) == ("localhost", "local", "demo")
    assert not inventory.warnings


def test_an_account_for_each_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inventory that the page on users shows loads as hosts of one machine."""
    page = (ROOT / "docs" / "users.md").read_text(encoding="utf-8")
    shown = (ROOT / "docs" / "users" / "inventory" / "hosts.yml").read_text(encoding="utf-8")
    assert f"```yaml\n# users/inventory/hosts.yml\n{shown}```\n" in page
    monkeypatch.chdir(ROOT / "docs" / "users")
    hosts = load([Path("inventory")], ROOT / "roles", {}).hosts
    assert {host.connection.address for host in hosts} == {"10.0.0.4"}
    assert [host.hermes.user for host in hosts] == ["agent-coder", "agent-scout"]
    assert all(host.hermes.user_create and host.connection.user == "admin" for host in hosts)
