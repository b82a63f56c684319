"""Runbooks: procedures in Markdown, step by step."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_ops.cli.options import Option, Options, only
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb

_LOADS = ("inventory", "role_path", "vault_password_file", "json")


@verb(name="list", common=only("inventory", "json"), example="./inv runbook.list")
def list_(options: Options, output: Output) -> Result:
    """List the runbooks: your own in runbooks/ beside the inventory, and those that come along."""
    from hermes_ops.commands.runbook import verbs as command

    return command.list_(options, output)


@verb(
    operands=(Option("file", "the name of a runbook, or a file in Markdown"),),
    options=(Option("set", "NAME=VALUE: what the runbook asks for, repeatable", ()),),
    common=only(*_LOADS, "check", "why", "yes"),
    example="./inv runbook.run lost-host --set HOST=mini-01",
)
def run(options: Options, output: Output, *, file: str, set: Sequence[str]) -> Result:
    """Walk through a runbook: show each step, ask, and run its commands; the journal has it all."""
    from hermes_ops.commands.runbook import verbs as command
    from hermes_ops.tasks.command_line import CommandLine

    understand = CommandLine(options.inventory)
    return command.run(options, output, file, given=set, understand=understand)
