"""The commands that the login shell runs: as the login user, or as `hermes_user`."""

from __future__ import annotations

import getpass
import shlex
from pathlib import PurePosixPath

from hermes_ops.inventory.model import Host


def become(host: Host, command: str = "/bin/sh", *, before: str = "") -> str:
    """Return the line for the login shell, of any kind, that becomes `command` of the right user.

    `before` is a line of shell that the login user runs first.
    """
    user = host.hermes.user
    login = host.connection.user or (getpass.getuser() if host.connection.kind == "local" else None)
    if not user or user == login:
        return f"exec {command}"
    name = shlex.quote(user)
    return "exec /bin/sh -c " + shlex.quote(
        f"{before or ':'}\n"
        # root needs no sudo, and a minimal system has none. A name that needs quotes has no home:
        # the shell expands `~` before plain names only, and nothing evaluates the name again.
        f'if [ "$(id -u)" = 0 ]; then home=~{name}; '
        f'exec runuser -u {name} -- env HOME="$home" USER={name} LOGNAME={name} '
        f"{command}; "
        f"else exec sudo -n -H -u {name} -- {command}; fi"
    )


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
