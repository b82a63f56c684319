"""What a gateway is by settings that the inventory does not name.

Keys of others stay: people and Hermes keep their own beside ours. Those that make of a gateway
another one than the inventory has are told: its platforms, where it listens, who may talk to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.ownership import Path, at, dotted, leaves, put, without
from hermes_ops.hermes import platforms
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.outside import left_on, wide_open
from hermes_ops.hermes.started import is_newer
from hermes_ops.look.facts import Facts
from hermes_ops.plan.lifecycle.draft import Draft
from hermes_ops.plan.lifecycle.watching import restart_hint
from hermes_ops.plan.model import DesiredState
from hermes_ops.plan.resource import EnvFile, YamlFile
from hermes_ops.services.base import ServiceSpec

Env = Mapping[str, str | None]
Settings = tuple[Mapping[str, Any], Env]
"""A `config.yaml` and a `.env`."""

_GIVES_AWAY = ("GATEWAY_MULTIPLEX_PROFILES", "HERMES_GATEWAY_LOCK_DIR", "HERMES_MANAGED_DIR")
"""Variables by which a gateway takes over other profiles, or its locks and rules lie elsewhere."""
_MULTIPLEX: tuple[Path, ...] = (("gateway", "multiplex_profiles"), ("multiplex_profiles",))


def beyond(service: ServiceSpec, profile: Draft, desired: DesiredState) -> Iterator[Conflict]:
    """Yield what keys on the host that the inventory does not name make of a gateway.

    An inventory that names no platform of a profile leaves all of them to its host.
    """
    if service.text != "hermes" or profile.ledger.partial:
        return
    whole, own = (profile.config, profile.env), _of_inventory(service, profile, desired)
    home = f"~/{service.home}"
    for name in sorted(_opened(whole[1], own[1])):
        words = f"{home}/.env sets {name}, which the inventory does not name"
        yield Conflict(words, hint=_mend(home, [name]))
    for path in _MULTIPLEX:
        if at(whole[0], path)[1] is True and not at(own[0], path)[0]:
            words = f"{dotted(path)} of {home}/config.yaml lets it serve every profile"
            yield Conflict(words, hint=_mend(home, [path]))
    if wanted := _made_of(*own):
        yield from _platforms(home, wanted, whole, own)


def unlike(
    service: ServiceSpec, profile: Draft, evidence: Evidence, facts: Facts, desired: DesiredState
) -> Iterator[Conflict]:
    """Yield what a process has that its files do not call for: it was started with others."""
    calls = _made_of(*_of_inventory(service, profile, desired))
    if calls and (names := left_on(service, evidence, facts)):
        words = f"its process has {', '.join(names)}, which its files do not switch on"
        named = (
            "name it in the inventory, or take out what else switches it on, as gateway.json may"
        )
        again = restart_hint(desired.host.name, service)
        yield Conflict(words, hint=again if is_newer(service.home, facts) else named)
    listeners = platforms.listeners(profile.config, profile.env)
    if addresses := wide_open(listeners, evidence.pid, facts):
        words = f"its process listens on {', '.join(addresses)}, for every network"
        hint = restart_hint(desired.host.name, service)
        yield Conflict(f"{words}, and its files say otherwise", hint=hint)


def _of_inventory(service: ServiceSpec, profile: Draft, desired: DesiredState) -> Settings:
    """Return the settings that the inventory names, with the values that the host will have."""
    named = [w.resource for w in desired.wanted if w.profile.name == service.profile]
    config: dict[Any, Any] = {}
    env: dict[str, str | None] = {}
    for one in named:
        if isinstance(one, YamlFile):
            for path, _ in leaves(one.values):
                is_there, value = at(profile.config, path)
                if is_there:
                    put(config, path, value)
        elif isinstance(one, EnvFile):
            names = (*one.values, *one.unresolved)
            env |= {name: profile.env[name] for name in names if name in profile.env}
    return config, env


def _opened(whole: Env, own: Env) -> Iterator[str]:
    """Yield the variables of others that let everybody in, or give the gateway away."""
    for name in whole.keys() - own.keys():
        value = str(whole[name]).strip().lower()
        if name.endswith("_ALLOW_ALL_USERS") and value in ("true", "1", "yes", "on"):
            yield name
        if name in _GIVES_AWAY and value:
            yield name


def _made_of(config: Mapping[str, Any], env: Env) -> dict[str, str]:
    """Return the platforms that these settings enable, each with its address if it listens."""
    opened = {name: f"{host}:{port}" for name, host, port in platforms.listeners(config, env)}
    return {name: opened.get(name, "") for name in platforms.expected(config, env)}


def _platforms(
    home: str, wanted: Mapping[str, str], whole: Settings, own: Settings
) -> Iterator[Conflict]:
    made = _made_of(*whole)
    for name in sorted(wanted.keys() | made.keys()):
        if wanted.get(name) != made.get(name):
            keys = list(_causes(name, wanted.get(name), whole, own))
            said = ", ".join(key if isinstance(key, str) else dotted(key) for key in keys)
            cause = f"{said}, which the inventory does not name" if said else "keys of others"
            yield Conflict(f"{name} {_how(name, wanted, made)} by {cause}", hint=_mend(home, keys))


def _how(name: str, wanted: Mapping[str, str], made: Mapping[str, str]) -> str:
    if name not in made:
        return "is switched off"
    return "is switched on" if name not in wanted else f"is set to listen on {made[name]}"


def _causes(name: str, wanted: str | None, whole: Settings, own: Settings) -> Iterator[str | Path]:
    """Yield each key of others without which the platform is as the inventory has it."""
    config, env = whole
    for variable in sorted(env.keys() - own[1].keys()):
        rest = {key: value for key, value in env.items() if key != variable}
        if _made_of(config, rest).get(name) == wanted:
            yield variable
    for path, _ in leaves(config):
        is_own = at(own[0], path)[0]
        if not is_own and _made_of(without(config, [path]), env).get(name) == wanted:
            yield path


def _mend(home: str, keys: list[str] | list[Path] | list[str | Path]) -> str:
    names = [key for key in keys if isinstance(key, str)]
    paths = [dotted(key) for key in keys if not isinstance(key, str)]
    out = [f"{' and '.join(names)} out of {home}/.env"] if names else []
    out += [f"{' and '.join(paths)} out of {home}/config.yaml"] if paths else []
    return f"name it in the inventory, or take {', or '.join(out)} on the host" if out else (
        "name them in the inventory"
    )  # fmt: skip
