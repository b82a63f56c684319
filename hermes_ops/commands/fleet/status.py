"""The state of hosts and their profiles, judged from one look: the rows of `fleet.ps`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf
from typing import Any

from hermes_ops.audit.finding import Finding
from hermes_ops.audit.orphans import orphans_of
from hermes_ops.audit.register import Seen
from hermes_ops.audit.standing import standing
from hermes_ops.commands.fleet.faults import (
    drift_reasons,
    ending,
    has_moved,
    hidden_drift,
    lacking,
    remedy,
    state_since,
    verdict_of,
    why_not_compared,
    with_faults,
)
from hermes_ops.commands.look_hosts import Look
from hermes_ops.commands.strangers import strangers_on
from hermes_ops.errors import HermesError, belongs_to
from hermes_ops.hermes.evidence import Evidence, evidence_of
from hermes_ops.hermes.gateway import served_by
from hermes_ops.hermes.readiness import Verdict, heartbeat_age, judge, named_platforms
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Facts
from hermes_ops.plan import Plan, make_plan
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.describe import describe

WANTED = {"started": "healthy", "stopped": "stopped", "absent": "absent"}
"""The verdict that each wanted state asks for."""


@dataclass(frozen=True, slots=True)
class SeenProfile:
    """The state of one profile, which may be absent from the inventory."""

    name: str
    verdict: Verdict
    evidence: Evidence = field(default_factory=Evidence)
    unit: str | None = None
    desired: str | None = None
    """The wanted state; None for a profile that is not in the inventory."""
    drift: bool | None = None
    drift_reasons: tuple[str, ...] = ()
    """The resources that are not as wanted."""
    orphan: bool = False
    """It was ours, and is not in the inventory any more."""
    runs_hermes: bool = False
    """Whether the version of Hermes is that of its program."""
    remedy: str = ""
    """What mends it: a command that changes something, or words."""
    not_compared: str = ""
    """Why its drift is not known, if it is not."""

    @property
    def as_desired(self) -> bool | None:
        """Whether it is as wanted; None if it is not in the inventory, or its host is disabled."""
        if self.desired is None or self.verdict.state == "disabled":
            return None
        return self.verdict.state == WANTED[self.desired] and not self.drift

    @property
    def topology(self) -> str | None:
        """Whether its gateway serves it alone or more profiles; None if none runs for it."""
        if not (self.runs_hermes and self.evidence.alive):
            return None
        return "multiplex" if served_by(self.evidence.state) else "unit"

    def document(self, now: float) -> dict[str, Any]:
        """Return it as `fleet.ps --json` has it."""
        evidence, verdict, lives = self.evidence, self.verdict, self.evidence.alive
        age = evidence.age_s if lives else None
        beat = heartbeat_age(evidence) if lives else None
        return {
            "profile": self.name,
            "managed": self.desired is not None,
            "orphan": self.orphan,
            "desired": self.desired,
            "as_desired": self.as_desired,
            "state": verdict.state,
            "reasons": list(verdict.reasons),
            "not_judged": list(evidence.unjudged) if lives else [],
            "supervised": evidence.supervised if lives else None,
            "enabled": evidence.enabled,
            "unit": self.unit,
            "pid": evidence.pid if lives else None,
            "started_at": moment(None if age is None else now - age),
            "uptime_s": None if age is None else int(age),
            "since": moment(evidence.since),
            "state_since": moment(state_since(verdict, evidence)),
            "cpu_percent": round(100 * evidence.cpu, 1) if lives and evidence.cpu else None,
            "restarts": evidence.restarts,
            "restarts_last_hour": evidence.recent,
            "newer_code": evidence.newer_code if lives and self.runs_hermes else None,
            "topology": self.topology,
            "rss_bytes": evidence.rss_bytes if lives else None,
            "heartbeat_age_s": None if beat in (None, inf) else round(beat, 1),
            "platforms": dict(verdict.platforms),
            "drift": self.drift,
            "drift_reasons": list(self.drift_reasons),
            "drift_unknown": self.not_compared or None,
        }


@dataclass(frozen=True, slots=True)
class HostSeen:
    """The state of one host and its profiles."""

    host: Host
    profiles: tuple[SeenProfile, ...] = ()
    facts: Facts | None = None
    manager: str | None = None
    error: HermesError | None = None
    findings: tuple[Finding, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as `fleet.ps --json` has it."""
        now = self.facts.now if self.facts else 0
        return {
            **self.about(),
            "profiles": [seen.document(now) for seen in self.profiles],
            "findings": [finding.document() for finding in self.findings],
        }

    def about(self) -> dict[str, Any]:
        """Return what is the host's own, without its profiles."""
        facts, hermes = self.facts, self.facts.hermes if self.facts else None
        return {
            "host": self.host.name,
            # A disabled host is not asked: whether it would answer is unknown.
            "reachable": facts is not None if self.host.enabled else None,
            "error": self.error.document() if self.error else None,
            "platform": facts.system.lower() if facts else None,
            "manager": self.manager,
            "linger": facts.linger if facts and facts.systemd else None,
            "hermes": {
                "version": hermes.version if hermes else None,
                "python": (hermes.python_version or None) if hermes else None,
            },
        }

    def narrowed(self, own: Collection[str], others: Collection[str]) -> HostSeen:
        """Return it with these profiles of the inventory, and these others."""
        names = {*own, *others}
        profiles = tuple(
            seen for seen in self.profiles
            if seen.name in (others if seen.desired is None else own)
        )  # fmt: skip
        found = (f for f in self.findings if {side.profile for side in f.sides} <= {None, *names})
        return replace(self, profiles=profiles, findings=tuple(found))

    @property
    def codes(self) -> Iterable[int]:
        """Yield the exit codes that this host asks for."""
        if self.error:
            yield self.error.exit_code
        elif self.host.enabled:
            wrong = (seen.verdict.state for seen in self.profiles if seen.as_desired is False)
            yield from (4 if state == "unknown" else 2 for state in wrong)
            yield from (2 for _ in self.findings)


