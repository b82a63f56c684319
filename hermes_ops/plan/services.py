"""Definitions and states of services under their manager."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.hermes.evidence import Evidence, evidence_of
from hermes_ops.hermes.markers import markers
from hermes_ops.look.facts import Facts
from hermes_ops.look.owners import refuse_unwritable
from hermes_ops.plan.files import change, found_text, plan_text
from hermes_ops.plan.model import (
    Change,
    Control,
    DesiredState,
    MakeLink,
    Remove,
    Switch,
    Wanted,
    Write,
    WriteUnit,
)
from hermes_ops.plan.resource import AtPath, Owned
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.definition import HostWritten, Link, Text
from hermes_ops.services.endings import ending
from hermes_ops.services.manager import ServiceManager
from hermes_ops.services.merged import refuse_other_command
from hermes_ops.services.protection.limits import used_up
from hermes_ops.services.report import PATIENCE


def plan_definition(
    wanted: Wanted,
    service: ServiceSpec,
    manager: ServiceManager,
    facts: Facts,
    values: Mapping[str, Any],
    *,
    only_disable: bool = False,
) -> Iterable[Change]:
    """Yield the files and links that are not as the manager wants them."""
    state = wanted.profile.state
    enabled = state == "started"
    own = {known.path for known in manager.paths(service) if known.is_own}
    links = set()
    kept = manager.definition(service, facts, values, enabled=True) if only_disable else ()
    same = list(kept)
    for part in manager.definition(service, facts, values, enabled=enabled):
        if part in same:
            continue
        if isinstance(part, Text):
            equal = manager.is_equal if part.base else None
            # Shared files are read when used: no running service needs a restart for them.
            is_own, found = part.path in own, facts.contents.get(str(part.path))
            is_live = found is not None and manager.is_live(found, part.content)
            owes = service.name if is_own and part.restarts and not is_live else None
            proof = manager.proof_of(service) if is_own else ()
            given = (wanted, part.path, part.content, part.mode, facts, owes)
            changes = list(plan_text(*given, is_equal=equal, proof=proof))
            if manager.needs_own_files and not any(c.action == "create" for c in changes):
                changes = list(_of_another(*given)) or changes
            yield from changes
        elif isinstance(part, HostWritten):
            yield from _host_written(wanted, part, facts)
        elif isinstance(part, Link):
            links.add(part.path)
            yield from plan_link(wanted, part.path, part.target, facts)
    yield from _without_links(wanted, service, manager, facts, kept=links)
    yield from plan_switch(wanted, service, manager, facts)


def _of_another(
    wanted: Wanted, path: PurePosixPath, content: str, mode: int, facts: Facts, owes: str | None
) -> Iterable[Change]:
    """Yield the write of a file that belongs to another user: the new one is the writer's."""
    state = facts.paths[str(path)]
    end = state.end.state if state.end and state.end.state else state  # whose a link is, is all one
    if end.uid != (0 if path.is_absolute() else facts.uid):
        found = facts.contents.get(str(path))
        # Whoever wrote the same text: what runs was made of it.
        owes = None if found == content else owes
        write = Write(path, content, mode, found, owes=owes)
        yield change(wanted, "update", f"it belongs to uid {end.uid}", write, facts)


def plan_switch(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, facts: Facts,
    *, removed: bool = False,
) -> Iterable[Change]:  # fmt: skip
    """Yield that the manager shall start the service by itself, or not, where no file says so.

    What is removed is allowed again: a manager may remember what is forbidden for ever.
    """
    enabled = removed or wanted.profile.state != "stopped"
    words = manager.switch(service, enabled=enabled)
    if words and manager.told(service, facts).barred is enabled:
        operation = Switch(service, words, enabled)
        reason = "it is disabled" if enabled else wanted.profile.state_reason
        action = "enable" if enabled else "disable"
        one = change(wanted, action, reason, operation, facts)
        yield replace(one, resource=f"override:{manager.id(service)}")


