"""Take services down, with the same planner: the wanted state is another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.cli.prompts import confirm_typed
from hermes_ops.commands import steps
from hermes_ops.commands.converge import converge, finish
from hermes_ops.commands.fleet.guards import refuse_protected
from hermes_ops.commands.strangers import reach, strangers
from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import Resource, ServiceDefinition


def take_down(task: str, state: str, options: Options, output: Output) -> Result:
    """Bring every selected service to `stopped` or `absent`; settings and data stay."""

    def adjust(inventory: Inventory) -> Inventory:
        refuse_protected(task, inventory)
        return with_state(inventory, state, f"{task} asks for it")

    converged = converge(task, down_steps(), options, output, wait=False, adjust=adjust)
    converged.close()
    return finish(converged, output)


def uninstall(options: Options, output: Output, *, all_hosts: bool) -> Result:
    """Ask, then stop the selected services and remove their units."""
    _ask("gateway.uninstall", "Stop and uninstall", options, all_hosts=all_hosts)
    return take_down("gateway.uninstall", "absent", options, output)


def _ask(task: str, does: str, options: Options, *, all_hosts: bool) -> None:
    """Refuse a task that takes services down without a selection, and ask about the selected."""
    if not options.limit and not all_hosts:
        raise UsageError(f"{task} needs a selection", hint="name hosts with -l, or say --all-hosts")
    if not options.check:
        what = options.limit or "every profile of every host"
        confirm_typed(options.limit or "all", f"{does} {what}?", options)


def with_state(inventory: Inventory, state: str, why: str) -> Inventory:
    """Return the inventory with every profile wanted in this state, for this reason."""
    hosts = tuple(
        replace(h, profiles=tuple(replace(p, state=state, why=why) for p in h.profiles))
        for h in inventory.hosts
    )
    return replace(inventory, hosts=hosts)


def down(options: Options, output: Output, *, all_hosts: bool, unmanaged: bool) -> Result:
    """Ask, then stop and disable the selected profiles.

    With `unmanaged`, `-l HOST/NAME` also reaches gateways that are not in the inventory.
    """
    _ask("fleet.down", "Stop and disable", options, all_hosts=all_hosts)
    if unmanaged and options.limit:
        return _down_unmanaged(options, output)
    return take_down("fleet.down", "stopped", options, output)


def _down_unmanaged(options: Options, output: Output) -> Result:
    reached = reach(options, output, strangers, named_only=True)
    there = reached.with_managed(options, "stopped")
    selected = with_state(there, "stopped", "fleet.down asks for it")
    refuse_protected("fleet.down", selected)
    workspace = replace(reached.workspace, selected=selected)
    converged = converge(
        "fleet.down", down_steps(), options, output, wait=False, workspace=workspace
    )
    converged.close()
    reached.add_failures(converged)
    return finish(converged, output)


def down_steps() -> Sequence[StepPlan]:
    """Return the steps that take services down: stop and disable them."""
    # Without settings and without edges: a stopped service needs no configuration.
    return [
        StepPlan("gateway.start", (), steps.start),
        StepPlan("gateway.install", (), _disabled),
    ]


def _disabled(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    yield ServiceDefinition(profile, only_disable=True)
    if profile.state == "absent":
        yield from steps.wrapper(role, host)
