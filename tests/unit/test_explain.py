"""`inventory.explain` and `inventory.schema`, as an operator calls them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import calling
import pytest

ROOT = Path(__file__).parents[2]
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Said:
    """Call the program in a folder with the annotated example; return exit code and texts."""
    shutil.copytree(ROOT / "docs" / "example", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HERMES_OPS_INVENTORY", raising=False)

    def call(*words: str) -> tuple[int, str, str]:
        return calling.said(capsys, *words)

    return call


def rows(said: Said, *words: str) -> list[dict[str, Any]]:
    """Return the items of a call that must go well."""
    code, out, err = said("inventory.explain", *words, "--json")
    assert code == 0, err
    found: list[dict[str, Any]] = json.loads(out)["items"]
    return found


def test_every_setting_has_its_place(said: Said) -> None:
    """Each value stands with file, line and column, and the key does stand there."""
    found = rows(said, "mini-01/coder")
    assert {row["key"] for row in found} >= {"config.model.default", "env.GITHUB_TOKEN", "state"}
    for row in found:
        file, line, column = row["where"].rsplit(":", 2)
        text = Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert text[int(column) - 1 :].lstrip("+").startswith(row["path"][-1]), row


@pytest.mark.slow
def test_key_shows_the_chain(said: Said) -> None:
    """With a key: the winner first, then those that lost, in order."""
    (row,) = rows(said, "mini-02/coder", "--key", "service.memory_max")
    assert [(s["layer"], s["variable"], s["value"], s["counts"]) for s in row["said"]] == [
        ("host", "hermes_profiles", "4G", True),
        ("group:minis", "hermes_profile_defaults", "2G", False),
        ("catalogue", None, "1G", False),
    ]
    code, out, _ = said("inventory.explain", "mini-02/coder", "--key", "service.memory_max")
    assert code == 0
    assert out.splitlines()[0] == "service.memory_max = 4G"
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["wins", "lost", "lost"]


def test_key_of_a_section_shows_all_below_it(said: Said) -> None:
    """`service` is every setting that begins with it."""
    keys = [row["key"] for row in rows(said, "mini-02/coder", "--key", "service")]
    limits = ["memory_max", "memory_high", "tasks_max", "cpu_quota", "nice", "oom_policy"]
    rest = ["hardening", "log_budget", "state_budget", "environment.TZ", "watchdog"]
    assert keys == [f"service.{key}" for key in (*limits, *rest)]


def test_host_variables(said: Said) -> None:
    """A host's own value wins over its group's; both have their place."""
    (row,) = rows(said, "mini-04", "--key", "ansible_host")
    assert (row["value"], row["layer"], row["profile"]) == ("10.0.0.14", "host", None)
    assert [s["where"] for s in row["said"]] == [
        "inventory/hosts.yml:7:11",
        "inventory/group_vars/minis.yml:2:1",
    ]


def test_other_names_of_a_variable_are_shown_with_it(said: Said) -> None:
    """Ansible's older spellings are the same variable: whoever asks for one sees both."""
    Path("inventory/host_vars/here.yml").write_text("ansible_ssh_user: old\n", encoding="utf-8")
    found = rows(said, "here", "--key", "ansible_user")
    assert [(row["key"], row["value"]) for row in found] == [
        ("ansible_ssh_user", "old"),
        ("ansible_user", "hermes"),
    ]


@pytest.mark.slow
def test_what_nobody_says_is_its_default(said: Said) -> None:
    """A known key without a value shows what holds."""
    (row,) = rows(said, "mini-02/scout", "--key", "service.watchdog")
    assert (row["value"], row["layer"], row["where"], row["said"]) == (None, "default", None, [])
    code, out, _ = said("inventory.explain", "mini-04", "--key", "hermes_user")
    assert (code, out) == (0, "hermes_user: who logs in (the default; no layer sets it)\n")


def test_a_key_is_named_as_config_set_takes_it(said: Said) -> None:
    """A key that profiles do not have is one of `config`."""
    code, out, _ = said("inventory.explain", "mini-01/coder", "--key", "model.default")
    assert (code, out) == said(
        "inventory.explain", "mini-01/coder", "--key", "config.model.default"
    )[:2]
    assert code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("inventory.explain", "mini-1"), "did you mean 'mini-01'"),
        (("inventory.explain", "mini-01/codr"), "did you mean 'coder'"),
        (("inventory.explain", "mini-01/coder", "--key", "stat"), "did you mean 'state'"),
        (
            ("inventory.explain", "mini-01/coder", "--key", "model.defautl"),
            "did you mean 'config.model.default'",
        ),
        (("inventory.explain", "mini-01/coder", "--key", "a..b"), "from character 3 on"),
        (("inventory.schema", "--of", "host"), "did you mean 'hosts'"),
    ],
)
def test_wrong_calls(said: Said, words: tuple[str, ...], sentence: str) -> None:
    """What is not there is a sentence with what was probably meant, and 64."""
    code, _, err = said(*words)
    assert code == 64
    assert sentence in err


