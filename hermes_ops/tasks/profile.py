"""Profiles: create, configure and list them; show, move, rename and delete one on its host."""

from __future__ import annotations

from hermes_ops.cli.options import COMMON, READ, RESTARTING, Option, Options, only
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks import graph
from hermes_ops.tasks.executor import step_plans
from hermes_ops.tasks.step import verb

create = graph.create
configure = graph.configure

_TARGET = Option("target", "host/profile; the inventory need not name the profile")
_ONE = only(
    "inventory", "role_path", "vault_password_file", "timeout", "json", "ask_become_pass", "yes",
    "verbose",
)  # fmt: skip

_HERE = tuple(option for option in COMMON if option.name != "limit")


@verb(name="list", common=READ, example="./inv profile.list -l minis --json")
def list_(options: Options, output: Output) -> Result:
    """List the profiles in the inventory, and where each is described."""
    from hermes_ops.commands.profile import list as command

    return command.list_(options, output)


@verb(operands=(_TARGET,), common=_ONE, example="./inv profile.show mini-1/coder")
def show(options: Options, output: Output, *, target: str) -> Result:
    """Show what a host has of a profile beside what is wanted; of settings only the names."""
    from hermes_ops.commands.profile import show as command

    return command.show(step_plans(graph.start), options, output, target)


@verb(
    operands=(_TARGET,),
    options=(Option("no_export", "make no archive of it before", False),),
    common=_HERE,
    example="./inv profile.delete mini-1/scout",
)
def delete(options: Options, output: Output, *, target: str, no_export: bool) -> Result:
    """Delete a profile that the inventory does not want: service, data, commands and records."""
    from hermes_ops.commands.profile import delete as command

    return command.delete(options, output, target, no_export=no_export)


@verb(
    operands=(_TARGET,),
    options=(Option("to", "the file to write, or a folder for it (a new file here)"),),
    common=_ONE,
    example="./inv profile.export mini-1/coder --to coder.tar.gz",
)
def export(options: Options, output: Output, *, target: str, to: str | None) -> Result:
    """Write a profile into one file on this machine, mode 0600, without any credential."""
    from hermes_ops.commands.profile import export as command

    return command.export(options, output, target, to)


@verb(
    operands=(Option("file", "an archive of profile.export, or of Hermes' own profile export"),),
    options=(Option("to", "host/profile: the new profile, which the host must not have yet"),),
    common=_HERE,
    name="import",
    example="./inv profile.import coder.tar.gz --to mini-2/coder",
)
def import_(options: Options, output: Output, *, file: str, to: str | None) -> Result:
    """Unpack an archive as a new profile on a host, and name the credentials it still lacks."""
    from hermes_ops.commands.profile import import_ as command

    return command.import_(options, output, file, to)


@verb(
    operands=(
        Option("target", "host/profile, or hosts/profile if a layer names it for several hosts"),
        Option("name", "the new name"),
    ),
    common=tuple(option for option in RESTARTING if option.name != "limit"),
    example="./inv profile.rename mini-1/coder builder",
)
def rename(options: Options, output: Output, *, target: str, name: str) -> Result:
    """Rename a profile on its hosts and in the inventory, and start it with its new name."""
    from hermes_ops.commands.profile import rename as command

    return command.rename(step_plans(graph.start), options, output, target, name)


@verb(
    operands=(_TARGET,),
    options=(
        Option("text", "write this description, on the host and in the inventory"),
        Option(
            "layer",
            "where the inventory gets it: catalogue, group:NAME, host or profile (where it is set"
            " now, else catalogue)",
        ),
    ),
    common=_HERE,
    example="./inv profile.describe mini-1/coder --text 'writes and reviews code'",
)
def describe(
    options: Options, output: Output, *, target: str, text: str | None, layer: str | None
) -> Result:
    """Show what a profile is for, as Hermes and the inventory have it; --text writes it to both."""
    from hermes_ops.commands.profile import describe as command

    return command.describe(options, output, target, text, layer)
