"""`secrets.lint`: compare the credentials of the inventory and of the hosts by fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hermes_ops.audit import model, rules
from hermes_ops.audit.finding import Finding, lines
from hermes_ops.audit.model import Holder, Machine
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, exit_code, items
from hermes_ops.commands.secrets.ask_hosts import HostAnswer, ask_hosts
from hermes_ops.commands.workspace import (
    Workspace,
    enabled,
    environ_of,
    in_service,
    open_workspace,
)
from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.reporting.report import count
from hermes_ops.secrets.fingerprint import operator_key
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.resolve import attempt


def run(options: Options, output: Output, *, live: bool) -> Result:
    """Compare every selected profile with every other; exit 2 if a finding is not allowed."""
    workspace = _opened(options, output, live=live)
    key = operator_key()
    wanted = model.wanted(workspace.selected, key)
    told = ask_hosts(hosts_of(workspace), key, workspace, options, output) if live else []
    found = _judged(workspace, wanted, told, live=live)
    _show(found, told, wanted, output)
    codes = [2 for finding in rules.unexcused(found)]
    codes += [one.failure.exit_code for one in told if one.failure]
    failed = (
        {"host": one.host.name, "profile": None, "error": one.failure.document()}
        for one in told
        if one.failure
    )
    return items([*(finding.document() for finding in found), *failed], exit=exit_code(codes))


def _opened(options: Options, output: Output, *, live: bool) -> Workspace:
    try:
        workspace = open_workspace(options, output, resolve=True)
    except InventoryError as error:
        if not live:
            raise
        # The hosts have the values: one that cannot be resolved here is compared there.
        workspace = open_workspace(options, output)
        output.note(f"warning: {error}; the values on the hosts are compared nevertheless")
    selected, notes = (in_service if live else enabled)(workspace.selected)
    for note in notes:
        output.note(f"skipped: {note}")
    _try_alerts(selected, workspace, options, output, live=live)
    return replace(workspace, selected=selected)


def _try_alerts(
    selected: Inventory, workspace: Workspace, options: Options, output: Output, *, live: bool
) -> None:
    """Resolve the secrets of `hermes_alerts`: an alert that cannot be sent is noticed too late.

    Raises:
        InventoryError: one cannot be resolved; with `live` it is a warning.
    """
    own = {value for host in selected.hosts for value in host.alerts.all}
    asked = [value for value in own if isinstance(value, Reference)]
    found = attempt(
        asked, environ_of(workspace.paths), age_key_file=options.age_key_file, learn=REDACTOR.learn
    )
    for error in (answer for answer in found.values() if isinstance(answer, InventoryError)):
        if not live:
            raise error
        output.note(f"warning: {error}; an alert that needs it is not sent")


def hosts_of(workspace: Workspace) -> list[Host]:
    """Return the selected hosts with all their profiles: a host reports every one it has."""
    names = {host.name for host in workspace.selected.hosts}
    return [host for host in workspace.whole.hosts if host.name in names]


def _judged(
    workspace: Workspace, wanted: Sequence[Holder], told: Sequence[HostAnswer], *, live: bool
) -> list[Finding]:
    machines, there = seen(told)
    known = {machine.host for machine in machines}
    machines += [
        Machine(host.name, host.all_profiles, frozenset(host.all_profiles))
        for host in workspace.selected.hosts
        if host.name not in known
    ]
    found = rules.findings(_as_merged(wanted, there), there, machines)
    found = rules.excused(found, rules.allowances(workspace.whole))
    whole = _names(workspace.selected) == _names(enabled(workspace.whole)[0])
    return [
        *found,
        *rules.needless(workspace.selected, found, live=live, whole=whole),
    ]


def seen(told: Iterable[HostAnswer]) -> tuple[list[Machine], list[Holder]]:
    """Return the hosts that answered, and every profile on them."""
    pairs = [model.found(one.host, one.answer) for one in told if one.answer is not None]
    return [machine for machine, _ in pairs], [holder for _, own in pairs for holder in own]


def _as_merged(wanted: Iterable[Holder], there: Iterable[Holder]) -> list[Holder]:
    """Return the wanted profiles as they will be: merged into what their hosts hold already."""
    lying = {holder.target: holder for holder in there}
    return [
        model.overlaid(lying[holder.target], holder) if holder.target in lying else holder
        for holder in wanted
    ]


def _names(inventory: Inventory) -> set[tuple[str, str]]:
    return {(host.name, profile.name) for host in inventory.hosts for profile in host.profiles}


# --- what is shown ----------------------------------------------------------------------------


def _show(
    found: Sequence[Finding], told: Sequence[HostAnswer], wanted: Sequence[Holder], output: Output
) -> None:
    for finding in found:
        for line in lines(finding):
            output.text(line)
    for one in told:
        if one.failure:
            hint = f" ({one.failure.hint})" if one.failure.hint else ""
            output.note(f"{one.host.name}: {one.failure}{hint}")
    output.text(_total(found, wanted, told))


def _total(found: Sequence[Finding], wanted: Sequence[Holder], told: Sequence[HostAnswer]) -> str:
    open_ones = [finding for finding in found if not finding.allowed]
    meant = len(found) - len(open_ones)
    profiles = {holder.target for holder in wanted} | {h.target for h in seen(told)[1]}
    hosts = {target.partition("/")[0] for target in profiles}
    looked = f"{count(len(profiles), 'profile')} of {count(len(hosts), 'host')}"
    said = count(len(open_ones), "finding") if open_ones else "nothing found"
    return f"{said} in {looked}" + (f"; {meant} allowed" if meant else "")
