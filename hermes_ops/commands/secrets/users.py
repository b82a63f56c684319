"""Find the users of a secret: their values on the hosts, and who needs a new one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from hermes_ops.audit.finding import Finding, Side, make
from hermes_ops.commands.secrets import lint
from hermes_ops.commands.secrets.ask_hosts import HostAnswer
from hermes_ops.commands.workspace import enabled
from hermes_ops.errors import UsageError
from hermes_ops.inventory.model import Inventory
from hermes_ops.secrets.reference import EnvValue, Generate, Reference
from hermes_ops.services.describe import describe

Target = tuple[str, str]
"""A host and one of its profiles."""

Use = tuple[str, str, str]
"""Host, profile and variable."""

Uses = Mapping[Target, Mapping[str, EnvValue]]
"""What is rotated: for each host and profile, the variables and their sources."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation: the name, its users, and what the hosts reported before it."""

    name: str
    key: bytes
    uses: Uses
    before: Sequence[HostAnswer]

    @property
    def held(self) -> dict[Use, tuple[str, ...]]:
        """Return the fingerprints of the values on the hosts before it."""
        return held(self.before, self.uses)


# --- who uses it ------------------------------------------------------------------------------


class Users:
    """Narrows the selection to the profiles that use a name, before any secret is resolved."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.selected = Inventory(())
        self.uses: Uses = {}

    def __call__(self, inventory: Inventory) -> Inventory:
        self.selected = enabled(inventory)[0]
        self.uses = users_of(self.selected, self._name)
        _refuse_nobody(self.uses, self.selected, self._name)
        return focused(self.selected, self.uses)


def users_of(inventory: Inventory, name: str) -> Uses:
    """Return the profiles that use `name`, or one of its sources under another name."""
    own = [
        (host, profile)
        for host in inventory.hosts
        for profile in host.profiles
        if profile.state != "absent"
    ]
    sources = {origin_of(profile.env[name]) for _, profile in own if name in profile.env} - {None}
    uses = {
        (host.name, profile.name): {
            key: value
            for key, value in profile.env.items()
            if key == name or origin_of(value) in sources
        }
        for host, profile in own
    }
    return {who: values for who, values in uses.items() if values}


def origin_of(value: EnvValue) -> object:
    return value.origin if isinstance(value, Reference) else None


def _refuse_nobody(uses: Uses, inventory: Inventory, name: str) -> None:
    if uses:
        return
    alerts = {key: str(v.place) for host in inventory.hosts for key, v in host.alerts.named}
    if name in alerts:
        raise UsageError(
            f"{name} is on no host: there is nothing to deliver",
            hint=f"change it at its source ({alerts[name]}); the next"
            " ./inv fleet.status --alert uses it",
        )
    known = {key for host in inventory.hosts for p in host.profiles for key in p.env}
    known |= alerts.keys()
    near = get_close_matches(name, known, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"used are: {', '.join(sorted(known))}"
    raise UsageError(f"no selected profile uses {name!r}", hint=hint if known else "")


def focused(inventory: Inventory, uses: Uses) -> Inventory:
    """Return the inventory with only the users, and only these variables of each."""
    hosts = (
        replace(
            host,
            profiles=tuple(
                replace(profile, env=dict(map(_renewed, uses[host.name, profile.name].items())))
                for profile in host.profiles
                if (host.name, profile.name) in uses
            ),
        )
        for host in inventory.hosts
    )
    return replace(inventory, hosts=tuple(host for host in hosts if host.profiles))


def _renewed(item: tuple[str, EnvValue]) -> tuple[str, EnvValue]:
    name, value = item
    return name, replace(value, renew=True) if isinstance(value, Generate) else value


# --- fingerprints before and after ------------------------------------------------------------


def held(told: Iterable[HostAnswer], uses: Uses) -> dict[Use, tuple[str, ...]]:
    """Return the fingerprints of the users' values on their hosts."""
    return {
        (holder.host, holder.profile, name): holder.env[name].marks
        for holder in lint.seen(told)[1]
        for name in uses.get((holder.host, holder.profile), ())
        if name in holder.env
    }


def new_marks(inventory: Inventory, key: bytes) -> dict[Use, tuple[str, ...]]:
    """Return the fingerprints of the values that the sources give now; a host's own has none."""
    from hermes_ops.audit.model import wanted

    return {
        (holder.host, holder.profile, name): setting.marks
        for holder in wanted(inventory, key)
        for name, setting in holder.env.items()
    }


def leftovers(rotation: Rotation, after: Sequence[HostAnswer]) -> list[Finding]:
    """Return a finding for each place where a replaced value is still on a host."""
    now = held(after, rotation.uses)
    replaced = {
        mark
        for use, marks in rotation.held.items()
        for mark in marks
        if mark not in now.get(use, marks)
    }
    current = {mark for marks in now.values() for mark in marks}
    return [
        make("old-value", setting.name, (Side(holder.host, holder.profile, (setting.place,)),),
             fingerprint=mark)
        for holder in lint.seen(after)[1]
        for setting in (*holder.env.values(), *holder.config.values(), *holder.service)
        for mark in setting.marks
        if mark in replaced - current
    ]  # fmt: skip


def due(
    rotation: Rotation, wanted: Mapping[Use, tuple[str, ...]], owes: Collection[Target]
) -> list[Target]:
    """Return the users whose value is not that of the source, or who still need a restart."""
    differing = [use[:2] for use, mark in wanted.items() if rotation.held.get(use) != mark]
    return list(dict.fromkeys([*differing, *(use[:2] for use in wanted if use[:2] in owes)]))


def owing(inventory: Inventory, told: Iterable[HostAnswer]) -> set[Target]:
    """Return the users who still need a restart after an earlier run."""
    owed = {
        one.host.name: set(one.answer.get("owed", ())) for one in told if one.answer is not None
    }
    return {
        (host.name, profile.name)
        for host in inventory.hosts
        for profile in host.profiles
        if describe(profile, inventory.roles[profile.role]).name in owed.get(host.name, ())
    }
