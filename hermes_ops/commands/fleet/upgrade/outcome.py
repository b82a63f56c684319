"""What became of the changes of a switch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hermes_ops.errors import CommandError
from hermes_ops.files.layout import KEPT, program
from hermes_ops.look.facts import Facts
from hermes_ops.look.upgrades import Note
from hermes_ops.plan import Change, Plan
from hermes_ops.run import Done


def stopped(changes: Sequence[Done]) -> bool:
    """Whether anything was stopped, or may have been."""
    return any(d.change.action == "stop" and d.outcome in ("done", "unknown") for d in changes)


def as_it_was(plan: Plan) -> str:
    """Return how things stand where a switch has failed before it stopped anything."""
    left = {c.profile for c in plan.changes if c.action == "start" and not has_stop(c, plan)}
    if not left:
        return "nothing was stopped; it runs as before"
    names = ", ".join(sorted(filter(None, left)))
    return f"{names}: stopped by an earlier run, and still so; mend that, and type this again"


def has_stop(change: Change, plan: Plan) -> bool:
    """Whether a plan stops the service of a change."""
    return any(c.action == "stop" and c.profile == change.profile for c in plan.changes)


def without_stops(plan: Plan) -> Plan:
    """Return only the starts of services that a plan does not stop first."""
    starts = [c for c in plan.changes if c.action == "start" and not has_stop(c, plan)]
    return replace(plan, changes=tuple(starts), restarts={})


def why(done: Done) -> str:
    """Return why a change failed, or in which way it did not end well."""
    return (done.because or f"{done.change.action} {done.outcome}").removeprefix("exit 1: ")


def others(facts: Facts, plan: Plan) -> Iterator[str]:
    """Yield which processes go on with modules of the old version: nobody here stops them."""
    ours = f"{facts.home}/{program('hermes')}/"
    known = {seen.pid for seen in plan.evidence.values()}
    for pid, command in facts.commands.items():
        if pid not in known and command.argv and command.argv[0].startswith(ours):
            yield f"process {pid} runs this Hermes and is not in the inventory: restart it"


def no_copy(note: Note, lost: Sequence[str]) -> CommandError:
    """Return the error of databases that the version before could not read."""
    which = ", ".join(f"~/{path}" for path in lost)
    words = f"{note.after} has changed the format of {which}, and there is no copy from before"
    them = "them" if lost[1:] else "it"
    return CommandError(
        words,
        hint=f"it stays on {note.after}, and nothing was stopped; to go back without {them}: stop"
        f" the gateway (./inv fleet.stop), and move {them} out of its folder, on the host",
    )


def notes_of(note: Note, told: Mapping[str, Any], *, back: bool) -> Iterator[str]:
    """Yield what people should know at the end: what a way back has replaced, or moved away, and
    which skills are not those of the version."""
    aside = f"~/{KEPT}/upgrade/{note.run}"
    for path in told.get("restored", ()) if back else ():
        yield f"~/{path} is as before the upgrade; the later one is in {aside}"
    for path in told.get("put_away", ()) if back else ():
        yield f"~/{path} was not there before the upgrade: it is in {aside}"
    for name, skills in told.get("skills", {}).items():
        if skills and (own := skills.get("user_modified")):
            yield f"{name}: modified skills stay as they are: {', '.join(map(str, own))}"
