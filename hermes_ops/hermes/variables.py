"""What Hermes makes of its variables: it passes over a value of another kind and uses its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from math import inf
from typing import Any, NamedTuple

from hermes_ops import assets

Accepts = Callable[[str], bool]


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
