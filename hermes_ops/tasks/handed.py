"""Arguments that our tasks get from a runbook: written in it, or on the command line of its task.

A runbook writes `call(fleet.up, limit="minis")`; the operator who starts it may add `-l mini-1`,
which narrows the selection. Both are checked here, before anything runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from invoke.parser.argument import Argument
from invoke.tasks import Call, Task

from hermes_ops.cli.options import Option, only
from hermes_ops.errors import UsageError
from hermes_ops.tasks.step import Verb, full_name, parser_argument

HANDED = only("inventory", "limit", "yes", "verbose")
"""The options that a runbook's task hands down to ours: those with a short form."""


def arguments_of(task: Task[Any]) -> list[Argument]:
    """Return the parser's arguments of a task; for one of a runbook also those it hands down."""
    own = task.get_arguments()
    if isinstance(task, Verb) or not requires_ours(task):
        return own
    names = {argument.name for argument in own}
    shorts = {option.short for option in HANDED if option.name not in names}
    for argument in own:
        # The first is its name. A second, of one letter, was chosen by Invoke, not by the author.
        first, *others = argument.names
        argument.names = (first, *(name for name in others if name not in shorts))
    taken = {name for argument in own for name in (*argument.names, argument.name)}
    return [*own, *(_handed(option, taken) for option in HANDED if option.name not in taken)]


def _handed(option: Option, taken: set[Any]) -> Argument:
    argument = parser_argument(option)
    argument.names = tuple(name for name in argument.names if name not in taken)
    return argument


def requires_ours(task: Task[Any]) -> bool:
    """Whether a task requires one of ours, directly or not."""
    waiting, seen = [task], [task]
    while waiting:
        for pre in waiting.pop().pre:
            each = pre.task if isinstance(pre, Call) else pre
            if isinstance(each, Verb):
                return True
            if isinstance(each, Task) and each not in seen:
                seen.append(each)
                waiting.append(each)
    return False


def parted(call: Any) -> tuple[Any, dict[str, Any]]:
    """Return a runbook's call with only its own arguments, and the arguments to hand down."""
    names = {option.name for option in HANDED} - {*call.task.argspec(call.task.body).parameters}
    handed = {key: value for key, value in call.kwargs.items() if key in names and value}
    own = {key: value for key, value in call.kwargs.items() if key not in names}
    return call.clone(with_={"kwargs": own}), handed


def checked(call: Any, handed: Mapping[str, Any]) -> Any:
    """Return a call of one of our tasks, with arguments as the command line would give them.

    Raises:
        UsageError: there is no such argument, or its value has the wrong type.
    """
    task = call.task
    given = dict(zip((o.name for o in task.operands), call.args, strict=False)) | call.kwargs
    if len(call.args) > len(task.operands):
        raise UsageError(f"{full_name(task)} takes {len(task.operands)} arguments without a name")
    known = {option.name: option for option in (*task.operands, *task.own, *task.common)}
    for key in given:
        if key not in known:
            raise _unknown(task, key, known)
    if missing := [o.name for o in task.operands if given.get(o.name) is None]:
        raise UsageError(f"{full_name(task)} needs {', '.join(missing).upper()}")
    kwargs = {key: _value(task, known[key], value) for key, value in given.items()}
    return call.clone(with_={"args": (), "kwargs": _with(kwargs, handed, known)})


def _unknown(task: Verb, key: str, known: Mapping[str, Option]) -> UsageError:
    near = difflib.get_close_matches(key, known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has: {', '.join(known)}"
    return UsageError(f"{full_name(task)} has no argument {key!r}", hint=hint)


def _value(task: Verb, option: Option, value: Any) -> Any:
    """Return a value as the parser would: a text, a flag, or a list of texts."""
    is_flag, several = option.default is False, isinstance(value, list | tuple)
    if value is None or (is_flag and isinstance(value, bool)):
        return value
    if option.default == () and not isinstance(value, bool):
        return [str(each) for each in (value if several else [value])]
    if not is_flag and isinstance(value, str | int | float | Path) and not isinstance(value, bool):
        return str(value)
    kind = "True or False" if is_flag else "a text or a number"
    raise UsageError(f"{option.name} of {full_name(task)} takes {kind}, not {value!r}")


def _with(
    kwargs: dict[str, Any], handed: Mapping[str, Any], known: Mapping[str, Option]
) -> dict[str, Any]:
    """Add options of the command line; its selection narrows the runbook's, never widens it."""
    added = {key: value for key, value in handed.items() if key in known}
    if kwargs.get("inventory"):
        added.pop("inventory", None)
    if kwargs.get("limit") and "limit" in added:
        added["within"] = added.pop("limit")
    return kwargs | added
