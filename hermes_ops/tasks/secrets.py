"""Secrets: compared, rotated."""

from __future__ import annotations

from hermes_ops.tasks.options import Option, Options, whole
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


@verb(
    operands=(Option("name", "the variable in .env whose value is new at its source"),),
    options=(Option("drain", "how long running turns may take to end, in seconds (30)"),),
    example="./inv secrets.rotate OPENAI_API_KEY -l minis --check",
)
def rotate(options: Options, output: Output, *, name: str, drain: str | None) -> Result:
    """Deliver a new value to those who use it, restart only them, prove the old one gone."""
    from hermes_ops.tasks import rotating

    seconds = 30 if drain is None else whole("drain", drain, least=0)
    return rotating.run(options, output, name=name, drain=seconds)
