"""Budgets that are used up, limits that nothing enforces, and gateways without a watchdog."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from hermes_ops.audit.finding import Finding, Side, make
from hermes_ops.audit.register import Seen, finds
from hermes_ops.cli.printable import in_bytes
from hermes_ops.hermes.versions import capabilities
from hermes_ops.inventory.amounts import bytes_of
from hermes_ops.inventory.model import Profile, ServiceSettings
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import home_of
from hermes_ops.services.describe import describe
from hermes_ops.services.protection.limits import without_effect


def _sides(seen: Seen, profile: Profile) -> tuple[Side, ...]:
    return (Side(seen.host.name, profile.name),)


@finds(
    "large-database",
    says="the database of {who} has {name}",
    ignored="Hermes removes nothing from it: backups take longer, and in the end the disk is full",
    mend="on the host: {path} sessions optimize   # or prune: see its --help",
)
def _large_database(seen: Seen) -> Iterable[Finding]:
    for profile, home, settings in _profiles(seen):
        size = sum(seen.facts.sizes.get(f"{home}/state.db{end}", 0) for end in ("", "-wal"))
        if settings.state_budget and size > bytes_of(settings.state_budget):
            sides = _sides(seen, profile)
            called = f"{seen.facts.hermes_by_hand} -p {profile.name}"
            yield make("large-database", in_bytes(size), sides, path=called)


@finds(
    "large-logs",
    says="the logs of {who} have {name}",
    ignored="nothing removes old ones, and in the end the disk is full",
    mend="on the host: ls -lS {what}; remove those that nobody needs",
)
def _large_logs(seen: Seen) -> Iterable[Finding]:
    for profile, home, settings in _profiles(seen):
        logs = f"{home}/logs/"
        size = sum(size for path, size in seen.facts.sizes.items() if path.startswith(logs))
        if settings.log_budget and size > bytes_of(settings.log_budget):
            yield make("large-logs", in_bytes(size), _sides(seen, profile), f"~/{logs}")


@finds(
    "limit-without-effect",
    says="{name} of {who} has no effect: its systemd has no {what}",
    ignored="what should have stopped at its limit takes the memory and time of all others",
    mend="on the host, {path}",
)
def _limits(seen: Seen) -> Iterable[Finding]:
    by_root = seen.host.manager == "systemd-system"
    if not seen.facts.health or not (by_root or seen.host.manager in ("auto", "systemd")):
        return
    for profile, _, settings in _profiles(seen):
        if lost := without_effect(settings, seen.facts, by_root=by_root):
            names = ", ".join("hermes_memory_max" if n == "ceiling" else n for n in sorted(lost))
            what, mends = _missing(seen, lost)
            yield make("limit-without-effect", names, _sides(seen, profile), what, path=mends)


def _missing(seen: Seen, lost: Collection[str]) -> tuple[str, str]:
    """Return what is missing to enforce the limits, and the remedy."""
    if seen.host.manager != "systemd-system":
        has = bool(seen.facts.controllers)
    else:
        has = lost != {"memory_high"} or "memory" not in (seen.facts.system_controllers or ())
    if not has:
        return "controllers: the kernel has cgroups v1", _V2
    return "controller for it", _ENABLE if seen.host.manager == "systemd-system" else _DELEGATE


_DELEGATE = (
    "sudo systemctl edit user@.service   # [Service] Delegate=cpu memory pids; then log in again"
)
_ENABLE = (
    "boot without cgroup_disable= on the kernel's command line; a Raspberry Pi wants"
    " cgroup_enable=memory there"
)
_V2 = "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line"


@finds(
    "no-watchdog",
    says="{who} has no watchdog",
    ignored="if its event loop stands still, it does nothing until somebody comes",
    mend="service: {{watchdog: {name}}} in the inventory, and ./inv fleet.up -l {path}, which"
    " restarts it",
)
def _no_watchdog(seen: Seen) -> Iterable[Finding]:
    hermes = seen.facts.hermes
    if not seen.facts.health or hermes is None:
        return
    for profile, _, _ in _profiles(seen):
        role = seen.roles[profile.role]
        seconds = role.service.watchdog if capabilities(hermes.version).watchdog_setting else 0
        unit = seen.facts.unit("systemd", MANAGERS["systemd"].id(describe(profile, role)))
        runs = unit["ActiveState"] == "active" and unit["WatchdogUSec"] in ("0", "infinity")
        if seconds and runs and profile.service.watchdog is None:
            sides = _sides(seen, profile)
            yield make("no-watchdog", str(seconds), sides, path=f"{seen.host.name}/{profile.name}")


def _profiles(seen: Seen) -> Iterator[tuple[Profile, str, ServiceSettings]]:
    """Yield each profile, its home, and its settings with those of its role."""
    for profile in seen.host.profiles:
        if role := seen.roles.get(profile.role):
            settings = profile.service.over(ServiceSettings(**role.service.limits))
            yield profile, home_of(profile, role), settings
