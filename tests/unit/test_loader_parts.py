"""The loader's smaller promises: ranges, ssh arguments, `.env`, which inventory, secrets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from building import BARE_ROLE
from folders import fill
from hypothesis import given
from hypothesis import strategies as st

from hermes_ops.errors import InventoryError, Place
from hermes_ops.inventory.model import Inventory
from hermes_ops.loader import check_env, load, load_env
from hermes_ops.loader.hosts.ssh_args import SshArgs, parse_ssh_args
from hermes_ops.loader.located import Located
from hermes_ops.loader.profiles.env import scalar_text
from hermes_ops.loader.sources.patterns import names_of
from hermes_ops.secrets.secret import Secret

HERE = Place("inventory/hosts.yml", 3, 5)


@pytest.mark.slow
@given(st.integers(0, 200), st.integers(0, 50), st.integers(1, 9), st.integers(1, 4))
def test_numeric_ranges(first: int, more: int, step: int, width: int) -> None:
    """A range names what Python's range does, filled with zeros when it begins with one."""
    last = first + more
    start, end = str(first).zfill(width), str(last).zfill(width)
    if start.startswith("0") and len(start) > 1 and len(start) != len(end):
        return
    names, port = names_of(f"a[{start}:{end}:{step}]b", HERE)
    fill = len(start) if start.startswith("0") else 0
    assert names == tuple(f"a{str(n).zfill(fill)}b" for n in range(first, last + 1, step))
    assert port is None


@given(st.text(max_size=20))
def test_any_host_pattern_is_names_or_a_sentence(pattern: str) -> None:
    """No key under `hosts:` ends in another exception."""
    try:
        names, _ = names_of(pattern, HERE)
    except InventoryError as error:
        assert error.where == str(HERE)
    else:
        assert all(names)


def args(text: object) -> SshArgs:
    """Parse ssh arguments as a variable has them."""
    return parse_ssh_args([Located(text, HERE)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (None, {}),
        ("-C -q -o ControlMaster=auto -o 'ControlPath ~/.ssh/%h' -oServerAliveInterval=5", {}),
        ("-o ConnectTimeout=5", {"connect_timeout": 5.0}),
        ("-oConnectTimeout=5 -o connecttimeout=9", {"connect_timeout": 5.0}),
        ("-o 'HostKeyAlias = web'", {"host_key_alias": "web"}),
        ("-J a,b@c:22", {"proxy_jump": "a,b@c:22"}),
        ("-Jgate", {"proxy_jump": "gate"}),
        ("-o ProxyJump=none", {"proxy_jump": "none"}),
        ("-J ssh://a@[::1]:23/,b", {"proxy_jump": "ssh://a@[::1]:23/,b"}),
        ("-o IdentitiesOnly=yes", {"identities_only": True}),
        ("-o GlobalKnownHostsFile=/a", {"system_known_hosts": (Path("/a"),)}),
        ("-p 2222 -l root", {"port": 2222, "user": "root"}),
        ("-o UserKnownHostsFile=/a", {"known_hosts": (Path("/a"),)}),
        ("-o StrictHostKeyChecking=yes", {}),
    ],
)
def test_ssh_arguments(text: str | None, expected: dict[str, Any]) -> None:
    """What is honoured is read in every spelling of OpenSSH, the first one counts."""
    assert args(text) == SshArgs(**expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-o StrictHostKeyChecking=no", "StrictHostKeyChecking=no would accept any machine"),
        ("-ostricthostkeychecking=accept-new", "StrictHostKeyChecking=accept-new would accept"),
        ("-o ProxyCommand=nc", "the ssh option ProxyCommand would run a program"),
        ("-F other.cfg", "the ssh option -F is not supported"),
        ("-D 1080", "the ssh option -D is not supported"),
        ("-o", "-o wants an argument"),
        ("-o x", "-o wants NAME=VALUE, this is 'x'"),
        ("host", "'host' is not an option of ssh"),
        ("-o 'a", "ssh arguments cannot be read: No closing quotation"),
        ("-o ConnectTimeout=soon", "ConnectTimeout wants seconds above 0, this is 'soon'"),
        ("-p 0", "Port wants a number from 1 to 65535, this is '0'"),
        ("-J -oProxyCommand=x", "'-oProxyCommand=x' is no jump host"),
        ("-J gate,b$(id)", "'b$(id)' is no jump host"),
        ("-J gate:0", "'gate:0' is no jump host"),
        ("-J ssh://-oX=y@gate", "'ssh://-oX=y@gate' is no jump host"),
        ("-l 'a;b'", "'a;b' cannot be the name of a user"),
        ("-o HostKeyAlias=-x", "'-x' cannot be the argument of an ssh option"),
        ("-o IdentitiesOnly=perhaps", "this option wants yes or no"),
        ("-o UserKnownHostsFile=~/%h", "'~/%h': '%' in ssh paths is not supported"),
        (["-o", "x"], "ssh arguments must be a text"),
    ],
)
def test_ssh_arguments_that_are_refused(text: object, message: str) -> None:
    """What would be lost in silence, or would trust anybody, is named."""
    with pytest.raises(InventoryError) as caught:
        args(text)
    assert caught.value.message.startswith(message)
    assert caught.value.where == str(HERE)


