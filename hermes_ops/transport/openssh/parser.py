"""ssh's settings without the program `ssh`: Paramiko's parser for the same files."""

from __future__ import annotations

import getpass
from pathlib import Path

import paramiko

from hermes_ops.errors import Unreachable
from hermes_ops.transport.openssh.settings import DEFAULT_KEYS, SYSTEM_CONFIG, Asked

KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
SYSTEM_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


def lines_of(asked: Asked) -> list[tuple[str, str]]:
    """Return what `ssh -G` would print, as far as it can be known without that program.

    Raises:
        Unreachable: a file says something that only `ssh` understands.
    """
    config = paramiko.SSHConfig()
    for path in (Path.home() / ".ssh/config", SYSTEM_CONFIG):
        _read(config, path)
    found = config.lookup(asked.host)
    given = {"user": asked.user, "port": asked.port and str(asked.port)}
    if asked.jumps is not None:
        given["proxyjump"] = "none"
        found.pop("proxycommand", None)
    if asked.identities_only:
        given["identitiesonly"] = "yes"
    told = {"hostname": asked.host, "port": "22", "user": getpass.getuser(),
            "userknownhostsfile": " ".join(KNOWN_HOSTS),
            "globalknownhostsfile": " ".join(SYSTEM_KNOWN_HOSTS), **found}  # fmt: skip
    told |= {name: value for name, value in given.items() if value}
    if told.get("proxyjump", "none").lower() != "none":
        told.pop("proxycommand", None)
    keys = found.get("identityfile", list(DEFAULT_KEYS))
    single = [(name, value) for name, value in told.items() if isinstance(value, str)]
    return [*single, *(("identityfile", key) for key in keys)]


def _read(config: paramiko.SSHConfig, path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    included = [number for number, line in enumerate(text.splitlines(), 1)
                if line.lower().split()[:1] == ["include"]]  # fmt: skip
    if included and path != SYSTEM_CONFIG:
        raise _too_much(f"{path}:{included[0]}: Include")
    try:
        config.parse(text.splitlines())
    except (paramiko.SSHException, ValueError, IndexError) as error:
        raise _too_much(f"{path}: {error}") from error


def _too_much(what: str) -> Unreachable:
    return Unreachable(
        f"{what} can only be followed with the program ssh, which is not on the PATH",
        kind="refused",
        hint="install openssh-client",
    )
