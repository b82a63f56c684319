"""`linger.status`: whether the user's services run without a session."""

from __future__ import annotations

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.look_hosts import look_all, shown
from hermes_ops.errors import HermesError
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts
from hermes_ops.services import choose


def status(options: Options, output: Output) -> Result:
    """Look at each host; exit 2 if linger is wanted, but off."""
    rows, codes = [], []
    for look in look_all(options, output):
        codes.append(look.code)
        facts = look.facts
        rows.append(
            {
                "host": look.host.name,
                "user": facts.user if facts else None,
                "linger": facts.linger if facts and facts.systemd else None,
                "bus": facts.bus if facts and facts.systemd else None,
                "error": look.error,
            }
        )
        if facts and facts.systemd and not facts.linger and _is_wanted(look.host, facts):
            codes.append(2)
    return shown(output, ["host", "user", "linger", "bus"], rows, codes)


def _is_wanted(host: Host, facts: Facts) -> bool:
    """Return whether services end without it: those of the system, and of supervisord, do not."""
    try:
        return host.linger != "off" and choose(host, facts).lingers
    except HermesError:  # which manager it is, `fleet.up` would not know either
        return True