@given(st.text(max_size=30))
def test_any_ssh_arguments_are_read_or_a_sentence(text: str) -> None:
    """No argument string ends in another exception."""
    try:
        args(text)
    except InventoryError as error:
        assert error.where == str(HERE)


def write(folder: Path, **files: str) -> Path:
    """Write files of these names with `__` for a slash and `_yml` for the ending."""
    names = {name: name.replace("__", "/").replace("_yml", ".yml") for name in files}
    return fill(folder, {names[name]: text for name, text in files.items()})


def test_env_file_feeds_references_and_the_process_wins(tmp_path: Path) -> None:
    """`.env` is read as python-dotenv does, nothing in it is expanded."""
    lines = "A=from file\nexport B='two words' # why\nC=${A}x\nD\n"
    (tmp_path / ".env").write_text(lines, encoding="utf-8")
    found = load_env([tmp_path / "hosts.yml"], {"A": "from process"})
    assert found == {"A": "from process", "B": "two words", "C": "${A}x"}
    assert load_env([tmp_path / "other" / "hosts.yml"], {}) == {}


def test_env_file_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is no assignment is named, its content is not shown."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("A=b\n'unclosed secret\n", encoding="utf-8")
    with pytest.raises(InventoryError) as caught:
        load_env([Path()], {})
    assert str(caught.value) == ".env:2:1: this line is not NAME=value"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), ("true", "true"), ("", ""), (" a ", " a ")],
)
def test_texts_of_scalars(value: object, text: str) -> None:
    """Booleans are words, texts stay as they are."""
    assert scalar_text("A", Located(value, HERE, str(value))) == text


def test_values_that_env_cannot_hold_are_never_shown() -> None:
    """The check of resolved values names the variable, not the value."""
    check_env("A_TOKEN", Secret("fine"), HERE)
    with pytest.raises(InventoryError) as caught:
        check_env("A_TOKEN", Secret("geheimnis\nzwei"), HERE)
    assert "geheimnis" not in str(caught.value)


def planted(folder: Path) -> Inventory:
    """Load an inventory with a credential in every place where one can be."""
    hosts = """
all:
  vars:
    ansible_become_password: planted-become
    hermes_profile_defaults: {env: {A_TOKEN: planted-default}}
  hosts:
    one:
      ansible_password: planted-login
      hermes_profiles: {coder: {env: {B_TOKEN: planted-override}}}
"""
    write(
        folder,
        inventory__hosts_yml=hosts,
        inventory__profiles__coder_yml="env: {C_TOKEN: planted-catalogue}\n",
        roles__gateway__role_yml=BARE_ROLE,
    )
    return load([folder / "inventory"], folder / "roles", {})


def test_no_credential_shows(tmp_path: Path) -> None:
    """Hosts, groups and profiles can be printed: what is secret is `***`."""
    inventory = planted(tmp_path)
    assert "planted" not in repr(inventory).replace(str(tmp_path), "")
    env = inventory.hosts[0].profiles[0].env
    assert env["B_TOKEN"] == Secret("planted-override")
    assert set(env) == {"A_TOKEN", "B_TOKEN", "C_TOKEN"}
    assert inventory.hosts[0].connection.become_password == Secret("planted-become")


@pytest.mark.slow
def test_loading_does_not_import_what_it_does_not_need(tmp_path: Path) -> None:
    """Jinja, ruamel and dotenv stay out of a run that has no use for them."""
    write(
        tmp_path,
        inventory__hosts_yml="all: {hosts: {one: {hermes_profiles: {coder: }}}}\n",
        roles__gateway__role_yml=BARE_ROLE,
    )
    code = (
        "import sys; from pathlib import Path; from hermes_ops.loader import load;"
        "from hermes_ops.plan.desired import desired_state;"
        "found = load([Path(sys.argv[1]) / 'inventory'], Path(sys.argv[1]) / 'roles', {});"
        "desired_state(found.hosts[0], found.roles, []);"
        "print(sorted({'jinja2', 'ruamel', 'dotenv', 'subprocess', 'socket'} & set(sys.modules)))"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "[]\n"
