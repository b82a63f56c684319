"""A shell that ended before it read our script: nothing of it has run."""

from __future__ import annotations

import shlex

from hermes_ops.errors import NoSuchUser, Unreachable
from hermes_ops.inventory.model import Host
from hermes_ops.transport.become import NO_USER
from hermes_ops.wire import Reader, last_words

KEPT = 1024
"""How many bytes of what was said on standard error are kept."""


def refuse_unheard(host: Host, reader: Reader, code: int, errors: bytes = b"") -> None:
    """Raise if the shell ended with this code, and not one line of the script's was heard.

    A code below 0 means that the connection ended, not the shell.

    Raises:
        NoSuchUser: `hermes_user` is not there.
        Unreachable: with what the shell said last.
    """
    if reader.heard or code < 0:
        return
    if code == NO_USER and (user := _other_user(host)):
        name = shlex.quote(user)
        hint = f"hermes_user_create: true in the inventory, or on the host: sudo useradd -m {name}"
        hint += f"; on a Mac only by hand: sudo sysadminctl -addUser {name}"
        raise NoSuchUser(f"there is no user {user} (hermes_user)", hint=hint)
    last = (errors.decode("utf-8", "replace").strip().splitlines() or [reader.said])[-1]
    raise Unreachable(
        f"{_whose(host)} ended before anything ran (exit {code})"
        + (f"; it said: {last_words(last)}" if last else ""),
        kind="login_shell",
        hint=_hint(host),
    )


def _other_user(host: Host) -> str:
    user = host.hermes.user
    return user if user and user != host.connection.user else ""


def _whose(host: Host) -> str:
    if user := _other_user(host):
        return f"the shell for {user} (hermes_user)"
    return f"the login shell of {host.connection.user or 'this user'}"


def _hint(host: Host) -> str:
    if user := _other_user(host):
        return f"may the user who logs in do this there? sudo -n -u {user} true"
    return "is there an `exit` in its startup files (.bashrc), or nologin in /etc/passwd?"
