"""Limits above a service: on its slice, or on the user's manager, beyond what its own files say."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import SYSTEM_UNITS, SYSTEMD_UNITS
from hermes_ops.inventory.amounts import bytes_of, is_more
from hermes_ops.inventory.model import ServiceSettings
from hermes_ops.look.facts import Facts, Unit
from hermes_ops.services.protection.limits import SLICE

_MEMORY = {"MemoryMax", "MemoryHigh", "MemoryLimit"}
_KEYS = {*_MEMORY, "CPUQuota", "TasksMax", "AllowedCPUs"}
_OURS = {f"{folder}/{SLICE}" for folder in (SYSTEM_UNITS, SYSTEMD_UNITS)}
_LEAST_FREE = 64 * 1024**2  # bytes, beside a quarter more than all of them use now
_LEAST_QUOTA = 20  # percent of a processor: a start takes 0.7 s of one
_TASKS = 16  # for each gateway, and once more: it has eight threads before its first turn


def above(unit: Unit, settings: ServiceSettings, facts: Facts) -> Iterator[Conflict]:
    """Yield the limits around a unit that are too low for what runs there, each with its end.

    In our own slice no limit of others is wanted: the inventory has `hermes_memory_max` for that.
    """
    told: set[tuple[str, str]] = set()
    for (name, key), (path, value) in sorted(_limits(unit["ControlGroup"], facts).items()):
        if (path, key) in told:  # a file may be for a whole kind of units
            continue
        told.add((path, key))
        own = "the inventory has hermes_memory_max for that" if name == SLICE else ""
        if why := own or _why_low(key, value, settings, facts):
            shown = path if path.startswith("/") else f"~/{path}"
            words = f"{shown} sets {key}={value} for all of {name}, and {why}"
            yield Conflict(words, hint=f"on the host: {_removal(path, facts)}")


def _removal(path: str, facts: Facts) -> str:
    sudo = "sudo " if path.startswith(("/etc/", "/usr/", "/run/systemd/")) else ""
    absolute = path if path.startswith("/") else f"{facts.home}/{path}"
    systemctl = "sudo systemctl" if _is_of_system(path) else "systemctl --user"
    return f"{sudo}rm {shlex.quote(absolute)} && {systemctl} daemon-reload"


def _is_of_system(path: str) -> bool:
    return path.startswith("/") and bool({"system", "system.control"} & {*path.split("/")})


def _limits(group: str, facts: Facts) -> Mapping[tuple[str, str], tuple[str, str]]:
    """Return by unit around a control group, and by directive, the file that sets it and its value.

    systemd reads the parts of a unit in the order of their names; the last one counts.
    """
    outer, inner = _around(group)
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for path in sorted(facts.unit_lines, key=_order):
        names = [name for name in (outer if _is_of_system(path) else inner) if _is_for(path, name)]
        for line in facts.unit_lines[path] if path not in _OURS else ():
            key, _, value = (part.strip() for part in line.partition("="))
            for name in names if key in _KEYS else ():
                found.pop((name, key), None)
                if value not in ("", "infinity"):
                    found[name, key] = (path, value)
    return found


def _around(group: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the units of the system, and those of the user's manager, that are around a group."""
    names = ["-.slice", *(name for name in group.split("/") if name)][:-1]
    managers = [number for number, name in enumerate(names) if name.startswith("user@")]
    if not managers:
        return names, ()
    return names[: managers[0] + 1], ["-.slice", *names[managers[0] + 1 :]]


def _order(path: str) -> tuple[bool, str]:
    return path.endswith(".conf"), PurePosixPath(path).name


def _is_for(path: str, name: str) -> bool:
    """Whether a file is a unit, or a part of it, of its template, its prefix or its whole kind."""
    file = PurePosixPath(path)
    if file.suffix != ".conf":
        return file.name == name
    stem, _, kind = name.rpartition(".")
    begin, _, of = file.parent.name.removesuffix(".d").rpartition(".")
    several = not begin or (begin[-1] in "-@" and begin != "-" and stem.startswith(begin))
    return of == kind and (begin == stem or several)


def _why_low(key: str, value: str, settings: ServiceSettings, facts: Facts) -> str:
    units = (unit for found in facts.units.values() for unit in found.values())
    pids = {unit.number("MainPID") or 0 for unit in units} & facts.processes.keys()
    used = sum(facts.processes[pid].rss_pages or 0 for pid in pids) * 4096
    count = len(pids)
    share = f"{count} services have to share that" if count != 1 else "it needs more"
    if key in _MEMORY:
        if bytes_of(value) < used * 5 // 4 + _LEAST_FREE:
            return f"what runs there uses {used // 1024**2}M by now"
        own = settings.memory_max
        return f"the inventory gives it {own}" if is_more(own, value) else ""
    percent = re.fullmatch(r"([0-9.]+)%", value)
    low = {
        "CPUQuota": percent is not None and float(percent[1]) < _LEAST_QUOTA,
        "TasksMax": value.isdigit() and int(value) < _TASKS * (count + 1),
        "AllowedCPUs": value.isdigit(),  # a single one
    }
    return share if low[key] else ""
