"""Evidence of one service: read from the facts of its host, judged by `readiness`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hermes_ops.hermes import ports
from hermes_ops.hermes.beside import rivals
from hermes_ops.hermes.beside.opened import astray, deleted, lost
from hermes_ops.hermes.gateway import HEARTBEAT, PID_FILE, STATE_FILE, damage_of
from hermes_ops.hermes.markers import DRAIN, hand_stop, markers
from hermes_ops.hermes.versions import capabilities
from hermes_ops.look.facts import Answer, Facts, Invocation, Process
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.report import PATIENCE, ManagerReport

TICKS = 100
"""Clock ticks a second in /proc (USER_HZ, 100 on every Linux that Hermes runs on)."""
_SINCE_1970 = 10**11
"""No kernel has run for so many ticks; as hundredths of a second since 1970 it was long ago."""
_BIRTH_LIMIT = 5  # seconds by which two clocks may differ: `ps` has whole ones
FATAL = 78


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of one service; None means not seen."""

    kind: str = "hermes"
    installed: bool = True
    enabled: bool | None = None
    masked: bool = False
    supervised: bool = False
    activity: str = "inactive"
    """The manager's state: active, activating, deactivating, failed or inactive."""
    exit_status: int | None = None
    ended_by: str = ""
    """How the last process ended, in systemd's terms: exit-code, signal, watchdog, ..."""
    pid: int | None = None
    alive: bool = False
    suspended: bool = False
    traced: bool = False
    """A debugger has stopped it; that is a kind of suspension, too."""
    of_another: bool = False
    """It belongs to another user, as far as this user can see."""
    started_ticks: int | None = None
    age_s: float | None = None
    rss_bytes: int | None = None
    restarts: int | None = None
    recent: int | None = None  # how many of these were in the last hour
    cgroup: str = ""
    recorded: int | None = None
    """The process in its pid file, whether it lives or not."""
    state: Mapping[str, Any] | None = None
    damage: str = ""  # why its state file says nothing, if it is there
    heartbeat: Mapping[str, Any] | None = None
    beatless: bool = False  # its version is known to write none
    now: float = 0
    expected: frozenset[str] = frozenset()
    answers: Mapping[str, Answer | None] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    """The command line of its process; empty if it was not read."""
    home: str = ""
    """The HERMES_HOME of its process, if that is not the profile's own."""
    faults: tuple[str, ...] = ()
    """Why it is not what is wanted although it may run well."""
    rivals: tuple[str, ...] = ()
    """What else runs its home, or serves its port, in words."""
    units: tuple[str, ...] = ()
    """Units of others that run its home: the paths of their files."""
    homeless: bool = False  # its home is not there
    lost: str = ""
    """That its home was replaced by another folder since it began, in words."""
    deleted: tuple[str, ...] = ()
    """Files of its home that it has open, and somebody deleted."""
    astray: str = ""
    """Where its process writes its logs in place of its home, in words."""
    bars: tuple[str, ...] = ()
    """Why it could not start again, although it may run now."""
    stale: tuple[str, ...] = ()
    """Settings whose values are others than those that its process was started with."""
    doubts: tuple[str, ...] = ()
    """Why nobody knows whether it is what is wanted."""
    unjudged: tuple[str, ...] = ()
    """What could not be read, in words; that alone speaks neither for nor against it."""
    foreign: tuple[str, ...] = ()  # files of others that define a part of it
    unread: bool = False
    """Its definition changed since the manager read it."""
    settle: float = 0
    since: float | None = None
    """When its manager started, stopped or lost it, in seconds since 1970."""
    cpu: float | None = None
    """The share of one processor that its process had in its life, from 0 up."""
    drain: str = ""  # the request to drain that lies in its home
    drain_lasts: bool = False
    """It does not end with a restart."""
    patience: int = PATIENCE
    """Seconds that its manager gives it to end before it kills it."""
    by_hand: str = ""
    """Who has stopped it with the host's wrapper, in words."""
    newer_code: bool | None = None
    """The code on the disk is newer than its process."""
    drained_at: float | None = None
    """When the request to drain was made, in seconds since 1970."""
    twice: str = ""  # that its manager runs it more than once
    elsewhere: str = ""  # that another manager than the wanted one has it, in words


