"""Holders of settings: profiles as the inventory wants them, or as a host reports them.

No secret value is in here, only what `on_host` discloses.
"""

from __future__ import annotations

import base64
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hermes_ops.audit.on_host import Teller
from hermes_ops.files.layout import OWED
from hermes_ops.hermes import identities
from hermes_ops.hermes.gateway import DEFINITIONS
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.secrets.reference import Generate, Reference
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import MANAGERS
from hermes_ops.services.describe import describe

PLACEHOLDER = "changeme"
"""Stands for any value that Hermes treats as a placeholder."""

SOURCE = "from "
"""Prefix for the mark of an unresolved value: two with the same source are equal."""

UNKNOWN = "\x00unknown"
"""Stands for a value of config.yaml that was not disclosed."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a profile: what is known of its value, and its place."""

    name: str
    marks: tuple[str, ...] = ()
    """Fingerprints, one for each value in it; none if the value is unknown."""
    traits: frozenset[str] = frozenset()
    text: str | None = None
    """The value, if it is not secret."""
    place: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it has no value."""
        return "empty" in self.traits


@dataclass(frozen=True, slots=True)
class Holder:
    """One profile of one host, from the inventory or from the host itself."""

    host: str
    profile: str
    machine: Hashable = None
    """Equal for hosts that are one machine: they share its ports."""
    state: str = ""
    """The wanted state; empty if it is not in the inventory."""
    live: bool = False
    env: Mapping[str, Setting] = field(default_factory=dict)
    config: Mapping[str, Setting] = field(default_factory=dict)
    """By dotted path."""
    service: tuple[Setting, ...] = ()
    """Variables in the service's own environment."""
    files: tuple[tuple[str, int], ...] = ()
    """Path and mode of files that may hold credentials."""
    broken: tuple[tuple[str, str], ...] = ()
    """Path and kind of error of files that could not be read."""
    url: str = ""
    """Where its role says that it answers, if it is no gateway."""
    url_place: str = ""

    @property
    def target(self) -> str:
        """Return it as `host/profile`."""
        return f"{self.host}/{self.profile}"

    @property
    def may_run(self) -> bool:
        """Whether its gateway may run; for a profile not in the inventory that is unknown."""
        return self.state in ("started", "")

    @property
    def variables(self) -> dict[str, str | None]:
        """Return the environment of its gateway; None is a value that is set but unknown."""
        known = {setting.name: setting for setting in self.service} | dict(self.env)
        return {name: _known(setting) for name, setting in known.items()}

    @property
    def tree(self) -> dict[str, Any]:
        """Return the known part of its config.yaml."""
        tree: dict[str, Any] = {}
        for name, setting in self.config.items():
            value = _known(setting)
            _put(tree, name.split("."), UNKNOWN if value is None else value)
        return tree

    def variable(self, name: str) -> Setting | None:
        """Return a variable of the gateway, which config.yaml may set at its top."""
        own = {setting.name: setting for setting in self.service}
        return self.env.get(name) or own.get(name) or self.config.get(name)


def _known(setting: Setting) -> str | None:
    if setting.text is not None:
        return setting.text
    if setting.is_empty:
        return ""
    return PLACEHOLDER if "placeholder" in setting.traits else None


