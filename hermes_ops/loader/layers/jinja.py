"""Evaluate expressions with Jinja, sandboxed: reading an inventory must not run its code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError, Undefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hermes_ops.errors import InventoryError
from hermes_ops.worker import ExpressionError

_ALONE = re.compile(r"\s*\{\{((?:(?!\}\}|\{\{).)*)\}\}\s*", re.DOTALL)


def undeclared(text: str) -> set[str]:
    """Return the names that a text uses."""
    try:
        return _names(text) - {"lookup", "query", "q"}
    except TemplateError as error:
        raise _reason(error) from None


def evaluated(text: str, values: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    """Return the result: a value of its own type for a lone `{{ … }}`, otherwise a text."""
    lookup = _lookup(environ)
    names = {**values, "lookup": lookup, "query": lookup, "q": lookup}
    try:
        return _compiled(text)(names)
    except InventoryError:
        raise
    except Exception as error:
        raise _reason(error) from None


def _reason(error: Exception) -> ExpressionError:
    """Return the reason; of errors not from Jinja only the kind: their text can quote a secret."""
    if isinstance(error, MemoryError | RecursionError):
        return ExpressionError("it takes too much memory")
    if isinstance(error, TemplateError) and error.message:
        return ExpressionError(error.message)
    return ExpressionError(type(error).__name__)


@cache
def _names(text: str) -> set[str]:
    return meta.find_undeclared_variables(_environment().parse(text))


@cache
def _compiled(text: str) -> Callable[[Mapping[str, Any]], Any]:
    alone = _ALONE.fullmatch(text)
    if not alone:
        return _environment().from_string(text).render
    expression = _environment().compile_expression(alone[1], undefined_to_none=False)

    def whole(names: Mapping[str, Any]) -> Any:
        result = expression(names)
        # Reading an undefined name raises; passing it on would not.
        return str(result) if isinstance(result, Undefined) else result

    return whole


@cache
def _environment() -> Environment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.globals = {}
    for name, filter_ in _FILTERS.items():
        environment.filters[name] = filter_
    for name, filter_ in list(environment.filters.items()):
        environment.filters[f"ansible.builtin.{name}"] = filter_
    return environment


def _lookup(environ: Mapping[str, str]) -> Callable[..., str]:
    def lookup(plugin: str, *names: str, **options: Any) -> str:
        if plugin.removeprefix("ansible.builtin.") != "env" or len(names) != 1:
            raise TemplateError(f"lookup({plugin!r}) is not supported, only lookup('env', NAME)")
        return environ.get(names[0], options.get("default", ""))

    return lookup


def _bool(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() in ("yes", "on", "1", "true", "t", "y")
    return value is True or value == 1


def _mandatory(value: Any, message: str | None = None) -> Any:
    if isinstance(value, Undefined):
        raise TemplateError(message or f"{value._undefined_name!r} is undefined")
    return value


def _ternary(value: Any, yes: Any, no: Any, none: Any = None) -> Any:
    if value is None and none is not None:
        return none
    return yes if value else no


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "bool": _bool,
    "mandatory": _mandatory,
    "ternary": _ternary,
    "split": lambda value, separator=None, most=-1: value.split(separator, most),
    "basename": lambda value: str(value).rpartition("/")[2],
    "dirname": lambda value: str(value).rpartition("/")[0],
    "regex_replace": lambda value="", pattern="", replacement="": re.sub(
        pattern, replacement, str(value)
    ),
}
"""Ansible's filters that connection variables use, in addition to Jinja's own."""
