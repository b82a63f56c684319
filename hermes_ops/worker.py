"""Evaluate expressions and templates in a process of their own, with limits of time and memory.

An inventory is data of strangers: `{{ 'x' * 10**10 }}` must not take the operator's memory, and a
regular expression or a loop must not take forever. The process is started with the first text that
is more than names, answers as long as ours lives, and is ended when it takes too long.
"""

from __future__ import annotations

import atexit
import pickle
import select
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

SECONDS = 0.5
"""How much time of a processor one expression may take."""
PATIENCE = 20.0
"""How long we wait for an answer, or for the process to start, on a machine that is busy."""
_HEAD = struct.Struct(">I")
_SCRIPT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]);"
    "from hermes_ops.loader.layers.evaluate import serve; serve()"
)
_TOO_MUCH = f"it takes longer than {SECONDS:g} s, or too much memory"


class ExpressionError(Exception):
    """An expression that cannot be evaluated; its text is the reason."""


class Worker:
    """The process; questions of several threads wait for each other."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._names: dict[str, frozenset[str]] = {}
        self._bad: set[str] = set()
        """Texts that took too much: an expression of a group is asked for each of its hosts."""

    def undeclared(self, text: str) -> frozenset[str]:
        """Return the names that a text uses."""
        if text not in self._names:
            self._names[text] = frozenset(self._answer(text, "undeclared", text))
        return self._names[text]

    def evaluated(self, text: str, values: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
        """Return the result: a value of its own type for a lone `{{ … }}`, otherwise a text."""
        return self._answer(text, "evaluated", text, dict(values), dict(environ))

    def rendered(self, source: str, values: Mapping[str, Any], name: str) -> Any:
        """Return the text of a template, or message, hint and place of the mistake in it."""
        return self._answer(source, "rendered", source, dict(values), name)

    def _answer(self, text: str, *question: Any) -> Any:
        with self._lock:
            if text in self._bad:
                raise ExpressionError(_TOO_MUCH)
            try:
                good, answer = self._asked(question)
            except (OSError, EOFError, TimeoutError):
                self.end()
                self._bad.add(text)
                raise ExpressionError(_TOO_MUCH) from None
        if not good:
            raise ExpressionError(answer)
        return answer

    def _asked(self, question: tuple[Any, ...]) -> tuple[bool, Any]:
        process = self._running()
        content = pickle.dumps(question)
        assert process.stdin  # noqa: S101 - a pipe
        process.stdin.write(_HEAD.pack(len(content)) + content)
        process.stdin.flush()
        found: tuple[bool, Any] = pickle.loads(_received(process, PATIENCE))  # noqa: S301 - our own process
        return found

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            import json

            self._process = subprocess.Popen(
                [sys.executable, "-c", _SCRIPT, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # A Ctrl-C is for us; this process ends with its input.
                start_new_session=True,
            )
            atexit.register(self.end)
            _received(self._process, PATIENCE)
        return self._process

    def end(self) -> None:
        """End the process; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _received(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """Return the next message; raise `TimeoutError`, or `EOFError` if the process has ended."""
    assert process.stdout  # noqa: S101 - a pipe
    if not select.select([process.stdout], [], [], seconds)[0]:
        raise TimeoutError
    head = process.stdout.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    return process.stdout.read(*_HEAD.unpack(head))


WORKER = Worker()
