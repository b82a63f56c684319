"""What must agree between the profiles of one host, and between hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from hermes_ops.errors import InventoryError, UsageError, few
from hermes_ops.graph import ordered
from hermes_ops.inventory.amounts import is_more
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.loader.located import Located
from hermes_ops.loader.schema import suggestion
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import service_name

_OF_SYSTEM = frozenset(name for name, one in MANAGERS.items() if one.by_root)


def refuse_disagreement(hosts: Iterable[Host]) -> None:
    """Raise if profiles wait for each other, or two hosts are one machine."""
    homes: dict[tuple[object, ...], Host] = {}
    units: dict[tuple[object, ...], Host] = {}
    slices: dict[tuple[object, ...], Host] = {}
    for host in hosts:
        _refuse_circles(host)
        _refuse_one_unit(host, units)
        _refuse_two_ceilings(host, slices)
        for profile in host.profiles:
            other = homes.setdefault((*_machine(host), profile.name), host)
            if other is not host:
                raise _same_home(host, other, profile)


def _refuse_one_unit(host: Host, units: dict[tuple[object, ...], Host]) -> None:
    """Raise if two users of a machine want its one service of the system of a name."""
    *machine, _ = _machine(host)
    for profile in host.profiles if host.manager in _OF_SYSTEM else ():
        other = units.setdefault((*machine, profile.role, profile.name), host)
        if other is not host and profile.state != "absent":
            raise InventoryError(
                f"{host.name} and {other.name} are one machine, and its system has one unit of"
                f" {profile.name!r}",
                hint="give one profile another name, or set hermes_service_manager: "
                + host.manager.removesuffix("-system"),
                where=profile.place,
                kind="conflict",
            )


def _refuse_two_ceilings(host: Host, slices: dict[tuple[object, ...], Host]) -> None:
    """Raise if a machine's one slice of a user, or of its system, is to have two ceilings."""
    ceiling = _ceiling(host)
    *machine, user = _machine(host)
    of_system = host.manager in _OF_SYSTEM
    key = (*machine, "" if of_system else user)
    other = slices.setdefault(key, host) if ceiling else host
    if _ceiling(other) != ceiling:
        raise InventoryError(
            f"{host.name} and {other.name} are one machine, and its hermes.slice has one ceiling:"
            f" hermes_memory_max is {ceiling} here and {_ceiling(other)} there",
            hint="write the same hermes_memory_max for both",
            where=host.place,
            kind="conflict",
        )


def _ceiling(host: Host) -> str | None:
    return next((profile.service.ceiling for profile in host.profiles), None)


def with_neighbours(hosts: Sequence[Host], roles: Mapping[str, Role]) -> tuple[Host, ...]:
    """Return the hosts; those that are one machine and user know each other's profiles."""
    names: dict[tuple[object, ...], set[str]] = {}
    services: dict[tuple[object, ...], set[str]] = {}
    gateways: dict[tuple[object, ...], list[str]] = {}
    for host in hosts:
        names.setdefault(_machine(host), set()).update(host.all_profiles)
        services.setdefault(_machine(host), set()).update(_services(host, roles))
        gateways.setdefault(_machine(host), []).extend(_gateways(host))
    return tuple(
        replace(
            host,
            beside=tuple(sorted(names[_machine(host)] - set(host.all_profiles))),
            services=tuple(sorted(services[_machine(host)])),
            gateways=tuple(gateways[_machine(host)]),
        )
        for host in hosts
    )


def _services(host: Host, roles: Mapping[str, Role]) -> Iterator[str]:
    for profile in host.profiles:
        role = roles.get(profile.role)
        if role is not None and profile.role != "gateway":
            with suppress(InventoryError):  # told once the service is described
                yield service_name(profile, role)


def _gateways(host: Host) -> Iterator[str]:
    own = (p for p in host.profiles if p.role == "gateway" and p.state != "absent")
    yield from (profile.name for profile in own)


def _machine(host: Host) -> tuple[object, ...]:
    reached = host.connection
    user = host.hermes.user or reached.user
    return (reached.kind, reached.address.lower(), reached.port or 22, user)


def _same_home(host: Host, other: Host, profile: Profile) -> InventoryError:
    return InventoryError(
        f"{host.name} and {other.name} are one machine and user, and both have {profile.name!r}",
        hint="give them other addresses or users, or leave the profile out of one",
        where=profile.place,
        kind="conflict",
    )


def refuse_strangers(profile: str, data: Located, host: str, names: Iterable[str]) -> None:
    """Raise if `after` names a profile that the host does not have."""
    known = list(names)
    for item in data.entries["after"].items if "after" in data.entries else ():
        if item.data not in known:
            message = f"{profile!r} waits for {item.data!r}, which {host} does not have"
            raise item.error(message, suggestion(item.data, known))


def _refuse_circles(host: Host) -> None:
    try:
        ordered({profile.name: profile.after for profile in host.profiles})
    except UsageError as error:
        raise InventoryError(
            f"on {host.name}, {error.message}", hint="mend their 'after'", where=host.place
        ) from None


def warnings_of(hosts: Sequence[Host]) -> Iterator[str]:
    """Yield warnings about what is allowed but likely to surprise."""
    for host in hosts:
        yield from _above_ceiling(host)
    yield from _names_alike(hosts)


def _names_alike(hosts: Iterable[Host]) -> Iterator[str]:
    """Yield each name that begins others, once for all hosts that have the same ones."""
    found: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for host in hosts:
        for short in sorted(host.all_profiles):
            longer = sorted(n for n in host.all_profiles if n != short and n.startswith(short))
            if longer:
                found.setdefault((short, tuple(longer)), []).append(host.name)
    for (short, others), names in found.items():
        yield (
            f"{few(names, 3)}: the profile name {short!r} begins {few([*map(repr, others)], 3)},"
            " and Hermes may take the process of one for the other's"
        )


def _above_ceiling(host: Host) -> Iterator[str]:
    """Yield which limits of single gateways never count, as all together may have less."""
    for profile in host.profiles:
        for name in ("memory_high", "memory_max"):
            own, ceiling = getattr(profile.service, name), profile.service.ceiling
            if is_more(own, ceiling):
                place = profile.places.get(f"service.{name}", profile.place)
                yield (
                    f"{place}: {name} of {profile.name!r}, {own}, never counts on {host.name}:"
                    f" hermes_memory_max is {ceiling}"
                )
