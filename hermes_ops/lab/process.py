"""A process that outlives the one which starts it, and is known again for certain."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class LabProcess:
    """A process; since numbers are used again, it is known by its start as well."""

    pid: int
    started: str  # clock ticks since the boot
    boot: str  # id of the boot of this machine

    @classmethod
    def spawn(cls, argv: Sequence[str], output: Path) -> Self:
        """Start `argv` in a session of its own, reading nothing, writing to the file `output`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(output), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        # Not subprocess: its objects complain when they are dropped while the child runs.
        pid = os.posix_spawnp(argv[0], list(argv), os.environ, file_actions=files, setsid=True)
        return cls(pid, _stat(pid)[1], _boot())

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """Return the process recorded in `file` if that one still runs."""
        if not file.exists():
            return None
        process = cls(**json.loads(file.read_text()))
        return process if process.is_alive else None

    def save(self, file: Path) -> None:
        """Record this process in `file`, whole or not at all."""
        scratch = file.with_name(file.name + ".new")
        scratch.write_text(json.dumps(asdict(self)) + "\n")
        scratch.rename(file)

    @property
    def is_alive(self) -> bool:
        """Whether it runs; one that ended and was not waited for does not."""
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        state, started = _stat(self.pid)
        return (started, _boot()) == (self.started, self.boot) and state not in "ZX"

    @property
    def inner(self) -> int | None:
        """The descendant that is number 1 in a process namespace of its own, if there is one."""
        return next((pid for pid in _descendants(self.pid) if _is_init(pid)), None)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process still runs."""
        with suppress(ProcessLookupError):
            if self.is_alive:
                os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process; return whether it came in time."""
        deadline = time.monotonic() + seconds
        while self.is_alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def _stat(pid: int) -> tuple[str, str]:
    """Return state and start of a process: X and nothing for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "X", ""
    return fields[0], fields[19]


def _descendants(pid: int) -> Iterator[int]:
    """Yield the children of a process, each followed by its own."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield int(child)
            yield from _descendants(int(child))


def _is_init(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return any(line.startswith("NSpid:") and line.endswith("\t1") for line in lines)
    return False


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
