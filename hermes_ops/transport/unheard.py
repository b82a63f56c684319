"""A shell that ended before it read our script: nothing of it has run."""

from __future__ import annotations

import shlex

from hermes_ops.errors import MissingPrivilege, NoSuchUser, Unreachable
from hermes_ops.inventory.model import BECOMING, WITHOUT_SUDO, Host
from hermes_ops.transport.become import NO_RIGHT, NO_SUDO, NO_USER, NO_USER_ON_MAC, is_another
from hermes_ops.wire import last_words

KEPT = 1024
"""How many bytes of what was said on standard error are kept."""


def refuse_unheard(host: Host, said: str, code: int, errors: bytes = b"") -> None:
    """Raise for a shell that ended with this code, and of which not one line of ours was heard.

    `said` is the last line of what else it printed. A code below 0 means that the connection ended,
    not the shell.

    Raises:
        NoSuchUser: `hermes_user` is not there.
        MissingPrivilege: sudo does not let the login user become `hermes_user`.
        Unreachable: with what the shell said last.
    """
    if code < 0:
        return
    if code in (NO_USER, NO_USER_ON_MAC) and (user := _other_user(host)):
        raise _absent(host, user, on_mac=code == NO_USER_ON_MAC)
    last = (errors.decode("utf-8", "replace").strip().splitlines() or [said])[-1]
    if code == NO_SUDO and (user := _other_user(host)):
        words = f"there is no sudo with which {_login(host)} could become {user} (hermes_user)"
        raise MissingPrivilege(words, hint=WITHOUT_SUDO)
    if code == NO_RIGHT and (user := _other_user(host)):
        raise _refused(host, user, last)
    raise Unreachable(
        f"{_whose(host)} ended before anything ran (exit {code})"
        + (f"; it said: {last_words(last)}" if last else ""),
        kind="login_shell",
        hint=_hint(host),
    )


def _absent(host: Host, user: str, *, on_mac: bool) -> NoSuchUser:
    """Return the error for a `hermes_user` that does not exist, with how to create it."""
    words, name = f"there is no user {user} (hermes_user)", shlex.quote(user)
    if not on_mac:
        hint = "hermes_user_create: true in the inventory, or on the host: sudo useradd -m "
        return NoSuchUser(words, hint=f"{hint}{name}")
    if host.hermes.user_create:
        words += ", and hermes_user_create makes none on macOS"
    hint = f"in System Settings > Users & Groups, or: sudo sysadminctl -addUser {name} -password -"
    error = NoSuchUser(words, hint=f"make it on the Mac, {hint}")
    error.by_hand = True
    return error


def _refused(host: Host, user: str, last: str) -> MissingPrivilege:
    """Return that sudo does not let the login user become the other one, and what does."""
    asked = host.connection.become_password
    how = "with this password" if asked else "without a password"
    words = f"sudo does not let {_login(host)} become {user} (hermes_user) {how}"
    hint = "it wants the password of the user who logs in" if asked else BECOMING
    tried = f"to try it on the host: sudo -k -u {shlex.quote(user)} true"
    return MissingPrivilege(
        words + (f"; it said: {last_words(last)}" if last else ""), hint=f"{hint}; {tried}"
    )


def _login(host: Host) -> str:
    return host.connection.user or "the user who logs in"


def _other_user(host: Host) -> str:
    return host.hermes.user if is_another(host) else ""


def _whose(host: Host) -> str:
    if user := _other_user(host):
        return f"the shell for {user} (hermes_user)"
    return f"the login shell of {host.connection.user or 'this user'}"


def _hint(host: Host) -> str:
    if user := _other_user(host):
        return f"may the user who logs in do this there? sudo -n -u {user} true"
    return "is there an `exit` in its startup files (.bashrc), or nologin in /etc/passwd?"
