"""`fleet.verify`, and the last part of `fleet.up`: run the roles' checks on real services."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, exit_code
from hermes_ops.commands.converge import Converged
from hermes_ops.commands.look_hosts import looking, rules_of
from hermes_ops.commands.roles import refuse_untrusted
from hermes_ops.commands.workspace import in_service, open_workspace
from hermes_ops.errors import HermesError, Interrupted, Unreachable, belongs_to
from hermes_ops.files import envfile
from hermes_ops.hermes.readiness import Verdict
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.look.facts import Facts
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import StepPlan, desired_state
from hermes_ops.program_name import spoken
from hermes_ops.reporting.report import names
from hermes_ops.reporting.wrongs import ALL_ROWS, NotPassed, split
from hermes_ops.run import (
    Connections,
    HostOutcome,
    HostResult,
    Rules,
    Settings,
    gather,
    ignore,
    over_hosts,
)
from hermes_ops.transport import Transport
from hermes_ops.verify import (
    Check,
    CheckOutcome,
    Target,
    Verified,
    expected_of,
    prepare,
    services_of,
    verify,
)
from hermes_ops.verify import outcome as words

Reached = HostOutcome[Target]
"""A host that was looked at and stays connected, or the error why not."""


# --- fleet.verify -----------------------------------------------------------------------------


def run(
    steps: Sequence[StepPlan], options: Options, output: Output, *, junit: str | None
) -> Result:
    """Look at every selected host once, then run its checks over the same connection.

    `steps` are those of the graph: they say what the checks expect.
    """
    check_junit(junit)
    workspace = open_workspace(options, output)
    selected, notes = in_service(workspace.selected)
    refuse_untrusted(selected, options)
    prepare()
    for note in notes:
        output.note(f"skipped: {note}")
    rules, how = rules_of(options), looking(workspace, options, output)
    states = [desired_state(host, selected.roles, steps) for host in selected.hosts]
    with Connections() as connections:
        reached = reach(states, rules, how, connections)
        verified = _verified(selected, reached, options, output, rules.deadline)
    _write(junit, verified)
    for lost in reached:
        if lost.failure is not None:
            output.note(f"{lost.host.name}: {lost.failure}")
    codes = [*(r.failure.exit_code for r in reached if r.failure), *_codes(verified)]
    for sentence in _drained(reached):
        output.note(sentence)
        codes.append(2)
    return _result(verified, exit_code(codes), output)


def _drained(reached: Sequence[Reached]) -> Iterable[str]:
    """Yield what passing checks do not say of a gateway that drains: it takes no turn."""
    for service in (s for host in reached if host.value for s in host.value.services if s.drained):
        target = f"{service.host}/{service.profile}"
        mend = spoken(f"./inv fleet.start -l {shlex.quote(target)}")
        yield f"{target} is draining: by the {service.drained}; to end that: {mend}"


def check_junit(path: str | None) -> None:
    """Refuse a path that cannot be written, before any host is contacted."""
    if path:
        from hermes_ops.verify import junit

        junit.check_path(path)


def reach(
    states: Sequence[DesiredState], rules: Rules, how: Settings, connections: Connections
) -> list[Reached]:
    """Look at every host once; those that answered stay connected."""

    def work(state: DesiredState, transport: Transport) -> Target:
        return _target(state, gather(state, transport, ignore), transport)

    return over_hosts(states, work, rules, how, keep=connections)


def _verified(
    selected: Inventory,
    reached: Sequence[Reached],
    options: Options,
    output: Output,
    deadline: float | None,
) -> Verified:
    """Run the checks of the hosts that were reached; the checks of the others get the reason."""
    expected = expected_of([r.host for r in reached], selected.roles)
    why = {r.host.name: r.failure for r in reached if r.failure}
    targets = [r.value for r in reached if r.value]
    possible = [check for check in expected if check.host not in why]
    found = _checked(selected, targets, possible, options, output, deadline)
    known = {outcome.check: outcome for outcome in found.outcomes}
    outcomes = tuple(known.get(check) or _without(check, why) for check in expected)
    return Verified(outcomes, found.exchanges, found.notes)


def _without(check: Check, why: Mapping[str, HermesError]) -> CheckOutcome:
    failure = why[check.host]
    word = words.UNREACHABLE if isinstance(failure, Unreachable) else words.FAILED
    if failure.exit_code in (4, Interrupted.exit_code):
        word = words.UNKNOWN
    return CheckOutcome(check, word, str(failure))


def _codes(verified: Verified) -> Iterable[int]:
    if verified.count(words.FAILED, words.MISSING, words.SKIPPED):
        yield 1
    if verified.count(words.UNKNOWN):
        yield 4
    if verified.count(words.UNREACHABLE):
        yield 3


def _result(verified: Verified, code: int, output: Output) -> Result:
    document = verified.document()
    output.text(f"{document['passed']} of {document['expected']} checks passed")
    body: dict[str, Any] = {"schema": 1, "exit": code, "error": None, "verify": document}
    return Result(code, body | {"items": [outcome.item() for outcome in verified.outcomes]})


# --- the last part of fleet.up ----------------------------------------------------------------


def verify_converged(converged: Converged, output: Output, *, junit: str | None) -> None:
    """Run the checks of every host that is as wanted now; failed ones are reported already."""
    selected = converged.workspace.selected
    options = converged.options
    left = options.timeout - converged.seconds if options.timeout else None
    verified = _verified(
        selected,
        list(_reached(converged)),
        options,
        output,
        time.monotonic() + left if left is not None else None,
    )
    converged.verify = verified.document()
    _doubt(verified, converged)
    converged.not_passed = [
        NotPassed(missed.check.host, missed.check.profile or None, missed.reason, _then(missed))
        for missed in verified.not_passed
    ]
    if converged.journal:
        told = [outcome.item() for outcome in verified.not_passed]
        converged.journal.write("verified", **converged.verify, not_passed=told)
    _write(junit, verified)


def _then(missed: CheckOutcome) -> str:
    """Return what to do about a check that did not pass: to run it again would show the same."""
    check = missed.check
    if missed.outcome in (words.UNKNOWN, words.UNREACHABLE):
        return spoken(f"./inv hosts.ping -l {shlex.quote(check.host)}")
    shows = "fleet.ps" if check.profile else "awake.status"
    return missed.mend or spoken(f"./inv {shows} -l {shlex.quote(check.target)}")


_DOUBTS = {words.FAILED: "degraded", words.UNKNOWN: "unknown", words.UNREACHABLE: "unknown"}


def _doubt(verified: Verified, converged: Converged) -> None:
    """Note for the table what the checks saw: it must not say more than was seen last."""
    results = {result.host.name: result for result in converged.results}
    for outcome in verified.not_passed:
        result = results[outcome.check.host]
        is_of_profile = bool(outcome.check.profile) and result.outcome in ("ok", "changed")
        if is_of_profile and (state := _DOUBTS.get(outcome.outcome)):
            reason = outcome.message or outcome.promise or outcome.check.name
            result.doubts.setdefault(outcome.check.profile, Verdict(state, (reason,)))


def _reached(converged: Converged) -> Iterable[Reached]:
    """Yield the hosts that are as wanted now, with the connections of the run."""
    for result in converged.results:
        host, facts, transport = _but_held(result), result.facts, result.transport
        if result.outcome not in ("ok", "changed") or facts is None or transport is None:
            continue
        try:
            with belongs_to(host.name):
                state = desired_state(host, converged.workspace.selected.roles, converged.steps)
                reached = Reached(host, _target(state, facts, transport))
        except HermesError as failure:
            reached = Reached(host, failure=failure)
        yield reached


def _but_held(result: HostResult) -> Host:
    """Return the host without the gateways that somebody there holds stopped: that is told."""
    held = result.plan.held if result.plan else frozenset()
    left = tuple(profile for profile in result.host.profiles if profile.name not in held)
    return replace(result.host, profiles=left)


# --- both -------------------------------------------------------------------------------------


def _target(desired: DesiredState, facts: Facts, transport: Transport) -> Target:
    for path, text in facts.contents.items():
        for value in envfile.read(text).values() if path.endswith(".env") else ():
            REDACTOR.learn(value)
    return Target(desired.host.name, transport.session, tuple(services_of(desired, facts)))


def _checked(
    selected: Inventory,
    targets: Sequence[Target],
    expected: Sequence[Check],
    options: Options,
    output: Output,
    deadline: float | None,
) -> Verified:
    if not expected:
        return Verified()
    hosts = len({check.host for check in expected})
    output.note(f"verifying {_number(len(expected), 'check')} on {_number(hosts, 'host')}")
    verified = verify(
        targets,
        selected.roles,
        expected,
        redact=REDACTOR,
        forks=options.forks,
        deadline=deadline,
    )
    _tell(verified, output, all_rows=options.all_rows)
    return verified


def _tell(verified: Verified, output: Output, *, all_rows: bool) -> None:
    for note in verified.notes:
        output.note(f"warning: {note}")
    missed = verified.not_passed
    told, more = split(missed, all_rows=all_rows)
    for result in told:
        output.note(result.sentence + (f"; {result.mend}" if result.mend else ""))
    if more:
        whose = names(list(dict.fromkeys(m.check.target for m in more)))
        output.note(f"{_number(len(more), 'check')} more did not pass, of {whose}: {ALL_ROWS}")


def _write(path: str | None, verified: Verified) -> None:
    if path:
        from hermes_ops.verify import junit

        junit.write(path, verified.outcomes)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
