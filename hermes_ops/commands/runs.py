"""`runs.list` and `runs.show`: the runs in the journal, and the events of one run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from hermes_ops.cli.output import Output, Result, items
from hermes_ops.errors import UsageError
from hermes_ops.program_name import spoken
from hermes_ops.reporting import journal

ROWS = 20
"""How many runs are listed for people if they do not say."""
LAST = "last"


def list_(output: Output, *, rows: int | None = None, failed: bool = False) -> Result:
    """List the newest runs of this operator, newest first; with `failed` only those that failed."""
    most = rows or (None if output.json else ROWS)
    wanted = (run for run in journal.runs() if not failed or _has_failed(run))
    listed = list(islice(wanted, most))
    if not output.json:
        from hermes_ops.reporting.report import table

        shown = [{**row, "task": _task(row), "began": _when(row["began"])} for row in listed]
        columns = ["run", "began", "task", "exit", "changes", "limit", "why", "operator"]
        table(output, columns, shown)
        if not rows and next(wanted, None):
            output.note(f"these are the newest {ROWS}; -n N shows more")
    return items(listed)


def _has_failed(run: Mapping[str, Any]) -> bool:
    """Whether a run failed, or did not end; 2 tells of differences, and is no failure."""
    return run["exit"] not in (0, 2)


def show(output: Output, run: str) -> Result:
    """Show what a run did; `run` is its name, the beginning of its name, or `last`."""
    lines = list(journal.read(_named(run)))
    for line in _told(lines):
        output.text(line)
    return items(lines)


def _named(run: str) -> str:
    """Return the whole name of a run, of which `run` is the beginning; `last` is the newest."""
    start = "" if run == LAST else _plain(run)
    found = journal.names(start)
    if run == LAST:
        found = found[-1:]
    if len(found) != 1:
        known = ", ".join(found[:5]) or "there is none"
        raise UsageError(f"no single run begins with {run!r}: {known}", hint="./inv runs.list")
    return found[0]


# --- run again what was not done --------------------------------------------------------------


def resumed(run: str, selects: Callable[[str], bool] = lambda _: True) -> list[str]:
    """Return the words that call the task of a run again, for the hosts that were not done.

    `last` is the last run that had hosts and was no check: to look first must not replace it.
    `selects`: whether a task takes `-l`. One that does not is about a target, and is told the same.

    Raises:
        UsageError: all were, or the run cannot be told again.
    """
    name = _last_in_earnest() if run == LAST else _named(run)
    lines = list(journal.read(name))
    begun = lines[0] if lines else {}
    hosts, words = begun.get("hosts"), begun.get("typed")
    if begun.get("task") == "runbook.run":
        hint = "./inv runs.list shows them, and each can be resumed"
        raise UsageError(
            f"{name} walked through a runbook: its commands are runs themselves", hint=hint
        )
    if hosts == []:
        raise UsageError(f"{name} had no host", hint=f"./inv runs.show {name}")
    if not hosts or not words:
        raise UsageError(f"{name} has no record of what was typed", hint="run its task again")
    left = _left(lines)
    if not left:
        raise UsageError(f"all hosts of {name} were done", hint=_unfinished(before=name))
    same = list(_without_limit(words, begun["task"], name))
    if not selects(begun["task"]):
        return same
    return [*same, "-l", _narrowed(begun.get("limit"), left)]


def _left(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the hosts of a run that were not done."""
    ended = {e["host"]: e["outcome"] for e in lines if e["event"] == "finished"}
    hosts = lines[0].get("hosts") or () if lines else ()
    return [host for host in hosts if ended.get(host) not in ("ok", "changed")]


def _unfinished(*, before: str) -> str:
    """Return what resumes the last run that left hosts which its task has not done since."""
    done: set[tuple[str, str]] = set()
    older = False
    for run in islice(journal.runs(), ROWS):
        lines = [] if run["check"] else list(journal.read(run["run"]))
        left = _left(lines)
        older = older or run["run"] == before
        if older and any((run["task"], host) not in done for host in left):
            shown = f"{run['task']} on {', '.join(left[:5])}{' …' if left[5:] else ''}"
            return spoken(f"./inv runs.resume {run['run']}   # {shown}")
        hosts = lines[0].get("hosts") or () if lines else ()
        done |= {(run["task"], host) for host in hosts if host not in left}
    return spoken(f"./inv runs.show {before}")


def _last_in_earnest() -> str:
    """Return the last run that had hosts, if there is one, and was no check."""
    found = (run["run"] for run in journal.runs() if not run["check"])
    # To show a secret is noted as a run, too, and there is nothing to go on with.
    on_hosts = (run for run in found if next(iter(journal.read(run)), {}).get("hosts") != [])
    return next(on_hosts, "") or _named(LAST)