def evidence_of(
    service: ServiceSpec,
    facts: Facts,
    manager: str,
    *,
    urls: tuple[str, ...] = (),
    expected: frozenset[str] = frozenset(),
    settle: float = 0,
) -> Evidence:
    """Return the evidence in the facts for a service under this manager."""
    told = _told(manager, service, facts)
    own = _record(service, facts)
    pid = told.pid or _living(own, facts)
    process = facts.processes.get(pid) if pid else None
    age = _age(process, facts)
    command = facts.commands.get(pid) if pid else None
    drains = [m for m in markers(service.home, facts) if m.path.name == DRAIN]
    return Evidence(
        kind=service.readiness,
        installed=told.installed,
        enabled=told.enabled,
        masked=told.masked,
        activity=told.activity,
        exit_status=told.exit_status,
        ended_by=told.ended_by,
        restarts=told.restarts,
        recent=told.recent,
        pid=pid,
        alive=process is not None and process.state not in ("Z", "X"),
        suspended=process is not None and process.state in ("T", "t"),
        traced=process is not None and process.state == "t",
        supervised=told.pid is not None,
        # Only the command lines of own processes could be read.
        of_another=bool(process and facts.commands) and pid not in facts.commands,
        started_ticks=process.started if process else None,
        age_s=max(0.0, age) if age is not None else None,
        rss_bytes=process.rss_pages * 4096 if process and process.rss_pages is not None else None,
        cgroup=process.cgroup if process else "",
        recorded=_recorded(service, facts),
        state=_load(facts, service, STATE_FILE),
        damage=damage_of(service, facts),
        heartbeat=_load(facts, service, HEARTBEAT),
        beatless=bool(facts.hermes and capabilities(facts.hermes.version).lacks("heartbeat")),
        now=facts.now,
        expected=expected,
        answers={url: facts.answers.get(url) for url in urls},
        settle=settle,
        argv=command.argv if command else (),
        home=_other_home(command, service, facts),
        **_others(service, facts, pid, own, urls, manager),
        homeless=bool(facts.real) and str(service.home) not in facts.real,
        lost=lost(service, pid, facts),
        deleted=deleted(service, pid, facts),
        astray=astray(service, pid, facts),
        foreign=told.foreign,
        since=facts.now - facts.uptime + told.changed if facts.uptime and told.changed else None,
        cpu=process.cpu_ticks / TICKS / age if process and process.cpu_ticks and age else None,
        unread=told.unread,
        drain=drains[0].told if drains else "",
        drain_lasts=any(not drain.passing for drain in drains),
        patience=told.patience,
        newer_code=str(service.home) in facts.newer if process and facts.hermes else None,
        drained_at=drains[0].begun if drains else None,
        by_hand=str(hand_stop(service.name, service.home, facts) or ""),
        twice=told.twice,
        elsewhere="",  # who compares managers says it
    )


def pids_of(service: ServiceSpec, facts: Facts) -> frozenset[int]:
    """Return every known process of the service, whatever manager runs it."""
    told = (manager.told(service, facts).pid for manager in MANAGERS.values())
    own = _living(_record(service, facts), facts)
    return frozenset(filter(None, (*told, own)))


def is_supervised(service: ServiceSpec, facts: Facts, manager: str) -> bool:
    """Return whether this manager runs the service now."""
    return MANAGERS[manager].told(service, facts).pid is not None


