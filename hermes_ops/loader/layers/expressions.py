"""Expressions in variables: `{{ inventory_hostname }}`, other variables, `lookup('env', …)`.

They are rendered late, for one host at a time, and unknown names are errors. This is for variables
of the inventory only: catalogue, roles and souls have rules of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hermes_ops.errors import InventoryError
from hermes_ops.loader.layers.variables import Scope
from hermes_ops.loader.located import SEALED, Located, has_expression, is_secret, plain, sealed_in
from hermes_ops.loader.schema import suggestion

_NAME = re.compile(r"\{\{ *([A-Za-z_]\w*) *\}\}")
_CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None"})


class _Names(NamedTuple):
    """The values of the names in one expression, and whether any comes from a vault."""

    values: Mapping[str, Any]
    secret: bool


def rendered(value: Located, scope: Scope, asked: tuple[str, ...] = ()) -> Located:
    """Return the value with its expressions rendered; `asked` are the variables that led here."""
    if isinstance(value.data, str):
        return _rendered_text(value, scope, asked) if has_expression(value) else value
    if value.items:
        items = tuple(rendered(item, scope, asked) for item in value.items)
        return value._replace(data=items)
    if value.entries:
        entries = {key: rendered(entry, scope, asked) for key, entry in value.entries.items()}
        return value._replace(data=entries)
    return value


def _rendered_text(value: Located, scope: Scope, asked: tuple[str, ...]) -> Located:
    try:
        return _evaluated(value, scope, asked)
    except _StillSealedError:
        return value._replace(data=SEALED)


class _StillSealedError(Exception):
    """An expression uses a value that is still encrypted."""


def _evaluated(value: Located, scope: Scope, asked: tuple[str, ...]) -> Located:
    names = _plain_names(value.data, scope)
    if names:
        found = _values(names, value, scope, asked)
        return _located(_replaced(value.data, found.values), value, found.secret)
    # Imported late: most inventories have only names as expressions.
    from hermes_ops.worker import WORKER, ExpressionError

    try:
        found = _values(WORKER.undeclared(value.data), value, scope, asked)
        result = WORKER.evaluated(value.data, found.values, scope.environ)
    except ExpressionError as error:
        if scope.lacks_files and "is undefined" in str(error):
            raise _StillSealedError from None
        raise _mistake(value, scope, str(error)) from None
    return _located(result, value, found.secret)


def _plain_names(text: str, scope: Scope) -> list[str]:
    """Return the names in a text if its expressions are known names only; else nothing."""
    names: list[str] = _NAME.findall(text)
    rest = _NAME.sub("", text)
    known = all(name in scope.magic or name in scope.variables for name in names)
    simple = known and not _CONSTANTS.intersection(names) and "{" not in rest and "}" not in rest
    return names if simple else []


def _replaced(text: str, values: Mapping[str, Any]) -> Any:
    alone = _NAME.fullmatch(text.strip())
    return values[alone[1]] if alone else _NAME.sub(lambda match: str(values[match[1]]), text)


def _values(names: Iterable[str], value: Located, scope: Scope, asked: tuple[str, ...]) -> _Names:
    """Return the rendered values of the names in an expression."""
    values = {name: scope.magic[name] for name in names if name in scope.magic}
    secret = value.secret
    for name in names:
        if name in scope.magic or name not in scope.variables:
            continue
        if name in asked:
            circle = " → ".join([*asked[asked.index(name) :], name])
            raise value.error(f"variables refer to each other in a circle: {circle}")
        found = rendered(scope.variables[name], scope, (*asked, name))
        if sealed_in(found) is not None:
            raise _StillSealedError
        values[name] = plain(found)
        secret = secret or is_secret(found)
    return _Names(values, secret)


def _mistake(value: Located, scope: Scope, reason: str) -> InventoryError:
    missing = re.search(r"'(\w+)' is undefined", reason)
    known = [*scope.variables, *scope.magic]
    hint = suggestion(missing[1], known) if missing else ""
    return value.error(f"the expression cannot be rendered: {reason}", hint)


def _located(result: Any, source: Located, secret: bool) -> Located:
    if isinstance(result, Mapping):
        entries = {key: _located(entry, source, secret) for key, entry in result.items()}
        return Located(entries, source.place)
    if isinstance(result, list | tuple):
        return Located(tuple(_located(item, source, secret) for item in result), source.place)
    return Located(result, source.place, str(result), secret)
