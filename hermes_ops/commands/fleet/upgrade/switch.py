"""The plan that leads a host to another version of Hermes: a pure function.

All gateways of a host stop together, and start together: a gateway that runs on while `current`
leads elsewhere already would import modules of the other version.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.audit.question import program_of
from hermes_ops.commands.fleet.control import order_steps
from hermes_ops.commands.fleet.upgrade.job import (
    BACK,
    NAME,
    UP,
    python_of,
    request,
    running,
)
from hermes_ops.commands.steps import install
from hermes_ops.errors import Conflict
from hermes_ops.files import ownership
from hermes_ops.files.layout import KEPT, UPGRADE_NOTE
from hermes_ops.hermes.beside.rivals import other_processes
from hermes_ops.hermes.readiness import judge
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.look.facts import Facts
from hermes_ops.look.upgrades import NO_NOTE, REVERTING, SWITCHED, Note
from hermes_ops.plan import Change, DesiredState, Plan, make_plan
from hermes_ops.plan.desired import StepPlan, desired_state
from hermes_ops.plan.model import Control, Refuse, Reload, RunCommand, Write, WriteUnit
from hermes_ops.plan.resource import ServiceDefinition
from hermes_ops.services import MANAGERS

_NOTE = f"file:{UPGRADE_NOTE}"
COPYING = 1800
"""Seconds that the copies of all databases may take."""
SWITCH = 300


@dataclass(frozen=True, slots=True)
class Way:
    """From which version to which, and whether it is the way back."""

    step: str
    run: str
    before: str
    after: str
    back: bool = False
    note: Note = NO_NOTE


def way_of(note: Note, *, back: bool = False) -> Way:
    """Return the way of the last upgrade of a host, there or back."""
    if back:
        return Way(BACK, note.run, note.after, note.before, back=True, note=note)
    return Way(UP, note.run, note.before, note.after, note=note)


def orders(host: Host, inventory: Inventory, step: str) -> DesiredState:
    """Return what is asked of the services: a restart."""
    return desired_state(host, inventory.roles, order_steps(step, "restart", lasts=0))


def definitions(host: Host, inventory: Inventory, step: str) -> DesiredState:
    """Return what is wanted of the services' definitions, with the settings that the host has."""
    read, _ = order_steps(step, "restart", lasts=0)

    def body(profile: Any, role: Any, at: Host) -> Iterable[ServiceDefinition]:
        return (r for r in install(profile, role, at) if isinstance(r, ServiceDefinition))

    return desired_state(host, inventory.roles, [read, StepPlan("gateway.install", (), body)])


def switch_plan(
    ordered: DesiredState, defined: DesiredState, facts: Facts, way: Way, *, drain: int
) -> Plan:
    """Return the plan that leads from one version to the other.

    Raises:
        Conflict: a gateway is not well already, runs outside its service, or cannot be restarted.
    """
    # What the later version cannot have is no reason against the way back to the earlier one.
    then = _switched(facts, way) if way.back else facts
    plan = make_plan(ordered, then, rolling=False, drain=drain)
    names = _concerned(plan, ordered, way)
    _refuse(plan, names, way)
    if not way.note.is_open:
        _refuse_outside(plan, ordered, facts)
    later = make_plan(defined, _switched(facts, way), wait=False, urls=False)
    if not way.back:
        _refuse_undefined(make_plan(defined, facts, wait=False, urls=False), later)
    own = [change for change in plan.changes if change.profile in names]
    controls = [change for change in own if isinstance(change.operation, Control)]
    manager, reason = MANAGERS[plan.manager], f"for Hermes {way.after}"
    stops = [_as(change, "stop", manager, reason) for change in controls if change.restarts]
    units = list(_units(defined, later, names))
    changes = [
        *_before(ordered, facts, way, names),
        *(change for change in own if not isinstance(change.operation, Control)),
        *stops,
        *_settings(defined, later, way, names),
        _switch(ordered, facts, way),
        *units,
        *_reload(units, manager, way),
        *(_as(change, "start", manager, reason) for change in controls),
    ]
    return replace(
        plan,
        changes=tuple(changes),
        watches=tuple(watch for watch in plan.watches if watch.service.profile in names),
        restarts={name: on for name, on in plan.restarts.items() if name in names},
        differs=(),
        whole=True,
    )


