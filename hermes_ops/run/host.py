"""Look, plan, apply and wait: for one host, and for all of them at once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from hermes_ops.errors import (
    CommandError,
    HermesError,
    MissingPrivilege,
    NoSuchUser,
    NotTried,
    Unknown,
)
from hermes_ops.inventory.model import Host
from hermes_ops.look.answers import parse
from hermes_ops.look.facts import Facts
from hermes_ops.look.question import probe
from hermes_ops.plan import Change, DesiredState, Plan, make_plan
from hermes_ops.plan.lifecycle.starting import STALL
from hermes_ops.plan.model import Control, EnableLinger, Refuse
from hermes_ops.plan.question import question
from hermes_ops.reporting.events import (
    Changed,
    Emit,
    Event,
    Gathered,
    Looking,
    Noted,
    Planned,
    Waiting,
)
from hermes_ops.run import account
from hermes_ops.run.apply import apply_plan
from hermes_ops.run.connections import Connections
from hermes_ops.run.fan_out import HostOutcome, over_hosts
from hermes_ops.run.model import Done, HostResult, Settings
from hermes_ops.run.parallel import Rules
from hermes_ops.run.planned import plan_of
from hermes_ops.run.watch import watch_services
from hermes_ops.secrets.names import holds_credential
from hermes_ops.transport import Transport

_NO_RIGHT = "exit 77"
"""How linger fails if the user may not enable it; the code is EX_NOPERM of sysexits(3)."""
LOOKS = 3
"""How often we look at a host that keeps changing between the look and the lock."""


One = Callable[[DesiredState, Transport, Settings, Emit, HostResult], HostResult]
"""The work on one host: it returns the result that it is given, filled."""


def converge_hosts(
    states: Sequence[DesiredState],
    rules: Rules,
    settings: Settings,
    emit: Emit,
    connections: Connections,
    one: One | None = None,
) -> list[HostResult]:
    """Bring all hosts to their states, or do `one` on each; `connections` keeps theirs open."""
    each = one or converge_host
    results = {state.host.name: HostResult(state.host) for state in states}
    heard: dict[str, list[Done]] = {name: [] for name in results}

    def hear(event: Event) -> None:
        if isinstance(event, Changed):
            done = Done(event.change, event.outcome, event.because, event.seconds)
            heard[event.host].append(done)
        emit(event)

    def work(state: DesiredState, transport: Transport) -> HostResult:
        return each(state, transport, settings, hear, results[state.host.name])

    def left(host: Host) -> None:
        if settings.turns is not None:
            settings.turns.leave(host.name, failed=True)  # a turn that went well has left before

    outcomes = over_hosts(
        states, work, rules, settings, hear, word_of=_word, keep=connections, left=left
    )
    return [_result(o, results[o.host.name], heard[o.host.name]) for o in outcomes]


def _word(outcome: HostOutcome[HostResult]) -> str:
    return outcome.value.outcome if outcome.value else outcome.word


def _result(outcome: HostOutcome[HostResult], result: HostResult, heard: list[Done]) -> HostResult:
    """Return the result of a host; if it was left behind, with the changes reported until then."""
    if not outcome.ended:
        # Its thread may still write into the given result: use a new one.
        result = HostResult(outcome.host, changes=list(heard))
    result.outcome, result.error = _word(outcome), outcome.failure
    result.exchanges, result.seconds = outcome.exchanges, outcome.seconds
    return result


def converge_host(
    desired: DesiredState, transport: Transport, settings: Settings, emit: Emit, result: HostResult
) -> HostResult:
    """Bring one host to its desired state; `result` holds what is known even after an error."""
    result.transport = transport
    _converge(desired, transport, settings, emit, result)
    result.outcome = outcome_of_changes(result)
    return result


def outcome_of_changes(result: HostResult) -> str:
    outcomes = {done.outcome for done in result.changes}
    if "moved" in outcomes or "unknown" in outcomes:
        return "unknown"
    if "failed" in outcomes:
        return "failed"
    return "changed" if outcomes & {"done", "planned"} else "ok"


def gather(
    desired: DesiredState,
    transport: Transport,
    emit: Emit,
    *,
    strangers: bool = False,
    urls: bool = True,
    health: bool = False,
    making: Change | None = None,
) -> Facts:
    """Look at the host: read everything about all its profiles in one exchange.

    `making`: the account that is made before.
    """
    began = time.monotonic()
    emit(Looking(desired.host.name))
    asked = question(desired, strangers=strangers, urls=urls, health=health)
    asked_at = time.time()
    script = probe(asked)
    script = account.making(script, making) if making else script
    facts = parse(transport.exchange(script), desired.host.name)
    if health:
        skew = _skew(facts.now, asked_at, time.time())
        facts = replace(facts, health={**facts.health, "skew": str(skew)})
    emit(Gathered(desired.host.name, time.monotonic() - began))
    return facts


def _skew(told: float, before: float, after: float) -> float:
    """Return by how much a clock that told this time between two others is ahead; 0 if it fits."""
    return min(0, told + 1 - before) or max(0, told - after)  # it told whole seconds


def _converge(
    desired: DesiredState, transport: Transport, settings: Settings, emit: Emit, result: HostResult
) -> None:
    for look in range(1, LOOKS + 1):
        if (facts := _look(desired, transport, settings, emit, result)) is None:
            return
        learn(facts, settings)
        plan = plan_of(desired, facts, settings, result)
        if plan.stalled:
            facts, plan = _asked_again(plan, desired, facts, transport, settings, emit)
        result.facts, result.looked, result.plan = facts, facts, plan
        emit(Planned(desired.host.name, plan))
        if settings.check:
            result.changes = list(as_planned(plan.changes))
            return
        take_turn(plan, settings, emit, result)
        if not apply_plan(plan, transport, settings, emit, result) or look == LOOKS:
            break
        emit(Noted(desired.host.name, "files changed since the look: looking again"))
    _refuse_moved(result)
    _refuse_failures(result)
    watch_services(plan, transport, settings, emit, result)
    if settings.turns is not None and not has_failed_restart(result):
        settings.turns.leave(desired.host.name)


def _look(
    desired: DesiredState, transport: Transport, settings: Settings, emit: Emit, result: HostResult
) -> Facts | None:
    """Look at the host, with the account made where it is to be; None if that is only planned."""
    try:
        return gather(desired, transport, emit, urls=not settings.check)
    except NoSuchUser as missing:
        creation = account.creation_of(desired, missing)
    if settings.check:
        result.plan = account.planned(desired, creation)
        emit(Planned(desired.host.name, result.plan))
        result.changes = list(as_planned(result.plan.changes))
        return None
    facts = gather(desired, transport, emit, making=creation)
    result.changes.append(Done(creation, "done"))
    emit(Changed(desired.host.name, creation))
    return facts


def take_turn(plan: Plan, settings: Settings, emit: Emit, result: HostResult) -> None:
    """Wait until no other host restarts a gateway of the same messaging platforms."""
    turns, host = settings.turns, plan.host.name
    if turns is None:
        return
    if not turns.ask(host, plan.rolls):
        emit(Waiting(host, f"for its turn to restart ({', '.join(sorted(plan.rolls))})"))
    if why := turns.wait(host):
        turns.leave(host)
        result.changes = [Done(change, "skipped", why) for change in plan.changes]
        raise NotTried(why, hint="mend that first; to go on regardless: --max-fail or --serial")


def has_failed_restart(result: HostResult) -> bool:
    controls = (done for done in result.changes if isinstance(done.change.operation, Control))
    return any(done.outcome != "done" for done in controls)


def _asked_again(
    plan: Plan,
    desired: DesiredState,
    earlier: Facts,
    transport: Transport,
    settings: Settings,
    emit: Emit,
) -> tuple[Facts, Plan]:
    """Return a second look and its plan: whoever was silent in the first one is asked once more."""
    names = ", ".join(plan.stalled)
    emit(Noted(desired.host.name, f"{names}: no heartbeat, no answer; asking again in {STALL} s"))
    time.sleep(STALL + 1)  # the clock of the host has whole seconds
    facts, wait = gather(desired, transport, emit), settings.wait
    rolling, drain = settings.rolling, settings.drain
    plan = make_plan(desired, facts, wait=wait, earlier=earlier, rolling=rolling, drain=drain)
    return facts, plan


_ENTRY = re.compile(r"([A-Za-z_][\w-]*):[ \t]+([^\s{}\[\],#]+)")
"""A key and a value of one word in YAML of any style: the form of a credential in a setting."""


def learn(facts: Facts, settings: Settings) -> None:
    if settings.learn is None:
        return
    for path, text in facts.contents.items():
        for line in text.splitlines() if path.endswith("/.env") else ():
            settings.learn(line.partition("=")[2].strip().strip("\"'"))
        for name, value in _ENTRY.findall(text) if path.endswith(".yaml") else ():
            if holds_credential(name):
                settings.learn(value.strip("\"'"))


def as_planned(changes: Iterable[Change]) -> Iterable[Done]:
    """Yield how the changes would end: after a refused one, the rest of its profile is skipped."""
    refused: dict[str | None, str] = {}
    for change in changes:
        if isinstance(change.operation, Refuse):
            refused[change.profile] = f"{change.step} failed"
            yield Done(change, "failed", change.operation.said)
        elif change.profile in refused:
            yield Done(change, "skipped", refused[change.profile])
        else:
            yield Done(change, "planned")


def _refuse_moved(result: HostResult) -> None:
    moved = sorted(
        {done.change.profile or "" for done in result.changes if done.outcome == "moved"}
    )
    if moved:
        raise Unknown(
            f"{', '.join(moved)} changed between the look and the lock, {LOOKS} times in a row",
            kind="changed_since_look",
            hint="somebody else is changing this host; run it again later",
        )


def _refuse_failures(result: HostResult) -> None:
    """Raise an error if a change of the host itself failed; profiles' failures are in `changes`."""
    for done in result.changes:
        if done.outcome == "failed" and isinstance(done.change.operation, EnableLinger):
            if not done.change.operation.required:
                done.outcome = "skipped"
                continue
            user = result.facts.user if result.facts else "$USER"
            raise _linger_error(result.host.name, user, done.because or "")


def _linger_error(host: str, user: str, because: str) -> HermesError:
    if not because.startswith(_NO_RIGHT):
        return CommandError(
            f"no service of {user} can be started: {because.partition(': ')[2] or because}",
            hint=f"as root on {host}: loginctl user-status {user}",
        )
    return MissingPrivilege(
        f"linger cannot be enabled for {user}: neither polkit nor sudo allows it;"
        " nothing was started",
        hint=f"as root on {host}: loginctl enable-linger {user}   # or set hermes_linger: optional",
    )
