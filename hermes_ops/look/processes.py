"""Parse what a look read of processes: from `/proc`, or from `ps` where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from hermes_ops.look.facts import Invocation, Process
from hermes_ops.wire import Reply

Key = TypeVar("Key")


def grouped(pairs: Iterable[tuple[Key, str]]) -> dict[Key, tuple[str, ...]]:
    """Return the values of each key, in their order; a host may tell millions of one."""
    found: dict[Key, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in found.items()}


def processes(reply: Reply) -> dict[int, Process]:
    """Return the processes in an answer, by pid."""
    told = (record.rest.partition(" ")[::2] for record in reply.of("cgroup"))
    groups, found = grouped((int(pid), group) for pid, group in told), {}
    for record in reply.of("process"):
        pid, *fields = record.words
        own = groups.get(int(pid), ())
        # `fields` begins with field 3 of proc(5): fields 14 and 15 are at 11, 22 at 19, 24 at 21.
        found[int(pid)] = Process(
            int(fields[19]), fields[0], int(fields[21]), own[-1] if own else "",
            cpu_ticks=int(fields[11]) + int(fields[12]) or None, cgroups=own,
        )  # fmt: skip
    for record in reply.of("ps"):
        clock, *lines = (record.text or "").splitlines() or [""]
        now = int(clock) if clock.isdigit() else None
        found |= dict(one for line in lines if (one := _listed(line, now)))
    return found


_LISTED = re.compile(r"(\d+) ([A-Z?])\S*(?: (\S+))?(?: (\d+))?", re.ASCII)
_ELAPSED = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", re.ASCII)
_KIB_A_PAGE = 4


def _listed(line: str, now: int | None) -> tuple[int, Process] | None:
    """Parse a line with pid, state, age and KiB; return the process, None if it is malformed."""
    found = _LISTED.fullmatch(" ".join(line.split()))
    if not found:
        return None
    pid, state, elapsed, kib = found.groups()
    age = seconds(elapsed or "")
    born = now - age if now is not None and age is not None else None
    return int(pid), Process(None, state, int(kib) // _KIB_A_PAGE if kib else None, born=born)


def seconds(text: str) -> int | None:
    """Return the seconds in `[[days-]hours:]minutes:seconds`, None for any other text."""
    found = _ELAPSED.fullmatch(text)
    if not found:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def surroundings(reply: Reply) -> dict[str, Any]:
    """Return what the services' processes were started with, and what else would start them."""
    return {
        "commands": invocations(reply),
        "variables": variables(reply),
        "given": {r.words[0]: r.rest.partition(" ")[2] for r in reply.of("given")},
        "interpreters": {
            int(r.words[0]): r.rest.partition(" ")[2] for r in reply.of("interpreter")
        },
        "unit_lines": unit_lines(reply),
        "damaged": tuple(record.rest for record in reply.of("damaged")),
        "shadows": frozenset(record.rest for record in reply.of("shadow")),
        "parts": tuple(record.rest for record in reply.of("part")),
        "masked": frozenset(record.rest for record in reply.of("masked")),
    }


def invocations(reply: Reply) -> dict[int, Invocation]:
    """Return what the processes in an answer were started with, by pid."""
    lines = [line for r in reply.of("commands") for line in (r.text or "").splitlines()]
    fields, homes = [line.split("\t") for line in lines], _homes(reply)
    return {
        int(f[0]): Invocation(tuple(f[3:]), _named(f[1], homes), f[2])
        for f in fields
        if f[0].isdigit() and f[3:]
    }


def _homes(reply: Reply) -> list[tuple[str, str]]:
    """Return where the folders of homes lie in truth, each with its user's name for it."""
    user = next((record.rest for record in reply.of("home")), "")
    real = dict(record.rest.partition(" ")[::2] for record in reply.of("real"))
    folders = (".hermes/profiles", ".hermes")
    return [(real[name], f"{user}/{name}") for name in folders if real.get(name)]


def _named(path: str, homes: Iterable[tuple[str, str]]) -> str:
    """Return a home as its user names it: Hermes, for one, writes what links lead to."""
    for real, named in homes:
        if path == real or path.startswith(f"{real}/"):
            return f"{named}{path[len(real) :]}"
    return path


def variables(reply: Reply) -> dict[int, frozenset[str]]:
    """Return the names of the variables that the services' processes were started with, by pid."""
    lines = [line for r in reply.of("commands") for line in (r.text or "").splitlines()]
    fields = [line.split("\t") for line in lines if line.startswith("names\t")]
    return {int(f[1]): frozenset(f[2:]) for f in fields if f[1].isdigit()}


def unit_lines(reply: Reply) -> dict[str, tuple[str, ...]]:
    """Return the lines of unit files in an answer, by path."""
    return grouped(_unit_lines(reply))


def _unit_lines(reply: Reply) -> Iterator[tuple[str, str]]:
    homes = _homes(reply)
    for line in (line for r in reply.of("unitlines") for line in (r.text or "").splitlines()):
        path, colon, words = line.partition(":")
        key, equals, value = words.partition("=")
        if key == "HERMES_HOME":
            words = f"{key}{equals}{_named(value, homes)}"
        if colon:
            yield path, words
