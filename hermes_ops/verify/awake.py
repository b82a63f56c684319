"""What `fleet.verify` checks of a machine that is kept awake: the role `awake` of the host."""

from __future__ import annotations

from hermes_ops.assets import ROLES
from hermes_ops.inventory.model import Host
from hermes_ops.inventory.role import Role, RoleService, RoleText
from hermes_ops.look.facts import Facts
from hermes_ops.services.awake import KEEPERS
from hermes_ops.services.manager import CheckedService

_STAYS, _HELD = "test_it_is_kept_awake_after_a_reboot", "test_machine_is_kept_awake"
AWAKE = Role(
    name="awake of a host",  # no folder of roles can have this name
    folder=ROLES / "awake",
    home=RoleText(""),
    service=RoleService(RoleText("hermes-awake"), ()),
    checks=(_STAYS, _HELD),
)


def checks_of(host: Host) -> tuple[str, ...]:
    """Return the checks of a host: a time may be over, and a gateway that is followed be down."""
    if host.awake is None or not host.awake.is_on or not host.profiles:
        return ()
    return (_STAYS,) if host.awake.seconds or host.awake.follow else (_STAYS, _HELD)


def awake_service(host: Host, facts: Facts) -> list[CheckedService]:
    """Return what keeps the machine awake as its checks see it, if anything has to."""
    keeper = KEEPERS.get(facts.system)
    if keeper is None or host.awake is None or not checks_of(host):
        return []
    return [
        CheckedService(
            host=host.name,
            profile="",
            role=AWAKE.name,
            name="hermes-awake",
            unit="hermes-awake",
            manager=facts.system,
            user=facts.user,
            uid=facts.uid,
            user_home=facts.home,
            home=facts.home,
            holds=keeper.kept(host.awake),
        )
    ]
