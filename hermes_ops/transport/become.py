"""The commands that the login shell runs: as the login user, or as `hermes_user`."""

from __future__ import annotations

import getpass
import shlex
from base64 import b64encode
from pathlib import PurePosixPath

from hermes_ops.inventory.model import Host
from hermes_ops.wire import Script

NO_USER = 67
"""The exit code of a line for a user that does not exist: EX_NOUSER of sysexits(3)."""


def become(host: Host, command: str = "/bin/sh", *, before: str = "") -> str:
    """Return the line for the login shell, of any kind, that becomes `command` of the right user.

    `before` is a line of shell that the login user runs first.
    """
    line = _of_user(host, command)
    if not _is_another(host):
        return f"exec {line}"
    return "exec /bin/sh -c " + shlex.quote(f"{before or ':'}\n{line}")


def _is_another(host: Host) -> bool:
    user = host.hermes.user
    login = host.connection.user or (getpass.getuser() if host.connection.kind == "local" else None)
    return bool(user) and user != login


def _of_user(host: Host, command: str) -> str:
    """Return the line of POSIX shell that runs a command as the right user."""
    if not _is_another(host):
        return command
    name = shlex.quote(host.hermes.user)
    # root needs no sudo, and a minimal system has none. A name that needs quotes has no home:
    # the shell expands `~` before plain names only, and nothing evaluates the name again.
    return (
        f"id -u {name} >/dev/null 2>&1 || exit {NO_USER}; "
        f'if [ "$(id -u)" = 0 ]; then home=~{name}; '
        f'exec runuser -u {name} -- env HOME="$home" USER={name} LOGNAME={name} '
        f"{command}; "
        f"else exec sudo -n -H -u {name} -- {command}; fi"
    )


# --- with root beside it ------------------------------------------------------------------------

_MAY_ROOT = """\
IFS= read -r secret
may=no as=
if [ "$(id -u)" = 0 ]; then may=yes
elif sudo -n true </dev/null >/dev/null 2>&1; then may=yes as='sudo -n'
elif [ -n "$secret" ] && printf '%s\\n' "$secret" | sudo -S -p : true >/dev/null 2>&1; then
  may=yes as='sudo -k -S -p :'
fi
case $as in *-S*) ;; *) secret= ;; esac"""
"""Sets `may` to whether the login user may become root, and `as` to the words that do it."""

_ROOT = 'IFS= read -r part; eval "$(printf %s "$part" | base64 -d)"'
"""What root runs: its part of the script, a line; then its input lasts as long as the script."""

_BESIDE = """\
IFS= read -r part
exec 5<&0 6>&1
{{
  trap '' PIPE
  [ -z "$secret" ] || printf '%s\\n' "$secret"
  printf '%s\\n' "$part"
  ({user}) <&5 >&6 5<&- 6>&-
  : # not the last word: a shell that became the script would end root's input now
}} | $as /bin/sh -c {root} >/dev/null 2>&1 5<&- 6>&-"""


def beside_root(host: Host, script: Script) -> str:
    """Return the line for the login shell that runs a script and, if it has one, root's part.

    Both come on the input, with sudo's password: see `sent`.
    """
    user = _of_user(host, '/bin/sh -s "$may"')
    line = _BESIDE.format(user=user, root=shlex.quote(_ROOT)) if script.root else user
    return "exec /bin/sh -c " + shlex.quote(f"{script.before or ':'}\n{_MAY_ROOT}\n{line}")


def line_for(host: Host, script: Script) -> str:
    """Return the line for the login shell that runs a script."""
    if script.root is None:
        return become(host, before=script.before)
    return beside_root(host, script)


def sent(host: Host, script: Script) -> bytes:
    """Return what goes to that line's input: with root, first the password and what root does."""
    lines = []
    if script.root is not None:
        password = host.connection.become_password
        lines.append(password.reveal() if password else "")
    if script.root:
        lines.append(b64encode(script.root.encode("utf-8", "surrogateescape")).decode())
    text = "".join(f"{line}\n" for line in lines) + script.text
    return text.encode("utf-8", "surrogateescape")


def shell_words(script: str) -> str:
    """Return the words that run a script from the home, for `become`."""
    return f"/bin/sh -c {shlex.quote(f'cd; {script}')}"


def receiving(target: PurePosixPath, size: int, mark: str = "") -> str:
    """Return the command that writes its input to a file, unless a file of that size exists.

    It says `send` or `have` behind the mark, which tells its words from those of a login shell.
    """
    path, part = shlex.quote(str(target)), shlex.quote(f"{target}.part")
    return "/bin/sh -c " + shlex.quote(
        f'cd && [ "$(wc -c <{path} 2>/dev/null)" -eq {size} ] 2>/dev/null && echo {mark}have && '
        f"exit 0; mkdir -p {shlex.quote(str(target.parent))} && echo {mark}send && "
        f'cat >{part} && [ "$(wc -c <{part})" -eq {size} ] && mv -f {part} {path}'
    )
