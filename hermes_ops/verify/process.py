"""A service's main process as the kernel reports it, read through `host.run`.

Without /proc, `ps` is used, with options that every `ps` has.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hermes_ops.hermes.evidence import TICKS, is_birth
from hermes_ops.look.processes import seconds
from hermes_ops.services.manager import UnitCheck

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
_GETSID = "import os, sys; print(os.getsid(int(sys.argv[1])))"
"""For macOS, whose `ps` does not print the session."""


class CheckedProcess:
    """The main process of a service. Its pid and its start are read only once."""

    def __init__(self, host: Any, unit: UnitCheck, python: str = "python3") -> None:
        self._host, self._unit, self._python = host, unit, python

    @cached_property
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

    @cached_property
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
