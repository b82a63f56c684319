"""A plan as one shell script: under the host's lock, one profile after the other."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from hermes_ops.apply.as_root import asks, root_part
from hermes_ops.apply.batch import order_ahead, orders
from hermes_ops.apply.lines import Numbered, call, drain_together, profile_lines
from hermes_ops.apply.waits import Terms, if_whole, is_well, wait_for
from hermes_ops.plan.host import is_apart
from hermes_ops.plan.model import Change, Control, Drain, EnableLinger, Plan, Refuse
from hermes_ops.services import MANAGERS, libraries, order_libraries, paths
from hermes_ops.services.awake import libraries as awake_libraries
from hermes_ops.services.awake.keeper import AwakeOrder
from hermes_ops.wire import Hidden, Script, as_root, assemble

LIBRARIES = (
    *("wire/common", "look/evidence", *libraries()),
    *order_libraries(),
    *(
        f"apply/{name}"
        for name in ("lock", "run", "by_root", "write", "drain", "install", "wait", "settle")
    ),
)
"""The shell files in every script that changes a host, or waits for its services."""

HOST = "-"
"""The profile name that the shell uses for changes of the host itself."""
APART = "="
"""The one for changes of the host on which no profile depends."""


def compile_plan(plan: Plan, terms: Terms) -> Script:
    """Return the script that applies `plan` under the host's lock, then watches what it started."""
    awake = any(isinstance(change.operation, AwakeOrder) for change in plan.changes)
    code = ("look/code",) if any(map(_needs_code, plan.changes)) else ()
    libraries = (*LIBRARIES, *code, *(awake_libraries() if awake else ()))
    script = assemble(libraries, _body(plan, terms), paths=paths())
    return replace(script, before=_before(plan), root=root_part(plan, script.nonce))


def _before(plan: Plan) -> str:
    """Return the line for the login user that lets `hermes_user` linger and starts its manager."""
    if not plan.host.hermes.user or not any(map(_lingers, plan.changes)):
        return ""
    verbs = [f"loginctl --no-ask-password enable-linger {shlex.quote(plan.host.hermes.user)}"]
    if plan.user:
        verbs.append(f"systemctl --no-ask-password --no-block start user@{plan.user[0]}.service")
    return "; ".join(f"{verb} >/dev/null 2>&1 || {as_root(verb)} >/dev/null 2>&1" for verb in verbs)


def _password(plan: Plan) -> Iterator[str]:
    """Yield sudo's password: only in the script's text, which nobody sees, and only if needed.

    It is that of who logs in: another user, who runs the text, does not get it.
    """
    login, password = plan.host.connection.user, plan.host.connection.become_password
    is_its = plan.host.hermes.user in ("", login)
    if password and is_its and any(map(_lingers, plan.changes)):
        yield Hidden(f"sudo_password={shlex.quote(password.reveal())}", "# the password for sudo")


def _lingers(change: Change) -> bool:
    operation = change.operation
    return isinstance(operation, EnableLinger) or getattr(operation, "lingers", False)


def compile_watch(plan: Plan, terms: Terms) -> Script:
    """Return the script that only watches the services: it takes no lock and changes nothing."""
    lines = [*_preamble(plan), *wait_for(plan.watches, terms)]
    return assemble(LIBRARIES, lines, paths=paths())


def _named(plan: Plan) -> str:
    return MANAGERS[plan.manager].shell_name if plan.manager else ""


def _preamble(plan: Plan) -> Iterable[str]:
    if plan.user:
        uid, name = plan.user
        yield f"uid={uid} user={shlex.quote(name)}"
    yield "identify; enter_home; boot_id; trap '' HUP PIPE"
    yield f"hermes_python={shlex.quote(plan.python)} manager={shlex.quote(_named(plan))}"


