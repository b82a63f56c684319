"""Secrets: compared, rotated."""

from __future__ import annotations

from hermes_ops.tasks.options import Option, Options
from hermes_ops.tasks.output import Output, Result
from hermes_ops.tasks.step import verb


@verb(
    options=(Option("live", "ask the hosts too what their files really hold", False),),
    example="./inv secrets.lint -l minis --live",
)
def lint(options: Options, output: Output, *, live: bool) -> Result:
    """Find credentials, ports and identities used twice, weak keys, and files in the open."""
    from hermes_ops.tasks import linting

    return linting.run(options, output, live=live)
