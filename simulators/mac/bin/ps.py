#!/opt/mac/gnu/bin/python3 -IS
"""`ps` of a Mac: -A, -a, -x, -e, -w, -o, -p, and `aux`."""

from __future__ import annotations

import os
import pwd
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

sys.path.insert(0, "/opt/mac")
sys.dont_write_bytecode = True

from processes import PAGE, Process, processes, refuse  # noqa: E402

COLUMNS: dict[str, tuple[str, Callable[[Process], str]]] = {
    "pid": ("  PID", lambda p: f"{p.pid:5}"),
    "ppid": (" PPID", lambda p: f"{p.fields[1]:>5}"),
    "pgid": (" PGID", lambda p: f"{p.fields[2]:>5}"),
    "state": ("STAT", lambda p: f"{p.state:4}"),
    "stat": ("STAT", lambda p: f"{p.state:4}"),
    "etime": ("             ELAPSED", lambda p: f"{p.age:>20}"),
    "rss": ("   RSS", lambda p: f"{int(p.fields[21]) * PAGE:6}"),
    "lstart": (
        "STARTED                     ",
        lambda p: f"{time.strftime('%a %b %e %T %Y', time.localtime(p.born)):28}",
    ),
    "args": ("ARGS", lambda p: p.command),
    "command": ("COMMAND", lambda p: p.command),
    "comm": ("COMM", lambda p: p.name),
    "ucomm": ("UCOMM           ", lambda p: f"{p.name.rpartition('/')[2]:16}"),
    "uid": ("  UID", lambda p: f"{p.user(1):5}"),
    "ruid": (" RUID", lambda p: f"{p.user(0):5}"),
    "svuid": ("SVUID", lambda p: f"{p.user(2):5}"),
    "user": ("USER            ", lambda p: f"{pwd.getpwuid(p.user(1)).pw_name:16}"),
    "tty": ("TTY     ", lambda _: "??      "),
    "pcpu": (" %CPU", lambda _: "  0.0"),
    "pmem": ("%MEM", lambda _: " 0.0"),
}


AUX = ("user", "pid", "pcpu", "pmem", "rss", "tty", "stat", "lstart", "command")


def main() -> int:
    """Print a line for each process; 1 if there is none."""
    columns: list[tuple[str, str]] = []
    pids: list[int] = []
    flags = ""
    words = iter(sys.argv[1:])
    for number, word in enumerate(words):
        known, option = split(word, first=number == 0)
        flags += known
        if option == "o":
            columns += asked(after(word, words))
        elif option == "p":
            pids += [int(pid) for pid in after(word, words).replace(",", " ").split()]
    if "u" in flags:
        columns += [(name, COLUMNS[name][0]) for name in AUX]
    if not columns:
        columns = [(name, COLUMNS[name][0]) for name in ("pid", "tty", "etime", "command")]
    shown = [Process(pid) for pid in pids] if pids else list(chosen(flags))
    return output(columns, shown, "E" in flags)


def split(word: str, *, first: bool) -> tuple[str, str]:
    """Return the flags in a word, and the option with a value that ends them."""
    text = word[1:] if word.startswith("-") else word
    # Without a dash they are flags at the beginning, and as an operand of -A.
    environment = not word.startswith("-") and not first
    for at, letter in enumerate(text):
        if letter in "op":
            return text[:at], letter
        if letter not in "Aaxewuj" or letter == "j":
            refuse("ps")
    return text.replace("e", "E" if environment or not word.startswith("-") else "A"), ""


def after(word: str, words: Iterator[str]) -> str:
    """Return the value of an option: the rest of the word, or the next one."""
    at = min(found for found in (word.find("o", 1), word.find("p", 1)) if found > 0)
    value = word[at + 1 :] or next(words, "")
    return value or refuse("ps")


def asked(text: str) -> list[tuple[str, str]]:
    """Return the columns with their headings; `=` gives one, the last also with commas in it."""
    found = []
    for part in text.replace(" ", ",").split(","):
        name, equals, heading = part.partition("=")
        if name not in COLUMNS:
            refuse("ps")
        found.append((name, heading if equals else COLUMNS[name][0]))
    return found


def chosen(flags: str) -> Iterator[Process]:
    """Yield the processes that the flags mean: all, or those of the caller."""
    for process in processes():
        try:
            if "A" in flags or "a" in flags or process.user(1) == os.geteuid():
                yield process
        except OSError:
            continue


def output(columns: list[tuple[str, str]], shown: list[Process], environment: bool) -> int:
    """Print them."""
    lines = []
    for process in shown:
        try:
            cells = [COLUMNS[name][1](process) for name, _ in columns]
        except OSError:
            continue
        lines.append(" ".join(cells) + f" {process.environment}" * environment)
    if any(heading for _, heading in columns):
        print(" ".join(heading for _, heading in columns).rstrip())
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in lines)
    return 0 if lines else 1


sys.exit(main())
