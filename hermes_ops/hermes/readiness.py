"""Whether a service is ready: a pure function of its evidence.

The order of the checks is that of `docs/readiness.md`. Hermes' `status` command and exit codes
are not evidence; a state file counts only for the process that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Any

from hermes_ops.hermes.beside.rivals import is_gateway
from hermes_ops.hermes.evidence import FATAL, Evidence, is_birth
from hermes_ops.look.facts import Answer
from hermes_ops.services.endings import explained

HEARTBEAT_LIMIT = 90  # seconds without a heartbeat, due every 30, that stop the event loop
CONNECT_LIMIT = 30  # seconds that Hermes gives a platform (`gateway.platform_connect_timeout`)
PLANNED_RESTART = 75
AHEAD = "dated in the future"
_BECAUSE = {"missing": "is its library installed?", AHEAD: "a restart writes its entry again"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a service in one word, and why."""

    state: str
    reasons: tuple[str, ...] = ()
    platforms: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        """Whether the service is ready."""
        return self.state == "healthy"

    @property
    def is_pending(self) -> bool:
        """Whether it may still become ready."""
        return self.state in ("starting", "draining")


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict from the evidence."""
    verdict = _of_process(evidence)
    if not evidence.faults:
        unsure = verdict.is_ready and evidence.doubts
        return replace(verdict, state="unknown", reasons=evidence.doubts) if unsure else verdict
    state = "degraded" if verdict.is_ready or verdict.is_pending else verdict.state
    reasons = dict.fromkeys((*evidence.faults, *verdict.reasons))  # a damage may be a fault, too
    return replace(verdict, state=state, reasons=tuple(reasons))


def _of_process(evidence: Evidence) -> Verdict:
    if not evidence.alive:
        return _without_process(evidence)
    if not evidence.supervised:
        whose = " of another user" if evidence.of_another else ""
        words = f"it runs as process {evidence.pid}{whose}"
        return Verdict("degraded", (f"{words}, but its service manager does not know it",))
    if evidence.suspended:
        by = " by a debugger" if evidence.traced else ""
        return Verdict("down", (f"its process {evidence.pid} is suspended{by}",))
    if evidence.kind == "hermes":
        return stranger(evidence) or _hermes(evidence)
    return _answers(evidence, {}) or _settled(evidence, {})


def stranger(evidence: Evidence) -> Verdict | None:
    """Return the verdict on a process that is another program, or runs another home."""
    if evidence.kind != "hermes":
        return None
    if evidence.argv and not is_gateway(evidence.argv):
        words = f"its process {evidence.pid} is {evidence.argv[0]}, not a gateway"
        return Verdict("down", (words,))
    if evidence.home:
        words = f"the HERMES_HOME of its process {evidence.pid} is {evidence.home}"
        return Verdict("degraded", (words,))
    return None


def _without_process(evidence: Evidence) -> Verdict:
    activity = evidence.activity
    if evidence.exit_status == FATAL and activity != "inactive":
        reason = _failed_start(evidence) or "see the log"
        return Verdict("down", (f"fatal configuration (exit 78): {reason}",))
    if activity == "failed":
        return Verdict("down", (_ending(evidence),))
    if activity == "activating":
        return _between_starts(evidence)
    if activity == "deactivating":
        return Verdict("draining", ("it is being stopped",))
    if activity == "active":
        return Verdict("unknown", ("its process ended during the look",))
    if evidence.masked:
        return Verdict("stopped", ("its unit is masked",))
    why = (evidence.by_hand,) if evidence.by_hand and evidence.installed else ()
    return Verdict("stopped" if evidence.installed else "absent", why)


def _between_starts(evidence: Evidence) -> Verdict:
    status, failed = evidence.exit_status, _failed_start(evidence)
    if not failed and (status == PLANNED_RESTART or not (status or evidence.ended_by)):
        return Verdict("starting", ("it is being started", *_again(evidence)))
    return Verdict("down", (_ending(evidence), "its manager restarts it", *_again(evidence)))


def _ending(evidence: Evidence) -> str:
    """Return in words how the last process ended, and why if that is known."""
    return explained(evidence.exit_status, evidence.ended_by, _failed_start(evidence))


def _failed_start(evidence: Evidence) -> str:
    """Return why Hermes gave up its start; empty if it did not report that."""
    state = evidence.state or {}
    if state.get("gateway_state") != "startup_failed":
        return ""
    return str(state.get("exit_reason") or "its start failed")


def _hermes(evidence: Evidence) -> Verdict:
    state = evidence.state
    if evidence.activity == "deactivating":
        return Verdict("draining", ("it is being stopped",))
    if evidence.damage:
        return Verdict("unknown", (evidence.damage, *_again(evidence)))
    if state is None or not is_of_process(state, evidence):
        # Before that it may sleep after a respawn storm, or run pip for a missing library.
        return Verdict("starting", ("it has not written its state yet", *_again(evidence)))
    word = str(state.get("gateway_state"))
    return _running(evidence, state) if word == "running" else _on_the_way(word, evidence)


def _on_the_way(word: str, evidence: Evidence) -> Verdict:
    if word == "starting":
        return Verdict("starting", _again(evidence))
    if word == "startup_failed":
        return Verdict("down", (_failed_start(evidence),))
    if word in ("draining", "stopped"):
        why = (f"by the {evidence.drain}",) if evidence.drain else ()
        return Verdict("draining", ("it is ending",) if word == "stopped" else why)
    return Verdict("starting", (f"its state is {word}",))


def _again(evidence: Evidence) -> tuple[str, ...]:
    times, recent = evidence.restarts or 0, evidence.recent
    lately = f", {recent} in the last hour" if recent is not None and times > 1 else ""
    return (f"restarted {times} time{'s' * (times > 1)} so far{lately}",) if times else ()


def is_of_process(state: Mapping[str, Any], evidence: Evidence) -> bool:
    """Whether a gateway's own file names this very process, and none before it of this number."""
    if state.get("pid") != evidence.pid:
        return False
    born = evidence.now - evidence.age_s if evidence.age_s is not None else None
    return is_birth(state.get("start_time"), evidence.started_ticks, born)


