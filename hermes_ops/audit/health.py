"""The findings of a doctor about hosts: what lets gateways run today and may stop them one day.

They need `Facts.health`, which only `fleet.doctor` asks for; a look without it finds none of them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from hermes_ops.audit.finding import Finding, Side, make
from hermes_ops.audit.register import Seen, finds
from hermes_ops.hermes import platforms
from hermes_ops.hermes.evidence import pids_of
from hermes_ops.hermes.gateway import ACTIVE
from hermes_ops.inventory.model import Profile
from hermes_ops.secrets.secret import Secret
from hermes_ops.services.describe import describe

FULL_KIB, LOW_KIB = 100 << 10, 1 << 20
"""Free space below which gateways fail soon, and below which somebody should know."""
FEW_INODES = 10_000
LITTLE_MEMORY = 0.05
"""The part of the memory that should stay available to programs."""
BUSY = 4
"""The load of each processor above which heartbeats come too late."""
SKEW = 30
"""Seconds by which a clock may differ from the operator's."""


def _on(seen: Seen, profile: str | None = None) -> tuple[Side, ...]:
    return (Side(seen.host.name, profile),)


def _number(seen: Seen, word: str) -> float | None:
    try:
        return float(seen.facts.health[word])
    except (KeyError, ValueError):
        return None


@finds(
    "disk",
    says="{who} has {name} left on the disk of {what}",
    ignored="Hermes cannot write its state then: turns fail, and files may be cut",
    mend="on the host: df -h {path}; du -xak {path} | sort -n | tail -n 25",
)
def _disk(seen: Seen) -> Iterable[Finding]:
    free = seen.facts.free_kib
    if seen.facts.health and free is not None and free < LOW_KIB:
        severity = "error" if free < FULL_KIB else "warning"
        place = seen.facts.free_at or seen.facts.home
        yield make("disk", f"{free >> 10} MB", _on(seen), place, severity=severity,
                   path=shlex.quote(place))  # fmt: skip


@finds(
    "inodes",
    says="{who} can make only {name} more files on the disk of {what}",
    ignored="no file can be written then, although there is space",
    mend="on the host: find {path} -xdev | cut -d/ -f2-5 | sort | uniq -c | sort -n | tail",
)
def _inodes(seen: Seen) -> Iterable[Finding]:
    # A file system without a fixed number of inodes says 0.
    told, _, place = seen.facts.health.get("inodes", "").partition(" ")
    if told.isdecimal() and 0 < int(told) < FEW_INODES:
        place = place or seen.facts.home
        yield make("inodes", told, _on(seen), place, path=shlex.quote(place))


@finds(
    "memory",
    says="{who} has {name} of its {what} of memory left",
    ignored="the kernel ends the process that has most, which often is a gateway",
    mend="on the host: ps -eo rss,args | sort -n | tail; memory_max in service: bounds a gateway",
)
def _memory(seen: Seen) -> Iterable[Finding]:
    total, free = _number(seen, "memory"), _number(seen, "available")
    if total and free is not None and free < total * LITTLE_MEMORY:
        yield make("memory", f"{free / 1024:.0f} MB", _on(seen), f"{total / 1024:.0f} MB")


@finds(
    "load",
    says="the load of {who} is {name}, and it has {what}",
    ignored="heartbeats and answers come too late, and gateways look frozen",
    mend="on the host: top",
)
def _load(seen: Seen) -> Iterable[Finding]:
    load, cpus = _number(seen, "load"), _number(seen, "cpus")
    if load is not None and cpus and load > BUSY * cpus:
        yield make(
            "load", f"{load:.1f}", _on(seen), f"{cpus:.0f} processor{'' if cpus == 1 else 's'}"
        )


@finds(
    "clock",
    says="the clock of {who} is {name} {what}",
    ignored="logs are merged in the wrong order, and platforms refuse requests that look old",
    mend="on the host: sudo timedatectl set-ntp true   # macOS: sudo sntp -sS time.apple.com",
)
def _clock(seen: Seen) -> Iterable[Finding]:
    skew = _number(seen, "skew") or 0
    if abs(skew) >= SKEW:
        way = "ahead of this machine's" if skew > 0 else "behind this machine's"
        yield make("clock", f"{abs(skew):.0f} s", _on(seen), way)


