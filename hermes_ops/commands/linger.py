"""`linger.status`: whether the user's services run without a session."""

from __future__ import annotations

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands.look_hosts import look_all, shown


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
        if facts and facts.systemd and not facts.linger and look.host.linger != "off":
            codes.append(2)
    return shown(output, ["host", "user", "linger", "bus"], rows, codes)
