#!/usr/bin/python3 -IS
"""`ps` of a Mac, for the columns that we ask for; other words are refused, and noted."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

KERNEL = Path("/run/kernel")
REFUSED = Path("/run/refused")
TICKS = 100


def refuse() -> None:
    """End as for a word that nobody knows, and leave a note."""
    with REFUSED.open("a") as notes:
        notes.write(f"ps {' '.join(sys.argv[1:])}\n")
    sys.exit(f"ps: illegal option: {sys.argv[1:]}")


def asked(words: Iterator[str]) -> tuple[list[str], list[int]]:
    """Return the columns and the processes that are asked for."""
    columns: list[str] = []
    pids: list[int] = []
    for word in words:
        value = next(words, "") if word in ("-o", "-p") else ""
        if word == "-o" and value.endswith("=") and value[:-1] in COLUMNS:
            columns.append(value[:-1])
        elif word == "-p" and re.fullmatch(r"\d+(,\d+)*", value):
            pids += map(int, value.split(","))
        elif word != "-ww":
            refuse()
    if not columns or not pids:
        refuse()
    return columns, pids


def fields(pid: int) -> list[str]:
    """Return the kernel's line of a process from its state on."""
    return (KERNEL / str(pid) / "stat").read_text().rpartition(")")[2].split()


def born(pid: int) -> float:
    """Return when a process began, in seconds since 1970."""
    (booted,) = re.findall(r"^btime (\d+)", (KERNEL / "stat").read_text(), re.MULTILINE)
    return int(booted) + int(fields(pid)[19]) / TICKS


def etime(pid: int) -> str:
    """Return its age, by the rules of Apple's `get_etime`."""
    age = int(time.time()) - int(born(pid))
    clock = f"{age // 60 % 60:02}:{age % 60:02}"
    if age > 86400:
        return f"{age // 86400:02}-{age // 3600 % 24:02}:{clock}"
    return f"{age // 3600:02}:{clock}" if age > 3600 else f"{age // 60:02}:{age % 60:02}"


def owner(pid: int, which: int) -> str:
    """Return a user of a process: real, effective, saved."""
    (line,) = re.findall(r"^Uid:(.*)", (KERNEL / str(pid) / "status").read_text(), re.MULTILINE)
    return str(line.split()[which])


COLUMNS: dict[str, Callable[[int], str]] = {
    "pid": lambda pid: f"{pid:5}",
    "state": lambda pid: f"{fields(pid)[0]}{'s' * (fields(pid)[3] == str(pid)):3}",
    "etime": lambda pid: f"{etime(pid):>20}",
    "rss": lambda pid: f"{int(fields(pid)[21]) * 4:6}",
    "lstart": lambda pid: f"{time.strftime('%c', time.localtime(born(pid))):28}",
    "args": lambda pid: (KERNEL / str(pid) / "cmdline").read_text().replace("\0", " "),
    "uid": lambda pid: owner(pid, 1),
    "ruid": lambda pid: owner(pid, 0),
    "svuid": lambda pid: owner(pid, 2),
}


def main() -> None:
    """Print a line for each process that is there; 1 if none is."""
    if Path("/proc/self").exists():
        os.execv("/usr/bin/ps", sys.argv)
    columns, pids = asked(iter(sys.argv[1:]))
    lines = []
    for pid in pids:
        try:
            lines.append(" ".join(COLUMNS[column](pid) for column in columns))
        except (FileNotFoundError, ProcessLookupError):
            continue
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.exit(not lines)


main()
