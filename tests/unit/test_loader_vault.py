"""What `ansible-vault` encrypted is opened with the operator's password, and never shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import said

from hermes_ops.commands.inventory.list import ansible_view
from hermes_ops.errors import InventoryError, UsageError
from hermes_ops.inventory.model import Inventory
from hermes_ops.loader import Vault, load
from hermes_ops.loader.located import COVER
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.secret import Secret
from hermes_ops.secrets.sources import source_of
from hermes_ops.templates import render

ROLES = Path(__file__).parents[2] / "roles"
HOSTS = """\
all:
  hosts:
    one:
      plain: visible
      word: !vault |
        {word}
      ansible_become_password: "{{ word }}"
      hermes_profiles:
        coder: {env: {A_TOKEN: !vault "{token}"}}
"""


def encrypted(text: str, password: str = "open") -> str:
    """Return a text as `ansible-vault encrypt` writes it."""
    from ansible.parsing.vault import VaultLib, VaultSecret

    vault = VaultLib([("default", VaultSecret(password.encode()))])
    return bytes(vault.encrypt(text)).decode()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory with encrypted values and an encrypted file."""
    monkeypatch.chdir(tmp_path)
    word = encrypted("geheimes wort").strip().replace("\n", "\n        ")
    token = encrypted("geheimer-token").strip().replace("\n", "\\n")
    text = HOSTS.replace("{word}", word).replace("{token}", token)
    Path("inventory/group_vars").mkdir(parents=True)
    Path("inventory/hosts.yml").write_text(text)
    Path("password").write_text("open\n")
    return tmp_path


def opened(learn: Callable[[str], None] = lambda _: None, password: str = "password") -> Inventory:
    """Load the inventory with a password."""
    return load([Path("inventory")], ROLES, {}, Vault(Path(password), learn))


@pytest.mark.slow
def test_values_are_opened_masked_and_learned(folder: Path) -> None:
    """An encrypted value is a `Secret` wherever it is used; the sink knows it."""
    learned: list[str] = []
    (host,) = opened(learned.append).hosts
    assert host.connection.become_password == Secret("geheimes wort")
    assert host.profiles[0].env == {"A_TOKEN": Secret("geheimer-token")}
    assert sorted(learned) == ["geheimer-token", "geheimes wort"]
    assert host.written["word"] == Secret("geheimes wort")
    assert host.variables["word"] == Secret("geheimes wort")


def test_whole_files_are_opened(folder: Path) -> None:
    """A file is opened before it is read; its places are those of the text inside."""
    text = "user: root-geheim\nport: 22\nlist: [a-geheim]\nansible_user: '{{ user }}'\n"
    Path("inventory/group_vars/all.yml").write_text(encrypted(text))
    learned: list[str] = []
    inventory = opened(learned.append)
    (host,) = inventory.hosts
    assert host.connection.user == "root-geheim"
    assert {"root-geheim", "a-geheim", "22"} <= set(learned)
    document = json.dumps(ansible_view(inventory))
    assert "geheim" not in document
    assert '"port": "***"' in document and '"plain": "visible"' in document


def test_an_ini_file_may_be_encrypted(folder: Path) -> None:
    """The source itself is opened, too, and its values are secrets."""
    Path("hosts").write_text(
        encrypted("[web]\nw1 x=geheimes-x y=[1]\n[web:vars]\nz=ein-geheimnis\n")
    )
    learned: list[str] = []
    inventory = load([Path("hosts")], ROLES, {}, Vault(Path("password"), learned.append))
    (host,) = inventory.hosts
    secret = {"x": Secret("geheimes-x"), "y": [Secret("1")], "z": Secret("ein-geheimnis")}
    assert (host.name, dict(host.written)) == ("w1", secret)
    assert sorted(learned) == ["1", "ein-geheimnis", "geheimes-x"]


def test_what_is_made_of_a_secret_is_one(folder: Path) -> None:
    """An expression that reads an encrypted value gives a secret."""
    Path("inventory/group_vars/all.yml").write_text('made: "x{{ word }}"\nnested: ["{{ made }}"]\n')
    (host,) = opened().hosts
    assert host.variables["made"] == Secret("xgeheimes wort")
    assert host.variables["nested"] == [Secret("xgeheimes wort")]
    assert host.written["made"] == "x{{ word }}"


