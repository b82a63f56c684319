"""`fleet.ps`: the state of every profile on every selected host."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code, shown
from hermes_ops.commands.converge import Converged
from hermes_ops.commands.fleet.status import (
    WANTED,
    HostSeen,
    SeenProfile,
    seen_after,
    seen_disabled,
    seen_from,
)
from hermes_ops.commands.look_hosts import look_all
from hermes_ops.commands.strangers import managed, reach, strangers
from hermes_ops.commands.workspace import Workspace, enabled, now, open_workspace, with_profiles
from hermes_ops.errors import Interrupted, UsageError
from hermes_ops.plan.desired import StepPlan
from hermes_ops.reporting.report import plain, table

if TYPE_CHECKING:
    from rich.live import Live

COLUMNS = (
    "host", "profile", "state", "pid", "uptime", "restarts", "memory", "platforms",
    "version", "drift",
)  # fmt: skip
WIDE = (*COLUMNS, "unit", "enabled", "heartbeat", "linger", "manager", "python")
STEPS = ("profile.configure", "gateway.install", "gateway.start")
"""The steps that count for `drift`; linger and the program belong to the host."""
EVERY = 2.0
"""Seconds between two tables of `--watch`."""


def run(
    steps: Sequence[StepPlan],
    options: Options,
    output: Output,
    *,
    watch: bool,
    wide: bool,
    sort: str | None,
    unmanaged: bool = False,
) -> Result:
    """Show every selected profile; the exit code is 0 if all are as desired.

    `steps` are those of the graph: they say what each profile is compared with.
    """
    _refuse_odd(options, watch=watch, sort=sort)
    compared = [step for step in steps if step.name in STEPS]
    wide_look = unmanaged and options.limit
    workspace = None if wide_look else open_workspace(options, output)

    def look() -> list[HostSeen]:
        if workspace is None:
            return _look_unmanaged(compared, options, output)
        return look_at(compared, options, output, workspace)

    def show(hosts: Sequence[HostSeen], page: Any) -> None:
        _show(hosts, page, WIDE if wide else COLUMNS, sort or "host")
        for line in _unjudged(hosts) if wide else ():
            page.text(line)

    if watch:
        return _watch(look, show, output)
    hosts = look()
    if not output.json:
        show(hosts, output)
    return _result(hosts)


def _refuse_odd(options: Options, *, watch: bool, sort: str | None) -> None:
    if sort is not None and sort not in WIDE:
        raise UsageError(f"there is no column {sort!r}", hint=f"sort by one of: {', '.join(WIDE)}")
    if watch and options.json:
        raise UsageError("--watch shows a table again and again, --json prints one document")


def look_at(
    steps: Sequence[StepPlan], options: Options, output: Output, workspace: Workspace
) -> list[HostSeen]:
    """Look once at the selected hosts, and return their state."""
    selected = workspace.selected if options.limit else with_profiles(workspace.selected)[0]
    looks = look_all(
        options,
        output,
        steps=steps,
        strangers=True,
        workspace=replace(workspace, selected=enabled(selected)[0]),
    )
    if any(isinstance(look.failure, Interrupted) for look in looks):
        raise KeyboardInterrupt
    seen = {look.host.name: seen_from(look, selected.roles) for look in looks}
    return [seen.get(host.name) or seen_disabled(host) for host in selected.hosts]


def _look_unmanaged(steps: Sequence[StepPlan], options: Options, output: Output) -> list[HostSeen]:
    """Look at the hosts that the selection names; return what it means, in the inventory or not."""
    reached = reach(options, output, strangers, named_only=True, steps=steps)
    whole = reached.workspace.whole
    own = {h.name: {p.name for p in h.profiles} for h in managed(whole, options)}
    seen = [seen_from(look, whole.roles) for look in reached.looks]
    meant = [
        host.narrowed(own.get(host.host.name, ()), reached.chosen.get(host.host.name, ()))
        for host in seen
    ]
    if not any(host.profiles or host.error for host in meant):
        raise reached.nothing(options)
    return [host for host in meant if host.profiles or host.error]


def _result(hosts: Sequence[HostSeen]) -> Result:
    code = exit_code(code for host in hosts for code in host.codes)
    document = {"schema": 1, "exit": code, "error": None, "taken_at": now()}
    return Result(code, document | {"hosts": [host.document() for host in hosts]})


# --- --watch ----------------------------------------------------------------------------------


class _Page:
    """Collects the lines of one table."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def text(self, text: str) -> None:
        self.lines.append(shown(text))

    def drawn(self, text: str) -> None:
        self.lines.append(text)

    def __str__(self) -> str:
        return "\n".join(self.lines)


Show = Callable[[Sequence[HostSeen], Any], None]


def _watch(look: Callable[[], list[HostSeen]], show: Show, output: Output) -> Result:
    """Show tables until Ctrl-C, which is not an error here; return the result of the last one."""
    result = Result(0)
    live = _live() if sys.stdout.isatty() else None
    try:
        while True:
            hosts = look()
            page = _Page()
            show(hosts, page)
            _turn(page, live, output)
            result = _result(hosts)
            time.sleep(EVERY)
    except KeyboardInterrupt:
        return result
    finally:
        if live:
            live.stop()


