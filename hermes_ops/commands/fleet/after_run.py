"""The state of hosts and their profiles as a run left them: no host is asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hermes_ops.commands.fleet.faults import drift_reasons, left_undone, with_faults
from hermes_ops.commands.fleet.status import HostSeen, SeenProfile, alike, is_hermes, unit_of
from hermes_ops.errors import HermesError, belongs_to
from hermes_ops.hermes.evidence import Evidence, evidence_of
from hermes_ops.hermes.readiness import Verdict, judge
from hermes_ops.inventory.model import Profile
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Facts
from hermes_ops.plan import Plan
from hermes_ops.plan.model import Control
from hermes_ops.run import HostResult
from hermes_ops.services.describe import describe


def seen_after(result: HostResult, roles: Mapping[str, Role]) -> HostSeen:
    """Return a host as a run left it, without asking it again."""
    host, error = result.host, result.error
    if result.outcome in ("unknown", "unreachable", "skipped"):
        # What was seen before the connection was lost may no longer be so.
        reasons = (str(error),) if error else ()
        return HostSeen(host, alike(host, Verdict("unknown", reasons)), error=error)
    try:
        with belongs_to(host.name):
            if result.plan is not None and result.facts is not None:
                return _left_by(result, result.plan, result.facts, roles)
    except HermesError as failure:
        error = error or failure
    return HostSeen(host, alike(host, Verdict("unknown")), result.facts, error=error)


def _left_by(result: HostResult, plan: Plan, facts: Facts, roles: Mapping[str, Role]) -> HostSeen:
    profiles = []
    is_refused = result.error is not None and not result.changes  # as a whole: nothing was compared
    compares = not (plan.is_order or is_refused)
    for profile in result.host.profiles:
        service = describe(profile, roles[profile.role])
        evidence = _evidence_after(profile, plan, facts, result)
        left = left_undone(profile, result)
        evidence = with_faults(profile, evidence, left)
        reasons = tuple(drift_reasons(profile, left, evidence)) if compares else ()
        drift = bool(reasons) if compares else None
        doubt = result.doubts.get(profile.name)
        if doubt is None or doubt.state != "unknown":  # a drain is why its checks do not pass
            doubt = _drained(profile.name, plan) or doubt
        verdict = doubt or judge(evidence)
        seen = SeenProfile(
            profile.name, verdict, evidence, unit_of(service, plan.manager), profile.state,
            drift, reasons, runs_hermes=is_hermes(service.role),
        )  # fmt: skip
        profiles.append(seen)
    return HostSeen(result.host, tuple(profiles), facts, plan.manager, result.error)


def _drained(name: str, plan: Plan) -> Verdict | None:
    """Return the verdict on a profile that goes on to take no turn: a run does not wait for it."""
    found = (one for one in plan.differs if one.profile == name and one.state == "draining")
    return next((Verdict("draining", (one.words,)) for one in found if one.mend), None)


def _evidence_after(profile: Profile, plan: Plan, facts: Facts, result: HostResult) -> Evidence:
    name = profile.name
    watch = next((watch for watch in plan.watches if watch.service.profile == name), None)
    if watch and name in result.verdicts:
        return evidence_of(
            watch.service, facts, plan.manager,
            urls=watch.urls, expected=watch.expected, settle=result.host.settle,
        )  # fmt: skip
    before = plan.evidence.get(name, Evidence())
    done = [d for d in result.changes if d.outcome == "done" and d.change.profile == name]
    controls = [d.change.operation for d in done if isinstance(d.change.operation, Control)]
    installed = profile.state != "absent"
    if not controls:
        created = installed and any(d.change.step == "gateway.install" for d in done)
        return replace(before, installed=before.installed or created)
    # There was no second look: only the order to the service is known.
    activity = "inactive" if controls[-1].verb == "stop" else "activating"
    return Evidence(before.kind, installed, profile.state == "started", activity=activity)
