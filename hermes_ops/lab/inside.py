"""Run commands inside a running host as root, without SSH: for the setup and asserts of tests."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from hermes_ops.errors import CommandError
from hermes_ops.lab.operations import leader

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}

# The files are copied before the new file system covers the old one.
_SMALL_HOME = """
set -eu
home=$(getent passwd "$1" | cut -d: -f6)
stage=/run/small-home-$1
mkdir -p "$stage"
mount -t tmpfs -o "size=${2}k" tmpfs "$stage"
cp -a "$home/." "$stage/"
mount --bind "$stage" "$home"
umount "$stage"
rmdir "$stage"
"""


def exec(
    root: Path, name: str, argv: Sequence[str], input: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `argv` inside a host as root and return its result; a failure raises no error."""
    inside = ["nsenter", f"--target={leader(root, name)}", "--all", "--", *argv]
    return subprocess.run(
        inside,
        input=input or "",  # never read the terminal
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def mount_small_home(root: Path, name: str, user: str, size_kb: int) -> None:
    """Mount a file system of `size_kb` KiB with the same contents over a user's home.

    It lasts until the host restarts. Running processes keep their open files on the
    old one. Raises CommandError if the contents do not fit.
    """
    done = exec(root, name, ["sh", "-c", _SMALL_HOME, "sh", user, str(size_kb)])
    if done.returncode:
        raise CommandError(
            f"the small home of {user} on {name} cannot be mounted: {done.stderr.strip()}"
        )
