"""`{env: NAME}`: a variable of this process, or of the inventory's `.env`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_ops.errors import UsageError
from hermes_ops.secrets.sources.base import TextSource

if TYPE_CHECKING:
    from hermes_ops.secrets.runner import Runner


class EnvSource(TextSource):
    """The environment."""

    __slots__ = ()

    kind = "env"
    meaning = "a variable of this process, or of `.env` in the inventory's folder"
    example = "CODER_TELEGRAM_TOKEN"
    option = "env:X"

    def resolve(self, argument: str, runner: Runner) -> str:
        if argument in runner.environ:
            return runner.environ[argument]
        from difflib import get_close_matches

        near = get_close_matches(argument, runner.environ, n=1, cutoff=0.8)
        hint = f"did you mean {near[0]!r}?" if near else _HINT
        raise UsageError(f"the environment has no {argument}", hint=hint)


_HINT = "export it, or write it into the inventory's .env"
