"""`fleet.gc`: list and remove old versions, copies and wheels that nothing needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hermes_ops.audit import question
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.cli.printable import in_bytes
from hermes_ops.cli.prompts import confirm
from hermes_ops.commands.converge import Converged, begin, finish, run_hosts, settings
from hermes_ops.commands.fleet.upgrade.job import NAME
from hermes_ops.commands.workspace import in_service, open_workspace
from hermes_ops.errors import CommandError
from hermes_ops.files.layout import SHARE, UPGRADE, UPGRADE_NOTE, WHEELS
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.look.facts import Facts
from hermes_ops.plan import Change, DesiredState, Plan, make_plan
from hermes_ops.plan.desired import desired_state
from hermes_ops.plan.model import RunCommand
from hermes_ops.reporting.events import Emit, Planned
from hermes_ops.reporting.report import count
from hermes_ops.run import HostResult, Settings, gather
from hermes_ops.run.apply import apply_plan
from hermes_ops.run.host import as_planned, learn, outcome_of_changes
from hermes_ops.transport import Transport

TASK = "fleet.gc"
_REMOVING = 300
_REMOVE = """
base=${1%/*} name=${1##*/}
[ "$(readlink "$base/current")" != "$name" ] || { echo "it is in use now"; exit 1; }
gone=$base/.gone-${name#.gone-}
[ "$1" = "$gone" ] || { rm -rf "$gone" && mv "$1" "$gone"; } && rm -rf "$gone"
"""
"""It is moved away first: a half of a version must not look like a whole one."""


@dataclass(frozen=True, slots=True)
class Unused:
    """Something on a host that nothing needs."""

    path: str
    name: str
    why: str
    bytes: int


def gc(options: Options, output: Output) -> Result:
    """Show what nothing needs on the selected hosts, ask, and remove it."""
    workspace = open_workspace(options, output)
    selected, notes = in_service(workspace.selected)
    for note in notes:
        output.note(f"skipped: {note}")
    workspace = replace(workspace, selected=selected)
    converged = begin(TASK, (), options, workspace, output)
    seen: dict[str, tuple[Unused, ...]] = {}
    try:
        _go(converged, output, seen, check=True)
        if any(seen.values()) and not options.check:
            _ask(seen, options, output)
            _go(converged, output, seen, check=False)
    finally:
        converged.close()
    converged.options = options
    result = finish(converged, output)
    freed = _freed(converged.results, seen)
    if freed:
        output.text(f"{in_bytes(freed)} {'would be' if options.check else 'were'} freed")
    return Result(result.exit, {**result.document, "bytes": freed})


def _freed(results: Iterable[HostResult], seen: Mapping[str, Iterable[Unused]]) -> int:
    gone = {
        (result.host.name, done.change.resource)
        for result in results
        for done in result.changes
        if done.outcome in ("done", "planned")
    }
    return sum(one.bytes for host, own in seen.items() for one in own if (host, one.name) in gone)


def _ask(seen: Mapping[str, Iterable[Unused]], options: Options, output: Output) -> None:
    for host, own in seen.items():
        for one in own:
            output.note(f"{host}: {one.name}, {in_bytes(one.bytes)}: {one.why}")
    every = [one for own in seen.values() for one in own]
    where = count(sum(bool(own) for own in seen.values()), "host")
    size = in_bytes(sum(one.bytes for one in every))
    what = f"{count(len(every), 'folder')} with {size} on {where}"
    confirm(f"Remove {what}?", options)


def _go(
    converged: Converged, output: Output, seen: dict[str, tuple[Unused, ...]], *, check: bool
) -> None:
    """Look at every host, and remove what is unused; `seen` is told what that is."""
    inventory = converged.workspace.selected
    converged.options = replace(converged.options, check=check)

    def one(
        desired: DesiredState, transport: Transport, how: Settings, emit: Emit, result: HostResult
    ) -> HostResult:
        result.facts = gather(desired, transport, emit)
        learn(result.facts, how)
        found = _unused(desired, inventory, transport, result.facts)
        seen[desired.host.name] = found
        plan = _plan(desired, result.facts, found)
        emit(Planned(desired.host.name, plan))
        result.plan = plan
        if check:
            result.changes = list(as_planned(plan.changes))
        else:
            apply_plan(plan, transport, how, emit, result)
        result.outcome = outcome_of_changes(result)
        return result

    how = replace(settings(converged, output, wait=False), check=check)
    states = [desired_state(host, inventory.roles, ()) for host in inventory.hosts]
    run_hosts(converged, states, how, output, one=one, stage="looked" if check else "")


def _unused(
    desired: DesiredState, inventory: Inventory, transport: Transport, facts: Facts
) -> tuple[Unused, ...]:
    asked = {
        "share": str(SHARE),
        "snapshots": str(UPGRADE / "snapshots"),
        "note": str(UPGRADE_NOTE),
        "wheels": str(WHEELS),
        "keep": {NAME: sorted(_wanted(desired.host, inventory))},
    }
    python = facts.hermes.python if facts.hermes else ""
    script = question.probe_with(question.program_of(__package__ or ""), asked, python)
    told = question.parse(transport.exchange(script))
    if "error" in told:
        raise CommandError(str(told["error"]), hint="nothing was removed")
    return tuple(Unused(**one) for one in told["unused"])


def _wanted(host: Host, inventory: Inventory) -> Iterator[str]:
    """Yield the versions of Hermes that the inventory names: a run may install them."""
    if host.hermes.version:
        yield host.hermes.version
        return
    programs = (role.program for role in inventory.roles.values())
    yield from {one.version for one in programs if one and one.name == NAME}


def _plan(desired: DesiredState, facts: Facts, found: Iterable[Unused]) -> Plan:
    """Return the removals; the note of an upgrade must be the one that was seen."""
    seen: Any = ((UPGRADE_NOTE, facts.digest(UPGRADE_NOTE)),)
    changes = tuple(
        Change(
            TASK,
            None,
            one.name,
            "remove",
            f"{in_bytes(one.bytes)}: {one.why}",
            _removal(one, facts),
            seen,
        )
        for one in found
    )
    return replace(make_plan(desired, facts, wait=False, urls=False), changes=changes, frees=True)


def _removal(unused: Unused, facts: Facts) -> RunCommand:
    return RunCommand(("sh", "-c", _REMOVE, "sh", f"{facts.home}/{unused.path}"), _REMOVING)
