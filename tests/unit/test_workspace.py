"""What every task opens: the inventory, what is selected of it, and what opens its secrets."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from terminal import typing

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.commands import workspace
from hermes_ops.errors import InventoryError, SelectsNothing, UsageError
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.secrets import fingerprint
from hermes_ops.secrets.secret import Secret

HOSTS = """\
all:
  children:
    minis: {hosts: {mini-1: {hermes_profiles: [coder, scout]}, mini-2: {hermes_profiles: [coder]}}}
    away: {hosts: {lone: {hermes_profiles: [coder]}}}
"""


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory in the working folder, with a secret that is asked of the environment."""
    for name, text in {
        "hosts.yml": HOSTS,
        "profiles/coder.yml": "env: {A_TOKEN: {env: SOURCE}, B_TOKEN: written-here-in-clear}\n",
        "profiles/scout.yml": "{}\n",
    }.items():
        (tmp_path / "inventory" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "inventory" / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE", "asked-of-the-environment")
    return tmp_path


def opened(*, resolve: bool = False, **options: Any) -> tuple[workspace.Workspace, str]:
    """Return what is opened, and what is said beside it."""
    output = Output(json=False, out=io.StringIO(), err=(err := io.StringIO()))
    return workspace.open_workspace(Options(**options), output, resolve=resolve), err.getvalue()


def names(inventory: Inventory) -> Mapping[str, list[str]]:
    """Return the profiles of each host."""
    return {host.name: [profile.name for profile in host.profiles] for host in inventory.hosts}


# --- what is selected ---------------------------------------------------------------------------


def test_the_selection_is_within_that_of_whoever_called(fleet: Path) -> None:
    """A runbook's task narrows what the runbook was given; nothing of it left is told."""
    whole = {"lone": ["coder"], "mini-1": ["coder", "scout"], "mini-2": ["coder"]}
    found, _ = opened()
    assert names(found.selected) == names(found.whole) == whole
    found, _ = opened(limit="minis")
    assert names(found.selected) == {"mini-1": ["coder", "scout"], "mini-2": ["coder"]}
    assert names(found.whole) == whole
    found, _ = opened(limit="minis", within="*/scout")
    assert names(found.selected) == {"mini-1": ["scout"]}
    with pytest.raises(SelectsNothing, match="'minis' and 'lone' have nothing in common"):
        opened(limit="minis", within="lone")


def host(name: str, *profiles: str, **more: Any) -> Host:
    """Return a host with these profiles."""
    return Host(name, profiles=tuple(map(Profile, profiles)), **more)


def test_hosts_that_shall_not_run_are_left_out_and_told() -> None:
    """Disabled ones one by one, with the reason; those without a profile in one sentence."""
    hosts = (
        host("a", "p"),
        host("b", "p", enabled=False, disabled_reason="in repair"),
        host("c", enabled=False),
        *(host(name) for name in "defgh"),
    )
    left, told = workspace.in_service(Inventory(hosts))
    assert names(left) == {"a": ["p"]}
    assert told == [
        "b is disabled: in repair",
        "c is disabled",
        "d, e, f and 2 more: no profiles in the inventory",
    ]
    assert workspace.with_profiles(Inventory(hosts[3:6]))[1] == [
        "d, e, f: no profiles in the inventory"
    ]
    assert workspace.in_service(Inventory(hosts[:1])) == (Inventory(hosts[:1]), [])


def test_only_hosts_that_are_contacted_can_be_refused() -> None:
    """What nobody may connect to is refused, unless it is disabled or shall run nothing."""
    no = InventoryError("nobody may connect so")
    refused = host("a", "p", refusal=no)
    fine = host("b", "p")
    with pytest.raises(InventoryError, match="nobody may connect so"):
        workspace.in_service(Inventory((fine, refused)))
    for harmless in (replace(refused, enabled=False), replace(refused, profiles=())):
        assert names(workspace.in_service(Inventory((harmless, fine)))[0]) == {"b": ["p"]}


# --- what is secret -----------------------------------------------------------------------------


def test_values_are_resolved_when_they_are_needed(fleet: Path) -> None:
    """Where nobody needs them nothing is asked; the sink knows each of them."""
    (coder, _), said = opened(limit="mini-1")[0].selected.hosts[0].profiles, opened()[1]
    assert (said, isinstance(coder.env["A_TOKEN"], Secret)) == ("", False)
    found, _ = opened(resolve=True)
    assert found.selected.hosts[0].profiles[0].env["A_TOKEN"] == Secret("asked-of-the-environment")
    shown = Output(json=False).redact("asked-of-the-environment written-here-in-clear")
    assert shown == "*** ***"


def test_without_a_key_of_its_operator_drift_is_not_seen(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else works; what does not is told, and how to mend it."""

    def refuse() -> bytes:
        raise UsageError("the key is open to others", hint="chmod 600 key")

    monkeypatch.setattr(workspace, "operator_key", refuse)
    found, said = opened(resolve=True)
    assert said == (
        "warning: the key is open to others; fleet.ps cannot tell drift of references "
        "(chmod 600 key)\n"
    )
    profile, *_ = found.selected.hosts[0].profiles
    assert (profile.env["A_TOKEN"], dict(profile.marks)) == (
        Secret("asked-of-the-environment"), {},
    )  # fmt: skip
    monkeypatch.setattr(workspace, "operator_key", fingerprint.operator_key)
    found, said = opened(resolve=True)
    (mark,) = found.selected.hosts[0].profiles[0].marks
    assert (said, mark.partition(".")[0]) == ("", "A_TOKEN")


def test_a_value_that_would_not_survive_is_refused(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only now is it known; the place of its reference is named."""
    monkeypatch.setenv("SOURCE", "two\nlines")
    with pytest.raises(InventoryError) as caught:
        opened(resolve=True)
    assert str(caught.value.where).startswith("inventory/profiles/coder.yml:1:")
    assert "two" not in str(caught.value)


def test_a_password_file_that_is_not_there(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by the option; one named by Ansible's variable counts as none: looking needs none."""
    with pytest.raises(UsageError, match="there is no vault password file nowhere"):
        opened(vault_password_file="nowhere")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "lost")
    opened()
    (fleet / "here").write_text("x")
    opened(vault_password_file="here")


def test_a_password_for_sudo_is_asked_for_once(
    fleet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the hosts that name none, and never without a terminal."""
    hosts = HOSTS.replace("lone: {", "lone: {ansible_become_password: of-the-inventory, ")
    (fleet / "inventory" / "hosts.yml").write_text(hosts)
    with pytest.raises(UsageError, match="--ask-become-pass needs a terminal"):
        opened(ask_become_pass=True)
    asked: list[str] = []

    def typed(words: str) -> str:
        asked.append(words)
        return "typed"

    monkeypatch.setattr("hermes_ops.cli.prompts.getpass", typed)
    with typing(monkeypatch, ""):
        found, _ = opened(ask_become_pass=True)
    said = {host.name: host.connection.become_password for host in found.selected.hosts}
    assert {name: word.reveal() for name, word in said.items() if word} == {
        "mini-1": "typed", "mini-2": "typed", "lone": "of-the-inventory",
    }  # fmt: skip
    assert asked == ["BECOME password: "]