def plan_markers(wanted: Wanted, service: ServiceSpec, facts: Facts) -> Iterable[Change]:
    """Yield the removal of marks in the gateway's home that do not count any more.

    Whoever has the lock knows that no other restart is under way.
    """
    for marker in markers(service.home, facts) if service.text == "hermes" else ():
        if marker.over or marker.passing:
            removal = change(wanted, "remove", marker.told, Remove(marker.path), facts)
            yield replace(removal, resource=f"file:{marker.path}")


def plan_link(wanted: Wanted, path: PurePosixPath, target: str, facts: Facts) -> Iterable[Change]:
    """Yield the making of the link that enables a service, if it is missing or wrong."""
    found = facts.paths.get(str(path))
    if found is None or found.kind != "link" or not _leads_to(path, found.target, target, facts):
        reason = "absent" if found is None else f"leads to {found.target}"
        yield change(wanted, "enable", reason, MakeLink(path, target), facts)


def _leads_to(path: PurePosixPath, found: str | None, target: str, facts: Facts) -> bool:
    # `systemctl enable` writes the absolute path; ours is relative. Both lead to the same file.
    absolute = PurePosixPath(facts.home) / path.parent.parent / target.removeprefix("../")
    return found in (target, str(absolute))


def _host_written(wanted: Wanted, part: HostWritten, facts: Facts) -> Iterable[Change]:
    found = found_text(part.path, facts)
    lacking = [mark.strip() for mark in part.marks if mark not in (found or "")]
    if lacking:
        reason = "absent" if found is None else f"lacks {lacking[0]}"
        action = "create" if found is None else "update"
        operation = WriteUnit(part.path, part.words, part.sign)
        yield change(wanted, action, reason, operation, facts)


def refuse_foreign(
    service: ServiceSpec, manager: ServiceManager, facts: Facts, values: Mapping[str, Any],
    desired: DesiredState, changes: Iterable[Change],
) -> None:  # fmt: skip
    """Refuse a service that cannot write its home, or that files of others turn into another.

    `changes`: of its definition; while its own file differs, that may be the cause.

    Raises:
        Conflict: names the files, and the command that mends it.
    """
    own = (w.resource for w in desired.wanted if w.profile.name == service.profile)
    if (conflict := manager.elsewhere(facts)) is not None:
        raise conflict
    managed = {r.path for r in own if isinstance(r, AtPath | Owned)}
    refuse_process_of_another(service, manager, facts)
    refuse_unwritable(service.home, facts, but=managed)
    unit = {known.path for known in manager.paths(service) if known.kind == "unit"}
    touched = {getattr(change.operation, "path", None) for change in changes}
    if touched.isdisjoint(unit):
        refuse_other_command(service, manager, facts, values)
    refuse_limits(service, manager, facts, touched)


def refuse_limits(
    service: ServiceSpec, manager: ServiceManager, facts: Facts, touched: set[Any]
) -> None:
    """Refuse limits that a service which runs exceeds already: they take effect at once.

    `touched`: the paths of its definition that change.

    Raises:
        Conflict: with the limit, and what it uses.
    """
    of_limits = [one.path for one in manager.paths(service) if one.kind in ("policy", "slice")]
    if touched.isdisjoint(of_limits):
        return
    evidence = evidence_of(service, facts, manager.name)
    if evidence.rss_bytes is None or not evidence.supervised:
        return
    held = "".join(facts.contents.get(str(path), "") for path in of_limits)
    powerless = manager.powerless(service.settings, facts)
    if bar := used_up(service, evidence.rss_bytes, held, powerless):
        raise bar


def refuse_process_of_another(service: ServiceSpec, manager: ServiceManager, facts: Facts) -> None:
    """Refuse a service whose home a process of another user runs: only that user can end it.

    Raises:
        Conflict: with the command that ends it.
    """
    evidence = evidence_of(service, facts, manager.name)
    if evidence.alive and evidence.of_another and not evidence.supervised:
        words = f"process {evidence.pid} of another user runs ~/{service.home}"
        raise Conflict(words, hint=f"on the host: sudo kill {evidence.pid}")


