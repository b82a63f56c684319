"""Services of the host: which to start, restart or stop, and which to wait for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files.layout import OWED
from hermes_ops.hermes.evidence import Evidence, evidence_of
from hermes_ops.hermes.readiness import judge
from hermes_ops.look.facts import Facts
from hermes_ops.plan import services
from hermes_ops.plan.ledger import Ledger
from hermes_ops.plan.model import Change, Control, DesiredState, Reload, Wanted, Watch
from hermes_ops.plan.order import start_waves
from hermes_ops.plan.resource import Service
from hermes_ops.plan.services import is_defined, without_definition
from hermes_ops.plan.watching import obstacle, watch_of
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.manager import ServiceManager


@dataclass(slots=True)
class Draft:
    """What the plan knows of one profile so far: its future settings."""

    config: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str | None] = field(default_factory=dict)
    restart: str = ""
    ledger: Ledger = field(default_factory=Ledger)


class Starting:
    """Plans the services, after the settings of every profile are drafted."""

    def __init__(
        self,
        desired: DesiredState,
        facts: Facts,
        manager: ServiceManager,
        drafts: dict[str, Draft],
        *,
        refused: Collection[str],
        installs: bool,
        urls: bool,
    ) -> None:
        self._desired, self._facts, self._manager = desired, facts, manager
        self._profiles, self._refused = drafts, refused
        self._installs, self._urls = installs, urls
        self.watches: list[Watch] = []
        self.differs: list[str] = []
        self.evidence: dict[str, Evidence] = {}

    def changes(self) -> Iterable[Change]:
        """Yield the starts, restarts and stops; services that others wait for come first."""
        wanted = {
            w.profile.name: w for w in self._desired.wanted if isinstance(w.resource, Service)
        }
        for number, wave in enumerate(start_waves(self._desired)):
            for name in wave:
                if name in wanted:
                    yield from self._control(wanted[name], number)

    def _control(self, wanted: Wanted, wave: int) -> Iterable[Change]:
        service = self._desired.services[wanted.profile.name]
        profile = self._profiles.setdefault(wanted.profile.name, Draft())
        watch = watch_of(service, profile.config, profile.env, wave)
        urls = watch.urls if self._urls else ()
        watch = replace(watch, urls=urls, manager=self._manager.name)
        found = self._evidence(service, watch)
        elsewhere = runs_elsewhere(service, self._manager, self._facts)
        evidence = self.evidence[service.profile] = freed(found) if elsewhere else found
        restart = profile.restart or self._why_restart(service, evidence)
        changes = [
            self._once_owed(change, service)
            for change in services.plan_service(
                wanted, service, self._manager, evidence,
                restart=restart, obstacle="" if elsewhere else obstacle(watch, self._facts),
            )
        ]  # fmt: skip
        if getattr(wanted.resource, "only_restart", False):
            changes = [change for change in changes if change.restarts]
            if not changes:
                return []
        if wanted.profile.state == "started" and wanted.profile.name not in self._refused:
            self._watch(watch, changes, evidence)
        return changes

    def _once_owed(self, change: Change, service: ServiceSpec) -> Change:
        """Guard a restart that is due: if two operators see it, only one does it."""
        if not change.restarts or not self._facts.owes_restart(service.name):
            return change
        debt = PurePosixPath(OWED) / service.name
        return replace(change, seen=((debt, self._facts.digest(debt)),))

    def _why_restart(self, service: ServiceSpec, evidence: Evidence) -> str:
        if self._facts.owes_restart(service.name):
            return "a restart is due since an earlier run"
        if self._installs and not judge(evidence).is_ready:
            return "its program gets the extras that it lacked"
        return ""

    def _watch(self, watch: Watch, changes: list[Change], evidence: Evidence) -> None:
        starts = any(isinstance(change.operation, Control) for change in changes)
        verdict = judge(evidence)
        if starts or not verdict.is_ready:
            self.watches.append(watch)
        if not changes and not verdict.is_ready:
            name = watch.service.profile
            self.differs.append(f"{name} is {verdict.state}: {', '.join(verdict.reasons)}")

    def _evidence(self, service: ServiceSpec, watch: Watch) -> Evidence:
        return evidence_of(
            service,
            self._facts,
            self._manager.name,
            urls=watch.urls,
            expected=watch.expected,
            settle=self._desired.host.settle,
        )


def leave_others(
    wanted: Wanted, service: ServiceSpec, manager: ServiceManager, facts: Facts
) -> Iterable[Change]:
    """Yield the stop and removal of the service under every other manager."""
    for other in MANAGERS.values():
        if other is not manager and is_defined(service, other, facts):
            yield from _leave(wanted, service, other, facts, f"{manager.name} runs it now")


def _leave(
    wanted: Wanted, service: ServiceSpec, other: ServiceManager, facts: Facts, reason: str
) -> Iterable[Change]:
    def change(resource: str, action: str, operation: Control | Reload) -> Change:
        return Change(wanted.step, wanted.profile.name, resource, action, reason, operation, ())

    if evidence_of(service, facts, other.name).activity != "inactive":
        stop = Control(service, other.control(service, "stop", known=True), "stop")
        yield change(f"service:{service.name}", "stop", stop)
    yield from without_definition(wanted, service, other, facts, reason)
    if words := other.reload():
        yield change(f"manager:{other.name}", "reload", Reload(words))


def runs_elsewhere(service: ServiceSpec, manager: ServiceManager, facts: Facts) -> bool:
    """Return whether another manager runs the service; `leave_others` then stops it."""
    others = (other for other in MANAGERS.values() if other is not manager)
    return any(evidence_of(service, facts, other.name).supervised for other in others)


def freed(evidence: Evidence) -> Evidence:
    """Return the evidence of a service after every other manager has stopped it."""
    return evidence if evidence.supervised else replace(evidence, pid=None, alive=False)
