"""Services of the host: which to start, restart or stop, and which to wait for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from hermes_ops.errors import OF_PROCESS, Conflict
from hermes_ops.files.layout import OWED
from hermes_ops.hermes.beside.rivals import removal
from hermes_ops.hermes.evidence import Evidence, evidence_of, pids_of
from hermes_ops.hermes.occupants import Occupant, settled, unbindable
from hermes_ops.hermes.ports import ports_of
from hermes_ops.hermes.readiness import is_stalled, judge, stranger
from hermes_ops.look.facts import Facts
from hermes_ops.plan import services
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.lifecycle import records
from hermes_ops.plan.lifecycle.beyond import beyond, unlike
from hermes_ops.plan.lifecycle.draft import Draft, How
from hermes_ops.plan.lifecycle.elsewhere import freed, runs_elsewhere, seen_elsewhere
from hermes_ops.plan.lifecycle.exposed import exposed
from hermes_ops.plan.lifecycle.orders import (
    drain_of,
    drained,
    hardened,
    is_drained,
    order_of,
    still_drained,
    undrained,
    why_repair,
)  # fmt: skip
from hermes_ops.plan.lifecycle.service_plan import ServicePlan
from hermes_ops.plan.lifecycle.watching import (
    answered,
    around,
    beside,
    obstacle,
    of_others,
    settings_now,
    watch_of,
)
from hermes_ops.plan.model import Change, DesiredState, Wanted, Watch
from hermes_ops.plan.order import start_waves
from hermes_ops.plan.resource import Service
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import ServiceManager

API = "api_server"  # The platform that connects to nobody: any number may restart at once.
STALL = 10  # Seconds between two looks after which a silent gateway counts as frozen.


class Starting:
    """Plans the services, after the settings of every profile are drafted."""

    def __init__(
        self,
        desired: DesiredState,
        facts: Facts,
        manager: ServiceManager,
        drafts: dict[str, Draft],
        *,
        refused: set[str],
        installs: bool,
        how: How,
    ) -> None:
        self._desired, self._facts, self._manager = desired, facts, manager
        self._profiles, self._refused = drafts, refused
        self._installs, self._how = installs, how
        self.restarts: dict[str, frozenset[str]] = {}
        """The gateways that are restarted, in this order, each with its messaging platforms."""
        self.watches: list[Watch] = []
        self.stalled: list[str] = []
        """The profiles whose gateway looks frozen: a second look tells."""
        self.differs: list[Difference] = []
        self.notes: list[str] = []
        self.records: list[Change] = []
        """Records of starts that are gone and can be written again."""
        self.evidence: dict[str, Evidence] = {}

    def changes(self) -> Iterable[Change]:
        """Yield the stops, restarts and starts; all stops end before the first start.

        A profile whose service could not live afterwards is added to `refused`.
        """
        wanted = {
            w.profile.name: w for w in self._desired.wanted if isinstance(w.resource, Service)
        }
        planned = [
            self._planned(wanted[name], number)
            for number, wave in enumerate(start_waves(self._desired))
            for name in wave
            if name in wanted
        ]
        first = self._settle(planned)
        leaving = set().union(*first.values())
        for one in planned:
            if one.name in leaving:
                yield from one.leave(self._manager)
        for one in planned:
            rolls = self._rolls(one)
            yield from one.wait_for(first.get(one.name, set()), rolls)
            self._watch(one)

    def _rolls(self, one: ServicePlan) -> list[str]:
        """Note a restart, of a stray process too; return whose come before, by their platforms."""
        runs = (one.evidence.supervised or one.evidence.alive) and one.name not in self._refused
        if not (one.begins and runs):
            return []
        # Nobody waits for one that goes on to drain: it does not become ready.
        own = one.watch.expected - {API} if one.watch else frozenset[str]()
        latest = [
            next((name for name in reversed(self.restarts) if platform in self.restarts[name]), "")
            for platform in own
        ]
        self.restarts[one.name] = own
        return sorted(set(filter(None, latest))) if self._how.rolling else []

    def _planned(self, wanted: Wanted, wave: int) -> ServicePlan:
        service = self._desired.services[wanted.profile.name]
        profile = self._profiles.setdefault(wanted.profile.name, Draft())
        watch = watch_of(service, profile.config, profile.env, wave)
        urls = watch.urls if self._how.urls else ()
        watch = replace(watch, urls=urls, manager=self._manager.name)
        found = self._evidence(service, watch)
        elsewhere = runs_elsewhere(service, self._manager, self._facts)
        evidence = freed(found) if elsewhere else found
        evidence = records.with_start(wanted, service, evidence, profile, self._facts)
        known = (service, watch, self._manager, self._facts, self._desired.host.settle)
        changes = [
            records.recorded(self._once_owed(change, service), service, profile, self._facts)
            for change in self._controls(wanted, service, evidence, profile)
        ]
        restarts = any(change.restarts for change in changes)
        evidence = self._with_bars(wanted, evidence, profile, restarts)
        # Who only looks is told what is there: for the plan it has left already.
        self.evidence[service.profile] = seen_elsewhere(*known) or evidence
        if (only := getattr(wanted.resource, "only_restart", False)) and not restarts:
            return ServicePlan(wanted, service, evidence, [], None, elsewhere)
        changes = [change for change in changes if change.restarts or not only]
        if not restarts:
            self.records += records.missing(wanted, service, evidence, profile, self._facts)
        why_not = undrained(wanted, service, evidence)
        self.notes += [str(one) for one in why_not if one.is_settled]
        self.differs += [one for one in why_not if not one.is_settled]
        self.differs += still_drained(wanted, service, self._facts, self._desired.host)
        # A drain that stays keeps it from becoming ready.
        waits = not is_drained(wanted, service, self._facts)
        return ServicePlan(wanted, service, evidence, changes, watch if waits else None, elsewhere)

    def _controls(
        self, wanted: Wanted, service: ServiceSpec, evidence: Evidence, profile: Draft
    ) -> Iterable[Change]:
        facts, order = self._facts, order_of(wanted)
        settings = (profile.config, profile.env)
        most = 0 if order == "reset" else self._how.drain
        drain = drain_of(most, service, evidence, facts, settings, self._manager.grace)
        if order == "drain":
            return drained(wanted, service, evidence, drain, self._facts)
        restart = "it was asked for" if order in ("restart", "reset") else ""
        if order in ("start", "repair"):  # what stands still does not run
            restart = self._frozen(service, evidence) if evidence.supervised else ""
            restart = restart or (why_repair(service, evidence, facts) if order == "repair" else "")
            if wanted.profile.state == "stopped" and evidence.supervised and not restart:
                return []  # who has started it, and whether it may run, is no question of a repair
        elif not order:
            restart = profile.restart or self._why_restart(service, evidence)
        known = (wanted, service, self._manager, evidence)
        planned = services.plan_service(*known, restart=restart, drain=drain)
        return [hardened(change, evidence, facts, order) for change in planned]

    def _settle(self, planned: Sequence[ServicePlan]) -> dict[str, set[str]]:
        """Refuse the services that could not live; return who must stop before whom."""
        occupants = {one.name: self._occupant(one) for one in planned}
        for name in self._desired.services.keys() - occupants.keys():
            pids = pids_of(self._desired.services[name], self._facts)
            occupants[name] = Occupant(pids=pids)
        refused, first = settled(occupants, self._facts, self._desired.host)
        for one in planned:
            bar = self._obstacle(one) or unbindable(occupants[one.name], self._facts)
            if one.begins and (why := bar or refused.get(one.name)):
                self._refused.add(one.name)
                one.refuse(why)
        return first

    def _occupant(self, one: ServicePlan) -> Occupant:
        profile = self._profiles[one.name]
        config, env = profile.config, profile.env
        needs = ports_of(one.service, config, env) if one.wanted.profile.state == "started" else ()
        had = ports_of(one.service, *settings_now(one.service, self._facts)) if one.begins else ()
        # Who was refused for another reason goes on with what it has.
        moves, runs = one.name not in self._refused, one.evidence.alive or one.elsewhere
        ends = moves and (one.ends or one.elsewhere)
        pids = pids_of(one.service, self._facts)
        return Occupant(needs, had, pids, ends, moves and one.begins, runs)

    def _obstacle(self, one: ServicePlan) -> Conflict | None:
        stray = one.evidence.alive and not one.evidence.supervised
        taken = () if stray or one.elsewhere or one.watch is None else one.watch.urls
        if one.evidence.supervised:
            had = watch_of(one.service, *settings_now(one.service, self._facts)).urls
            taken = tuple(url for url in taken if url not in had)
        if one.evidence.units and not one.evidence.supervised:
            unit = one.evidence.units[0]
            words = f"{unit} is another unit that runs its home"
            return Conflict(words, hint=f"on the host: {removal(unit)}")
        bar = self._bar(one.service, self._profiles[one.name])
        return bar or answered(taken, self._facts, self._desired.host.name)

    def _bar(self, service: ServiceSpec, profile: Draft) -> Conflict | None:
        return obstacle(service, profile.env, self._facts, installs=self._installs)

    def _with_bars(
        self, wanted: Wanted, evidence: Evidence, profile: Draft, restarts: bool
    ) -> Evidence:
        """Return the evidence with what is not as wanted around one that runs."""
        runs = evidence.alive or evidence.activity == "activating"
        if wanted.profile.state != "started" or not runs or order_of(wanted):
            return evidence
        service = self._desired.services[wanted.profile.name]
        settings = (profile.env, profile.ledger.keys)
        known = (evidence, self._facts, self._manager, self._desired.host.name)
        found = [*filter(None, [self._bar(service, profile)]), *around(service, settings, *known)]
        if wanted.profile.name not in self._refused:
            found += unlike(service, profile, evidence, self._facts, self._desired)
            found += beyond(service, profile, self._desired)
            found += exposed(service, self._manager, self._desired, self._facts)
        found += self._manager.told(service, self._facts).threats
        for one in (one for one in found if not (restarts and one.kind == OF_PROCESS)):
            self.differs.append(Difference(service.profile, str(one), mend=one.hint or ""))
        return replace(evidence, bars=tuple(map(str, found)))

    def _once_owed(self, change: Change, service: ServiceSpec) -> Change:
        """Guard a restart that is due: if two operators see it, only one does it."""
        if not change.restarts or not self._facts.owes_restart(service.name):
            return change
        debt = PurePosixPath(OWED) / service.name
        return replace(change, seen=((debt, self._facts.digest(debt)),))

    def _why_restart(self, service: ServiceSpec, evidence: Evidence) -> str:
        if self._facts.owes_restart(service.name):
            return "a restart is due since an earlier run"
        if evidence.supervised and (other := stranger(evidence)):
            return other.reasons[0]
        if frozen := self._frozen(service, evidence):
            return frozen
        if evidence.lost or evidence.twice:
            return evidence.lost or evidence.twice
        if evidence.unread and not self._manager.reload():
            return f"its definition changed since {self._manager.name} read it"
        if evidence.stale:
            return f"it was started with other values of {', '.join(evidence.stale)}"
        if self._installs and not judge(evidence).is_ready:
            return "its program gets the extras that it lacked"
        return ""

    def _frozen(self, service: ServiceSpec, evidence: Evidence) -> str:
        """Return why a process that lives does nothing any more, empty if it may."""
        process = self._facts.processes.get(evidence.pid or 0)
        if evidence.supervised and process and process.state == "T":
            return f"its process {evidence.pid} is suspended"
        if not is_stalled(evidence):
            return ""
        self.stalled.append(service.profile)
        earlier = self._how.earlier and evidence_of(
            service, self._how.earlier, self._manager.name, urls=tuple(evidence.answers)
        )
        same = earlier and (earlier.pid, earlier.started_ticks) == (
            evidence.pid, evidence.started_ticks,
        )  # fmt: skip
        if not earlier or not same or not is_stalled(earlier) or evidence.now - earlier.now < STALL:
            return ""
        return f"its event loop stands still, and its API was silent twice in {STALL} s"

    def _watch(self, one: ServicePlan) -> None:
        if one.watch is None or one.name in self._refused or one.wanted.profile.state != "started":
            return
        if not (order_of(one.wanted) or getattr(one.wanted.resource, "only_restart", False)):
            self.differs += of_others(one.service, one.evidence, self._manager, self._facts)
        verdict = judge(one.evidence)
        # Of what cannot be judged, more of the same tells nothing.
        is_vain = verdict.is_ready or one.evidence.damage or one.evidence.doubts
        if one.begins or one.ends or not is_vain:
            self.watches.append(one.watch)
        if not one.changes:
            self.differs += beside(one.name, one.evidence)
        if not one.changes and not verdict.is_ready:
            said = ", ".join(verdict.reasons)
            self.differs.append(Difference(one.name, said, verdict.state))

    def _evidence(self, service: ServiceSpec, watch: Watch) -> Evidence:
        return evidence_of(
            service,
            self._facts,
            self._manager.name,
            urls=watch.urls,
            expected=watch.expected,
            settle=self._desired.host.settle,
        )