def is_defined(service: ServiceSpec, manager: ServiceManager, facts: Facts) -> bool:
    """Return whether the manager has any file for this service."""
    return any(known.is_own and str(known.path) in facts.paths for known in manager.paths(service))


def has_policy(service: ServiceSpec, facts: Facts) -> bool:
    """Return whether any manager has our settings for this service: we have defined it before."""
    return any(manager.owns(service, facts) for manager in MANAGERS.values())


def without_definition(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, facts: Facts, reason: str
) -> Iterable[Change]:
    """Yield the removal of every file by which the manager knows the service.

    The one by which a look finds it, if this ends in the middle, is last: the unit of a gateway.
    """
    order = ("link", "policy", "unit") if service.text == "hermes" else ("link", "unit", "policy")
    own = (known for known in manager.paths(service) if known.is_own)
    for known in sorted(own, key=lambda known: order.index(known.kind)):
        if str(known.path) in facts.paths:
            yield change(wanted, "remove", reason, Remove(known.path), facts)
    yield from plan_switch(wanted, service, manager, facts, removed=True)


def without_links(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, facts: Facts
) -> Iterable[Change]:
    """Yield the removal of what enables the service; its definition stays."""
    yield from _without_links(wanted, service, manager, facts)
    yield from plan_switch(wanted, service, manager, facts)


def _without_links(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, facts: Facts,
    kept: Collection[PurePosixPath] = (),
) -> Iterable[Change]:  # fmt: skip
    reason = wanted.profile.state_reason
    for known in manager.paths(service):
        if known.kind == "link" and known.path not in kept and str(known.path) in facts.paths:
            yield change(wanted, "disable", reason, Remove(known.path), facts)


def plan_service(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, evidence: Evidence,
    *, restart: str, drain: int = 0,
) -> Iterable[Change]:  # fmt: skip
    """Yield the start, restart or stop that the service needs to reach its wanted state.

    `restart` is the reason to restart a running service, or to stop one by an order; empty if there
    is none. `drain`: seconds to wait for its turns before.
    """
    patience = evidence.patience
    running = evidence.activity in ("active", "activating", "deactivating")
    stray = evidence.pid if evidence.alive and not evidence.supervised else None
    if wanted.profile.state != "started":
        if running or stray or evidence.activity == "failed":
            # A failed service is stopped too, so that its manager forgets the failure.
            ordered = getattr(wanted.resource, "order", "")
            reason = (restart or "it was asked for") if ordered else wanted.profile.state_reason
            yield _control(wanted, service, manager, "stop", reason, stray, patience=patience)
    elif not running or stray:
        # A stray process holds what the service needs: the service would fail and restart for ever.
        reason = _why_start(evidence, stray)
        known = evidence.installed or evidence.activity == "failed"
        yield _control(wanted, service, manager, "start", reason, stray, known=known)
    elif restart:
        yield _control(
            wanted, service, manager, "restart", restart, None, drain=drain, patience=patience
        )


def _why_start(evidence: Evidence, stray: int | None) -> str:
    if stray:
        return f"process {stray} runs beside its service manager"
    if evidence.activity == "failed":
        return ending(evidence.exit_status, evidence.ended_by)
    return evidence.by_hand or "not running"


def _control(
    wanted: Wanted,
    service: ServiceSpec,
    manager: ServiceManager,
    verb: str,
    reason: str,
    stray: int | None,
    *,
    known: bool = True,
    drain: int = 0,
    patience: int = PATIENCE,
) -> Change:
    words = manager.control(service, verb, known=known)
    operation = Control(
        service, words, verb, stray, together=manager.together, drain=drain, patience=patience
    )
    resource = f"service:{service.name}"
    return Change(wanted.step, wanted.profile.name, resource, verb, reason, operation)
