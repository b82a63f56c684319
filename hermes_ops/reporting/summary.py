"""The end of a run for people: what was done, folded over hosts, and last what is not as wanted."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files import envfile
from hermes_ops.files.ownership import NAME
from hermes_ops.plan.model import Change, Write
from hermes_ops.program_name import spoken
from hermes_ops.reporting.report import count, line
from hermes_ops.secrets.secret import Secret

SHOWN = 20
"""How many checks that did not pass are repeated one by one."""


@dataclass(frozen=True, slots=True)
class NotPassed:
    """A check that did not pass, and why."""

    host: str
    profile: str | None
    reason: str


class Summary:
    """Shows the results of a run."""

    def __init__(self, output: Any, options: Any) -> None:
        self._output, self._options = output, options

    def show(
        self, converged: Any, body: Mapping[str, Any], table: Callable[[], None] = lambda: None
    ) -> None:
        """Print changes, the table, the totals, and last what is not as wanted."""
        if self._output.json:
            return
        for text in folded(converged.results, diff=self._options.diff):
            self._output.text(text)
        table()
        self._output.text(totals(body))
        self._output.name_inventory()
        for text in wrongs(converged):
            self._output.text(text)
        if body["check"]:
            self._output.text(restart_line(body["restarts"], serial=bool(self._options.serial)))


def totals(body: Mapping[str, Any]) -> str:
    """Return the line that counts hosts, changes and checks."""
    counts = body["totals"]
    named = {"changed": "to change"} if body["check"] else {}
    words = [
        f"{counts[word]} {named.get(word, word)}"
        for word in ("changed", "ok", "failed", "unreachable", "unknown", "skipped")
        if counts[word]
    ]
    text = f"{count(counts['hosts'], 'host')}: {', '.join(words)}"
    text += f"; {count(counts['changes'], 'change')}"
    verify = body["verify"]
    if verify and verify["expected"]:
        text += f"; {verify['passed']} of {verify['expected']} checks passed"
    return f"{text}; {body['seconds']} s"


def restart_line(restarts: Sequence[Mapping[str, Any]], *, serial: bool) -> str:
    """Return how many gateways will restart, and in which order."""
    if not restarts:
        return "no gateway will restart"
    queues: dict[str, list[str]] = {}
    for one in restarts:
        for platform in (() if serial else one["platforms"]) or ("",):
            queues.setdefault(platform, []).append(f"{one['host']}/{one['profile']}")
    at_once = queues.pop("", [])
    words = [f"one at a time for {name}: {_some(rows)}" for name, rows in sorted(queues.items())]
    words += [f"{'batch by batch' if serial else 'at once'}: {_some(at_once)}"] if at_once else []
    return f"{count(len(restarts), 'gateway')} will restart; {'; '.join(words)}"


def _some(targets: Sequence[str], most: int = 8) -> str:
    more = len(targets) - most
    return ", ".join(targets[:most]) + (f" and {more} more" if more > 0 else "")


# --- what was done ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Block:
    """What some hosts have in common."""

    hosts: tuple[str, ...]
    state: str = ""
    changes: int = 0
    lines: list[str] = field(default_factory=list)


def folded(results: Sequence[Any], *, diff: bool) -> Iterator[str]:
    """Yield the lines about the hosts; what several hosts have in common is told once."""
    having: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        for entry in dict.fromkeys(_entries(result, diff=diff)):
            having.setdefault(entry, []).append(result.host.name)
    blocks: dict[tuple[str, ...], _Block] = {}
    for (kind, *lines), hosts in having.items():
        block = blocks.setdefault(tuple(hosts), _Block(tuple(hosts)))
        block.changes += kind.startswith("change")
        block.state = lines.pop(0) if kind == "state" else block.state
        block.lines += lines
    told = {host for block in blocks.values() if block.lines or block.state for host in block.hosts}
    for block in blocks.values():
        if not block.lines and not block.state and told.issuperset(block.hosts):
            continue
        changes = count(block.changes, "change") if block.changes else ""
        yield f"{names(block.hosts)}  {block.state or changes}".rstrip()
        yield from block.lines


def _entries(result: Any, *, diff: bool) -> Iterator[tuple[str, ...]]:
    """Yield each thing to tell of a host: its kind, and its lines."""
    if result.error:
        yield "state", f"{result.outcome}: {result.error}"
    elif not result.changes:
        yield "state", "holds already"
    for note in (*(result.plan.notes if result.plan else ()), *result.differences):
        yield "note", f"    note: {note}"
    for finding in result.findings:
        yield "finding", f"    finding: {finding.message}; {finding.mend}"
    for done in result.changes:
        yield _change(done, diff=diff)


def _change(done: Any, *, diff: bool) -> tuple[str, ...]:
    change = done.change
    # The file in which we keep what is ours counts, and is nothing that a person wants to read.
    if is_own_record(change) and done.outcome in ("done", "planned"):
        return (f"change {change.resource} {done.outcome}",)
    because = f" — {done.because}" if done.because else ""
    told = [f"    {done.outcome:8} {line(change)} ({change.reason}){because}"]
    if change.kept:
        told.append(f"        the old file is kept: ~/{change.kept}")
    return ("change", *told, *(f"        {text}" for text in (lines_of(change) if diff else ())))


def is_own_record(change: Change) -> bool:
    """Return whether a change only writes down what is ours."""
    return PurePosixPath(change.resource.removeprefix("file:")).name == NAME


def names(hosts: Sequence[str]) -> str:
    """Return the names of hosts; of many the first three, and their number."""
    if len(hosts) <= 4:
        return ", ".join(hosts)
    return f"{', '.join(hosts[:3])} … ({len(hosts)} hosts)"


def lines_of(change: Change) -> list[str]:
    """Return the differences in a file; of a file with secrets only the changed names."""
    write = change.operation
    if not isinstance(write, Write):
        return []
    if isinstance(write.content, Secret):
        return list(_names_of(write, write.content))
    before = write.before if isinstance(write.before, str) else ""
    lines = difflib.unified_diff(
        before.splitlines(), write.content.splitlines(), "now", "wanted", n=0, lineterm=""
    )
    return list(lines)[2:]


def _names_of(write: Write, content: Secret) -> Iterator[str]:
    """Yield the names of a `.env`: + is new, - is removed, ~ has another value."""
    before = write.before.reveal() if isinstance(write.before, Secret) else write.before or ""
    have, then = envfile.read(before), envfile.read(content.reveal())
    for key in write.keys:
        sign = "~" if key in have and key in then else "-" if key in have else "+"
        yield f"{sign} {key}"


# --- what is not as wanted --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is not as wanted: the reason, a hint, and the task that comes next."""

    target: str
    reason: str
    hint: str = ""
    task: str = ""


