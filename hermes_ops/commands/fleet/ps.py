"""`fleet.ps`: the state of every profile on every selected host."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.fleet.profile_table import COLUMNS, WIDE, show_profiles, unjudged
from hermes_ops.commands.fleet.status import (
    HostSeen,
    seen_disabled,
    seen_from,
)
from hermes_ops.commands.fleet.watch import Each, ignored, result, watched
from hermes_ops.commands.look_hosts import Look, look_all
from hermes_ops.commands.strangers import choose, managed, reach, strangers
from hermes_ops.commands.workspace import Workspace, enabled, open_workspace, with_profiles
from hermes_ops.errors import Interrupted, UsageError
from hermes_ops.inventory.model import Inventory
from hermes_ops.plan.desired import StepPlan

STEPS = ("profile.configure", "gateway.install", "gateway.start")
"""The steps that count for `drift`; linger and the program belong to the host."""


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

    began = time.monotonic()

    def left() -> float:
        return began + options.timeout - time.monotonic() if options.timeout else inf

    def look(each: Each = ignored) -> list[HostSeen]:
        now = replace(options, timeout=max(left(), 0.1)) if options.timeout else options
        if workspace is None:
            return look_at_unmanaged(compared, now, output)[1]
        return look_at(compared, now, output, workspace, each)

    def show(hosts: Sequence[HostSeen], page: Any) -> None:
        show_profiles(hosts, page, WIDE if wide else COLUMNS, sort)
        for line in unjudged(hosts) if wide else ():
            page.text(line)

    if watch:
        return watched(look, show, output, left)
    hosts = look()
    if not output.json:
        show(hosts, output)
    return result(hosts)


def _refuse_odd(options: Options, *, watch: bool, sort: str | None) -> None:
    if sort is not None and sort not in WIDE:
        raise UsageError(f"there is no column {sort!r}", hint=f"sort by one of: {', '.join(WIDE)}")
    if watch and options.json:
        raise UsageError("--watch shows a table again and again, --json prints one document")


def look_at(
    steps: Sequence[StepPlan],
    options: Options,
    output: Output,
    workspace: Workspace,
    each: Each = ignored,
    *,
    health: bool = False,
) -> list[HostSeen]:
    """Return the state of the selected hosts; `each` gets a host's as soon as it has answered.

    `steps`: what the profiles are compared with, `STEPS` for all of them. Without `gateway.start`
    the state is that of the process, whatever platforms and URLs its settings want.
    """
    selected = workspace.selected if options.limit else with_profiles(workspace.selected)[0]
    known: dict[str, tuple[Look, HostSeen]] = {}

    def judged(look: Look) -> HostSeen:
        # To judge a host means to plan for it: what `each` got is not judged again at the end.
        before = known.get(look.host.name)
        if before is None or before[0] != look:
            before = known[look.host.name] = look, seen_from(look, selected.roles)
        return before[1]

    looks = look_all(
        options,
        output,
        steps=steps,
        strangers=True,
        health=health,
        workspace=replace(workspace, selected=enabled(selected)[0]),
        each=lambda look: each(*_meant([judged(look)], workspace.whole, options)),
    )
    if any(isinstance(look.failure, Interrupted) for look in looks):
        raise KeyboardInterrupt
    meant = _meant([judged(look) for look in looks], workspace.whole, options)
    seen = {host.host.name: host for host in meant}
    return [seen.get(host.name) or seen_disabled(host) for host in selected.hosts]


def _meant(hosts: Sequence[HostSeen], whole: Inventory, options: Options) -> list[HostSeen]:
    """Return the hosts with those gateways outside the inventory that the selection means, too."""
    others = {h.host.name: [s.name for s in h.profiles if s.desired is None] for h in hosts}
    if not any(others.values()) or not (options.limit or options.within):
        return list(hosts)
    chosen = choose(whole, others, options, named_only=False)
    return [
        host.narrowed({p.name for p in host.host.profiles}, chosen.get(host.host.name, ()))
        for host in hosts
    ]


def look_at_unmanaged(
    steps: Sequence[StepPlan], options: Options, output: Output, *, health: bool = False
) -> tuple[Workspace, list[HostSeen]]:
    """Look at the hosts that the selection names; return what it means, in the inventory or not."""
    reached = reach(options, output, strangers, named_only=False, steps=steps, health=health)
    whole = reached.workspace.whole
    own = {h.name: {p.name for p in h.profiles} for h in managed(whole, options)}
    seen = [seen_from(look, whole.roles) for look in reached.looks]
    meant = [
        host.narrowed(own.get(host.host.name, ()), reached.chosen.get(host.host.name, ()))
        for host in seen
    ]
    if not any(host.profiles or host.error for host in meant):
        raise reached.nothing(options)
    return reached.workspace, [host for host in meant if host.profiles or host.error]
