"""How a host is reached, or why its variables do not allow a connection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Connection
from hermes_ops.loader.groups import HostNode
from hermes_ops.loader.hosts import connection
from hermes_ops.loader.hosts.connection import connection_of
from hermes_ops.loader.layers.variables import Scope
from hermes_ops.loader.located import Located, Variables, has_expression, refuse_sealed, sealed_in
from hermes_ops.loader.sources.patterns import is_odd

PASSWORDS = frozenset({"ansible_become_password", "ansible_become_pass"})


def reached_by(
    node: HostNode, found: Variables, scope: Scope, known_hosts: Sequence[Path]
) -> tuple[Connection, InventoryError | None]:
    """Return how a host is reached, or why it cannot be.

    Existing inventories have hosts that we do not manage: they are listed all the same.
    """
    try:
        if is_odd(node.name):
            raise InventoryError(f"{node.name!r} cannot be the name of a host", where=node.place)
        names = connection.READ & found.keys()
        read = {name: rendered_in(found[name], scope) for name in names}
        # Where sudo wants its password, it will say so: most hosts and tasks need none.
        sealed = {name for name in PASSWORDS & read.keys() if sealed_in(read[name])}
        for name in names - sealed:
            refuse_sealed(read[name])
        known = {name: value for name, value in {**found, **read}.items() if name not in sealed}
        return connection_of(node.name, known, known_hosts), None
    except InventoryError as error:
        placed = InventoryError(error.message, hint=error.hint, where=error.where or node.place)
        return Connection(address=node.name), placed


def strictly(value: Located, scope: Scope) -> Located:
    """Return a value with its expressions rendered; raise if it cannot be, or is encrypted."""
    value = rendered_in(value, scope)
    refuse_sealed(value)
    return value


def rendered_in(value: Located, scope: Scope) -> Located:
    """Return a value with its expressions rendered; what is encrypted may stay so."""
    if not has_expression(value):
        return value
    from hermes_ops.loader.layers.expressions import rendered

    return rendered(value, scope)
