"""The end of a run for people: what was done, folded over hosts, and last what is not as wanted."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hermes_ops.cli.output import REDACTOR
from hermes_ops.errors import UsageError, few
from hermes_ops.files import envfile
from hermes_ops.plan.model import Change, Write
from hermes_ops.reporting.report import count, is_own_record, line, names
from hermes_ops.reporting.wrongs import wrongs
from hermes_ops.secrets.fingerprint import fingerprint, operator_key
from hermes_ops.secrets.secret import SHOWN, Secret


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
        records = sum(is_told_as_record(d) for r in converged.results for d in r.changes)
        self._output.text(totals(body, records))
        self._output.name_inventory()
        for text in wrongs(converged):
            self._output.text(text)
        if body["check"]:
            self._output.text(orders_line(body, serial=bool(self._options.serial)))


def totals(body: Mapping[str, Any], records: int = 0) -> str:
    """Return the line that counts hosts, changes and checks.

    `records`: how many of the changes are our own records, which have no line above.
    """
    counts = body["totals"]
    named = {"changed": "to change"} if body["check"] else {}
    words = [
        f"{counts[word]} {named.get(word, word)}"
        for word in ("changed", "ok", "failed", "unreachable", "unknown", "skipped")
        if counts[word]
    ]
    text = count(counts["hosts"], "host") + (f": {', '.join(words)}" if words else "")
    text += f"; {count(counts['changes'], 'change')}"
    text += f" ({records} of them in our own records)" if records else ""
    verify = body["verify"]
    if verify and verify["expected"]:
        text += f"; {verify['passed']} of {verify['expected']} checks passed"
    return f"{text}; {body['seconds']} s"


_UNSEEN = ("unreachable", "unknown")
_ORDERED = {"stop": "will stop", "drain": "will take no new turn"}


def orders_line(body: Mapping[str, Any], *, serial: bool) -> str:
    """Return how many gateways will stop, drain or restart, under `--check`."""
    planned = Counter(
        change["action"]
        for host in body["hosts"]
        for change in host["changes"]
        if change["resource"].startswith("service:") and change["outcome"] == "planned"
    )
    words = [f"{count(planned[a], 'gateway')} {will}" for a, will in _ORDERED.items() if planned[a]]
    if body["restarts"] or not words:
        words.append(restart_line(body["restarts"], serial=serial))
    unseen = sum(host["outcome"] in _UNSEEN for host in body["hosts"])
    if unseen and unseen == len(body["hosts"]):
        return "it is not known which gateways will restart"
    return "; ".join([*words, f"not known of {count(unseen, 'host')}"] if unseen else words)


def restart_line(restarts: Sequence[Mapping[str, Any]], *, serial: bool) -> str:
    """Return how many gateways will restart, and in which order."""
    if not restarts:
        return "no gateway will restart"
    queues: dict[str, list[str]] = {}
    for one in restarts:
        for platform in (() if serial else one["platforms"]) or ("",):
            queues.setdefault(platform, []).append(f"{one['host']}/{one['profile']}")
    at_once = queues.pop("", [])
    words = [f"one at a time for {name}: {few(rows)}" for name, rows in sorted(queues.items())]
    words += [f"{'batch by batch' if serial else 'at once'}: {few(at_once)}"] if at_once else []
    return f"{count(len(restarts), 'gateway')} will restart; {'; '.join(words)}"


# --- what was done ----------------------------------------------------------------------------

_MADE = ("done", "planned")
_RECORD_ALONE = "only our own record of what is ours"


@dataclass(slots=True)
class _Block:
    """What some hosts have in common."""

    hosts: tuple[str, ...]
    state: str = ""
    outcomes: Counter[str] = field(default_factory=Counter)
    """How many of its changes ended in each way."""
    records: int = 0
    """How many of them are files in which we keep what is ours: they have no line."""
    lines: list[str] = field(default_factory=list)

    @property
    def head(self) -> str:
        """Return the line above its lines: what became of the hosts, or how many changes they have.

        The numbers are those of the lines below it.
        """
        each = " each" if len(self.hosts) > 1 else ""
        made = self.outcomes["done"] + self.outcomes["planned"]
        words = [count(made, "change")] if made else []
        words += [f"{n} {word}" for word, n in self.outcomes.items() if word not in _MADE]
        counted = f"{', '.join(words)}{each}" if words else ""
        if not (counted or self.lines) and self.records:
            counted = _RECORD_ALONE
        return f"{names(self.hosts)}  {self.state or counted}".rstrip()


def folded(results: Sequence[Any], *, diff: bool) -> Iterator[str]:
    """Yield the lines about the hosts; what several hosts have in common is told once."""
    having: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        for entry in dict.fromkeys(_entries(result, diff=diff)):
            having.setdefault(entry, []).append(result.host.name)
    blocks: dict[tuple[str, ...], _Block] = {}
    for (kind, *lines), hosts in having.items():
        block = blocks.setdefault(tuple(hosts), _Block(tuple(hosts)))
        word, _, outcome = kind.partition(" ")
        block.outcomes.update([outcome] if word == "change" else ())
        block.records += word == "record"
        block.state = lines.pop(0) if word == "state" else block.state
        block.lines += lines
    told = {host for block in blocks.values() if block.lines or block.state for host in block.hosts}
    for block in blocks.values():
        if not block.lines and not block.state and told.issuperset(block.hosts):
            continue
        yield block.head
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
    if is_told_as_record(done):
        return (f"record {change.resource}",)
    because = f" — {done.because}" if done.because else ""
    told = [f"    {done.outcome:8} {line(change)} ({change.reason}){because}"]
    if change.kept:
        where = f"~/{change.kept} (with .2, .3 … behind it if that was there)"
        told.append(f"        the old file is kept: {where}")
    told += [f"        {text}" for text in (lines_of(change) if diff else ())]
    return (f"change {done.outcome}", *told)


def is_told_as_record(done: Any) -> bool:
    """Return whether a change has no line for people: it is counted apart."""
    return is_own_record(done.change) and done.outcome in _MADE


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
    return _without_secrets(list(lines)[2:])


def _without_secrets(lines: Sequence[str]) -> list[str]:
    """Return lines of a diff with fingerprints in place of values that a vault has.

    What such a value replaces on the host is probably a secret, too, but nobody knows it here: then
    no value is shown of what is removed.
    """
    shown = [REDACTOR.in_line(line, _marked) for line in lines]
    if shown == list(lines):
        return shown
    return [_VALUE.sub(rf"\1{SHOWN}", line) if line[0] == "-" else line for line in shown]


_VALUE = re.compile(r"^(-\s*(?:- )?(?:[^\s:]+:)?\s?)\S.*$")


def _marked(value: str) -> str:
    """Return what is shown for a value: another value has another fingerprint."""
    try:
        return f"{SHOWN}({fingerprint(operator_key(), value)})"
    except UsageError:
        return SHOWN


def _names_of(write: Write, content: Secret) -> Iterator[str]:
    """Yield the names of a `.env`: + is new, - is removed, ~ has another value."""
    before = write.before.reveal() if isinstance(write.before, Secret) else write.before or ""
    have, then = envfile.read(before), envfile.read(content.reveal())
    for key in write.keys:
        sign = "~" if key in have and key in then else "-" if key in have else "+"
        yield f"{sign} {key}"
