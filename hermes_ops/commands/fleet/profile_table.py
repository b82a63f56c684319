"""The table of profiles: what `fleet.ps` shows, and the end of `fleet.up`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hermes_ops.cli.output import Output
from hermes_ops.commands.converge import Converged
from hermes_ops.commands.fleet.after_run import seen_after
from hermes_ops.commands.fleet.faults import state_since
from hermes_ops.commands.fleet.status import WANTED, HostSeen, SeenProfile
from hermes_ops.inventory.model import ServiceSettings
from hermes_ops.reporting.report import plain, table
from hermes_ops.services import MANAGERS
from hermes_ops.services.protection.limits import in_words as limits_in_words

COLUMNS = (
    "host", "profile", "state", "pid", "uptime", "restarts", "memory", "platforms",
    "version", "drift",
)  # fmt: skip
SPARE = ("restarts", "memory", "version", "pid", "uptime", "platforms", "drift")
"""The columns that are left out, in this order, if the table is too wide; --wide shows all."""
WIDE = (
    *COLUMNS, "last hour", "cpu", "limit", "watchdog", "code", "topology", "unit", "enabled",
    "heartbeat", "linger", "manager", "python",
)  # fmt: skip
MANY = 10
"""More healthy rows than these are folded to their number after a run."""


# --- the table --------------------------------------------------------------------------------


def show_profiles(
    hosts: Iterable[HostSeen], page: Any, columns: Sequence[str], sort: str | None
) -> None:
    """Print the table in the inventory's order, or sorted by a column, and reasons below it."""
    hosts = list(hosts)
    rows = [_row(host, seen) for host in hosts for seen in host.profiles]
    if sort is not None:
        rows.sort(key=lambda row: _order(row[sort]))
    spare = [c for c in SPARE if c != sort] if columns == COLUMNS else ()
    table(page, columns, [{c: _cell(c, row[c]) for c in columns} for row in rows], spare=spare)
    for line in _reasons(hosts):
        page.text(line)


def _row(host: HostSeen, seen: SeenProfile) -> dict[str, Any]:
    whole = host.about()
    facts = host.facts
    own = seen.document(facts.now if facts else 0)
    return {
        "host": host.host.name,
        "profile": own["profile"] + _mark(seen),
        "uptime": own["uptime_s"],
        "memory": own["rss_bytes"],
        "version": whole["hermes"]["version"] if seen.runs_hermes else None,
        "python": whole["hermes"]["python"] if seen.runs_hermes else None,
        "heartbeat": own["heartbeat_age_s"],
        "cpu": own["cpu_percent"],
        "limit": _limit(host, seen.name),
        "watchdog": _watchdog(host, seen),
        "last hour": own["restarts_last_hour"],
        "code": _CODE.get(own["newer_code"]),
        "topology": own["topology"],
        **{key: own[key] for key in ("state", "pid", "restarts", "platforms", "drift")},
        **{key: own[key] for key in ("unit", "enabled")},
        **{key: whole[key] for key in ("linger", "manager")},
    }


_CODE = {True: "newer", False: "as running"}
"""The code on the disk beside that of the process."""


def _limit(host: HostSeen, name: str) -> str | None:
    """Return the limits of a profile in words, and whether they have no effect there."""
    wanted = next((p.service for p in host.host.profiles if p.name == name), ServiceSettings())
    words = limits_in_words(wanted)
    if words and host.facts and host.manager:
        manager = MANAGERS[host.manager]
        if manager.powerless(wanted, host.facts) - {"watchdog"}:
            words += f" ({manager.unenforced_because or 'no effect here'})"
    return words or None


def _watchdog(host: HostSeen, seen: SeenProfile) -> str | None:
    """Return what systemd says of the watchdog; None where there is none, or nothing was said."""
    facts, unit = host.facts, seen.unit
    span = facts.unit(host.manager, unit)["WatchdogUSec"] if facts and host.manager and unit else ""
    return None if span in ("", "0", "infinity") else span


def _mark(seen: SeenProfile) -> str:
    if seen.orphan:
        return " (orphan)"
    return "" if seen.desired is not None else " (unmanaged)"


def _order(value: Any) -> tuple[bool, float, list[tuple[bool, int, str]]]:
    """Return a sort key: numbers sort as numbers, also in texts; unknown values come last."""
    known = value not in (None, {})
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+", plain(value))
    numbers = [int(part) if part.isascii() and part.isdigit() else None for part in parts]
    words = [(no is None, no or 0, part) for no, part in zip(numbers, parts, strict=True)]
    return not known, value if isinstance(value, int | float) else 0, words


def _cell(column: str, value: Any) -> Any:
    if value is None:
        return None
    match column:
        case "uptime":
            return duration(value)
        case "memory":
            return f"{value / 1e6:.0f} MB"
        case "cpu":
            return f"{value:.1f} %"
        case "heartbeat":
            return f"{value:.0f} s ago"
    return value