def _live() -> Live:
    from rich.live import Live

    live = Live(auto_refresh=False, vertical_overflow="visible")
    live.start()
    return live


def _turn(page: _Page, live: Live | None, output: Output) -> None:
    if live is None:
        output.drawn(f"{now()}\n{page}\n")
        return
    from rich.text import Text

    live.update(Text.from_ansi(str(page)), refresh=True)


# --- the table --------------------------------------------------------------------------------


def _show(hosts: Iterable[HostSeen], page: Any, columns: Sequence[str], sort: str) -> None:
    hosts = list(hosts)
    rows = [_row(host, seen) for host in hosts for seen in host.profiles]
    rows.sort(key=lambda row: _order(row[sort]))
    table(page, columns, [{c: _cell(c, row[c]) for c in columns} for row in rows])
    for line in _reasons(hosts):
        page.text(line)


def _row(host: HostSeen, seen: SeenProfile) -> dict[str, Any]:
    whole = host.document()
    facts = host.facts
    own = seen.document(facts.now if facts else 0)
    return {
        "host": host.host.name,
        "profile": own["profile"] + _mark(seen),
        "uptime": own["uptime_s"],
        "memory": own["rss_bytes"],
        "version": whole["hermes"]["version"],
        "python": whole["hermes"]["python"],
        "heartbeat": own["heartbeat_age_s"],
        **{key: own[key] for key in ("state", "pid", "restarts", "platforms", "drift")},
        **{key: own[key] for key in ("unit", "enabled")},
        **{key: whole[key] for key in ("linger", "manager")},
    }


def _mark(seen: SeenProfile) -> str:
    if seen.orphan:
        return " (orphan)"
    return "" if seen.desired is not None else " (unmanaged)"


def _order(value: Any) -> tuple[bool, float, str]:
    """Return a sort key: numbers sort as numbers, texts as texts, unknown values come last."""
    known = value not in (None, {})
    return not known, value if isinstance(value, int | float) else 0, plain(value)


def _cell(column: str, value: Any) -> Any:
    if value is None:
        return None
    match column:
        case "uptime":
            return duration(value)
        case "memory":
            return f"{value / 1e6:.0f} MB"
        case "heartbeat":
            return f"{value:.0f} s ago"
    return value


def duration(seconds: float) -> str:
    """Return a duration in its two largest units: `3d 4h`, `12m 5s`."""
    left = int(seconds)
    words: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, left = divmod(left, size)
        if amount or words or unit == "s":
            words.append(f"{amount}{unit}")
    return " ".join(words[:2])


def _reasons(hosts: Iterable[HostSeen]) -> Iterable[str]:
    """Yield a line with the reason for each host and profile that is not as desired."""
    for host in hosts:
        name = host.host.name
        if host.error:
            hint = f" ({host.error.hint})" if host.error.hint else ""
            yield f"{name}: {host.error}{hint}"
        for seen in host.profiles:
            why = ", ".join(seen.verdict.reasons)
            if (seen.as_desired is False and not host.error) or (why and seen.as_desired is None):
                yield f"{name}/{seen.name} is {seen.verdict.state}: {why or _wanted(seen)}"
        for finding in host.findings:
            yield f"{finding.message}; {finding.mend}"


def _unjudged(hosts: Iterable[HostSeen]) -> Iterable[str]:
    """Yield a line for each profile of which something could not be read."""
    for host in hosts:
        for seen in host.profiles:
            if seen.evidence.alive and seen.evidence.unjudged:
                unread = ", ".join(seen.evidence.unjudged)
                yield f"{host.host.name}/{seen.name}: not judged: {unread}"


def _wanted(seen: SeenProfile) -> str:
    if seen.desired and seen.verdict.state != WANTED[seen.desired]:
        return f"it should be {seen.desired}"
    paths = (reason.removeprefix("file:") for reason in seen.drift_reasons)
    listed = ", ".join(path if path[0] == "/" else f"~/{path}" for path in paths)
    return (
        f"not as wanted: {listed}"
        if listed
        else "values of references changed: fleet.up writes them"
    )


# --- the end of `fleet.up` --------------------------------------------------------------------


def show_converged(converged: Converged, output: Output) -> None:
    """Show the profiles of a run, and the URLs where they answer; asks no host again."""
    if output.json:
        return
    roles = converged.workspace.selected.roles
    hosts = [seen_after(result, roles) for result in converged.results]
    if not any(host.profiles for host in hosts):
        return
    output.text("")
    rows = [_row(host, seen) for host in hosts for seen in host.profiles]
    table(output, COLUMNS, [{c: _cell(c, row[c]) for c in COLUMNS} for row in rows])
    for line in _addresses(hosts):
        output.text(line)


def _addresses(hosts: Iterable[HostSeen]) -> Iterable[str]:
    """Yield the URL where each profile answered; addresses are as its own host sees them."""
    for host in hosts:
        where = "" if host.host.connection.kind == "local" else f" on {host.host.name}"
        for seen in host.profiles:
            for url, answer in _answered(seen):
                if answer.status == 200:
                    yield f"{seen.name} answers at {url}{where}"


def _answered(seen: SeenProfile) -> Iterable[tuple[str, Any]]:
    answers: Mapping[str, Any] = seen.evidence.answers if seen.verdict.is_ready else {}
    return ((url, answer) for url, answer in answers.items() if answer is not None)
