"""Every path of ours on a host; most are relative to the home of the user who runs the services.

Those of one service manager alone are in its module (`ServiceManager.shell_paths`). Scripts use
all of them as variables: every script starts with `shell()`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath

SHARE = PurePosixPath(".local/share/hermes-ops")
"""Programs that we install, each in a folder of its own."""
STATE = PurePosixPath(".local/state/hermes-ops")
CONFIG = PurePosixPath(".config/hermes-ops")
CACHE = PurePosixPath(".cache/hermes-ops")

OVERLAY = "/etc/hermes"
"""The folder in which an administrator sets what counts for all profiles of a host."""
LOCK = STATE / "lock"
OWED = STATE / "restart"
"""The restarts that are due: a file for each service, made before a change is written."""
STOPPED = STATE / "stopped"
"""Who has stopped a gateway by hand, on the host: a file for each service (`WRAPPER` writes it)."""
UPGRADE = STATE / "upgrade"
"""The last upgrade of Hermes: what it did, and the databases as they were before it."""
UPGRADE_NOTE = UPGRADE / "note.json"
WRITTEN = STATE / "written"
"""Fingerprints of the values of references: a file for each profile."""
STARTED = ".hermes-ops.started.yml"
"""What a gateway was started with; in the profile's home."""
KEPT = STATE / "kept"
"""Copies of files that others wrote, made before we replaced them; by their path in the home."""
PIP = CACHE / "pip.whl"
WHEELS = CACHE / "wheels"

WRAPPER = PurePosixPath(".local/bin/hermes-gateways")
"""Starts and stops the gateways of a host, for who is on it."""
PLANNED_STOP = SHARE / "planned-stop"
SYSTEMD_UNITS = PurePosixPath(".config/systemd/user")
SYSTEM_UNITS = PurePosixPath("/etc/systemd/system")
"""The folder of the units of the system: only root writes there."""
LAUNCH_DAEMONS = PurePosixPath("/Library/LaunchDaemons")
"""That of a Mac."""

FOLDERS = (".config", SYSTEMD_UNITS, ".local", ".local/bin", SHARE.parent, STATE.parent, STATE)
"""The folders of a user in which we write: an administrator may have closed one of them."""

STAMP = "hermes-ops.json"
"""Written last into an environment: without it the environment is incomplete."""


CURRENT = "current"
"""The link in a program's folder that leads to the version in use."""


@lru_cache(maxsize=4096)
def joined(folder: PurePosixPath, name: str) -> PurePosixPath:
    """Return a path in a folder: the same object each time, which keeps its text and its hash.

    A plan asks hundreds of times for the few paths of a service.
    """
    return folder / name


def program(name: str, version: str = CURRENT) -> PurePosixPath:
    """Return the folder of a version of a program; by default of the one in use."""
    return SHARE / name / version


def environment(name: str, version: str = CURRENT) -> PurePosixPath:
    """Return the Python environment of a program."""
    return program(name, version) / "venv"


def stamp(name: str, version: str = CURRENT) -> PurePosixPath:
    """Return the file that lists what an environment of ours holds."""
    return program(name, version) / STAMP


_SHELL = {
    "share": SHARE,
    "state": STATE,
    "lock": LOCK,
    "owed": OWED,
    "stopped": STOPPED,
    "kept_folder": KEPT,
    "stamp_name": STAMP,
    "hermes_stamp": stamp("hermes"),
    "hermes_venv": environment("hermes"),
    "systemd_folder": SYSTEMD_UNITS,
    "system_units": SYSTEM_UNITS,
    "launch_daemons": LAUNCH_DAEMONS,
}


_NONE: Mapping[str, PurePosixPath] = {}


def shell(more: Mapping[str, PurePosixPath] = _NONE) -> str:
    """Return the lines that define these paths, and `more` by their variables, in scripts."""
    paths = {**_SHELL, **more}
    return "".join(f"{name}={shlex.quote(str(path))}\n" for name, path in paths.items())
