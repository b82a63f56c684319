"""One host as a systemd-nspawn process over its layers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hermes_ops.lab.process import LabProcess

HIERARCHIES = tuple(Path("/sys/fs/cgroup") / name for name in ("systemd", "unified", "cpu", ""))
POWER_OFF = signal.SIGRTMIN + 3  # the signal that makes systemd as process 1 power off
GRACE = 90  # seconds; systemd's own limit for a service that does not stop

# Mounts and network are in namespaces of this process and end with it.
# Arguments: the host's folder, its lower layers, its cgroups, the arguments of systemd-nspawn.
_START = r"""
set -eu
cd "$1"
for cgroup in $3; do
    mkdir -p "$cgroup"
    echo $$ > "$cgroup/cgroup.procs"
done
mount -t overlay overlay -o "lowerdir=$2,upperdir=upper,workdir=work" root
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
shift 3
# With --keep-unit a host that reboots ends with 133, and we must start it again.
while systemd-nspawn "$@"; [ $? -eq 133 ]; do
    echo "the host reboots"
done
"""


@dataclass(frozen=True, slots=True)
class Container:
    """A host as a process; `group` (the lab) and `name` are unique on this machine."""

    group: str
    name: str
    folder: Path
    init: str = ""
    """The program that is process 1; empty: the host's systemd."""

    @property
    def process(self) -> LabProcess | None:
        """The process that runs systemd-nspawn and holds mounts and network; None if it ended."""
        return LabProcess.load(self.folder / "process.json")

    @property
    def leader(self) -> int | None:
        """The pid on this machine of the process that is number 1 inside the host."""
        process = self.process
        return process.inner if process else None

    def start(self, layers: Sequence[Path]) -> LabProcess:
        """Boot the host from `layers`, topmost first; its console goes to console.log."""
        self._clear_cgroups()
        for name in ("work", "root"):
            (self.folder / name).mkdir(exist_ok=True)
        lower = ":".join(map(str, layers))
        cgroups = " ".join(map(str, self._cgroups()))
        script = ["sh", "-c", _START, "sh", str(self.folder), lower, cgroups, *self._options()]
        argv = ["unshare", "--mount", "--propagation", "slave", "--net", *script]
        process = LabProcess.spawn(argv, self.folder / "console.log")
        process.save(self.folder / "process.json")
        return process

    def stop(self, *, hard: bool = False) -> None:
        """Shut the host down; with `hard`, end it as if its power was cut."""
        process = self.process
        if process and not hard:
            _send(process.inner, POWER_OFF)
            process.wait(GRACE)
        if process:
            # With process 1 the kernel ends all other processes inside.
            _send(process.inner, signal.SIGKILL)
            process.signal(signal.SIGKILL)
            process.wait(10)
        (self.folder / "process.json").unlink(missing_ok=True)
        self._clear_cgroups()

    def _options(self) -> list[str]:
        # Without systemd on this machine nspawn cannot create a scope.
        unit = [] if _has_systemd() else ["--keep-unit"]
        return [
            "--quiet",
            *([] if self.init else ["--boot"]),
            f"--directory={self.folder / 'root'}",
            f"--machine={self.group}-{self.name}",
            f"--hostname={self.name}",
            "--register=no",
            *unit,
            "--network-namespace-path=/proc/self/ns/net",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--setenv=TERM=dumb",
            *([self.init] if self.init else []),
        ]

    def _cgroups(self) -> list[Path]:
        """Return the folders of this host's own cgroup, one for each hierarchy.

        Without it, all hosts would share the cgroup of the process that started them: a unit of
        one host would contain the processes of the same unit on every other host.
        """
        return [folder / self.name for folder in _group_cgroups(self.group)]

    def _clear_cgroups(self) -> None:
        for cgroup in self._cgroups():
            _clear(cgroup)


def clear_group(group: str) -> None:
    """End all hosts of a lab whose files are lost; only its name is needed."""
    for cgroup in _group_cgroups(group):
        _clear(cgroup)


def _group_cgroups(group: str) -> list[Path]:
    if _has_systemd():
        return []  # there systemd creates a scope for each host
    return [folder / group for folder in HIERARCHIES if (folder / "cgroup.procs").exists()]


def _clear(cgroup: Path, seconds: float = 10) -> None:
    """Kill all processes left in a cgroup and remove it; the kernel needs a moment for both."""
    deadline = time.monotonic() + seconds
    while cgroup.exists() and time.monotonic() < deadline:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            _end(Path(folder))
        time.sleep(0.005)


def _end(cgroup: Path) -> None:
    with suppress(OSError):
        for pid in (cgroup / "cgroup.procs").read_text().split():
            _send(int(pid), signal.SIGKILL)
        cgroup.rmdir()


def _send(pid: int | None, number: int) -> None:
    with suppress(ProcessLookupError):
        if pid:
            os.kill(pid, number)


def _has_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()
