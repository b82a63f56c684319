"""A run is called again for the hosts that were not done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from calling import said

from hermes_ops.commands.runs import resumed
from hermes_ops.errors import UsageError
from hermes_ops.reporting.journal import Journal
from hermes_ops.secrets.secret import Redactor
from hermes_ops.tasks.runs import _selects

pytestmark = pytest.mark.usefixtures("hasty")  # no host is there

Captured = pytest.CaptureFixture[str]
TYPED = ["fleet.up", "-l", "a", "--no-verify", "--limit=b", "-lc", "-y"]
HOSTS = ["h1", "h2", "h3", "h4", "h5"]
ENDS = {"h1": "ok", "h2": "changed", "h3": "failed", "h4": "unknown"}


def kept(name: str = "r1", *, ends: dict[str, str] | None = None, **fields: Any) -> str:
    """Keep a run in the journal of this home; return its name."""
    journal = Journal(name, Redactor(), print)
    begun = {
        "task": "fleet.up",
        "limit": "a",
        "typed": TYPED,
        "hosts": ["h1", "h2", "h3", "h4", "h5"],
    }
    journal.write("begun", **{**begun, **fields})
    for host, outcome in (ENDS if ends is None else ends).items():
        journal.write("finished", host=host, outcome=outcome, message="", seconds=1)
    return name


def test_hosts_that_failed_or_never_began_are_done_again() -> None:
    """Within what was selected, and with all else that was typed."""
    assert resumed(kept()) == ["fleet.up", "--no-verify", "-y", "-l", "h3,h4,h5"]
    assert resumed(kept("r2", limit=None))[-1] == "h3,h4,h5"
    assert resumed(kept("r3", limit="a/x"))[-1] == "a/x,&~^(h3|h4|h5)$"


def test_a_check_is_not_the_last_run() -> None:
    """Who looks before they resume would otherwise resume the look."""
    kept("20260101T000000-r1")
    kept("20260101T000001-r2", check=True, ends=dict.fromkeys(HOSTS, "ok"))
    assert resumed("last")[-1] == "h3,h4,h5"


def test_a_run_without_hosts_is_not_the_last_one() -> None:
    """To show a secret is noted as a run, and leaves nothing to go on with."""
    kept("20260101T000000-r1")
    kept("20260101T000001-r2", task="secrets.show", hosts=[], ends={})
    assert resumed("last")[-1] == "h3,h4,h5"


@pytest.mark.parametrize(
    ("since", "proposed"),
    [
        ({"task": "hosts.exec"}, "./inv runs.resume 20260101T000000-r1   # fleet.up on h3, h4, h5"),
        ({"task": "fleet.up"}, "./inv runs.show 20260101T000009-r9"),
        ({"task": "fleet.up", "hosts": ["h3", "h5"]},
         "./inv runs.resume 20260101T000000-r1   # fleet.up on h3, h4, h5"),
    ],
)  # fmt: skip
def test_who_looked_in_between_is_told_what_can_be_resumed(
    since: dict[str, Any], proposed: str
) -> None:
    """The last run that left hosts which were not done since."""
    kept("20260101T000000-r1")
    kept("20260101T000001-r2", check=True, ends={})
    kept("20260101T000009-r9", ends=dict.fromkeys(HOSTS, "ok"), **since)
    with pytest.raises(UsageError, match="all hosts of 20260101T000009-r9 were done") as refused:
        resumed("last")
    assert refused.value.hint == proposed


def test_a_task_on_a_target_is_told_the_same_again() -> None:
    """It takes no selection."""
    typed = ["profile.rename", "a/coder,b/coder", "builder", "--now"]
    run = kept(task="profile.rename", limit=None, typed=typed)
    assert resumed(run, _selects) == typed
    assert resumed(kept("r2"), _selects)[-2] == "-l"


def test_the_name_of_a_host_is_no_pattern() -> None:
    """A dot in it is a dot."""
    assert resumed(kept(limit="a/x", hosts=["a.b"], ends={}))[-1] == r"a/x,&~^(a\.b)$"


def test_a_run_that_was_called_again_is_narrowed_once() -> None:
    """However often."""
    assert resumed(kept(limit="a/x,&~^(h3|h9)$"))[-1] == "a/x,&~^(h3|h4|h5)$"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"ends": dict.fromkeys(HOSTS, "ok")},
            "all hosts of r1 were done",
        ),
        ({"typed": None}, "no record of what was typed"),
        ({"hosts": []}, "r1 had no host"),
        ({"typed": ["fleet.up", "fleet.ps"]}, "was not a single call of fleet.up"),
        ({"typed": ["night"]}, "was not a single call of fleet.up"),
    ],
)
def test_what_cannot_be_told_again_is_refused(fields: dict[str, Any], words: str) -> None:
    """With what to do in its place."""
    with pytest.raises(UsageError, match=words) as refused:
        resumed(kept(**fields))
    assert refused.value.hint


@pytest.mark.slow
def test_a_command_is_run_again_where_it_was_not(capsys: Captured, tmp_path: Path) -> None:
    """One host is this machine, the other is not to be reached; then both were asked for."""
    (tmp_path / "hosts.yml").write_text(
        "all: {hosts: {here: {ansible_connection: local}, gone: {ansible_host: 127.0.0.9,"
        " ansible_port: 9}}}\n"
    )
    words = ("hosts.exec", "echo hello", "-l", "all", "-i", str(tmp_path))
    assert said(capsys, *words)[0] == 3
    code, out, err = said(capsys, "runs.resume", "last", "--check")
    assert (code, out) == (0, "")
    assert "would run on gone: echo hello" in err
    code, out, err = said(capsys, "runs.resume", "last")
    assert (code, "hello" in out, "gone  unreachable" in out) == (3, False, True)
    assert "again: ./inv hosts.exec 'echo hello'" in err
    code, out, _ = said(capsys, "runs.resume", "last", "--json")
    assert (code, json.loads(out)["exit"]) == (3, 3)
    code, out, err = said(capsys, "runs.resume", "last")
    assert out.startswith("gone  unreachable")
    code, out, _ = said(capsys, "runs.show", "last")
    assert (code, "gone" in out, "exit 3, 0 changes" in out) == (0, True, True)
