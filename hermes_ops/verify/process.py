"""A service's main process as the kernel reports it, read through `host.run`.

Without /proc, `ps` is used, with options that every `ps` has.
"""

from __future__ import annotations

import re
from typing import Any

from hermes_ops.hermes.evidence import TICKS, is_birth
from hermes_ops.look.processes import seconds
from hermes_ops.services.manager import UnitCheck
from hermes_ops.verify.once import once

_SESSION, _STARTED = 6, 22
"""Fields of proc_pid_stat(5), counted from 1."""
_HIDDEN = 9
_BIRTH = """\
pid=%s
if [ -d /proc/self ]; then
  cat /proc/uptime && date +%%s && cat "/proc/$pid/stat"
else
  date +%%s && ps -o etime= -p "$pid"
fi"""
_OWNERS = """\
pid=%s
if [ -d /proc/self ]; then
  sed -n 's/^Uid://p' "/proc/$pid/status"
else
  ps -o uid= -o ruid= -o svuid= -p "$pid"
fi"""
_GROUPS = "[ ! -d /proc/self ] || cat /proc/%s/cgroup"
_VARIABLE = f"""\
[ -d /proc/self ] || exit {_HIDDEN}
cd /proc/%s || exit 1
[ -r environ ] || exit {_HIDDEN}
tr '\\0' '\\n' <environ | grep -a -m 1 ^%s="""
_HOME = "HERMES_HOME"
"""The variable that every gateway's checks ask for."""
_AHEAD = f"""\
[ ! -d /proc/self ] || {{
  set --
  for pid in $pids; do
    set -- "$@" "/proc/$pid/stat" "/proc/$pid/status" "/proc/$pid/cgroup"
  done
  date +%s
  tail -n +1 /proc/uptime "$@" 2>/dev/null
  for pid in $pids; do
    echo
    echo "==> $pid <=="
    tr '\\0' '\\n' 2>/dev/null <"/proc/$pid/environ" | grep -a -m 1 ^{_HOME}=
  done
}}"""
"""Prints for all processes what is asked about each; `tail` puts a line with its name before each
file."""
_GETSID = "import os, sys; print(os.getsid(int(sys.argv[1])))"
"""For macOS, whose `ps` does not print the session."""


class CheckedProcess:
    """The main process of a service. Its pid and its start are read only once."""

    def __init__(self, host: Any, unit: UnitCheck, python: str = "python3") -> None:
        self._host, self._unit, self._python = host, unit, python

    @once
    def pid(self) -> int:
        """Return its pid; the check fails if there is no process."""
        return self._unit.pid

    @property
    def ticks(self) -> int | None:
        """Return when it started, in clock ticks since the boot; None without /proc."""
        return self._field(_STARTED) if self._stat else None

    @property
    def started(self) -> float:
        """Return when it started, in seconds of the host's clock."""
        if self.ticks is not None:
            uptime, now, _ = self._birth
            return int(now) - float(uptime.split()[0]) + self.ticks / TICKS
        now, elapsed = self._birth
        age = seconds(elapsed.strip())
        assert age is not None, f"ps tells no age of process {self.pid}"  # noqa: S101 - it fails the check
        return int(now) - age

    def wrote(self, start_time: Any) -> bool:
        """Whether this is the `start_time` by which Hermes names the process in its files."""
        return is_birth(start_time, self.ticks, self.started)

    @property
    def session(self) -> int:
        """Return its session: the pid of the process that created the session."""
        if self._stat:
            return self._field(_SESSION)
        asked = "%s -I -S -c %s %s"
        return int(self._host.check_output(asked, self._python, _GETSID, str(self.pid)))

    @property
    def uids(self) -> set[int]:
        """Return its real, effective, saved and file system uids: usually all are the same."""
        return set(map(int, self._ask(_OWNERS).split()))

    @property
    def cgroup(self) -> str:
        """Return the path of its control group in systemd's hierarchy; empty without one."""
        lines = [line.split(":", 2) for line in self._ask(_GROUPS).splitlines()]
        paths = {controllers: path for _, controllers, path in lines}
        return paths.get("name=systemd") or paths.get("", "")

    def variable(self, name: str) -> str | None:
        """Return a variable that it was started with; no other variable leaves the host.

        The kernel hides the environment of other users' processes, and without /proc of all:
        then the manager is asked.
        """
        ended = self._host.run(_VARIABLE, str(self.pid), name)
        if ended.rc == _HIDDEN:
            return self._unit.variable(name)
        return ended.stdout.rstrip("\n").partition("=")[2] if ended.rc == 0 else None

    @once
    def _birth(self) -> list[str]:
        return self._ask(_BIRTH).split("\n", 2)

    @property
    def _stat(self) -> str:
        """Return its line in /proc/PID/stat, empty without /proc."""
        return self._birth[2] if len(self._birth) > 2 else ""

    def _field(self, number: int) -> int:
        # The second field is a name in brackets, and may have blanks and brackets in it.
        return int(self._stat.rpartition(")")[2].split()[number - 3])

    def _ask(self, command: str) -> str:
        return str(self._host.check_output(command, str(self.pid)))


# --- all processes at once ----------------------------------------------------------------------


def ahead() -> str:
    """Return shell that asks about the processes `$pids`, with one program for all of them."""
    return _AHEAD


def foreseen(printed: str) -> dict[tuple[str, ...], str]:
    """Return the commands about processes whose output is known from that, with that output."""
    clock, *rest = re.split(r"\n?^==> (\S+) <==\n", printed, flags=re.MULTILINE)
    parts = dict(zip(rest[::2], rest[1::2], strict=True))
    known = dict[tuple[str, ...], str]()
    for name, text in parts.items():
        if name.isdigit() and text:
            known[_VARIABLE, name, _HOME] = text
        elif (of := re.fullmatch(r"/proc/(\d+)/(\w+)", name)) and text:
            known |= _known(of[1], of[2], text, f"{parts.get('/proc/uptime', '')}{clock.strip()}\n")
    return known


def _known(pid: str, file: str, text: str, now: str) -> dict[tuple[str, ...], str]:
    """Return what a file of a process answers; `now` are uptime and clock, each on a line."""
    if file == "stat" and len(now.split()) > 2:  # two numbers of uptime, and the clock
        return {(_BIRTH, pid): now + text}
    if file == "status" and (uids := re.search("^Uid:(.*\n)", text, re.MULTILINE)):
        return {(_OWNERS, pid): uids[1]}
    return {(_GROUPS, pid): text} if file == "cgroup" else {}
