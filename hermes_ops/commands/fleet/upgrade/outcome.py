"""What became of the changes of a switch."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_ops.errors import CommandError
from hermes_ops.look.upgrades import Note
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


def no_copy(note: Note, lost: Sequence[str]) -> CommandError:
    """Return the error of databases that the version before could not read."""
    which = ", ".join(f"~/{path}" for path in lost)
    words = f"{note.after} has changed the format of {which}, and there is no copy from before"
    return CommandError(words, hint=f"it stays on {note.after}, and nothing was stopped")
