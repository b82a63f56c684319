"""The file systems that hosts start from: a stack of cached layers for each kind.

A layer is a folder that overlayfs puts over the layers below it. The lowest is a
Debian as mmdebstrap makes it; each other one is what a recipe changed in a chroot.
A layer's name carries a hash of all that made it, so a changed recipe is a new layer.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from hermes_ops.lab import pipconfig
from hermes_ops.lab.commands import run

CACHE = Path("/var/cache/hermes-ops/lab")
RECIPES = Path(__file__).parent / "recipes"
SUITE = "bookworm"
PACKAGES = (
    "systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,openssh-server,"
    "python3,procps,iproute2,ca-certificates,rsync"
)

# Lowest layer first. Without "admin" a host has neither polkit nor sudo; without
# "venv" its Python has no ensurepip, as a Debian just installed.
KINDS: Mapping[str, tuple[str, ...]] = {
    "linux": ("debian", "base", "venv", "hermes", "admin"),
    "linux-bare": ("debian", "base", "venv", "hermes"),
    "linux-nohermes": ("debian", "base", "admin"),
}

# The mounts live in a namespace of the build alone, so that one which is
# interrupted leaves none behind. $1 is the upper layer, $2 the lower ones.
_CHROOT = r"""
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
_NAMESPACE = ("unshare", "--mount", "--propagation", "slave")


def layers(kind: str, say: Callable[[str], None]) -> tuple[Path, ...]:
    """Return the layers of `kind`, topmost first, building those that are missing."""
    names = KINDS[kind]
    with _lock():
        for height, name in enumerate(names):
            if not _folder(names[: height + 1]).exists():
                say(f"building the layer '{name}' of the image, once on this machine")
                _build(names[: height + 1])
    return tuple(_folder(names[:height]) for height in range(len(names), 0, -1))


def _folder(names: tuple[str, ...]) -> Path:
    return CACHE / f"{names[-1]}-{_key(names)}"


@cache
def _key(names: tuple[str, ...]) -> str:
    """Return what the topmost layer of the stack `names` depends on, as 12 hex digits."""
    if not names:
        return ""
    return hashlib.sha256(f"{_key(names[:-1])}{_source(names[-1])}".encode()).hexdigest()[:12]


def _source(name: str) -> str:
    return f"{SUITE} {PACKAGES}" if name == "debian" else (RECIPES / f"{name}.sh").read_text()


def _build(names: tuple[str, ...]) -> None:
    """Make the topmost layer of `names` under another name and rename it when it is whole."""
    for leftover in CACHE.glob("building-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # Never the same name twice: a build that lost its parent may still write to its own.
    scratch = Path(mkdtemp(prefix="building-", dir=CACHE))
    if names[-1] == "debian":
        _debootstrap(scratch / "upper")
    else:
        below = [_folder(names[:height]) for height in range(len(names) - 1, 0, -1)]
        _cook(scratch, below, names[-1])
    (scratch / "upper").rename(_folder(names))
    shutil.rmtree(scratch)


def _debootstrap(folder: Path) -> None:
    options = [f"--aptopt={line}" for line in _apt_proxies()]
    build = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}"]
    hint = "it installs Debian's packages: does apt-get update work here?"
    run([*_NAMESPACE, *build, *options, SUITE, folder], name="mmdebstrap", hint=hint)


def _apt_proxies() -> list[str]:
    lines = run(["apt-config", "dump"]).splitlines()
    return [line for line in lines if line.startswith("Acquire::") and "proxy" in line.lower()]


def _cook(scratch: Path, below: list[Path], name: str) -> None:
    """Run a recipe in a chroot over the layers `below`; `scratch`/upper is what it changed."""
    sources = pipconfig.settings()
    lower = ":".join(map(str, below))
    argv: list[str | Path] = [*_NAMESPACE, "sh", "-c", _CHROOT, "sh", scratch, lower]
    run(
        [*argv, *pipconfig.local_paths(sources)],
        input=_source(name),
        env=_environment() | pipconfig.moved(sources, "/run/pip"),
        name=f"the recipe of the image's layer '{name}'",
        hint="it installs packages with apt-get and pip: do both work here?",
    )


def _environment() -> dict[str, str]:
    """Return a plain environment with the proxies of this one, if it has any."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8"} | proxies


@contextmanager
def _lock() -> Iterator[None]:
    """Wait until no other process builds layers."""
    CACHE.mkdir(parents=True, exist_ok=True)
    CACHE.parent.chmod(0o700)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
