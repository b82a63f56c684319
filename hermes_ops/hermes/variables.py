"""What Hermes makes of its variables: it passes over a value of another kind and uses its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from math import inf
from typing import Any, NamedTuple

from hermes_ops import assets

Accepts = Callable[[str], bool]


class SettingKind(NamedTuple):
    """What the value of a setting must be."""

    words: str
    accepts: Callable[[Any], bool]


class VariableKind(NamedTuple):
    """What the value of a variable must be."""

    words: str
    accepts: Accepts


def expected(name: str, value: str) -> str:
    """Return what the value of a variable must be instead; empty if Hermes takes it as it is.

    A variable without a value is not set.
    """
    kind, text = _kinds().get(name), value.strip().lower()
    return kind.words if kind and text and not kind.accepts(text) else ""


def is_known(name: str) -> bool:
    """Whether Hermes reads a number or one of a few words from this variable."""
    return name in _kinds()


def setting_expected(path: tuple[str, ...], value: Any) -> str:
    """Return what a setting of `config.yaml` must be instead; empty if Hermes takes it as it is.

    A setting without a value is not set.
    """
    kind = _settings().get(path) or _settings().get(_any_name(path))
    return kind.words if kind and value is not None and not kind.accepts(value) else ""


def _any_name(path: tuple[str, ...]) -> tuple[str, ...]:
    return (path[0], "*", *path[2:]) if len(path) > 1 else path


def _is(number: Callable[[str], float], least: float = -inf, most: float = inf) -> Accepts:
    def accepts(text: str) -> bool:
        try:
            return least <= number(text) <= most
        except ValueError:
            return False

    return accepts


def _one_of(*words: str) -> VariableKind:
    return VariableKind(f"one of {', '.join(words)}", lambda text: text in words)


_NUMBERS: Mapping[str, VariableKind] = {
    "ports": VariableKind("a port from 1 to 65535", _is(int, 1, 65535)),
    "whole": VariableKind("a whole number", _is(int)),
    "numbers": VariableKind("a number", _is(float)),
}


@cache
def _kinds() -> Mapping[str, VariableKind]:
    table: Mapping[str, Any] = assets.data("hermes_ops.hermes", "data/variables.yml")
    numbers = {name: kind for key, kind in _NUMBERS.items() for name in table[key]}
    words = {name: _one_of(*known) for name, known in table["words"].items()}
    switches = {
        name: _one_of(*switch["on"], *switch["off"])
        for switch in table["switches"]
        for name in switch["of"]
    }
    return {**numbers, **words, **switches}


def _text_of(value: Any, kinds: tuple[type, ...]) -> str:
    """Return a number as text, or one that is a text already; of a boolean an empty text."""
    return str(value).strip() if isinstance(value, kinds) and not isinstance(value, bool) else ""


def _number(
    words: str, number: Callable[[str], float], *kinds: type, **limits: float
) -> SettingKind:
    accepts = _is(number, **limits)
    return SettingKind(words, lambda value: accepts(_text_of(value, (str, *kinds))))


_SWITCH = frozenset({"true", "yes", "on", "1", "false", "no", "off", "0"})
_SETTING_KINDS: Mapping[str, SettingKind] = {
    "mapping": SettingKind("a mapping", lambda value: isinstance(value, Mapping)),
    "switch": SettingKind(
        "true or false",
        lambda value: isinstance(value, bool | int) or str(value).strip().lower() in _SWITCH,
    ),
    "port": _number("a port from 1 to 65535", int, int, least=1, most=65535),
    "seconds": _number("a whole number of seconds, or 0", int, int, least=0, most=2**31 - 1),
    "duration": _number("a number of seconds, 0 or more", float, int, float, least=0),
}


@cache
def _settings() -> Mapping[tuple[str, ...], SettingKind]:
    table: Mapping[str, Any] = assets.data("hermes_ops.hermes", "data/variables.yml")
    return {
        tuple(path.split(".")): _SETTING_KINDS[kind] for path, kind in table["settings"].items()
    }
