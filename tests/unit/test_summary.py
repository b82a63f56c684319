"""The end of a run: what hosts have in common is told once, and what is wrong is told last."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.errors import (
    Conflict,
    HermesError,
    HostKeyChanged,
    Locked,
    NotReady,
    NotTried,
    Unknown,
    Unreachable,
)
from hermes_ops.inventory.model import Host
from hermes_ops.plan import Change, Plan
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.model import Refuse, Write
from hermes_ops.reporting import events, report
from hermes_ops.reporting.summary import Summary, totals
from hermes_ops.reporting.wrongs import NotPassed
from hermes_ops.run import Done, HostResult

TOTALS = dict.fromkeys(("changed", "ok", "failed", "unreachable", "unknown", "skipped"), 0)
BODY = {
    "totals": TOTALS | {"hosts": 1, "failed": 1, "changes": 1},
    "check": False, "verify": None, "seconds": 1,
}  # fmt: skip


def change(path: str, profile: str = "demo", after: str = "x\n") -> Change:
    """Return a change of a file of a profile."""
    file = Write(PurePosixPath(path), after, 0o600, "y\n")
    return Change("profile.configure", profile, f"file:{path}", "update", "content differs", file)


def result(name: str, *changes: Change, outcome: str = "planned", **more: Any) -> HostResult:
    """Return what a host came to."""
    done = [Done(one, outcome) for one in changes]
    return HostResult(Host(name), "changed" if done else "ok", changes=done, **more)


class Run:
    """What a summary needs of a run."""

    task = "fleet.up"
    options = Options()

    def __init__(self, *results: HostResult, not_passed: tuple[NotPassed, ...] = ()) -> None:
        self.results, self.not_passed = results, not_passed


def told(run: Run, *, diff: bool = False) -> list[str]:
    """Return the lines of a summary, with a table in it."""
    output = Output(json=False, out=(out := io.StringIO()), err=io.StringIO())
    Summary(output, Options(diff=diff)).show(run, BODY, lambda: output.text("TABLE"))
    return out.getvalue().splitlines()


def before_the_table(*results: HostResult, diff: bool = False) -> list[str]:
    """Return the lines about the hosts."""
    lines = told(Run(*results), diff=diff)
    return lines[: lines.index("TABLE")]


def after_the_totals(*results: HostResult, **more: Any) -> list[str]:
    """Return the lines behind everything else."""
    lines = told(Run(*results, **more))
    return lines[lines.index("TABLE") + 2 :]


CONFIG, SOUL = change("config.yaml"), change("SOUL.md")
CONFIG_LINE = "    planned  profile.configure update file:config.yaml (content differs)"
SOUL_LINE = "    planned  profile.configure update file:SOUL.md (content differs)"


def test_what_hosts_have_in_common_is_told_once() -> None:
    """Many hosts are three names and a number; what only some have is below their names."""
    hosts = [result(f"q{number}", CONFIG) for number in range(1, 11)]
    hosts[1] = result("q2", CONFIG, SOUL)
    assert before_the_table(*hosts, result("z")) == [
        "q1, q2, q3 … (10 hosts)  1 change each",
        CONFIG_LINE,
        "q2  1 change",
        SOUL_LINE,
        "z  holds already",
    ]


def test_texts_that_differ_are_not_in_common() -> None:
    """With --diff; without it a change is the same if its line is."""
    hosts = (result("a", CONFIG), result("b", change("config.yaml", after="z\n")))
    assert before_the_table(*hosts) == ["a, b  1 change each", CONFIG_LINE]
    assert before_the_table(*hosts, diff=True) == [
        "a  1 change", CONFIG_LINE, "        @@ -1 +1 @@", "        -y", "        +x",
        "b  1 change", CONFIG_LINE, "        @@ -1 +1 @@", "        -y", "        +z",
    ]  # fmt: skip


def test_our_own_record_is_counted_and_not_told() -> None:
    """The numbers above lines are those of the lines; the totals say how many have none."""
    record = change(".hermes/profiles/demo/.hermes-ops.yml")
    assert before_the_table(result("a", CONFIG, record)) == ["a  1 change", CONFIG_LINE]
    both = (result("a", CONFIG, record), result("b", record, SOUL))
    assert before_the_table(*both) == ["a  1 change", CONFIG_LINE, "b  1 change", SOUL_LINE]
    alone = ["a  only our own record of what is ours"]
    assert before_the_table(result("a", record)) == alone
    body: dict[str, Any] = {**BODY, "totals": {**TOTALS, "hosts": 1, "changed": 1, "changes": 2}}
    assert "; 2 changes (1 of them in our own records); " in totals(body, 1)
    (_, line) = before_the_table(result("a", record, outcome="failed"))
    assert ".hermes-ops.yml" in line


def test_the_number_above_the_lines_is_that_of_the_totals() -> None:
    """What failed or was skipped is no change that was made, and is counted as what it is."""
    mixed = result("a", CONFIG, SOUL, CONFIG)
    mixed.changes[1].outcome, mixed.changes[2].outcome = "failed", "skipped"
    assert before_the_table(mixed)[0] == "a  1 change, 1 failed, 1 skipped"


def test_what_is_kept_is_named() -> None:
    """Below the change that replaces it."""
    kept = replace(SOUL, kept=PurePosixPath(".local/state/kept/SOUL.md"))
    assert before_the_table(result("a", kept))[-1] == (
        "        the old file is kept: ~/.local/state/kept/SOUL.md"
        " (with .2, .3 … behind it if that was there)"
    )


DROP_IN = Difference("demo", "a drop-in changes it", mend="rm it")
REFUSED = replace(
    CONFIG,
    operation=Refuse("port 8642 is taken by the orphan old", hint="./inv fleet.prune -l r/old"),
)


@pytest.mark.parametrize(
    ("outcome", "error", "then"),
    [
        ("failed", Conflict("no manager", hint="set it"), ""),
        ("failed", Conflict("no manager"), "mend that, then ./inv fleet.up -l a"),
        ("failed", Locked("by ann", hint="wait"), ""),
        ("failed", NotReady("demo is down"), "./inv fleet.ps -l a"),
        ("skipped", Unknown("no time left", kind="timeout"), "./inv fleet.up -l a"),
        ("skipped", NotTried("another failed", hint="mend that first"), ""),
        ("unknown", Unknown("lost"), "./inv fleet.ps -l a"),
        ("unreachable", Unreachable("no"), "./inv hosts.ping -l a"),
    ],
)
def test_no_command_repeats_what_failed(outcome: str, error: HermesError, then: str) -> None:
    """What failed fails again until its cause is gone: the hint of the error says how."""
    lines = after_the_totals(HostResult(Host("a"), outcome, error))
    told = [line.partition("next: ")[2] for line in lines if "next: " in line]
    assert told == ([then] if then else [])


def test_what_is_not_as_wanted_comes_last() -> None:
    """Each with its reason, and the command that comes next; the same of several hosts is once."""
    away = Unreachable("no answer")
    assert after_the_totals(
        result("ok"),
        HostResult(Host("a"), "unreachable", away),
        HostResult(Host("b"), "unreachable", away),
        HostResult(
            Host("c"), "failed", HostKeyChanged("another key", hint="./inv hosts.trust -l c")
        ),
        HostResult(
            Host("d"), "failed", NotReady("demo is down", hint="the log of demo ends:\n      x\ny")
        ),
        replace(result("e", CONFIG), changes=[Done(CONFIG, "failed", "the disk is full")]),
        replace(result("r", CONFIG), changes=[Done(REFUSED, "failed", "x; ./inv fleet.prune")]),
        result("f", plan=Plan(Host("f"), differs=(DROP_IN,))),
        not_passed=(NotPassed("g", "demo", "Its URL answers: no", "./inv fleet.ps -l g/demo"),),
    ) == [
        "not as wanted:",
        "  a, b  unreachable: no answer",
        "      next: ./inv hosts.ping -l a,b",
        "  c  failed: another key",
        "      hint: ./inv hosts.trust -l c",
        "  d  failed: demo is down",
        "      hint: the log of demo ends:",
        "      x",
        "      y",
        "      next: ./inv fleet.ps -l d",
        "  e/demo  profile.configure update file:config.yaml failed: the disk is full",
        "      next: mend that, then ./inv fleet.up -l e/demo",
        "  r/demo  port 8642 is taken by the orphan old",
        "      next: ./inv fleet.prune -l r/old",
        "  f/demo  a drop-in changes it",
        "      next: rm it",
        "  g/demo  Its URL answers: no",
        "      next: ./inv fleet.ps -l g/demo",
    ]


def test_a_target_is_named_once() -> None:
    """What refuses its restart may be what is wrong with it at the end, too: a full disk."""
    refusal = REFUSED.operation
    assert isinstance(refusal, Refuse)
    still = Difference("demo", refusal.message, mend=refusal.hint)
    one = replace(result("r", CONFIG), changes=[Done(REFUSED, "failed", "x")])
    assert after_the_totals(replace(one, plan=Plan(Host("r"), differs=(still,)))) == [
        "not as wanted:",
        "  r/demo  port 8642 is taken by the orphan old",
        "      next: ./inv fleet.prune -l r/old",
    ]


def test_if_all_is_as_wanted_nothing_follows() -> None:
    """The totals are the last line."""
    assert after_the_totals(result("a"), result("b", CONFIG, outcome="done")) == []


def test_nothing_is_changed_in_a_check() -> None:
    """The line of a host says that it was looked at."""
    ends = events.Finished("a", "changed", seconds=0.3)
    assert report.describe(ends, check=True) == "looked in 0.3 s"
    assert report.describe(ends) == "changed in 0.3 s"
