"""Expressions in variables: `{{ inventory_hostname }}`, other variables, `lookup('env', …)`.

They are rendered late, for one host at a time, and are strict about names. What a variable of
the inventory says is an expression only there: catalogue, roles and souls have rules of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError, Undefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hermes_ops.errors import InventoryError
from hermes_ops.loader.located import Located, has_expression, plain
from hermes_ops.loader.schema import suggestion
from hermes_ops.loader.variables import Scope

_ALONE = re.compile(r"\s*\{\{((?:(?!\}\}|\{\{).)*)\}\}\s*", re.DOTALL)


def rendered(value: Located, scope: Scope, asked: tuple[str, ...] = ()) -> Located:
    """Return the value with its expressions replaced; `asked` are the variables that led here."""
    if isinstance(value.data, str):
        return _rendered_text(value, scope, asked) if has_expression(value) else value
    if value.items:
        return Located(tuple(rendered(item, scope, asked) for item in value.items), value.place)
    if value.entries:
        entries = {key: rendered(entry, scope, asked) for key, entry in value.entries.items()}
        return Located(entries, value.place)
    return value


def _rendered_text(value: Located, scope: Scope, asked: tuple[str, ...]) -> Located:
    try:
        result = _evaluated(value, scope, asked)
    except TemplateError as error:
        raise _mistake(value, scope, error.message or type(error).__name__) from None
    except InventoryError:
        raise
    except Exception as error:
        # Whatever an expression may raise; its text is left out, for it can quote a secret.
        raise _mistake(value, scope, type(error).__name__) from None
    return _located(result, value)


def _evaluated(value: Located, scope: Scope, asked: tuple[str, ...]) -> Any:
    """Return the result: a whole value for a lone `{{ … }}`, a text for anything else."""
    environment = _environment(scope)
    names = _values(value, scope, asked, environment)
    alone = _ALONE.fullmatch(value.data)
    if not alone:
        return environment.from_string(value.data).render(names)
    result = environment.compile_expression(alone[1], undefined_to_none=False)(names)
    # Reading an undefined name raises; passing it on would not.
    return str(result) if isinstance(result, Undefined) else result


def _values(
    value: Located, scope: Scope, asked: tuple[str, ...], environment: Environment
) -> dict[str, Any]:
    """Return what the names in an expression stand for, each rendered first."""
    names = meta.find_undeclared_variables(environment.parse(value.data))
    values = {name: scope.magic[name] for name in names & scope.magic.keys()}
    for name in names & scope.variables.keys():
        if name in asked:
            circle = " → ".join([*asked[asked.index(name) :], name])
            raise value.error(f"variables name each other in a circle: {circle}")
        values[name] = plain(rendered(scope.variables[name], scope, (*asked, name)))
    return values


def _environment(scope: Scope) -> Environment:
    # Sandboxed: reading an inventory runs nothing of what it says.
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    environment.globals = {"lookup": lambda *words, **_: _lookup(scope, *words)}
    return environment


def _lookup(scope: Scope, plugin: str, *names: str) -> str:
    if plugin.removeprefix("ansible.builtin.") != "env" or len(names) != 1:
        raise TemplateError(f"lookup({plugin!r}) is not supported, only lookup('env', NAME)")
    return scope.environ.get(names[0], "")


def _mistake(value: Located, scope: Scope, reason: str) -> InventoryError:
    missing = re.search(r"'(\w+)' is undefined", reason)
    known = [*scope.variables, *scope.magic]
    hint = suggestion(missing[1], known) if missing else ""
    return value.error(f"the expression cannot be rendered: {reason}", hint)


def _located(result: Any, source: Located) -> Located:
    if isinstance(result, Mapping):
        entries = {key: _located(value, source) for key, value in result.items()}
        return Located(entries, source.place)
    if isinstance(result, list | tuple):
        return Located(tuple(_located(item, source) for item in result), source.place)
    return Located(result, source.place, str(result))
