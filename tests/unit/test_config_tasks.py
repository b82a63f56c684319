"""A setting is written where an operator says, and nothing else of the inventory changes."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import calling
import pytest
import yaml

from hermes_ops.assets import ROLES
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.config import edit as settings_edited
from hermes_ops.commands.config import pull, set
from hermes_ops.commands.config.get import HostSetting
from hermes_ops.commands.config.pull import offer
from hermes_ops.commands.look_hosts import Look
from hermes_ops.commands.workspace import Workspace
from hermes_ops.errors import HermesError, InventoryError, Unreachable, UsageError
from hermes_ops.loader import load
from hermes_ops.loader.edit.edits import edit_key
from hermes_ops.look.facts import Facts
from hermes_ops.plan.desired import StepPlan, desired_state

HOSTS = """\
# my fleet
all:
  children:
    minis:
      vars:
        hermes_profile_defaults:   # for every profile
          config: {agent: {max_turns: 3}}
      hosts:
        m1: {hermes_profiles: [coder, scout]}
        m2:
          hermes_profiles:
            coder:
              config:
                model: {default: "x/y"}  # strong
"""
CODER = "# the coder\r\nconfig:\r\n  model: &m {default: 'a/b'}\r\n  chats: {123: x}\r\n"
VAULT = "secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n# mine\nother: yes\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of two hosts, in the working folder."""
    inventory = tmp_path / "inventory"
    for name, text in {
        "hosts.yml": HOSTS,
        "profiles/coder.yml": CODER,
        "profiles/scout.yml": "",
    }.items():
        (inventory / name).parent.mkdir(parents=True, exist_ok=True)
        (inventory / name).write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HERMES_OPS_INVENTORY", raising=False)
    return inventory


def put(target: str, key: str, value: str, layer: str | None, **more: Any) -> dict[str, Any]:
    """Set a value; return the first item of the document."""
    result = set.set_value(Options(**more), Output(json=True), target, key, value, layer)
    item: dict[str, Any] = result.document["items"][0]
    return {**item, "exit": result.exit}


def config(host: str, profile: str = "coder") -> Any:
    """Return what the inventory comes to for a profile."""
    hosts = {h.name: h for h in load([Path("inventory")], ROLES, os.environ).hosts}
    return next(p.config for p in hosts[host].profiles if p.name == profile)


WRITES = {
    "catalogue": ("inventory/profiles/coder.yml", 3, "n/w", "x/y"),
    "group:minis": ("inventory/hosts.yml", 7, "n/w", "x/y"),
    "group:all": ("inventory/group_vars/all.yml", 4, "n/w", "x/y"),
    "host": ("inventory/host_vars/m1.yml", 4, "n/w", "x/y"),
    "profile": ("inventory/hosts.yml", 9, "n/w", "x/y"),
}


@pytest.mark.slow
@pytest.mark.parametrize("layer", WRITES)
def test_each_layer_has_its_file(folder: Path, layer: str) -> None:
    """The value stands in the file and line that are told, and wins there, or that is said."""
    file, line, first, second = WRITES[layer]
    item = put("m1/coder", "model.default", "n/w", layer)
    assert (item["file"], item["line"], item["changed"]) == (file, line, True)
    assert "n/w" in Path(file).read_text().splitlines()[line - 1]
    assert config("m1")["model"]["default"] == first
    assert config("m2")["model"]["default"] == second
    assert item["wins"] is True
    assert not put("m1/coder", "config.model.default", "n/w", layer)["changed"]


@pytest.mark.slow
def test_comments_and_line_ends_stay(folder: Path) -> None:
    """Only the value changes: comments, CRLF, other quotes and keys of other kinds stay."""
    put("m1/coder", "chats.123", "y", "catalogue")
    text = (folder / "profiles/coder.yml").read_bytes().decode()
    assert text == CODER.replace("{123: x}", "{123: y}")
    put("m2/coder", "model.default", "n/w", "profile")
    after = (folder / "hosts.yml").read_text()
    assert after.replace("n/w}", '"x/y"}') == HOSTS


