"""What the kernel says of a service's main process, asked through `host.run`."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hermes_ops.hermes.evidence import TICKS
from hermes_ops.services.manager import UnitCheck

_SESSION, _STARTED = 6, 22
"""Fields of proc_pid_stat(5), counted from 1."""
_HIDDEN = 9


class CheckedProcess:
    """The main process of a service. Which one it is, and its birth, are asked once."""

    def __init__(self, host: Any, unit: UnitCheck) -> None:
        self._host, self._unit = host, unit

    @cached_property
    def pid(self) -> int:
        """Return its number; without a process the check fails."""
        return self._unit.pid

    @property
    def ticks(self) -> int:
        """Return when it started, in clock ticks since the boot."""
        return self._field(_STARTED)

    @property
    def started(self) -> float:
        """Return when it started, in seconds of the host's clock."""
        uptime, now, _ = self._birth
        return int(now) - float(uptime.split()[0]) + self.ticks / TICKS

    @property
    def session(self) -> int:
        """Return the session it belongs to: the pid of the process that made it."""
        return self._field(_SESSION)

    @property
    def uids(self) -> set[int]:
        """Return its real, effective, saved and file system owner: one, as a rule."""
        lines = self._read("status").splitlines()
        return {int(word) for line in lines if line.startswith("Uid:") for word in line.split()[1:]}

    @property
    def cgroup(self) -> str:
        """Return the path of its control group, as systemd made it."""
        lines = [line.split(":", 2) for line in self._read("cgroup").splitlines()]
        paths = {controllers: path for _, controllers, path in lines}
        return paths.get("name=systemd") or paths.get("", "")

    def variable(self, name: str) -> str | None:
        """Return a variable that it was started with; only that one leaves the host.

        The kernel shows no process of another user: there its manager's word is taken.
        """
        asked = (
            f"cd /proc/%s || exit 1; [ -r environ ] || exit {_HIDDEN}; "
            "tr '\\0' '\\n' <environ | grep -a -m 1 ^%s="
        )
        ended = self._host.run(asked, str(self.pid), name)
        if ended.rc == _HIDDEN:
            return self._unit.variable(name)
        return ended.stdout.rstrip("\n").partition("=")[2] if ended.rc == 0 else None

    @cached_property
    def _birth(self) -> list[str]:
        asked = "cat /proc/uptime && date +%%s && cat /proc/%s/stat"
        return str(self._host.check_output(asked, str(self.pid))).split("\n", 2)

    def _field(self, number: int) -> int:
        # The second field is a name in brackets, and may have blanks and brackets in it.
        return int(self._birth[2].rpartition(")")[2].split()[number - 3])

    def _read(self, file: str) -> str:
        return str(self._host.check_output("cat /proc/%s/%s", str(self.pid), file))