def duration(seconds: float) -> str:
    """Return a duration in its two largest units: `3d 4h`, `12m 5s`."""
    left = int(seconds)
    words: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, left = divmod(left, size)
        if amount or words or unit == "s":
            words.append(f"{amount}{unit}")
    return " ".join(words[:2])


def _reasons(hosts: Iterable[HostSeen]) -> Iterable[str]:
    """Yield a line with the reason for each host and profile that is not as desired."""
    for host in hosts:
        name = host.host.name
        if host.error:
            hint = f" ({host.error.hint})" if host.error.hint else ""
            yield f"{name}: {host.error}{hint}"
        for seen in host.profiles:
            why = ", ".join(seen.verdict.reasons)
            if (seen.as_desired is False and not host.error) or (why and seen.as_desired is None):
                state = f"{seen.verdict.state}{lasting(host, seen)}"
                next_one = f"; next: {seen.remedy}" if seen.evidence.elsewhere else ""
                yield f"{name}/{seen.name} is {state}: {why or wanted(seen)}{next_one}"
        for finding in host.findings:
            yield f"{finding.message}; {finding.mend}"
    yield from not_compared(hosts)


def lasting(host: HostSeen, seen: SeenProfile) -> str:
    """Return for how long it has been so, in brackets; empty if that is not known."""
    since, facts = state_since(seen.verdict, seen.evidence), host.facts
    if since is None or facts is None:
        return ""
    return f" ({duration(max(0.0, facts.now - since))})"


def not_compared(hosts: Iterable[HostSeen]) -> Iterable[str]:
    """Yield a line for each profile of which it is not known whether it has drifted, with why."""
    for host in hosts:
        for seen in host.profiles:
            if seen.not_compared:
                yield f"{host.host.name}/{seen.name}: drift unknown: {seen.not_compared}"


def unjudged(hosts: Iterable[HostSeen]) -> Iterable[str]:
    """Yield a line for each profile of which something could not be read."""
    for host in hosts:
        for seen in host.profiles:
            if seen.evidence.alive and seen.evidence.unjudged:
                unread = ", ".join(seen.evidence.unjudged)
                yield f"{host.host.name}/{seen.name}: not judged: {unread}"


def wanted(seen: SeenProfile) -> str:
    """Return what a profile should be, or what of it is not as wanted."""
    if seen.desired and seen.verdict.state != WANTED[seen.desired]:
        return f"it should be {seen.desired}"
    if seen.drift_reasons:
        return f"not as wanted: {', '.join(map(in_words, seen.drift_reasons))}"
    return "values of references changed: fleet.up writes them"


def in_words(resource: str) -> str:
    """Return a resource as people name it: a path, or what of the service is not so."""
    kind, _, name = resource.partition(":")
    match kind:
        case "file" | "directory" | "command":
            return name if name.startswith("/") else f"~/{name}"
        case "service":
            return f"a restart of {name} is due"
        case "unread":
            return f"the definition of {name}, which its manager has not read yet"
        case "definition":
            return f"the definition of {name}"
    return f"{kind} {name}".rstrip()


# --- the end of `fleet.up` --------------------------------------------------------------------


def show_converged(converged: Converged, output: Output) -> None:
    """Show the profiles of a run, and the URLs where they answer; asks no host again."""
    if output.json:
        return
    roles = converged.workspace.selected.roles
    hosts = [seen_after(result, roles) for result in converged.results]
    if not any(host.profiles for host in hosts):
        return
    output.text("")
    show_states(hosts, output, all_rows=converged.options.all_rows)


def show_states(hosts: Sequence[HostSeen], output: Any, *, all_rows: bool) -> None:
    """Print the table, and the URLs that answered; many healthy ones are only counted."""
    pairs = [(host, seen) for host in hosts for seen in host.profiles]
    well = [pair for pair in pairs if _is_well(*pair)]
    folds = len(well) > MANY and not all_rows
    rows = [_row(*pair) for pair in pairs if not (folds and _is_well(*pair))]
    if rows:
        cells = [{c: _cell(c, row[c]) for c in COLUMNS} for row in rows]
        table(output, COLUMNS, cells, spare=SPARE)
    if folds:
        output.text(f"{len(well)} profiles are healthy; --all-rows shows them")
    for line in () if folds else _addresses(hosts):
        output.text(line)


def _is_well(host: HostSeen, seen: SeenProfile) -> bool:
    is_healthy = seen.verdict.state == "healthy" and seen.as_desired is True
    return is_healthy and not seen.drift and not host.error


def _addresses(hosts: Iterable[HostSeen]) -> Iterable[str]:
    """Yield the URL where each profile answered; addresses are as its own host sees them."""
    for host in hosts:
        where = "" if host.host.connection.kind == "local" else f" on {host.host.name}"
        for seen in host.profiles:
            for url, answer in _answered(seen):
                if answer.status == 200:
                    yield f"{seen.name} answers at {url}{where}"


def _answered(seen: SeenProfile) -> Iterable[tuple[str, Any]]:
    answers: Mapping[str, Any] = seen.evidence.answers if seen.verdict.is_ready else {}
    return ((url, answer) for url, answer in answers.items() if answer is not None)