@pytest.mark.slow
def test_a_stronger_layer_wins(folder: Path) -> None:
    """A value that a stronger layer overrides is written, and the winner is named."""
    item = put("m2/coder", "model.default", "n/w", "catalogue")
    assert item["wins"] is False
    assert item["winner"] == {"layer": "profile", "where": "inventory/hosts.yml:14:25"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "value", "layer", "affected", "warnings"),
    [
        ("model.default", "n/w", "catalogue", "m1/coder",
         ["warning: profile sets it too, and wins: inventory/hosts.yml:14:25"]),
        ("model.default", "n/w", "profile", "m2/coder", []),
        ("env.COLOR", "red", "host", "m2/coder",
         ["warning: every profile of the host gets env.COLOR; for one: --layer profile"]),
        ("env.COLOR", "red", "group:minis", "m1/coder,m1/scout,m2/coder",
         ["warning: every profile of group:minis gets env.COLOR; for one: --layer profile"]),
        ("env.COLOR", "red", "profile", "m2/coder", []),
        ("agent.max_turns", "4", "host", "m2/coder", []),
    ],
)  # fmt: skip
def test_what_a_person_may_not_expect_is_told(
    key: str, value: str, layer: str, affected: str, warnings: list[str],
    folder: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """That another layer wins, and that a variable goes to more profiles than the one named."""
    set.set_value(Options(), Output(json=False), "m2/coder", key, value, layer)
    out, err = capsys.readouterr()
    assert err.splitlines() == warnings
    assert f"{key} is set in the layer {layer}\n" in out
    assert out.endswith(f"now: ./inv config.push -l {affected}\n")


def test_what_a_check_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would be set, or is set already; and nothing of what is to be done next."""
    for value, said in (("4", "would be set"), ("3", "is set already")):
        options, output = Options(check=True), Output(json=False)
        set.set_value(options, output, "m2/coder", "agent.max_turns", value, "group:minis")
        out = capsys.readouterr().out
        assert f"config.agent.max_turns {said} in the layer group:minis\n" in out
        assert "config.push" not in out


@pytest.mark.slow
def test_a_list_of_profiles_becomes_a_mapping(folder: Path) -> None:
    """An override for one profile keeps the others of the list."""
    put("m1/scout", "agent.max_turns", "9", "profile")
    assert config("m1", "scout") == {"agent": {"max_turns": 9}}
    assert config("m1")["agent"] == {"max_turns": 3}


@pytest.mark.slow
def test_json_stays_json(folder: Path) -> None:
    """An inventory in JSON is JSON afterwards, in one line if it was."""
    file = folder / "more.json"
    file.write_text('{"all": {"hosts": {"m3": {"hermes_profiles": {"coder": {"config": {}}}}}}}')
    put("m3/coder", "list", "[1, {a: é}]", "profile")
    assert json.loads(file.read_text())["all"]["hosts"]["m3"]["hermes_profiles"]["coder"] == {
        "config": {"list": [1, {"a": "é"}]}
    }
    assert "\n" not in file.read_text()


def test_check_writes_nothing(folder: Path) -> None:
    """With --check the difference is told, and exit 2; the files are as they were."""
    item = put("m1/coder", "model.default", "n/w", "host", check=True)
    assert (item["exit"], item["changed"]) == (2, False)
    assert any("n/w" in line for line in item["diff"])
    assert not (folder / "host_vars").exists()


def test_ansibles_tags_stay(folder: Path) -> None:
    """A file of variables with a `!vault` text and words of YAML 1.1 keeps both."""
    (folder / "host_vars").mkdir()
    file = folder / "host_vars" / "m1.yml"
    file.write_text(VAULT)
    path = ("hermes_profile_defaults", "config", "a")
    text = edit_key(file, path, 1).after
    assert text.startswith(VAULT)
    assert text.endswith("hermes_profile_defaults:\n  config:\n    a: 1\n")


REFUSED = {
    "no layer": (("m1/coder", "a", "b", None), "--layer is missing", UsageError),
    "no such layer": (("m1/coder", "a", "b", "hots"), "there is no layer 'hots'", UsageError),
    "another's group": (("m1/coder", "a", "b", "group:x"), "m1 is not in the group", UsageError),
    "no target": (("m1", "a", "b", "host"), "'m1' is not a target", UsageError),
    "no such host": (("m3/coder", "a", "b", "host"), "there is no host 'm3'", UsageError),
    "no such profile": (("m1/x", "a", "b", "host"), "m1 has no profile 'x'", UsageError),
    "no YAML": (("m1/coder", "a", "[", "host"), "VALUE is not YAML", UsageError),
    "no key": (("m1/coder", "a..b", "1", "host"), "is not a key", UsageError),
    "no number": (("m1/coder", "env.API_SERVER_PORT", "notaport", "host"), "API_SERVER_PORT",
                  InventoryError),
    "a secret": (("m1/coder", "env.X_TOKEN", "abc", "host"), "X_TOKEN is a secret", UsageError),
    "one like a key": (("m1/coder", "env.X", "sk-proj-0a1b2c3d4e5f6g7h8i9j", "host"),
                       "X is a secret", UsageError),
    "one in a URL": (("m1/coder", "env.X", "redis://me:it@db/1", "host"), "X is a secret",
                     UsageError),
    "secrets": (("m1/coder", "env", "{A_KEY: b}", "host"), "A_KEY is a secret", UsageError),
    "a credential in config": (("m1/coder", "telegram.bot_token", "12:abc", "host"),
                               "config.telegram.bot_token is a credential", UsageError),
    "one in camel case": (("m1/coder", "svc.apiKey", "qwertzuiop", "host"),
                          "config.svc.apiKey is a credential", UsageError),
    "one that is a number": (("m1/coder", "svc.password", "12345678", "host"),
                             "config.svc.password is a credential", UsageError),
    "one in a list": (("m1/coder", "hooks", "[{url: x, signing-key: qwertzuiop}]", "host"),
                      "config.hooks is a credential", UsageError),
    "one of the service": (("m1/coder", "service.environment.X_TOKEN", "qwertzuiop", "host"),
                           "service.environment.X_TOKEN is a credential", UsageError),
    "no mapping": (
        ("m1/coder", "model.default.x", "1", "catalogue"),
        "is not a mapping",
        InventoryError,
    ),
    "what does not load": (("m1/coder", "state", "fast", "host"), "'state' must", InventoryError),
    "an aliased mapping": (("m2/coder", "alias.x", "1", "catalogue"), "cannot be set",
                           InventoryError),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(folder: Path, name: str) -> None:
    """What cannot be is one sentence, exit 64, never shows a secret, and no file changes."""
    aliased = CODER + "  alias: *m\r\n"
    if name == "an aliased mapping":
        (folder / "profiles/coder.yml").write_bytes(aliased.encode())
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    words, sentence, kind = REFUSED[name]
    with pytest.raises(HermesError) as caught:
        put(*words)
    assert isinstance(caught.value, kind)
    assert caught.value.exit_code == 64
    assert sentence in str(caught.value)
    assert caught.value.hint
    assert "qwertzuiop" not in f"{caught.value} {caught.value.hint}"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not (folder / "host_vars").exists()


def test_references_and_plain_words_are_no_secrets(folder: Path) -> None:
    """Where a secret is may be written, and so may a port."""
    put("m1/coder", "env.X_TOKEN", "{env: X}", "profile")
    put("m1/coder", "env.API_SERVER_PORT", "8642", "profile")
    written = yaml.safe_load((folder / "hosts.yml").read_text())
    m1 = written["all"]["children"]["minis"]["hosts"]["m1"]
    assert m1["hermes_profiles"]["coder"]["env"] == {
        "X_TOKEN": {"env": "X"},
        "API_SERVER_PORT": 8642,
    }


# --- edit -------------------------------------------------------------------------------------


def edit(monkeypatch: pytest.MonkeyPatch, editor: str | None, key: str | None) -> Result:
    """Edit with a program that is no editor."""
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor or "")
    return settings_edited.edit(Options(), Output(json=True), "m2/coder", key)


@pytest.mark.slow
def test_edit_opens_what_decides(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The editor gets the file of the layer that wins."""
    result = edit(monkeypatch, "sed -i s,x/y,n/w,", "model.default")
    assert result.document["items"][0]["file"] == "inventory/hosts.yml"
    assert result.document["items"][0]["line"] == 14
    assert config("m2")["model"]["default"] == "n/w"
    result = edit(monkeypatch, "sed -i s,a/b,c/d,", None)
    assert result.document["items"][0]["file"] == "inventory/profiles/coder.yml"


def test_edit_goes_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not load is put back where nobody is asked, and the text is not lost."""
    with pytest.raises(InventoryError, match="unknown key 'confg'") as caught:
        edit(monkeypatch, "sed -i s/config:/confg:/", None)
    assert (folder / "profiles/coder.yml").read_bytes() == CODER.encode()
    kept = Path(caught.value.hint.rpartition(" ")[2])
    assert "confg" in kept.read_text()
    kept.unlink()


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "code", "is_kept"), [("n", 64, False), ("k", 130, True)])
def test_edit_asks_on_a_terminal(folder: Path, answer: str, code: int, is_kept: bool) -> None:
    """A person is asked whether to go back or to keep what does not load."""
    pid, terminal = pty.fork()
    if pid == 0:
        words = [sys.executable, "-m", "hermes_ops.tasks.program", "config.edit", "m2/coder"]
        own = {"EDITOR": "sed -i s/config:/confg:/", "PYTHONPATH": str(ROLES.parent)}
        os.execvpe(words[0], words, {**os.environ, **own})
    said = b""
    with suppress(OSError):  # the terminal is gone when the program is
        while part := os.read(terminal, 4096):
            said += part
            if part.rstrip().endswith(b"keep]"):
                os.write(terminal, f"{answer}\n".encode())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code, said.decode()
    assert b"unknown key 'confg'" in said
    assert ((folder / "profiles/coder.yml").read_bytes() != CODER.encode()) is is_kept
    for kept in re.findall(rb"your text is in (\S+)", said):
        Path(kept.decode()).unlink()


@pytest.mark.parametrize(
    ("editor", "key", "sentence"),
    [
        (None, None, "there is no editor"),
        ("/no/such/editor", None, "cannot be run"),
        ("false", None, "ended with 1"),
        ("true", "nothing.here", "no layer sets 'config.nothing.here'"),
    ],
)
def test_edit_without(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    editor: str | None,
    key: str | None,
    sentence: str,
) -> None:
    """No editor, no terminal, no such setting: one sentence and 64."""
    with pytest.raises(UsageError, match=sentence):
        edit(monkeypatch, editor, key)


def test_documents_are_json(folder: Path) -> None:
    """The item of a setting has only what JSON has."""
    assert json.dumps(put("m1/coder", "a", "2024-01-02", "host", check=True))


# --- pull -------------------------------------------------------------------------------------


def setting(path: tuple[Any, ...], now: Any, **more: Any) -> HostSetting:
    """Return a key that a host has, and nobody wants."""
    given = {"is_there": True, "is_wanted": False, "wanted": None, "is_ours": False, **more}
    return HostSetting("m1", "coder", "config.yaml", path, now=now, **given)


def test_only_what_a_person_changed_is_offered() -> None:
    """Hermes' defaults and our own keys are no change by hand; a credential is none to offer."""
    changed = [
        setting(("agent", "max_turns"), 7),
        setting(("model", "default"), "c/d", is_wanted=True, wanted="a/b"),
    ]
    others = [
        setting(("agent", "max_turns"), 90),
        setting(("_config_version",), 12),
        setting(("a",), 1, is_ours=True),
        setting(("model", "default"), "a/b", is_wanted=True, wanted="a/b"),
        setting(("memory", "x"), None, is_there=False, is_wanted=True, wanted=1, is_migrated=True),
    ]
    assert all(one.differs or one.is_foreign for one in changed)
    assert not any(one.differs or one.is_foreign for one in others)
    secret = [
        setting(("platforms", "x", "token"), "hush"),
        setting(("custom",), [{"name": "n", "API_KEY": "hush"}]),
    ]
    assert offer([*changed, *secret]) == {"agent": {"max_turns": 7}, "model": {"default": "c/d"}}
    assert "hush" not in json.dumps([one.row() for one in secret])
    assert secret[1].row()["now"] == [{"name": "n", "API_KEY": "***"}]


def test_a_diff_tells_values_of_env_by_their_names(folder: Path) -> None:
    """A line that has a short secret beside the change shows its name alone."""
    file = folder / "profiles" / "coder.yml"
    file.write_text("config: {a: 1}\nenv: {PIN: pw12, PORT: '8701', TOKEN_X: {env: X}}\n")
    shown = put("m1/coder", "env.PIN", "4938", "catalogue", check=True)["diff"]
    text = "\n".join(shown)
    assert "PIN: ***" in text
    assert "{env: X}" in text
    assert not any(value in text for value in ("pw12", "4938", "8701"))


def test_a_diff_tells_credentials_by_their_names(folder: Path) -> None:
    """A line of `config` that has one beside the change shows its name alone, in any style."""
    file = folder / "profiles" / "coder.yml"
    beside = "{url: x, signingKey: sk-1, apiKeys: [ak-1, ak-2], \"b-token\": 'bt 1', max_tokens: 7}"
    file.write_text(f"config:\n  svc: {beside}\n  a: 1\n  pass: p-1  # mine\n")
    text = "\n".join(put("m1/coder", "a", "2", "catalogue", check=True)["diff"])
    assert '{url: x, signingKey: ***, apiKeys: ***, "b-token": ***, max_tokens: 7}' in text
    assert "pass: ***# mine" in text
    assert not any(value in text for value in ("sk-1", "ak-1", "ak-2", "bt 1", "p-1"))


# --- what a host has --------------------------------------------------------------------------

THERE = """\
model: {default: a/b}
svc:
  private_key: pk-on-host
  api-key: ak-on-host
  apiKey: [list-on-host]
  hooks: [{url: x, webhookSecret: ws-on-host}]
  token: 71234567
  max_tokens: 7000
  basic_auth: true
  key_bindings: ctrl-b
"""
VALUES = ("pk-on", "ak-on", "list-on", "ws-on", "71234567")
SVC = ["private_key", "api-key", "apiKey", "hooks", "token"]


@pytest.fixture
def scout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of one host, which answers with the file above, and no shell is started."""
    (folder / "hosts.yml").write_text("all: {hosts: {m1: {hermes_profiles: [scout]}}}\n")

    def look_all(
        _options: Options,
        _output: Output,
        *,
        steps: Sequence[StepPlan],
        workspace: Workspace,
        **_more: object,
    ) -> list[Look]:
        (host,) = workspace.selected.hosts
        desired = desired_state(host, workspace.selected.roles, steps)
        path = ".hermes/profiles/scout/config.yaml"
        return [
            Look(host, desired, Facts("me", 1000, "/home/me", "/home/me", contents={path: THERE}))
        ]

    for module in ("get", "pull"):
        monkeypatch.setattr(f"hermes_ops.commands.config.{module}.look_all", look_all)
    return folder


def test_a_credential_of_a_host_is_masked(scout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`config.get` and `config.pull` show its name alone."""
    code, out, _ = calling.said(capsys, "config.get", "m1/scout", "--key", "svc", "--json")
    now = {row["key"].removeprefix("svc."): row["now"] for row in json.loads(out)["items"]}
    assert code == 0
    assert [now.pop(key) for key in SVC] == [
        "***", "***", ["***"], [{"url": "x", "webhookSecret": "***"}], "***",
    ]  # fmt: skip
    assert now == {"max_tokens": 7000, "basic_auth": True, "key_bindings": "ctrl-b"}
    for words in (["config.get", "m1/scout"], ["config.pull"], ["config.pull", "--json"]):
        code, out, err = calling.said(capsys, *words)
        assert "max_tokens" in out
        assert not any(value in out + err for value in VALUES), words


@pytest.mark.slow
def test_a_credential_of_a_host_is_not_written(
    scout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`config.pull --layer` says which it leaves out, and writes what else was changed."""
    code, out, err = calling.said(capsys, "config.pull", "--layer", "profile", "-y")
    assert code == 0
    assert err.count("is a credential in clear: put it under env:, as a reference") == len(SVC)
    assert config("m1", "scout")["svc"] == {
        "max_tokens": 7000,
        "basic_auth": True,
        "key_bindings": "ctrl-b",
    }
    written = "".join(file.read_text() for file in scout.rglob("*.yml"))
    assert not any(value in out + err + written for value in VALUES)


def test_what_is_wanted_is_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A credential that the inventory has, and the host has not, is no value to print."""
    empty = setting(("svc", "api_key"), "", is_wanted=True, wanted="of-the-inventory")
    (row,) = pull._profile(Output(json=False), "m1/coder", [empty])
    assert row["wanted"] == "***"
    out, err = capsys.readouterr()
    assert "svc.api_key: the inventory says '***'" in out
    assert "of-the-inventory" not in out + err


# --- what somebody changed by hand --------------------------------------------------------------

CONFIG = ".hermes/profiles/{}/config.yaml"


@pytest.fixture
def looking(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What hosts answer by their names: facts, or why there are none."""
    answers: dict[str, Any] = {}

    def look_all(
        _options: Options,
        _output: Output,
        *,
        steps: Sequence[StepPlan],
        workspace: Workspace,
        **_more: object,
    ) -> list[Look]:
        roles = workspace.selected.roles
        return [
            Look(host, desired_state(host, roles, steps), **answers[host.name])
            for host in workspace.selected.hosts
        ]

    for module in ("get", "pull"):
        monkeypatch.setattr(f"hermes_ops.commands.config.{module}.look_all", look_all)
    return answers


def facts_of(**profiles: str) -> dict[str, Any]:
    """Return the answer of a host whose profiles have these settings."""
    contents = {CONFIG.format(name): text for name, text in profiles.items()}
    return {"facts": Facts("me", 1000, "/home/me", "/home/me", contents=contents)}


AS_WANTED = "agent: {max_turns: 3}\nmodel: {default: a/b}\nchats: {123: x}\n"


def test_nobody_changed_anything(
    looking: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said, and the exit code is 0; also where it would have been written."""
    looking["m1"] = facts_of(coder=AS_WANTED)
    for words in (["config.pull"], ["config.pull", "--layer", "profile"]):
        code, out, _ = calling.said(capsys, *words, "-l", "m1/coder")
        assert (code, out) == (0, "nobody changed anything by hand\n")


@pytest.mark.slow
def test_each_host_is_told_for_itself(
    looking: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is away, or tells nonsense, keeps none of the others back; nothing is claimed."""
    looking["m1"] = facts_of(coder=AS_WANTED.replace("3}", "8}"), scout="agent: {max_turns: 3}")
    for failed, code, said in (
        ({"failure": Unreachable("no way")}, 3, "m2: no way"),
        (facts_of(coder="a: [\n"), 1, "m2: "),
    ):
        looking["m2"] = failed
        ended, out, err = calling.said(capsys, "config.pull")
        assert ended == code
        assert out.startswith("# m1/coder\nconfig:\n  agent:\n    max_turns: 8\n")
        assert "m1/scout" not in out
        assert said in err
        ended, out, err = calling.said(capsys, "config.pull", "-l", "m2/coder")
        assert (ended, out) == (code, "")
    looking["m2"] = {"failure": Unreachable("no way")}
    _, out, _ = calling.said(capsys, "config.pull", "--json")
    rows = json.loads(out)["items"]
    assert [(row["host"], row["profile"]) for row in rows] == [("m1", "coder"), ("m2", None)]
    assert (rows[0]["offered"], rows[1]["error"]["kind"]) == (True, "refused")


def test_a_layer_takes_one_profile_at_a_time(
    looking: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a host that answers."""
    looking["m1"] = facts_of(coder="", scout="")
    looking["m2"] = {"failure": Unreachable("no way")}
    for words, code, message in (
        ([], 64, "--layer takes one profile at a time"),
        (["-l", "m1"], 64, "--layer takes one profile at a time"),
        (["-l", "m2"], 3, "no way"),
    ):
        ended, _, err = calling.said(capsys, "config.pull", "--layer", "host", *words)
        assert (ended, err.splitlines()[0].partition("error: ")[2]) == (code, message)


@pytest.mark.slow
def test_a_check_shows_what_would_be_written(
    folder: Path, looking: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """And asks nobody; an operator who says yes beforehand is shown it once."""
    looking["m1"] = facts_of(coder=AS_WANTED.replace("a/b", "n/w"))
    before = (folder / "hosts.yml").read_bytes()
    words = ("config.pull", "-l", "m1/coder", "--layer", "profile")
    code, out, _ = calling.said(capsys, *words, "--check")
    assert (code, (folder / "hosts.yml").read_bytes()) == (2, before)
    assert ": config would be set in the layer profile" in out
    code, out, err = calling.said(capsys, *words, "-y")
    assert (code, config("m1")["model"]["default"]) == (0, "n/w")
    assert ": config.model.default is set in the layer profile" in out
    assert "+++" not in err


@pytest.mark.parametrize(
    ("one", "note"),
    [
        (setting(("a",), 1), None),
        (setting(("a",), 1, is_wanted=True, wanted=2), "a: the inventory says 2"),
        (setting(("a",), None, is_there=False, is_wanted=True, is_ours=True),
         "a is wanted, and was removed on the host"),
        (setting(("a",), None, is_there=False, is_wanted=True),
         "a is wanted, and is not there yet: config.push"),
        (setting(("token",), "hush"),
         "token is a credential in clear: put it under env:, as a reference"),
        (replace(setting(("A",), None), file=".env"), ".env: A is set on the host alone"),
        (replace(setting(("A",), None, is_there=False), file=".env"),
         ".env: A is missing on the host"),
    ],
)  # fmt: skip
def test_what_is_to_be_known_of_a_change(one: HostSetting, note: str | None) -> None:
    """What the inventory says otherwise, and what nobody is offered."""
    assert pull._note(one) == note


@pytest.mark.slow
def test_one_setting_of_a_host(looking: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """With what is wanted; the name of a file may be left out. One that nobody has is told."""
    looking["m1"] = facts_of(coder=AS_WANTED.replace("a/b", "n/w"))
    for key in ("model.default", "config.model.default", "model"):
        code, out, _ = calling.said(capsys, "config.get", "m1/coder", "--key", key)
        assert (code, out.splitlines()[1].split()) == (
            2, ["config.yaml", "model.default", "n/w", "a/b", "false"],
        )  # fmt: skip
    code, out, _ = calling.said(capsys, "config.get", "m1/coder", "--key", "agent")
    assert (code, out.splitlines()[1].split()[1:4]) == (0, ["agent.max_turns", "3", "3"])
    code, out, err = calling.said(capsys, "config.get", "m1/coder", "--key", "nobodys.key")
    assert (code, out) == (2, "")
    assert "neither m1/coder nor the inventory has nobodys.key" in err
    looking["m1"] = {"failure": Unreachable("no way")}
    assert calling.said(capsys, "config.get", "m1/coder")[0] == 3
