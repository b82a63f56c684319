"""Services that another manager than the wanted one runs: they are stopped and removed there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hermes_ops.hermes.evidence import Evidence, evidence_of, is_supervised
from hermes_ops.look.facts import Facts
from hermes_ops.plan.model import Change, Control, Reload, Remove, Wanted, Watch
from hermes_ops.plan.services import is_defined, without_definition
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import ServiceManager


def leave_others(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, facts: Facts
) -> Iterable[Change]:
    """Yield the stop and removal of the service under every other manager.

    In the other scope of the same program only a service that we defined is left: what somebody
    else wrote there is a rival, and refused with its name.
    """
    for other in MANAGERS.values():
        if other.family and other.family == manager.family and not other.owns(service, facts):
            continue
        if other is not manager and is_defined(service, other, facts):
            yield from _leave(wanted, service, other, facts, f"{manager.name} runs it now")


def _leave(
    wanted: Wanted, service: ServiceSpec, other: ServiceManager, facts: Facts, reason: str
) -> Iterable[Change]:
    def change(resource: str, action: str, operation: Control | Reload) -> Change:
        return Change(wanted.step, wanted.profile.name, resource, action, reason, operation, ())

    if evidence_of(service, facts, other.name).activity != "inactive":
        stop = Control(service, other.control(service, "stop", known=True), "stop")
        yield change(f"service:{service.name}", "stop", stop)
    changes = [*without_definition(wanted, service, other, facts, reason)]
    yield from changes
    gone = (one.operation.path for one in changes if isinstance(one.operation, Remove))
    if words := other.reload(*gone):
        yield change(f"manager:{other.name}", "reload", Reload(words))


def runs_elsewhere(service: ServiceSpec, manager: ServiceManager, facts: Facts) -> bool:
    """Return whether another manager runs the service; `leave_others` then stops it."""
    return runs_under(service, manager, facts) is not None


def runs_under(
    service: ServiceSpec, manager: ServiceManager, facts: Facts
) -> ServiceManager | None:
    """Return which other manager runs the service."""
    others = (other for other in MANAGERS.values() if other is not manager)
    return next((one for one in others if is_supervised(service, facts, one.name)), None)


def defined_under(
    service: ServiceSpec, manager: ServiceManager, facts: Facts
) -> ServiceManager | None:
    """Return which other manager has a file for the service."""
    others = (other for other in MANAGERS.values() if other is not manager)
    return next((one for one in others if is_defined(service, one, facts)), None)


def seen_elsewhere(
    service: ServiceSpec, watch: Watch, manager: ServiceManager, facts: Facts, settle: float
) -> Evidence | None:
    """Return the evidence of a service that another manager has still, as it is before its move."""
    other = runs_under(service, manager, facts)
    if other is None and not is_defined(service, manager, facts):
        other = defined_under(service, manager, facts)
    if other is None:
        return None
    found = evidence_of(
        service, facts, other.name, urls=watch.urls, expected=watch.expected, settle=settle
    )
    has = "runs it" if found.supervised else "has it"
    return replace(found, elsewhere=f"{other.name} {has}, not {manager.name}")


def freed(evidence: Evidence) -> Evidence:
    """Return the evidence of a service after every other manager has stopped it."""
    return evidence if evidence.supervised else replace(evidence, pid=None, alive=False)