@finds(
    "clock-unset",
    says="nothing sets the clock of {who}",
    ignored="it drifts by seconds a day, until platforms refuse requests that look old",
    mend="on the host: sudo timedatectl set-ntp true",
)
def _clock_unset(seen: Seen) -> Iterable[Finding]:
    if seen.facts.health.get("clock") == "no":
        yield make("clock-unset", "", _on(seen))


@finds(
    "no-nameserver",
    says="{who} has no name server",
    ignored="gateways reach no platform by its name, and are deaf without an error",
    mend="on the host: {name}",
)
def _no_nameserver(seen: Seen) -> Iterable[Finding]:
    if seen.facts.health.get("nameservers") == "0":
        is_mac = seen.facts.system == "Darwin"
        look = "scutil --dns" if is_mac else "cat /etc/resolv.conf; resolvectl status"
        yield make("no-nameserver", look, _on(seen))


@finds(
    "network-at-boot",
    says="nothing lets the gateways of {who} wait for the network at boot: {name}",
    ignored="where no name can be resolved when they start, a platform may stay deaf for hours",
    mend="on the host: sudo mkdir -p /etc/systemd/system/user@.service.d"
    " && printf '[Unit]\\nWants=network-online.target\\nAfter=network-online.target\\n'"
    " | sudo tee /etc/systemd/system/user@.service.d/network.conf"
    " && sudo systemctl daemon-reload",
)
def _network_at_boot(seen: Seen) -> Iterable[Finding]:
    if seen.facts.health.get("network") != "unawaited" or not seen.facts.linger:
        return
    if outside := platforms.connecting(seen.host):
        yield make("network-at-boot", ", ".join(sorted(outside)), _on(seen))


@finds(
    "lock-folder",
    severity="error",
    says="the gateways of {who} cannot write their locks: {what}",
    ignored="a platform stays at retrying, as if its account were in use, or does not start at all",
    mend='on the host: sudo chown -R "$(id -un):" {path} && chmod u+rwx {path}',
)
def _lock_folder(seen: Seen) -> Iterable[Finding]:
    if path := seen.facts.health.get("locks"):
        yield make("lock-folder", path, _on(seen), path, path=shlex.quote(path))


@finds(
    "sleeps",
    says="{who} has a battery, and sleeps when its lid is closed",
    ignored="its gateways stop answering until somebody opens it",
    mend="on the host: sudo systemctl mask sleep.target suspend.target hibernate.target",
)
def _sleeps(seen: Seen) -> Iterable[Finding]:
    if seen.facts.health.get("battery") == "yes":
        yield make("sleeps", "", _on(seen))


@finds(
    "no-dispatcher",
    says="no gateway of {who} hands out kanban work: the one that did has ended",
    ignored="the others do not take over, and tasks of the board wait for ever",
    mend="./inv fleet.restart -l {path}",
)
def _no_dispatcher(seen: Seen) -> Iterable[Finding]:
    wanted = [one for one in seen.host.profiles if one.state == "started" and _dispatches(one)]
    if seen.facts.health.get("dispatcher") == "free" and seen.facts.processes and wanted:
        # What keeps one from running may also refuse its start.
        best = next((one for one in wanted if _runs(one, seen)), wanted[0])
        yield make("no-dispatcher", "", _on(seen), path=f"{seen.host.name}/{best.name}")


def _runs(profile: Profile, seen: Seen) -> bool:
    return bool(pids_of(describe(profile, seen.roles[profile.role]), seen.facts))


def _dispatches(profile: Profile) -> bool:
    """Whether a gateway tries to get the lock: its settings may say that it shall not."""
    kanban = profile.config.get("kanban")
    told = kanban.get("dispatch_in_gateway", True) if isinstance(kanban, Mapping) else True
    said = profile.env.get("HERMES_KANBAN_DISPATCH_IN_GATEWAY", "")
    word = said.reveal() if isinstance(said, Secret) else ""
    return bool(told) and word.strip().lower() not in {"0", "false", "no", "off"}


@finds(
    "active-profile",
    says="on {who} every call of hermes without -p uses the profile {name}",
    ignored="cron jobs and scripts that name no profile, and the gateway of `default`, use {name}",
    mend="on the host: {path} profile use default",
)
def _active(seen: Seen) -> Iterable[Finding]:
    name = seen.facts.contents.get(ACTIVE, "").strip()
    if seen.facts.health and name and name != "default":
        yield make("active-profile", name, _on(seen), path=seen.facts.hermes_by_hand)
