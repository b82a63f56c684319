"""What runs in the process that evaluates expressions and templates: questions in, answers out."""

from __future__ import annotations

import pickle
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Undefined

from hermes_ops import templates
from hermes_ops.errors import InventoryError
from hermes_ops.loader.layers import jinja
from hermes_ops.worker import SECONDS, ExpressionError

MEMORY = 128 * 1024 * 1024
"""How much memory it may take beyond what it has when it starts."""
LARGEST = 1024 * 1024
"""How long a result may be, in bytes."""

_HEAD = struct.Struct(">I")
_PLAIN = (str, int, float, bool, date, type(None))


def serve() -> None:
    """Answer each question on standard input until it ends."""
    # Everything is imported and one expression is evaluated before memory becomes scarce.
    jinja.evaluated("{{ 'a' | upper }}", {}, {})
    _limit_memory()
    _send((True, "ready"))
    while head := sys.stdin.buffer.read(_HEAD.size):
        # A signal that nobody handles ends the process; time that others take does not count.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        answer = _answer(pickle.loads(sys.stdin.buffer.read(*_HEAD.unpack(head))))  # noqa: S301 - from our parent
        signal.setitimer(signal.ITIMER_PROF, 0)
        _send(answer)


def _limit_memory() -> None:
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _answer(question: tuple[Any, ...]) -> tuple[bool, Any]:
    name, *arguments = question
    try:
        if name == "undeclared":
            return True, jinja.undeclared(*arguments)
        if name == "rendered":
            return _rendered(*arguments)
        result = jinja.evaluated(*arguments)
        _refuse_other(result)
        if len(pickle.dumps(result)) > LARGEST:
            return False, "its result is larger than 1 MiB"
    except ExpressionError as error:
        return False, str(error)
    except (MemoryError, RecursionError):
        return False, "it takes too much memory"
    return True, result


def _rendered(*arguments: Any) -> tuple[bool, Any]:
    try:
        text = templates.rendered_here(*arguments)
    except InventoryError as error:
        return True, (error.message, error.hint, error.where)
    return (True, text) if len(text) <= LARGEST else (False, "its result is larger than 1 MiB")


def _refuse_other(value: Any) -> None:
    """Raise unless a value is plain data: no function, and nothing undefined."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_other(key)
            _refuse_other(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_other(item)
    elif isinstance(value, Undefined):
        raise ExpressionError("a part of it is undefined")
    elif not isinstance(value, _PLAIN):
        raise ExpressionError(f"its result is no plain value, but a {type(value).__name__}")


def _send(answer: tuple[bool, Any]) -> None:
    content = pickle.dumps(answer)
    sys.stdout.buffer.write(_HEAD.pack(len(content)) + content)
    sys.stdout.buffer.flush()
