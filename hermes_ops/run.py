"""Look, plan, apply: one host after the other in its own thread, many hosts at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path, PurePosixPath

from hermes_ops import script, wheels
from hermes_ops.answers import latest, parse
from hermes_ops.errors import (
    HermesError,
    Locked,
    MissingPrivilege,
    NotReady,
    Unknown,
    Unreachable,
)
from hermes_ops.events import (
    Changed,
    Changing,
    Connecting,
    Emit,
    Finished,
    Gathered,
    Looking,
    Noted,
    Planned,
    Pushing,
    Waiting,
)
from hermes_ops.evidence import evidence_of
from hermes_ops.facts import Facts, probe
from hermes_ops.inventory import Host
from hermes_ops.plan import Change, DesiredState, Plan, Watch, make_plan
from hermes_ops.plan.model import EnableLinger, Install, Refuse
from hermes_ops.plan.question import question
from hermes_ops.readiness import Verdict, judge
from hermes_ops.transport import Transport, connect
from hermes_ops.transport.trace import Traced
from hermes_ops.wire import Record, Reply

LOOKS = 3
"""How often a host is looked at anew when it changed between the look and the lock."""

Connect = Callable[..., Transport]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run behaves towards every host; times are in seconds."""

    check: bool = False
    wait: bool = True
    owner: dict[str, str] = field(default_factory=dict)
    lock_timeout: int = 60
    known_hosts: tuple[Path, ...] = ()
    pip: Path | None = None
    cache: Path = Path()
    connect: Connect = connect
    trace: Callable[[str, str], None] | None = None
    """Told of host and line for everything that is exchanged, if one wants to see it."""
    learn: Callable[[str], None] | None = None
    """Told of every value of a host's `.env` files, so that none of them is ever shown."""


@dataclass(slots=True)
class Done:
    """How one change ended."""

    change: Change
    outcome: str
    because: str | None = None
    seconds: float = 0


@dataclass(slots=True)
class HostResult:
    """Everything that a run knows of one host at its end."""

    host: Host
    outcome: str = "unknown"
    error: HermesError | None = None
    changes: list[Done] = field(default_factory=list)
    plan: Plan | None = None
    facts: Facts | None = None
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    """The last lines of a profile's log, where it did not become ready."""
    waited: float = 0
    urls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exchanges: int = 0
    seconds: float = 0
    transport: Transport | None = None

    @property
    def differs(self) -> bool:
        """Say whether something is not as wanted, and this run did not change it."""
        planned = any(done.outcome == "planned" for done in self.changes)
        return planned or bool(self.plan and self.plan.differs)


def converge_host(desired: DesiredState, settings: Settings, emit: Emit) -> HostResult:
    """Bring one host to its desired state; whatever fails is this host's alone."""
    result = HostResult(desired.host)
    began = time.monotonic()
    try:
        _converge(desired, settings, emit, result)
        result.outcome = _outcome(result)
    except HermesError as error:
        result.error = error
        result.outcome = outcome_of(error)
    if result.transport is not None:
        result.exchanges = result.transport.exchanges
    result.seconds = time.monotonic() - began
    message = str(result.error) if result.error else ""
    emit(Finished(desired.host.name, result.outcome, message, result.seconds))
    return result


def outcome_of(error: HermesError) -> str:
    """Return the host's outcome in one word for an error that ended it."""
    if isinstance(error, Unreachable):
        return "unreachable"
    return "unknown" if isinstance(error, Unknown) else "failed"


def _outcome(result: HostResult) -> str:
    outcomes = {done.outcome for done in result.changes}
    if "moved" in outcomes or "unknown" in outcomes:
        return "unknown"
    if "failed" in outcomes:
        return "failed"
    return "changed" if outcomes & {"done", "planned"} else "ok"


def open_host(host: Host, settings: Settings, emit: Emit) -> Transport:
    """Connect; each further attempt is told."""
    emit(Connecting(host.name))
    transport = settings.connect(
        host,
        known_hosts=settings.known_hosts,
        retry=lambda attempt, why: emit(Connecting(host.name, attempt, why)),
    )
    trace = settings.trace
    return Traced(transport, lambda line: trace(host.name, line)) if trace else transport


