#!/opt/mac/gnu/bin/python3 -IS
"""`caffeinate` of a Mac: -d -i -m -s -u, -t SECONDS, -w PID, or a command that takes its place."""

from __future__ import annotations

import getopt
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from power import ASSERTIONS, hold  # noqa: E402

USAGE = "usage: caffeinate [-disu] [-t timeout] [-w Process ID] [command arguments...]"


def main() -> int:
    """Hold the assertions until the time, the process or the command ends."""
    try:
        given, command = getopt.getopt(sys.argv[1:], "dimsut:w:")
    except getopt.GetoptError as error:
        print(f"caffeinate: illegal option -- {error.opt}\n{USAGE}", file=sys.stderr)
        return 1
    options = dict(given)
    letters = "".join(letter for letter in "dimsu" if f"-{letter}" in options) or "i"
    if command:
        return run(letters, command)
    pid = os.getpid()
    seconds = float(options["-t"]) if "-t" in options else None
    if letters == "u" and seconds is None:
        seconds = 5
    forever = "caffeinate asserting forever"
    hold(pid, letters, forever if seconds is None else f"caffeinate asserting for {seconds:g} secs")
    deadline = time.monotonic() + (seconds if seconds is not None else float("inf"))
    while time.monotonic() < deadline and lives(options.get("-w")):
        time.sleep(min(0.1 if "-w" in options else 3600, max(0, deadline - time.monotonic())))
    return 0


def lives(pid: str | None) -> bool:
    """Whether a process is there; without one, always."""
    return pid is None or Path("/opt/mac/kernel", pid).exists()


def run(letters: str, command: list[str]) -> int:
    """Become the command; a child holds the assertions as long as it runs."""
    pid = os.getpid()
    hold(pid, letters, f"caffeinate asserting on behalf of '{command[0]}' (pid {pid})")
    child = os.fork()
    if not child:
        os.setsid()
        os.closerange(0, 256)
        while lives(str(pid)) and os.getppid() == pid:
            time.sleep(0.1)
        with suppress(OSError):
            (ASSERTIONS / str(pid)).unlink()
        os._exit(0)
    try:
        os.execvp(command[0], command)
    except FileNotFoundError:
        print(f"caffeinate: {command[0]}: No such file or directory", file=sys.stderr)
        return 127
    except OSError as error:
        print(f"caffeinate: {command[0]}: {error.strerror}", file=sys.stderr)
        return 126


sys.exit(main())
