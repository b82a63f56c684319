"""An inventory as operators bring it, INI, a script and a vault, leads to running gateways."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import MakeOperator
from kit import HOME, Box, Operator, gateway

pytestmark = pytest.mark.lab

TOKEN = "geheimer-schluessel-4711"


@pytest.fixture
def brought(linux: Box, operator: MakeOperator) -> Operator:
    """A host named in INI, its address by a script, its credential in a vault."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    somebody = operator({linux: {"coder": gateway(8701)}})
    folder = somebody.inventory
    variables = json.loads((folder / "hosts.yml").read_text())["all"]["vars"]
    (folder / "hosts.yml").unlink()
    own = " ".join(f"{name}={value}" for name, value in variables.items())
    (folder / "10-static").write_text(f"[minis]\n{linux.name} {own}\n[fleet:children]\nminis\n")
    meta = {"_meta": {"hostvars": {linux.name: {"ansible_host": linux.address}}}}
    answer = json.dumps({**meta, "found": {"hosts": [linux.name]}})
    script(folder / "20-found", f"cat <<'END'\n{answer}\nEND\n")
    vault = VaultLib([("default", VaultSecret(b"open"))])
    blob = vault.encrypt(TOKEN).decode().replace("\n", "\\n")
    env = gateway(8701)["env"] | {"API_SERVER_KEY": "@"}
    text = json.dumps({"hermes_profiles": {"coder": {"env": env}}})
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "fleet.yml").write_text(text.replace('"@"', f'!vault "{blob}"'))
    (somebody.home / "password").write_text("open\n")
    return somebody


def script(path: Path, text: str) -> None:
    """Write an executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def test_ini_script_and_vault_converge(brought: Operator, linux: Box) -> None:
    """The secret lands in the host's `.env`, is printed nowhere; a second run changes nothing."""
    opened = ("--vault-password-file", "password")
    first = brought.up("-l", "fleet:&found", *opened, "--diff", "-v")
    assert first.totals["changed"] == 1
    assert f"API_SERVER_KEY={TOKEN}" in linux.sh(f"cat {HOME}/.hermes/profiles/coder/.env")
    assert TOKEN not in first.out + first.err
    assert brought.up(*opened).totals["changes"] == 0


def test_without_the_password_no_host_is_contacted(brought: Operator, linux: Box) -> None:
    """A closed credential is a sentence with its place and the option, and exit 64."""
    before = linux.sessions()
    run = brought.up(code=64)
    assert run.json["error"]["message"] == "is encrypted, and no password was given"
    assert "--vault-password-file" in run.json["error"]["hint"]
    assert linux.sessions() == before
