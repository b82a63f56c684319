"""What must agree between the profiles of one host, and between hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from hermes_ops.errors import InventoryError, UsageError
from hermes_ops.graph import ordered
from hermes_ops.inventory import Host, Profile
from hermes_ops.loader.schema import suggestion


def refuse_disagreement(hosts: Iterable[Host]) -> None:
    """Raise where profiles wait for what is not there, or two hosts are one machine."""
    homes: dict[tuple[object, ...], Host] = {}
    for host in hosts:
        _refuse_waiting(host)
        for profile in host.profiles:
            other = homes.setdefault((*_machine(host), profile.name), host)
            if other is not host:
                raise _same_home(host, other, profile)


def refuse_problems(hosts: Iterable[Host]) -> None:
    """Raise if one of the hosts, which are about to be contacted, cannot be reached as written."""
    for host in hosts:
        if host.problem:
            raise host.problem


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


def _refuse_waiting(host: Host) -> None:
    for profile in host.profiles:
        for name in profile.after:
            if name not in host.all_profiles:
                raise InventoryError(
                    f"{profile.name!r} waits for {name!r}, which {host.name} does not have",
                    hint=suggestion(name, host.all_profiles),
                    where=profile.place,
                )
    try:
        ordered({profile.name: profile.after for profile in host.profiles})
    except UsageError as error:
        raise InventoryError(
            f"on {host.name}, {error.message}", hint="mend their 'after'", where=host.place
        ) from None


def warnings_of(hosts: Iterable[Host]) -> Iterator[str]:
    """Yield what is allowed and yet likely to surprise."""
    for host in hosts:
        for short, long in combinations(sorted(host.all_profiles), 2):
            if long.startswith(short):
                yield (
                    f"{host.name}: the profile name {short!r} begins {long!r},"
                    " and Hermes may take the process of one for the other's"
                )
