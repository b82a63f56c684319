"""`fleet.ps`: the state of every profile on every selected host."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code, shown
from hermes_ops.commands.fleet.profile_table import COLUMNS, WIDE, show_profiles, unjudged
from hermes_ops.commands.fleet.status import (
    HostSeen,
    seen_disabled,
    seen_from,
)
from hermes_ops.commands.look_hosts import look_all
from hermes_ops.commands.strangers import managed, reach, strangers
from hermes_ops.commands.workspace import Workspace, enabled, now, open_workspace, with_profiles
from hermes_ops.errors import Interrupted, UsageError
from hermes_ops.plan.desired import StepPlan

if TYPE_CHECKING:
    from rich.live import Live

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
        show_profiles(hosts, page, WIDE if wide else COLUMNS, sort)
        for line in unjudged(hosts) if wide else ():
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
