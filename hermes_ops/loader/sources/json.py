"""Read JSON where Ansible does: variable files, inventories, output of executable ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hermes_ops.errors import Place
from hermes_ops.loader.located import SEALED, Literal, Located
from hermes_ops.loader.sources.reading import Double
from hermes_ops.loader.sources.vault import CLOSED, Vault

DEEPEST = 100
_TOO_DEEP = f"is nested deeper than {DEEPEST}"
_UNSAFE, _VAULT = "__ansible_unsafe", "__ansible_vault"
MARKS = frozenset({_UNSAFE, _VAULT})
"""The only key of a mapping that stands for a value: a text that is no expression, or a secret."""


def decoded(text: str) -> Any:
    """Return the values of a JSON text.

    Raises:
        ValueError: it is not JSON, or is nested too deep.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _refuse_depth(value)
    return value


def _refuse_depth(value: Any) -> None:
    """Refuse nesting that later readers cannot follow: json's own limit differs by Python."""
    level: list[Any] = [[value]]
    for _ in range(DEEPEST + 1):
        inner = (outer.values() if isinstance(outer, dict) else outer for outer in level)
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
    if level:
        raise ValueError(_TOO_DEEP)


class _Doubled(dict[str, Any]):
    """An object with keys that appear twice."""

    twice: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = _Doubled(found)
    counts = Counter(key for key, _ in pairs)
    doubled.twice = tuple(key for key, number in counts.items() if number > 1)
    return doubled


def doubles_in(value: Any, place: Place, path: tuple[Any, ...] = ()) -> list[Double]:
    """Return the keys that appear twice in the objects of a JSON text, all with one place."""
    twice = value.twice if isinstance(value, _Doubled) else ()
    found = [Double((*path, key), place, Place(place.file)) for key in twice]
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        if isinstance(inner, dict | list):
            found += doubles_in(inner, place, (*path, key))
    return found


def located(value: Any, place: Place, vault: Vault = CLOSED) -> Located:
    """Return plain values with one place for all; Ansible's own marks are understood."""
    if isinstance(value, Mapping):
        return _marked(value, place, vault) or Located(
            {key: located(entry, place, vault) for key, entry in value.items()}, place
        )
    if isinstance(value, list | tuple):
        return Located(tuple(located(item, place, vault) for item in value), place)
    return Located(value, place, _text(value))


def _marked(value: Mapping[str, Any], place: Place, vault: Vault) -> Located | None:
    """Return the values of `{"__ansible_unsafe": …}` and `{"__ansible_vault": …}`."""
    if len(value) != 1:
        return None
    ((mark, inner),) = value.items()
    if not isinstance(inner, str) or mark not in MARKS:
        return None
    return Located(Literal(inner), place, inner) if mark == _UNSAFE else opened(inner, place, vault)


def opened(blob: str, place: Place, vault: Vault) -> Located:
    """Return one encrypted value: decrypted if there is a password, else closed."""
    if not vault.has_password:
        vault.sealed += 1
        return Located(SEALED, place)
    text = vault.open(blob, place)
    vault.learn(text)
    return Located(Literal(text), place, text, secret=True)


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)
