"""Which command brings a change of the inventory to the hosts: computed from two plans."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hermes_ops.cli.output import Output
from hermes_ops.commands import steps
from hermes_ops.commands.workspace import enabled
from hermes_ops.errors import HermesError
from hermes_ops.files.layout import WRAPPER
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Facts, Hermes
from hermes_ops.plan import Change, make_plan
from hermes_ops.plan.desired import StepPlan, desired_state
from hermes_ops.plan.model import Control, RunCommand
from hermes_ops.plan.resource import Command, Resource
from hermes_ops.program_name import spoken

PUSH, UP = "config.push", "fleet.up"

_STEPS = (
    StepPlan("profile.create", (), steps.create),
    StepPlan("profile.configure", ("profile.create",), steps.configure),
    StepPlan("gateway.install", ("profile.configure",), steps.install),
    StepPlan("gateway.start", ("gateway.install",), steps.start),
)
_EMPTY = Facts(
    "hermes", 1000, "/home/hermes", "/home/hermes", systemd=True, bus=True, linger=True,
)  # fmt: skip
"""A host without any profile: a plan for it has everything that is wanted."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """The command that brings a change to every profile which it affects."""

    task: str
    limit: str

    def __str__(self) -> str:
        return spoken(f"./inv {self.task} -l {shlex.quote(self.limit)}")


def say_next(output: Output, before: Inventory, after: Inventory) -> None:
    """Print the command that delivers what was just written, or a line that no host needs it."""
    step = next_step(before, after)
    output.text(f"now: {step}" if step else "no host needs a change for this")


def next_step(before: Inventory, after: Inventory) -> NextStep | None:
    """Return the command that delivers the difference of two inventories; None if no host differs.

    `config.push` delivers settings alone, and is named only if nothing else differs.
    """
    tasks = dict(_affected(before, after))
    if not tasks:
        return None
    return NextStep(UP if UP in tasks.values() else PUSH, _limit(list(tasks), after))


def _affected(before: Inventory, after: Inventory) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield each host and profile that differs, with the task that delivers the difference."""
    old = {(host.name, p.name): (host, p) for host in before.hosts for p in host.profiles}
    for host in enabled(after)[0].hosts:
        for profile in host.profiles:
            whose = (host.name, profile.name)
            if whose not in old:
                yield whose, UP
            elif task := _task(*old[whose], host, profile, after.roles):
                yield whose, task


def _task(
    old_host: Host, old: Profile, host: Host, profile: Profile, roles: Mapping[str, Role]
) -> str:
    try:
        differing = set(_changed_steps(old_host, old, host, profile, roles))
    except HermesError:
        return UP
    if differing - {"profile.configure"}:
        return UP
    return PUSH if differing else ""


def _changed_steps(
    old_host: Host, old: Profile, host: Host, profile: Profile, roles: Mapping[str, Role]
) -> Iterator[str]:
    """Yield the steps that would do something else now, on a host that has nothing yet."""
    if old.env != profile.env:
        # The value of a reference is not resolved here: it may be another one.
        yield "profile.configure"
    if (old.state, old.role) != (profile.state, profile.role):
        yield "gateway.start"
    programs = [
        list(map(_without_words, steps.create(p, roles[p.role], h)))
        for h, p in ((old_host, old), (host, profile))
    ]
    if programs[0] != programs[1]:
        yield "profile.create"
    first, then = (_changes(h, p, roles) for h, p in ((old_host, old), (host, profile)))
    yield from (change.step for change in first if change not in then)
    yield from (change.step for change in then if change not in first)


def _changes(host: Host, profile: Profile, roles: Mapping[str, Role]) -> Sequence[Change]:
    programs = (role.program for role in roles.values() if role.program)
    pinned = next((program.version for program in programs), "")
    hermes = Hermes("/usr/local/bin/python3", host.hermes.version or pinned)
    alone = replace(host, profiles=(replace(profile, after=()),))
    plan = make_plan(
        desired_state(alone, roles, _STEPS), replace(_EMPTY, hermes=hermes), wait=False, urls=False
    )
    # The wrapper names all profiles of the host: whoever of them is brought up, it is written.
    own = (change for change in plan.changes if change.profile == profile.name)
    return [_as_seen(change) for change in own if change.resource != f"file:{WRAPPER}"]


def _as_seen(change: Change) -> Change:
    """Return a change without what no host shows: its words, and what a service is called."""
    match change.operation:
        case RunCommand() as command:
            return replace(change, operation=replace(command, words=()))
        case Control() as control:
            service = replace(control.service, description="")
            return replace(change, operation=replace(control, service=service))
    return change


def _without_words(resource: Resource) -> Resource:
    """Return a resource without how a command makes it: what is there is not made once more."""
    return replace(resource, words=()) if isinstance(resource, Command) else resource


def _limit(affected: Sequence[tuple[str, str]], after: Inventory) -> str:
    """Return the shortest selector that selects all of these, and few others."""
    if len(affected) <= 3:
        return ",".join("/".join(pair) for pair in affected)
    names = {profile for _, profile in affected}
    hosts = {host for host, _ in affected}
    where = _group(hosts, after)
    return f"{where}/{names.pop()}" if len(names) == 1 else where


def _group(hosts: set[str], after: Inventory) -> str:
    """Return the name of a group that has exactly these hosts, else their names."""
    reached = [host for host in enabled(after)[0].hosts if host.profiles]
    if hosts == {host.name for host in reached}:
        return "all"
    members: dict[str, set[str]] = {}
    for host in reached:
        for group in host.groups:
            members.setdefault(group, set()).add(host.name)
    same = (group for group, inside in members.items() if inside == hosts)
    return next(same, ",".join(sorted(hosts)))
