"""Who may have which port after a plan: who has it now, and who has to leave first."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hermes_ops.errors import Conflict
from hermes_ops.hermes.beside.rivals import profile_of
from hermes_ops.hermes.orphans import on_port, owner_of, prune_hint
from hermes_ops.hermes.ports import Port, free_hint, program_at
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts, Server
from hermes_ops.program_name import spoken


@dataclass(frozen=True, slots=True)
class Occupant:
    """One profile's service, for the question who may have which port after the plan."""

    needs: tuple[Port, ...] = ()
    had: tuple[Port, ...] = ()
    """What its files on the host say now; it counts where the process of a server is not known."""
    pids: frozenset[int] = frozenset()
    ends: bool = False
    """Whether the plan ends its process, to stop it or to start it anew."""
    begins: bool = False
    """Whether the plan starts it, after a stop or not."""
    runs: bool = False


def settled(
    occupants: Mapping[str, Occupant], facts: Facts, host: Host
) -> tuple[dict[str, Conflict], dict[str, set[str]]]:
    """Return the services that cannot start and why; and of the others, who must stop before them.

    A port is free for a service if whoever has it is stopped, or moves to another port.
    """
    refused: dict[str, Conflict] = {}
    while True:
        first: dict[str, set[str]] = {}
        more: dict[str, Conflict] = {}
        for name, occupant in occupants.items():
            if occupant.begins and name not in refused:
                holders = _holders(name, occupants, facts)
                before, why = _judged(holders, occupants, refused, facts, host)
                more |= {name: why} if why else {}
                first |= {name: before} if before else {}
        if not more:
            return refused, first
        refused |= more


def unbindable(occupant: Occupant, facts: Facts) -> Conflict | None:
    """Return why a gateway that runs could not listen where it is to go; None if it can.

    Of one that does not run nobody is taken down: its own log tells whether its program may.
    """
    moves = (port for port in occupant.needs if occupant.runs and port not in occupant.had)
    for port in moves:
        if port.number < facts.unprivileged and facts.uid:
            words = f"{facts.user} may not listen on ports below {facts.unprivileged}"
            hint = "give the profile another port in the inventory"
            return Conflict(f"{words}, and port {port.number} is wanted", hint=hint)
        if facts.addresses is not None and not port.is_on(facts.addresses):
            words = f"{port.host} is no address of this host, which has "
            hint = f"set the host of port {port.number} to one of them in the inventory"
            return Conflict(words + ", ".join(sorted(facts.addresses)), hint=hint)
    return None


def _holders(
    name: str, occupants: Mapping[str, Occupant], facts: Facts
) -> Iterable[tuple[Port, Server, str | None]]:
    """Yield who else has a port that the service needs; the profile is None if it is not known."""
    own = occupants[name]
    for port in own.needs:
        for server in facts.servers or ():
            if not port.meets(server.host, server.port):
                continue
            holder = next((n for n, o in occupants.items() if server.pid in o.pids), None)
            mine = server.pid is None and own.runs and port.number in {p.number for p in own.had}
            if holder != name and not mine:
                yield port, server, holder


def _judged(
    holders: Iterable[tuple[Port, Server, str | None]],
    occupants: Mapping[str, Occupant],
    refused: Mapping[str, Conflict],
    facts: Facts,
    host: Host,
) -> tuple[set[str], Conflict | None]:
    before: set[str] = set()
    for port, server, holder in holders:
        other = occupants.get(holder or "")
        keeps = other is None or any(p.meets(server.host, server.port) for p in other.needs)
        if not keeps and (holder in refused or not (other and other.ends)):
            return set(), _stuck(port, holder or "", refused, host)
        if keeps:
            return set(), _why(port, server, holder, facts, host)
        before.add(holder or "")
    return before, None


def _stuck(port: Port, holder: str, refused: Mapping[str, Conflict], host: Host) -> Conflict:
    """Return the conflict about a port that its present holder keeps in this run."""
    words = f"port {port.number} is taken by {holder}, which cannot leave it"
    if why := refused.get(holder):
        return Conflict(f"{words}: {why}", hint=why.hint)
    target = shlex.quote(f"{host.name}/{holder}")
    return Conflict(f"{words} in this run", hint=spoken(f"first ./inv fleet.up -l {target}"))


def _why(port: Port, server: Server, holder: str | None, facts: Facts, host: Host) -> Conflict:
    taken = f"port {port.number} is taken by"
    if not holder and (orphan := on_port(port.number, facts, pid=server.pid)):
        return Conflict(f"{taken} the orphan {orphan}", hint=prune_hint(host.name, orphan))
    if not holder and (service := owner_of(server.pid, facts)):
        hint = spoken(f"./inv fleet.prune -l {shlex.quote(host.name)}")
        return Conflict(f"{taken} the orphan {service}", hint=hint)
    command = facts.commands.get(server.pid or 0)
    gateway = holder or (profile_of(command, facts) if command else "")
    if holder or gateway in (*host.all_profiles, *host.beside):
        hint = "give one of the two another port in the inventory"
        if not holder and gateway in host.all_profiles:  # it is not selected
            target = shlex.quote(f"{host.name}/{gateway}")
            hint += spoken(f"; if it has one there: ./inv fleet.up -l {target}")
        return Conflict(f"{taken} {gateway}, which keeps it", hint=hint)
    if gateway:
        target = shlex.quote(f"{host.name}/{gateway}")
        hint = f"./inv fleet.down -l {target} --unmanaged"
        return Conflict(f"{taken} {gateway}, which is not in the inventory", hint=hint)
    hint = free_hint(port.number, server.pid, facts)
    return Conflict(f"{taken} {program_at(server, facts)}", hint=hint)