def _body(plan: Plan, terms: Terms) -> Iterator[str]:
    yield from _preamble(plan)
    yield from _password(plan)
    yield call("take_lock", terms.lock_timeout, terms.owner, *(["frees"] if plan.frees else []))
    numbered = list(enumerate(plan.changes))
    # If we had to wait, another run changed the host meanwhile, and our plan is out of date.
    stale = call("tell", "moved", *(number for number, _ in numbered))
    yield from asks(plan.changes)
    yield f'[ "$waited" -eq 0 ] || {{ {stale}; release_lock; trap - EXIT; return; }}'
    yield from _proven_code(plan, numbered)
    by_profile = groupby(numbered, key=lambda item: _section(item[1]))
    sections = [(name, list(group)) for name, group in by_profile]
    prepared: set[int] = set()
    drained = begun = False
    for at, (profile, changes) in enumerate(sections):
        if not drained and any(_starts(one) or _drains(one) for one in changes):
            yield from drain_together((group for _, group in sections[at:]), _refused(plan))
            drained = True
        if any(_starts(numbered) for numbered in changes):
            yield from _after(profile, changes, plan, terms)
        together = orders(sections[at:], plan.host, prepared)
        if len(together) > 1:
            yield from order_ahead(together)
            prepared.update(order.number for order in together)
        yield f"profile={shlex.quote(profile)}"
        if plan.host.start_stagger and any(map(_starts, changes)):
            yield f"is_broken || {call('stagger', plan.host.start_stagger)}"
        yield from profile_lines(changes, prepared)
        begun = begun or any(isinstance(change.operation, Control) for _, change in changes)
        if not (plan.whole and begun):
            yield '[ -z "$gone" ] || exit 0'
    if waits := [c.operation.wait for c in plan.changes if isinstance(c.operation, Drain)]:
        yield call("await_drains", max(waits))
    # The lock protects the changes only: during the wait another run may use the host.
    yield "release_lock; trap - EXIT"
    yield from wait_for(plan.watches, terms)


def _refused(plan: Plan) -> set[str | None]:
    """Return the profiles of which a refusal comes before all orders to their services."""
    found: set[str | None] = set()
    ordered: set[str | None] = set()
    for change in plan.changes:
        if isinstance(change.operation, Refuse) and change.profile not in ordered:
            found.add(change.profile)
        elif isinstance(change.operation, Control):
            ordered.add(change.profile)
    return found


def _needs_code(change: Change) -> bool:
    return change.restarts and change.operation.service.text == "hermes"  # type: ignore[union-attr]


def _proven_code(plan: Plan, numbered: Sequence[Numbered]) -> Iterator[str]:
    """Yield the lines that compare the code of Hermes before the first gateway is stopped.

    They refuse the restarts if it is damaged. Nothing is known of what the plan installs.
    """
    restarts = [one for one in numbered if _needs_code(one[1])]
    if not restarts or not plan.hermes or not plan.hermes.info:
        return
    yield call("find_damage", plan.hermes.info)
    for number, change in restarts:
        yield f"profile={shlex.quote(change.profile or '')}"
        yield call("refuse_restart", number, plan.hermes.again)


def _section(change: Change) -> str:
    return change.profile or (APART if is_apart(change) else HOST)


def _starts(numbered: Numbered) -> bool:
    operation = numbered[1].operation
    return isinstance(operation, Control) and operation.verb != "stop"


def _drains(numbered: Numbered) -> bool:
    return bool(getattr(numbered[1].operation, "drain", 0))


def _after(name: str, changes: Sequence[Numbered], plan: Plan, terms: Terms) -> Iterator[str]:
    """Yield the wait for the profiles that must be ready first; if one fails, this one fails."""
    first = {after for p in plan.host.profiles if p.name == name for after in p.after}
    first |= {other for _, c in changes for other in getattr(c.operation, "rolls_after", ())}
    if not first:
        return
    watches = [watch for watch in plan.watches if watch.service.profile in first]
    yield from wait_for(watches, terms)
    if not plan.whole:
        yield '[ -z "$gone" ] || exit 0'
    for watch in watches:
        yield from if_whole(watch, f'[ -n "$gone" ] || {is_well(watch)} || breaks')
    yield "late="
    for other in sorted(first):
        yield f"profile={shlex.quote(other)}"
        yield "! is_broken || late=1"
    yield f"profile={shlex.quote(name)}"
    yield '[ -z "$late" ] || breaks'
