"""`fleet.prune`: remove the services of what once was ours and left the inventory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hermes_ops.audit.orphans import orphans_of
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.cli.prompts import confirm
from hermes_ops.commands import steps
from hermes_ops.commands.converge import converge, finish
from hermes_ops.commands.fleet.guards import refuse_protected
from hermes_ops.commands.look_hosts import Look
from hermes_ops.commands.strangers import Reached, reach
from hermes_ops.errors import UsageError
from hermes_ops.files import ownership
from hermes_ops.files.layout import OWED, WRITTEN
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.inventory.selector import parse
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import Absent, Path, Resource
from hermes_ops.services.base import home_of
from hermes_ops.services.describe import describe

LEFT = "it left the inventory"


def prune(options: Options, output: Output) -> Result:
    """Ask, then stop, disable and forget the orphans of the selected hosts; their data stays."""
    reached = _reached(options, output)
    refuse_protected("fleet.prune", reached.inventory("absent"))
    names = [f"{host}/{name}" for host, own in reached.chosen.items() for name in own]
    if not names:
        _refuse_misnamed(options, reached)
        output.note("no orphan was found: nothing is removed")
    elif not options.check:
        confirm(f"Remove the services of {', '.join(names)}? Their data stays", options)
    workspace = replace(reached.workspace, selected=reached.inventory("absent", LEFT))
    converged = converge(
        "fleet.prune", prune_steps(), options, output, wait=False, workspace=workspace
    )
    converged.close()
    reached.add_failures(converged)
    return finish(converged, output)


def _reached(options: Options, output: Output) -> Reached:
    def orphans(look: Look, roles: Mapping[str, Role]) -> Sequence[str]:
        if look.facts is None or "gateway" not in roles:
            return ()
        return [orphan.profile for orphan in orphans_of(look.facts, roles["gateway"])]

    return reach(options, output, orphans, named_only=False)


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
                hint="fleet.ps shows them; a profile of the inventory is removed by state: absent",
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
    yield Absent(WRITTEN / f"{profile.role}-{profile.name}")
