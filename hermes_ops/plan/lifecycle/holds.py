"""Gateways that a person on the host has stopped and holds: only the inventory ends that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import STOPPED, WRAPPER
from hermes_ops.hermes.evidence import pids_of
from hermes_ops.hermes.markers import HandStop, hand_stop
from hermes_ops.look.facts import Facts
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.files import change
from hermes_ops.plan.model import Change, DesiredState, Remove, Wanted
from hermes_ops.plan.resource import Service
from hermes_ops.services.base import ServiceSpec

HELD = "held"
"""The state of such a gateway in a plan's differences."""


def heeded(desired: DesiredState, facts: Facts) -> tuple[DesiredState, list[Difference]]:
    """Return the wanted state with held services stopped, and a difference for each of them."""
    held = {
        name: hold
        for name, hold in _held(desired, facts).items()
        if not desired.is_order
        and any(p.name == name and p.state == "started" for p in desired.host.profiles)
    }
    if not held:
        return desired, []
    wanted = tuple(_stopped(w, held.get(w.profile.name)) for w in desired.wanted)
    differs = [
        Difference(name, f"{str(hold).removeprefix('held ')}", HELD, mend=_ends(name))
        for name, hold in held.items()
    ]
    return replace(desired, wanted=wanted), differs


def _held(desired: DesiredState, facts: Facts) -> Mapping[str, HandStop]:
    found = {name: hold_of(service, facts) for name, service in desired.services.items()}
    return {name: hold for name, hold in found.items() if hold}


def hold_of(service: ServiceSpec, facts: Facts) -> HandStop | None:
    """Return the hold of a service that does not run; one that runs was started by somebody."""
    stop = hand_stop(service.name, service.home, facts)
    return stop if stop and stop.held and not pids_of(service, facts) else None


def _stopped(wanted: Wanted, hold: HandStop | None) -> Wanted:
    if hold is None:
        return wanted
    return replace(wanted, profile=replace(wanted.profile, state="stopped", why=f"it is {hold}"))


def _ends(name: str) -> str:
    inventory = "in the inventory, state: stopped takes it over (and started later starts it)"
    return f"{inventory}; on the host: ~/{WRAPPER} start {name}"


def refuse_held(service: ServiceSpec, facts: Facts) -> None:
    """Refuse an order to start a gateway that is held.

    Raises:
        Conflict: with what ends the hold.
    """
    if hold := hold_of(service, facts):
        raise Conflict(f"it is {hold}", hint=_ends(service.profile))


def ended_hold(wanted: Wanted, service: ServiceSpec, facts: Facts) -> Iterable[Change]:
    """Yield the removal of a hold where the inventory itself wants the gateway stopped or gone."""
    profile = wanted.profile
    asked = getattr(wanted.resource, "order", "") or (profile.why and profile.state != "absent")
    stop = hand_stop(service.name, service.home, facts)
    if isinstance(wanted.resource, Service) and profile.state != "started" and not asked and stop:
        path = STOPPED / service.name
        if stop.held or profile.state == "absent":
            gone = change(wanted, "remove", f"{profile.state_reason}: it is no longer {stop}",
                          Remove(path), facts)  # fmt: skip
            yield replace(gone, resource=f"file:{path}")
