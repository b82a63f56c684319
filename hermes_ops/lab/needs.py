"""What a lab needs on this machine."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from hermes_ops.lab.commands import run
from hermes_ops.lab.container import HIERARCHIES

# For each Debian package that the lab needs, a program that shows whether it is installed.
PROGRAMS: Mapping[str, str] = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "nsenter": "util-linux",
}
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


def why_not() -> str | None:
    """Return why a lab cannot run on this machine, None if it can."""
    packages = missing_packages()
    if platform.system() != "Linux":
        return "a lab needs Linux"
    if os.geteuid() != 0:
        return "a lab needs root: it makes mounts, namespaces and a network"
    if packages:
        return f"a lab needs the packages {', '.join(packages)}"
    return _kernel_lacks()


def missing_packages(programs: Mapping[str, str] = PROGRAMS) -> list[str]:
    """Return the names of the packages to install."""
    return [package for program, package in programs.items() if not shutil.which(program)]


def install_packages(say: Callable[[str], None], programs: Mapping[str, str] = PROGRAMS) -> None:
    """Install the missing packages with apt-get; this needs root on Debian or a derivative."""
    packages = missing_packages(programs)
    if not packages:
        return
    say(f"installing {', '.join(packages)}")
    env = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    run(["apt-get", "update"], env=env)
    run(install, env=env)


def raise_inotify(least: int = 8192) -> None:
    """Raise the limit of 128 inotify instances: each host's systemd needs about seven."""
    if int(INOTIFY.read_text()) < least:
        INOTIFY.write_text(f"{least}\n")


def _kernel_lacks() -> str | None:
    if not _has_overlay():
        return "a lab needs overlayfs, which this kernel does not have"
    if not any((folder / "cgroup.procs").exists() for folder in HIERARCHIES):
        return "a lab needs a cgroup file system that systemd can use, mounted at /sys/fs/cgroup"
    if not os.access("/sys/fs/cgroup", os.W_OK) or not _may_mount():
        return "a lab needs the right to mount, which this container's root does not have"
    return None


def _has_overlay() -> bool:
    if shutil.which("modprobe"):
        subprocess.run(["modprobe", "overlay"], capture_output=True, check=False)
    return "\toverlay\n" in Path("/proc/filesystems").read_text()


def _may_mount() -> bool:
    trial = ["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0
