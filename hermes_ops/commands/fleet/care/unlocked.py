"""Accounts that several gateways share, and that Hermes does not lock: by what their files have."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping

from hermes_ops.audit import model
from hermes_ops.audit.collisions import conflicts
from hermes_ops.audit.finding import Finding
from hermes_ops.audit.model import Holder, Setting, setting_of
from hermes_ops.audit.on_host import Teller
from hermes_ops.audit.rules import allowances, excused, unexcused
from hermes_ops.commands.fleet.status import HostSeen, SeenProfile
from hermes_ops.hermes import identities
from hermes_ops.inventory.model import Inventory
from hermes_ops.inventory.role import Role
from hermes_ops.plan.lifecycle.watching import settings_now
from hermes_ops.services.describe import describe


def shared(living: Iterable[tuple[HostSeen, SeenProfile]], whole: Inventory) -> Iterator[Finding]:
    """Yield each identity of a platform without locks that several of these gateways have."""
    # These fingerprints are not kept: any key will do.
    teller = Teller(key := secrets.token_bytes(32), model.request(key, {}))
    holders = [_holder(host, seen, whole.roles, teller) for host, seen in living]
    found = [f for f in conflicts(holders) if f.kind == "duplicate-credential"]
    unlocked = (f for f in found if not identities.is_locked(f.platform))
    return unexcused(excused(unlocked, allowances(whole)))


def _holder(host: HostSeen, seen: SeenProfile, roles: Mapping[str, Role], teller: Teller) -> Holder:
    """Return a gateway with the settings that its files have on the host."""
    (profile,) = (one for one in host.host.profiles if one.name == seen.name)
    facts = host.facts
    assert facts is not None  # noqa: S101 - its gateway was seen to live
    config, env = settings_now(describe(profile, roles[profile.role]), facts)
    known = {
        name: Setting(name) if value is None else setting_of(teller.tell(name, value), "")
        for name, value in env.items()
    }
    told = {one["name"]: setting_of(one, "") for one in teller.config(config, {})}
    return Holder(host.host.name, seen.name, facts.boot, "started", True, known, told)
