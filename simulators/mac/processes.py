"""What the kernel says of processes, for the stand-ins of `ps` and `pgrep`.

Only what Python has at hand is imported: `ps` is called often, and starts in no time.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

KERNEL = "/opt/mac/kernel"
TICKS = 100
PAGE = 4  # KiB
STAND_INS = ("/opt/mac/gnu/bin/python3 -IS ", "/opt/mac/gnu/bin/bash -p ")
SHELLS = {"sh --posix -O compat32": "sh", "bash -O compat32": "bash"}


def refuse(name: str) -> NoReturn:
    """End as for words that the simulator does not know, and leave a note."""
    said = " ".join([name, *sys.argv[1:]])
    with open("/run/refused", "a") as notes:
        notes.write(f"{said}\n")
    print(f"{name}: not known to the simulated Mac: {said}", file=sys.stderr)
    sys.exit(64)


class Process:
    """A process; what cannot be read of it any more raises OSError."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def read(self, name: str) -> str:
        """Return a file of the kernel's."""
        with open(f"{KERNEL}/{self.pid}/{name}", errors="replace") as file:
            return file.read()

    @property
    def fields(self) -> list[str]:
        """The kernel's line from its state on."""
        return self.read("stat").rpartition(")")[2].split()

    @property
    def born(self) -> float:
        """When it began, in seconds since 1970."""
        with open(f"{KERNEL}/stat") as file:
            booted = file.read().partition("\nbtime ")[2].partition("\n")[0]
        return int(booted) + int(self.fields[19]) / TICKS

    @property
    def command(self) -> str:
        """Its words; a stand-in has the name of what it stands for."""
        if self.pid == 1:
            return "/sbin/launchd"
        words = self.read("cmdline").rstrip("\0").replace("\0", " ")
        for stand_in in STAND_INS:
            words = words.removeprefix(stand_in)
        for shell, name in SHELLS.items():
            words = name + words[len(shell) :] if words.startswith(shell) else words
        return words or f"({self.read('comm').strip()})"

    @property
    def name(self) -> str:
        """The path of its program, as `comm` shows it."""
        return self.command.partition(" ")[0]

    @property
    def environment(self) -> str:
        """Its environment; only the owner and root may read it."""
        try:
            return self.read("environ").rstrip("\0").replace("\0", " ")
        except PermissionError:
            return ""

    @property
    def age(self) -> str:
        """How long it runs, by the rules of Apple's `get_etime`."""
        age = int(time.time()) - int(self.born)
        clock = f"{age // 60 % 60:02}:{age % 60:02}"
        if age >= 86400:
            return f"{age // 86400:02}-{age // 3600 % 24:02}:{clock}"
        return f"{age // 3600:02}:{clock}" if age >= 3600 else clock

    @property
    def state(self) -> str:
        """Its state, with s for the leader of a session."""
        letter = {"D": "U", "t": "T"}.get(self.fields[0], self.fields[0])
        return letter + "s" * (self.fields[3] == str(self.pid))

    def user(self, which: int) -> int:
        """Return a user of it: real 0, effective 1, saved 2."""
        line = self.read("status").partition("\nUid:")[2].partition("\n")[0]
        return int(line.split()[which])


def processes() -> Iterator[Process]:
    """Yield all processes."""
    for pid in sorted(int(name) for name in os.listdir(KERNEL) if name.isdigit()):
        yield Process(pid)