def test_no_secret_is_shown(said: Said) -> None:
    """Neither a plain value of `env` nor a password, winner or loser, in any form."""
    Path("inventory/profiles/coder.yml").write_text(
        "env: {A_TOKEN: plain-loser-secret}\n", encoding="utf-8"
    )
    Path("inventory/host_vars/mini-01.yml").write_text(
        "ansible_become_password: sudo-secret-one\n"
        "hermes_profile_defaults: {env: {A_TOKEN: plain-winner-secret}}\n",
        encoding="utf-8",
    )
    for target in ("mini-01", "mini-01/coder"):
        for more in ((), ("--json",)):
            code, out, err = said("inventory.explain", target, *more)
            assert code == 0
            assert "-secret" not in out + err


def test_no_credential_of_a_setting_is_shown(said: Said) -> None:
    """What has the name of one is `***`, in `config` and among the variables of a host."""
    Path("inventory/profiles/scout.yml").write_text(
        "files: {api_keys: {content: open}}\n"
        "config: {svc: {api-key: s3, hooks: [{webhookSecret: s4, keyboard: s5}], pin: 6}}\n",
        encoding="utf-8",
    )
    Path("inventory/host_vars/here.yml").write_text(
        "db_password: s7\npeers: [{bot_token: s8, name: s9}]\n", encoding="utf-8"
    )
    found = {row["key"]: row["value"] for row in rows(said, "mini-01/scout")}
    assert found["config.svc.api-key"] == "***"
    assert found["config.svc.hooks"] == [{"webhookSecret": "***", "keyboard": "s5"}]
    assert found["config.svc.pin"] == 6
    assert found["files.api_keys"] == {"content": "open"}
    found = {row["key"]: row["value"] for row in rows(said, "here")}
    assert found["db_password"] == "***"
    assert found["peers"] == [{"bot_token": "***", "name": "s9"}]


@pytest.mark.slow
def test_odd_values_can_be_shown(said: Said) -> None:
    """Dates, numbers that are none and keys that are no texts have their place in the document."""
    Path("inventory/profiles/scout.yml").write_text(
        "config: {when: 2026-11-22, nan: .nan, 7: {2026-01-01: x}, 'a.b': [1, 2026-11-22]}\n",
        encoding="utf-8",
    )
    Path("inventory/host_vars/here.yml").write_text("day: 2026-11-22\n", encoding="utf-8")
    found = {row["key"]: row for row in rows(said, "mini-01/scout")}
    assert found["config.when"]["value"] == "2026-11-22"
    assert found["config.nan"]["value"] == ".nan"
    assert found["config.7.2026-01-01"]["path"] == ["config", 7, "2026-01-01"]
    assert found['config."a.b"']["value"] == [1, "2026-11-22"]
    assert said("inventory.explain", "mini-01/scout", "--key", 'config."a.b"')[0] == 0
    assert [row["value"] for row in rows(said, "here", "--key", "day")] == ["2026-11-22"]


def test_schema_is_printed(said: Said) -> None:
    """The text is the schema itself; with --json it stands in the document."""
    code, out, _ = said("inventory.schema", "--of", "variables")
    assert code == 0
    assert "hermes_profiles" in json.loads(out)["$defs"]["variables"]["properties"]
    _, out, _ = said("inventory.schema", "--json")
    (item,) = json.loads(out)["items"]
    assert item["of"] == "profile"
    assert item["json_schema"]["properties"]["state"]["default"] == "started"


CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
CALL = re.compile(r"^\$ \./inv (.*)\n((?:[^$].*\n)*)", re.MULTILINE)
PAGE = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
CALLS = CALL.findall("".join(CONSOLE.findall(PAGE)))


@pytest.mark.parametrize(("words", "shown"), CALLS)
def test_page_shows_what_is_printed(said: Said, words: str, shown: str) -> None:
    """Each transcript of docs/layers.md is what the command prints for the example."""
    assert said(*shlex.split(words))[:2] == (0, shown)


def test_page_shows_a_true_item(said: Said) -> None:
    """The item of the document is one that the command prints; there are three transcripts."""
    shown = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    assert rows(said, "rack-1/coder", "--key", "config.model.default") == [shown]
    assert len(CALLS) == 3