def _without_limit(words: Sequence[str], task: str, run: str) -> Iterator[str]:
    """Yield the words of a call of one task without its selections."""
    if words.count(task) != 1 or sum(map(_is_task, words)) != 1:
        hint = "name the hosts that were not done with -l"
        raise UsageError(f"{run} was not a single call of {task}", hint=hint)
    rest = iter(words)
    for word in rest:
        if word in ("-l", "--limit"):
            next(rest, None)
        elif not word.startswith(("-l", "--limit=")):
            yield word


def _is_task(word: str) -> bool:
    return bool(_TASK.fullmatch(word))


_TASK = re.compile(r"[a-z]+\.[a-z_-]+")


def _narrowed(limit: str | None, hosts: Sequence[str]) -> str:
    """Return a selection: these hosts, of what was selected.

    Where that names no profile, it is their names alone, which may have to be typed.
    """
    if limit is None or not re.search("[/~@]", _NARROWED.sub("", limit)):
        return ",".join(hosts)
    before = _NARROWED.sub("", limit)
    return f"{before},&~^({'|'.join(map(re.escape, hosts))})$"


_NARROWED = re.compile(r",&~\^\(.*\)\$$")


# --- show what happened -----------------------------------------------------------------------


def _told(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a run for people: who ran it and why, then each event, in seconds from the start."""
    began = lines[0]["at"] if lines else 0
    width = max((len(entry.get("host", "")) for entry in lines), default=0)
    for entry in lines:
        words = _HEARD.get(entry["event"], _other)(entry)
        yield f"{entry['at'] - began:8.3f}  {entry.get('host', ''):<{width}}  {words}".rstrip()


def _begun(entry: Mapping[str, Any]) -> str:
    named = {
        "": entry.get("runbook"), "-l": entry.get("limit"), "why:": entry.get("why"),
        "by": entry.get("operator"),
    }  # fmt: skip
    words = [f"{name} {value}".lstrip() for name, value in named.items() if value]
    values = [f"{name}={value}" for name, value in entry.get("values", {}).items()]
    return "  ".join([_task(entry), *words, *values, _when(entry["at"])])


def _task(entry: Mapping[str, Any]) -> str:
    return f"{entry['task'] or '-'}{' --check' if entry.get('check') else ''}"


def _changed(entry: Mapping[str, Any]) -> str:
    because = f" — {entry['because']}" if entry.get("because") else ""
    return f"{entry.get('outcome', 'begins'):<8} {_change(entry)}{because}"


def _change(entry: Mapping[str, Any]) -> str:
    profile = f"{entry['profile']}: " if entry.get("profile") else ""
    words = f"{entry['step']} {entry['action']} {entry['resource']} ({entry['reason']})"
    return profile + words


def _planned(entry: Mapping[str, Any]) -> str:
    changes = entry.get("changes", ())
    return "\n".join(
        [f"planned  {len(changes)} changes", *(f"{'':12}{_change(change)}" for change in changes)]
    )


def _finished(entry: Mapping[str, Any]) -> str:
    message = f" — {entry['message']}" if entry.get("message") else ""
    return f"{entry['outcome']:<8} in {entry['seconds']:.1f} s{message}"


def _ended(entry: Mapping[str, Any]) -> str:
    # A runbook changes nothing itself: each of its commands is a run of its own.
    changes = f", {entry['changes']} changes" if "changes" in entry else ""
    return f"exit {entry['exit']}{changes}"


def _step(entry: Mapping[str, Any]) -> str:
    """Return a step of a runbook: its outcome, its text and its exit code."""
    lines = f"\n{'':12}".join(entry["command"].splitlines())
    ended = f" — exit {entry['exit']} in {entry['seconds']:.1f} s" if "exit" in entry else ""
    return f"{entry['outcome']:<8} {lines}{ended}"


def _other(entry: Mapping[str, Any]) -> str:
    rest = {k: v for k, v in entry.items() if k not in ("at", "event", "host")}
    told = {k: round(v, 3) if isinstance(v, float) else v for k, v in rest.items()}
    words = (f"{key}={value}" for key, value in told.items() if value not in (None, "", [], {}))
    return "  ".join([entry["event"], *words])


_HEARD: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "begun": _begun,
    "changing": _changed,
    "changed": _changed,
    "planned": _planned,
    "finished": _finished,
    "ended": _ended,
    "step": _step,
}


def _when(at: float | None) -> str:
    if at is None:
        return "-"
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _plain(run: str) -> str:
    if not all(letter.isalnum() or letter == "-" for letter in run):
        raise UsageError(f"{run!r} cannot be the name of a run", hint="./inv runs.list")
    return run
