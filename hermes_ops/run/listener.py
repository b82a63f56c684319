"""Receive the records of an apply or a watch while it runs."""

from __future__ import annotations

import json
import time

from hermes_ops.apply import ChangeOutcome, outcomes
from hermes_ops.cli.printable import one_line
from hermes_ops.look.answers import latest
from hermes_ops.look.facts import Facts
from hermes_ops.plan import Change, Plan
from hermes_ops.reporting.events import Changed, Changing, Emit, Event, Noted, Waiting
from hermes_ops.run.model import Done
from hermes_ops.wire import Record

_LONGEST = 200
"""Characters of each word about an owner: anybody may have written the file."""


def owner_text(text: str) -> str:
    """Return who holds a lock, since when and why, as a phrase."""
    try:
        owner = json.loads(text.strip() or "{}")
    except (ValueError, RecursionError):
        return "somebody"
    if not isinstance(owner, dict):
        return "somebody"
    who, run, since, why = (
        one_line(str(owner.get(key, ""))[:_LONGEST]) for key in ("operator", "run", "since", "why")
    )
    return f"{who or '?'}, run {run or '?'}, since {since or '?'}" + (f" ({why})" if why else "")


def _draining(host: str, rest: str) -> Event:
    """Return what a host does that said how many turns run, and how many seconds are left."""
    turns, _, left = rest.partition(" ")
    if left == "0":
        return Noted(host, f"{_turns(turns)} did not end in time")
    what = f"for {_turns(turns)}" if turns != "0" else "until its gateways take no new turn"
    return Waiting(host, f"{what}, at most {left} s")


def _ending(host: str, rest: str) -> Event:
    """Return what a host waits for whose manager stops a gateway, and lets its turns end."""
    turns, _, left = rest.partition(" ")
    what = "for a stop" if turns == "0" else f"for {_turns(turns)} to end before a stop"
    return Waiting(host, f"{what}, at most {left} s")


def _turns(number: str) -> str:
    return "1 running turn" if number == "1" else f"{number} running turns"


class Listener:
    """Receives the records of an apply: emits each change, keeps the last round of evidence."""

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
        for outcome in outcomes(record):
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
        elif record.word == "draining":
            self._emit(_draining(host, record.rest))
        elif record.word == "ending":
            self._emit(_ending(host, record.rest))
        elif record.word == "round":
            self._last, self._round = self._round or self._last, []
            self._waiting = self._waiting or time.monotonic()
            self._emit(Waiting(host, "for readiness"))
        else:
            self._round.append(record)

    def _end(self, ended: ChangeOutcome) -> None:
        change = self._plan.changes[ended.number]
        now = time.monotonic()
        because = None
        if ended.outcome == "failed":
            output = self._output.get(ended.number, "")
            because = f"{ended.message}: {output}" if output else ended.message
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
        } | set(getattr(change.operation, "rolls_after", ()))
        return (
            f"{', '.join(sorted(first))} must be ready first" if first else "an earlier step failed"
        )

    def finish(self, *, complete: bool) -> list[Done]:
        """Return how every change of the plan ended.

        A change that the host did not report is skipped if the reply is complete, else unknown.
        """
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
        """Return how long the host has waited for readiness, in seconds."""
        return time.monotonic() - self._waiting if self._waiting else 0

    @property
    def is_exhausted(self) -> bool:
        """Whether the host has waited for the whole time that it was given."""
        return any(r.word == "limit" for r in self._round)

    def seen(self, facts: Facts | None) -> Facts | None:
        """Return the facts with the last complete round of evidence."""
        last = self._round or self._last
        return latest(last, facts) if facts and any(r.word == "now" for r in last) else facts
