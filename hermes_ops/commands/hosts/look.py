"""`hosts.ping` and `hosts.facts`: show what a look finds on each host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.look_hosts import Look, look_all, shown
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts


def ping(options: Options, output: Output) -> Result:
    """Show for each host whether it was reached, and how long the exchange took."""
    looks = look_all(options, output)
    rows = [
        {
            "host": look.host.name,
            "reachable": look.facts is not None,
            "seconds": round(look.seconds, 3),
            "error": look.error,
        }
        for look in looks
    ]
    return shown(output, ["host", "reachable", "seconds"], rows, [look.code for look in looks])


def facts(options: Options, output: Output) -> Result:
    """Show what each host is: system, user, service manager, Hermes, Pythons."""
    looks = look_all(options, output)
    rows = [_facts(look) for look in looks]
    columns = ["host", "system", "user", "manager", "linger", "hermes", "pythons", "traits"]
    return shown(output, columns, rows, [look.code for look in looks])


def _facts(look: Look) -> Mapping[str, Any]:
    if look.facts is None:
        return {"host": look.host.name, "error": look.error}
    return {"host": look.host.name, **_described(look.host, look.facts), "error": None}


def _described(host: Host, facts: Facts) -> dict[str, Any]:
    from hermes_ops.services import automatic

    return {
        "system": f"{facts.system} {facts.machine}",
        "user": facts.user,
        "uid": facts.uid,
        "home": facts.home,
        "manager": automatic(facts).name if host.manager == "auto" else host.manager,
        "linger": facts.linger if facts.systemd else None,
        "hermes": facts.hermes.version if facts.hermes else None,
        "hermes_python": facts.hermes.python if facts.hermes else None,
        "pythons": [version for version, _ in facts.pythons],
        "traits": [*facts.traits, *(["noexec home"] if facts.noexec else [])],
        "uptime_s": facts.uptime,
    }
