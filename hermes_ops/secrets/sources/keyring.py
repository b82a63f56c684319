"""`{keyring: SERVICE/USER}`: an entry of this machine's keyring."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hermes_ops import extras
from hermes_ops.errors import UsageError
from hermes_ops.secrets.sources.base import TextSource

if TYPE_CHECKING:
    from hermes_ops.secrets.runner import Runner

Answers = Mapping[str, Mapping[str, str]]
"""For each entry its value, or the reason why there is none."""


class KeyringSource(TextSource):
    """The keyring of the operator's session."""

    __slots__ = ()

    kind = "keyring"
    meaning = "SERVICE/USER of this machine's keyring"
    example = "hermes/coder-matrix"
    option = "keyring:SERVICE/USER"
    schema: ClassVar[Mapping[str, Any]] = {"type": "string", "pattern": "./."}

    def checked(self, argument: str, folder: Path) -> str:
        del folder
        service, _, user = argument.rpartition("/")
        if not service or not user:
            hint = f"{self.kind}: hermes/coder-telegram"
            raise UsageError(f"{self.kind!r} must be SERVICE/USER", hint=hint)
        return argument

    def resolve(self, argument: str, runner: Runner) -> str:
        answers = runner.once(self.kind, lambda: _asked(runner.arguments(self.kind), runner))
        answer = answers[argument]
        if "value" in answer:
            return answer["value"]
        raise _no_entry(argument, answer["error"])


def _asked(entries: list[str], runner: Runner) -> Answers:
    """Ask for all entries of the run at once: starting the program takes most of the time."""
    from hermes_ops.secrets.runner import Failed

    program = str(Path(__file__).with_name("ask_keyring.py"))
    question = json.dumps([entry.rpartition("/")[::2] for entry in entries]).encode()
    hint = "it may be locked, and asking somebody: unlock it first"
    words = [sys.executable, "-I", program]
    try:
        output = runner.output(words, "the keyring", hint, question)
    except Failed as failure:
        message = f"the keyring cannot be asked: its program ended with {failure.code}"
        raise UsageError(message) from None
    return dict(zip(entries, json.loads(output), strict=True))


def _no_entry(entry: str, why: str) -> UsageError:
    service, _, user = entry.rpartition("/")
    if why == "missing":
        message = f"the keyring has no entry {service!r} of user {user!r}"
        return UsageError(message, hint=f"keyring set {service} {user}")
    message, hint = _ERRORS.get(why, (f"the keyring {why}", ""))
    return UsageError(message, hint=hint)


_ERRORS = {
    "absent": (
        "is in the system's keyring; reading it needs the Python package keyring",
        extras.install("keyring"),
    ),
    "backend": (
        "no keyring works here",
        "start the desktop's secret service, or install a backend and name it in"
        " $PYTHON_KEYRING_BACKEND",
    ),
    "locked": ("the keyring is locked", "unlock it, then run again"),
}
