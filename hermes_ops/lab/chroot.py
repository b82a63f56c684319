"""A shell in a chroot over cached layers: its mounts end with it, one folder has its changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hermes_ops.lab import pipconfig

# The mounts are in their own namespace, so that an interrupted shell leaves none
# behind. $1 is the folder of the upper layer, $2 are the lower layers.
_ENTER = r"""
set -eu
root=$1/root
mkdir -p "$1/upper" "$1/work" "$root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$root"
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind -o ro /etc/ssl "$root/etc/ssl"
mount --bind -o ro /etc/resolv.conf "$root/etc/resolv.conf"
for path; do
    if [ -d "$path" ]; then
        mkdir -p "$root/run/pip$path"
    else
        mkdir -p "$root/run/pip${path%/*}"
        : > "$root/run/pip$path"
    fi
    mount --bind -o ro "$path" "$root/run/pip$path"
done
exec chroot "$root" /bin/sh -eu
"""
NAMESPACE = ("unshare", "--mount", "--propagation", "slave")


def command(scratch: Path, below: Sequence[Path], *, alone: bool = False) -> list[str | Path]:
    """Return the command that runs the script on its stdin over the layers `below`, topmost first.

    Its changes are in `scratch`/upper. With `alone`, no process that it starts outlives it.
    """
    end = ("--pid", "--fork", "--kill-child") if alone else ()
    lower = ":".join(map(str, below))
    enter = ["sh", "-c", _ENTER, "sh", scratch, lower]
    return [*NAMESPACE, *end, *enter, *pipconfig.local_paths(pipconfig.settings())]


def environment() -> dict[str, str]:
    """Return a minimal environment with this machine's proxies and package indexes."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    plain = {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8"}
    return plain | proxies | pipconfig.moved(pipconfig.settings(), "/run/pip")
