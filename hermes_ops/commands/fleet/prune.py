"""`fleet.prune`: remove the services of what once was ours and left the inventory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hermes_ops.audit.orphans import Orphan, orphans_of
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands import steps
from hermes_ops.commands.converge import converge, finish
from hermes_ops.commands.fleet.guards import ask, refuse_protected, refuse_unselected
from hermes_ops.commands.look_hosts import Look
from hermes_ops.commands.strangers import Reached, reach
from hermes_ops.errors import UsageError
from hermes_ops.files import ownership
from hermes_ops.files.layout import OWED, WRITTEN
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.inventory.selector import parse
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import StepPlan, desired_state
from hermes_ops.plan.resource import Absent, Path, Resource
from hermes_ops.services.base import home_of
from hermes_ops.services.describe import describe

LEFT = "it left the inventory"


def prune(options: Options, output: Output, *, all_hosts: bool) -> Result:
    """Ask, then stop, disable and forget the orphans of the selected hosts; their data stays."""
    refuse_unselected("fleet.prune", options, all_hosts=all_hosts or options.check)
    reached = _reached(options, output)
    selected = pruned(reached)
    refuse_protected("fleet.prune", selected)
    if not any(reached.chosen.values()):
        _refuse_misnamed(options, reached)
        output.note("no orphan was found: nothing is removed")
    else:
        ask("Stop, and remove the service of,", selected, options, more=" Their data stays.")
    workspace = replace(reached.workspace, selected=selected)
    converged = converge(
        "fleet.prune", prune_steps(), options, output, wait=False, workspace=workspace
    )
    converged.close()
    reached.add_failures(converged.results)
    return finish(converged, output)


def also_pruned(options: Options, output: Output) -> Mapping[str, DesiredState]:
    """Look at the selected hosts, and return what removes their orphans, by host.

    It asks nothing: the run of which this is a part reports a host that does not answer.
    """
    found = pruned(_reached(options, output))
    refuse_protected("fleet.up --prune", found)
    return {host.name: desired_state(host, found.roles, prune_steps()) for host in found.hosts}


def _reached(options: Options, output: Output) -> Reached:
    def names(look: Look, roles: Mapping[str, Role]) -> Sequence[str]:
        return [orphan.profile for orphan in _orphans(look, roles)]

    return reach(options, output, names, named_only=False)


def _orphans(look: Look, roles: Mapping[str, Role]) -> Iterable[Orphan]:
    return orphans_of(look.host, look.facts, roles) if look.facts else ()


def pruned(reached: Reached) -> Inventory:
    """Return the chosen orphans as absent profiles on their hosts, with the roles they once had."""
    whole = reached.workspace.whole
    roles, hosts = dict(whole.roles), []
    for look in reached.looks:
        names = reached.chosen.get(look.host.name, ())
        own = [one for one in _orphans(look, whole.roles) if one.profile in names]
        for orphan in own:
            roles[_key(look.host, orphan)] = orphan.role
        if own:
            hosts.append(_without(look.host, own))
    return replace(whole, hosts=tuple(hosts), roles=roles)


def _key(host: Host, orphan: Orphan) -> str:
    gateway = orphan.role.name == "gateway"
    return "gateway" if gateway else f"{orphan.role.name} of {host.name}/{orphan.profile}"


def _without(host: Host, orphans: Sequence[Orphan]) -> Host:
    """Return a host whose only profiles are these orphans, absent; it knows them as its own."""
    profiles = tuple(
        Profile(one.profile, role=_key(host, one), state="absent", why=LEFT) for one in orphans
    )
    names = tuple(profile.name for profile in profiles)
    return replace(host, profiles=profiles, all_profiles=(*host.all_profiles, *names))


def _refuse_misnamed(options: Options, reached: Reached) -> None:
    """Refuse a selection that names gateways none of which is an orphan."""
    terms = parse(options.limit) if options.limit else []
    if any(term.profiles and not term.sign for term in terms):
        failures = [look.failure for look in reached.looks if look.failure]
        raise (
            failures[0]
            if failures
            else UsageError(
                f"{options.limit!r} names no orphan",
                hint="./inv fleet.ps shows them; a profile of the inventory is removed by"
                " state: absent",
            )
        )


def prune_steps() -> Sequence[StepPlan]:
    """Return the steps that remove a service, and what we remember of it."""
    return [
        StepPlan("gateway.start", (), steps.start),
        StepPlan("gateway.install", (), steps.install),
        StepPlan("fleet.prune", (), _forgotten),
    ]


def _forgotten(profile: Profile, role: Role, _host: Host) -> Iterable[Resource]:
    yield Absent(Path(home_of(profile, role)) / ownership.NAME)
    yield Absent(OWED / describe(profile, role).name)
    yield Absent(WRITTEN / f"{role.name}-{profile.name}")