def _put(tree: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        below = tree.setdefault(key, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree[keys[-1]] = value


def first_set(holder: Holder, platform: str, names: Iterable[str]) -> Setting | None:
    """Return the first of these names that has a value: a variable, or a key of the platform."""
    for name in names:
        setting = holder.variable(name) if name.isupper() else _of_block(holder, platform, name)
        if setting is not None and not setting.is_empty:
            return setting
    return None


def _of_block(holder: Holder, platform: str, name: str) -> Setting | None:
    extra = "" if name == "token" else "extra."
    for place in ("platforms", "gateway.platforms"):
        if setting := holder.config.get(f"{place}.{platform}.{extra}{name}"):
            return setting
    return None


@dataclass(frozen=True, slots=True)
class Machine:
    """One host: its profiles, and what it has besides them."""

    host: str
    names: tuple[str, ...] = ()
    """Every profile that exists or is wanted."""
    managed: frozenset[str] = frozenset()
    sticky: str = ""
    """The profile that `hermes profile use` set for calls without `-p`."""
    place: str = ""


def shown_key(key: bytes) -> str:
    """Return the operator's key as it is in a request: output must mask it."""
    return base64.b64encode(key).decode()


def request(key: bytes, homes: Mapping[str, str]) -> dict[str, Any]:
    """Return the request to a host; it contains the key."""
    return {
        "key": shown_key(key),
        "homes": dict(homes),
        "open": sorted(identities.open_names()),
        "placeholders": sorted(identities.placeholders()),
        "platforms": sorted(identities.names()),
        "owed": str(OWED),
        "definitions": [*DEFINITIONS, *(p for m in MANAGERS.values() for p in m.definitions)],
    }


# --- from the inventory -----------------------------------------------------------------------


def wanted(inventory: Inventory, key: bytes) -> list[Holder]:
    """Return every profile of the inventory's enabled hosts that is not absent."""
    teller = Teller(key, request(key, {}))
    return [
        _answering(_wanted(host, profile, teller), profile, inventory.roles)
        for host in inventory.hosts
        for profile in host.profiles
        if host.enabled and profile.state != "absent"
    ]


def _answering(holder: Holder, profile: Profile, roles: Mapping[str, Role]) -> Holder:
    """Return the holder with the URL at which its service answers."""
    role = roles.get(profile.role)
    if role is None or role.readiness.kind != "http":
        return holder
    place = profile.places.get("service") or profile.place or ""
    return replace(holder, url=describe(profile, role).url, url_place=str(place))


def machine_of(host: Host) -> Hashable:
    """Return a key that is equal for two hosts that are one machine."""
    reached = host.connection
    if reached.kind == "local":
        return "local"
    return (reached.address.lower() or host.name, reached.port or 22)


def _wanted(host: Host, profile: Profile, teller: Teller) -> Holder:
    def place(key: str) -> str:
        return str(profile.places.get(key) or profile.place or "")

    env = {k: _told(teller, k, v, place(f"env.{k}")) for k, v in profile.env.items()}
    told = teller.config(profile.config, {})
    config = {t["name"]: setting_of(t, place(f"config.{t['name']}")) for t in told}
    service = tuple(
        setting_of(teller.tell(name, value), place(f"service.environment.{name}"))
        for name, value in profile.service.environment.items()
    )
    machine = machine_of(host)
    return Holder(host.name, profile.name, machine, profile.state, False, env, config, service)


def _told(teller: Teller, name: str, value: Any, place: str) -> Setting:
    match value:
        case Secret():
            return setting_of(teller.tell(name, value.reveal()), place)
        case Reference():
            return Setting(name, (f"{SOURCE}{value.kind} {value.argument}",), place=place)
        case Generate():
            return Setting(name, place=place)
    raise TypeError(type(value).__name__)


def setting_of(told: Mapping[str, Any], place: str) -> Setting:
    """Return a setting as the host reported it."""
    marks, traits = tuple(told["marks"]), frozenset(told["traits"])
    return Setting(told["name"], marks, traits, told.get("text"), place)


# --- from a host ------------------------------------------------------------------------------


def found(host: Host, told: Mapping[str, Any]) -> tuple[Machine, list[Holder]]:
    """Return what a host reported: every profile on it, in the inventory or not."""
    states = {profile.name: profile.state for profile in host.profiles}
    own = [_found(host, entry, told, states) for entry in told["profiles"]]
    names = {*host.all_profiles, *(holder.profile for holder in own)}
    place = f"{host.name}:~/.hermes/active_profile"
    managed = frozenset(host.all_profiles)
    machine = Machine(host.name, tuple(sorted(names)), managed, told["sticky"], place)
    return machine, own


def _found(
    host: Host, entry: Mapping[str, Any], told: Mapping[str, Any], states: Mapping[str, str]
) -> Holder:
    name, home = entry["profile"], entry["home"]
    env = _settings(host, f"{home}/.env", entry["env"])
    for setting in _settings(host, f"{home}/slack_tokens.json", entry.get("slack", ())).values():
        env[setting.name] = _both(env.get(setting.name), setting)
    # The settings of the machine's administrator win over those of every profile.
    env |= _settings(host, "/etc/hermes/.env", told["shared"]["env"])
    config = _settings(host, f"{home}/config.yaml", entry["config"])
    config |= _settings(host, "/etc/hermes/config.yaml", told["shared"].get("config", ()))
    service = tuple(
        setting_of(item, at(host.name, item["path"], item["line"]))
        for item in told["services"]
        if item["profile"] in (name, "")
    )
    state = states.get(name, "" if name not in host.all_profiles else "stopped")
    files = tuple((path, mode) for path, mode in entry["files"])
    broken = tuple((path, kind) for path, kind in entry["broken"])
    machine = machine_of(host)
    return Holder(host.name, name, machine, state, True, env, config, service, files, broken)


def _settings(host: Host, path: str, told: Iterable[Mapping[str, Any]]) -> dict[str, Setting]:
    return {t["name"]: setting_of(t, at(host.name, path, t["line"])) for t in told}


def at(host: str, path: str, line: int = 0) -> str:
    """Return the place of something on a host."""
    shown = path if path.startswith("/") else f"~/{path}"
    return f"{host}:{shown}" + (f":{line}" if line else "")


def _both(first: Setting | None, second: Setting) -> Setting:
    return replace(first, marks=(*first.marks, *second.marks)) if first else second


def overlaid(low: Holder, high: Holder) -> Holder:
    """Return a profile as it will be after the settings of the inventory are merged into it."""
    known = {name: setting for name, setting in high.env.items() if not _is_hidden(setting)}
    env = {**high.env, **low.env, **known}
    return replace(high, env=env, config={**low.config, **high.config})


def _is_hidden(setting: Setting) -> bool:
    """Return whether only the host knows a value: it was generated there, or not resolved here."""
    return not setting.is_empty and all(mark.startswith(SOURCE) for mark in setting.marks)
