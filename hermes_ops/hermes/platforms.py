"""Which messaging platforms a profile's gateway will start, and where they will listen.

Hermes decides that from config.yaml and the environment together; `data/platforms.yml` has the
rules of each platform, and this module applies them as Hermes does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hermes_ops import assets
from hermes_ops.inventory.model import Host

Env = Mapping[str, str | None]
"""Variables by name; None is a value that is set but unknown to us."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address that a server of the gateway listens on."""

    host: str
    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        """Return the address to ask it on from its own host."""
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"


def expected(config: Mapping[str, Any], env: Env) -> frozenset[str]:
    """Return the platforms that a gateway with these settings will try to connect to."""
    env, known = _environment(config, env), rules()
    return frozenset(
        name for name in _mentioned(config, env) if _runs(known[name], _block(config, name), env)
    )


_INBOUND = {"api_server", "webhook", "msgraph_webhook"}
"""Platforms that wait for others: they need no name of the network to start."""


def connecting(host: Host) -> frozenset[str]:
    """Return the platforms to which gateways of a host that are to run connect, by a name."""
    started = [one for one in host.profiles if one.state == "started"]
    found = (expected(one.config, dict.fromkeys(one.env)) for one in started)
    return frozenset().union(*found) - _INBOUND


def listeners(config: Mapping[str, Any], env: Env) -> tuple[tuple[str, str, int], ...]:
    """Return platform, host and port of each TCP server that the gateway will open.

    `0.0.0.0` means every interface. A port with an unknown value counts as the default.
    """
    return tuple(
        (name, endpoint.host, endpoint.port)
        for name in sorted(expected(config, env))
        if (endpoint := _endpoint(name, config, env))
    )


def api_endpoint(config: Mapping[str, Any], env: Env) -> Endpoint | None:
    """Return where the API server will answer; None if it is off."""
    return _endpoint("api_server", config, env) if "api_server" in expected(config, env) else None


def announcing(config: Mapping[str, Any], env: Env) -> frozenset[str]:
    """Return the platforms with a home channel to which the gateway writes that it stops or is
    back, and for which the settings do not say whether it shall."""
    env = _environment(config, env)
    return frozenset(
        name for name in expected(config, env)
        if _has_home(name, config, env) and not _says_if_it_announces(name, config)
    )  # fmt: skip


def _has_home(name: str, config: Mapping[str, Any], env: Env) -> bool:
    variables = rules()[name].get("home", [f"{name.upper()}_HOME_CHANNEL"])
    places = (_mapping(place.get(name)).get("home_channel") for place in _places(config))
    return any(env.get(one, "") != "" for one in variables) or any(map(_mapping, places))


def _says_if_it_announces(name: str, config: Mapping[str, Any]) -> bool:
    blocks = [_mapping(place.get(name)) for place in (*_places(config), config)]
    blocks += [_mapping(block.get("extra")) for block in blocks]
    return any(block.get("gateway_restart_notification") is not None for block in blocks)


def switches_on(variable: str) -> bool:
    """Whether this variable can enable a platform."""
    return variable in _by_variable()


def extras(platforms: Iterable[str]) -> tuple[str, ...]:
    """Return the fewest pip extras that bring the libraries of these platforms."""
    needed = {extra for name in platforms for extra in rules().get(name, {}).get("extra", [])}
    brings = {extra: frozenset(data()["extras"][extra]) for extra in sorted(needed)}
    return tuple(extra for extra in brings if not _is_brought(extra, brings))


def _is_brought(extra: str, brings: Mapping[str, frozenset[str]]) -> bool:
    """Return whether another extra includes this one; of two equal ones, the first stays."""
    return any(
        brings[extra] < brings[other] or (brings[extra] == brings[other] and other < extra)
        for other in brings
    )


@cache
def data() -> Mapping[str, Any]:
    """Return the content of `data/platforms.yml`."""
    found: Mapping[str, Any] = assets.data("hermes_ops.hermes", "data/platforms.yml")
    return found


def rules() -> Mapping[str, Mapping[str, Any]]:
    """Return the rules of each platform, as `data/platforms.yml` has them."""
    found: Mapping[str, Mapping[str, Any]] = data()["platforms"]
    return found


def _mentioned(config: Mapping[str, Any], env: Env) -> Iterable[str]:
    """Return the platforms named in config.yaml or by a variable; no other can run."""
    blocks = [*_places(config), config]
    named = {name for block in blocks for name in block if name in rules()}
    return named.union(*(_by_variable().get(variable, ()) for variable in env))


@cache
def _by_variable() -> Mapping[str, frozenset[str]]:
    """Return for each variable the platforms that it can enable."""
    found: dict[str, set[str]] = {}
    for name, rule in rules().items():
        for both in (*rule.get("forced", ()), *rule.get("offered", ())):
            for variable in (word for either in _terms(both) for word in either):
                found.setdefault(variable, set()).add(name)
    return {variable: frozenset(names) for variable, names in found.items()}


