"""`fleet.start`, `stop`, `restart` and `drain`: command services as they are, and write no setting.

They resolve no secret: all works from a machine that has only the key for SSH.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, Result
from hermes_ops.cli.prompts import confirm
from hermes_ops.commands import steps
from hermes_ops.commands.converge import Adjust, Converged, converge, finish
from hermes_ops.commands.fleet.guards import refuse_protected
from hermes_ops.commands.strangers import Reached, reach, strangers
from hermes_ops.commands.target import one_gateway
from hermes_ops.commands.workspace import refuse_disabled
from hermes_ops.hermes.readiness import Verdict
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.plan.desired import StepPlan
from hermes_ops.plan.model import Drain
from hermes_ops.plan.resource import EnvFile, Resource, Service
from hermes_ops.run import HostResult

DRAIN = 3600
"""Seconds that a drain lasts."""
_OWN = ""
"""The state that the inventory wants of each profile; outside it, that is to run."""


def start(options: Options, output: Output, *, unmanaged: bool) -> Result:
    """Start what does not run, end drains, and wait until all is ready."""
    return _order("start", "started", options, output, unmanaged=unmanaged)


def stop(options: Options, output: Output, *, unmanaged: bool) -> Result:
    """Stop what runs; without a selection it asks first."""
    if not (options.limit or options.check):
        confirm("Stop every profile of every host?", options)
    return _order("stop", "stopped", options, output, unmanaged=unmanaged)


def restart(options: Options, output: Output, *, unmanaged: bool) -> Result:
    """Restart what runs, start what does not, and wait until all is ready."""
    return _order("restart", "started", options, output, unmanaged=unmanaged)


def reset(options: Options, output: Output, target: str, *, unmanaged: bool) -> Result:
    """End the process of one gateway at once, whatever it does, and start it again."""
    return _order_one("reset", options, output, target, unmanaged=unmanaged)


def repair(options: Options, output: Output, target: str, *, unmanaged: bool) -> Result:
    """Move aside what a crash left of one gateway, end what stands still, and start it.

    One that the inventory wants stopped is not started.
    """
    return _order_one("repair", options, output, target, state=_OWN, unmanaged=unmanaged)


def _order_one(
    order: str, options: Options, output: Output, target: str,
    *, state: str = "started", unmanaged: bool,
) -> Result:  # fmt: skip
    one, host = one_gateway(options, output, target, unmanaged=unmanaged)
    refuse_disabled(host)
    return _order(order, state, one, output, task=f"gateway.{order}", unmanaged=unmanaged)


def drain(options: Options, output: Output, *, lasts: int, unmanaged: bool) -> Result:
    """Let gateways take no new turn for `lasts` seconds, and wait for those that run."""
    return _order("drain", "started", options, output, unmanaged=unmanaged, lasts=lasts)


def _order(
    order: str, state: str, options: Options, output: Output,
    *, task: str = "", unmanaged: bool = False, lasts: int = 0,
) -> Result:  # fmt: skip
    task = task or f"fleet.{order}"
    ordered = order_steps(task, order, lasts=lasts)
    if unmanaged and options.limit:
        return _of_strangers(task, ordered, state, options, output)
    converged = converge(
        task, ordered, options, output, wait=order != "stop", adjust=_adjust(task, state)
    )
    converged.close()
    _note_drains(converged)
    if options.check:
        return finish(converged, output)
    from hermes_ops.commands.fleet.profile_table import show_converged

    return finish(converged, output, table=lambda: show_converged(converged, output))


def _note_drains(converged: Converged) -> None:
    """Say of each gateway that drains that it does: its state was seen before."""
    for result in converged.results:
        for done in result.changes:
            drain, profile = done.change.operation, done.change.profile or ""
            if isinstance(drain, Drain) and done.outcome == "done" and _hears(result, profile):
                verdict = Verdict("draining", (f"by this run, for {drain.lasts} s",))
                result.doubts[profile] = verdict


def _hears(result: HostResult, profile: str) -> bool:
    """Whether a gateway hears what is asked of it: a suspended one does not."""
    seen = result.plan.evidence.get(profile) if result.plan else None
    return not (seen and seen.suspended)


def _of_strangers(
    task: str, ordered: Sequence[StepPlan], state: str, options: Options, output: Output
) -> Result:
    reached = reach(options, output, strangers, named_only=True)
    workspace = replace(reached.workspace, selected=_selected(task, reached, options, state))
    wait = state != "stopped"
    converged = converge(task, ordered, options, output, wait=wait, workspace=workspace)
    converged.close()
    reached.add_failures(converged.results)
    return finish(converged, output)


def _selected(task: str, reached: Reached, options: Options, state: str) -> Inventory:
    return _adjust(task, state)(reached.with_managed(options, state or "started"))


def _adjust(task: str, state: str) -> Adjust:
    """Return the function that wants a state, or its own, of each profile that is to be there."""

    def adjusted(inventory: Inventory) -> Inventory:
        if state == "stopped":
            refuse_protected(task, inventory)
        return replace(inventory, hosts=tuple(_wanting(state, host) for host in inventory.hosts))

    return adjusted


def _wanting(state: str, host: Host) -> Host:
    there = (profile for profile in host.profiles if profile.state != "absent")
    wanted = (replace(profile, state=state or profile.state) for profile in there)
    return replace(host, profiles=tuple(wanted))


# --- the steps --------------------------------------------------------------------------------


def order_steps(task: str, order: str, *, lasts: int) -> Sequence[StepPlan]:
    """Return the steps of an order: the settings on the host are read, none is written."""

    def body(profile: Profile, _role: Role, _host: Host) -> Iterable[Resource]:
        yield Service(profile, order=order, lasts=lasts)

    ordered = StepPlan(task, (), body)
    return [ordered] if order == "stop" else [StepPlan("config.get", (), _read), ordered]


def _read(profile: Profile, role: Role, _host: Host) -> Iterable[Resource]:
    return steps.partly(profile, role, lambda path, file: EnvFile(path, {}, file.mode))