def _recorded(service: ServiceSpec, facts: Facts) -> int | None:
    """Return the process in the pid file, which is JSON or a bare number."""
    text = facts.contents.get(f"{service.home}/{PID_FILE}", "").strip()
    pid = (
        int(text)
        if re.fullmatch("[0-9]{1,9}", text)
        else (_record(service, facts) or {}).get("pid")
    )
    return pid if isinstance(pid, int) else None


def _record(service: ServiceSpec, facts: Facts) -> Mapping[str, Any] | None:
    """Return what the gateway wrote about itself at its start."""
    return _load(facts, service, PID_FILE) if service.text == "hermes" else None


def _others(
    service: ServiceSpec,
    facts: Facts,
    pid: int | None,
    record: Mapping[str, Any] | None,
    urls: tuple[str, ...],
    manager: str,
) -> dict[str, tuple[str, ...]]:
    """Return what else runs the home of a gateway, and what of that could not be read."""
    if service.text != "hermes":
        return {}
    home = f"{facts.home}/{service.home}"
    process = facts.processes.get(pid) if pid else None
    words = list(rivals.other_processes(home, pid, process.cgroup if process else "", facts))
    holder = _living(record, facts)
    if holder not in (None, pid):
        words.append(f"process {holder} holds the lock of this home")
    served, unknown = ports.served_by_others(urls, pid, facts)
    unread = [f"the command line of process {pid}"] if process and pid not in facts.commands else []
    units = set(rivals.own_units(service, MANAGERS[manager], facts))
    return {
        "rivals": (*dict.fromkeys(words), *served),
        "units": tuple(rivals.other_units(home, units, facts)),
        "unjudged": (*unread, *unknown, *facts.unread),
    }


def _other_home(command: Invocation | None, service: ServiceSpec, facts: Facts) -> str:
    found = command.home if command and service.text == "hermes" else ""
    return "" if found.rstrip("/") == f"{facts.home}/{service.home}" else found


def _age(process: Process | None, facts: Facts) -> float | None:
    """Return for how many seconds a process lives, None where that is not known."""
    if process is None:
        return None
    if process.started is None:
        return facts.now - process.born if process.born is not None else None
    return facts.uptime - process.started / TICKS if facts.uptime else None


def is_birth(start_time: Any, ticks: int | None, born: float | None) -> bool:
    """Whether a process that began then is the one that wrote this `start_time`.

    Hermes writes its ticks since the boot, or, where it finds no `/proc`, the hundredths of a
    second since 1970. What cannot be compared speaks for nobody and against nobody.
    """
    if start_time is None:
        return True
    if ticks is not None or not isinstance(start_time, int):
        return bool(start_time == ticks)
    if born is None or start_time < _SINCE_1970:
        return True
    return abs(start_time / TICKS - born) <= _BIRTH_LIMIT


def _living(record: Mapping[str, Any] | None, facts: Facts) -> int | None:
    """Return the pid in a pid file if the very process that wrote it still lives."""
    record = record or {}
    pid = record.get("pid")
    process = facts.processes.get(pid) if isinstance(pid, int) else None
    if process is None:
        return None
    return pid if is_birth(record.get("start_time"), process.started, process.born) else None


def _load(facts: Facts, service: ServiceSpec, name: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(facts.contents.get(f"{service.home}/{name}", "null"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _told(manager: str, service: ServiceSpec, facts: Facts) -> ManagerReport:
    """Return what the manager reported; Hermes' own file adds an end that it did not report."""
    told = MANAGERS[manager].told(service, facts)
    if told.ended_itself and _exit_was_fatal(service, facts):
        return replace(told, activity="failed", exit_status=FATAL)
    if told.dropped and (_load(facts, service, STATE_FILE) or {}).get("gateway_state") == "stopped":
        return replace(told, activity="inactive", ended_by="")  # as by `hermes gateway stop`
    return told


def _exit_was_fatal(service: ServiceSpec, facts: Facts) -> bool:
    state = _load(facts, service, STATE_FILE) or {}
    return bool(service.fatal_exit) and state.get("gateway_state") == "startup_failed"
