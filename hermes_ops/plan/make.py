"""`make_plan(desired, facts)`: compute the changes of one host, a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.hermes import gateway
from hermes_ops.look.facts import Facts
from hermes_ops.look.links import masked, shared_files
from hermes_ops.plan import files, services
from hermes_ops.plan import host as on_host
from hermes_ops.plan.ledger import keeping, ledger_of
from hermes_ops.plan.lifecycle.draft import Draft, How
from hermes_ops.plan.lifecycle.elsewhere import leave_others
from hermes_ops.plan.lifecycle.holds import ended_hold, heeded
from hermes_ops.plan.lifecycle.orders import begins, cleared, refuse_strange, repaired
from hermes_ops.plan.lifecycle.plain import leaving, plan_plain
from hermes_ops.plan.lifecycle.rights import allowed
from hermes_ops.plan.lifecycle.starting import Starting
from hermes_ops.plan.model import Change, DesiredState, Install, Plan, Wanted
from hermes_ops.plan.order import (
    once,
    private_files,
    refusal,
    refuse_bad_places,
    refuses,
    starts_and_stops,
    stops_first,
)
from hermes_ops.plan.program import plan_manager, plan_program, wheelhouses_of
from hermes_ops.plan.resource import (
    EnvFile,
    File,
    KeptAwake,
    Linger,
    Owned,
    PythonProgram,
    Service,
    ServiceDefinition,
    Wrapper,
    YamlFile,
)
from hermes_ops.plan.wrapper import foreseen, plan_wrapper
from hermes_ops.services import choose, passed_over
from hermes_ops.services.base import ServiceSpec, home_of
from hermes_ops.services.manager import ServiceManager


def make_plan(
    desired: DesiredState,
    facts: Facts,
    *,
    wait: bool = True,
    urls: bool = True,
    earlier: Facts | None = None,
    rolling: bool = True,
    drain: int = 0,
) -> Plan:
    """Return the changes that make `facts` satisfy `desired`, in the order to apply them.

    Without `urls`, readiness is judged from files and processes alone. `earlier` is a look before
    this one: only a gateway that was silent then, too, is frozen. `rolling`: of each messaging
    platform, one gateway is restarted at a time. `drain`: seconds for which a restart may wait
    for turns that run.

    Raises:
        Conflict: what is wanted is not possible on this host; nothing is planned.
    """
    manager = choose(desired.host, facts)
    facts = foreseen(desired, manager, repaired(desired, facts))
    return _Planner(desired, facts, manager, How(urls, earlier, rolling, drain)).plan(wait=wait)


class _Planner:
    def __init__(
        self, desired: DesiredState, facts: Facts, manager: ServiceManager, how: How
    ) -> None:
        self.how = how
        self.facts, self.manager = facts, manager
        self.hermes = facts.hermes
        self.profiles: dict[str, Draft] = {}
        self.notes: list[str] = []
        self.desired, self.differs = heeded(desired, facts)
        self.removes: list[str] = []
        self.refused: set[str] = set()
        self.shared = shared_files(private_files(desired), facts)
        self.installs = False

    def plan(self, *, wait: bool) -> Plan:
        host, is_order = self.desired.host, self.desired.is_order
        if host.manager == "auto" and (reason := passed_over(self.manager, self.facts)):
            self._note(f"services run under {self.manager.name}: {reason}")
        first = [c for wanted in self._each(PythonProgram) for c in self._program(wanted)]
        first += plan_manager(self.manager, self._each(ServiceDefinition), host, self.facts)
        each = list(self._remember())
        for one in self._each(Service):
            each += cleared(one, self._service(one), self.manager, self.facts)
            each += ended_hold(one, self._service(one), self.facts)
        written = [c for wanted in self._not_shared() for c in self._resource(wanted)]
        each += [c for c in written if not is_order or refuses(c)]
        each += self._refuse_orders()
        known = (self.desired, self.manager, self.facts)
        starting = Starting(
            self.desired, self.facts, self.manager, self.profiles,
            refused=self.refused, installs=self.installs, how=self.how,
        )  # fmt: skip
        staying = self.refused & leaving(self.desired)
        commands = [c for c in starting.changes() if c.profile not in staying]
        starts, stops = starts_and_stops(self._possible(commands) if is_order else commands)
        # Nothing of a profile is changed if a part of what it needs cannot be.
        each = self._possible([*each, *starting.records])
        own = stops_first(stops, each)
        slices = [] if is_order else [*on_host.plan_slices(*known, each)]
        reload = on_host.plan_reload(*known, [*each, *slices])
        hosts = [*on_host.plan_outliving(*known, self.refused), *slices, *reload]
        self._note((wrapper := plan_wrapper(*known, self.refused)).note)
        # Before the starts: Hermes compares its PATH with the folders that are there.
        awake = on_host.plan_awake(self.desired, self.facts, self._note)
        changes = once([*first, *own, *wrapper.changes, *hosts, *starts, *awake])
        return Plan(
            host,
            tuple(allowed(changes, self.facts, host)),
            tuple(starting.watches) if wait else (),
            self.manager.name,
            self.hermes,
            (*self.notes, *starting.notes),
            tuple(wheelhouses_of(first, self.facts)),
            (*self.differs, *starting.differs),
            starting.evidence,
            (self.facts.uid, self.facts.user),
            frozenset(self.removes),
            starting.restarts,
            tuple(starting.stalled),
            is_order=is_order,
        )

    def _possible(self, changes: Iterable[Change]) -> list[Change]:
        return [c for c in changes if c.profile not in self.refused or refuses(c)]

    def _refuse_orders(self) -> Iterable[Change]:
        for wanted in self._each(Service):
            try:
                known = (self._service(wanted), self.manager, self.facts, self.desired.host)
                refuse_strange(wanted, *known)
                if begins(wanted):
                    self._sound(wanted, known[0], self.profiles[wanted.profile.name])
            except Conflict as conflict:
                self.refused.add(wanted.profile.name)
                yield refusal(wanted, conflict)

    def _each(self, kind: type) -> Iterable[Wanted]:
        return (w for w in self.desired.wanted if isinstance(w.resource, kind))

    def _not_shared(self) -> Iterable[Wanted]:
        """Yield the resources of the profiles, profile by profile, each in the graph's order."""
        shared = PythonProgram | Linger | KeptAwake | Service | Wrapper
        own = [w for w in self.desired.wanted if not isinstance(w.resource, shared)]
        for name in dict.fromkeys(w.profile.name for w in own):
            yield from (w for w in own if w.profile.name == name)

    # --- the program ---

    def _program(self, wanted: Wanted) -> Iterable[Change]:
        program = wanted.resource
        assert isinstance(program, PythonProgram)  # noqa: S101 - _each gave only these
        changes = list(plan_program(wanted.step, program, self.desired.host, self.facts))
        if program.name == "hermes":
            self._know_hermes(changes)
        return changes

    def _know_hermes(self, changes: list[Change]) -> None:
        installs = [c.operation for c in changes if isinstance(c.operation, Install)]
        self.installs = bool(installs)
        if installs and self.facts.hermes is None:
            self.hermes = gateway.installed_by_us(self.facts, installs[0].version)

    # --- the profile's own ---

    def _remember(self) -> Iterable[Change]:
        """Read what is ours; if that is not possible, yield a failing change before all others."""
        for wanted in self._each(Owned):
            name, resource = wanted.profile.name, wanted.resource
            assert isinstance(resource, Owned)  # noqa: S101 - _each gave only these
            try:
                lists = (self.notes, self.differs, self.removes)
                ledger = ledger_of(name, resource, self.facts, *lists)
            except Conflict as conflict:
                self.refused.add(name)
                yield refusal(wanted, conflict)
            else:
                service = self.desired.services.get(name)
                ledger.is_new &= not (service and services.has_policy(service, self.facts))
                self.profiles[name] = Draft(ledger=ledger)

    def _resource(self, wanted: Wanted) -> Iterable[Change]:
        if wanted.profile.name in self.refused:
            return []
        profile = self.profiles.setdefault(wanted.profile.name, Draft())
        try:
            changes = list(self._changes(wanted, profile))
            refuse_bad_places(changes, self.facts, self.shared)
        except Conflict as conflict:
            # A conflict in one profile must not hold up the others.
            self.refused.add(wanted.profile.name)
            return [refusal(wanted, conflict)]
        restarting = [c for c in changes if getattr(c.operation, "owes", None)]
        if restarting and not profile.restart:
            profile.restart = f"{restarting[0].resource.removeprefix('file:')} differs"
        return changes

    def _changes(self, wanted: Wanted, profile: Draft) -> Iterable[Change]:
        resource, facts, owes = wanted.resource, self.facts, self._owes(wanted)
        match resource:
            case File():
                words = self._words(wanted)
                return files.plan_file(wanted, resource, facts, words, owes, profile.ledger)
            case YamlFile():
                known = (self._service(wanted), self.manager, self.hermes, facts)
                given = on_host.fit(resource, wanted, *known)
                found = files.plan_yaml(wanted, given, facts, owes, profile.ledger)
                changes, profile.config = found
                return changes
            case EnvFile():
                file = on_host.with_environment(resource, wanted, self.desired, self.manager)
                changes, profile.env = files.plan_env(wanted, file, facts, owes, profile.ledger)
                return changes
            case Owned():
                return files.plan_owned(wanted, resource, facts, profile.ledger)
            case ServiceDefinition():
                self._note(on_host.limits_of(wanted, self.manager, self.facts))
                definition = self._definition(wanted, resource, profile)
                return keeping(definition, facts) if profile.ledger.is_new else definition
        return plan_plain(wanted, facts, self._words(wanted))

    def _definition(
        self, wanted: Wanted, resource: ServiceDefinition, profile: Draft
    ) -> Iterable[Change]:
        service = self._service(wanted)
        yield from leave_others(wanted, service, self.manager, self.facts)
        yield from self._own_definition(wanted, resource, service, profile)

    def _own_definition(
        self, wanted: Wanted, resource: ServiceDefinition, service: ServiceSpec, profile: Draft
    ) -> Iterable[Change]:
        known = (wanted, service, self.manager, self.facts)
        if wanted.profile.state == "absent":
            return services.without_definition(*known, wanted.profile.state_reason)
        if resource.only_disable and not services.is_defined(service, self.manager, self.facts):
            return []
        if resource.only_disable and service.text == "hermes" and self.hermes is None:
            # Without its program the definition cannot be rendered, and need not be.
            return services.without_links(*known)
        self._note(on_host.about_version(service, self.hermes, self.manager))
        return self._sound(wanted, service, profile, only_disable=resource.only_disable)

    def _sound(
        self, wanted: Wanted, service: ServiceSpec, profile: Draft, *, only_disable: bool = False
    ) -> Iterable[Change]:
        """Return the changes of a definition; a start with what is then there must be possible."""
        starts = wanted.profile.state == "started"
        if starts and self.manager.told(service, self.facts).masked:
            raise masked(self.manager.id(service), of_system=self.manager.by_root)
        given = (service, self.manager, self.facts, self._values(service, profile))
        changes = list(services.plan_definition(wanted, *given, only_disable=only_disable))
        if starts:
            services.refuse_foreign(*given, self.desired, changes)
        return changes

    def _owes(self, wanted: Wanted) -> str | None:
        """Return the service that must be restarted after a change of this resource."""
        service = self.desired.services.get(wanted.profile.name)
        if service is None or not getattr(wanted.resource, "restarts", False):
            return None
        # A service unknown to its manager does not run: it will be started, not restarted.
        return service.name if services.is_defined(service, self.manager, self.facts) else None

    def _words(self, wanted: Wanted) -> Mapping[str, Any]:
        return {
            "profile": wanted.profile.name,
            "description": wanted.profile.description,
            "settings": wanted.profile.service.settings,
            "home": home_of(wanted.profile, wanted.role),
            "home_dir": self.facts.home,
            **gateway.for_commands(self.hermes),
        }

    def _values(self, service: ServiceSpec, profile: Draft) -> Mapping[str, Any]:
        hermes, env = self.hermes, {k: v for k, v in profile.env.items() if v is not None}
        if service.text == "hermes" and hermes is None:
            raise on_host.without_hermes(self.desired.host)
        known = (profile.config, env, self.manager.text_known)
        return gateway.values_for(service, self.facts, hermes, *known)

    def _note(self, text: str) -> None:
        self.notes += [text] if text and text not in self.notes else []

    def _service(self, wanted: Wanted) -> ServiceSpec:
        return self.desired.services[wanted.profile.name]