# What the files say.


@dataclass(frozen=True, slots=True)
class _Block:
    """The settings of one platform in config.yaml, merged from its three places."""

    enabled: bool | None = None
    token: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    is_settled: bool = False
    """Whether there are other settings: Hermes copies them into `extra`."""


_NOTHING = _Block()
_OWN_KEYS = {
    "enabled",
    "token",
    "api_key",
    "home_channel",
    "reply_to_mode",
    "extra",
    "channel_overrides",
}


def _block(config: Mapping[str, Any], name: str) -> _Block:
    nested = [_mapping(place.get(name)) for place in _places(config)]
    top = _mapping(config.get(name))
    if not (nested[0] or nested[1] or top):
        return _NOTHING
    merged = {**nested[0], **nested[1]}
    enabled = {**merged, **top}.get("enabled", _UNSET)
    return _Block(
        enabled=None if enabled is _UNSET else _is_true(enabled),
        token=merged.get("token"),
        extra={**_mapping(nested[0].get("extra")), **_mapping(nested[1].get("extra"))},
        is_settled=bool({**merged, **top}.keys() - _OWN_KEYS),
    )


def _places(config: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    gateway = _mapping(config.get("gateway")).get("platforms")
    return _mapping(gateway), _mapping(config.get("platforms"))


_UNSET = object()


def _mapping(value: Any) -> Mapping[str, Any]:
    # Called some hundred times a profile: the most common case comes first.
    return {} if value is None or not isinstance(value, (dict, Mapping)) else value


def _is_true(value: Any) -> bool:
    return str(value).strip().lower() in {"true", "1", "yes", "on"}


def _environment(config: Mapping[str, Any], env: Env) -> Env:
    """Return the variables of the gateway, which include simple settings at the top of the file."""
    simple = {k: str(v) for k, v in config.items() if isinstance(v, str | int | float)}
    return {**{k: None if "${" in v else v for k, v in simple.items()}, **env}


# What follows.


def _runs(rule: Mapping[str, Any], block: _Block, env: Env) -> bool:
    token = env.get(rule.get("token", "")) or block.token
    if token and _is_placeholder(token):
        return False
    if _any(rule.get("forced", ()), block, env):
        return True
    if block.enabled is not None:
        return block.enabled and not _is_off(rule, env)
    return _any(rule.get("offered", ()), block, env)


def _is_off(rule: Mapping[str, Any], env: Env) -> bool:
    return (env.get(rule.get("vetoed_by", "")) or "").lower() in {"false", "0", "no"}


def _is_placeholder(token: str) -> bool:
    """Return whether Hermes treats a token as a placeholder from an example."""
    cleaned = token.strip().lower()
    return bool(cleaned) and (len(cleaned) < 4 or cleaned in data()["placeholders"])


def _any(alternatives: Iterable[str], block: _Block, env: Env) -> bool:
    return any(
        all(any(_is_set(name, block, env) for name in either) for either in _terms(both))
        for both in alternatives
    )


@cache
def _terms(both: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(either.split("|")) for either in both.split(" + "))


def _is_set(name: str, block: _Block, env: Env) -> bool:
    if name == "*":
        return block.is_settled or bool(block.extra)
    if not name.isupper():
        return bool(block.extra.get(name))
    if name not in env or env[name] == "":
        return False
    return not name.endswith("_ENABLED") or env[name] is None or _is_true(env[name])


def _endpoint(name: str, config: Mapping[str, Any], env: Env) -> Endpoint | None:
    rule, block, env = rules()[name], _block(config, name), _environment(config, env)
    listens = rule.get("listens", {})
    if _any(rule.get("forced", ()), block, env):
        listens = {**listens, **listens.get("forced", {})}
    if not listens or not _is_met(listens.get("when"), block, env):
        return None
    return Endpoint(str(_first(listens["host"], block, env)), _port(listens["port"], block, env))


def _is_met(when: Mapping[str, Any] | None, block: _Block, env: Env) -> bool:
    """Return whether a server opens at all."""
    if not when:
        return True
    value = _first(when["of"], block, env)
    return str(value).strip().lower() == when["is"] if "is" in when else bool(value)


def _value(name: Any, block: _Block, env: Env) -> Any:
    """Return the value of a name in the rules; anything else is its own value."""
    if not isinstance(name, str) or "." in name:
        return name
    return env.get(name) if name.isupper() else block.extra.get(name)


def _first(names: list[Any], block: _Block, env: Env) -> Any:
    return next((value for name in names if (value := _value(name, block, env))), None)


def _port(names: list[Any], block: _Block, env: Env) -> int:
    values = (str(_value(name, block, env)).strip() for name in names)
    return next(int(value) for value in values if value.isdecimal())
