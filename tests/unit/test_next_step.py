"""The command that a message names is the one that helps, with the hosts that it must reach."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from calling import said

from hermes_ops.assets import ROLES
from hermes_ops.commands.next_step import next_step
from hermes_ops.errors import Conflict
from hermes_ops.loader import load
from hermes_ops.tasks import namespace

HOSTS = """\
all:
  children:
    pis:
      hosts: {"pi-[1:4]": {hermes_profiles: [a, b]}}
    others:
      hosts: {mini: {hermes_profiles: [a]}, idle: {hermes_profiles: [a], hermes_enabled: false}}
"""
A = """\
description: x
config: {model: {default: m}, display: {skin: s}}
env: {TOKEN: {env: A_TOKEN}, API_SERVER_PORT: "8700"}
soul: a.soul.md
service: {memory_max: 1G}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory in the working folder."""
    folder = tmp_path / "inventory"
    (folder / "profiles").mkdir(parents=True)
    (folder / "hosts.yml").write_text(HOSTS)
    (folder / "profiles/a.yml").write_text(A)
    (folder / "profiles/a.soul.md").write_text("Be kind.\n")
    (folder / "profiles/b.yml").write_text(A.replace("a.soul", "b.soul"))
    (folder / "profiles/b.soul.md").write_text("Be quick.\n")
    monkeypatch.chdir(tmp_path)
    return folder


def named(folder: Path, file: str, before: str, after: str) -> tuple[str, str] | None:
    """Return task and selection that are named after an edit of a file."""
    path = folder / file
    old = load([folder], ROLES, {})
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))
    step = next_step(old, load([folder], ROLES, {}))
    return (step.task, step.limit) if step else None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "before", "after", "task"),
    [
        ("a.yml", "default: m", "default: n", "config.push"),
        ("a.yml", "A_TOKEN", "B_TOKEN", "config.push"),
        ("a.yml", "8700", "8701", "config.push"),
        ("a.soul.md", "kind", "quick", "config.push"),
        ("a.yml", "soul: a.soul.md", "", "config.push"),
        ("a.yml", "1G", "2G", "fleet.up"),
        ("a.yml", "memory_max", "watchdog: 60, memory_max", "fleet.up"),
        ("a.yml", "memory_max", "environment: {A: b}, memory_max", "fleet.up"),
        ("a.yml", "display: {", "agent: {restart_drain_timeout: 90}, display: {", "fleet.up"),
        ("a.yml", "config: {", "config: {gateway: {systemd_watchdog_seconds: 9}, ", "fleet.up"),
        ("a.yml", "API_SERVER_PORT", "TELEGRAM_BOT_TOKEN: x, API_SERVER_PORT", "config.push"),
        ("a.yml", "soul:", "state: stopped\nsoul:", "fleet.up"),
        ("a.yml", "soul:", "state: absent\nsoul:", "fleet.up"),
        ("a.yml", "soul:", "allow: [{finding: weak-key, reason: why}]\nsoul:", None),
        ("a.yml", "soul:", "# why\nsoul:", None),
        ("a.yml", "description: x", "description: y", None),  # it counts when a profile is made
    ],
)
def test_what_a_change_needs(
    folder: Path, file: str, before: str, after: str, task: str | None
) -> None:
    """Settings are pushed; what is in a unit, or starts and stops, needs the whole graph."""
    found = named(folder, f"profiles/{file}", before, after)
    assert found == (task and (task, "all/a"))


@pytest.mark.slow
def test_what_cannot_be_planned_here_needs_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the host tells then what it needs: the task that brings everything is named."""

    def refuse(*_: object, **__: object) -> None:
        raise Conflict("not on this host")

    monkeypatch.setattr("hermes_ops.commands.next_step.make_plan", refuse)
    found = named(folder, "profiles/a.yml", "default: m", "default: n")
    assert found is not None
    assert found[0] == "fleet.up"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "limit"),
    [
        ("mini: {hermes_profiles: [a]}", "mini: {hermes_profiles: [a, b]}", "mini/b"),
        (
            "mini: {hermes_profiles: [a]}",
            "mini: {hermes_profiles: {a: {config: {x: 1}}}}",
            "mini/a",
        ),
        ("others:", "others:\n      vars: {hermes_profile_defaults: {config: {x: 1}}}", "mini/a"),
        ("pis:", "pis:\n      vars: {hermes_profile_defaults: {config: {x: 1}}}", "pis"),
        ("  children:", "  vars: {hermes_profile_defaults: {config: {x: 1}}}\n  children:", "all"),
    ],
)
def test_everybody_who_is_affected_is_named(
    folder: Path, before: str, after: str, limit: str
) -> None:
    """Hosts that are disabled are not; they are not contacted."""
    found = named(folder, "hosts.yml", before, after)
    assert found is not None
    assert found[1] == limit


@pytest.mark.slow
def test_the_command_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By `config.set`, for the layer, and not where a stronger layer hides the value."""
    set_ = ("config.set", "pi-1/a")
    _, out, _ = said(capsys, *set_, "state", "stopped", "--layer", "profile")
    assert out.splitlines()[-1] == "now: ./inv fleet.up -l pis/a"
    _, out, _ = said(capsys, *set_, "model.default", "o", "--layer", "group:pis")
    assert out.splitlines()[-1] == "now: ./inv config.push -l pis"
    _, out, _ = said(capsys, *set_, "model.default", "p", "--layer", "profile")
    assert out.splitlines()[-1] == "now: ./inv config.push -l pis/a"
    _, out, err = said(capsys, *set_, "model.default", "q", "--layer", "catalogue")
    assert "wins" in err
    assert out.splitlines()[-1] == "now: ./inv config.push -l mini/a"


FILES_AND_KEYS = {
    "config.yaml", "config.model", "gateway.heartbeat", "gateway.json", "gateway.lock",
    "gateway.pid", "gateway.py", "gateway.platforms", "hosts.xml", "hosts.yml", "lab.json",
    "profile.yaml", "secrets.names",
}  # fmt: skip
NAMED = re.compile(r"(?<![\w./-])([a-z]+\.[a-z]+)(?![\w./(=-])")


@pytest.mark.slow
def test_every_task_that_a_message_names_exists() -> None:
    """In whatever text of the program a task of one of its nouns is named."""
    known = set(namespace().task_names)
    nouns = {name.partition(".")[0] for name in known}
    texts = (
        (file, node.value)
        for file in (Path(__file__).parents[2] / "hermes_ops").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    named = {(file.name, task) for file, text in texts for task in NAMED.findall(text)}
    told = {
        (file, task)
        for file, task in named
        if task.partition(".")[0] in nouns and task not in FILES_AND_KEYS
    }
    assert len(told) > 40
    assert {(file, task) for file, task in told if task not in known} == set()
