"""A process that outlives the program that started it, and can be identified later."""

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
    """A process, identified by pid and start time, as pids are used again."""

    pid: int
    started: str  # clock ticks since the boot
    boot: str  # id of the boot of this machine

    @classmethod
    def spawn(cls, argv: Sequence[str], output: Path) -> Self:
        """Start `argv` in its own session, without input, its output going to the file `output`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(output), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        # Not subprocess: it warns if its object is dropped while the child runs.
        pid = os.posix_spawnp(argv[0], list(argv), os.environ, file_actions=files, setsid=True)
        return cls(pid, _stat(pid)[1], _boot())

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """Return the process recorded in `file`, None if it no longer runs."""
        if not file.exists():
            return None
        process = cls(**json.loads(file.read_text()))
        return process if process.is_alive else None

    def save(self, file: Path) -> None:
        """Record this process in `file`, atomically."""
        scratch = file.with_name(file.name + ".new")
        scratch.write_text(json.dumps(asdict(self)) + "\n")
        scratch.rename(file)

    @property
    def is_alive(self) -> bool:
        """Whether it runs; a zombie does not."""
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        state, started = _stat(self.pid)
        return (started, _boot()) == (self.started, self.boot) and state not in "ZX"

    @property
    def inner(self) -> int | None:
        """The descendant that is number 1 in its own pid namespace, None if there is none."""
        return next((pid for pid in _descendants(self.pid) if _is_init(pid)), None)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if the process still runs."""
        with suppress(ProcessLookupError):
            if self.is_alive:
                os.kill(self.pid, number)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process; return whether it ended in time."""
        deadline = time.monotonic() + seconds
        while self.is_alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def _stat(pid: int) -> tuple[str, str]:
    """Return state and start time of a process; `X` and an empty text if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "X", ""
    return fields[0], fields[19]


def _descendants(pid: int) -> Iterator[int]:
    """Yield the descendants of a process, each child followed by its own children."""
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
