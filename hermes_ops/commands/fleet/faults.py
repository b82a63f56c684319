"""Why a profile is not what is wanted although it may run well: refusals, settings, other files."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import inf

from hermes_ops.files import envfile
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.markers import epoch_of
from hermes_ops.hermes.readiness import Verdict, heartbeat_age, judge
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.look.facts import Facts
from hermes_ops.plan import DesiredState, marks
from hermes_ops.plan.host import is_apart
from hermes_ops.plan.lifecycle.rights import needs_root
from hermes_ops.plan.model import Change, Plan, Refuse, Write
from hermes_ops.plan.resource import EnvFile
from hermes_ops.program_name import spoken
from hermes_ops.run import HostResult
from hermes_ops.secrets.fingerprint import key_file, operator_key
from hermes_ops.secrets.reference import Reference
from hermes_ops.services import MANAGERS


def with_faults(
    profile: Profile,
    evidence: Evidence,
    changes: Sequence[Change],
    lacks: Sequence[str] = (),
    more: Sequence[str] = (),
) -> Evidence:
    """Return the evidence with why the profile is not what is wanted, however well it runs.

    `lacks`: names that its `.env` should have, but whose values are not known here; `more`:
    faults of its host.
    """
    found = list(more)
    found += [f"its .env lacks {', '.join(lacks)}"] if lacks else []
    found += filter(None, map(_fault, changes))
    if evidence.stale:
        found.append(f"its process was started with other values of {', '.join(evidence.stale)}")
    # A start that is planned was refused for the same reason.
    found += [bar for bar in evidence.bars if not any(said.startswith(bar) for said in found)]
    found += [words for words in (evidence.lost, evidence.twice) if words]
    found += evidence.rivals
    found += [f"{path} is another unit that runs its home" for path in evidence.units]
    if profile.state != "started":
        found = [c.operation.said for c in changes if isinstance(c.operation, Refuse)]
    found += [evidence.elsewhere] if evidence.elsewhere else []
    return replace(evidence, faults=tuple(found))


def verdict_of(profile: Profile, evidence: Evidence, plan: Plan) -> Verdict:
    """Return the verdict on a profile: it is never ready where its plan has it in another state."""
    verdict = judge(evidence)
    states = (one for one in plan.differs if one.profile == profile.name and one.state)
    other = next(states, None) if verdict.is_ready else None
    return replace(verdict, state=other.state, reasons=(other.words,)) if other else verdict


def ending(host: Host, manager: str, facts: Facts) -> list[str]:
    """Return why the services of a host would end with a session, as a fault of each of them."""
    required = host.linger == "required" and MANAGERS[manager].lingers
    if not required or facts.linger:
        return []
    return [f"linger is off: it ends with the last session of {facts.user}"]


def _fault(change: Change) -> str:
    operation = change.operation
    if isinstance(operation, Refuse):
        return operation.said
    if isinstance(operation, Write) and operation.keys:
        if change.action == "create":
            return f"~/{operation.path} is absent"
        return f"~/{operation.path} differs from the inventory: {', '.join(operation.keys)}"
    return ""


def drift_reasons(profile: Profile, changes: Iterable[Change], evidence: Evidence) -> Iterator[str]:
    """Yield the resources that are not as wanted: files, the definition, and files of others.

    A restart that is owed counts too: the process does not yet have what the files say.
    """
    counts = (
        c
        for c in changes
        if not c.resource.startswith("service:") or c.restarts or isinstance(c.operation, Refuse)
    )
    yield from dict.fromkeys(change.resource for change in counts)
    if profile.state == "started":
        yield from (f"file:{path}" for path in evidence.foreign)
        if evidence.unread:
            yield f"unread:{profile.name}"


def state_since(verdict: Verdict, evidence: Evidence) -> float | None:
    """Return since when a state lasts, in seconds since 1970; None if nothing tells that."""
    if not evidence.alive:
        since = evidence.since if evidence.since is not None else _ended_at(evidence)
        return since if verdict.state != "absent" else None
    if verdict.state == "draining" and evidence.drain:
        return evidence.drained_at
    beat = heartbeat_age(evidence)
    if verdict.state == "down" and not evidence.suspended and beat not in (None, inf):
        return evidence.now - beat
    if verdict.state == "starting" and evidence.age_s is not None:
        return evidence.now - evidence.age_s
    return None


def _ended_at(evidence: Evidence) -> float | None:
    """Return when a gateway noted its own end: not every manager tells when it stopped one."""
    state = evidence.state or {}
    if state.get("gateway_state") not in ("stopped", "startup_failed"):
        return None
    return epoch_of(state.get("updated_at"))


_LOOK_AGAIN = ("starting", "draining", "unknown")
_LONGEST_START = 360
"""Seconds: Hermes sleeps for at most 300 after too many starts, before it writes any state."""


def remedy(
    target: str, seen: tuple[Verdict, Evidence], changes: Sequence[Change], plan: Plan,
    facts: Facts, *, lacks: bool,
) -> str:  # fmt: skip
    """Return what mends a profile: a command that changes something if it is typed, or words.

    `changes` are those of its plan; `lacks`: something that the plan of a look does not show.
    """
    name, limit = target.rpartition("/")[2], shlex.quote(target)
    verdict, evidence = seen
    refused = (c.operation for c in changes if isinstance(c.operation, Refuse))
    if refusal := next(refused, None):
        return refusal.hint or spoken(f"./inv fleet.plan -l {limit}")
    if evidence.installed and evidence.homeless:
        return spoken(
            "bring its folder back first: mount its disk, or profile.import from an archive;"
            f" ./inv fleet.up -l {limit} makes an empty profile in its place"
        )
    # To remove a part of others reads the definition again, too.
    unread = evidence.unread and not evidence.foreign
    mends = [spoken(one.mend) for one in plan.differs if one.profile == name and one.mend]
    if changes or lacks or name in plan.stalled or unread:
        if any(change.restarts for change in changes):
            mends = [mend for mend in mends if mend != spoken(f"./inv fleet.restart -l {limit}")]
        mends.append(_bring_up(limit, changes, facts))
    if mends:
        return "; ".join(dict.fromkeys(mends))
    return spoken(f"./inv {_task(verdict, evidence)} -l {limit}")


def _bring_up(limit: str, changes: Sequence[Change], facts: Facts) -> str:
    """Return the command that makes a profile what is wanted, with what it needs to become root."""
    hint = f"./inv fleet.up -l {limit}"
    if facts.may_root is False and any(needs_root(change.operation) for change in changes):
        if "sudo" not in facts.tools:
            return spoken(f"{facts.way_to_root}; then {hint}")
        hint += " --ask-become-pass"
    return spoken(hint)


def remedy_of_stranger(target: str, verdict: Verdict, evidence: Evidence) -> str:
    """Return the command that helps a gateway outside the inventory, or shows why it is ill."""
    name = shlex.quote(target)
    if evidence.suspended and not evidence.traced:
        return spoken(f"./inv gateway.repair {name} --unmanaged")
    return spoken(f"./inv {_task(verdict, evidence)} -l {name} --unmanaged")


def _task(verdict: Verdict, evidence: Evidence) -> str:
    """Return the task that helps a service whose settings need no change, or shows why not."""
    silent = any(answer and answer.status is None for answer in evidence.answers.values())
    if verdict.state == "draining" and evidence.drain_lasts:
        return "fleet.start"
    if evidence.traced:
        return "fleet.restart --now"
    if verdict.state == "unknown" and (evidence.doubts or evidence.damage):
        return "fleet.restart"
    begins = evidence.activity == "activating"
    if begins and (evidence.restarts or 0) <= 1:
        return "fleet.ps"
    fails = begins and not evidence.alive  # seen between two of many starts
    if verdict.state in _LOOK_AGAIN and not fails:
        return "fleet.restart" if (evidence.age_s or 0) > _LONGEST_START else "fleet.ps"
    return (
        "fleet.restart" if verdict.state == "degraded" and silent else "fleet.logs --file journal"
    )


def hidden_drift(profile: Profile, *, moved: bool | None) -> bool | None:
    """Whether values of references differ from those last written; None if unknown."""
    if profile.sealed is not None:
        return None
    hidden = any(isinstance(value, Reference) for value in profile.env.values())
    return moved if hidden and profile.state != "absent" else False


def why_not_compared(profile: Profile) -> str:
    """Return why it is not known whether a profile has drifted; `plan` resolves, and knows."""
    if profile.sealed is not None:
        return f"its values are encrypted: {profile.sealed}"
    names = [name for name, value in profile.env.items() if isinstance(value, Reference)]
    return f"the values of {', '.join(names)} are not read here: fleet.plan compares them"


def lacking(profile: Profile, desired: DesiredState, facts: Facts) -> list[str]:
    """Return the names with references that the `.env` on the host does not have."""
    file = next(_env_files(profile, desired), None)
    found = envfile.read(facts.contents.get(str(file.path), "")) if file else {}
    return [name for name in file.unresolved if name not in found] if file else []


def has_moved(profile: Profile, desired: DesiredState, facts: Facts) -> bool | None:
    """Whether values of references differ from those last written; None if unknown."""
    file = next(_env_files(profile, desired), None)
    if file is None or file.kept is None or not key_file().exists():
        return None
    env, kept = (facts.contents.get(str(path), "") for path in (file.path, file.kept))
    return marks.has_moved(profile, env, kept, operator_key())


def _env_files(profile: Profile, desired: DesiredState) -> Iterator[EnvFile]:
    for wanted in desired.wanted:
        if wanted.profile.name == profile.name and isinstance(wanted.resource, EnvFile):
            yield wanted.resource


def left_undone(profile: Profile, result: HostResult) -> list[Change]:
    names = (None, profile.name)
    left = (d.change for d in result.changes if d.outcome != "done" and d.change.profile in names)
    return [change for change in left if not is_apart(change)]
