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
NO_USER_ON_MAC = 68
"""The same on macOS, where it is made by hand."""
NO_RIGHT = 77
"""The exit code of a line that sudo refuses: EX_NOPERM."""
NO_SUDO = 69
"""The exit code of a line that needs sudo where there is none: EX_UNAVAILABLE."""


def become(host: Host, command: str = "/bin/sh", *, before: str = "") -> str:
    """Return the line for the login shell, of any kind, that becomes `command` of the right user.

    `before` is a line of shell that the login user runs first. Its input begins with `opening`, as
    sudo may want a password.
    """
    line = _of_user(host, command)
    if not is_another(host):
        return f"exec {line}"
    first = _FIRST if opening(host) else "secret="
    return _alone(f"{first}; {before or ':'}; {line}")


def on_terminal(host: Host, script: str, asks: str, begins: str) -> str:
    """Return the line for the login shell that runs a script of the right user on a terminal.

    It says `asks` when it reads `opening`, if there is one, and `begins` before it runs the script.
    """
    if not is_another(host):
        return f"exec {shell_words(script)}"
    command = shell_words(f"printf %s {begins}; {script}")
    hidden = f"stty -echo; printf %s {asks}; {_FIRST}; stty echo"
    first = hidden if opening(host) else "secret="
    return _alone(f"{first}; {_of_user(host, command, on_terminal=True)}")


_FIRST = "IFS= read -r secret"


def _alone(line: str) -> str:
    """Return the line that gives one of POSIX shell to /bin/sh.

    csh ends a quoted word at a line end, and replaces `!` in it by what was typed before.
    """
    return f"exec /bin/sh -c {shlex.quote(line)}"


def opening(host: Host) -> bytes:
    """Return with what the input of `become` begins: the password where sudo may want it."""
    password = host.connection.become_password
    if not (password and is_another(host)):
        return b""
    return f"{password.reveal()}\n".encode("utf-8", "surrogateescape")


def is_another(host: Host) -> bool:
    """Whether the gateways are those of another user than the one who logs in."""
    user = host.hermes.user
    login = host.connection.user or (getpass.getuser() if host.connection.kind == "local" else None)
    return bool(user) and user != login


def _of_user(host: Host, command: str, *, on_terminal: bool = False) -> str:
    """Return the line of POSIX shell that runs a command as the right user.

    If that is another user, the password of sudo is in `secret`, empty if there is none.
    """
    if not is_another(host):
        return command
    name = shlex.quote(host.hermes.user)
    # root needs no sudo, and a minimal system has none; a Mac has sudo, and no runuser. A name
    # that needs quotes has no home:
    # the shell expands `~` before plain names only, and nothing evaluates the name again.
    return (
        f"id -u {name} >/dev/null 2>&1 || "
        f"{{ case $(uname -s) in Darwin) exit {NO_USER_ON_MAC} ;; esac; exit {NO_USER}; }}; "
        f'if [ "$(id -u)" = 0 ] && command -v runuser >/dev/null; then home=~{name}; '
        f'exec runuser -u {name} -- env HOME="$home" USER={name} LOGNAME={name} {command}; fi; '
        f"command -v sudo >/dev/null || exit {NO_SUDO}; "
        + (_asked(name, command, on_terminal=on_terminal) if opening(host) else "")
        + f"sudo -n -H -u {name} -- {command} && exit; code=$?; "
        f"sudo -n -u {name} -- {_NOTHING} || exit {NO_RIGHT}; exit $code"
    )


_NOTHING = "/bin/sh -c : </dev/null >/dev/null 2>&1"


def _asked(name: str, command: str, *, on_terminal: bool) -> str:
    """Return the branch for a sudo that wants the password: it comes before all other input.

    One that is wrong is tried once: sudo would take what follows it for two more, and PAM may lock
    the account.
    """
    given = "printf '%s\\n' \"$secret\""
    tried = f"{given} | sudo -k -S -p : -u {name} -- /bin/sh -c : >/dev/null || exit {NO_RIGHT}"
    if on_terminal:
        command = f"/bin/sh -c {shlex.quote(f'exec {command} </dev/tty')}"
    else:
        given = f"{{ {given}; unset secret; exec cat; }}"
    return (
        f'if [ -z "$secret" ] || sudo -k -n -u {name} -- {_NOTHING}; then :; else '
        f"{tried}; {given} | sudo -k -S -p : -H -u {name} -- {command}; exit; fi; "
    )


# --- with root beside it ------------------------------------------------------------------------

_MAY_ROOT = (
    'may=no as=; if [ "$(id -u)" = 0 ]; then may=yes; '
    "elif sudo -k -n true </dev/null >/dev/null 2>&1; then may=yes as='sudo -n'; "
    'elif [ -n "$secret" ] && printf \'%s\\n\' "$secret" | sudo -S -p : true >/dev/null 2>&1; '
    "then may=yes as='sudo -k -S -p :'; fi"
)
"""Sets `may` to whether the login user may become root, and `as` to the words that do it."""

_ROOT = 'IFS= read -r part; eval "$(printf %s "$part" | base64 -d)"'
"""What root runs: its part of the script, a line; then its input lasts as long as the script."""

_BESIDE = (
    "IFS= read -r part; exec 5<&0 6>&1; {{ trap '' PIPE; "
    "case $as in *-S*) printf '%s\\n' \"$secret\" ;; esac; printf '%s\\n' \"$part\"; "
    "({user}) <&5 >&6 5<&- 6>&-; "
    # Not the last word: a shell that became the script would end root's input now.
    ":; }} | $as /bin/sh -c {root} >/dev/null 2>&1 5<&- 6>&-"
)


def beside_root(host: Host, script: Script) -> str:
    """Return the line for the login shell that runs a script and, if it has one, root's part.

    Both come on the input, with sudo's password: see `sent`.
    """
    user = _of_user(host, '/bin/sh -s "$may"')
    line = _BESIDE.format(user=user, root=shlex.quote(_ROOT)) if script.root else user
    return _alone(f"{_FIRST}; {script.before or ':'}; {_MAY_ROOT}; {line}")


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
