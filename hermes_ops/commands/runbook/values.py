"""The values that a runbook needs: given with `--set NAME=VALUE`, else asked for."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Sequence

from hermes_ops.cli.prompts import answer
from hermes_ops.commands.runbook.document import Need
from hermes_ops.errors import UsageError


def given_values(given: Iterable[str], needs: Sequence[Need]) -> dict[str, str]:
    """Return the values of `--set`; raises `UsageError` for a name that is not needed."""
    names = [need.name for need in needs]
    values: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            known = f"it asks for {', '.join(names)}" if names else "it asks for no value"
            hint = f"did you mean --set {near[0]}=VALUE?" if near and near[0] != name else known
            raise UsageError(f"--set {text!r} is no value of this runbook", hint=hint)
        if name in values:
            raise UsageError(f"--set has two values for {name}")
        values[name] = checked(name, value)
    return values


def all_values(given: Iterable[str], needs: Sequence[Need]) -> dict[str, str]:
    """Return a value for each need, in their order; asks for those that are not given.

    Raises:
        UsageError: one is missing and there is no terminal, or a value cannot be one word.
    """
    values = given_values(given, needs)
    missing = [need for need in needs if need.name not in values]
    if missing and not sys.stdin.isatty():
        need = missing[0]
        about = f" ({need.about})" if need.about else ""
        said = f"{need.name}{about} is missing, and there is no terminal to ask on"
        raise UsageError(said, hint=f"give it with --set {need.name}=VALUE")
    for need in missing:
        about = f" ({need.about})" if need.about else ""
        values[need.name] = checked(need.name, answer(f"{need.name}{about}: ").strip())
    return {need.name: values[need.name] for need in needs}


def checked(name: str, value: str) -> str:
    """Return a value that can only be one word, and no option.

    Raises:
        UsageError: it is empty, has unprintable characters, or begins like an option.
    """
    if not value:
        raise UsageError(f"{name} is empty", hint="is a shell variable empty?")
    if value.startswith("-"):
        raise UsageError(f"{name} cannot be {value!r}: it would be an option")
    if not value.isprintable():
        raise UsageError(f"{name} cannot be {value!r}: it has characters that cannot be shown")
    return value
