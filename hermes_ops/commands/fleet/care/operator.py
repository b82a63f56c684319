"""What a doctor finds on the operator's own machine: keys that others can read, and no `ssh`."""

from __future__ import annotations

import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from hermes_ops.audit.finding import Finding, Side, make, register
from hermes_ops.commands.workspace import Workspace
from hermes_ops.inventory.model import Host
from hermes_ops.secrets import age, fingerprint

HERE = "this machine"

register(
    "open-key",
    {
        "severity": "error",
        "says": "the key {name} can be read by other accounts of {who}",
        "ignored": {
            "ssh": "ssh refuses to use it, and whoever copies it may log in to the hosts",
            "own": "whoever copies it can open the secrets of the inventory, or compare them",
        },
        "mend": "chmod 600 {path}",
    },
)
register(
    "no-key",
    {
        "severity": "error",
        "says": "the key {name} of {what} is not on {who}",
        "ignored": "the host is reached only if the agent, or ssh's own settings, have another",
        "mend": "put it there, or change ansible_ssh_private_key_file",
    },
)
register(
    "open-secrets",
    {
        "severity": "error",
        "says": "the file of secrets {name} can be read by other accounts of {who}",
        "ignored": "whoever reads it has the credentials of the fleet",
        "mend": "chmod 600 {path}",
    },
)
register(
    "no-ssh",
    {
        "severity": "warning",
        "says": "{who} has no ssh program",
        "ignored": "~/.ssh/config is not read: its users, ports, jump hosts and keys",
        "mend": "install OpenSSH's client",
    },
)


def findings(workspace: Workspace) -> Iterator[Finding]:
    """Yield what is wrong here, of all that the selected hosts need."""
    here = (Side(HERE, None),)
    hosts = [h for h in workspace.selected.hosts if h.enabled and h.connection.kind == "ssh"]
    if hosts and shutil.which("ssh") is None:
        yield make("no-ssh", "", here)
    for file, names in _key_files(hosts).items():
        if not file.exists():
            yield make("no-key", str(file), here, ", ".join(names))
        elif _is_open(file):
            yield make("open-key", str(file), here, case="ssh", path=shlex.quote(str(file)))
    for file in (age.default_key_file(), fingerprint.key_file()):
        if _is_open(file):
            yield make("open-key", str(file), here, case="own", path=shlex.quote(str(file)))
    for file in (folder / ".env" for folder in workspace.folders):
        if _is_open(file):
            yield make("open-secrets", str(file), here, path=shlex.quote(str(file)))


def _key_files(hosts: list[Host]) -> dict[Path, list[str]]:
    found: dict[Path, list[str]] = {}
    for host in hosts:
        if host.connection.key_file is not None:
            found.setdefault(host.connection.key_file.expanduser(), []).append(host.name)
    return found


def _is_open(file: Path) -> bool:
    try:
        return bool(stat.S_IMODE(file.stat().st_mode) & 0o077)
    except OSError:
        return False