def gather(
    desired: DesiredState, transport: Transport, emit: Emit, *, strangers: bool = False
) -> Facts:
    """Look: everything about all profiles of the host in one exchange."""
    began = time.monotonic()
    emit(Looking(desired.host.name))
    facts = parse(transport.exchange(probe(question(desired, strangers=strangers))))
    emit(Gathered(desired.host.name, time.monotonic() - began))
    return facts


def _converge(desired: DesiredState, settings: Settings, emit: Emit, result: HostResult) -> None:
    result.transport = transport = open_host(desired.host, settings, emit)
    for look in range(1, LOOKS + 1):
        facts = gather(desired, transport, emit)
        _learn(facts, settings)
        plan = make_plan(desired, facts, wait=settings.wait and not settings.check)
        result.facts, result.plan = facts, plan
        emit(Planned(desired.host.name, plan))
        if settings.check:
            result.changes = [_as_planned(change) for change in plan.changes]
            return
        if not _apply(plan, transport, settings, emit, result) or look == LOOKS:
            break
        emit(Noted(desired.host.name, "it changed since the look: looking again"))
    _refuse_moved(result)
    _refuse_failures(result)
    _watch(plan, transport, settings, emit, result)


def _learn(facts: Facts, settings: Settings) -> None:
    if settings.learn is None:
        return
    for path, text in facts.contents.items():
        for line in text.splitlines() if path.endswith("/.env") else ():
            settings.learn(line.partition("=")[2].strip().strip("\"'"))


def _as_planned(change: Change) -> Done:
    if isinstance(change.operation, Refuse):
        return Done(change, "failed", change.operation.message)
    return Done(change, "planned")


# --- apply ------------------------------------------------------------------------------------


def _apply(
    plan: Plan, transport: Transport, settings: Settings, emit: Emit, result: HostResult
) -> bool:
    """Apply the plan; say whether something had moved since the look, so that a new one is due."""
    if plan.is_empty:
        result.changes = [done for done in result.changes if done.outcome == "done"]
        return False
    _push(plan, transport, settings, emit)
    listener = _Listener(plan, emit)
    timeout = _deadline(plan, settings)
    reply = transport.exchange(
        script.compile_plan(plan, _terms(plan, settings)), listener, timeout=timeout
    )
    earlier = [done for done in result.changes if done.outcome == "done"]
    result.changes = earlier + listener.finish(complete=reply.complete)
    _refuse_ends(reply, plan)
    result.facts = _after(listener.seen(result.facts), plan, result)
    result.logs |= listener.logs
    result.waited = listener.waited
    return any(done.outcome == "moved" for done in result.changes)


def _after(facts: Facts | None, plan: Plan, result: HostResult) -> Facts | None:
    """Return the facts with the program that the plan installed, if it did."""
    installed = any(
        done.outcome == "done" and isinstance(done.change.operation, Install)
        for done in result.changes
    )
    return replace(facts, hermes=plan.hermes) if facts and installed else facts


def _deadline(plan: Plan, settings: Settings) -> float:
    installing = sum(
        change.operation.deadline
        for change in plan.changes
        if isinstance(change.operation, Install)
    )
    waves = 1 + max((watch.wave for watch in plan.watches), default=0)
    return (
        plan.host.connection.exchange_timeout
        + settings.lock_timeout
        + installing
        + plan.host.ready_timeout * waves
    )


def _terms(plan: Plan, settings: Settings) -> script.Terms:
    return script.Terms(
        json.dumps(settings.owner),
        settings.lock_timeout,
        round(plan.host.ready_timeout),
        # Half a round more, so that what settled is seen settled.
        round(plan.host.settle + 0.6),
    )


def _push(plan: Plan, transport: Transport, settings: Settings, emit: Emit) -> None:
    """Carry what the changes need and the host cannot fetch: pip itself, and wheels."""
    if not any(isinstance(change.operation, Install) for change in plan.changes):
        return
    if settings.pip is None:
        raise NotReady("the wheel of pip is missing from vendor/", hint="git checkout vendor/")
    emit(Pushing(plan.host.name, "pip"))
    transport.put(settings.pip, PurePosixPath(script.PIP))
    for wanted in plan.wheelhouses:
        emit(Pushing(plan.host.name, f"the wheels of {', '.join(wanted.requirements)}"))
        for wheel in wheels.gather(wanted, pip=settings.pip, cache=settings.cache):
            transport.put(wheel, PurePosixPath(script.WHEELS) / wheel.name)


