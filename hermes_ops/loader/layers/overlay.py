"""Merge one layer over another: mappings merge, lists replace, `+key` and `-key` change a list.

A key is an operator if it is a sign and a name: `+toolsets`, `-toolsets`. A doubled sign stands
for itself (`++x` is the key `+x`). So does a sign before a digit: telephone numbers and chat
numbers are keys in Hermes' own settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hermes_ops.errors import InventoryError
from hermes_ops.loader.located import Located, kind, plain

APPEND, REMOVE = "+", "-"
_ORDER = ("", REMOVE, APPEND)
_VERBS = {APPEND: "appends to", REMOVE: "removes from"}


def signed(key: object) -> tuple[str, Any]:
    """Return the sign of an operator and the key it changes; the sign of a plain key is ''."""
    if not isinstance(key, str) or len(key) < 2 or key[0] not in _VERBS:
        return "", key
    if key[1] == key[0]:
        return "", key[1:]
    return ("", key) if key[1].isdigit() else (key[0], key[1:])


def overlaid(low: Located, high: Located) -> Located:
    """Return `low` with `high` merged over it; neither `low` nor the result has operators.

    Raises:
        InventoryError: an operator changes something that is not a list; names both places.
    """
    if not isinstance(high.data, dict) or not isinstance(low.data, dict):
        return settled(high)
    data = dict(low.data)
    for sign, name, entry in in_order(high):
        if sign:
            change_list(data, sign, name, entry)
        elif name in data:
            data[name] = overlaid(data[name], entry)
        else:
            data[name] = settled(entry)
    return Located(data, high.place)


def in_order(value: Located) -> list[tuple[str, Any, Located]]:
    """Return sign, key and value of each entry, in the order in which they are applied.

    First sets, then removals, then additions: so one layer can replace an item.
    """
    if not _signs(value):
        # The common case: nearly every mapping has no operator.
        return [("", key, entry) for key, entry in value.entries.items()]
    entries = [(*signed(key), entry) for key, entry in value.entries.items()]
    return sorted(entries, key=lambda entry: _ORDER.index(entry[0]))


def _signs(value: Located) -> bool:
    for key in value.entries:  # noqa: SIM110 - asked of every mapping: any() takes twice as long
        if isinstance(key, str) and key.startswith((APPEND, REMOVE)):
            return True
    return False


def settled(value: Located) -> Located:
    """Return a value merged over nothing: its operators are applied."""
    if not _has_signs(value):
        return value
    if value.items:
        return Located(tuple(map(settled, value.items)), value.place)
    return overlaid(Located({}, value.place), value)


def _has_signs(value: Located) -> bool:
    for inner in value.entries.values() or value.items:
        if isinstance(inner.data, dict | tuple) and _has_signs(inner):
            return True
    return _signs(value)


def change_list(data: dict[Any, Located], sign: str, name: Any, entry: Located) -> None:
    """Append the items of `entry` to the list `data[name]`, or remove them from it."""
    known = data.get(name)
    check_change(sign, name, entry, known)
    if known is None or known.data is None:
        if sign == APPEND:
            data[name] = Located(tuple(map(settled, _added((), entry.items))), entry.place)
    elif sign == APPEND:
        items = _added(known.items, tuple(map(settled, entry.items)))
        data[name] = Located(items, entry.place)
    else:
        left = tuple(item for item in known.items if not _holds(entry.items, item))
        data[name] = Located(left, entry.place)


def check_change(sign: str, name: Any, entry: Located, known: Located | None) -> None:
    """Raise unless both the operator and what it changes are lists."""
    if not isinstance(entry.data, tuple):
        message = f"'{sign}{name}' must be a list of items, this is {kind(entry)}"
        raise entry.error(message, f"a key that begins with {sign} is written '{sign}{sign}{name}'")
    if known is not None and not isinstance(known.data, tuple | None):
        raise _no_list(sign, name, entry, known)


def _no_list(sign: str, name: Any, entry: Located, known: Located) -> InventoryError:
    message = f"'{sign}{name}' {_VERBS[sign]} a list, and {name!r} is {kind(known)}"
    return entry.error(f"{message} at {known.place}", f"write '{name}' to replace it")


def _added(items: tuple[Located, ...], more: Iterable[Located]) -> tuple[Located, ...]:
    """Return the items, and those of `more` that are not among them yet."""
    for item in more:
        if not _holds(items, item):
            items = (*items, item)
    return items


def _holds(items: Iterable[Located], item: Located) -> bool:
    value = plain(item)
    return any(type(one.data) is type(item.data) and plain(one) == value for one in items)
