"""What the kernel says of a service's main process, asked through `host.run`."""

from __future__ import annotations

from typing import Any

from hermes_ops.readiness import TICKS
from hermes_ops.verify.unit import Unit

_STARTED, _SESSION = 22, 6
"""Fields of proc_pid_stat(5), counted from 1."""


class Process:
    """The main process of a service; every question finds it anew, for it may be restarted."""

    def __init__(self, host: Any, unit: Unit) -> None:
        self._host, self._unit = host, unit

    @property
    def pid(self) -> int:
        """Return its number."""
        return self._unit.pid

    @property
    def uids(self) -> set[int]:
        """Return its real, effective, saved and file system owner: one, as a rule."""
        for line in self._read("status").splitlines():
            if line.startswith("Uid:"):
                return {int(word) for word in line.split()[1:]}
        raise AssertionError("the kernel does not tell the owner of the process")

    @property
    def cgroup(self) -> str:
        """Return the path of its control group, as systemd made it."""
        lines = [line.split(":", 2) for line in self._read("cgroup").splitlines()]
        paths = {controllers: path for _, controllers, path in lines}
        return paths.get("name=systemd") or paths.get("", "")

    @property
    def ticks(self) -> int:
        """Return when it started, in clock ticks since the boot."""
        return int(_field(self._read("stat"), _STARTED))

    @property
    def started(self) -> float:
        """Return when it started, in seconds of the host's clock."""
        asked = "cat /proc/uptime && date +%%s && cat /proc/%s/stat"
        uptime, now, stat = self._host.check_output(asked, str(self.pid)).splitlines()
        boot = int(now) - float(uptime.split()[0])
        return boot + int(_field(stat, _STARTED)) / TICKS

    @property
    def session(self) -> int:
        """Return the session it belongs to: the pid of the process that made it."""
        return int(_field(self._read("stat"), _SESSION))

    def variable(self, name: str) -> str | None:
        """Return a variable that it was started with; only that one leaves the host."""
        asked = "tr '\\0' '\\n' </proc/%s/environ | grep -a -m 1 ^%s="
        ended = self._host.run(asked, str(self.pid), name)
        return ended.stdout.rstrip("\n").partition("=")[2] if ended.rc == 0 else None

    def _read(self, file: str) -> str:
        return str(self._host.check_output("cat /proc/%s/%s", str(self.pid), file))


def _field(stat: str, number: int) -> str:
    # The second field is a name in brackets, and may have blanks and brackets in it.
    return stat.rpartition(")")[2].split()[number - 3]
