"""The account that runs the gateways of a host (`hermes_user`), made where it is absent."""

from __future__ import annotations

import shlex
from dataclasses import replace

from hermes_ops.errors import NoSuchUser
from hermes_ops.plan import Change, DesiredState, Plan
from hermes_ops.plan.model import RunCommand
from hermes_ops.wire import Script, as_root

STEP = "profile.create"
_DEADLINE = 60


def creation_of(desired: DesiredState, missing: NoSuchUser) -> Change:
    """Return the making of the account, if the inventory wants it and this run makes profiles.

    Raises:
        NoSuchUser: it does not.
    """
    settings = desired.host.hermes
    if missing.by_hand or not settings.user_create or STEP not in desired.steps:
        raise missing
    words = ("useradd", "--create-home", "--shell", "/bin/sh", settings.user)
    return Change(
        STEP, None, f"user:{settings.user}", "create", "absent", RunCommand(words, _DEADLINE)
    )


def planned(desired: DesiredState, creation: Change) -> Plan:
    """Return all that a look at a host without the account can tell: the rest is known then."""
    note = f"the home of {desired.host.hermes.user} is not there yet: the rest is planned after it"
    return Plan(desired.host, (creation,), notes=(note,))


def making(script: Script, creation: Change) -> Script:
    """Return a script before which the user who logs in makes the account, with sudo if needed.

    It gets a home of its own and no password: nobody logs in as it but by a key.
    """
    operation = creation.operation
    assert isinstance(operation, RunCommand)  # noqa: S101 - creation_of made it
    command, name = shlex.join(operation.words), shlex.quote(operation.words[-1])
    command = (
        f"if command -v useradd >/dev/null; then {command}; else adduser -D -s /bin/sh {name}; fi"
    )
    # The folder of useradd is often not on the PATH of who logs in.
    quoted = shlex.quote(f"PATH=$PATH:/usr/sbin:/sbin; {command}")
    run = f"/bin/sh -c {quoted}"
    root = f'if [ "$(id -u)" = 0 ]; then {run}; else {as_root(run)}; fi'
    return replace(script, before=f"{root} >&2")
