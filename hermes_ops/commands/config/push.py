"""`config.diff` and `config.push`: write settings, and restart the gateways that they affect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result, exit_code, items
from hermes_ops.commands import steps
from hermes_ops.commands.config.left_over import left_over
from hermes_ops.commands.converge import Converged, codes, converge, finish
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.plan import Change
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import Existing, Resource, Service
from hermes_ops.reporting.summary import lines_of
from hermes_ops.run import Done
from hermes_ops.services.base import home_of


def diff(options: Options, output: Output) -> Result:
    """Plan what a push would do, and show it; the items are the settings alone."""
    looking = replace(options, check=True, diff=True)
    converged = converge("config.diff", _PUSH, looking, output)
    converged.close()
    left = _tell_left_over(converged)
    finish(converged, output)
    rows = [row for result in converged.results for row in _rows(result.host.name, result.changes)]
    return items([*rows, *left, *_lost(converged)], exit=exit_code(codes(converged)))


def _rows(host: str, changes: Iterable[Done]) -> Iterable[dict[str, Any]]:
    for done in (done for done in changes if not done.change.restarts):
        yield _row(host, done.change, done.outcome, done.because)


def _row(host: str, change: Change, outcome: str, because: str | None) -> dict[str, Any]:
    return {
        "host": host,
        "profile": change.profile,
        "resource": change.resource,
        "action": change.action,
        "reason": change.reason,
        "outcome": outcome,
        "because": because,
        "diff": lines_of(change),
    }


def _tell_left_over(converged: Converged) -> list[dict[str, Any]]:
    """Note what only fleet.up writes as a difference that stays; return its rows."""
    rows = []
    roles = converged.workspace.selected.roles
    for result in converged.results:
        if result.facts is None or result.plan is None or result.error:
            continue
        left = list(left_over(result.host, result.facts, roles, settings_steps()))
        differs = dict.fromkeys([*result.plan.differs, *(one.difference for one in left)])
        result.plan = replace(result.plan, differs=tuple(differs))
        name = result.host.name
        rows += [_row(name, one.change, "skipped", "fleet.up writes it") for one in left]
    return rows


def _lost(converged: Converged) -> Iterable[dict[str, Any]]:
    """Yield the hosts that failed."""
    for result in converged.results:
        if result.error:
            yield {
                "host": result.host.name,
                "profile": None,
                "outcome": result.outcome,
                "error": result.error.document(),
            }


def push(options: Options, output: Output) -> Result:
    """Write the settings, and restart each running gateway that they affect."""
    converged = converge("config.push", _PUSH, options, output)
    converged.close()
    _tell_left_over(converged)
    return finish(converged, output)


def settings_steps() -> Sequence[StepPlan]:
    """Return the step that writes settings, without those that it requires."""
    return [StepPlan("profile.configure", (), _settings)]


def _settings(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    yield Existing(PurePosixPath(home_of(profile, role)), "fleet.up creates the profile")
    yield from steps.configure(profile, role, host)


def _restart(profile: Profile, _role: Role, _host: Host) -> Iterable[Resource]:
    yield Service(profile, only_restart=True)


_RESTART = StepPlan("gateway.start", ("profile.configure",), _restart)
_PUSH = (*settings_steps(), _RESTART)
