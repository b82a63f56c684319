"""What is seen of one service: read from the facts of its host, judged by `readiness`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hermes_ops.hermes.gateway import HEARTBEAT, PID_FILE, STATE_FILE
from hermes_ops.look.facts import Answer, Facts, Unit
from hermes_ops.services.base import ServiceSpec

TICKS = 100
"""Clock ticks a second in /proc (USER_HZ, 100 on every Linux that Hermes runs on)."""


FATAL = 78


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of one service; None is: not seen."""

    kind: str = "hermes"
    installed: bool = True
    enabled: bool | None = None
    supervised: bool = False
    activity: str = "inactive"
    """The manager's word: active, activating, deactivating, failed or inactive."""
    exit_status: int | None = None
    ended_by: str = ""
    """How the last process ended, in systemd's word: exit-code, signal, watchdog, ..."""
    pid: int | None = None
    alive: bool = False
    suspended: bool = False
    started_ticks: int | None = None
    age_s: float | None = None
    rss_bytes: int | None = None
    restarts: int | None = None
    cgroup: str = ""
    state: Mapping[str, Any] | None = None
    heartbeat: Mapping[str, Any] | None = None
    now: float = 0
    expected: frozenset[str] = frozenset()
    answers: Mapping[str, Answer | None] = field(default_factory=dict)
    settle: float = 0


def evidence_of(
    service: ServiceSpec,
    facts: Facts,
    manager: str,
    *,
    urls: tuple[str, ...] = (),
    expected: frozenset[str] = frozenset(),
    settle: float = 0,
) -> Evidence:
    """Return what the facts show of a service under this manager."""
    told = _systemd(service, facts) if manager == "systemd" else _supervisord(service, facts)
    own = _load(facts, service, PID_FILE) if service.text == "hermes" else None
    stray = None if told.get("pid") else _living(own, facts)
    pid = told.get("pid") or stray
    process = facts.processes.get(pid) if pid else None
    age = facts.uptime - process.started / TICKS if process and facts.uptime else None
    return Evidence(
        **{
            "kind": str(service.readiness.get("kind", "process")),
            **told,
            "pid": pid,
            "alive": process is not None and process.state not in ("Z", "X"),
            "suspended": process is not None and process.state in ("T", "t"),
            "supervised": bool(told.get("pid")),
            "started_ticks": process.started if process else None,
            "age_s": max(0.0, age) if age is not None else None,
            "rss_bytes": process.rss_pages * 4096 if process else None,
            "cgroup": process.cgroup if process else "",
            "state": _load(facts, service, STATE_FILE),
            "heartbeat": _load(facts, service, HEARTBEAT),
            "now": facts.now,
            "expected": expected,
            "answers": {url: facts.answers.get(url) for url in urls},
            "settle": settle,
        }
    )


def _living(record: Mapping[str, Any] | None, facts: Facts) -> int | None:
    """Return the pid in a pid file if the very process that wrote it still lives."""
    pid = (record or {}).get("pid")
    process = facts.processes.get(pid) if isinstance(pid, int) else None
    if process is None or (record or {}).get("start_time") not in (None, process.started):
        return None
    return pid


def _load(facts: Facts, service: ServiceSpec, name: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(facts.contents.get(f"{service.home}/{name}", "null"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _systemd(service: ServiceSpec, facts: Facts) -> dict[str, Any]:
    unit = facts.units.get(service.unit, Unit({}))
    return {
        "installed": unit["LoadState"] == "loaded",
        "enabled": unit["UnitFileState"] == "enabled" if unit.properties else None,
        "activity": unit["ActiveState"] or "inactive",
        "exit_status": unit.number("ExecMainStatus"),
        "ended_by": "" if unit["Result"] == "success" else unit["Result"],
        "pid": unit.number("MainPID") or None,
        "restarts": unit.number("NRestarts"),
    }


_ACTIVITY = {
    "RUNNING": "active",
    "STARTING": "activating",
    "BACKOFF": "activating",
    "STOPPING": "deactivating",
    "FATAL": "failed",
    "UNKNOWN": "failed",
}


def _supervisord(service: ServiceSpec, facts: Facts) -> dict[str, Any]:
    word, _, rest = facts.programs.get(service.name, "").partition(" ")
    fatal = word == "EXITED" and _exit_was_fatal(service, facts)
    pid = rest.strip().removeprefix("pid ").partition(",")[0]
    section = f".config/hermes-ops/supervisord.d/{service.name}.conf"
    return {
        "installed": section in facts.paths,
        "enabled": "autostart=true" in facts.contents.get(section, ""),
        "activity": "failed" if fatal else _ACTIVITY.get(word, "inactive"),
        "exit_status": FATAL if fatal else None,
        "pid": int(pid) if pid.isdigit() else None,
    }


def _exit_was_fatal(service: ServiceSpec, facts: Facts) -> bool:
    # supervisorctl does not tell the exit code; only the codes we name end a program for good.
    state = _load(facts, service, STATE_FILE) or {}
    return bool(service.fatal_exit) and state.get("gateway_state") == "startup_failed"
