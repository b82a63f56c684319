"""What threatens a unit of systemd from outside: other units, another group, limits above it."""

from __future__ import annotations

from collections.abc import Iterator

from hermes_ops.errors import OF_PROCESS, Conflict
from hermes_ops.inventory.model import ServiceSettings
from hermes_ops.look.facts import Facts, Unit
from hermes_ops.services.protection.above import above
from hermes_ops.services.units.bonds import bonds


def threats(
    id: str, unit: Unit, settings: ServiceSettings, facts: Facts, *, by_root: bool
) -> Iterator[Conflict]:
    """Yield what ends a unit, keeps a boot from starting it, or takes from it what it needs."""
    yield from bonds(id, unit, facts, by_root=by_root)
    if group := _other_group(unit, facts):
        words = f"its process {unit['MainPID']} was moved into the control group {group}"
        systemctl = "sudo systemctl" if by_root else "systemctl --user"
        hint = f"on the host: {systemctl} restart {id}"
        told = f"{words}: no limit of {id} counts there"
        yield Conflict(told, hint=hint, kind=OF_PROCESS)
    yield from above(unit, settings, facts)


def _other_group(unit: Unit, facts: Facts) -> str:
    """Return the control group of a process that is not in its unit's own; else nothing.

    In a hierarchy that systemd does not use every process is in the root.
    """
    process, own = facts.processes.get(unit.number("MainPID") or 0), unit["ControlGroup"]
    groups = process.cgroups if process and own else ()
    others = {group for group in groups if group != own and not group.startswith(f"{own}/")}
    return max(others - ({"/"} if len(others) < len({*groups}) else set()), default="")
