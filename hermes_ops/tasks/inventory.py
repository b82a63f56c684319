"""The inventory: list, show, explain and check it."""

from __future__ import annotations

from hermes_ops.cli.options import ANSWER, READ, Option, Options, only
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.executor import required, step_key, step_plans
from hermes_ops.tasks.step import verb

_READING = only("inventory", "json", "verbose", "vault_password_file")

_OF = ("hosts", "profile", "variables")


@verb(name="list", common=READ, example="./inv inventory.list -i inventory --json")
def list_(options: Options, output: Output) -> Result:
    """List groups and hosts; with --json, as `ansible-inventory --list` does."""
    from hermes_ops.commands.inventory import list as command

    return command.list_(options, output)


@verb(common=READ, example="./inv inventory.show -l mini-1")
def show(options: Options, output: Output) -> Result:
    """Show each selected host and profile with all layers merged, without secrets."""
    from hermes_ops.commands.inventory import show as command

    return command.show(options, output)


@verb(
    operands=(Option("target", "host/profile, or a host for its variables"),),
    options=(Option("key", "a setting, or the head of several, such as config.model"),),
    common=_READING,
    example="./inv inventory.explain mini-1/coder --key config.model.default",
)
def explain(options: Options, output: Output, *, target: str, key: str | None) -> Result:
    """Show which file and line set each value, and with --key which values lost."""
    from hermes_ops.commands.inventory import explain as command

    return command.explain(options, output, target, key)


@verb(common=_READING, example="./inv inventory.lint -i inventory")
def lint(options: Options, output: Output) -> Result:
    """Find what is never used, never wins, or looks like a typo; exit 2 if there is any."""
    from hermes_ops.commands.inventory import lint as command

    return command.lint(options, output)


@verb(
    options=(Option("of", "hosts, profile or variables (profile)", "profile", choices=_OF),),
    common=only("json", "verbose", "vault_password_file"),
    example="./inv inventory.schema --of hosts > hosts.schema.json",
)
def schema(_options: Options, output: Output, *, of: str) -> Result:
    """Print the JSON Schema of hosts.yml, profiles/*.yml or variable files, for editors."""
    from hermes_ops.commands.inventory import explain as command

    return command.schema(output, of)


@verb(
    options=(Option("format", "tree or mermaid (tree)", "tree", choices=("tree", "mermaid")),),
    common=ANSWER,
    example="./inv inventory.graph --format mermaid",
)
def graph(_options: Options, output: Output, *, format: str) -> Result:
    """Draw the graph of the steps."""
    from hermes_ops.commands.inventory import graph as command

    return command.graph(output, edges(), format)


def edges() -> dict[str, tuple[str, ...]]:
    """Return the steps that each step of `fleet.up` requires."""
    from hermes_ops.tasks import fleet

    edges = {plan.name: plan.requires for plan in step_plans(fleet.up)}
    return {**edges, "fleet.up": tuple(step_key(task) for task in required(fleet.up))}
