"""The user's services run without a session."""

from __future__ import annotations

from hermes_ops.tasks import steps
from hermes_ops.tasks.looking import look_all, shown
from hermes_ops.tasks.options import Options
from hermes_ops.tasks.output import Output, Result
from hermes_ops.tasks.step import verb

enable = steps.enable


@verb(example="./inv linger.status -l minis")
def status(options: Options, output: Output) -> Result:
    """Tell of each host whether its user's services outlive the session."""
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
