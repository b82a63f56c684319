"""What a host tells of its files when it is asked for credentials: places and marks, no value."""

from __future__ import annotations

import base64
import json
import plistlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hermes_ops.audit import on_host
from hermes_ops.audit.model import request as asked
from hermes_ops.audit.on_host import Teller, fingerprint, is_of_platform, traits
from hermes_ops.secrets.names import holds_credential

KEY = b"0123456789abcdef"
SECRET = "7012345678:AAFx0Zk3vQm9_rT4uLw8"
PLATFORMS = ["telegram", "slack"]
ORDINARY = asked(KEY, {})


def request(**homes: str) -> dict[str, Any]:
    """Return what a host is asked."""
    return {
        "key": base64.b64encode(KEY).decode(), "open": ["API_SERVER_PORT", "port"],
        "placeholders": ["changeme"], "platforms": PLATFORMS, "homes": homes,
        "owed": ORDINARY["owed"],
        "definitions": [path for path in ORDINARY["definitions"] if not path.startswith("/")],
    }  # fmt: skip


TELLER = Teller(KEY, request())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a host, in which the program runs; nothing of this machine is shared with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(on_host, "SHARED", str(tmp_path / "etc/hermes"))
    return tmp_path


def write(home: Path, name: str, text: str | bytes, mode: int = 0o600) -> None:
    """Put a file of the host in its place."""
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)


def answer(**homes: str) -> dict[str, Any]:
    """Return what the host tells, as it arrives: no value is in it."""
    text = json.dumps(on_host.answer(request(**homes)))
    assert SECRET not in text
    told: dict[str, Any] = json.loads(text)
    return told


