"""Orphans: services that we once configured, and that are no longer in the inventory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from hermes_ops.errors import HermesError
from hermes_ops.hermes.evidence import Evidence, evidence_of
from hermes_ops.hermes.orphans import ports_of, role_of
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Facts
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import home_of, service_name
from hermes_ops.services.describe import describe


@dataclass(frozen=True, slots=True)
class Orphan:
    """One orphan: whether it runs, which managers would start it, and its ports."""

    profile: str
    evidence: Evidence
    managers: tuple[str, ...]
    """The service managers that have a definition of it."""
    ports: tuple[int, ...]
    role: Role
    """Its role, or as much of it as is needed to remove its service."""

    def what(self, wanted: Mapping[int, str]) -> str:
        """Return in a few words what it does; `wanted` has the profile that wants each port."""
        if self.evidence.alive:
            doing = "still runs"
        elif self.evidence.enabled:
            doing = "starts again at the next boot"
        else:
            doing = "is still installed"
        numbers = ", ".join(
            f"{port}, which {wanted[port]} wants" if port in wanted else str(port)
            for port in self.ports
        )
        return f"{doing} (port {numbers})" if numbers else doing


def orphans_of(host: Host, facts: Facts, roles: Mapping[str, Role]) -> Iterator[Orphan]:
    """Yield the orphans on a host: gateways with our record, then services of other roles.

    Each has a definition or a process. A profile whose service was removed is only data.
    """
    if "gateway" in roles:
        for name in facts.orphans:
            yield from _orphan(Profile(name), roles["gateway"], facts, facts.defined)
    names = set().union(*facts.ours.values()) - set(host.services)
    taken = {*host.all_profiles, *host.beside, *facts.orphans}
    for name in sorted(names):
        profile, role = _once(name, roles)
        if profile in taken:
            profile, role = name, role_of(name)
        taken.add(profile)
        yield from _orphan(Profile(profile, role=role.name), role, facts, _ids(facts, name))


def _orphan(
    profile: Profile, role: Role, facts: Facts, defined: Mapping[str, Collection[str]]
) -> Iterator[Orphan]:
    service = describe(profile, role)
    managers = tuple(
        key for key, manager in MANAGERS.items() if manager.id(service) in defined.get(key, ())
    )
    evidence = [evidence_of(service, facts, key) for key in managers or MANAGERS]
    best = max(evidence, key=lambda one: (one.supervised, one.alive, bool(one.enabled)))
    if managers or best.alive:
        ports = tuple(ports_of(facts, str(service.home))) if service.text == "hermes" else ()
        yield Orphan(profile.name, best, managers, ports, role)


def _ids(facts: Facts, name: str) -> Mapping[str, Collection[str]]:
    """Return a service's name under each manager that has a file of ours for it."""
    service = describe(Profile(name), role_of(name))
    return {key: (MANAGERS[key].id(service),) for key, own in facts.ours.items() if name in own}


_ANY = "zzz9profile9zzz"
"""Stands for the name of any profile."""


def _once(name: str, roles: Mapping[str, Role]) -> tuple[str, Role]:
    """Return the profile that a service was, and its role; by its own name if no role made it."""
    for role in roles.values():
        with suppress(HermesError):
            before, found, behind = service_name(Profile(_ANY), role).partition(_ANY)
            profile = name.removeprefix(before).removesuffix(behind)
            if found and role.name != "gateway" and f"{before}{profile}{behind}" == name:
                return profile, role_of(name, role, home_of(Profile(profile), role))
    return name, role_of(name)
