"""What appears twice: a key is an error where it is ours, else a warning, as in Ansible."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hermes_ops.errors import InventoryError
from hermes_ops.loader.groups import PRIORITY
from hermes_ops.loader.hosts.connection import READ, is_login
from hermes_ops.loader.layers.variables import Layer
from hermes_ops.loader.located import Located
from hermes_ops.loader.sources.reading import Double, Kind

Keys = Sequence[Any]


def doubled(doubles: Sequence[Double]) -> Iterator[str]:
    """Yield a warning for each key that appears twice, in the order of the files.

    Raises:
        InventoryError: one of them is a name of ours, of the structure or of the connection; the
            hint has all others.
    """
    told = sorted(doubles, key=lambda double: (double.place.file, double.place.line))
    wrong = next((double for double in told if _MATTERS[double.kind](double.path)), None)
    if wrong:
        rest = [f"{other.path[-1]!r} at {other.place}" for other in told if other is not wrong]
        hint = f"these appear twice, too: {', '.join(rest)}" if rest else ""
        raise InventoryError(wrong.message, hint=hint, where=wrong.place)
    for double in told:
        yield f"{double.place}: {double.message}; the last one counts"


def named_twice(layers: Iterable[Layer]) -> Iterator[str]:
    """Yield a warning for each profile that a list of `hermes_profiles` names twice."""
    found: dict[str, None] = {}
    for layer in layers:
        listed = layer.variables.get("hermes_profiles")
        first: dict[Any, Located] = {}
        for item in listed.items if listed else ():
            if isinstance(item.data, str) and first.setdefault(item.data, item) is not item:
                found[f"{item.place}: 'hermes_profiles' names {item.data!r} twice"] = None
    yield from found


def _of_variables(path: Keys) -> bool:
    """Return whether this is one of our variables, or in one, or steers the connection."""
    name = path[0]
    if str(name).startswith("hermes_"):
        return True
    return len(path) == 1 and (name in {*READ, PRIORITY} or is_login(str(name)))


def _of_structure(path: Keys) -> bool:
    """Return whether this is a group, a section, a host, or a variable that matters."""
    match path:
        case [_, "children", *rest] if rest:
            return _of_structure(rest)
        case [_, "vars", *rest] if rest:
            return _of_variables(rest)
        case [_, "hosts", _, *rest] if rest:
            return _of_variables(rest)
    return True


def _of_answer(path: Keys) -> bool:
    match path:
        case ["_meta", "hostvars", _, *rest] if rest:
            return _of_variables(rest)
        case [_, "vars", *rest] if rest:
            return _of_variables(rest)
    return True


_MATTERS: Mapping[Kind, Callable[[Keys], bool]] = {
    "ours": lambda _: True,
    "variables": _of_variables,
    "structure": _of_structure,
    "answer": _of_answer,
}
