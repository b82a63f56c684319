"""`secrets.rotate`: deliver a new value to its users, and check that the old one is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.audit.finding import Finding, lines
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands import steps
from hermes_ops.commands.converge import Converged, converge, finish
from hermes_ops.commands.secrets import lint
from hermes_ops.commands.secrets.ask_hosts import HostAnswer, ask_hosts
from hermes_ops.commands.secrets.users import (
    Rotation,
    Target,
    Use,
    Users,
    Uses,
    due,
    leftovers,
    new_marks,
    origin_of,
    owing,
)
from hermes_ops.commands.workspace import Workspace, open_workspace
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role, RoleEnv
from hermes_ops.plan.desired import StepPlan, env_file
from hermes_ops.plan.resource import EnvFile, Resource
from hermes_ops.program_name import spoken
from hermes_ops.secrets.fingerprint import operator_key
from hermes_ops.secrets.reference import EnvValue, Reference, Written
from hermes_ops.secrets.sources import described, source_of


def run(options: Options, output: Output, *, name: str) -> Result:
    """Deliver the value that the source of `name` gives now; exit 2 if that is the old value."""
    users = Users(name)
    workspace = open_workspace(options, output, resolve=True, focus=users)
    hosts = lint.hosts_of(replace(workspace, selected=users.selected))
    key = operator_key()
    told = ask_hosts(hosts, key, workspace, options, output)
    rotation = Rotation(name, key, users.uses, told)
    present = _present(rotation, output)
    wanted = {u: m for u, m in new_marks(workspace.selected, key).items() if u[:2] in present}
    _note_alerts(workspace, rotation, output)
    who = due(rotation, wanted, owing(workspace.selected, told))
    if not who:
        return _unchanged(rotation, wanted, output)
    there = replace(workspace, selected=workspace.selected.narrowed(_by_host(who)))
    return _rotated(rotation, there, hosts, options, output)


def _note_alerts(workspace: Workspace, rotation: Rotation, output: Output) -> None:
    """Say which secrets of `hermes_alerts` have the same source: nothing delivers these."""
    origins = {origin_of(value) for own in rotation.uses.values() for value in own.values()} - {
        None
    }
    shared = {
        name: host.name
        for host in workspace.whole.hosts
        for name, value in host.alerts.named
        if origin_of(value) in origins
    }
    for name, host in shared.items():
        words = "has the same source: fleet.status --alert reads it each time"
        output.note(f"{name} of {host} {words}")


def _present(rotation: Rotation, output: Output) -> list[Target]:
    """Return the users that exist on their hosts, and all users of a host that did not answer."""
    there = {(holder.host, holder.profile) for holder in lint.seen(rotation.before)[1]}
    silent = {told.host.name for told in rotation.before if told.answer is None}
    for host, profile in rotation.uses:
        if host not in silent and (host, profile) not in there:
            output.note(f"skipped: {host}/{profile} does not exist yet: fleet.up creates it")
    return [who for who in rotation.uses if who in there or who[0] in silent]


# --- the run ----------------------------------------------------------------------------------


def _rotated(
    rotation: Rotation, workspace: Workspace, hosts: Sequence[Host], options: Options,
    output: Output,
) -> Result:  # fmt: skip
    converged = converge("secrets.rotate", _STEPS, options, output, workspace=workspace)
    converged.close()
    if options.check:
        return _document(finish(converged, output), rotation, [], rotation.before)
    after = ask_hosts(hosts, rotation.key, workspace, options, output)
    return _verified(rotation, converged, after, output)


def _by_host(targets: Iterable[Target]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for host, profile in targets:
        found[host] = found.get(host, frozenset()) | {profile}
    return found


def _verified(
    rotation: Rotation, converged: Converged, after: Sequence[HostAnswer], output: Output
) -> Result:
    found = leftovers(rotation, after)
    if converged.journal:
        converged.journal.write("looked", old=[finding.message for finding in found])
    codes = [told.failure.exit_code for told in after if told.failure]
    result = finish(converged, output, [*codes, *(2 for _ in found)])
    for finding in found:
        for line in lines(finding):
            output.text(line)
    if not found:
        count = sum(told.answer is not None for told in after)
        output.text(f"the old value of {rotation.name} is gone from {count} of {len(after)} hosts")
    return _document(result, rotation, found, [*rotation.before, *after])


def _deliver(profile: Profile, role: Role, _host: Host) -> Iterable[Resource]:
    """Want only these variables; config.yaml is just read, as the restart needs its settings."""

    def env(path: PurePosixPath, file: RoleEnv) -> EnvFile:
        return env_file(path, profile, file.mode, restarts=file.restart)

    return steps.partly(profile, role, env)


_STEPS = (
    StepPlan("secrets.rotate", (), _deliver),
    StepPlan("gateway.start", ("secrets.rotate",), steps.start),
)


# --- what is shown ----------------------------------------------------------------------------


def _document(
    result: Result, rotation: Rotation, found: Sequence[Finding], asked: Iterable[HostAnswer]
) -> Result:
    """Return the document of a converging task, with the findings and all exchanges."""
    exchanges = dict(result.document["exchanges"])
    for told in asked:
        exchanges[told.host.name] = exchanges.get(told.host.name, 0) + told.exchanges
    findings = [finding.document() for finding in found]
    more = {"name": rotation.name, "findings": findings, "exchanges": exchanges}
    return Result(result.exit, {**result.document, **more})


def _unchanged(rotation: Rotation, wanted: Mapping[Use, tuple[str, ...]], output: Output) -> Result:
    """Say that there is nothing to rotate, and what to do at each source."""
    if not wanted:
        output.text(f"{rotation.name}: no profile that uses it exists on its host yet")
        return _nothing(rotation, [])
    marks = sorted({mark for found in wanted.values() for mark in found})
    many = len({use[:2] for use in wanted})
    output.text(
        f"{rotation.name}: the source still gives the old value (fingerprint {', '.join(marks)}),"
        f" and {many} profile{' has' if many == 1 else 's have'} it already"
    )
    for hint in _remedies(rotation.uses):
        output.text(f"hint:  {hint}, then run this again")
    rows = [
        {"host": host, "profile": profile, "name": name, "fingerprint": ",".join(found)}
        for (host, profile, name), found in wanted.items()
    ]
    return _nothing(rotation, rows)


def _nothing(rotation: Rotation, rows: Sequence[Mapping[str, Any]]) -> Result:
    body = {"schema": 1, "exit": 2, "error": None, "name": rotation.name, "unchanged": True}
    return Result(2, {**body, "findings": [], "items": list(rows)})


def _remedies(uses: Uses) -> Iterable[str]:
    """Return what to do at each source, each source once."""
    found: dict[object, str] = {}
    for (host, profile), values in uses.items():
        for name, value in values.items():
            found.setdefault(origin_of(value) or value, _remedy(f"{host}/{profile} {name}", value))
    return found.values()


def _remedy(use: str, value: EnvValue) -> str:
    if isinstance(value, Reference) and not source_of(value).kept_here:
        return f"give {described(value)} ({value.place}) its new value"
    if isinstance(value, Reference | Written):
        return spoken(f"./inv secrets.set {use}   # or write the new value into {value.place}")
    return "write its new value into the inventory"
