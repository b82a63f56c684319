#!/opt/mac/gnu/bin/python3 -IS
"""`pgrep` and `pkill` of a Mac: -f, -l, -x, -n, -o, -u, -U, -P, and a signal for pkill."""

from __future__ import annotations

import getopt
import os
import pwd
import re
import signal
import sys
from contextlib import suppress

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from processes import Process, processes, refuse  # noqa: E402

NAME = sys.argv[0].rpartition("/")[2]


def main() -> int:
    """Print the processes, or send them a signal; 1 if there is none."""
    words = sys.argv[1:]
    number = signal.SIGTERM
    if NAME == "pkill" and words and re.fullmatch(r"-([A-Z]{3,}|\d+)", words[0]):
        word = words.pop(0)[1:]
        number = (
            signal.Signals(int(word))
            if word.isdigit()
            else signal.Signals[f"SIG{word.removeprefix('SIG')}"]
        )
    try:
        given, patterns = getopt.getopt(words, "flxnou:U:P:")
    except getopt.GetoptError:
        refuse(NAME)
    options = dict(given)
    found = [process for process in processes() if fits(process, options, patterns)]
    if "-n" in options or "-o" in options:
        found = (
            sorted(found, key=lambda process: process.born)[-1:] if "-n" in options else found[:1]
        )
    for process in found:
        if NAME == "pkill":
            with suppress(OSError):
                os.kill(process.pid, number)
        else:
            print(f"{process.pid} {process.command}" if "-l" in options else process.pid)
    return 0 if found else 1


def fits(process: Process, options: dict[str, str], patterns: list[str]) -> bool:
    """Whether a process is meant: never the caller itself or those it comes from."""
    try:
        if process.pid in ANCESTORS:
            return False
        for option, which in (("-u", 1), ("-U", 0)):
            if option in options and process.user(which) != uid(options[option]):
                return False
        if "-P" in options and process.fields[1] != options["-P"]:
            return False
        text = process.command if "-f" in options else process.name.rpartition("/")[2]
    except OSError:
        return False
    match = re.fullmatch if "-x" in options else re.search
    return not patterns or any(match(pattern, text) for pattern in patterns)


def uid(word: str) -> int:
    """Return the number of a user."""
    return int(word) if word.isdigit() else pwd.getpwnam(word).pw_uid


def ancestors() -> set[int]:
    """Return this process and those that it comes from."""
    found, pid = set(), os.getpid()
    while pid > 1:
        found.add(pid)
        pid = int(Process(pid).fields[1])
    return found


ANCESTORS = ancestors()
sys.exit(main())
