"""The graph: its nodes, and `pre`, which is the only place where an edge is written.

What a step wants is in `commands/steps`, which is loaded when a step runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hermes_ops.cli.options import RESTARTING
from hermes_ops.tasks.step import step

if TYPE_CHECKING:
    from hermes_ops.inventory.model import Host, Profile
    from hermes_ops.inventory.role import Role
    from hermes_ops.plan.resource import Resource


@step("profile.create", example="./inv profile.create -l minis/coder")
def create(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Create the profile with Hermes' own command, if it is absent."""
    from hermes_ops.commands import steps

    return steps.create(profile, role, host)


@step(
    "profile.configure", pre=[create], example="./inv profile.configure -l '*/coder' --check --diff"
)
def configure(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Write config.yaml, .env and SOUL.md; keys that are not ours stay."""
    from hermes_ops.commands import steps

    return steps.configure(profile, role, host)


@step("gateway.install", pre=[configure], example="./inv gateway.install -l mini-1 --check --diff")
def install(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Write the service's unit and its drop-in, and the host's wrapper; starts nothing."""
    from hermes_ops.commands import steps

    return steps.install(profile, role, host)


@step("linger.enable", pre=[install], example="./inv linger.enable -l minis")
def enable(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Let the user's services run without a session, through polkit, sudo or as root."""
    from hermes_ops.commands import steps

    return steps.enable(profile, role, host)


@step("gateway.start", pre=[enable], example="./inv gateway.start -l '*/coder'", common=RESTARTING)
def start(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Start the service, and wait until it is proven ready."""
    from hermes_ops.commands import steps

    return steps.start(profile, role, host)
