"""What became of the changes of a switch."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_ops.plan import Change, Plan
from hermes_ops.run import Done


def stopped(changes: Sequence[Done]) -> bool:
    """Whether anything was stopped, or may have been."""
    return any(d.change.action == "stop" and d.outcome in ("done", "unknown") for d in changes)


def has_stop(change: Change, plan: Plan) -> bool:
    """Whether a plan stops the service of a change."""
    return any(c.action == "stop" and c.profile == change.profile for c in plan.changes)


def why(done: Done) -> str:
    """Return why a change failed, or in which way it did not end well."""
    return (done.because or f"{done.change.action} {done.outcome}").removeprefix("exit 1: ")
