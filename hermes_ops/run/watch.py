"""Wait until the started services are ready; `hermes.readiness.judge` alone gives the verdict."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil

from hermes_ops.apply import compile_watch
from hermes_ops.errors import (
    NotReady,
)
from hermes_ops.hermes.evidence import evidence_of
from hermes_ops.hermes.readiness import Verdict, judge
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Facts
from hermes_ops.plan import Plan, Watch
from hermes_ops.reporting.events import (
    Emit,
)
from hermes_ops.run.apply import deadline, terms
from hermes_ops.run.listener import Listener
from hermes_ops.run.model import HostResult, Settings
from hermes_ops.transport import Transport

_STOPPED = "somebody else stopped it during this run"


def watch_services(
    plan: Plan, transport: Transport, settings: Settings, emit: Emit, result: HostResult
) -> None:
    """Wait until the watched services are ready, except those of profiles with a failed step."""
    watches = [watch for watch in plan.watches if not _is_broken(watch, result)]
    if not watches or result.facts is None:
        return
    until = time.monotonic() + plan.host.ready_timeout - result.waited
    verdicts = _verdicts(watches, plan, result.facts)
    # A look does not wait: a service that it did not find ready gets a wait, whatever its state.
    looked_only = plan.is_empty
    while _should_wait(verdicts, looked_only) and (left := until - time.monotonic()) > 0:
        listener = Listener(plan, emit)
        transport.exchange(
            compile_watch(plan, replace(terms(plan, settings), ready_timeout=ceil(left))),
            listener,
            timeout=deadline(plan, settings),
        )
        result.facts = listener.seen(result.facts) or result.facts
        result.logs |= listener.logs
        verdicts = _verdicts(watches, plan, result.facts)
        looked_only = False
        if listener.is_exhausted:
            break
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
        said = "; ".join(f"{name} is {v.state}{_because(v)}" for name, v in unready.items())
        raise NotReady(said, hint=_hint(unready, result))


def _because(verdict: Verdict) -> str:
    """Return the reasons of a verdict; what this run ordered to start, somebody else stopped."""
    why = verdict.reasons or ((_STOPPED,) if verdict.state == "stopped" else ())
    return f" ({', '.join(why)})" if why else ""


def _hint(unready: Mapping[str, Verdict], result: HostResult) -> str:
    """Return what tells more: a log says nothing of who has stopped a service."""
    others = [name for name, verdict in unready.items() if verdict.state != "stopped"]
    return (_logs(others, result) or _where_the_log_is(result)) if others else ""


def _logs(names: Iterable[str], result: HostResult) -> str:
    """Return the last lines of the logs of the services that are not ready, as a hint."""
    logs = ((name, result.logs.get(name)) for name in names)
    return "\n".join(
        "\n      ".join([f"the log of {name} ends:", *text.splitlines()])
        for name, text in logs
        if text
    )


def _where_the_log_is(result: HostResult) -> str:
    return f"see the log: logs/gateway.log of the profile on {result.host.name}"
