"""Secrets: encrypt them in the inventory, show, compare and rotate them."""

from __future__ import annotations

from hermes_ops.cli.options import ASK, RESTARTING, Option, Options, here, only
from hermes_ops.cli.output import Output, Result
from hermes_ops.secrets import sources
from hermes_ops.tasks.step import verb

_OPENING = ("age_key_file", "vault_password_file", "verbose")
_WRITING = here(only("inventory", "check", "json", *_OPENING))
_TARGET = Option("target", "a profile: HOST/PROFILE; for hermes_alerts, a HOST")
_NAME = Option(
    "name", "the name of the variable in .env, or hermes_alerts.urls[0], hermes_alerts.ping"
)


@verb(common=_WRITING, example="./inv secrets.keygen")
def keygen(options: Options, output: Output) -> Result:
    """Make your age key, 0600, and add its public half to the inventory's recipients."""
    from hermes_ops.commands.secrets import keygen as command

    return command.keygen(options, output)


@verb(
    name="set",
    operands=(_TARGET, _NAME),
    options=(
        Option(
            "layer",
            "where: catalogue, group:NAME, host or profile (profile; of hermes_alerts: where it is"
            " set, else group:all)",
        ),
        Option(
            "from",
            f"where the value comes from: {sources.options()}, stdin (asked for, or stdin)",
        ),
    ),
    common=_WRITING,
    example="./inv secrets.set mini-1/coder TELEGRAM_BOT_TOKEN --layer catalogue",
)
def set_(options: Options, output: Output, *, target: str, name: str, **rest: str | None) -> Result:
    """Encrypt a value to all recipients, and write it into the inventory."""
    from hermes_ops.commands.secrets import set as command

    return command.set_(options, output, target, name, rest["layer"], rest["from"])


@verb(
    operands=(_TARGET, _NAME),
    common=_WRITING,
    example="./inv secrets.edit mini-1/coder TELEGRAM_BOT_TOKEN",
)
def edit(options: Options, output: Output, *, target: str, name: str) -> Result:
    """Open an encrypted value in $EDITOR, and encrypt what comes back."""
    from hermes_ops.commands.secrets import set as command

    return command.edit(options, output, target, name)


@verb(
    common=here(only("inventory", "limit", "check", "json", *_OPENING)),
    example="./inv secrets.rekey --check",
)
def rekey(options: Options, output: Output) -> Result:
    """Encrypt every age text again, after the recipients have changed."""
    from hermes_ops.commands.secrets import set as command

    return command.rekey(options, output)


@verb(
    options=(
        Option("target", "only this profile: HOST/PROFILE"),
        Option("key", "only this variable of it"),
        Option(
            "reveal",
            "show the values too; on a terminal only, and noted in the journal by name. With TARGET"
            " KEY also one that the host has made",
            False,
        ),
    ),
    common=only("inventory", "limit", "json", "ask_become_pass", *_OPENING),
    optional=("target", "key"),
    example="./inv secrets.show mini-1/coder API_SERVER_KEY --reveal",
)
def show(
    options: Options, output: Output, *, target: str | None, key: str | None, reveal: bool
) -> Result:
    """Show each secret's name, source, place and fingerprint, and who else has the same value."""
    from hermes_ops.commands.secrets import show as command

    return command.run(options, output, target=target, key=key, reveal=reveal)


@verb(
    options=(Option("live", "ask the hosts, too, for what their files really contain", False),),
    common=ASK,
    example="./inv secrets.lint -l minis --live",
)
def lint(options: Options, output: Output, *, live: bool) -> Result:
    """Find credentials, ports and identities used twice, weak keys, and files in the open."""
    from hermes_ops.commands.secrets import lint as command

    return command.run(options, output, live=live)


@verb(
    operands=(Option("name", "the variable in .env whose source gives a new value"),),
    common=RESTARTING,
    example="./inv secrets.rotate OPENAI_API_KEY -l minis --check",
)
def rotate(options: Options, output: Output, *, name: str) -> Result:
    """Deliver a new value to its users, restart only them, and check that the old one is gone."""
    from hermes_ops.commands.secrets import rotate as command

    return command.run(options, output, name=name)
