"""The journal, read back for people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_ops.reporting import journal
from hermes_ops.tasks.program import Program

LINES = [
    {"at": 1000.0, "event": "begun", "task": "fleet.up", "operator": "ann@desk", "why": "tokens",
     "limit": "minis", "check": True, "inventory": ["inventory"]},
    {"at": 1000.5, "event": "gathered", "host": "mini-1", "seconds": 0.123456},
    {"at": 1001.25, "event": "changed", "host": "mini-1", "step": "gateway.start",
     "profile": "coder", "resource": "service:x", "action": "start", "reason": "not running",
     "outcome": "failed", "because": "exit 1", "seconds": 0.1},
    {"at": 1002.0, "event": "ended", "exit": 1, "changes": 1},
]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run in a journal; its last line was cut off by a crash."""
    monkeypatch.setattr(journal, "folder", lambda: tmp_path)
    lines = "".join(json.dumps(line) + "\n" for line in LINES)
    (tmp_path / "20261122T063907-4f2a.jsonl").write_text(lines)
    (tmp_path / "20261122T073907-0000.jsonl").write_text(lines + '{"at": 10')
    return "20261122T06"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return what the program prints."""
    Program().run(["inv", *words])
    return capsys.readouterr().out


def test_a_run_is_told_as_a_story(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Who, when and why come first; then each event with its second and its host."""
    assert said(capsys, "runs.show", run).splitlines() == [
        "   0.000          fleet.up --check  -l minis  why: tokens  by ann@desk"
        "  1970-01-01 00:16:40Z",
        "   0.500  mini-1  gathered  seconds=0.123",
        "   1.250  mini-1  failed   coder: gateway.start start service:x (not running) — exit 1",
        "   2.000          exit 1, 1 changes",
    ]


def test_runs_are_listed_newest_first(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A look is told from a change, and a run that was cut off has no exit code of its own."""
    del run
    items = json.loads(said(capsys, "runs.list", "--json"))["items"]
    assert [item["run"][9:13] for item in items] == ["0739", "0639"]
    assert [item["check"] for item in items] == [True, True]
