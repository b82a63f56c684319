"""What keeps a machine awake while gateways run on it: one keeper for each kind of system."""

from __future__ import annotations

from collections.abc import Mapping

from hermes_ops.errors import Conflict
from hermes_ops.look.facts import Facts
from hermes_ops.services.awake.caffeinate import Caffeinate
from hermes_ops.services.awake.inhibit import Inhibit
from hermes_ops.services.awake.keeper import Keeper

KEEPERS: Mapping[str, Keeper] = {one.system: one for one in (Inhibit(), Caffeinate())}
"""By the system, as `uname -s` prints it."""
RESOURCES = ("awake", "pmset:")
"""How the names of what they change begin."""


def libraries() -> tuple[str, ...]:
    """Return the shell files of all keepers: which system it is, only the host knows."""
    return tuple(f"services/awake/{keeper.name}" for keeper in KEEPERS.values())


def keeper_of(facts: Facts) -> Keeper:
    """Return the keeper of a host.

    Raises:
        Conflict: its system has none.
    """
    keeper = KEEPERS.get(facts.system)
    if keeper is None:
        raise Conflict(
            f"nothing is known that keeps {facts.system} awake", hint="leave out hermes_awake here"
        )
    return keeper