def _refuse_ends(reply: Reply, plan: Plan) -> None:
    for record in reply.of("fatal"):
        raise HermesError(record.rest)
    if next(reply.of("lock-refused"), None) is not None:
        raise Locked(
            f"{plan.host.name} is locked by {_owner(reply)}",
            hint="wait, or if that run is gone: ssh to the host and"
            " rm -r ~/.local/state/hermes-ops/lock",
        )
    if not reply.complete:
        raise Unknown("the connection was lost while changing", hint="run it again: it converges")


def _owner(reply: Reply) -> str:
    held = [record.text for record in reply.of("lock-held") if record.text]
    return owner_text(held[-1]) if held else "somebody"


def owner_text(text: str) -> str:
    """Return who holds a lock, since when and why, in words."""
    try:
        owner = json.loads(text.strip() or "{}")
    except ValueError:
        return "somebody"
    why = f" ({owner['why']})" if owner.get("why") else ""
    who, run, since = (owner.get(key, "?") for key in ("operator", "run", "since"))
    return f"{who}, run {run}, since {since}{why}"


class _Listener:
    """Hears the records of an apply: tells each change, keeps the last round of evidence."""

    def __init__(self, plan: Plan, emit: Emit) -> None:
        self._plan, self._emit = plan, emit
        self._done: dict[int, Done] = {}
        self._output: dict[int, str] = {}
        self._round: list[Record] = []
        self._last: list[Record] = []
        self._clock = time.monotonic()
        self._waiting: float | None = None

    def __call__(self, record: Record) -> None:
        host = self._plan.host.name
        for outcome in script.outcomes(record):
            self._end(outcome)
        if record.word == "output":
            self._output[int(record.rest)] = (record.text or "").strip()
        elif record.word == "starts":
            self._emit(Changing(host, self._plan.changes[int(record.rest)]))
        elif record.word == "lock-held":
            self._emit(Waiting(host, f"for {owner_text(record.text or '')}"))
        elif record.word == "lock-taken-over":
            self._emit(
                Noted(host, f"took over the lock of a dead run: {owner_text(record.text or '')}")
            )
        elif record.word == "round":
            self._last, self._round = self._round or self._last, []
            self._waiting = self._waiting or time.monotonic()
            self._emit(Waiting(host, "for readiness"))
        else:
            self._round.append(record)

    def _end(self, ended: script.Outcome) -> None:
        change = self._plan.changes[ended.number]
        now = time.monotonic()
        because = None
        if ended.outcome == "failed":
            because = _because(change, ended.message, self._output.get(ended.number, ""))
        elif ended.outcome == "skipped":
            because = self._cause(change)
        done = Done(change, ended.outcome, because, now - self._clock)
        self._clock = now
        self._done[ended.number] = done
        self._emit(Changed(self._plan.host.name, change, done.outcome, because, done.seconds))

    def _cause(self, change: Change) -> str:
        for done in self._done.values():
            if done.outcome == "failed" and done.change.profile in (None, change.profile):
                return f"{done.change.step} failed"
        first = {
            after for p in self._plan.host.profiles if p.name == change.profile for after in p.after
        }
        return (
            f"{', '.join(sorted(first))} must be ready first" if first else "an earlier step failed"
        )

    def finish(self, *, complete: bool) -> list[Done]:
        """Return how every change of the plan ended; what was not heard of is unknown."""
        unheard = "skipped" if complete else "unknown"
        return [
            self._done.get(number, Done(change, unheard, "not reached"))
            for number, change in enumerate(self._plan.changes)
        ]

    @property
    def logs(self) -> dict[str, str]:
        """Return the last lines of each profile's log that the host sent after the wait."""
        return {r.rest: (r.text or "").strip() for r in self._round if r.word == "log"}

    @property
    def waited(self) -> float:
        """Return for how long the host has waited for readiness, in seconds."""
        return time.monotonic() - self._waiting if self._waiting else 0

    def seen(self, facts: Facts | None) -> Facts | None:
        """Return the facts with the last complete round of evidence."""
        last = self._round or self._last
        return latest(last, facts) if facts and any(r.word == "now" for r in last) else facts


