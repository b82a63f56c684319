#!/opt/mac/gnu/bin/python3 -IS
"""`stat` of a Mac: -f FORMAT, -L, -n, -q, and -t for times."""

from __future__ import annotations

import getopt
import grp
import os
import pwd
import re
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from processes import refuse  # noqa: E402

USAGE = "usage: stat [-FLnq] [-f format | -l | -r | -s | -x] [-t timefmt] [file ...]"
KINDS = {stat.S_IFDIR: "Directory", stat.S_IFREG: "Regular File", stat.S_IFLNK: "Symbolic Link"}
FIELDS: dict[str, Callable[[os.stat_result], object]] = {
    "Lp": lambda now: f"{now.st_mode & 0o777:o}",
    "Mp": lambda now: f"{now.st_mode >> 9 & 7:o}",
    "Hp": lambda now: f"{now.st_mode >> 12:o}",
    "p": lambda now: f"{now.st_mode:o}",
    "Sp": lambda now: stat.filemode(now.st_mode),
    "u": lambda now: now.st_uid,
    "g": lambda now: now.st_gid,
    "Su": lambda now: pwd.getpwuid(now.st_uid).pw_name,
    "Sg": lambda now: grp.getgrgid(now.st_gid).gr_name,
    "l": lambda now: now.st_nlink,
    "i": lambda now: now.st_ino,
    "d": lambda now: now.st_dev,
    "z": lambda now: now.st_size,
    "HT": lambda now: KINDS.get(stat.S_IFMT(now.st_mode), "Socket"),
}
TIMES: dict[str, Callable[[os.stat_result], float]] = {
    "m": lambda now: now.st_mtime,
    "a": lambda now: now.st_atime,
    "c": lambda now: now.st_ctime,
    "B": lambda now: now.st_ctime,
}


def main() -> int:
    """Print a line for each path; 1 if one is not there."""
    try:
        given, paths = getopt.getopt(sys.argv[1:], "f:Lnqt:")
    except getopt.GetoptError as error:
        if error.opt in "FHlrsx":
            return refuse("stat")
        # What no Mac knows, either: who asks in two ways has the answer.
        print(f"stat: illegal option -- {error.opt}\n{USAGE}", file=sys.stderr)
        return 1
    options = dict(given)
    if "-f" not in options or not paths:
        return refuse("stat")
    return max(show(path, options) for path in paths)


def show(path: str, options: dict[str, str]) -> int:
    """Print the line of a path."""
    try:
        now = os.stat(path) if "-L" in options else os.lstat(path)
    except OSError as error:
        if "-q" not in options:
            print(f"stat: {path}: stat: {error.strerror}", file=sys.stderr)
        return 1
    form = options.get("-t", "%b %e %T %Y")
    text = re.sub(
        r"%(-?\d*)([A-Za-z]*|%)", lambda m: one(m[1], m[2], now, path, form), options["-f"]
    )
    print(text, end="" if "-n" in options else "\n")
    return 0


def one(width: str, name: str, now: os.stat_result, path: str, form: str) -> str:
    """Return one field; letters behind it are text."""
    for length in (2, 1):
        known, rest = name[:length], name[length:]
        value = field(known, now, path, form)
        if value is not None and len(known) == length:
            size = int(width or 0)
            return (value.ljust(-size) if size < 0 else value.rjust(size)) + rest
    return refuse("stat")


def field(name: str, now: os.stat_result, path: str, form: str) -> str | None:
    """Return the value of a field, None for one that is not known."""
    if name in FIELDS:
        return str(FIELDS[name](now))
    if name in TIMES:
        return str(int(TIMES[name](now)))
    if name[:1] == "S" and name[1:] in TIMES:
        return time.strftime(form, time.localtime(TIMES[name[1:]](now)))
    return {"N": path, "%": "%", "Y": str(Path(path).readlink()) if name == "Y" else ""}.get(name)


sys.exit(main())
