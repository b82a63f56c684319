"""Hosts: reached, described, trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts
from hermes_ops.tasks.looking import Look, look_all, shown
from hermes_ops.tasks.options import Options
from hermes_ops.tasks.output import Output, Result, items
from hermes_ops.tasks.step import verb
from hermes_ops.tasks.workspace import open_workspace, refuse_unreachable


@verb(example="./inv hosts.ping -l minis")
def ping(options: Options, output: Output) -> Result:
    """Connect to each host and run a script there; says how long that took."""
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


@verb(example="./inv hosts.facts -l mini-1 --json")
def facts(options: Options, output: Output) -> Result:
    """Tell what each host is: system, user, service manager, Hermes, Pythons."""
    looks = look_all(options, output)
    rows = [_facts(look) for look in looks]
    columns = ["host", "system", "user", "manager", "linger", "hermes", "pythons"]
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
        "manager": automatic(facts) if host.manager == "auto" else host.manager,
        "linger": facts.linger if facts.systemd else None,
        "hermes": facts.hermes.version if facts.hermes else None,
        "hermes_python": facts.hermes.python if facts.hermes else None,
        "pythons": [version for version, _ in facts.pythons],
        "uptime_s": facts.uptime,
    }


@verb(example="./inv hosts.trust -l mini-4")
def trust(options: Options, output: Output) -> Result:
    """Show the key of each host, ask, and accept it into the inventory's known_hosts."""
    from hermes_ops.tasks.trusting import trust_hosts

    workspace = open_workspace(options, output)
    refuse_unreachable(workspace.selected)
    rows, codes = trust_hosts(workspace, options, output)
    result = shown(output, ["host", "fingerprint", "trusted"], rows, codes)
    return items(rows, exit=result.exit)
