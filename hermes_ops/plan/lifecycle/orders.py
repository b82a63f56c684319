"""Services that are only commanded: started, stopped, restarted or drained as they are.

An order looks at the settings on the host and writes none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import KEPT
from hermes_ops.hermes.crash.leftovers import active_profile, leftovers, why_restart
from hermes_ops.hermes.evidence import Evidence, evidence_of
from hermes_ops.hermes.gateway import stop_timeout
from hermes_ops.hermes.markers import Marker, lasting_drain
from hermes_ops.hermes.readiness import is_stalled, judge
from hermes_ops.hermes.versions import capabilities
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.files import change
from hermes_ops.plan.lifecycle.elsewhere import defined_under, runs_under
from hermes_ops.plan.lifecycle.holds import refuse_held
from hermes_ops.plan.lifecycle.moves import MoveAside
from hermes_ops.plan.model import (
    Change,
    Control,
    DesiredState,
    Drain,
    Remove,
    Wanted,
)
from hermes_ops.plan.order import refusal
from hermes_ops.plan.resource import Service
from hermes_ops.plan.services import has_policy, is_defined, plan_markers
from hermes_ops.program_name import spoken
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import ServiceManager

_BEGINS = ("start", "restart", "reset", "repair")
"""Orders after which a service runs, if it is not to be stopped."""
LEFT = 5
"""Seconds of the time that a manager lets a service end which no drain may use up."""


def order_of(wanted: Wanted) -> str:
    """Return what is ordered for a service, empty if its settings decide."""
    return wanted.resource.order if isinstance(wanted.resource, Service) else ""


def begins(wanted: Wanted) -> bool:
    """Whether a service is ordered to run: a repair starts nothing that is to be stopped."""
    return order_of(wanted) in _BEGINS and wanted.profile.state == "started"


def refuse_strange(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, facts: Facts, host: Host
) -> None:
    """Refuse an order to a service that its manager does not know.

    Raises:
        Conflict: with the command that installs it, or what ends a hold.
    """
    order = order_of(wanted)
    if order and (other := runs_under(service, manager, facts)):
        words = f"its service runs under {other.name}, not under {manager.name}"
        raise Conflict(words, hint=_mend(wanted, service, other, facts, host))
    if begins(wanted):
        refuse_held(service, facts)
    if begins(wanted) and not is_defined(service, manager, facts):
        other = defined_under(service, manager, facts)
        at = f", but under {other.name}" if other else ""
        words = f"its service is not installed under {manager.name}{at}"
        hint = _mend(wanted, service, other or manager, facts, host, installed=bool(other))
        raise Conflict(words, hint=hint)


def _mend(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, facts: Facts, host: Host,
    *, installed: bool = True,
) -> str:  # fmt: skip
    """Return the command that does what was ordered, if we do not do it here.

    `manager` has the service, or is to have it. What the inventory names is moved by `fleet.up`.
    """
    if not wanted.profile.unmanaged:
        return spoken(f"./inv fleet.up -l {host.name}/{service.profile}")
    verb = _TYPED.get(order_of(wanted), "") if installed else "install"
    if verb and (typed := manager.typed(verb, service, facts)):
        return f"on the host: {typed}"
    return spoken(
        f"name {service.profile} under hermes_profiles of {host.name}, with"
        f" hermes_service_manager: {manager.name}; then ./inv fleet.up -l {host.name}"
    )


_TYPED = {"start": "start", "stop": "stop"} | dict.fromkeys(
    ("restart", "reset", "repair"), "restart"
)


def drain_of(
    seconds: int,
    service: ServiceSpec,
    evidence: Evidence,
    facts: Facts,
    settings: tuple[Mapping[str, Any], Mapping[str, str | None]],
    grace: int | None,
) -> int:
    """Return for how many seconds a restart waits for the turns of a service.

    It is less than its manager lets it end. What takes no turn, or does not know how to stop taking
    turns, is not waited for. `settings`: its `config.yaml` and `.env`; `grace`: its manager's.
    """
    frozen = evidence.suspended or is_stalled(evidence)
    if service.text != "hermes" or not evidence.supervised or frozen:
        return 0
    known = capabilities(facts.hermes.version) if facts.hermes else None
    if known and known.drain_marker is False:
        return 0
    config, env = settings
    values = {name: value for name, value in env.items() if value is not None}
    return min(seconds, (grace or stop_timeout(config, values)) - LEFT)


def drained(
    wanted: Wanted, service: ServiceSpec, evidence: Evidence, wait: int, facts: Facts
) -> Iterable[Change]:
    """Yield the drain of a gateway that runs, or why its Hermes cannot be drained."""
    assert isinstance(wanted.resource, Service)  # noqa: S101 - only services are ordered
    if service.text == "hermes" and evidence.supervised and evidence.alive:
        known = capabilities(facts.hermes.version) if facts.hermes else None
        if known and facts.hermes and known.drain_marker is False:
            words = f"Hermes {facts.hermes.version} takes new turns until it is stopped"
            hint = "stop it with fleet.stop, or upgrade Hermes: 0.18 can drain"
            yield refusal(wanted, Conflict(words, hint=hint))
            return
        lasts = wanted.resource.lasts
        drain = Drain(service, lasts, min(wait, lasts))
        instead = f"; in place of the {evidence.drain}" if evidence.drain else ""
        reason = f"for {drain.lasts} s{instead}"
        name = f"service:{service.name}"
        yield Change(wanted.step, wanted.profile.name, name, "drain", reason, drain)


def undrained(wanted: Wanted, service: ServiceSpec, evidence: Evidence) -> list[Difference]:
    """Return why a gateway that was to be drained is not: settled if it takes no turn anyway."""
    if order_of(wanted) != "drain" or service.text != "hermes":
        return []
    verdict = judge(evidence)
    reason = f" ({', '.join(verdict.reasons)})" if verdict.reasons else ""
    if not (evidence.alive and evidence.supervised):
        rests = not evidence.alive and evidence.activity in ("inactive", "failed")
        words = f"nothing was drained, as it is {verdict.state}{reason}"
        return [Difference(service.profile, words, is_settled=rests)]
    if evidence.suspended:
        words = f"it hears of its drain when it goes on, as it is {verdict.state}{reason}"
        return [Difference(service.profile, words)]
    return []


def is_drained(wanted: Wanted, service: ServiceSpec, facts: Facts) -> bool:
    """Whether a service takes no turn after its plan, and goes on to do so."""
    order = order_of(wanted)
    ends = order in ("start", "repair")
    return order == "drain" or (not ends and any(_lasting(service, facts)))


def still_drained(
    wanted: Wanted, service: ServiceSpec, facts: Facts, host: Host
) -> Iterable[Difference]:
    """Yield that a service which this plan wants to run goes on to take no turn."""
    if order_of(wanted) in ("start", "repair", "drain") or wanted.profile.state != "started":
        return
    hint = f"./inv fleet.start -l {host.name}/{service.profile}"
    hint += " --unmanaged" if wanted.profile.unmanaged else ""
    for marker in _lasting(service, facts):
        yield Difference(service.profile, f"by the {marker.told}", "draining", mend=hint)


def _lasting(service: ServiceSpec, facts: Facts) -> Iterable[Marker]:
    mark = lasting_drain(service.home, facts) if service.text == "hermes" else None
    return (mark,) if mark else ()


def cleared(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, facts: Facts
) -> Iterable[Change]:
    """Yield what is removed from the home: expired marks, a drain that ends, leftovers."""
    yield from plan_markers(wanted, service, facts)
    order = order_of(wanted)
    for marker in _lasting(service, facts) if order in ("start", "repair") else ():
        gone = change(wanted, "remove", f"ends the {marker.told}", Remove(marker.path), facts)
        yield replace(gone, resource=f"file:{marker.path}")
    if order != "repair" or service.text != "hermes":
        return
    alive = evidence_of(service, facts, manager.name).alive
    for path, why in (*leftovers(service.home, facts, alive=alive), *active_profile(facts)):
        moved = change(wanted, "move", why, MoveAside(path), facts)
        yield replace(moved, resource=f"file:{path}", kept=KEPT / path)


def repaired(desired: DesiredState, facts: Facts) -> Facts:
    """Return the facts as a repair will leave them: what it moves aside bars no start."""
    orders = (wanted for wanted in desired.wanted if order_of(wanted) == "repair")
    homes = [desired.services[wanted.profile.name].home for wanted in orders]
    moved = {str(path) for home in homes for path, _ in leftovers(home, facts, alive=True)}
    left = {path: state for path, state in facts.unwritable.items() if path not in moved}
    closed = frozenset(path for path in facts.closed if path not in moved)
    return replace(facts, unwritable=left, closed=closed) if moved else facts


def hardened(change: Change, evidence: Evidence, facts: Facts, order: str) -> Change:
    """Return a stop or restart that also ends what does not end by itself.

    A process that is frozen hears no request, so it is ended before its manager is asked, as by a
    `reset`; and a definition that is not ours does not tell Hermes that its end is wanted.
    """
    control = change.operation
    if not isinstance(control, Control) or control.verb == "start" or not evidence.supervised:
        return change
    deaf = order == "reset" or evidence.suspended or is_stalled(evidence)
    ends = evidence.pid if deaf and control.ends is None else control.ends
    born = evidence.started_ticks if ends == evidence.pid else control.born
    strange = control.service.text == "hermes" and not has_policy(control.service, facts)
    announced = evidence.pid if strange else None
    return replace(change, operation=replace(control, ends=ends, born=born, announced=announced))


def why_repair(service: ServiceSpec, evidence: Evidence, facts: Facts) -> str:
    """Return why a gateway is repaired by a restart; empty if it is well, or only begins."""
    if service.text == "hermes" and (moved := why_restart(service.home, facts)):
        return moved
    verdict = judge(evidence)
    if verdict.is_ready or (verdict.state == "starting" and not evidence.restarts):
        return ""
    return f"it is {verdict.state}: {', '.join(verdict.reasons)}"