def _concerned(plan: Plan, desired: DesiredState, way: Way) -> list[str]:
    """Return the profiles whose gateways run, should run and have failed, or ran when an earlier
    run stopped them."""
    started = {w.profile.name for w in desired.wanted if w.profile.state == "started"}
    live = {
        name for name, seen in plan.evidence.items()
        if (seen.supervised and seen.activity in ("active", "activating", "deactivating"))
        # Nobody has stopped it: it may be why its host goes back.
        or (seen.activity == "failed" and name in started)
    }  # fmt: skip
    left = way.note.services if way.note.is_open else frozenset()
    return sorted(running(desired) & (live | left))


def _refuse(plan: Plan, names: Sequence[str], way: Way) -> None:
    for change in plan.changes:
        if isinstance(change.operation, Refuse) and change.profile in names:
            raise Conflict(
                f"{change.profile}: {change.operation.message}", hint=change.operation.hint
            )
    if way.back or way.note.is_open:
        return
    for name in names:
        verdict = judge(plan.evidence[name])
        if not verdict.is_ready:
            reasons = ", ".join(verdict.reasons)
            raise Conflict(
                f"{name} is {verdict.state} ({reasons}): after an upgrade nobody could tell what"
                " broke it",
                hint=f"mend it first: ./inv fleet.doctor -l {shlex.quote(plan.host.name)}",
            )


def _refuse_outside(plan: Plan, desired: DesiredState, facts: Facts) -> None:
    """Refuse a gateway that nobody here stops: it would load modules of both versions, and write
    into databases that are put back."""
    for name in sorted(running(desired)):
        service, seen = desired.services[name], plan.evidence.get(name)
        if service.text != NAME or seen is None:
            continue
        own, group = (seen.pid, seen.cgroup) if seen.supervised else (None, "")
        for words in other_processes(f"{facts.home}/{service.home}", own, group, facts):
            target = shlex.quote(f"{plan.host.name}/{name}")
            raise Conflict(
                f"{name}: {words}, outside its service: the upgrade would not stop it",
                hint=f"./inv gateway.repair {target}",
            )


def _refuse_undefined(now: Plan, later: Plan) -> None:
    """Refuse a version in which this manager could not have a service that it has now."""
    known = {_refusal(change) for change in now.changes}
    for change in later.changes:
        if isinstance(change.operation, Refuse) and _refusal(change) not in known:
            words = f"{change.profile}: {change.operation.message}"
            raise Conflict(words, hint=change.operation.hint)


def _refusal(change: Change) -> tuple[str | None, str]:
    return change.profile, getattr(change.operation, "message", "")


def _switched(facts: Facts, way: Way) -> Facts:
    """Return the facts as if the other version were in use already."""
    return replace(facts, hermes=facts.hermes and replace(facts.hermes, version=way.after, info=""))


def _as(change: Change, verb: str, manager: Any, reason: str) -> Change:
    """Return the stop or the start that is a half of a restart; only the stop drains and ends."""
    control = change.operation
    assert isinstance(control, Control)  # noqa: S101 - the caller took only these
    words = manager.control(control.service, verb, known=True)
    half = replace(control, words=words, verb=verb, rolls_after=(), after=())
    if verb == "stop":
        half = replace(half, keeps=None, made=())
    else:
        half = replace(half, ends=None, born=None, announced=None, drain=0)
    return replace(change, action=verb, reason=reason, operation=half, seen=())


