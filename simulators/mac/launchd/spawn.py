"""A process of a job: what is set up between its birth and its program."""

from __future__ import annotations

import os
import pwd
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

from launchd.definition import STANDARD_PATH, Definition
from launchd.view import enter

LIMITS = {
    "NumberOfFiles": resource.RLIMIT_NOFILE,
    "NumberOfProcesses": resource.RLIMIT_NPROC,
    "Core": resource.RLIMIT_CORE,
    "CPU": resource.RLIMIT_CPU,
    "Data": resource.RLIMIT_DATA,
    "FileSize": resource.RLIMIT_FSIZE,
    "MemoryLock": resource.RLIMIT_MEMLOCK,
    "ResidentSetSize": resource.RLIMIT_RSS,
    "Stack": resource.RLIMIT_STACK,
}


@dataclass(frozen=True, slots=True)
class Identity:
    """As whom a job runs, and in which session."""

    uid: int
    gid: int
    name: str
    home: str
    shell: str
    namespace: int  # a descriptor


def identity(uid: int, namespace: int, group: int | None = None) -> Identity:
    """Return the identity of a user."""
    user = pwd.getpwuid(uid)
    gid = user.pw_gid if group is None else group
    return Identity(uid, gid, user.pw_name, user.pw_dir, user.pw_shell, namespace)


def environment(definition: Definition, who: Identity, *, full: bool, gui: bool) -> dict[str, str]:
    """Return the environment of a job."""
    base = {"PATH": STANDARD_PATH, "XPC_SERVICE_NAME": definition.label}
    if gui:
        base["SSH_AUTH_SOCK"] = f"/var/run/com.apple.launchd.{who.uid:010d}/Listeners"
    if full:
        base |= {"HOME": who.home, "USER": who.name, "LOGNAME": who.name, "SHELL": who.shell}
        base |= {"TMPDIR": f"/var/folders/{who.uid}/T/"}
    return base | definition.environment


def spawn(definition: Definition, who: Identity, env: dict[str, str]) -> tuple[int, int]:
    """Start a process; return its pid, and a descriptor that has a byte if it could not be set up.

    What cannot be set up ends with 78, as with launchd's own helper.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        _become(definition, who, env)
    except BaseException as error:  # nothing of this process may go on
        os.write(writing, f"{error}".encode()[:1000] or b"?")
    finally:
        os._exit(78)


def _become(definition: Definition, who: Identity, env: dict[str, str]) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in {*signal.valid_signals()} - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) is not signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
    enter(who.namespace)
    _set_limits(definition)
    os.umask(definition.umask)
    os.setgid(who.gid)
    if definition.get("InitGroups", True):
        os.initgroups(who.name, who.gid)
    else:
        os.setgroups([who.gid])
    os.setuid(who.uid)
    os.chdir(definition.get("WorkingDirectory", "/"))
    streams = [definition.get(f"Standard{name}Path") for name in ("In", "Out", "Error")]
    for stream, path in enumerate(streams):
        _open(path or os.devnull, stream)
    program = definition.program
    if "/" in program:
        os.execve(program, definition.arguments, env)
    os.execvpe(program, definition.arguments, env | {"PATH": env.get("PATH", STANDARD_PATH)})


def _set_limits(definition: Definition) -> None:
    soft = {"NumberOfFiles": 256} | definition.get("SoftResourceLimits", {})
    hard = definition.get("HardResourceLimits", {})
    for name in {*soft, *hard} & {*LIMITS}:
        now = resource.getrlimit(LIMITS[name])
        most = hard.get(name, now[1])
        least = soft.get(name, now[0])
        resource.setrlimit(LIMITS[name], (least if most < 0 else min(least, most), most))


def _open(path: str, number: int) -> None:
    if number == 0:
        handle = os.open(path, os.O_RDONLY)
    else:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(handle, number)
    if handle > 2:
        os.close(handle)
