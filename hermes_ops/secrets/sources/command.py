"""`{command: [WORD, …]}`: the output of a program."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from hermes_ops.errors import UsageError
from hermes_ops.secrets.sources.base import Source, text_of

Words = tuple[str, ...]

if TYPE_CHECKING:
    from hermes_ops.secrets.runner import Runner


class CommandSource(Source[Words]):
    """A command of the operator; only its program is shown, its other words may be secret."""

    __slots__ = ()

    kind = "command"
    meaning = "what a command prints: op, bw, pass, sops, …"
    example = '[op, read, "op://fleet/openai/key"]'
    option = "command:'op read …'"
    takes = "a list of words, all texts"
    schema: ClassVar[Mapping[str, Any]] = {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
    }

    def read(self, data: object) -> Words | None:
        is_list = isinstance(data, list) and data and all(isinstance(word, str) for word in data)
        return tuple(data) if isinstance(data, list) and is_list else None

    def given(self, text: str) -> object:
        try:
            return shlex.split(text)
        except ValueError:
            raise UsageError(f"--from: a quote of {text!r} is not closed") from None

    def shown(self, argument: Words) -> str:
        return f"{argument[0]} …" if argument[1:] else argument[0]

    def described(self, argument: Words) -> str:
        return f"{self.kind} {argument[0]}"

    def resolve(self, argument: Words, runner: Runner) -> str:
        name = self.described(argument)
        output = runner.output(argument, name, "its stdin is closed: it cannot ask anything")
        return text_of(output, name)
