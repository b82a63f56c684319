"""The file systems of new hosts: a stack of cached layers for each kind of host.

A layer is a folder that overlayfs puts over the layers below it. The lowest one is a
Debian from mmdebstrap; each other one contains the changes of a recipe in a chroot.
A layer's name contains a hash of its sources, so that a changed recipe makes a new layer.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from hermes_ops.lab import chroot
from hermes_ops.lab.commands import run

CACHE = Path("/var/cache/hermes-ops/lab")
RECIPES = Path(__file__).parent / "recipes"
SUITE = "bookworm"
PACKAGES = (
    "systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,openssh-server,"
    "python3,procps,iproute2,ca-certificates,rsync"
)

# Lowest layer first. Without "admin" a host has neither polkit nor sudo; without
# "venv" its Python has no ensurepip, like a newly installed Debian.
KINDS: Mapping[str, tuple[str, ...]] = {
    "linux": ("debian", "base", "venv", "hermes", "admin"),
    "linux-bare": ("debian", "base", "venv", "hermes"),
    "linux-nohermes": ("debian", "base", "admin"),
    "mac": ("debian", "base", "venv", "hermes", "admin", "mac"),
    "mac-nohermes": ("debian", "base", "venv", "admin", "mac"),
}


def layers(kind: str, say: Callable[[str], None]) -> tuple[Path, ...]:
    """Return the layers of `kind`, topmost first, building those that are missing."""
    names = KINDS[kind]
    with locked():
        for height, name in enumerate(names):
            if not _folder(names[: height + 1]).exists():
                say(f"building the image's layer '{name}' (only once on this machine)")
                _build(names[: height + 1])
    return tuple(_folder(names[:height]) for height in range(len(names), 0, -1))


def _folder(names: tuple[str, ...]) -> Path:
    return CACHE / f"{names[-1]}-{_key(names)}"


@cache
def _key(names: tuple[str, ...]) -> str:
    """Return a hash of everything that the topmost layer of `names` depends on: 12 hex digits."""
    if not names:
        return ""
    return hashlib.sha256(f"{_key(names[:-1])}{_source(names[-1])}".encode()).hexdigest()[:12]


def _source(name: str) -> str:
    return f"{SUITE} {PACKAGES}" if name == "debian" else (RECIPES / f"{name}.sh").read_text()


def _build(names: tuple[str, ...]) -> None:
    """Build the topmost layer of `names` under a temporary name; rename it when it is complete."""
    for leftover in CACHE.glob("building-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # A new name each time: an earlier build whose parent died may still write to its folder.
    scratch = Path(mkdtemp(prefix="building-", dir=CACHE))
    if names[-1] == "debian":
        debootstrap(scratch / "upper", SUITE, PACKAGES)
    else:
        below = [_folder(names[:height]) for height in range(len(names) - 1, 0, -1)]
        _cook(scratch, below, names[-1])
    (scratch / "upper").rename(_folder(names))
    shutil.rmtree(scratch)


def debootstrap(folder: Path, suite: str, packages: str, *options: str) -> None:
    """Install a minimal Debian in `folder`; `options` are apt's."""
    aptopts = [f"--aptopt={line}" for line in (*_apt_proxies(), *options)]
    build = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}"]
    hint = "it installs packages of Debian: check that `apt-get update` works on this machine"
    run([*chroot.NAMESPACE, *build, *aptopts, suite, folder], name="mmdebstrap", hint=hint)


def _apt_proxies() -> list[str]:
    lines = run(["apt-config", "dump"]).splitlines()
    return [line for line in lines if line.startswith("Acquire::") and "proxy" in line.lower()]


def _cook(scratch: Path, below: list[Path], name: str) -> None:
    """Run a recipe in a chroot over the layers `below`; its changes go to `scratch`/upper."""
    run(
        chroot.command(scratch, below),
        input=_source(name),
        env=chroot.environment(),
        name=f"the recipe of the image's layer '{name}'",
        hint="it installs packages: check that apt-get and pip work on this machine",
    )


@contextmanager
def locked() -> Iterator[None]:
    """Hold the lock of the cache: only one process builds layers at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    CACHE.parent.chmod(0o700)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