def moment(seconds: float | None) -> str | None:
    """Return a time as documents have it: UTC, to the second; None for one that is not known."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


# --- from a look ------------------------------------------------------------------------------


def seen_disabled(host: Host) -> HostSeen:
    """Return the state of a disabled host, which is not contacted."""
    reasons = (host.disabled_reason,) if host.disabled_reason else ()
    return HostSeen(host, alike(host, Verdict("disabled", reasons)))


def seen_from(look: Look, roles: Mapping[str, Role]) -> HostSeen:
    """Return the state of a host from a look: all its profiles, in the inventory or not."""
    host, facts = look.host, look.facts
    if facts is None:
        return HostSeen(host, alike(host, Verdict("unknown")), error=look.failure)
    try:
        with belongs_to(host.name):
            return _judged(look, facts, roles)
    except HermesError as error:
        return HostSeen(host, alike(host, Verdict("unknown")), facts, error=error)


def _judged(look: Look, facts: Facts, roles: Mapping[str, Role]) -> HostSeen:
    # Who only looks needs no right to change what is not as wanted.
    host, plan = look.host, make_plan(look.desired, replace(facts, may_root=None), wait=False)
    seen_own = ((profile, _evidence(profile, look, plan, facts)) for profile in host.profiles)
    own = (
        _own(
            profile, look.desired.services[profile.name], evidence, plan, facts,
            moved=has_moved(profile, look.desired, facts),
            lacks=lacking(profile, look.desired, facts),
            more=() if evidence.elsewhere else ending(host, plan.manager, facts),
        )
        for profile, evidence in seen_own
    )  # fmt: skip
    findings = tuple(standing(Seen(host, facts, roles)))
    orphans = {finding.name for finding in findings if finding.kind == "orphan"}
    strangers = (
        replace(seen, orphan=seen.name in orphans)
        for seen in _strangers(host, facts, plan.manager, roles)
    )
    others = (
        SeenProfile(
            orphan.profile, judge(orphan.evidence), orphan.evidence,
            unit_of(describe(Profile(orphan.profile), orphan.role), plan.manager), orphan=True,
        )
        for orphan in orphans_of(host, facts, roles)
        if orphan.role.name != "gateway"
    )  # fmt: skip
    return HostSeen(host, (*own, *strangers, *others), facts, plan.manager, findings=findings)


def _evidence(profile: Profile, look: Look, plan: Plan, facts: Facts) -> Evidence:
    """Return the plan's evidence, or what the process itself says if no step is about it."""
    if profile.name in plan.evidence:
        return plan.evidence[profile.name]
    service = look.desired.services[profile.name]
    found = evidence_of(service, facts, plan.manager, settle=look.host.settle)
    return replace(found, expected=named_platforms(found))


def alike(host: Host, verdict: Verdict) -> tuple[SeenProfile, ...]:
    """Return every profile of a host with the same verdict."""
    return tuple(
        SeenProfile(profile.name, verdict, desired=profile.state) for profile in host.profiles
    )


def _own(
    profile: Profile, service: ServiceSpec, evidence: Evidence, plan: Plan, facts: Facts,
    *, moved: bool | None = None, lacks: Sequence[str] = (), more: Sequence[str] = (),
) -> SeenProfile:  # fmt: skip
    # What cannot be opened here cannot be compared.
    own = [c for c in plan.changes if c.profile == profile.name and profile.sealed is None]
    evidence = with_faults(profile, evidence, own, lacks, more)
    reasons = tuple(drift_reasons(profile, own, evidence))
    verdict = verdict_of(profile, evidence, plan)
    hidden = hidden_drift(profile, moved=moved)
    lacking = bool(lacks or more or hidden)
    target = f"{plan.host.name}/{profile.name}"
    return SeenProfile(
        profile.name,
        verdict,
        evidence,
        unit_of(service, plan.manager),
        profile.state,
        True if reasons else hidden,
        reasons,
        runs_hermes=is_hermes(service.role),
        remedy=remedy(target, (verdict, evidence), own, plan, facts, lacks=lacking),
        not_compared="" if reasons or hidden is not None else why_not_compared(profile),
    )


def is_hermes(role: Role) -> bool:
    """Return whether the services of a role are Hermes."""
    return role.program is not None and role.program.name == "hermes"


def unit_of(service: ServiceSpec, manager: str) -> str:
    """Return the name by which the host's manager knows the service."""
    return MANAGERS[manager].id(service)


# --- strangers --------------------------------------------------------------------------------


def _strangers(
    host: Host, facts: Facts, manager: str, roles: Mapping[str, Role]
) -> Iterable[SeenProfile]:
    if "gateway" not in roles:
        return
    for name in strangers_on(host, facts):
        service = describe(Profile(name), roles["gateway"])
        evidence = evidence_of(service, facts, manager)
        evidence = replace(evidence, expected=named_platforms(evidence))
        seen = SeenProfile(
            name, judge(evidence), evidence, unit_of(service, manager), runs_hermes=True
        )
        # Without a service it is only data, and nothing that anybody has to know.
        if seen.verdict.state != "absent":
            yield seen
