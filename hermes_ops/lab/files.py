"""The files that each host has of its own before its first boot, and the keys of the lab."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hermes_ops.errors import UsageError
from hermes_ops.lab.commands import run
from hermes_ops.lab.layout import Lab, Member

# Folders of the upper layer hide owner and mode of the layers below: so they are set again.
FOLDERS = (
    ("etc", 0o755, 0),
    ("etc/ssh", 0o755, 0),
    ("root", 0o700, 0),
    ("root/.ssh", 0o700, 0),
)
USERS = {"hermes": 1000, "fresh": 1001}
MAC_USERS = {"hermes": 501, "fresh": 502}
SIMULATOR = Path(__file__).parents[2] / "simulators" / "mac"
"""What makes a host a Mac: it is in the source tree alone, no part of the program."""


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    text: str
    mode: int = 0o644
    owner: int = 0


def login_key(lab: Lab) -> Path:
    """Return the key that opens every host of the lab; create it if it is missing."""
    return _make_key(lab.root / "ssh" / "id_ed25519", "hermes-ops lab")


def host_key(lab: Lab, member: Member) -> Path:
    """Return the host key of a host; create it if it is missing."""
    return _make_key(lab.folder(member) / "host_key", member.name)


def public(key: Path) -> str:
    """Return the public key of a key file, as one line."""
    return key.with_name(key.name + ".pub").read_text().strip()


def prepare(lab: Lab, member: Member) -> None:
    """Write a host's own files into its upper folder, once."""
    upper = lab.folder(member) / "upper"
    if upper.exists():
        return
    scratch = upper.with_name("upper.new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    scratch.chmod(0o755)
    for path, mode, owner in (*FOLDERS, *_homes(member)):
        _give(_made(scratch / path), mode, owner)
    for file in _files(lab, member):
        (scratch / file.path).write_text(file.text)
        _give(scratch / file.path, file.mode, file.owner)
    scratch.rename(upper)


def is_mac(member: Member) -> bool:
    """Whether a host is a simulated Mac."""
    return member.kind.partition("-")[0] == "mac"


def install_simulator(lab: Lab, member: Member) -> None:
    """Copy the simulator of a Mac to a host that does not run, as it is now."""
    if not SIMULATOR.is_dir():
        raise UsageError(
            "simulated Macs need the source tree of hermes-ops",
            hint="clone the repository, and run its ./inv lab.up --mac 1",
        )
    target = lab.folder(member) / "upper" / "opt" / "mac"
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(exist_ok=True)
    shutil.copytree(SIMULATOR, target, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (target.parent, target, *target.rglob("*")):
        _give(path, 0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644, 0)


def _home(member: Member) -> tuple[str, dict[str, int]]:
    """Return the folder of all homes, and the uids of the users."""
    return ("Users", MAC_USERS) if is_mac(member) else ("home", USERS)


def _homes(member: Member) -> Iterator[tuple[str, int, int]]:
    """Yield folder, mode and owner of each folder of the users."""
    folder, users = _home(member)
    yield folder, 0o755, 0
    for name, uid in users.items():
        yield f"{folder}/{name}", 0o755, uid
        yield f"{folder}/{name}/.ssh", 0o700, uid


def _files(lab: Lab, member: Member) -> Iterator[_File]:
    """Yield the files that differ between hosts of the same kind."""
    key = host_key(lab, member)
    open_to = public(login_key(lab)) + "\n"
    machine = hashlib.md5(f"{lab.root} {member.name}".encode(), usedforsecurity=False)
    yield _File("etc/hostname", f"{member.name}\n")
    # Without a line for its own name, every sudo waits for a name server.
    yield _File("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {member.name}\n")
    yield _File("etc/resolv.conf", "# no name server: the lab has no way out\n")
    yield _File("etc/machine-id", f"{machine.hexdigest()}\n", 0o444)
    yield _File("etc/ssh/ssh_host_ed25519_key", key.read_text(), 0o600)
    yield _File("etc/ssh/ssh_host_ed25519_key.pub", public(key) + "\n")
    folder, users = _home(member)
    for name, uid in users.items():
        yield _File(f"{folder}/{name}/.ssh/authorized_keys", open_to, 0o600, uid)
    yield _File("root/.ssh/authorized_keys", open_to, 0o600)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _give(path: Path, mode: int, owner: int) -> None:
    staff = 20 if owner in MAC_USERS.values() else owner
    os.chown(path, owner, staff)
    path.chmod(mode)


def _make_key(file: Path, comment: str) -> Path:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file])
    return file
