"""What of a plan only root may do."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_ops.errors import MissingPrivilege
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts
from hermes_ops.plan.model import Change, Control, Operation, Reload, Switch, Write
from hermes_ops.plan.resource import AtPath
from hermes_ops.services import MANAGERS, choose
from hermes_ops.services.awake.keeper import AwakeOrder
from hermes_ops.services.manager import ServiceManager


def needs_root(operation: Operation) -> bool:
    """Whether only root may do this: at a path outside the home, or to a service of the system."""
    if isinstance(operation, AtPath):
        return operation.path.is_absolute()
    if isinstance(operation, AwakeOrder):
        return bool(operation.root)
    return root_manager(operation) is not None


def root_manager(operation: Operation) -> ServiceManager | None:
    """Return the manager of the system that an operation orders, None if it is no such order."""
    words = operation.words if isinstance(operation, Control | Reload | Switch) else ()
    proof = operation.proof if isinstance(operation, Write) else ()
    name = next(iter((*words, *proof)), "")
    of_system = (one for one in MANAGERS.values() if one.by_root)
    return next((one for one in of_system if name.startswith(f"{one.shell_name}_")), None)


def allowed(changes: Sequence[Change], facts: Facts, host: Host) -> Sequence[Change]:
    """Return the changes; of those that need root none is possible where nobody can become root.

    Raises:
        MissingPrivilege: with what allows it.
    """
    # What keeps the machine awake was refused by itself already: no profile depends on it.
    needing = (change for change in changes if needs_root(change.operation))
    first = next((c for c in needing if not isinstance(c.operation, AwakeOrder)), None)
    if first is None or facts.may_root is not False:
        return changes
    login = host.connection.user or "the user who logs in"
    words = f"only root can change {first.resource}, and {login} cannot become root with sudo"
    raise MissingPrivilege(f"{words}; nothing was changed", hint=_way_out(host, facts))


def _way_out(host: Host, facts: Facts) -> str:
    """Return what lets the plan be carried out; of a password only where sudo was given none."""
    asked = host.connection.become_password and "sudo" in facts.tools
    first = "is the password of sudo right?" if asked else facts.way_to_root
    here = [one for one in MANAGERS.values() if facts.system in one.systems]
    if choose(host, facts).by_root:
        without = next(one for one in here if not one.by_root)
        return f"{first}; or hermes_service_manager: {without.name}"
    stays = next((one for one in here if one.by_root), None)
    return f"{first}; or keep hermes_service_manager: {stays.name}" if stays else first