def _running(evidence: Evidence, state: Mapping[str, Any]) -> Verdict:
    still = _standstill(evidence)
    if still and still.state == "down":
        return still
    platforms, doubts = _platforms(evidence, state)
    if doubts:
        return Verdict(_worst(evidence, platforms), tuple(doubts), platforms)
    silent = still and replace(still, platforms=platforms)
    return _answers(evidence, platforms) or silent or _settled(evidence, platforms)


def is_stalled(evidence: Evidence) -> bool:
    """Whether the event loop of this very process looks frozen: no heartbeat, and a silent API.

    Only its own state file proves that the process is the gateway. One look is no proof: whoever
    restarts for this looks a second time.
    """
    state, age, answers = evidence.state or {}, heartbeat_age(evidence), evidence.answers.values()
    proven = evidence.supervised and evidence.alive and state.get("start_time") is not None
    silent = bool(answers) and all(one is not None and one.status is None for one in answers)
    return bool(
        proven
        and is_of_process(state, evidence)
        and silent
        and age is not None
        and age > HEARTBEAT_LIMIT
    )


def heartbeat_age(evidence: Evidence) -> float | None:
    """Return the seconds since this process last wrote its heartbeat; None if it never did.

    One from far ahead is infinitely old: after the clock was set back, a loop that runs has written
    another one.
    """
    beat = evidence.heartbeat
    if not beat or beat.get("pid") != evidence.pid:
        return None
    age = evidence.now - _seconds(beat.get("updated_at"), evidence.now)
    return max(0.0, age) if age > -HEARTBEAT_LIMIT else inf


