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


def become(host: Host, command: str = "/bin/sh", *, before: str = "", is_asked: bool = True) -> str:
    """Return the line for the login shell, of any kind, that becomes `command` of the right user.

    `before` is a line of shell that the login user runs first. `is_asked`: its input begins with
    `opening`, as sudo may want a password; it has no terminal.
    """
    line = _of_user(host, command, is_asked=is_asked)
    if not _is_another(host):
        return f"exec {line}"
    first = _FIRST if is_asked and opening(host) else "secret="
    return "exec /bin/sh -c " + shlex.quote(f"{first}\n{before or ':'}\n{line}")


_FIRST = "IFS= read -r secret"


def opening(host: Host) -> bytes:
    """Return with what the input of `become` begins: the password where sudo may want it."""
    password = host.connection.become_password
    if not (password and _is_another(host)):
        return b""
    return f"{password.reveal()}\n".encode("utf-8", "surrogateescape")


def _is_another(host: Host) -> bool:
    user = host.hermes.user
    login = host.connection.user or (getpass.getuser() if host.connection.kind == "local" else None)
    return bool(user) and user != login


def _of_user(host: Host, command: str, *, is_asked: bool = True) -> str:
    """Return the line of POSIX shell that runs a command as the right user.

    If that is another user, the password of sudo is in `secret`, empty if there is none.
    """
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
        + (_asked(name, command) if is_asked and opening(host) else "")
        + f"else exec sudo -n -H -u {name} -- {command}; fi"
    )


def _asked(name: str, command: str) -> str:
    """Return the branch for a sudo that wants the password: it comes before all other input."""
    return (
        'elif [ -n "$secret" ] && '
        f"! sudo -k -n -u {name} -- /bin/sh -c : </dev/null 2>/dev/null; then "
        f"{{ printf '%s\\n' \"$secret\"; unset secret; exec cat; }} | "
        f"sudo -k -S -p : -H -u {name} -- {command}; exit; "
    )


# --- with root beside it ------------------------------------------------------------------------

_MAY_ROOT = """\
may=no as=
if [ "$(id -u)" = 0 ]; then may=yes
elif sudo -k -n true </dev/null >/dev/null 2>&1; then may=yes as='sudo -n'
elif [ -n "$secret" ] && printf '%s\\n' "$secret" | sudo -S -p : true >/dev/null 2>&1; then
  may=yes as='sudo -k -S -p :'
fi
"""
"""Sets `may` to whether the login user may become root, and `as` to the words that do it."""

_ROOT = 'IFS= read -r part; eval "$(printf %s "$part" | base64 -d)"'
"""What root runs: its part of the script, a line; then its input lasts as long as the script."""

_BESIDE = """\
IFS= read -r part
exec 5<&0 6>&1
{{
  trap '' PIPE
  case $as in *-S*) printf '%s\\n' "$secret" ;; esac
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
    first = f"{_FIRST}\n{script.before or ':'}"
    return "exec /bin/sh -c " + shlex.quote(f"{first}\n{_MAY_ROOT}{line}")


def line_for(host: Host, script: Script) -> str:
    """Return the line for the login shell that runs a script."""
    if script.root is None:
        return become(host, before=script.before)
    return beside_root(host, script)


def sent(host: Host, script: Script) -> bytes:
    """Return what goes to that line's input: with root, first the password and what root does."""
    text = script.text.encode("utf-8", "surrogateescape")
    if script.root is None:
        return opening(host) + text
    password = host.connection.become_password
    first = f"{password.reveal() if password else ''}\n".encode("utf-8", "surrogateescape")
    part = b64encode(script.root.encode("utf-8", "surrogateescape")) + b"\n" if script.root else b""
    return first + part + text


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
