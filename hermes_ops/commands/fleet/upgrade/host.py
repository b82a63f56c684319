"""One host: to the new version, through the gate, and back if it does not pass."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hermes_ops.commands.fleet.upgrade import outcome
from hermes_ops.commands.fleet.upgrade.job import UP, Job, ask
from hermes_ops.commands.fleet.upgrade.switch import Way, definitions, switch_plan, way_of
from hermes_ops.errors import (
    CommandError,
    HermesError,
    Interrupted,
    NotReady,
    RolledBack,
    Unknown,
    Unreachable,
)
from hermes_ops.hermes.versions import is_same
from hermes_ops.look.facts import Facts
from hermes_ops.look.upgrades import (
    DONE,
    REVERTED,
    REVERTING,
    SWITCHED,
    Note,
    no_way_back,
    note_of,
    used,
    with_note,
    with_version,
)
from hermes_ops.plan import DesiredState, Plan
from hermes_ops.plan.lifecycle.installed import refuse_other
from hermes_ops.reporting.events import Emit, Noted, Planned
from hermes_ops.run import HostResult, Settings, gather
from hermes_ops.run.apply import apply_plan
from hermes_ops.run.host import LOOKS, as_planned, learn, outcome_of_changes, take_turn
from hermes_ops.run.watch import watch_services
from hermes_ops.transport import Transport


class ChangedMeanwhile(CommandError):
    """Another run has changed the host since the look; nothing was touched."""


class Upgrade:
    """The work on one host; its parts share what is known of it."""

    def __init__(
        self, job: Job, desired: DesiredState, transport: Transport, settings: Settings,
        emit: Emit, result: HostResult,
    ) -> None:  # fmt: skip
        self.job, self.desired, self.result = job, desired, result
        self.transport, self.settings, self.emit = transport, settings, emit
        self.host = desired.host
        result.transport = transport

    def up(self) -> HostResult:
        """Bring the host to the wanted version.

        Raises:
            RolledBack: it did not pass, and runs as before.
            HermesError: it failed otherwise; the message says what is so now.
        """
        return self._until_it_holds(self._up)

    def _until_it_holds(self, work: Callable[[], HostResult]) -> HostResult:
        """Look again while another run, perhaps one that was killed here, changes the host."""
        for _ in range(LOOKS):
            try:
                return work()
            except ChangedMeanwhile:
                self.result.changes = [d for d in self.result.changes if d.outcome == "done"]
                self._note("it changed since the look: looking again")
        raise Unknown(
            f"it changed between the look and the lock, {LOOKS} times in a row",
            kind="changed_since_look",
            hint="somebody else is changing this host; run it again later",
        )

    def _up(self) -> HostResult:
        facts = self._look()
        refuse_other(self.host, facts, self.job.to)
        note, version = note_of(facts), used(facts)
        if note.phase == REVERTING:
            raise self._back(note, "an earlier run was interrupted on the way back")
        is_there = is_same(version, self.job.to)
        is_judged = not (note.is_open and is_same(note.after, self.job.to))
        if is_there and is_judged:
            return self._as_it_is(way_of(note))
        if not is_there or is_judged:
            note = Note(SWITCHED, self.job.run, version, self.job.to, note.services)
        self._judge(note, [] if is_there else self._switched(facts, note))
        return self._passed()

    def again(self) -> HostResult:
        """Judge a host that soaks, and end its upgrade if it passes still."""
        facts = self._look()
        self._judge(note_of(facts), [])
        return self._passed()

    def back(self) -> HostResult:
        """Bring the host back to the version before its last upgrade."""
        return self._until_it_holds(self._back_again)

    def _back_again(self) -> HostResult:
        facts = self._look()
        refuse_other(self.host, facts)
        note = note_of(facts)
        if note.phase == REVERTED and is_same(used(facts), note.before):
            self._note(f"it is back on {note.before} already: an upgrade is taken back once")
            return self._as_it_is(way_of(note, back=True))
        if note.phase in ("", REVERTED) or not note.before:
            raise no_way_back(facts)
        if failure := self._returned(note):
            raise failure
        return self._passed()

    # --- the parts ---

    def _look(self) -> Facts:
        facts = gather(self.desired, self.transport, self.emit)
        learn(facts, self.settings)
        self.result.facts = facts
        return facts

    def _passed(self) -> HostResult:
        self.result.outcome = outcome_of_changes(self.result)
        if self.settings.turns is not None:
            self.settings.turns.leave(self.host.name)
        return self.result

    def _plan(self, facts: Facts, way: Way, part: Callable[[Plan], Plan] | None = None) -> Plan:
        defined = definitions(self.host, self.job.inventory, way.step)
        plan = switch_plan(self.desired, defined, facts, way, drain=self.settings.drain)
        plan = part(plan) if part else plan
        self.emit(Planned(self.host.name, plan))
        return plan

    def _as_it_is(self, way: Way) -> HostResult:
        """Leave a host that is where it should be, if its gateways are well."""
        if wrongs := self._unwell(way):
            raise NotReady(wrongs[0], hint="\n".join(wrongs[1:]))
        return self._passed()

    def _switched(self, facts: Facts, note: Note) -> list[str]:
        """Switch to the new version; return why it does not pass, empty if nothing is known yet.

        Raises:
            HermesError: nothing was stopped.
        """
        way = Way(UP, self.job.run, note.before, note.after, note=note_of(facts))
        plan = self._plan(facts, way)
        if self.settings.check:
            self.result.changes = list(as_planned(plan.changes))
            return []
        for text in outcome.others(facts, plan):
            self._note(text)
        self.result.plan = plan
        take_turn(plan, self.settings, self.emit, self.result)
        wrongs = self._run(plan, note.after)
        self._know_note(note, note.phase)
        return wrongs

    def _run(self, plan: Plan, version: str) -> list[str]:
        """Apply a plan and wait until all is ready; return what went wrong after the first stop.

        `version`: the one that `current` leads to when the plan is done.
        """
        self.result.plan = plan
        self.result.verdicts = {}
        before = list(self.result.changes)
        apply_plan(plan, self.transport, self.settings, self.emit, self.result)
        own = self.result.changes[len([d for d in before if d.outcome == "done"]) :]
        if any(done.change.action == "switch" and done.outcome == "done" for done in own):
            self._know_version(version)
        failed = [done for done in own if done.outcome in ("failed", "moved", "unknown")]
        if failed and not outcome.stopped(own):
            if any(done.outcome == "moved" for done in failed):
                raise ChangedMeanwhile("it changed since the look")
            raise CommandError(outcome.why(failed[0]), hint=outcome.as_it_was(plan))
        said = [f"{done.change.profile or 'the host'}: {outcome.why(done)}" for done in failed]
        try:
            watch_services(plan, self.transport, self.settings, self.emit, self.result)
        except CommandError as error:
            said += [str(error), *error.hint.splitlines()]
        return said

    def _know_version(self, version: str) -> None:
        if self.result.facts:
            self.result.facts = with_version(self.result.facts, version)

    def _know_note(self, note: Note, phase: str) -> None:
        if self.result.facts:
            self.result.facts = with_note(self.result.facts, note, phase)

    def _judge(self, note: Note, wrongs: Sequence[str]) -> None:
        """Let the host pass, or take it back.

        Raises:
            RolledBack: it is as before.
            CommandError: it did not pass, and is not taken back.
        """
        if self.settings.check:
            return
        wrongs = wrongs or self._unwell(way_of(note)) or self._new_errors(note)
        if not wrongs:
            if self.host.name in self.job.soaking:
                self.job.passed.add(self.host.name)
            else:
                self._end(note, DONE)
            return
        what = f"{note.after} did not pass: {wrongs[0]}"
        hint = "\n".join([*wrongs[1:], self._kept(note, wrongs)])
        if not self.job.reverts:
            stays, name = f"{hint}\nit still runs {note.after}", shlex.quote(self.host.name)
            raise CommandError(what, hint=f"{stays}; back: ./inv fleet.rollback -l {name}")
        raise self._back(note, what, hint)

    def _kept(self, note: Note, wrongs: Sequence[str]) -> str:
        """Keep what was seen, and say where; on a full disk the way back goes on without it."""
        try:
            folder = self._ask("keep", note, seen=list(wrongs)).get("folder", "")
        except CommandError as error:
            return f"what was seen could not be kept on the host: {error}"
        return f"what was seen is on the host: ~/{folder}"

    def _unwell(self, way: Way) -> list[str]:
        """Return what is wrong with the gateways now; start those that an earlier run left, and
        behind a way back those that have failed."""
        if self.result.verdicts and all(v.is_ready for v in self.result.verdicts.values()):
            return []
        facts = self.result.facts
        assert facts is not None  # noqa: S101 - every way here has looked
        plan = self._plan(facts, way, outcome.without_stops)
        if self.settings.check and plan.changes:
            self.result.changes = list(as_planned(plan.changes))
            return []
        return self._run(plan, way.after)

    def _new_errors(self, note: Note) -> list[str]:
        try:
            found: Mapping[str, Sequence[str]] = self._ask("errors", note).get("errors", {})
        except CommandError as error:
            return [f"its logs could not be read: {error}"]
        return [
            f"{name} logs an error that is new: {text}"
            for name, each in found.items()
            for text in each
        ]

    def _back(self, note: Note, what: str, hint: str = "") -> HermesError:
        """Take the host back; return the error that tells it."""
        if failure := self._returned(note):
            more = "\n".join(filter(None, (what, hint, failure.hint)))
            return CommandError(f"the way back to {note.before} failed: {failure}", hint=more)
        return RolledBack(f"{what}; it is back on {note.before}, and runs as before", hint=hint)

    def _returned(self, note: Note) -> HermesError | None:
        """Return to the version before; return why it failed, None if all runs as before."""
        facts = self._look()
        note = note_of(facts)  # as it is on the host: it names the gateways that were stopped
        told = self._ask("there", note, version=note.before)
        if not told.get("there"):
            return CommandError(f"hermes-agent {note.before} is not on its disk any more")
        if lost := told.get("lost"):
            return outcome.no_copy(note, lost)
        way = way_of(note, back=True)
        if self.settings.check:
            self.result.changes = list(as_planned(self._plan(facts, way).changes))
            return None
        try:
            wrongs = self._run(self._plan(facts, way), note.before)
        except HermesError as error:
            if isinstance(error, Unreachable | Interrupted | ChangedMeanwhile):
                raise
            return error
        if note.is_open:
            ready = {name for name, verdict in self.result.verdicts.items() if verdict.is_ready}
            wrongs += [f"{name} does not run" for name in sorted(note.services - ready)]
        if wrongs:
            return CommandError(wrongs[0], hint="\n".join(wrongs[1:]))
        self._end(note, REVERTED)
        return None

    def _end(self, note: Note, phase: str) -> None:
        told = self._ask("end", note, phase=phase)
        self._know_note(note, phase)
        for text in outcome.notes_of(note, told, back=phase == REVERTED):
            self._note(text)

    def _note(self, text: str) -> None:
        self.emit(Noted(self.host.name, text))

    def _ask(self, verb: str, note: Note, **more: Any) -> Mapping[str, Any]:
        return ask(verb, note, self.desired, self.transport, self.result.facts, **more)