def _because(change: Change, message: str, output: str) -> str:
    if isinstance(change.operation, EnableLinger):
        return message
    return f"{message}: {output}" if output else message


def _refuse_moved(result: HostResult) -> None:
    moved = sorted(
        {done.change.profile or "" for done in result.changes if done.outcome == "moved"}
    )
    if moved:
        raise Unknown(
            f"{', '.join(moved)} changed between the look and the lock, each time anew",
            kind="changed_since_look",
            hint="somebody else changes this host now; look again",
        )


def _refuse_failures(result: HostResult) -> None:
    """Raise for the host's own failures; those of one profile are in its changes."""
    for done in result.changes:
        if done.outcome == "failed" and isinstance(done.change.operation, EnableLinger):
            if not done.change.operation.required:
                done.outcome = "skipped"
                continue
            user = result.facts.user if result.facts else "$USER"
            raise MissingPrivilege(
                f"linger cannot be enabled for {user}: neither polkit nor sudo allows it;"
                " nothing was started",
                hint=f"as root on {result.host.name}: loginctl enable-linger {user}"
                "   (or set hermes_linger: optional)",
            )


# --- wait -------------------------------------------------------------------------------------


def _watch(
    plan: Plan, transport: Transport, settings: Settings, emit: Emit, result: HostResult
) -> None:
    """Wait until what was started is ready; what was not started is not waited for."""
    watches = [watch for watch in plan.watches if not _is_broken(watch, result)]
    if not watches or result.facts is None:
        return
    until = time.monotonic() + plan.host.ready_timeout - result.waited
    verdicts = _verdicts(watches, plan, result.facts)
    # The look is no wait: what it did not find ready is given one, whatever its state.
    looked_only = plan.is_empty
    while _should_wait(verdicts, looked_only) and (left := until - time.monotonic()) > 0:
        listener = _Listener(plan, emit)
        transport.exchange(
            script.compile_watch(plan, replace(_terms(plan, settings), ready_timeout=ceil(left))),
            listener,
            timeout=_deadline(plan, settings),
        )
        result.facts = listener.seen(result.facts) or result.facts
        result.logs |= listener.logs
        verdicts = _verdicts(watches, plan, result.facts)
        looked_only = False
    result.verdicts |= verdicts
    _refuse_unready(verdicts, result)


def _should_wait(verdicts: dict[str, Verdict], looked_only: bool) -> bool:
    unready = [verdict for verdict in verdicts.values() if not verdict.is_ready]
    return any(looked_only or v.is_pending or v.state == "unknown" for v in unready)


def _is_broken(watch: Watch, result: HostResult) -> bool:
    return any(
        done.outcome in ("failed", "skipped", "moved", "unknown")
        and done.change.profile == watch.service.profile
        for done in result.changes
    )


def _verdicts(watches: Sequence[Watch], plan: Plan, facts: Facts) -> dict[str, Verdict]:
    return {
        watch.service.profile: verdict_of(watch, plan.manager, facts, plan.host)
        for watch in watches
    }


def verdict_of(watch: Watch, manager: str, facts: Facts, host: Host) -> Verdict:
    """Return the verdict on one service from these facts."""
    return judge(
        evidence_of(
            watch.service, facts, manager,
            urls=watch.urls, expected=watch.expected, settle=host.settle,
        )
    )  # fmt: skip


def _refuse_unready(verdicts: dict[str, Verdict], result: HostResult) -> None:
    unready = {name: v for name, v in verdicts.items() if not v.is_ready}
    if unready:
        said = "; ".join(
            f"{name} is {v.state}" + (f" ({', '.join(v.reasons)})" if v.reasons else "")
            for name, v in unready.items()
        )
        raise NotReady(said, hint=_logs(unready, result) or _where_the_log_is(result))


def _logs(names: Iterable[str], result: HostResult) -> str:
    """Return the last lines of the logs of those who are not ready, in the form of a hint."""
    logs = ((name, result.logs.get(name)) for name in names)
    return "\n".join(
        "\n      ".join([f"the log of {name} ends:", *text.splitlines()])
        for name, text in logs
        if text
    )


def _where_the_log_is(result: HostResult) -> str:
    return f"see the log: logs/gateway.log of the profile on {result.host.name}"
