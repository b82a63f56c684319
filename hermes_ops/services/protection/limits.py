"""The limits of a service: as systemd's directives, as words, and what can enforce them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.inventory.amounts import bytes_of
from hermes_ops.inventory.model import LIMITS, ServiceSettings
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceSpec

SLICE = "hermes.slice"
"""The control group of all services below a ceiling."""

DIRECTIVES = {
    "memory_high": "MemoryHigh",
    "memory_max": "MemoryMax",
    "tasks_max": "TasksMax",
    "cpu_quota": "CPUQuota",
    "nice": "Nice",
    "oom_policy": "OOMPolicy",
}
ENFORCED = frozenset({*DIRECTIVES, "hardening", "ceiling", "watchdog"})
"""The settings that a service manager enforces: budgets are only told."""

_CONTROLLERS = {
    "memory_high": "memory", "memory_max": "memory", "ceiling": "memory", "tasks_max": "pids",
    "cpu_quota": "cpu",
}  # fmt: skip
_LIVE = (
    "MemoryHigh=", "MemoryMax=", "TasksMax=", "CPUQuota=", "TimeoutStartSec=", "ExecStartPre=",
    "ExecStop=",
)  # fmt: skip
"""What systemd applies to a running service when it reads it, or at its next start or stop."""

START_TIMEOUT = 600
"""Seconds. With a watchdog Hermes is started when its platforms have connected, 30 s each, after a
pause of up to 300 s if it was started often: after 90 s systemd would kill it, again and again."""
_NAMESPACED = ("PrivateTmp=", "PrivateUsers=")


def directives(
    service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, by_root: bool = False
) -> Iterator[str]:
    """Yield the lines of `[Service]` that limit a service and space the starts of a boot."""
    settings = service.settings
    for name, directive in DIRECTIVES.items():
        if (value := getattr(settings, name)) is not None:
            yield f"{directive}={value}"
    if settings.ceiling:
        yield f"Slice={SLICE}"
    if settings.boot_delay:
        yield f"ExecStartPre=-/bin/sh -c '{_at_boot(by_root)} sleep {settings.boot_delay} ;; esac'"
    if settings.boot_delay or values["watchdog"]:
        yield f"TimeoutStartSec={START_TIMEOUT + settings.boot_delay}"
    for line in service.role.service.hardening if settings.hardening else ():
        if _is_possible(line, facts, by_root=by_root):
            yield line


def _is_possible(line: str, facts: Facts, *, by_root: bool) -> bool:
    """Whether a directive of hardening is for this kernel, and this scope.

    The system's own systemd makes a /tmp without a namespace of users; in one of root's making the
    user could not see its own gateway any more, nor could we.
    """
    if by_root:
        return not line.startswith("PrivateUsers=")
    return facts.user_namespaces or not line.startswith(_NAMESPACED)


def _at_boot(by_root: bool) -> str:
    asked = "systemctl" if by_root else "systemctl --user"
    return f"case $$({asked} is-system-running) in initializing | starting)"


def is_live(found: str, wanted: str) -> bool:
    """Return whether two drop-ins differ in nothing for which a service must be restarted."""

    def rest(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith(_LIVE)]

    return rest(found) == rest(wanted)


def without_effect(
    settings: ServiceSettings, facts: Facts, *, by_root: bool = False
) -> frozenset[str]:
    """Return the settings for which the kernel gives the user's systemd, or root's, no controller.

    Of an unknown kernel nothing is said.
    """
    has = facts.system_controllers if by_root else facts.controllers
    needs = _CONTROLLERS | ({"memory_high": "memory.high"} if by_root else {})
    lacks = (n for n, needed in needs.items() if has is not None and needed not in has)
    return frozenset(name for name in lacks if getattr(settings, name))


def used_up(
    service: ServiceSpec, used: int, held: str, powerless: frozenset[str]
) -> Conflict | None:
    """Return that a service has more memory than it may have from now on: it would be killed.

    `used`: the bytes of its process. `held`: the texts with its limits that are there now.
    `powerless`: the settings without an effect on its host.
    """
    limits = {"memory_max": service.settings.memory_max, "ceiling": service.settings.ceiling}
    for name, most in limits.items():
        holds = f"MemoryMax={most}\n" in held
        if most and name not in powerless and not holds and bytes_of(most) < used:
            setting = name if name == "memory_max" else "hermes_memory_max"
            words = f"{service.profile} uses {used / 1024**2:.0f}M by now, and {setting} is {most}"
            hint = f"a higher {setting}; or ./inv fleet.stop first, and then ./inv fleet.up"
            return Conflict(f"{words}: the kernel would end it at once", hint=hint)
    return None


def in_words(settings: ServiceSettings) -> str:
    """Return the limits as a table shows them: the most memory first."""
    return ", ".join(_words(settings))


def _words(settings: ServiceSettings) -> Iterable[str]:
    if settings.memory_max:
        yield settings.memory_max
    for name in LIMITS:
        value = getattr(settings, name)
        if name in DIRECTIVES and name != "memory_max" and value is not None:
            yield f"{name.removeprefix('memory_')} {value}"
    if settings.hardening:
        yield "hardened"
    if settings.ceiling:
        yield f"all {settings.ceiling}"