def named(told: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what was told by its name."""
    return {entry["name"]: entry for entry in told}


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("config.yaml", f"a: [1\n{SECRET}: x", "ParserError"),
        ("config.yaml", f"{SECRET}\n", "ValueError"),
        ("config.yaml", f"token: !odd {SECRET}\n", "ConstructorError"),
        ("config.yaml", "[" * 60 + SECRET + "]" * 60, "ValueError"),
        ("slack_tokens.json", f'{{"{SECRET}": ', "JSONDecodeError"),
        ("slack_tokens.json", f'["{SECRET}"]', "AttributeError"),
    ],
)
def test_of_a_broken_file_only_the_kind_of_its_fault_is_told(
    name: str, text: str, kind: str, home: Path
) -> None:
    """An error quotes the line in which it is: that may have a secret in it."""
    write(home, f".hermes/{name}", text)
    (profile,) = answer()["profiles"]
    assert profile["broken"] == [[f".hermes/{name}", kind]]


def test_a_profiles_own() -> None:
    """A fingerprint is keyed, short, and that of the value without blanks around it."""
    assert fingerprint(KEY, f" {SECRET}\n") == fingerprint(KEY, SECRET)
    assert fingerprint(b"other", SECRET) != fingerprint(KEY, SECRET)
    assert len(fingerprint(KEY, SECRET)) == on_host.LENGTH == 12


def test_a_profile_is_told_by_name_line_and_mark(home: Path) -> None:
    """Of a name's lines the last one counts; what is open is told with its text."""
    write(home, ".hermes/.env", f"# mine\nA_TOKEN=old\nexport A_TOKEN='{SECRET}'\n"
                                "API_SERVER_PORT=8642\nEMPTY=\nno line\n", 0o644)  # fmt: skip
    write(home, ".hermes/config.yaml", f"a: 1\ntelegram:\n  bot_token: {SECRET}\n  port: 1\n"
                                       "other: {api_key: x, name: y}\n")  # fmt: skip
    (profile,) = answer()["profiles"]
    env, config = named(profile["env"]), named(profile["config"])
    assert (profile["profile"], profile["home"], profile["broken"]) == ("default", ".hermes", [])
    assert set(env) == {"A_TOKEN", "API_SERVER_PORT", "EMPTY"}
    assert env["A_TOKEN"]["marks"] == [fingerprint(KEY, SECRET)]
    assert env["A_TOKEN"]["line"] == 3
    assert "text" not in env["A_TOKEN"]
    assert env["API_SERVER_PORT"]["text"] == "8642"
    assert (env["EMPTY"]["marks"], env["EMPTY"]["traits"]) == ([], ["empty"])
    assert set(config) == {"telegram.bot_token", "telegram.port", "other.api_key"}
    assert config["telegram.bot_token"]["line"] == 3
    assert config["telegram.port"]["text"] == "1"
    assert profile["files"] == [[".hermes/.env", 0o644], [".hermes/config.yaml", 0o600]]


def test_copies_count_and_examples_do_not(home: Path) -> None:
    """A file beside the `.env` may hold what it held; one that is delivered holds nothing."""
    for name in (".env", ".env.bak", ".env.example", "config.yaml.sample", "auth.json", "x.json"):
        write(home, f".hermes/{name}", "{}")
    (home / ".hermes/.env.d").mkdir()
    (profile,) = answer()["profiles"]
    assert [Path(path).name for path, _ in profile["files"]] == [".env", ".env.bak", "auth.json"]


def test_every_profile_that_is_there_is_told(home: Path) -> None:
    """Those of Hermes' root, and those of the inventory elsewhere; an empty folder is none."""
    write(home, ".hermes/profiles/coder/.env", "A=1\n")
    write(home, "elsewhere/scout/.env", "A=1\n")
    (home / ".hermes/profiles/empty").mkdir()
    found = answer(scout="elsewhere/scout", gone="elsewhere/gone")["profiles"]
    assert [(entry["profile"], entry["home"]) for entry in found] == [
        ("coder", ".hermes/profiles/coder"), ("scout", "elsewhere/scout"),
    ]  # fmt: skip


def test_slack_has_a_file_of_its_own(home: Path) -> None:
    """All tokens of all workspaces are one setting."""
    tokens = {"T1": {"token": SECRET}, "T2": {"token": "second"}, "T3": {}, "T4": "odd"}
    write(home, ".hermes/slack_tokens.json", json.dumps(tokens))
    (profile,) = answer()["profiles"]
    (told,) = profile["slack"]
    assert told["marks"] == [fingerprint(KEY, SECRET), fingerprint(KEY, "second")]
    write(home, ".hermes/slack_tokens.json", "{}")
    (profile,) = answer()["profiles"]
    assert profile["slack"] == []


def test_what_is_shared_and_what_is_owed(home: Path) -> None:
    """The administrator's file, the restarts that wait, and the profile that is active."""
    empty = answer()
    assert (empty["shared"], empty["owed"], empty["sticky"]) == (
        {"env": [], "config": [], "broken": []}, [], "",
    )  # fmt: skip
    write(home, "etc/hermes/.env", f"A_TOKEN={SECRET}\n")
    write(home, ".local/state/hermes-ops/restart/hermes-gateway-demo", "")
    write(home, ".hermes/active_profile", "coder\n")
    told = answer()
    assert told["shared"]["env"][0]["name"] == "A_TOKEN"
    assert (told["owed"], told["sticky"]) == (["hermes-gateway-demo"], "coder")


# --- services -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text", "owner", "line"),
    [
        (".config/systemd/user/hermes-gateway-demo.service",
         f'[Service]\nEnvironment="A_TOKEN={SECRET}" "B=1"\n', "demo", 2),
        (".config/systemd/user/hermes-gateway.service.d/x.conf",
         f"  Environment=A_TOKEN={SECRET}\n", "default", 1),
        (".config/environment.d/x.conf", f"# x\nA_TOKEN={SECRET}\n", "", 2),
        (".config/hermes-ops/supervisord.d/hermes-gateway-demo.sh",
         f"#!/bin/sh\nexport A_TOKEN='{SECRET}'\n", "demo", 2),
        ("Library/LaunchAgents/ai.hermes.gateway-demo.plist",
         plistlib.dumps({"EnvironmentVariables": {"A_TOKEN": SECRET, "X": "y"}}), "demo", 0),
    ],
)  # fmt: skip
def test_a_definition_of_a_service(
    path: str, text: str | bytes, owner: str, line: int, home: Path
) -> None:
    """A credential in it is told with its place and its owner."""
    write(home, path, text)
    (told,) = answer()["services"]
    assert (told["name"], told["path"], told["profile"], told["line"]) == (
        "A_TOKEN", path, owner, line,
    )  # fmt: skip
    assert told["marks"] == [fingerprint(KEY, SECRET)]


