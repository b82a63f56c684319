"""The end of a run: what hosts have in common is told once, and what is wrong is told last."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output
from hermes_ops.errors import HostKeyChanged, NotReady, Unreachable
from hermes_ops.inventory.model import Host
from hermes_ops.plan import Change, Plan
from hermes_ops.plan.model import Write
from hermes_ops.reporting import events, report
from hermes_ops.reporting.summary import NotPassed, Summary
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
        "q1, q2, q3 … (10 hosts)  1 change",
        CONFIG_LINE,
        "q2  1 change",
        SOUL_LINE,
        "z  holds already",
    ]


def test_texts_that_differ_are_not_in_common() -> None:
    """With --diff; without it a change is the same if its line is."""
    hosts = (result("a", CONFIG), result("b", change("config.yaml", after="z\n")))
    assert before_the_table(*hosts) == ["a, b  1 change", CONFIG_LINE]
    assert before_the_table(*hosts, diff=True) == [
        "a  1 change", CONFIG_LINE, "        @@ -1 +1 @@", "        -y", "        +x",
        "b  1 change", CONFIG_LINE, "        @@ -1 +1 @@", "        -y", "        +z",
    ]  # fmt: skip


def test_our_own_record_is_counted_and_not_told() -> None:
    """Unless it failed."""
    record = change(".hermes/profiles/demo/.hermes-ops.yml")
    assert before_the_table(result("a", CONFIG, record)) == ["a  2 changes", CONFIG_LINE]
    both = (result("a", CONFIG, record), result("b", record, SOUL))
    assert before_the_table(*both) == ["a  1 change", CONFIG_LINE, "b  1 change", SOUL_LINE]
    assert before_the_table(result("a", record)) == ["a  1 change"]
    (_, line) = before_the_table(result("a", record, outcome="failed"))
    assert ".hermes-ops.yml" in line


def test_what_is_kept_is_named() -> None:
    """Below the change that replaces it."""
    kept = replace(SOUL, kept=PurePosixPath(".local/state/kept/SOUL.md"))
    assert before_the_table(result("a", kept))[-1] == (
        "        the old file is kept: ~/.local/state/kept/SOUL.md"
    )


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
            Host("d"), "failed", NotReady("demo is down", hint="the log of demo ends:\n  x")
        ),
        replace(result("e", CONFIG), changes=[Done(CONFIG, "failed", "the disk is full")]),
        result("f", plan=Plan(Host("f"), differs=("Hermes is 1, wanted 2",))),
        not_passed=(NotPassed("g", "demo", "Its URL answers: no"),),
    ) == [
        "not as wanted:",
        "  a, b  unreachable: no answer",
        "      next: ./inv hosts.ping -l a,b",
        "  c  failed: another key",
        "      hint: ./inv hosts.trust -l c",
        "  d  failed: demo is down",
        "      hint: the log of demo ends:",
        "  x",
        "      next: ./inv fleet.ps -l d",
        "  e/demo  profile.configure update file:config.yaml failed: the disk is full",
        "      next: ./inv fleet.up -l e/demo",
        "  f  Hermes is 1, wanted 2",
        "  g/demo  Its URL answers: no",
        "      next: ./inv fleet.verify -l g/demo",
    ]


def test_if_all_is_as_wanted_nothing_follows() -> None:
    """The totals are the last line."""
    assert after_the_totals(result("a"), result("b", CONFIG, outcome="done")) == []


def test_nothing_is_changed_in_a_check() -> None:
    """The line of a host says that it was looked at."""
    ends = events.Finished("a", "changed", seconds=0.3)
    assert report.describe(ends, check=True) == "looked in 0.3 s"
    assert report.describe(ends) == "changed in 0.3 s"
