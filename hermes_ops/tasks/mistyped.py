"""What was typed wrong: each mistake as one sentence with a hint."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from invoke.exceptions import ParseError

from hermes_ops.errors import UsageError
from hermes_ops.program_name import spoken
from hermes_ops.tasks import namespace
from hermes_ops.tasks.step import Verb

_NEEDS_VALUE = re.compile(r"<Argument: ([\w-]+).*> needed value")
_UNKNOWN = re.compile(r"No idea what '(.+)' is")
_LACKS = re.compile(r"'(.+)' did not receive required positional arguments: (.+)")

REPEATED = {
    **{"-i": "inventory", "--inventory": "inventory"},
    **{"--limit": "limit", "--role-path": "role-path"},
    "--set": "set",
}
"""Options that can be repeated. `-l` alone is another one of Invoke: it is looked at later."""

MANY = 4
"""So many names may begin with what was typed for all of them to be shown."""


def refuse_missing(words: Sequence[str], options: Mapping[str, str]) -> None:
    """Refuse an option without a value: Invoke would ignore it, and the run would do more."""
    for word, following in pairwise([*words, ""]):
        if word in options and (not following or following.startswith("-")):
            hint = "is a shell variable empty? ./inv --help TASK shows the options"
            raise UsageError(f"--{options[word]} needs a value", hint=hint)


def usage_error(error: ParseError, names: Iterable[str]) -> UsageError:
    """Return a parse error of Invoke as one sentence with a hint."""
    text = str(error)
    hint = "./inv --list shows the tasks, ./inv --help TASK its options"
    if match := _NEEDS_VALUE.search(text):
        return UsageError(f"--{match[1]} needs a value", hint=hint)
    if match := _UNKNOWN.search(text):
        near = _near(match[1], _candidates(match[1], error, names))
        known = f"did you mean {' or '.join(near)}?" if near else hint
        known = _as_option(match[1], error) or known
        is_task = "." in match[1] or any(name.endswith(f".{match[1]}") for name in near)
        if not (near and is_task):
            known = _as_operand(match[1], error) or known
        return UsageError(f"{match[1]!r} is neither a task nor an option", hint=known)
    if match := _LACKS.search(text):
        task, operands = match[1], match[2].replace("'", "").upper()
        return UsageError(f"{task} needs {operands}", hint=f"./inv --help {task}")
    return UsageError(text[:1].lower() + text[1:].rstrip("!."), hint=hint)


def _as_option(word: str, error: ParseError) -> str:
    """Return the hint for a value whose option was left out."""
    name = error.context.name if error.context else None
    task = namespace()[name] if name in namespace().task_names else None
    for option in task.own if isinstance(task, Verb) else ():
        if word in option.choices:
            return f"did you mean --{option.name} {word}?"
    return ""


def _as_operand(word: str, error: ParseError) -> str:
    """Return the hint for a selection without `-l`, or a target with it; `""` if it is neither."""
    context = error.context
    if context is None or word.startswith("-"):
        return ""
    operands = {argument.name: argument.raw_value for argument in context.positional_args}
    if "command" in operands:
        command = spoken(f"./inv {context.name} 'COMMAND' -l HOSTS")
        return f"quote the command, and select with -l: {command}"
    if "-l" in operands.values():
        command = spoken(f"./inv {context.name} {shlex.quote(word)}")
        return f"it is about one target, without -l: {command}"
    return f"to select: -l {shlex.quote(word)}" if "--limit" in context.flags else ""


def _near(word: str, known: Sequence[str]) -> list[str]:
    """Return what was probably meant: a verb without its noun, a beginning, else a slip."""
    verbs = [name for name in known if name.rpartition(".")[2] == word]
    begun = [name for name in known if name.startswith(word)]
    return verbs or (begun if len(begun) <= MANY else []) or difflib.get_close_matches(word, known)


def _candidates(word: str, error: ParseError, names: Iterable[str]) -> list[str]:
    if word.startswith("-"):
        return list(error.context.flags) if error.context else []
    return list(names)
