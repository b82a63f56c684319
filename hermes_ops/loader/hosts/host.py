"""Turn the variables of a machine into a checked, frozen host with its profiles."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import HermesSettings, Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.loader.groups import HostNode
from hermes_ops.loader.hosts import connection
from hermes_ops.loader.hosts.agreement import refuse_strangers
from hermes_ops.loader.hosts.alerts import ALERTS, alerts_of
from hermes_ops.loader.hosts.awake import AWAKE, awake_of
from hermes_ops.loader.hosts.guarded import guarded, shown_variables
from hermes_ops.loader.hosts.reach import reached_by, rendered_in, strictly
from hermes_ops.loader.layers.late import Late, Over
from hermes_ops.loader.layers.variables import Layer, Scope, folded
from hermes_ops.loader.located import Located, Variables
from hermes_ops.loader.profiles.profile import (
    NamedProfiles,
    contributions,
    described,
    make_profile,
    wanted,
)
from hermes_ops.loader.schema import (
    ANY,
    BOOLEAN,
    MEMORY,
    PAUSE,
    SECONDS,
    STAGGER,
    TEXT,
    VERSION,
    WORD,
    Key,
    Schema,
    bare,
    check,
    matching,
    one_of,
    unknown_key,
    word,
)
from hermes_ops.secrets.secret import Public
from hermes_ops.services import MANAGERS, known

MERGED = ("hermes_profiles", "hermes_profile_defaults")
_LATE = (*MERGED, "hermes_alerts")
"""Variables of which a part may stay encrypted until somebody needs it."""
VARIABLES: Mapping[str, Schema] = {
    "hermes_profiles": Key(ANY, "names of profiles, or a mapping: name -> what differs here"),
    "hermes_profile_defaults": Key(ANY, "for every profile: the same keys as in profiles/*.yml"),
    "hermes_version": Key(VERSION, "of hermes-agent", otherwise="from the role hermes"),
    "hermes_install": Key(
        one_of("auto", "present", "index", "wheelhouse"),
        "auto | present | index | wheelhouse",
        "auto",
    ),
    "hermes_python": Key(
        matching("the absolute path of a program", r"/[^\x00-\x1f]*[^\x00-\x1f/]"),
        "the interpreter for Hermes' environment",
        otherwise="found on the host",
    ),
    "hermes_user": Key(
        matching("the name of a user", r"[A-Za-z_][\w.@-]*"),
        "who runs the gateways",
        otherwise="who logs in",
    ),
    "hermes_user_create": Key(BOOLEAN, "make that user where it is absent", False),
    "hermes_service_manager": Key(
        one_of("auto", *MANAGERS), " | ".join(("auto", *MANAGERS)), "auto"
    ),
    "hermes_linger": Key(
        one_of("required", "optional", "off"), "required | optional | off", "required"
    ),
    "hermes_awake": Key(AWAKE, "keep the machine awake: true is {flags: [idle, system]}"),
    "hermes_host_key": Key(WORD, "the only key that the host may show"),
    "hermes_connect_timeout": Key(SECONDS, "seconds to connect in", 10),
    "hermes_exchange_timeout": Key(SECONDS, "seconds that an exchange may take", 120),
    "hermes_ready_timeout": Key(SECONDS, "seconds until a started gateway must be ready", 60),
    "hermes_settle": Key(PAUSE, "seconds it must stay so", 3),
    "hermes_memory_max": Key(
        MEMORY,
        "the most memory that all gateways of a host may have together",
        otherwise="no limit",
    ),
    "hermes_start_stagger": Key(STAGGER, "seconds between two starts on one host", 0),
    "hermes_enabled": Key(BOOLEAN, "false: listed, but not changed", True),
    "hermes_disabled_reason": Key(TEXT, "why, shown beside it"),
    "hermes_protected": Key(BOOLEAN, "true: what stops or removes its gateways refuses", False),
    "hermes_alerts": Key(ALERTS, "whom `fleet.status --alert` tells: urls, ping"),
}
"""Every variable that begins with `hermes_`; the two of profiles are checked when merged."""


class Surroundings(NamedTuple):
    """What all hosts of one inventory share."""

    environ: Mapping[str, str]
    groups: Mapping[str, Sequence[str]]
    catalogue: Mapping[str, Located]
    roles: Mapping[str, Role]
    known_hosts: Sequence[Path]
    lacks_files: bool = False
    """Whether files of variables were left out, as they are encrypted."""


def refuse_unknown(layers: Sequence[Layer]) -> None:
    """Refuse unknown names that begin with `hermes_`: they are misspelt."""
    for layer in layers:
        for name, entry in layer.variables.items():
            if name.startswith("hermes_") and name not in VARIABLES:
                raise unknown_key(name, entry, VARIABLES)


def make_host(
    node: HostNode, groups: tuple[str, ...], layers: Sequence[Layer], around: Surroundings
) -> Host:
    """Return the host that these layers describe."""
    written = folded(layers)
    scope = _scope(node, groups, written, around)
    layers = [_rendered_layer(layer, scope) for layer in layers]
    found = _checked(folded(layers))
    variables = Late(found, lambda name, value: guarded(name, _rendered(name, value, scope)))
    profiles = _sharing(_profiles(node, layers, variables, around), found)
    reached, refusal = reached_by(node, found, scope, around.known_hosts)
    return Host(
        name=Public(node.name),
        connection=reached,
        groups=groups,
        profiles=profiles,
        all_profiles=tuple(profile.name for profile in profiles),
        variables=variables,
        written=shown_variables(written),
        place=node.place,
        refusal=refusal,
        awake=awake_of(found, node.name, profiles, around.roles),
        **_settings(found),
    )


def rendered_layers(
    node: HostNode, groups: tuple[str, ...], layers: Sequence[Layer], around: Surroundings
) -> Sequence[Layer]:
    """Return the layers of a host with their expressions rendered for it."""
    scope = _scope(node, groups, folded(layers), around)
    return [_rendered_layer(layer, scope) for layer in layers]


def _checked(found: Variables) -> Variables:
    _refuse_manager(found)
    ours = {name: _word(found[name], VARIABLES[name]) for name in VARIABLES if name in found}
    for name, value in ours.items():
        check(value, VARIABLES[name], name)
    return {**found, **ours}


def _word(value: Located, schema: Schema) -> Located:
    """Return the boolean for a word from INI, or the word for a boolean from YAML, as expected."""
    is_switch = bare(schema) is BOOLEAN or getattr(bare(schema), "or_boolean", False)
    if is_switch and isinstance(value.data, str) and value.data in _WORDS:
        return value._replace(data=_WORDS[value.data])
    return word(value, schema)


_WORDS = {"true": True, "false": False, "yes": True, "no": False}


def _scope(
    node: HostNode, groups: tuple[str, ...], variables: Variables, around: Surroundings
) -> Scope:
    magic = {
        "inventory_hostname": node.name,
        "inventory_hostname_short": _short(node.name),
        "inventory_dir": str(Path(node.place.file).parent),
        "inventory_file": node.place.file,
        "group_names": sorted(groups),
        "groups": around.groups,
    }
    return Scope(variables, magic, around.environ, around.lacks_files)


def _short(name: str) -> str:
    """Return a name up to its first dot; an IP address stays whole."""
    return name if re.fullmatch(r"[0-9.]+|.*:.*", name) else name.partition(".")[0]


def _rendered_layer(layer: Layer, scope: Scope) -> Layer:
    """Return a layer with the expressions of the variables that we read rendered."""
    names = [name for name in layer.variables if name in VARIABLES or name in connection.READ]
    values = {name: _rendered(name, layer.variables[name], scope) for name in names}
    return Layer(layer.origin, {**layer.variables, **values}) if values else layer


def _rendered(name: str, value: Located, scope: Scope) -> Located:
    try:
        return rendered_in(value, scope) if name in _LATE else strictly(value, scope)
    except InventoryError:
        # Variables that we do not read stay as written: they may use names that only Ansible has.
        if name in VARIABLES and (scope.variables[name] is value or name in MERGED):
            raise
        return value


def _settings(found: Variables) -> dict[str, Any]:
    settings: dict[str, Any] = {"hermes": _hermes(found), "alerts": alerts_of(found)}
    for field, name in _FIELDS.items():
        if name in found:
            settings[field] = found[name].data
    return settings


_FIELDS = {
    "manager": "hermes_service_manager",
    "linger": "hermes_linger",
    "ready_timeout": "hermes_ready_timeout",
    "settle": "hermes_settle",
    "start_stagger": "hermes_start_stagger",
    "enabled": "hermes_enabled",
    "disabled_reason": "hermes_disabled_reason",
    "protected": "hermes_protected",
}


def _hermes(found: Variables) -> HermesSettings:
    create = found.get("hermes_user_create")
    if create is not None and create.data and "hermes_user" not in found:
        words = "hermes_user_create makes the user that hermes_user names, and it names none"
        raise create.error(words, "write hermes_user: NAME beside it, or leave it out")
    names = ("version", "install", "python", "user", "user_create")
    given = {name: found[f"hermes_{name}"].data for name in names if f"hermes_{name}" in found}
    return HermesSettings(**given)


def _refuse_manager(found: Variables) -> None:
    """Refuse a manager that this machine cannot have.

    The systems of other hosts are not known yet.
    """
    manager, reached = found.get("hermes_service_manager"), found.get("ansible_connection")
    if manager is None:
        return
    here = "Darwin" if sys.platform == "darwin" else "Linux"
    is_local = reached is not None and reached.data == "local"
    if is_local and here not in known().get(str(manager.data), {here}):
        raise manager.error(f"there is no {manager.data} on this machine", "write auto")


def _sharing(profiles: tuple[Profile, ...], found: Variables) -> tuple[Profile, ...]:
    """Return the profiles with what they share: a ceiling, and the time between their starts."""
    named = (found.get(name) for name in ("hermes_memory_max", "hermes_start_stagger"))
    most, pause = (entry.data if entry is not None else None for entry in named)
    if not (most or pause):
        return profiles
    most = None if most is None else str(most)
    return tuple(
        replace(p, service=replace(p.service, ceiling=most, boot_delay=(pause or 0) * number))
        for number, p in enumerate(profiles)
    )


def _profiles(
    node: HostNode, layers: Sequence[Layer], variables: Mapping[str, Any], around: Surroundings
) -> tuple[Profile, ...]:
    wants: NamedProfiles = wanted(layers)
    values = Over({"inventory_hostname": node.name}, variables)

    def made(name: str) -> Profile:
        data = described(contributions(name, wants, around.catalogue))
        refuse_strangers(name, data, node.name, wants.overrides)
        return make_profile(name, data, around.roles, values, wants.place(name))

    return tuple(map(made, wants.overrides))
