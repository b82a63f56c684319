"""How service managers name, describe and command a service: text only, chosen in one place."""

from __future__ import annotations

from collections.abc import Mapping

from hermes_ops.errors import Conflict
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceManager
from hermes_ops.services.supervisord import Supervisord
from hermes_ops.services.systemd import Systemd

MANAGERS: Mapping[str, ServiceManager] = {"systemd": Systemd(), "supervisord": Supervisord()}


def choose(host: Host, facts: Facts) -> ServiceManager:
    """Return the manager that runs this host's services; an impossible one is a `Conflict`."""
    wanted = host.manager if host.manager != "auto" else automatic(facts)
    if wanted not in MANAGERS:
        raise Conflict(
            f"the service manager {wanted} is not supported yet",
            hint=f"set hermes_service_manager to one of: auto, {', '.join(MANAGERS)}",
        )
    if wanted == "systemd" and not facts.systemd:
        raise Conflict(
            "systemd does not run on this host",
            hint="set hermes_service_manager to auto or supervisord",
        )
    return MANAGERS[wanted]


def automatic(facts: Facts) -> str:
    """Return the manager for `auto`: systemd, or supervisord where the user has no systemd."""
    return "supervisord" if why_not_systemd(facts) else "systemd"


def why_not_systemd(facts: Facts) -> str:
    """Return the reason why systemd cannot run this user's services, empty if it can.

    systemd reads units from the home in the account database, whatever HOME says.
    """
    if not facts.systemd:
        return f"no systemd runs here ({facts.system})"
    if facts.home.rstrip("/") != facts.account_home.rstrip("/"):
        return f"HOME is {facts.home}, but systemd would read {facts.account_home}"
    return ""