@pytest.mark.parametrize(
    "text",
    ['Environment="A_TOKEN=open quote\n', "Environment=A_TOKEN=\n", "Environment=NAME=x\n", "\xff"],
)
def test_a_definition_that_tells_nothing(text: str, home: Path) -> None:
    """What is broken, empty or no credential is not told, and spoils no other."""
    write(home, ".config/systemd/user/hermes-gateway-a.service", text)
    write(home, ".config/systemd/user/hermes-gateway-b.service", f"Environment=B_KEY={SECRET}\n")
    (told,) = answer()["services"]
    assert (told["name"], told["profile"]) == ("B_KEY", "b")


# --- names and values ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "promises"),
    [
        ("A_TOKEN", True), ("TOKEN", True), ("OPENAI_API_KEY", True), ("A_PASSPHRASE", True),
        ("A_CREDENTIALS", True), ("TOKENS", False), ("A_TOKEN_FILE", False), ("MONKEY", False),
        ("bot_token", True), ("openaiApiKey", True), ("api-key", True), ("access_key", True),
        ("client_secret", True), ("password", True), ("botToken", True), ("clientSecret", True),
        ("key", False), ("keyboard", False), ("monkey", False), ("max_tokens", False),
    ],
)  # fmt: skip
def test_names_that_promise_a_credential(name: str, promises: bool) -> None:
    """Of a variable and of a setting."""
    assert holds_credential(name) is promises


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", ["empty"]), ("  ", ["empty"]), ("abc", ["tiny", "short"]), ("abcd", ["short"]),
        ("x" * 15, ["left", "short"]), ("a" * 16, []),
        ("ChangeMe", ["placeholder", "left", "short"]),
        ("<your key>", ["left", "short"]), ("your-token-goes-here", ["left"]),
        ("........................", ["left"]), ("${OTHER}", ["short", "reference"]),
        ("http://localhost:8080/x", ["loopback"]), ("http://127.0.0.1", ["loopback"]),
        ("ws://[::1]:1/aaaaaaaaaa", ["loopback"]), ("http://localhost.example.org/", []),
    ],
)  # fmt: skip
def test_kinds_of_values(value: str, words: list[str]) -> None:
    """In words that tell nothing more of them."""
    found = traits(value, ["changeme"])
    assert [word for word in found if word != "short" or len(value.strip()) < 16] == found
    assert set(found) == set(words)


@pytest.mark.parametrize(
    ("path", "decides"),
    [
        (("TELEGRAM_BOT_TOKEN",), True), (("model",), False), (("telegram", "x"), True),
        (("gateway", "telegram", "x"), True), (("gateway", "platforms", "slack", "x"), True),
        (("platforms", "slack", "x"), True), (("gateway", "port"), False),
        (("platforms", "other", "x"), False), (("gateway", "platforms"), False),
        (("other", "telegram"), False),
    ],
)  # fmt: skip
def test_what_decides_about_a_platform(path: tuple[str, ...], decides: bool) -> None:
    """Wherever Hermes reads it: under its own name, `platforms` or `gateway`."""
    assert is_of_platform(path, PLATFORMS) is decides


def test_a_list_has_a_mark_for_each_value() -> None:
    """Slack has several workspaces in one variable; any other value is one, commas and all."""
    several = TELLER.tell("SLACK_BOT_TOKEN", "a-first, b-second,,")
    assert several["marks"] == [fingerprint(KEY, "a-first"), fingerprint(KEY, "b-second")]
    assert TELLER.tell("OTHER_TOKEN", "a,b")["marks"] == [fingerprint(KEY, "a,b")]
    assert TELLER.tell("x.SLACK_BOT_TOKEN", "a,b")["marks"] == [
        fingerprint(KEY, "a"), fingerprint(KEY, "b"),
    ]  # fmt: skip


def test_a_switch_is_told_as_it_is() -> None:
    """Yes and no are no secrets, whatever they are called."""
    assert TELLER.tell("x.enabled", True)["text"] == "true"
    assert TELLER.tell("x.token", False)["text"] == "false"
    assert "text" not in TELLER.tell("x.token", "true")
    assert TELLER.tell("x.port", None)["text"] == ""
