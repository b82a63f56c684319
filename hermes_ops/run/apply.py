"""Apply the plan of a host in one exchange."""

from __future__ import annotations

import json
from dataclasses import replace
from math import ceil
from pathlib import PurePosixPath

from hermes_ops.apply import PIP, WHEELS, Terms, compile_plan, wheels
from hermes_ops.errors import HermesError, Locked, NotReady, Unknown
from hermes_ops.files.layout import LOCK
from hermes_ops.look.facts import Facts
from hermes_ops.plan import Plan
from hermes_ops.plan.lifecycle.moves import Unpack
from hermes_ops.plan.model import Control, Drain, Install, RunCommand
from hermes_ops.reporting.events import Emit, Pushing
from hermes_ops.run.listener import Listener, owner_text
from hermes_ops.run.model import HostResult, Settings
from hermes_ops.transport import Transport
from hermes_ops.wire import Reply

KILLING = 30
"""Seconds in which a process ends that did not end in its own time."""


def apply_plan(
    plan: Plan, transport: Transport, settings: Settings, emit: Emit, result: HostResult
) -> bool:
    """Apply the plan; return whether files changed since the look, so that a new one is needed."""
    if plan.is_empty:
        result.changes = [done for done in result.changes if done.outcome == "done"]
        return False
    _push(plan, transport, settings, emit)
    listener = Listener(plan, emit)
    timeout = deadline(plan, settings)
    earlier = [done for done in result.changes if done.outcome == "done"]
    compiled, complete = compile_plan(plan, terms(plan, settings)), False
    try:
        reply = transport.exchange(compiled, listener, timeout=timeout)
        # Without the lock nothing was begun, although the script ended early.
        complete = reply.complete or any(r.word in ("lock-refused", "fatal") for r in reply.records)
    finally:
        # Outcomes that arrived before the connection was lost are kept.
        result.changes = earlier + listener.finish(complete=complete)
    _refuse_ends(reply, plan)
    result.facts = _after(listener.seen(result.facts), plan, result)
    result.logs |= listener.logs
    result.waited = plan.host.ready_timeout if listener.is_exhausted else listener.waited
    return any(done.outcome == "moved" for done in result.changes)


def _after(facts: Facts | None, plan: Plan, result: HostResult) -> Facts | None:
    """Return the facts, with the program that the plan has installed, if it has."""
    installed = any(
        done.outcome == "done" and isinstance(done.change.operation, Install)
        for done in result.changes
    )
    return replace(facts, hermes=plan.hermes) if facts and installed else facts


def deadline(plan: Plan, settings: Settings) -> float:
    installing = sum(
        change.operation.deadline
        for change in plan.changes
        if isinstance(change.operation, Install)
    )
    running = sum(
        change.operation.deadline
        for change in plan.changes
        if plan.whole and isinstance(change.operation, RunCommand)
    )
    draining = sum(
        change.operation.drain if isinstance(change.operation, Control) else change.operation.wait
        for change in plan.changes
        if isinstance(change.operation, Control | Drain)
    )
    ending = sum(
        change.operation.patience + KILLING
        for change in plan.changes
        if isinstance(change.operation, Control) and change.operation.verb != "start"
    )
    starts = sum(
        isinstance(change.operation, Control) and change.operation.verb != "stop"
        for change in plan.changes
    )
    waves = 1 + max((watch.wave for watch in plan.watches), default=0)
    waves += sum(bool(getattr(change.operation, "rolls_after", ())) for change in plan.changes)
    return (
        plan.host.connection.exchange_timeout
        + settings.lock_timeout
        + installing
        + running
        + draining
        + ending
        + plan.host.start_stagger * starts
        + plan.host.ready_timeout * waves
    )


def terms(plan: Plan, settings: Settings) -> Terms:
    return Terms(
        json.dumps(settings.owner),
        settings.lock_timeout,
        ceil(plan.host.ready_timeout),
        plan.host.settle,
    )


def _push(plan: Plan, transport: Transport, settings: Settings, emit: Emit) -> None:
    """Copy archives, and what an installation needs and the host cannot download: pip, wheels."""
    for change in plan.changes:
        if isinstance(change.operation, Unpack):
            emit(Pushing(plan.host.name, change.operation.archive.name))
            transport.put(change.operation.archive, change.operation.sent)
    if not any(isinstance(change.operation, Install) for change in plan.changes):
        return
    if settings.pip is None:
        raise NotReady("pip's wheel is missing in vendor/", hint="git checkout vendor/")
    emit(Pushing(plan.host.name, "pip"))
    transport.put(settings.pip, PurePosixPath(PIP))
    for wanted in plan.wheelhouses:
        emit(Pushing(plan.host.name, f"the wheels of {', '.join(wanted.requirements)}"))
        for wheel in wheels.gather(wanted, pip=settings.pip, cache=settings.cache):
            transport.put(wheel, PurePosixPath(WHEELS) / wheel.name)


def _refuse_ends(reply: Reply, plan: Plan) -> None:
    for record in reply.of("fatal"):
        raise HermesError(record.rest)
    if next(reply.of("lock-refused"), None) is not None:
        raise Locked(
            f"{plan.host.name} is locked by {_owner(reply)}",
            hint=f"wait for it to end; if that run is dead, on the host: rm -r ~/{LOCK}",
        )
    if not reply.complete:
        raise Unknown(
            "the connection was lost during the changes",
            hint="run it again: finished changes are kept",
        )


def _owner(reply: Reply) -> str:
    held = [record.text for record in reply.of("lock-held") if record.text]
    return owner_text(held[-1]) if held else "somebody"
