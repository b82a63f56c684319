"""Names that are one typing error away from another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")


def meant(name: str, known: Iterable[str]) -> str:
    """Return the known name that `name` is one edit away from, or ''.

    Names that differ only in a digit are taken as intended.
    """
    return next((other for other in sorted(known) if is_slip(name, other)), "")


def is_slip(name: str, other: str) -> bool:
    """Return whether adding, removing, changing or swapping one letter turns one into the other."""
    if name == other or abs(len(name) - len(other)) > 1 or min(len(name), len(other)) < 4:
        return False
    start = _same(name, other)
    end = _same(name[start:][::-1], other[start:][::-1])
    one, two = name[start : len(name) - end], other[start : len(other) - end]
    if any(letter.isdigit() for letter in one + two):
        return False
    return (len(one) <= 1 and len(two) <= 1) or (len(one) == 2 and one == two[::-1])


def _same(one: str, two: str) -> int:
    """Return the length of the common prefix of two texts."""
    pairs = zip(one, two, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(two)))


@cache
def meant_env(name: str) -> str:
    """Return the name known to Hermes that is one edit away from `name`, or ''."""
    return "" if name in env_names() else meant(name, env_names())


@cache
def env_names() -> frozenset[str]:
    """Return the names of variables that Hermes is known to read."""
    known = (
        files("hermes_ops.files") / "hermes-env-names.txt",
        files("hermes_ops.hermes") / "data" / "platforms.yml",
    )
    texts = (file.read_text("utf-8") for file in known)
    lines = (line.partition("#")[0] for text in texts for line in text.splitlines())
    return frozenset(name for line in lines for name in _VARIABLE.findall(line))
