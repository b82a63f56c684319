"""`fleet.verify`, and the last act of `fleet.up`: the roles' checks, on real services."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import REDACTOR, Output, Result, exit_code
from hermes_ops.commands.converge import Converged, tracer
from hermes_ops.commands.workspace import in_service, open_workspace
from hermes_ops.errors import HermesError, Interrupted, Unknown, Unreachable
from hermes_ops.files import envfile
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.look.facts import Facts
from hermes_ops.parallel import INTERRUPTED, Rules, parallel
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import StepPlan, desired_state
from hermes_ops.run import Settings, gather, open_host
from hermes_ops.transport import Transport
from hermes_ops.verify import (
    Check,
    CheckOutcome,
    Target,
    Verified,
    expected_of,
    services_of,
    verify,
)
from hermes_ops.verify import outcome as words

SHOWN = 20
"""How many checks that did not pass are told one by one."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A host that was looked at and stays connected, or why it is not."""

    host: Host
    transport: Transport | None = None
    target: Target | None = None
    failure: HermesError | None = None


# --- fleet.verify -----------------------------------------------------------------------------


def run(
    steps: Sequence[StepPlan], options: Options, output: Output, *, junit: str | None
) -> Result:
    """Look at every selected host once, then run its checks over the same connection.

    `steps` are those of the graph: what they want is what the checks expect.
    """
    check_junit(junit)
    workspace = open_workspace(options, output)
    selected, notes = in_service(workspace.selected)
    for note in notes:
        output.note(f"skipped: {note}")
    deadline = time.monotonic() + options.timeout if options.timeout else None
    how = Settings(
        known_hosts=workspace.known_hosts, trace=tracer(output) if options.verbose else None
    )
    reached = _reach(selected, steps, how, Rules(options.forks, deadline=deadline))
    try:
        verified = _verified(selected, reached, options, output, deadline)
    finally:
        _close(reached)
    _write(junit, verified)
    for lost in reached:
        if lost.failure is not None:
            output.note(f"{lost.host.name}: {lost.failure}")
    codes = [*(r.failure.exit_code for r in reached if r.failure), *_codes(verified)]
    return _result(verified, exit_code(codes), output)


def check_junit(path: str | None) -> None:
    """Refuse a path for the results that cannot be written, before anything is touched."""
    if path:
        from hermes_ops.verify import junit

        junit.check_path(path)


def _reach(
    selected: Inventory, steps: Sequence[StepPlan], how: Settings, rules: Rules
) -> list[Reached]:
    states = [desired_state(host, selected.roles, steps) for host in selected.hosts]
    ended = parallel(states, partial(_look, how=how), rules)
    return [
        ended.values.get(i) or Reached(state.host, failure=_late(ended.stopped_by))
        for i, state in enumerate(states)
    ]


def _look(desired: DesiredState, *, how: Settings) -> Reached:
    transport = None
    try:
        transport = open_host(desired.host, how, _ignore)
        target = _target(desired, gather(desired, transport, _ignore), transport)
    except HermesError as failure:
        return Reached(desired.host, transport, failure=failure)
    return Reached(desired.host, transport, target)


def _late(why: str) -> HermesError:
    return Interrupted(why) if why == INTERRUPTED else Unknown(why, kind="timeout")


def _ignore(event: object) -> None:
    del event


def _close(reached: Iterable[Reached]) -> None:
    for host in reached:
        if host.transport is not None:
            host.transport.close()


def _verified(
    selected: Inventory,
    reached: Sequence[Reached],
    options: Options,
    output: Output,
    deadline: float | None,
) -> Verified:
    """Run the checks where a host was reached; for the others each check says why it could not."""
    expected = expected_of(selected.hosts, selected.roles)
    why = {r.host.name: r.failure for r in reached if r.failure}
    targets = [r.target for r in reached if r.target]
    possible = [check for check in expected if check.host not in why]
    found = _checked(selected, targets, possible, options, output, deadline)
    known = {outcome.check: outcome for outcome in found.outcomes}
    outcomes = tuple(known.get(check) or _without(check, why) for check in expected)
    return Verified(outcomes, found.exchanges, found.notes)


def _without(check: Check, why: Mapping[str, HermesError]) -> CheckOutcome:
    failure = why[check.host]
    word = words.UNREACHABLE if isinstance(failure, Unreachable) else words.FAILED
    if failure.exit_code in (4, 130):
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


# --- the last act of fleet.up -----------------------------------------------------------------


def verify_converged(converged: Converged, output: Output, *, junit: str | None) -> None:
    """Run the checks of every host that holds now; one that failed has said so already."""
    selected = converged.workspace.selected
    done = [r for r in converged.results if r.outcome in ("ok", "changed")]
    targets = [
        _target(desired_state(r.host, selected.roles, converged.steps), r.facts, r.transport)
        for r in done
        if r.facts and r.transport
    ]
    options = converged.options
    left = options.timeout - converged.seconds if options.timeout else None
    verified = _checked(
        selected,
        targets,
        expected_of([r.host for r in done], selected.roles),
        options,
        output,
        time.monotonic() + left if left is not None else None,
    )
    converged.verify = verified.document()
    if converged.journal:
        told = [outcome.item() for outcome in verified.not_passed]
        converged.journal.write("verified", **converged.verify, not_passed=told)
    _write(junit, verified)


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
    _tell(verified, output)
    return verified


def _tell(verified: Verified, output: Output) -> None:
    for note in verified.notes:
        output.note(f"warning: {note}")
    for result in verified.not_passed[:SHOWN]:
        output.note(result.sentence)
    if (more := len(verified.not_passed) - SHOWN) > 0:
        output.note(f"… and {_number(more, 'check')} more that did not pass: --json has them all")


def _write(path: str | None, verified: Verified) -> None:
    if path:
        from hermes_ops.verify import junit

        junit.write(path, verified.outcomes)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
