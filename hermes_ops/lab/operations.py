"""Bring hosts up and down, reboot them, and cut them off, as happens to real hosts."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hermes_ops.errors import CommandError, UsageError
from hermes_ops.lab import files, image, inventory, needs
from hermes_ops.lab.commands import tail
from hermes_ops.lab.container import Container, clear_group
from hermes_ops.lab.layout import Lab, Member
from hermes_ops.lab.network import Bridge, bridge_name, free_subnet

Say = Callable[[str], None]
State = Literal["running", "stopped", "cut"]
OURS = ("hosts", "inventory", "ssh", "lab.json.new", ".gitignore", "lab.json")
MAC_INIT = "/opt/mac/boot.py"
BOOT = 60  # seconds until a host must answer; a single host needs less than one


@dataclass(frozen=True, slots=True)
class LabHost:
    """A host of the lab as it is now; `pid` is its process on this machine."""

    name: str
    kind: str
    address: str
    state: State
    pid: int | None


def up(root: Path, wanted: Mapping[str, int], say: Say) -> list[LabHost]:
    """Bring the lab to at least `wanted` hosts of each kind, and wait until all answer SSH.

    Running hosts are kept, cut ones are healed, none is removed. Raises UsageError if
    this machine cannot run a lab, CommandError if a host does not come up.
    """
    _check(wanted)
    with _open(root) as before:
        lab = before.grown(wanted)
        lab.save()
        stacks = {kind: image.layers(kind, say) for kind in {m.kind for m in lab.members}}
        needs.raise_inotify()
        lab.bridge.up()
        files.login_key(lab)
        _each(lab, lambda member: _bring_up(lab, member, stacks[member.kind]))
        inventory.write(lab)
        _each(lab, lambda member: _wait_until_ready(lab, member))
    return hosts(root)


def down(root: Path, say: Say) -> int:
    """End and remove all hosts and files of the lab; return how many hosts it had."""
    if Lab.load(root) is None:
        _sweep(root)
        return 0
    with _open(root) as lab:
        _each(lab, lambda member: _container(lab, member).stop(hard=True))
        _sweep(lab.root)
        # lab.json is removed last: as long as it exists, an interrupted `down` can be repeated.
        for name in OURS:
            _remove(lab.root / name)
    with suppress(OSError):  # a folder with other files is kept
        lab.root.rmdir()
    say(f"removed {len(lab.members)} host{'' if len(lab.members) == 1 else 's'}")
    return len(lab.members)


def hosts(root: Path) -> list[LabHost]:
    """Return the hosts of the lab in `root` with their states; none if there is no lab."""
    lab = Lab.load(root)
    return [_look(lab, member) for member in lab.members] if lab else []


def reboot(root: Path, name: str, *, hard: bool = False) -> LabHost:
    """Restart a host, or start one that is off, and wait until it answers SSH.

    `hard` cuts its power instead of shutting it down. A host that was cut off stays
    cut off, and is not waited for.
    """
    lab, member = _find(root, name)
    was_cut = lab.cable(member).is_cut
    _container(lab, member).stop(hard=hard)
    _start(lab, member, image.layers(member.kind, lambda _: None), cut=was_cut)
    if not was_cut:
        _wait_until_ready(lab, member)
    return _look(lab, member)


def cut(root: Path, name: str) -> None:
    """Cut a host off the network: packets to it are lost, its processes go on."""
    lab, member = _find(root, name)
    lab.cable(member).cut()


def heal(root: Path, name: str) -> None:
    """Connect a host that was cut off again."""
    lab, member = _find(root, name)
    lab.cable(member).heal()


def ssh_command(root: Path, name: str, user: str | None = None) -> list[str]:
    """Return the command that logs in to a host, as `hermes` if no user is given."""
    lab, member = _find(root, name)
    known = f'UserKnownHostsFile="{inventory.known_hosts(lab)}"'
    options = [known, "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"]
    words = [word for option in options for word in ("-o", option)]
    key = str(files.login_key(lab))
    where = f"{user or 'hermes'}@{lab.address(member)}"
    return ["ssh", "-F", "none", "-i", key, *words, "--", where]


def leader(root: Path, name: str) -> int:
    """Return the pid on this machine of the process that is number 1 inside a host."""
    lab, member = _find(root, name)
    pid = _container(lab, member).leader
    if pid is None:
        raise CommandError(f"{name} does not run", hint=f"start it with: lab.reboot {name}")
    return pid


def _check(wanted: Mapping[str, int]) -> None:
    for kind in wanted:
        if kind not in image.KINDS:
            kinds = ", ".join(image.KINDS)
            raise UsageError(f"no kind of host is called '{kind}'", hint=f"the kinds are: {kinds}")
    if reason := needs.why_not():
        raise UsageError(reason)


@contextmanager
def _open(root: Path) -> Iterator[Lab]:
    """Lock and yield the lab in `root`; create it if there is none."""
    root.mkdir(parents=True, exist_ok=True)
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield Lab.load(root) or _new(root)
    finally:
        os.close(handle)


def _new(root: Path) -> Lab:
    """Create a lab in an empty folder; a folder with other files is refused."""
    if any(root.iterdir()):
        raise UsageError(
            f"{root} is not empty and not a lab", hint="name an empty or new folder for the lab"
        )
    _sweep(root)
    lab = Lab(root.resolve(), free_subnet(root.resolve()))
    lab.save()
    (root / ".gitignore").write_text("*\n")
    return lab


def _sweep(root: Path) -> None:
    """Remove the hosts and the bridge of a lab whose folder was deleted."""
    name = bridge_name(root.resolve())
    clear_group(name)
    Bridge(name, subnet="").down()


def _find(root: Path, name: str) -> tuple[Lab, Member]:
    lab = Lab.load(root)
    if lab is None:
        raise UsageError(
            f"there is no lab in {root}",
            hint="name its folder with --root, or bring one up: ./inv lab.up",
        )
    return lab, lab.member(name)


def _bring_up(lab: Lab, member: Member, layers: tuple[Path, ...]) -> None:
    """Start a host that does not run; heal a running one that is cut off."""
    if not _container(lab, member).process:
        _start(lab, member, layers)
    elif lab.cable(member).is_cut:
        lab.cable(member).heal()


def _start(lab: Lab, member: Member, layers: tuple[Path, ...], *, cut: bool = False) -> None:
    files.prepare(lab, member)
    if files.is_mac(member):
        files.install_simulator(lab, member)
    process = _container(lab, member).start(layers)
    lab.cable(member).plug(process.pid, cut=cut)


def _container(lab: Lab, member: Member) -> Container:
    init = MAC_INIT if files.is_mac(member) else ""
    return Container(lab.bridge.name, member.name, lab.folder(member), init)


def _wait_until_ready(lab: Lab, member: Member) -> None:
    """Wait until a host's SSH server greets; raise CommandError if it ends or takes too long."""
    deadline = time.monotonic() + BOOT
    while not _greets(lab.address(member)):
        if time.monotonic() > deadline or not _container(lab, member).process:
            raise _no_boot(lab, member)
        time.sleep(0.03)


def _no_boot(lab: Lab, member: Member) -> CommandError:
    console = lab.folder(member) / "console.log"
    said = tail(console.read_text(errors="replace"))
    hint = f"see its console in {console}; a lab must be on a disk, not on overlayfs or tmpfs"
    return CommandError(f"{member.name} did not come up: {said}", hint=hint)


def _greets(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _look(lab: Lab, member: Member) -> LabHost:
    process = _container(lab, member).process
    state: State = "stopped"
    if process:
        state = "cut" if lab.cable(member).is_cut else "running"
    pid = process.pid if process else None
    return LabHost(member.name, member.kind, lab.address(member), state, pid)


def _each(lab: Lab, work: Callable[[Member], None]) -> None:
    """Do `work` for all hosts at once; when all have ended, raise the first failure."""
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, lab.members))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