def test_a_secret_is_no_expression(folder: Path) -> None:
    """A password with braces is a password."""
    blob = encrypted("{{ x }}").strip().replace("\n", "\n  ")
    Path("inventory/group_vars/all.yml").write_text(f"other: !vault |\n  {blob}\n")
    assert opened().hosts[0].variables["other"] == Secret("{{ x }}")


def test_settings_get_ordinary_texts(folder: Path) -> None:
    """What becomes a file on a host is a plain text, whatever marks it had here."""
    blob = encrypted("gpt-geheim").strip().replace("\n", "\n    ")
    text = f"config:\n  model: !vault |\n    {blob}\n  raw: !unsafe '{{{{ x }}}}'\n"
    Path("inventory/profiles").mkdir()
    Path("inventory/profiles/coder.yml").write_text(text)
    config = opened().hosts[0].profiles[0].config
    assert config == {"model": "gpt-geheim", "raw": "{{ x }}"}
    assert {type(value) for value in config.values()} == {str}


@pytest.mark.parametrize("source", ["key: {{ word }}", "{% if true %}{{ word }}{% endif %}"])
def test_no_template_writes_a_secret(source: str, folder: Path) -> None:
    """Else `***` would land on the host; it is told where, and where secrets belong."""
    variables = opened().hosts[0].variables
    with pytest.raises(InventoryError, match=r"^x\.j2: a template cannot write a secret"):
        render(source, variables, name="x.j2")


def test_without_a_password_what_nobody_reads_stays_closed(tmp_path: Path) -> None:
    """Such an inventory loads, lists and warns."""
    blob = encrypted("geheim").strip().replace("\n", "\n  ")
    (tmp_path / "hosts.yml").write_text("all: {hosts: {one: }}\n")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "one.yml").write_text(f"word: !vault |\n  {blob}\nplain: 1\n")
    inventory = load([tmp_path], ROLES, {})
    variables = ansible_view(inventory)["_meta"]["hostvars"]["one"]
    assert variables == {"word": "***", "plain": 1}
    assert inventory.warnings == (
        "1 encrypted value cannot be decrypted: "
        "name its file with --vault-password-file or $ANSIBLE_VAULT_PASSWORD_FILE",
    )


def test_without_a_password_a_profile_may_be_looked_at(folder: Path) -> None:
    """Its names are known, and of a value that it is encrypted; whoever writes it says where."""
    text = "config: {platforms: {telegram: {token: '{{ word }}'}}}\nenv: {B: 'x{{ closed }}'}\n"
    Path("inventory/profiles").mkdir()
    Path("inventory/profiles/coder.yml").write_text(text)
    Path("inventory/group_vars/all.yml").write_text(encrypted("closed: 1\n"))
    inventory = load([Path("inventory")], ROLES, {})
    (host,) = inventory.hosts
    (profile,) = host.profiles
    assert host.refusal is None
    assert host.connection.become_password is None
    token = profile.env["A_TOKEN"]
    assert isinstance(token, Reference)
    assert token.kind == "vault"
    sealed = profile.sealed
    assert str(sealed) == "inventory/hosts.yml:14:23: is encrypted, and no password was given"
    assert sealed is not None
    assert "--vault-password-file" in sealed.hint
    assert "group_vars/all.yml is encrypted, and left out" in inventory.warnings[-1]
    with pytest.raises(InventoryError, match="14:23: is encrypted"):
        source_of(token)


def test_without_a_password_the_other_settings_are_known(folder: Path) -> None:
    """A word stands for each closed value, however deep it is; all others are as they are."""
    blob = encrypted("geheim").strip().replace("\n", "\n      ")
    closed = f"!vault |\n      {blob}\n"
    Path("inventory/profiles").mkdir()
    Path("inventory/profiles/coder.yml").write_text(
        f"description: writes\nconfig:\n  a: 1\n  b:\n  - x\n  - {closed}  c:\n    d: {closed}"
    )
    (host,) = load([Path("inventory")], ROLES, {}).hosts
    (profile,) = host.profiles
    assert profile.description == "writes"
    assert profile.config == {"a": 1, "b": ["x", COVER], "c": {"d": COVER}}


