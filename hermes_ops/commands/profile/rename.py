"""`profile.rename`: another name for a profile, on its hosts and in the inventory, in one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code
from hermes_ops.commands import steps
from hermes_ops.commands.converge import Converged, converge, finish
from hermes_ops.commands.fleet.guards import refuse_protected
from hermes_ops.commands.fleet.profile_table import show_converged
from hermes_ops.commands.profile.layers import (
    Renaming,
    is_untouched,
    refuse_other_meaning,
    renaming,
)
from hermes_ops.commands.profile.whose import ROOT, logs_of, refuse_bad_name
from hermes_ops.commands.workspace import (
    Workspace,
    loaded,
    open_workspace,
    refuse_disabled,
    with_values,
)
from hermes_ops.errors import UsageError
from hermes_ops.files.layout import KEPT, OWED, STOPPED, WRITTEN
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.inventory.selector import parse, select
from hermes_ops.plan.desired import StepPlan, writes_env
from hermes_ops.plan.lifecycle.moves import Move
from hermes_ops.plan.resource import Absent, Moved, Path, Renamed, Resource
from hermes_ops.program_name import spoken
from hermes_ops.run import HostResult
from hermes_ops.services.base import home_of
from hermes_ops.services.describe import describe

NOTHING = Renaming(())


@dataclass(frozen=True, slots=True)
class Names:
    """The old and the new name of a profile, and the hosts that have it."""

    old: str
    new: str
    hosts: tuple[str, ...]
    is_written: bool
    """Whether the inventory has the new name already: an earlier run was cut off."""


def rename(
    graph: Sequence[StepPlan], options: Options, output: Output, target: str, new: str
) -> Result:
    """Edit the inventory, move the profile on its hosts, and start it there with its new name.

    `graph` has the steps of `fleet.up`.

    Raises:
        UsageError: a name is refused or taken, or a layer names the profile for further hosts.
    """
    old = _old_name(target)
    _refuse_names(old, new)
    workspace = open_workspace(options, output)
    names = _names(workspace.whole, target, old, new)
    _refuse_taken(workspace.whole, names)
    selected = workspace.whole.narrowed(dict.fromkeys(names.hosts, frozenset({_current(names)})))
    refuse_protected("profile.rename", selected, selects=False)
    for host in selected.hosts:
        refuse_disabled(host)
    edit = NOTHING if names.is_written else renaming(workspace, names.hosts, old, new)
    for line in edit.lines(workspace):
        output.text(line)
    if options.check:
        there = replace(workspace, selected=selected)
        return finish(_moved(there, names, options, output), output)
    later = edit.write(lambda: _checked(graph, workspace, names, options, output))
    return _on_hosts(graph, later, names, edit, options, output)


def _current(names: Names) -> str:
    return names.new if names.is_written else names.old


def _checked(
    graph: Sequence[StepPlan], workspace: Workspace, names: Names, options: Options, output: Output
) -> Workspace:
    """Return the workspace of the edited inventory, if all can be started with it."""
    from hermes_ops.audit.preflight import refuse_conflicts

    after = loaded(workspace.paths, workspace.vault)
    if not names.is_written:
        refuse_other_meaning(workspace.whole, after, names.hosts, names.old, names.new)
    selected = after.narrowed(dict.fromkeys(names.hosts, frozenset({names.new})))
    selected = with_values(selected, workspace, options, output, writes_env(graph, selected))
    refuse_conflicts(after, selected)
    return replace(workspace, whole=after, selected=selected)


# --- before any host is asked -----------------------------------------------------------------


def _old_name(target: str) -> str:
    """Return the name that every term of a TARGET ends with."""
    found = {term.profiles for term in parse(target)}
    if len(found) != 1 or None in found:
        hint = "write hosts/profile: mini-1/coder, minis/coder or 'a/coder,b/coder'"
        raise UsageError(f"{target!r} is not a target", hint=hint)
    return found.pop() or ""


def _refuse_names(old: str, new: str) -> None:
    refuse_bad_name(old)
    refuse_bad_name(new)
    if ROOT in (old, new):
        raise UsageError("default is Hermes' own folder: it cannot be renamed, nor get that name")
    if old == new:
        raise UsageError(f"{new!r} is its name already")


def _names(whole: Inventory, target: str, old: str, new: str) -> Names:
    """Return the hosts of a TARGET; they may have the new name, if an earlier run was cut off."""
    try:
        chosen, _ = select(whole, target)
        return Names(old, new, tuple(host.name for host in chosen.hosts), is_written=False)
    except UsageError:
        later = ",".join(f"{term.sign}{term.hosts}/{new}" for term in parse(target))
        try:
            chosen, _ = select(whole, later)
        except UsageError:
            chosen = None
        if chosen is None:
            raise
        return Names(old, new, tuple(host.name for host in chosen.hosts), is_written=True)


def _refuse_taken(whole: Inventory, names: Names) -> None:
    for host in whole.hosts:
        own = {profile.name for profile in host.profiles} - {names.new if names.is_written else ""}
        if host.name in names.hosts and names.new in {*own, *host.beside}:
            place = next((p.place for p in host.profiles if p.name == names.new), None)
            where = str(place) if place else None
            raise UsageError(f"{host.name} has a profile {names.new!r} already", where=where)


# --- on the hosts -----------------------------------------------------------------------------


def _on_hosts(
    graph: Sequence[StepPlan], workspace: Workspace, names: Names, edit: Renaming,
    options: Options, output: Output,
) -> Result:  # fmt: skip
    """Move the profile on its hosts, then bring it up there with its new name."""
    moved = _moved(workspace, names, options, output)
    first = finish(moved, output)
    homes = {host.name: _home(host, workspace.whole) for host in workspace.selected.hosts}
    there = [r.host.name for r in moved.results if _has_it(r, homes[r.host.name])]
    if not there:
        if all(map(is_untouched, moved.results)):
            edit.restore()
            output.note("the inventory is as before, as nothing was renamed on any host")
        elif first.exit == 0:
            output.note(f"no host has a {names.old} yet: fleet.up makes {names.new}")
        return first
    only = workspace.selected.narrowed(dict.fromkeys(there, frozenset({names.new})))
    again = converge(
        "profile.rename", graph, options, output, workspace=replace(workspace, selected=only)
    )
    again.close()
    result = finish(again, output, table=lambda: show_converged(again, output))
    if left := [name for name in names.hosts if name not in there]:
        selection = ",".join(f"{name}/{names.old}" for name in left)
        output.note(spoken(f"for the others: ./inv profile.rename '{selection}' {names.new}"))
    code = exit_code([first.exit, result.exit])
    return Result(code, {**result.document, "exit": code, "moved": first.document["hosts"]})


def _home(host: Host, whole: Inventory) -> str:
    (profile,) = host.profiles
    return home_of(profile, whole.roles[profile.role])


def _moved(workspace: Workspace, names: Names, options: Options, output: Output) -> Converged:
    """Stop the profile, remove its service, and give its folder the new name."""
    hosts = tuple(_with_old(host, names) for host in workspace.selected.hosts)
    selected = replace(workspace.selected, hosts=hosts)
    converged = converge(
        "profile.rename", _steps(names.new), options, output, wait=False,
        workspace=replace(workspace, selected=selected),
    )  # fmt: skip
    converged.close()
    return converged


def _with_old(host: Host, names: Names) -> Host:
    why = f"its name is {names.new} now"
    own = tuple(replace(p, name=names.old, state="absent", why=why) for p in host.profiles)
    known = tuple(dict.fromkeys((*host.all_profiles, names.old, names.new)))
    return replace(host, profiles=own, all_profiles=known)


def _steps(new: str) -> Sequence[StepPlan]:
    def body(profile: Profile, role: Role, _host: Host) -> Iterable[Resource]:
        later = replace(profile, name=new)
        home, to = (Path(home_of(one, role)) for one in (profile, later))
        mark, new_mark = (WRITTEN / f"{role.name}-{one.name}" for one in (profile, later))
        name, new_name = (describe(one, role).name for one in (profile, later))
        yield Absent(OWED / name)
        yield Moved(home, to)
        yield Moved(mark, new_mark, is_note=True)
        yield Moved(KEPT / home, KEPT / to, is_note=True)
        # A hold of somebody on the host goes on to hold.
        yield Moved(STOPPED / name, STOPPED / new_name, is_note=True)
        for log, new_log in zip(logs_of(name), logs_of(new_name), strict=True):
            yield Moved(log, new_log, is_note=True)
        yield Renamed(home, name=new)

    return [
        StepPlan("gateway.start", (), steps.start),
        StepPlan("gateway.install", (), steps.install),
        StepPlan("profile.rename", (), body),
    ]


def _has_it(result: HostResult, home: str) -> bool:
    """Whether a host has the profile at its new place, now or since an earlier run."""
    if result.facts is None or result.error is not None:
        return False
    moved = any(isinstance(done.change.operation, Move) for done in result.changes)
    is_done = all(done.outcome == "done" for done in result.changes)
    return is_done and (moved or home in result.facts.paths)
