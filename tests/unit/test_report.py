"""A run as people see it: lines while it goes on, a summary at its end, and tables."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from hermes_ops.cli import output as sink
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.errors import Unreachable, UsageError
from hermes_ops.inventory.model import Host
from hermes_ops.plan import Change, Plan
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.model import MakeFolder, Write
from hermes_ops.reporting import events, report
from hermes_ops.reporting import summary as ended
from hermes_ops.reporting.events import Event
from hermes_ops.run import Done, HostResult
from hermes_ops.secrets.fingerprint import fingerprint, operator_key
from hermes_ops.secrets.secret import Redactor, Secret

FOLDER = Change(
    "profile.create", "demo", "~/demo", "create", "missing", MakeFolder(PurePosixPath("demo"), None)
)
EMPTY = Plan(Host("a"))


def write(before: str | Secret | None, after: str | Secret, keys: Sequence[str] = ()) -> Change:
    """Return a change of a file."""
    file = Write(PurePosixPath("f"), after, 0o644, before, keys=tuple(keys))
    return Change("profile.configure", "demo", "~/f", "update", "content differs", file)


class Watched(io.StringIO):
    """Standard error that somebody watches, or nobody."""

    def __init__(self, *, watched: bool) -> None:
        super().__init__()
        self.watched = watched

    def isatty(self) -> bool:
        return self.watched


def lines(*told: Event, verbose: bool = False) -> list[str]:
    """Return what a pipe is shown of these events of two hosts."""
    err = Watched(watched=False)
    with report.Progress(Output(json=False, err=err), ["a", "web-1"], verbose=verbose) as progress:
        for event in told:
            progress(event)
    return err.getvalue().splitlines()


# --- while it goes on ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (events.Connecting("a"), "connecting"),
        (events.Connecting("a", 2, "reset"), "connecting (attempt 2: reset)"),
        (events.Looking("a"), "looking"),
        (events.Gathered("a", 2.0), ""),
        (events.Planned("a", Plan(Host("a"), (FOLDER,))), "1 change to make"),
        (events.Planned("a", Plan(Host("a"), (FOLDER, FOLDER))), "2 changes to make"),
        (events.Planned("a", EMPTY), "holds already"),
        (events.Pushing("a", "wheels"), "copying wheels"),
        (events.Changing("a", FOLDER), "profile.create create ~/demo …"),
        (events.Waiting("a", "for demo"), "waiting for demo"),
        (events.Noted("a", "somebody was here"), "somebody was here"),
        (events.Changed("a", FOLDER), "profile.create create ~/demo: done"),
        (events.Changed("a", FOLDER, "failed", "exit 1"),
         "profile.create create ~/demo: failed (exit 1)"),
        (events.Finished("a", "ok", seconds=1.25), "ok in 1.2 s"),
        (events.Finished("a", "failed", "no way", 2), "failed in 2.0 s: no way"),
    ],
)  # fmt: skip
def test_the_text_of_an_event(event: Event, text: str) -> None:
    """What happens now, with what follows of it; nothing of what only the journal keeps."""
    assert report.describe(event) == text


def test_a_pipe_gets_a_line_for_what_matters() -> None:
    """Each host's name is in a column; looks, plans and what was skipped are told only by -v."""
    told = (
        events.Connecting("a"),
        events.Looking("a"),
        events.Planned("a", EMPTY),
        events.Connecting("web-1", 2, "reset"),
        events.Changed("a", FOLDER, "skipped"),
        events.Changed("a", FOLDER),
        events.Finished("web-1", "ok"),
    )
    short = [
        "web-1  connecting (attempt 2: reset)",
        "a      profile.create create ~/demo: done",
        "web-1  ok in 0.0 s",
    ]
    assert lines(*told) == short
    whole = lines(*told, verbose=True)
    assert whole[:3] == ["a      connecting", "a      looking", "a      holds already"]
    assert whole[3:] == [short[0], "a      profile.create create ~/demo: skipped", *short[1:]]


def test_the_same_is_not_said_twice_in_a_row() -> None:
    """Another host says it too, and the same host again after something else."""
    waits = events.Waiting("a", "for demo")
    told = (waits, waits, events.Waiting("web-1", "for demo"), events.Noted("a", "up"), waits)
    assert lines(*told) == [
        "a      waiting for demo",
        "web-1  waiting for demo",
        "a      up",
        "a      waiting for demo",
    ]