def _standstill(evidence: Evidence) -> Verdict | None:
    """Return the verdict on an old heartbeat, or on none: silence alone proves nothing."""
    age = heartbeat_age(evidence)  # the first comes within 30 seconds, if its version writes any
    silent = 0 if evidence.beatless else evidence.age_s or 0
    if (silent if age is None else age) <= HEARTBEAT_LIMIT:
        return None
    if age is None:
        told = f"it has written no heartbeat for {evidence.age_s:.0f} s"
    elif not any(_is_well(answer, evidence) for answer in evidence.answers.values()):
        long = "since before the clock was set back" if age == inf else f"for {age:.0f} s"
        return Verdict("down", (f"its event loop has stood still {long}",))
    else:
        old = "is dated in the future" if age == inf else f"is {age:.0f} s old"
        told = f"its heartbeat {old}, although its API answers"
    return Verdict("unknown", (f"{told}: can it write its folder state/?",))


def _is_well(answer: Answer | None, evidence: Evidence) -> bool:
    own = evidence.kind != "hermes" or "hermes-agent" in (answer.body if answer else "")
    return answer is not None and answer.status == 200 and own


def _platforms(evidence: Evidence, state: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    entries = _entries(state)
    words = {name: _platform(entries.get(name), evidence) for name in sorted(evidence.expected)}
    doubts = [
        f"{name} is {word}{_because(word, entries.get(name))}"
        for name, word in words.items()
        if word != "connected"
    ]
    return words, doubts


def _platform(entry: Any, evidence: Evidence) -> str:
    if not isinstance(entry, dict):
        return "missing"
    # The file is merged over the old one: an entry from before this process does not count.
    age = evidence.now - _seconds(entry.get("updated_at"), evidence.now)
    if -HEARTBEAT_LIMIT <= age <= (evidence.age_s or 0) + 2:
        return str(entry.get("state"))
    return "missing" if age > 0 else AHEAD


def named_platforms(evidence: Evidence) -> frozenset[str]:
    """Return the platforms that the process reports; for a stranger nothing else is known."""
    entries = _entries(evidence.state or {})
    words = {name: _platform(entry, evidence) for name, entry in entries.items()}
    return frozenset(name for name, word in words.items() if word not in ("missing", "disabled"))


def _entries(state: Mapping[str, Any]) -> Mapping[str, Any]:
    entries = state.get("platforms")
    return entries if isinstance(entries, dict) else {}


def _because(word: str, entry: Any) -> str:
    return f": {why}" if (why := _BECAUSE.get(word) or (entry or {}).get("error_message")) else ""


def _worst(evidence: Evidence, platforms: Mapping[str, str]) -> str:
    # Once the state is `running`, each platform was tried: without an entry it has no adapter.
    if AHEAD in platforms.values():  # this process wrote it before the clock was set, or another
        return "unknown"
    young = (evidence.age_s or 0) < CONNECT_LIMIT
    if young and set(platforms.values()) <= {"connecting", "connected"}:
        return "starting"
    return "degraded"


def _answers(evidence: Evidence, platforms: Mapping[str, str]) -> Verdict | None:
    for url, answer in evidence.answers.items():
        if answer is None:
            return Verdict("unknown", (f"{url} was not asked",), platforms)
        if answer.status is None:
            state = "starting" if (evidence.age_s or 0) < 30 else "degraded"
            return Verdict(state, (f"{url} does not answer",), platforms)
        if answer.status != 200:
            return Verdict("degraded", (f"{url} answers {answer.status}",), platforms)
        if evidence.kind == "hermes" and "hermes-agent" not in answer.body:
            return Verdict("degraded", (f"another program answers at {url}",), platforms)
    return None


def _settled(evidence: Evidence, platforms: Mapping[str, str]) -> Verdict:
    if evidence.activity == "activating":
        return Verdict("starting", ("it has not told its manager that it started",), platforms)
    if evidence.age_s is not None and evidence.age_s < evidence.settle:
        return Verdict("starting", (f"up for {evidence.age_s:.1f} s",), platforms)
    return Verdict("healthy", (), platforms)


def _seconds(text: Any, default: float) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return default