def _settings(
    desired: DesiredState, later: Plan, way: Way, names: Sequence[str]
) -> Iterable[Change]:
    """Yield the settings that only one of the versions needs, and the record that they are ours.

    On the way back they come before the databases and settings that are put back as a whole.
    """
    for name in names:
        home = desired.services[name].home
        writes = {
            change.operation.path: change for change in later.changes
            if change.profile == name and isinstance(change.operation, Write)
        }  # fmt: skip
        config, record = writes.get(home / "config.yaml"), writes.get(home / ownership.NAME)
        for change in filter(None, (config, record if config else None)):
            assert isinstance(change.operation, Write)  # noqa: S101 - only these were taken
            found = replace(change, operation=replace(change.operation, owes=None))
            # A way back starts what it stopped, whoever wrote meanwhile: what that was is kept.
            kept = KEPT / change.operation.path if change is config else change.kept
            yield replace(found, seen=(), kept=kept) if way.back else found


def _units(desired: DesiredState, later: Plan, names: Sequence[str]) -> Iterable[Change]:
    """Yield the units that have another text in the other version."""
    own = [desired.services[name] for name in names if desired.services[name].text == NAME]
    paths = [known for one in own for known in MANAGERS[later.manager].paths(one)]
    units = {known.path for known in paths if known.kind == "unit"}
    for change in later.changes:
        is_unit = isinstance(change.operation, Write | WriteUnit) and change.action == "update"
        if is_unit and getattr(change.operation, "path", None) in units:
            # The gateway is stopped: whatever came between, it is started again.
            operation = change.operation
            if isinstance(operation, Write):
                operation = replace(operation, owes=None)
            yield replace(change, seen=(), operation=operation)


def _reload(units: Sequence[Change], manager: Any, way: Way) -> Iterable[Change]:
    if units and (words := manager.reload()):
        operation = Reload(words)
        name, reason = f"manager:{manager.name}", "definitions changed"
        yield Change(way.step, None, name, "reload", reason, operation)


def _before(
    desired: DesiredState, facts: Facts, way: Way, names: Sequence[str]
) -> Iterable[Change]:
    """Yield the copies of all databases; on the way back they are there already, and noted is who
    is stopped next."""
    if way.back:
        back = {"services": list(names), "phase": REVERTING, "goes_on": way.note.is_open}
        words = _words("return", desired, facts, way, back)
        operation = RunCommand(words, SWITCH)
        reason = "the way back begins"
        yield Change(way.step, None, _NOTE, "update", reason, operation, _seen(facts))
        return
    asked = {"from": way.before, "to": way.after, "services": list(names)}
    words = _words("snapshot", desired, facts, way, asked)
    yield Change(
        way.step, None, "snapshot:databases", "copy", "while the gateways run",
        RunCommand(words, COPYING), _seen(facts),
    )  # fmt: skip


def _seen(facts: Facts) -> tuple[tuple[PurePosixPath, str], ...]:
    """Return what must not have changed since the look: copies of what another run has migrated
    already would be no way back."""
    return ((UPGRADE_NOTE, facts.digest(UPGRADE_NOTE)),)


def _switch(desired: DesiredState, facts: Facts, way: Way) -> Change:
    asked = {
        "version": way.after,
        "restores": way.back,
        "phase": REVERTING if way.back else SWITCHED,
    }
    words = _words("switch", desired, facts, way, asked)
    reason = f"from {way.before} to {way.after}"
    if way.back:
        reason += ", with the databases that it migrated"
    operation = RunCommand(words, COPYING if way.back else SWITCH)
    return Change(way.step, None, f"program:{NAME}", "switch", reason, operation)


def _words(
    verb: str, desired: DesiredState, facts: Facts, way: Way, asked: Mapping[str, Any]
) -> tuple[str, ...]:
    text = json.dumps(request(verb, way.run, desired, **asked))
    program = program_of("hermes_ops.commands.fleet.upgrade")
    # The new version is there in any case; its interpreter runs what both need.
    version = way.before if way.back else way.after
    return (python_of(version, facts), "-I", "-S", "-B", "-c", program, text)
