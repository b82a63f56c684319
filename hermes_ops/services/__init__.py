"""Service managers: how each names, defines and controls a service; `choose` picks one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from hermes_ops.errors import Conflict, InventoryError, Unknown
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts
from hermes_ops.services.launchd import Launchd
from hermes_ops.services.launchd_system import LaunchdSystem
from hermes_ops.services.manager import ServiceManager
from hermes_ops.services.supervisord import Supervisord
from hermes_ops.services.systemd import Systemd
from hermes_ops.services.systemd_system import SystemdSystem

MANAGERS: Mapping[str, ServiceManager] = {
    "systemd": Systemd(),
    "systemd-system": SystemdSystem(),
    "launchd": Launchd(),
    "launchd-system": LaunchdSystem(),
    "supervisord": Supervisord(),
}
"""In the order in which `auto` tries them."""


def known() -> Mapping[str, frozenset[str]]:
    """Return each manager that an inventory may name, and the systems (`uname -s`) that have it."""
    return {name: manager.systems for name, manager in MANAGERS.items()}


def libraries() -> tuple[str, ...]:
    """Return the shell files of all managers: a host may still have services of another one."""
    return tuple(f"services/{name}" for name in MANAGERS)


def order_libraries() -> tuple[str, ...]:
    """Return the further shell files of managers, for scripts that change a host."""
    return tuple(manager.orders for manager in MANAGERS.values() if manager.orders)


def paths() -> Mapping[str, PurePosixPath]:
    """Return the paths that these shell files use, by the variable that holds each."""
    return {k: path for manager in MANAGERS.values() for k, path in manager.shell_paths.items()}


def choose(host: Host, facts: Facts) -> ServiceManager:
    """Return the manager that runs this host's services.

    Raises:
        InventoryError: the manager in the inventory belongs to another system.
        Conflict: it cannot run services here.
        Unknown: it is there, and did not answer: nothing can be said of its services.
    """
    manager = _chosen(host, facts)
    if manager.name in facts.mute:
        asked = facts.mute[manager.name]
        words = f"{manager.name} of {facts.user} does not answer{asked and f': {asked}'}"
        raise Unknown(words, kind="timeout", hint=manager.revival(facts))
    return manager


def _chosen(host: Host, facts: Facts) -> ServiceManager:
    if host.manager == "auto":
        return automatic(facts)
    manager = MANAGERS[host.manager]
    if facts.system not in manager.systems:
        raise InventoryError(
            f"there is no {host.manager} on {facts.system}: {host.name} cannot have it",
            hint="set hermes_service_manager to auto",
        )
    if reason := manager.why_not(facts):
        raise Conflict(
            f"{host.manager} cannot run services here: {reason}",
            hint="set hermes_service_manager to auto",
        )
    return manager


def automatic(facts: Facts) -> ServiceManager:
    """Return the manager for `auto`: the first one that can run services here.

    Raises:
        Conflict: there is none.
    """
    for manager in MANAGERS.values():
        if manager.is_automatic(facts):
            return manager
    raise Conflict("no service manager works on this host", hint="set hermes_service_manager")


def passed_over(manager: ServiceManager, facts: Facts) -> str:
    """Return why `auto` did not take the first manager of this system, empty if it did."""
    first = next(one for one in MANAGERS.values() if facts.system in one.systems)
    return "" if manager is first else first.why_not(facts)
