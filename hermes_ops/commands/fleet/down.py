"""Take services down, with the same planner: the wanted state is another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.commands import steps
from hermes_ops.commands.converge import converge, finish
from hermes_ops.commands.fleet.guards import ask, refuse_protected, refuse_unselected
from hermes_ops.commands.strangers import reach, strangers
from hermes_ops.commands.workspace import enabled
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.resource import Resource, ServiceDefinition


def uninstall(options: Options, output: Output, *, all_hosts: bool) -> Result:
    """Ask, then stop the selected services and remove their units."""
    task = "gateway.uninstall"
    refuse_unselected(task, options, all_hosts=all_hosts)
    return _take_down(task, "Stop and uninstall", "absent", options, output)


def down(options: Options, output: Output, *, all_hosts: bool, unmanaged: bool) -> Result:
    """Ask, then stop and disable the selected profiles.

    With `unmanaged`, `-l HOST/NAME` also reaches gateways that are not in the inventory.
    """
    refuse_unselected("fleet.down", options, all_hosts=all_hosts)
    if unmanaged and options.limit:
        return _down_unmanaged(options, output)
    return _take_down("fleet.down", _DOWN, "stopped", options, output)


_DOWN = "Stop and disable"


def _take_down(task: str, does: str, state: str, options: Options, output: Output) -> Result:
    """Bring every selected service to `stopped` or `absent`; settings and data stay."""

    def adjust(inventory: Inventory) -> Inventory:
        refuse_protected(task, inventory)
        ask(does, enabled(inventory)[0], options)
        return with_state(inventory, state, f"{task} asks for it")

    converged = converge(task, down_steps(), options, output, wait=False, adjust=adjust)
    converged.close()
    return finish(converged, output)


def with_state(inventory: Inventory, state: str, why: str) -> Inventory:
    """Return the inventory with every profile wanted in this state, for this reason."""
    hosts = tuple(
        replace(h, profiles=tuple(replace(p, state=state, why=why) for p in h.profiles))
        for h in inventory.hosts
    )
    return replace(inventory, hosts=hosts)


def _down_unmanaged(options: Options, output: Output) -> Result:
    reached = reach(options, output, strangers, named_only=True)
    there = reached.with_managed(options, "stopped")
    selected = with_state(there, "stopped", "fleet.down asks for it")
    refuse_protected("fleet.down", selected)
    ask(_DOWN, selected, options)
    workspace = replace(reached.workspace, selected=selected)
    converged = converge(
        "fleet.down", down_steps(), options, output, wait=False, workspace=workspace
    )
    converged.close()
    reached.add_failures(converged.results)
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