def test_a_terminal_has_one_line_for_each_host() -> None:
    """It shows the last event; a host of which nothing is known yet waits. No line is added."""
    err = Watched(watched=False)
    progress = report.Progress(Output(json=False, err=err), ["a", "web-1"], verbose=True)
    assert progress._draw() == "a      waiting\nweb-1  waiting"
    progress(events.Looking("web-1"))
    progress(events.Gathered("web-1"))
    assert progress._draw() == "a      waiting\nweb-1  looking"


@pytest.mark.slow
def test_a_terminal_is_drawn_and_cleared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Progress is drawn on standard error while it goes on, and without what is secret."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    err = Watched(watched=True)
    output = Output(json=False, err=err)
    monkeypatch.setattr(output, "redact", lambda text: text.replace("hidden", "***"))
    with report.Progress(output, ["a"], verbose=False) as progress:
        progress(events.Noted("a", "the hidden thing"))
        assert progress._live is not None
        progress._live.refresh()
    shown = capsys.readouterr().err
    assert "a  the *** thing" in shown
    assert "hidden" not in shown + err.getvalue()
    assert not progress._live.is_started


@pytest.mark.parametrize(
    ("watched", "term", "is_terminal"),
    [(True, "xterm", True), (True, "dumb", False), (False, "xterm", False)],
)
def test_who_watches(
    *, watched: bool, term: str, is_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress is drawn for a person at a terminal that can redraw a line."""
    monkeypatch.setenv("TERM", term)
    assert Output(json=False, err=Watched(watched=watched)).is_terminal is is_terminal


# --- at its end ---------------------------------------------------------------------------------


class Run:
    """What a summary needs of a run."""

    options = Options()

    def __init__(self, *results: HostResult) -> None:
        self.results = results


def body(**more: Any) -> dict[str, Any]:
    """Return the document of a run of two hosts on which all went well."""
    words = ("changed", "ok", "failed", "unreachable", "unknown", "skipped")
    totals = {**dict.fromkeys(words, 0), "hosts": 2, "changed": 1, "ok": 1, "changes": 3}
    return {"totals": totals, "check": False, "verify": None, "seconds": 1.5, **more}


def summary(*results: HostResult, json: bool = False, diff: bool = False) -> str:
    """Return what is printed of these results."""
    output = Output(json=json, out=(out := io.StringIO()), err=io.StringIO())
    output.inventory = (Path("/fleet"),)
    ended.Summary(output, Options(diff=diff)).show(Run(*results), body())
    output.end()
    return out.getvalue()


def test_a_summary_tells_what_each_host_came_to() -> None:
    """Its changes and their reasons, what failed and how to mend it, and what is to be known."""
    error = Unreachable("no way", hint="try the front door")
    plan = Plan(Host("a"), notes=("a note",), differs=(Difference("p", "a drop-in", mend="rm it"),))
    done = [Done(FOLDER, "done"), Done(FOLDER, "skipped", "another failed")]
    shown = summary(
        HostResult(Host("a"), "changed", plan=plan, changes=done),
        HostResult(Host("b"), "ok"),
        HostResult(Host("c"), "unreachable", error),
        HostResult(Host("d"), "failed", Unreachable("bad", hint=""), changes=done[:1]),
    )
    assert shown.splitlines() == [
        "a  1 skipped",
        "    note: a note",
        "    note: p: a drop-in; to end that: rm it",
        "    skipped  profile.create create ~/demo (missing) — another failed",
        "a, d  1 change each",
        "    done     profile.create create ~/demo (missing)",
        "b  holds already",
        "c  unreachable: no way",
        "d  failed: bad",
        "2 hosts: 1 changed, 1 ok; 3 changes; 1.5 s",
        "inventory: /fleet",
        "not as wanted:",
        "  a/p  a drop-in",
        "      next: rm it",
        "  c  unreachable: no way",
        "      hint: try the front door",
        "      next: ./inv hosts.ping -l c",
        "  d  failed: bad",
        "      next: mend that, then ./inv fleet.up -l d",
    ]


def test_a_document_has_no_summary_beside_it() -> None:
    """With --json nothing of it is printed."""
    assert summary(HostResult(Host("b"), "ok"), json=True) == ""


def test_a_diff_is_shown_when_it_is_asked_for() -> None:
    """Under its change, and only with --diff."""
    result = HostResult(Host("a"), "changed", changes=[Done(write("x\n", "y\n"), "planned")])
    assert "        -x\n        +y\n" in summary(result, diff=True)
    assert "-x" not in summary(result)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "2 hosts: 1 changed, 1 ok; 3 changes; 1.5 s"),
        ({"check": True}, "2 hosts: 1 to change, 1 ok; 3 changes; 1.5 s"),
        ({"verify": {"expected": 4, "passed": 3}},
         "2 hosts: 1 changed, 1 ok; 3 changes; 3 of 4 checks passed; 1.5 s"),
        ({"verify": {"expected": 0, "passed": 0}}, "2 hosts: 1 changed, 1 ok; 3 changes; 1.5 s"),
    ],
)  # fmt: skip
def test_totals(more: Mapping[str, Any], text: str) -> None:
    """What has no host is left out; checks are counted if there were any."""
    assert ended.totals(body(**more)) == text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (write("a\nb\n", "a\nc\n"), ["@@ -2 +2 @@", "-b", "+c"]),
        (write(None, "a\n"), ["@@ -0,0 +1 @@", "+a"]),
        (write(Secret("was"), "a\n"), ["@@ -0,0 +1 @@", "+a"]),
        (write(Secret("A=2\nB=1\n"), Secret("A=1\nC=1\n"), ["A", "B", "C"]), ["~ A", "- B", "+ C"]),
        (FOLDER, []),
    ],
)
def test_the_diff_of_a_change(change: Change, told: list[str]) -> None:
    """Lines of a plain file, without those that stay; of one with secrets only the names."""
    assert ended.lines_of(change) == told


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("a: 1\nkey: old\n", "a: 2\nkey: qx\n", ["-a: ***", "-key: ***", "+a: 2", "+key: MARK"]),
        ("list:\n  - old\n", "list:\n  - qx\n", ["-  - ***", "+  - MARK"]),
        ("Environment=\"KEY=old one\"\n", "Environment=\"KEY=qx\"\n",
         ["-***", '+Environment="KEY=MARK"']),
        ("a: 1\n", "a: 2\n", ["-a: 1", "+a: 2"]),
    ],
)  # fmt: skip
def test_a_value_of_a_vault_is_its_fingerprint_in_a_diff(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str, told: list[str]
) -> None:
    """What it replaces may be the secret that it was, so no value that is removed is shown."""
    redactor = Redactor()
    redactor.learn_typed("qx")
    monkeypatch.setattr(ended, "REDACTOR", redactor)
    mark = f"***({fingerprint(operator_key(), 'qx')})"
    lines = [line for line in ended.lines_of(write(before, after)) if line[:2] != "@@"]
    assert [line.replace(mark, "MARK") for line in lines] == told


# --- tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), ("", "-"), (True, "yes"), (False, "no"), (0, "0"), ([], "-"), ({}, "-"),
        (["a", 1], "a, 1"), (("a",), "a"), ({"telegram": "up", "b": 2}, "telegram up, b 2"),
    ],
)  # fmt: skip
def test_the_text_of_a_cell(value: Any, text: str) -> None:
    """Nothing is a dash; lists and mappings are words."""
    assert report.plain(value) == text


def tabled(rows: Sequence[Mapping[str, Any]], *columns: str) -> list[str]:
    """Return the lines of a table."""
    out = io.StringIO()
    report.table(Output(json=False, out=out), columns, rows)
    return out.getvalue().splitlines()


def test_a_table_in_a_pipe() -> None:
    """Columns are aligned, whatever a word is wide; a long line is not folded, none ends in blanks.

    A cell with line ends has a line for each.
    """
    rows: list[dict[str, Any]] = [
        {"host": "a", "said": "x" * 200},
        {"host": "日本", "said": "one\ntwo"},
        {"host": None},
    ]
    assert tabled(rows, "host", "said") == [
        "HOST  SAID",
        f"a     {'x' * 200}",
        "日本  one",
        "      two",
        "-     -",
    ]


def test_columns_are_left_out_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the table fits; what cannot be spared stays, however wide it is."""
    row = {"host": "h" * 20, "pid": "p" * 20, "memory": "m" * 20, "said": "s" * 20}

    def heads(columns: str) -> list[str]:
        monkeypatch.setenv("COLUMNS", columns)
        out = io.StringIO()
        spare = ("memory", "pid")
        report.table(Output(json=False, out=out), list(row), [row], spare=spare)
        return out.getvalue().splitlines()[0].split()

    assert heads("86") == ["HOST", "PID", "MEMORY", "SAID"]
    assert heads("85") == ["HOST", "PID", "SAID"]
    assert heads("60") == ["HOST", "SAID"]
    assert heads("20") == ["HOST", "SAID"]


def test_what_moves_a_terminal_is_not_in_a_table() -> None:
    """Bells and the like are escaped, a tab becomes blanks."""
    (_, row) = tabled([{"a": "x\a\b\r\v\fy\tz", "b": 1}], "a", "b")
    assert row == r"x\x07\x08\x0d\x0b\x0cy  z  1"


@pytest.mark.slow
def test_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has colors, and no word of it is broken where the terminal ends."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    (head, row) = tabled([{"state": "down", "said": "x" * 90}], "state", "said")
    assert "\x1b[1mSTATE" in head
    assert "\x1b[31mdown" in row
    assert "x" * 90 in row


# --- the one sink -------------------------------------------------------------------------------


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> str:
    """A value that the sink knows."""
    redactor = Redactor()
    redactor.learn("a-hidden-value")
    monkeypatch.setattr(sink, "REDACTOR", redactor)
    return "a-hidden-value"


def test_no_stream_of_the_process_shows_a_secret(
    hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever prints, and in whatever way; the stream is otherwise what it was."""
    out, err = Watched(watched=True), io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    sink.veil()
    print(hidden)
    assert sys.stdout.write(f"{hidden}!") == len(f"{hidden}!")
    sys.stdout.writelines([f"{hidden}\n", "b\n"])
    sys.stderr.write(hidden)
    assert (out.getvalue(), err.getvalue()) == ("***\n***!***\nb\n", "***")
    assert sys.stdout.isatty()
    Output(json=False).reveal(hidden)
    assert out.getvalue().endswith("b\na-hidden-value\n")


@pytest.mark.parametrize(("json", "watched"), [(True, True), (False, False)])
def test_a_value_is_revealed_on_a_terminal_only(*, json: bool, watched: bool, hidden: str) -> None:
    """Neither in a document nor into a pipe."""
    out = Watched(watched=watched)
    with pytest.raises(UsageError, match="on a terminal only"):
        Output(json=json, out=out).reveal(hidden)
    assert out.getvalue() == ""


def test_who_has_read_enough_is_no_failure() -> None:
    """`| head`: what is said afterwards goes nowhere."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        output = Output(json=False, out=stream)
        output.text("nobody reads this")
        output.text("nor this")


def test_an_answer_names_its_inventory() -> None:
    """Once: beside an answer that did not, and in every document of ours."""
    out, err = io.StringIO(), io.StringIO()
    output = Output(json=False, out=out, err=err)
    output.inventory = (Path("/a"), Path("/b"))
    output.end()
    assert err.getvalue() == ""
    output.text("an answer")
    output.end()
    assert (out.getvalue(), err.getvalue()) == ("an answer\n", "inventory: /a, /b\n")
    output.name_inventory()
    output.end()
    assert (out.getvalue(), err.getvalue()) == (
        "an answer\ninventory: /a, /b\n", "inventory: /a, /b\n",
    )  # fmt: skip
    out = io.StringIO()
    output = Output(json=True, out=out)
    output.inventory = (Path("/a"),)
    output.text("no answer")
    output.document({"schema": 1})
    output.document({"all": {}})
    output.document({})
    assert out.getvalue() == '{"schema": 1, "inventory": ["/a"]}\n{"all": {}}\n'


def test_an_error_is_said_and_in_the_document() -> None:
    """With its hint, if there is one."""
    for hint, lines in (("", ["error: no"]), ("do it", ["error: no", "hint:  do it"])):
        out, err = io.StringIO(), io.StringIO()
        Output(json=True, out=out, err=err).error(UsageError("no", hint=hint))
        assert err.getvalue().splitlines() == lines
        body = json.loads(out.getvalue())
        assert (body["schema"], body["exit"], body["error"]["message"]) == (1, 64, "no")
        out = io.StringIO()
        Output(json=False, out=out, err=io.StringIO()).error(UsageError("no", hint=hint))
        assert out.getvalue() == ""
