"""Settings: show and compare them, write them into the inventory, push and pull them."""

from __future__ import annotations

from functools import partial

from hermes_ops.cli.options import LOOK, RESTARTING, Option, Options, here, only
from hermes_ops.cli.output import Output, Result
from hermes_ops.tasks.step import verb

_TARGET = Option("target", "host/profile")
_KEY = Option("key", "a setting, or the head of several, such as model or env.API_SERVER_PORT")
_LAYER = Option("layer", "where it is written: catalogue, group:NAME, host or profile")
_ONE = only("inventory", "timeout", "json", "yes", "verbose")
_CHECKED = here((*_ONE, *only("check", "diff")))
_setting = partial(verb, operands=(_TARGET,), options=(_KEY,))
"""A task on one setting, or on all, of one profile."""


@_setting(
    common=(*_ONE, *only("ask_become_pass")), example="./inv config.get mini-1/coder --key model"
)
def get(options: Options, output: Output, *, target: str, key: str | None) -> Result:
    """Show the settings on the host beside the wanted ones; of .env only the names."""
    from hermes_ops.commands.config import get as command

    return command.get(options, output, target, key)


@verb(
    operands=(_TARGET, Option("key", "a setting: model.default"), Option("value", "YAML")),
    options=(_LAYER,),
    common=_CHECKED,
    name="set",
    example="./inv config.set mini-1/coder model.default anthropic/claude-sonnet-4 --layer host",
)
def set_(
    options: Options, output: Output, *, target: str, key: str, value: str, layer: str | None
) -> Result:
    """Write a setting into a layer of the inventory; config.push brings it to the hosts."""
    from hermes_ops.commands.config import set as command

    return command.set_value(options, output, target, key, value, layer)


@verb(
    operands=(_TARGET, Option("key", "a setting: model.default")),
    options=(_LAYER,),
    common=_CHECKED,
    example="./inv config.unset mini-1/coder model.default --layer host",
)
def unset(options: Options, output: Output, *, target: str, key: str, layer: str | None) -> Result:
    """Remove a setting from a layer of the inventory; a weaker layer's value counts then."""
    from hermes_ops.commands.config import unset as command

    return command.unset(options, output, target, key, layer)


@_setting(common=_ONE, example="./inv config.edit mini-1/coder --key model.default")
def edit(options: Options, output: Output, *, target: str, key: str | None) -> Result:
    """Open $EDITOR at the line of the inventory that sets a value, and check the result."""
    from hermes_ops.commands.config import edit as command

    return command.edit(options, output, target, key)


@verb(common=LOOK, example="./inv config.diff -l '*/coder'")
def diff(options: Options, output: Output) -> Result:
    """Show how the settings on the hosts differ from the inventory; changes nothing."""
    from hermes_ops.commands.config import push as command

    return command.diff(options, output)


@verb(common=RESTARTING, example="./inv config.push -l minis --why 'another model'")
def push(options: Options, output: Output) -> Result:
    """Write the settings to the hosts, and restart only the gateways that they affect."""
    from hermes_ops.commands.config import push as command

    return command.push(options, output)


@verb(options=(_LAYER,), common=here(), example="./inv config.pull -l mini-1/coder --layer profile")
def pull(options: Options, output: Output, *, layer: str | None) -> Result:
    """Show what was changed on the hosts, as YAML for the inventory; --layer writes it there."""
    from hermes_ops.commands.config import pull as command

    return command.pull(options, output, layer)
