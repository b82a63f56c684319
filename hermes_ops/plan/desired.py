"""From the inventory and the steps to what is wanted on each host; no facts are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from hermes_ops.errors import InventoryError
from hermes_ops.files.layout import WRITTEN
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.plan.model import DesiredState, Wanted
from hermes_ops.plan.resource import (
    Absent,
    EnvFile,
    KeptAwake,
    Moved,
    PythonProgram,
    Resource,
    Service,
    ServiceDefinition,
    Whole,
    Wrapper,
    identity,
)
from hermes_ops.secrets.reference import Reference
from hermes_ops.services.describe import describe

Body = Callable[[Profile, Role, Host], Iterable[Resource]]
"""A step: what it wants for one profile, as data."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step by name, what it requires, and its body."""

    name: str
    requires: tuple[str, ...]
    body: Body


def desired_state(host: Host, roles: Mapping[str, Role], steps: Sequence[StepPlan]) -> DesiredState:
    """Return what the steps, in this order, want for the profiles of the host.

    Raises:
        InventoryError: two different resources have the same path or name.
    """
    wanted = [
        Wanted(step.name, profile, roles[profile.role], resource)
        for profile in host.profiles
        for step in steps
        for resource in step.body(profile, roles[profile.role], host)
        if profile.state != "absent" or isinstance(resource, _OF_ABSENT)
    ]
    _refuse_overlaps(wanted, host)
    services = {p.name: describe(p, roles[p.role]) for p in host.profiles}
    return DesiredState(host, tuple(_merged(wanted)), tuple(s.name for s in steps), services)


def both(first: DesiredState, second: DesiredState) -> DesiredState:
    """Return one state with what two of them want of the same host, of different profiles."""
    host, other = first.host, second.host
    names = tuple(dict.fromkeys((*host.all_profiles, *other.all_profiles)))
    return DesiredState(
        replace(host, profiles=(*host.profiles, *other.profiles), all_profiles=names),
        (*first.wanted, *second.wanted),
        tuple(dict.fromkeys((*first.steps, *second.steps))),
        {**first.services, **second.services},
    )


_OF_ABSENT = (Service, ServiceDefinition, Wrapper, KeptAwake, Absent, Whole, Moved)
"""The only resources of an absent profile: its data is neither changed nor created."""


def _merged(wanted: Iterable[Wanted]) -> Iterable[Wanted]:
    """Merge programs of the same name into one with the extras of all."""
    programs: dict[str, Wanted] = {}
    rest = []
    for item in wanted:
        if isinstance(item.resource, PythonProgram):
            programs[item.resource.name] = _united(programs.get(item.resource.name), item)
        else:
            rest.append(item)
    yield from programs.values()
    yield from rest


def _united(first: Wanted | None, second: Wanted) -> Wanted:
    if first is None:
        return second
    assert isinstance(first.resource, PythonProgram)  # noqa: S101 - only programs come here
    assert isinstance(second.resource, PythonProgram)  # noqa: S101
    extras = tuple(sorted({*first.resource.extras, *second.resource.extras}))
    return replace(first, resource=replace(first.resource, extras=extras))


def _refuse_overlaps(wanted: Iterable[Wanted], host: Host) -> None:
    seen: dict[str, Wanted] = {}
    for item in wanted:
        name = identity(item.resource)
        if isinstance(item.resource, PythonProgram) or name == "linger":
            continue
        other = seen.setdefault(name, item)
        if other.resource != item.resource:
            raise InventoryError(
                f"{other.profile.name} and {item.profile.name} on {host.name} "
                f"want {name} differently",
                where=item.profile.place,
                hint="one path belongs to one profile",
            )


def env_file(path: PurePosixPath, profile: Profile, mode: int, *, restarts: bool = True) -> EnvFile:
    """Return the `.env` of a profile; unresolved values are left as they are on the host."""
    values = {k: v for k, v in profile.env.items() if not isinstance(v, Reference)}
    unresolved = tuple(k for k, v in profile.env.items() if isinstance(v, Reference))
    kept = WRITTEN / f"{profile.role}-{profile.name}" if unresolved or profile.marks else None
    return EnvFile(
        path, values, mode, unresolved, restarts=restarts, marks=profile.marks, kept=kept
    )


def writes_env(steps: Sequence[StepPlan], selected: Inventory) -> Callable[[Profile, Host], bool]:
    """Return whether these steps write the `.env` of a profile, so that they need its values."""

    def writes(profile: Profile, host: Host) -> bool:
        role = selected.roles[profile.role]
        wanted = (resource for step in steps for resource in step.body(profile, role, host))
        return profile.state != "absent" and any(
            isinstance(one, EnvFile) and (one.values or one.unresolved) for one in wanted
        )

    return writes
