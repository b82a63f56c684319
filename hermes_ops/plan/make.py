"""`make_plan(desired, facts)`: the pure heart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from hermes_ops import hermes as knowledge
from hermes_ops.errors import Conflict
from hermes_ops.evidence import Evidence, evidence_of
from hermes_ops.facts import OWED, Facts
from hermes_ops.plan import files, services
from hermes_ops.plan.leaving import freed, leave_others, runs_elsewhere
from hermes_ops.plan.model import (
    Change,
    Control,
    DesiredState,
    EnableLinger,
    Install,
    Plan,
    Reload,
    Wanted,
    Watch,
    Wheelhouse,
)
from hermes_ops.plan.order import (
    is_definition,
    once,
    refusal,
    start_waves,
    starts_and_stops,
    stops_first,
)
from hermes_ops.plan.owned import Ledger, ledger_of, plan_owned
from hermes_ops.plan.program import plan_program, wheelhouse_of
from hermes_ops.plan.watching import obstacle, watch_of
from hermes_ops.readiness import judge
from hermes_ops.resource import (
    Absent,
    Command,
    Directory,
    EnvFile,
    Existing,
    File,
    Linger,
    Owned,
    Program,
    Service,
    ServiceDefinition,
    YamlFile,
    identity,
)
from hermes_ops.services import choose, supervisord, why_not_systemd
from hermes_ops.services.base import ServiceManager, ServiceSpec


@dataclass(slots=True)
class _Profile:
    """What the plan knows of one profile so far: its settings as they will be."""

    config: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str | None] = field(default_factory=dict)
    restart: str = ""
    ledger: Ledger = field(default_factory=Ledger)


def make_plan(desired: DesiredState, facts: Facts, *, wait: bool = True, urls: bool = True) -> Plan:
    """Return the changes that make `facts` satisfy `desired`, in the order they must happen.

    Without `urls` the look asked none, and readiness is judged from files and processes alone.

    Raises:
        Conflict: what is wanted cannot be on this host; nothing is planned then.
    """
    return _Planner(desired, facts, choose(desired.host, facts), urls=urls).plan(wait=wait)


class _Planner:
    def __init__(
        self, desired: DesiredState, facts: Facts, manager: ServiceManager, *, urls: bool
    ) -> None:
        self.urls = urls
        self.desired = desired
        self.facts = facts
        self.manager = manager
        self.hermes = facts.hermes
        self.profiles: dict[str, _Profile] = {}
        self.values: dict[str, Mapping[str, Any]] = {}
        self.watches: list[Watch] = []
        self.notes: list[str] = []
        self.differs: list[str] = []
        self.refused: set[str] = set()
        self.installs = False
        self.evidence: dict[str, Evidence] = {}
        self.order = start_waves(desired)

    def plan(self, *, wait: bool) -> Plan:
        host = self.desired.host
        self._note_manager()
        first: list[Change] = [c for wanted in self._each(Program) for c in self._program(wanted)]
        first += self._supervisor()
        self._remember()
        each = [c for wanted in self._not_shared() for c in self._resource(wanted)]
        lingering = list(self._linger())
        starts, stops = starts_and_stops(self._services())
        own = stops_first(stops, each)
        changes = once([*first, *own, *lingering, *self._reload(each), *starts])
        return Plan(
            host,
            tuple(changes),
            tuple(self.watches) if wait else (),
            self.manager.name,
            self.hermes,
            tuple(self.notes),
            tuple(self._wheelhouses(first)),
            tuple(self.differs),
            self.evidence,
            (self.facts.uid, self.facts.user),
        )

    def _each(self, kind: type) -> Iterable[Wanted]:
        return (w for w in self.desired.wanted if isinstance(w.resource, kind))

    def _not_shared(self) -> Iterable[Wanted]:
        """Yield the resources of the profiles, profile by profile, each in the graph's order."""
        own = [
            w for w in self.desired.wanted if not isinstance(w.resource, Program | Linger | Service)
        ]
        for name in dict.fromkeys(w.profile.name for w in own):
            yield from (w for w in own if w.profile.name == name)

    def _note_manager(self) -> None:
        if self.manager.name == "supervisord" and self.desired.host.manager == "auto":
            reason = why_not_systemd(self.facts)
            self.notes.append(f"services run under supervisord: {reason}")

    # --- the program ---

    def _program(self, wanted: Wanted) -> Iterable[Change]:
        program = wanted.resource
        assert isinstance(program, Program)  # noqa: S101 - _each gave only these
        changes = list(plan_program(wanted.step, program, self.desired.host, self.facts))
        if program.name == "hermes":
            self._know_hermes(program, changes)
        return changes

    def _know_hermes(self, program: Program, changes: list[Change]) -> None:
        installs = [c.operation for c in changes if isinstance(c.operation, Install)]
        self.installs = bool(installs)
        if installs and self.facts.hermes is None:
            self.hermes = knowledge.installed_by_us(self.facts, installs[0].version)
        found = self.facts.hermes
        if found and found.version != program.version:
            self.differs.append(
                f"Hermes is {found.version}, wanted {program.version}: up does not change it"
            )

    def _supervisor(self) -> Iterable[Change]:
        definitions = list(self._each(ServiceDefinition))
        if self.manager.name != "supervisord" or not definitions:
            return []
        program = Program("supervisor", "supervisor", supervisord.VERSION)
        return plan_program(definitions[0].step, program, self.desired.host, self.facts)

    def _wheelhouses(self, changes: list[Change]) -> Iterable[Wheelhouse]:
        for change in changes:
            if isinstance(change.operation, Install) and change.operation.wheelhouse:
                yield wheelhouse_of(change.operation, self.facts)

    # --- the profile's own ---

    def _remember(self) -> None:
        for wanted in self._each(Owned):
            name, resource = wanted.profile.name, wanted.resource
            assert isinstance(resource, Owned)  # noqa: S101 - _each gave only these
            ledger = ledger_of(name, resource, self.facts, self.notes, self.differs)
            self.profiles[name] = _Profile(ledger=ledger)

    def _resource(self, wanted: Wanted) -> Iterable[Change]:
        if wanted.profile.name in self.refused:
            return []
        profile = self.profiles.setdefault(wanted.profile.name, _Profile())
        try:
            changes = list(self._changes(wanted, profile))
        except Conflict as conflict:
            # What cannot be in one profile is no reason to leave the others as they are.
            self.refused.add(wanted.profile.name)
            return [refusal(wanted, conflict)]
        restarting = [c for c in changes if getattr(c.operation, "owes", None)]
        if restarting and not profile.restart:
            profile.restart = f"{restarting[0].resource.removeprefix('file:')} differs"
        return changes

    def _changes(self, wanted: Wanted, profile: _Profile) -> Iterable[Change]:
        resource, facts = wanted.resource, self.facts
        owes = self._owes(wanted)
        match resource:
            case Directory():
                return files.plan_directory(wanted, resource, facts)
            case Command():
                return files.plan_command(wanted, resource, facts, self._words(wanted))
            case File():
                words = self._words(wanted)
                return files.plan_file(wanted, resource, facts, words, owes, profile.ledger)
            case YamlFile():
                changes, profile.config = files.plan_yaml(
                    wanted, resource, facts, owes, profile.ledger
                )
                return changes
            case EnvFile():
                changes, profile.env = files.plan_env(wanted, resource, facts, owes, profile.ledger)
                return changes
            case Owned():
                return plan_owned(wanted, resource, facts, profile.ledger)
            case Existing():
                return files.plan_existing(resource, facts)
            case Absent():
                return files.plan_absent(wanted, resource, facts)
            case ServiceDefinition():
                self._note_limits(self._service(wanted))
                return self._definition(wanted, resource, profile)
        raise TypeError(f"no plan for {identity(resource)}")

    def _definition(
        self, wanted: Wanted, resource: ServiceDefinition, profile: _Profile
    ) -> Iterable[Change]:
        service = self._service(wanted)
        yield from leave_others(wanted, service, self.manager, self.facts)
        yield from self._own_definition(wanted, resource, service, profile)

    def _own_definition(
        self, wanted: Wanted, resource: ServiceDefinition, service: ServiceSpec, profile: _Profile
    ) -> Iterable[Change]:
        known = (wanted, service, self.manager, self.facts)
        if wanted.profile.state == "absent":
            return services.without_definition(*known, "state is absent")
        if resource.only_disable and not services.is_defined(service, self.manager, self.facts):
            return []
        if resource.only_disable and service.text == "hermes" and self.hermes is None:
            # Without its program the definition cannot be told anew, and need not be.
            return services.without_links(*known)
        values = self._values(service, profile)
        self._note_version(service)
        return services.plan_definition(
            wanted, service, self.manager, self.facts, values, only_disable=resource.only_disable
        )

    def _owes(self, wanted: Wanted) -> str | None:
        """Return the service that a change of this resource must restart."""
        service = self.desired.services.get(wanted.profile.name)
        if service is None or not getattr(wanted.resource, "restarts", False):
            return None
        # What its manager does not know does not run: it will be started, and owes nothing.
        return service.name if services.is_defined(service, self.manager, self.facts) else None

    def _words(self, wanted: Wanted) -> Mapping[str, Any]:
        return {
            "profile": wanted.profile.name,
            "description": wanted.profile.description,
            "settings": wanted.profile.service.settings,
            "python": self.hermes.python if self.hermes else "python3",
            "home_dir": self.facts.home,
        }

    def _note_limits(self, service: ServiceSpec) -> None:
        limits = [n for n in ("memory_max", "watchdog") if getattr(service.settings, n)]
        if limits and self.manager.name == "supervisord":
            self.notes.append(
                f"{service.profile}: supervisord enforces no {' and no '.join(limits)}"
            )

    def _note_version(self, service: ServiceSpec) -> None:
        version = self.hermes.version if self.hermes else ""
        if service.versions and not version.startswith(service.versions):
            note = f"Hermes {version} writes its units itself: only their main lines are checked"
            self.notes += [note] if note not in self.notes else []

    def _values(self, service: ServiceSpec, profile: _Profile) -> Mapping[str, Any]:
        env = {key: value for key, value in profile.env.items() if value is not None}
        hermes = self.hermes
        if service.text == "hermes" and hermes is None:
            raise Conflict("Hermes is not on this host", hint="run fleet.up, which installs it")
        return knowledge.values_for(service, self.facts, hermes, profile.config, env)

    def _service(self, wanted: Wanted) -> ServiceSpec:
        return self.desired.services[wanted.profile.name]

    # --- the host's ---

    def _linger(self) -> Iterable[Change]:
        # Every profile wants it, of the one user that they share.
        for wanted in list(self._each(Linger))[:1]:
            policy = wanted.resource.policy  # type: ignore[union-attr]
            if self.manager.lingers and policy != "off" and not self.facts.linger:
                operation = EnableLinger(required=policy == "required")
                yield Change(wanted.step, None, "linger", "enable", "off", operation)

    def _reload(self, changes: list[Change]) -> Iterable[Change]:
        stale = any(unit["NeedDaemonReload"] == "yes" for unit in self.facts.units.values())
        changed = any(is_definition(change) for change in changes)
        words = self.manager.reload()
        starts = list(self._each(Service))
        if words and starts and (changed or stale):
            step, reason = starts[0].step, "definitions changed"
            yield Change(
                step, None, f"manager:{self.manager.name}", "reload", reason, Reload(words)
            )

    def _services(self) -> Iterable[Change]:
        wanted = {w.profile.name: w for w in self._each(Service)}
        for number, wave in enumerate(self.order):
            for name in wave:
                if name in wanted:
                    yield from self._control(wanted[name], number)

    def _control(self, wanted: Wanted, wave: int) -> Iterable[Change]:
        service = self._service(wanted)
        profile = self.profiles.setdefault(wanted.profile.name, _Profile())
        watch = watch_of(service, profile.config, profile.env, wave)
        watch = watch if self.urls else replace(watch, urls=())
        found = self._evidence(service, watch)
        elsewhere = runs_elsewhere(service, self.manager, self.facts)
        evidence = self.evidence[service.profile] = freed(found) if elsewhere else found
        restart = profile.restart or self._why_restart(service, evidence)
        changes = [
            self._once_owed(change, service)
            for change in services.plan_service(
                wanted, service, self.manager, evidence,
                restart=restart, obstacle="" if elsewhere else obstacle(watch, self.facts),
            )
        ]  # fmt: skip
        if getattr(wanted.resource, "only_restart", False):
            changes = [change for change in changes if change.restarts]
            if not changes:
                return []
        if wanted.profile.state == "started" and wanted.profile.name not in self.refused:
            self._watch(watch, changes, evidence)
        return changes

    def _once_owed(self, change: Change, service: ServiceSpec) -> Change:
        """Guard a restart that is owed: of two operators who saw the debt, one pays it."""
        if not change.restarts or not self.facts.owes_restart(service.name):
            return change
        debt = PurePosixPath(OWED) / service.name
        return replace(change, seen=((debt, self.facts.digest(debt)),))

    def _why_restart(self, service: ServiceSpec, evidence: Evidence) -> str:
        if self.facts.owes_restart(service.name):
            return "a restart is owed since an earlier run"
        if self.installs and not judge(evidence).is_ready:
            return "its program gets what it lacked"
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
            self.facts,
            self.manager.name,
            urls=watch.urls,
            expected=watch.expected,
            settle=self.desired.host.settle,
        )
