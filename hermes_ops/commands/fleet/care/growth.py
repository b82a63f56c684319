"""How fast databases and logs grow: what a doctor remembers from one look to the next.

A file for each inventory, in the operator's state folder. Nothing of it is kept on hosts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hermes_ops.audit.finding import Finding, Side, make, register
from hermes_ops.commands.fleet.status import HostSeen
from hermes_ops.files.replace import put_file

SCHEMA = 1
DAY = 86_400
LEAST = DAY // 4
"""Seconds between two looks that are compared: less would make much of a busy hour."""
KEPT = 14
"""Looks that are remembered, one a day at most."""
SOON = 30
"""Days before a full disk in which somebody should know."""

register(
    "fills",
    {
        "severity": "warning",
        "says": "databases and logs of {who} grow by {name} a day: {what}",
        "ignored": "Hermes removes nothing from a database; on a full disk turns fail",
        "mend": "on the host: {path} sessions prune --help; ls -lS ~/.hermes/*/*/logs",
    },
)

Sizes = Mapping[str, int]
"""By profile, the bytes of its database and logs."""
Look = tuple[float, Mapping[str, Sizes]]
"""When, and by host."""


def file_of(inventory: Sequence[Path]) -> Path:
    """Return the file of the looks at this inventory."""
    from platformdirs import user_state_path

    key = json.dumps([str(path.resolve()) for path in inventory])
    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return user_state_path("hermes-ops") / "doctor" / f"{name}.json"


def growing(hosts: Sequence[HostSeen], inventory: Sequence[Path], now: float) -> list[Finding]:
    """Return what will fill a disk, and remember this look.

    Raises:
        CommandError: the state folder cannot be written.
    """
    file = file_of(inventory)
    looks = recalled(file, now)
    sizes = {host.host.name: sizes_of(host) for host in hosts if host.facts}
    found = [one for host in hosts for one in _of_host(host, sizes, looks, now)]
    remember(file, [*looks, (now, sizes)])
    return found


def sizes_of(host: HostSeen) -> Sizes:
    """Return the bytes that the database and the logs of each profile have together."""
    told = host.facts.sizes if host.facts else {}
    homes = {one.name: home_of(one.name) for one in host.profiles}
    return {
        name: sum(size for path, size in told.items() if _is_in(path, f"{home}/"))
        for name, home in homes.items()
    }


def home_of(profile: str) -> str:
    """Return the home of a gateway, relative to that of its user."""
    return ".hermes" if profile == "default" else f".hermes/profiles/{profile}"


def _is_in(path: str, home: str) -> bool:
    return path.startswith((f"{home}state.db", f"{home}logs/", f"{home}gateway-starts.log"))


def _of_host(
    host: HostSeen, sizes: Mapping[str, Sizes], looks: Sequence[Look], now: float
) -> Iterator[Finding]:
    name, free = host.host.name, host.facts.free_kib if host.facts else None
    old = [(at, seen[name]) for at, seen in looks if name in seen and now - at >= LEAST]
    if free is None or not old:
        return
    at, before = old[0]
    days = (now - at) / DAY
    rates = {
        profile: (size - before[profile]) / days
        for profile, size in sizes[name].items()
        if profile in before
    }
    rate = sum(rates.values())
    if rate <= 0 or (left := free * 1024 / rate) >= SOON:
        return
    most = max(rates, key=lambda profile: rates[profile])
    said = f"the disk is full in {left:.0f} days; most of it is {most}'s"
    called = f"{host.facts.hermes_by_hand} -p {most}" if host.facts else ""
    yield make("fills", f"{rate / 1e6:.0f} MB", (Side(name, None),), said, path=called)


def recalled(file: Path, now: float) -> list[Look]:
    """Return the looks that are remembered, the oldest first; none if the file is not ours."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        looks = [_look(look) for look in found["looks"]] if found["schema"] == SCHEMA else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    return [look for look in looks if look[0] <= now]


def _look(found: Mapping[str, Any]) -> Look:
    hosts = found["hosts"].items()
    sizes = {host: {p: int(size) for p, size in own.items()} for host, own in hosts}
    return float(found["at"]), sizes


def remember(file: Path, looks: Iterable[Look]) -> None:
    """Write the looks: of each day the first, and as many as are kept."""
    days: dict[int, Look] = {}
    for at, sizes in looks:
        day = int(at // DAY)
        known = days.get(day, (at, {}))
        days[day] = (known[0], {**sizes, **known[1]})
    kept = [{"at": at, "hosts": sizes} for at, sizes in list(days.values())[-KEPT:]]
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    put_file(file, json.dumps({"schema": SCHEMA, "looks": kept}) + "\n", mode=0o600)
