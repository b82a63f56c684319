"""Every path that is ours on a host, once; relative to the home of the user who runs the services.

Shell reads them as variables: `shell()` stands at the head of every script.
"""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath

SHARE = PurePosixPath(".local/share/hermes-ops")
"""Programs that we install, each in a folder of its own."""
STATE = PurePosixPath(".local/state/hermes-ops")
CONFIG = PurePosixPath(".config/hermes-ops")
CACHE = PurePosixPath(".cache/hermes-ops")

LOCK = STATE / "lock"
OWED = STATE / "restart"
"""The restarts that are owed: a file for each service, made before a change lands."""
WRITTEN = STATE / "written"
"""Fingerprints of what references led to: a file for each profile."""
PIP = CACHE / "pip.whl"
WHEELS = CACHE / "wheels"

PLANNED_STOP = SHARE / "planned-stop"
SYSTEMD_UNITS = PurePosixPath(".config/systemd/user")
SUPERVISOR_CONF = CONFIG / "supervisord.conf"
SUPERVISOR_PROGRAMS = CONFIG / "supervisord.d"
SUPERVISOR_PID = STATE / "supervisord.pid"
SUPERVISOR_SOCKET = STATE / "supervisor.sock"

STAMP = "hermes-ops.json"
"""Written last into an environment: one without it was left half-made."""


def program(name: str) -> PurePosixPath:
    """Return the folder of a program as it is used: a link to the version that counts."""
    return SHARE / name / "current"


def environment(name: str) -> PurePosixPath:
    """Return the Python environment of a program."""
    return program(name) / "venv"


def stamp(name: str) -> PurePosixPath:
    """Return the file that says what an environment of ours holds."""
    return program(name) / STAMP


_SHELL = {
    "share": SHARE,
    "state": STATE,
    "lock": LOCK,
    "owed": OWED,
    "stamp_name": STAMP,
    "hermes_stamp": stamp("hermes"),
    "hermes_venv": environment("hermes"),
    "systemd_folder": SYSTEMD_UNITS,
    "supervisor_venv": environment("supervisor"),
    "supervisor_conf": SUPERVISOR_CONF,
    "supervisor_pid_file": SUPERVISOR_PID,
    "supervisor_socket": SUPERVISOR_SOCKET,
}


def shell() -> str:
    """Return the lines by which scripts know these paths."""
    return "".join(f"{name}={shlex.quote(str(path))}\n" for name, path in _SHELL.items())
