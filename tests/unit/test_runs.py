"""The journal, read back for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_ops.cli.output import Output
from hermes_ops.commands import runs
from hermes_ops.errors import UsageError
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


def test_some_runs_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest ones, or those that failed: differences are no failure. `last` is the newest."""
    monkeypatch.setattr(journal, "folder", lambda: tmp_path)
    for number, code in enumerate([0, 1, 2, 3, None] + [0] * 20):
        lines = [LINES[0], {"at": 1002.0, "event": "ended", "exit": code, "changes": number}]
        kept = lines if code is not None else lines[:1]
        (tmp_path / f"run-{number:02}.jsonl").write_text("\n".join(map(json.dumps, kept)))

    def listed(*words: str) -> list[str]:
        return [
            item["run"] for item in json.loads(said(capsys, "runs.list", "--json", *words))["items"]
        ]

    assert len(listed()) == 25
    assert listed("-n", "2") == ["run-24", "run-23"]
    assert listed("--failed") == ["run-04", "run-03", "run-01"]
    assert listed("--failed", "-n", "1") == ["run-04"]
    assert len(said(capsys, "runs.list").splitlines()) == 21
    assert said(capsys, "runs.show", "last").splitlines()[-1].endswith("exit 0, 24 changes")


def test_all_that_is_told_of_a_run(run: str) -> None:
    """What was planned line by line, what begins, how a host ended; what is empty is left out."""
    change = {"step": "s", "action": "make", "resource": "r", "reason": "absent"}
    lines: list[dict[str, Any]] = [
        {"at": 5.0, "event": "begun", "task": None, "operator": ""},
        {"at": 5.0, "event": "planned", "host": "a",
         "changes": [change, {**change, "profile": "p"}]},
        {"at": 6.0, "event": "changing", "host": "bb", **change},
        {"at": 7.0, "event": "finished", "host": "a", "outcome": "ok", "seconds": 1.26},
        {"at": 7.5, "event": "finished", "host": "bb", "outcome": "failed", "seconds": 2,
         "message": "no way"},
        {"at": 8.0, "event": "odd", "empty": "", "none": None, "list": [], "zero": 0},
    ]  # fmt: skip
    assert list(runs._told(lines)) == [
        "   0.000      -  1970-01-01 00:00:05Z",
        "   0.000  a   planned  2 changes\n            s make r (absent)"
        "\n            p: s make r (absent)",
        "   1.000  bb  begins   s make r (absent)",
        "   2.000  a   ok       in 1.3 s",
        "   2.500  bb  failed   in 2.0 s — no way",
        "   3.000      odd  zero=0",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("2026", "no single run begins with '2026': 20261122T063907-4f2a, 20261122T073907-0000"),
        ("lasting", "no single run begins with 'lasting': there is none"),
        ("1999", "no single run begins with '1999': there is none"),
        ("*", "'*' cannot be the name of a run"),
        ("../x", "'../x' cannot be the name of a run"),
    ],
)
def test_a_run_that_is_not_the_only_one(run: str, name: str, message: str) -> None:
    """Those that begin so are named; a name is no pattern and no path."""
    with pytest.raises(UsageError) as caught:
        runs.show(Output(json=False), name)
    assert (caught.value.message, caught.value.hint) == (message, "./inv runs.list")


def test_runs_of_one_second_are_in_their_order(run: str) -> None:
    """Their names end at random; `last` is the one that began last."""
    folder = journal.folder()
    for end, at in (("ffff", 5.25), ("0001", 5.75), ("8000", 5.5)):
        line = json.dumps({"at": at, "event": "begun", "task": "fleet.up"})
        (folder / f"20261123T000000-{end}.jsonl").write_text(line + "\n")
    (folder / "20261123T000000-7777.jsonl").write_text("")
    ends = [name[-4:] for name in journal.names("20261123")]
    assert ends == ["7777", "ffff", "8000", "0001"]
    assert runs._named("last").endswith("0001")
    assert [one["run"][-4:] for one in journal.runs()][:2] == ["0001", "8000"]
    assert journal.names(run) == ["20261122T063907-4f2a"]
