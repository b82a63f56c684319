"""Operands that may be left out: typed as words, they become the options that they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from invoke.collection import Collection

from hermes_ops.tasks.step import Verb


def spelled_out(words: Sequence[str], tasks: Collection) -> list[str]:
    """Return the words with each such operand as an option: `--target=mini-1/coder`.

    Invoke itself knows no operand that may be missing.
    """
    named = {name for names in tasks.task_names.items() for name in (names[0], *names[1])}
    left: Iterator[str] = iter(())
    takes: set[str] = set()
    found, is_value = [], False
    for word in words:
        if word in named and not is_value:
            task = tasks[word]
            left = iter(task.optional if isinstance(task, Verb) else ())
            takes = _with_values(task) if isinstance(task, Verb) else set()
        is_operand = not (word in named or word.startswith("-") or is_value)
        name = next(left, None) if is_operand else None
        is_value = word in takes
        found.append(f"--{name}={word}" if name else word)
    return found


def _with_values(task: Verb) -> set[str]:
    """Return the options of a task that are followed by a value, as they are typed."""
    names = (name for one in task.get_arguments() if one.takes_value for name in one.names)
    return {f"-{name}" if len(name) == 1 else f"--{name}" for name in names}
