"""The end of a run for people: what is not as wanted, each with its reason and what comes next.

A command is proposed only if typing it changes something, or shows more than was told.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hermes_ops.plan.model import Refuse
from hermes_ops.program_name import spoken
from hermes_ops.reporting.report import line, names

SHOWN = 20
"""How many checks that did not pass are repeated one by one."""


@dataclass(frozen=True, slots=True)
class NotPassed:
    """A check that did not pass, and why."""

    host: str
    profile: str | None
    reason: str
    then: str = ""
    """What to do about it."""

    @property
    def target(self) -> str:
        """Return it as `host/profile`."""
        return f"{self.host}/{self.profile}" if self.profile else self.host


ALL_ROWS = "--all-rows shows them"
_Item = TypeVar("_Item")


def split(missed: Sequence[_Item], *, all_rows: bool) -> tuple[Sequence[_Item], Sequence[_Item]]:
    """Return which checks that did not pass are told one by one, and which are only counted."""
    # A line about one more is as long as the line of that one.
    most = len(missed) if all_rows or len(missed) == SHOWN + 1 else SHOWN
    return missed[:most], missed[most:]


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is not as wanted: the reason, a hint, and what comes next.

    A `task` is one that changes something, or shows more, when it is typed for the targets; what
    mends it in another way is `then`, in words.
    """

    target: str
    reason: str
    hint: str = ""
    task: str = ""
    then: str = ""


_IN = " " * 6


def wrongs(converged: Any) -> Iterator[str]:
    """Yield the lines about what is not as wanted, with reasons and next commands."""
    alike: dict[Wrong, list[str]] = {}
    for wrong in _wrongs(converged):
        alike.setdefault(replace(wrong, target=""), []).append(wrong.target)
    if alike:
        yield "not as wanted:"
    for wrong, found in alike.items():
        targets = list(dict.fromkeys(found))
        yield f"  {names(targets)}  {wrong.reason}"
        if wrong.hint:
            first, *more = wrong.hint.splitlines()
            yield f"{_IN}hint: {first}"
            yield from (f"{_IN}{line.removeprefix(_IN)}" for line in more)
        limit = shlex.quote(",".join(targets))
        command = spoken(f"./inv {wrong.task} -l {limit}") if wrong.task else ""
        if then := spoken(wrong.then).replace(COMMAND, command) or command:
            yield f"      next: {then}"


COMMAND = "\x00"
"""Stands in `then` for the command of the task."""
_AFTERWARDS = f"mend that, then {COMMAND}"


def _wrongs(converged: Any) -> Iterator[Wrong]:
    for result in converged.results:
        yield from _of_host(result, getattr(converged, "task", "fleet.up"))
    missed = getattr(converged, "not_passed", ())
    told, more = split(missed, all_rows=getattr(converged.options, "all_rows", False))
    for check in told:
        yield Wrong(check.target, check.reason, then=check.then)
    for target in dict.fromkeys(check.target for check in more):
        yield Wrong(target, f"more checks did not pass: {ALL_ROWS}", task="fleet.verify --all-rows")


def _of_host(result: Any, task: str) -> Iterator[Wrong]:
    name, error = result.host.name, result.error
    task = "fleet.up" if task == "fleet.plan" else task
    if error:
        following, then = _after_error(result, task)
        yield Wrong(name, f"{result.outcome}: {error}", error.hint, following, then)
    for done in result.changes:
        if done.outcome == "failed":
            yield _failed(name, done, task)
    for one in result.differences:
        target = f"{name}/{one.profile}" if one.profile else name
        reason = f"is {one.state}: {one.words}" if one.state else one.words
        yield Wrong(target, reason.removesuffix(": "), then=one.mend)
    for finding in result.findings:
        target = finding.sides[0].target
        yield Wrong(target, finding.message.removeprefix(f"{target} "), then=finding.mend)


def _after_error(result: Any, task: str) -> tuple[str, str]:
    """Return the task that helps after the error of a host, or what else does.

    The task that failed fails again as long as its cause is there.
    """
    error = result.error
    if error.kind.startswith("host_key"):
        return "", ""
    if result.outcome == "unreachable":
        return "hosts.ping", ""
    if result.outcome == "unknown" or error.kind == "not_ready":
        return "fleet.ps", ""
    if result.outcome == "skipped" and error.kind == "timeout":
        return task, ""
    return ("", "") if error.hint else (task, _AFTERWARDS)


def _failed(host: str, done: Any, task: str) -> Wrong:
    change, operation = done.change, done.change.operation
    target = f"{host}/{change.profile}" if change.profile else host
    if isinstance(operation, Refuse):
        return Wrong(target, operation.message, then=operation.hint)
    reason = f"{line(change)} failed: {done.because or ''}"
    return Wrong(target, reason, task=task, then=_AFTERWARDS)