def wrongs(converged: Any) -> Iterator[str]:
    """Yield the lines about what is not as wanted, with reasons and next commands."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for wrong in _wrongs(converged):
        alike.setdefault((wrong.reason, wrong.hint, wrong.task), []).append(wrong.target)
    if alike:
        yield "not as wanted:"
    for (reason, hint, task), targets in alike.items():
        yield f"  {names(targets)}  {reason}"
        if hint:
            yield f"      hint: {hint}"
        if task:
            limit = shlex.quote(",".join(dict.fromkeys(targets)))
            yield f"      next: {spoken(f'./inv {task} -l {limit}')}"


def _wrongs(converged: Any) -> Iterator[Wrong]:
    for result in converged.results:
        yield from _of_host(result, getattr(converged, "task", "fleet.up"))
    missed = getattr(converged, "not_passed", ())
    for check in missed[:SHOWN]:
        target = f"{check.host}/{check.profile}" if check.profile else check.host
        yield Wrong(target, check.reason, task="fleet.verify")
    if (more := len(missed) - SHOWN) > 0:
        yield Wrong("all", f"{count(more, 'check')} more did not pass", task="fleet.verify")


def _of_host(result: Any, task: str) -> Iterator[Wrong]:
    name, error = result.host.name, result.error
    task = "fleet.up" if task == "fleet.plan" else task
    if error:
        following = {"unreachable": "hosts.ping", "unknown": "fleet.ps"}.get(result.outcome, task)
        following = "fleet.ps" if error.kind == "not_ready" else following
        trusts = error.kind.startswith("host_key")
        yield Wrong(name, f"{result.outcome}: {error}", error.hint, "" if trusts else following)
    for done in result.changes:
        if done.outcome == "failed":
            target = f"{name}/{done.change.profile}" if done.change.profile else name
            yield Wrong(target, f"{line(done.change)} failed: {done.because or ''}", task=task)
    for difference in result.differences:
        yield Wrong(name, difference)
    for finding in result.findings:
        target = finding.sides[0].target
        yield Wrong(target, finding.message.removeprefix(f"{target} "), finding.mend)
