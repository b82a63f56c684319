"""`service:` of a profile: how its service runs, and what it may use of its host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_ops.files.quoting import unit_refusal
from hermes_ops.inventory.amounts import is_more
from hermes_ops.inventory.model import LIMITS, ServiceSettings
from hermes_ops.inventory.role import Role
from hermes_ops.loader.located import Located, plain
from hermes_ops.loader.profiles.env import scalar_text, variable_name
from hermes_ops.loader.schema import (
    AMOUNT,
    BOOLEAN,
    CPU,
    MAPPING,
    MEMORY,
    NICE,
    PORT,
    TASKS,
    TEXT,
    WATCHDOG,
    WHOLE,
    Fields,
    Key,
    Schema,
    check,
    filled,
    one_of,
)

LIMIT_KEYS: Mapping[str, Schema] = {
    "memory_max": Key(MEMORY, "the most memory it may have", otherwise="no limit"),
    "memory_high": Key(
        MEMORY, "above this it is slowed down and its memory reclaimed", otherwise="no limit"
    ),
    "tasks_max": Key(TASKS, "the most processes and threads", otherwise="no limit"),
    "cpu_quota": Key(CPU, "the most time of processors; 100% is one of them", otherwise="no limit"),
    "nice": Key(NICE, "how far it steps back behind other programs, to 19", otherwise="0"),
    "oom_policy": Key(
        one_of("continue", "stop", "kill"),
        "if memory runs out, ends: continue: one process; stop, kill: all",
        otherwise="stop",
    ),
    "hardening": Key(BOOLEAN, "true: no sudo, and a /tmp of its own", otherwise="false"),
    "log_budget": Key(AMOUNT, "larger logs are a finding of fleet.doctor", otherwise="1G"),
    "state_budget": Key(AMOUNT, "a larger state.db is a finding", otherwise="4G"),
}
"""What a role may set for all its services as well."""

SERVICE = Fields(
    {
        **LIMIT_KEYS,
        "environment": Key(MAPPING, "variables of the service, not secret"),
        "watchdog": Key(
            WATCHDOG,
            "seconds without a sign of life until it is restarted; 0: never",
            otherwise="120 for a new profile",
        ),
        "settings": Key(MAPPING, "what the role itself asks for"),
    },
    is_layered=True,
)


def service_settings(entry: Located | None, role: Role) -> ServiceSettings:
    """Return the value of `service:` with the limits of its role; its keys are already checked."""
    entries = filled(entry) if entry else {}
    return ServiceSettings(
        **{**role.service.limits, **limits(entries)},
        environment=_environment(entries["environment"]) if "environment" in entries else {},
        watchdog=entries["watchdog"].data if "watchdog" in entries else None,
        settings=plain(entries["settings"]) if "settings" in entries else {},
    )


def refuse_hardening(entry: Located | None, role: Role) -> None:
    """Refuse hardening of a role that does not say what it is: nobody would notice."""
    wanted = filled(entry).get("hardening") if entry else None
    if wanted is not None and wanted.data and not role.service.hardening:
        hint = "list systemd's directives under hardening: in the service: of its role.yml"
        raise wanted.error(f"the role {role.name!r} has no hardening", hint)


def refuse_contradictions(entries: Mapping[str, Located], role: Role) -> None:
    """Refuse settings of a profile of which one makes another mean nothing, unseen."""
    service, config = entries.get("service"), entries.get("config")
    refuse_useless_high(filled(service) if service else {}, role.service.limits)
    wanted = filled(service).get("watchdog") if service else None
    gateway = filled(config).get("gateway") if config else None
    named = gateway.entries.get("systemd_watchdog_seconds") if gateway else None
    if wanted is not None and named is not None and named.data != wanted.data:
        words = f"the watchdog is {wanted.data} here, and {named.data} as config.gateway."
        hint = "leave one of them out"
        raise wanted.error(f"{words}systemd_watchdog_seconds ({named.place})", hint)


def refuse_useless_high(own: Mapping[str, Located], weaker: Mapping[str, Any]) -> None:
    """Refuse a memory_high above memory_max: systemd takes both, and the first never counts."""
    both = {**weaker, **limits(own)}
    high, most = both.get("memory_high"), both.get("memory_max")
    at = own.get("memory_high") or own.get("memory_max")
    if at is not None and is_more(high, most):
        words = f"memory_high, {high}, is above memory_max, {most}"
        raise at.error(f"{words}: it would never count", f"write a memory_high below {most}")


SETTING_KINDS = {"port": PORT, "text": TEXT, "number": WHOLE, "boolean": BOOLEAN}
"""What a role may say of one of its settings."""


def refuse_settings(entry: Located | None, role: Role) -> None:
    """Refuse a setting that the role does not have, or of another kind, if it says which it has."""
    given = filled(entry).get("settings") if entry else None
    if given is not None and role.settings is not None:
        known = {name: SETTING_KINDS[kind] for name, kind in role.settings.items()}
        check(given, Fields({name: Key(kind, "") for name, kind in known.items()}), "settings")


def limits(entries: Mapping[str, Located]) -> dict[str, Any]:
    """Return the limits and budgets: amounts as the texts that a service manager reads."""
    return {
        name: value if isinstance(value, bool) or name == "nice" else str(value)
        for name in LIMITS
        if name in entries and (value := entries[name].data) is not None
    }


def _environment(section: Located) -> dict[str, str]:
    found = {}
    for key, entry in section.entries.items():
        name, value = variable_name(key, entry), scalar_text(str(key), entry)
        if reason := unit_refusal(value, name):
            raise entry.error(f"{name} cannot be given to a service: {reason}")
        found[name] = value
    return found