def test_without_a_password_what_decides_is_refused(folder: Path) -> None:
    """The state of a profile, a setting of ours: without them nothing is known."""
    blob = encrypted("stopped").strip().replace("\n", "\\n")
    hosts = f'all: {{hosts: {{one: {{hermes_version: !vault "{blob}"}}}}}}\n'
    Path("inventory/hosts.yml").write_text(hosts)
    with pytest.raises(InventoryError, match="is encrypted, and no password was given"):
        load([Path("inventory")], ROLES, {})


def test_a_wrong_password(folder: Path) -> None:
    """The place, and which option to look at."""
    Path("wrong").write_text("shut")
    with pytest.raises(InventoryError) as caught:
        opened(password="wrong")
    assert str(caught.value) == "inventory/hosts.yml:5:7: the vault password does not decrypt this"


@pytest.mark.parametrize("text", ["3132", "zz", "", "31320a31320a3132"])
def test_a_damaged_blob(text: str, folder: Path) -> None:
    """A cut file is told from a wrong password where that can be told."""
    Path("inventory/group_vars/all.yml").write_text(f"$ANSIBLE_VAULT;1.1;AES256\n{text}\n")
    with pytest.raises(InventoryError) as caught:
        opened()
    assert caught.value.where == "inventory/group_vars/all.yml:1:1"


def test_passwords_that_cannot_be_had(folder: Path) -> None:
    """A folder, an empty file, and a program that fails are sentences."""
    Path("empty").write_text("\n")
    Path("fails").write_text("#!/bin/sh\nexit 4\n")
    Path("fails").chmod(0o755)
    for name, message in {
        "inventory": "is a folder",
        "empty": "gives no password",
        "fails": r"the vault password program failed \(exit 4\)",
    }.items():
        with pytest.raises(UsageError, match=message):
            opened(password=name)


def test_a_password_program_is_run_as_by_ansible(folder: Path) -> None:
    """What it prints is the password; one called `…-client` is told which."""
    Path("ask").write_text("#!/bin/sh\necho open\n")
    Path("ask-client.sh").write_text('#!/bin/sh\n[ "$*" = "--vault-id default" ] && echo open\n')
    for name in ("ask", "ask-client.sh"):
        Path(name).chmod(0o755)
        assert opened(password=name).hosts[0].connection.become_password == Secret("geheimes wort")


def test_a_stray_executable_bit_runs_nothing(folder: Path) -> None:
    """A text that happens to be executable is read."""
    Path("password").chmod(0o755)
    assert opened().hosts[0].connection.become_password == Secret("geheimes wort")


@pytest.mark.slow
def test_the_option_and_the_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both name the file; the option is the stronger one; nothing is shown."""
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "elsewhere")
    code, out, _ = said(capsys, "inventory.list", "--json", "--vault-password-file", "password")
    assert code == 0 and "geheim" not in out
    code, _, err = said(capsys, "inventory.list")
    assert code == 0
    assert "encrypted values cannot be decrypted" in err
    code, _, err = said(capsys, "inventory.list", "--vault-password-file", "nowhere")
    assert (code, err.splitlines()[0]) == (64, "error: there is no vault password file nowhere")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "password")
    assert said(capsys, "inventory.list", "--json")[0] == 0


@pytest.mark.slow
def test_ansible_is_imported_only_to_open(folder: Path) -> None:
    """Without anything encrypted it stays out; with it, no configuration of Ansible's counts."""
    code = (
        "import sys; from pathlib import Path; from hermes_ops.loader import Vault, load;"
        "load([Path(sys.argv[1])], Path('roles'), {}, Vault(Path('password')));"
        "print('ansible' in sys.modules)"
    )
    Path("plain.ini").write_text("h1\n")
    Path("sealed.ini").write_text(encrypted("h1\n"))
    Path("ansible.cfg").write_text("[defaults]\nforks = no number\n")
    environ = {**os.environ, "HOME": str(folder / "home"), "PYTHONPATH": str(ROLES.parent)}
    for name, imported in {"plain.ini": "False\n", "sealed.ini": "True\n"}.items():
        words = [sys.executable, "-c", code, name]
        ended = subprocess.run(words, capture_output=True, text=True, check=True, env=environ)
        assert (ended.stdout, ended.stderr) == (imported, "")
    assert not (folder / "home").exists()
