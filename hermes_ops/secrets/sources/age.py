"""`{age: …}`: a text encrypted with age, in place or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hermes_ops.errors import UsageError
from hermes_ops.secrets import age
from hermes_ops.secrets.sources.base import TextSource, text_of
from hermes_ops.secrets.sources.file import beside, content

if TYPE_CHECKING:
    from hermes_ops.secrets.runner import Runner


class AgeSource(TextSource):
    """A text encrypted to the recipients of the inventory."""

    __slots__ = ()

    kind = age.KIND
    meaning = "a text encrypted to the readers of the inventory: in place, or in a file"
    example = "secrets/github.age"
    kept_here = True

    def checked(self, argument: str, folder: Path) -> str:
        if not age.is_armored(argument):
            return beside(argument, folder)
        if problem := age.malformed(argument):
            hint = "age: |   and the whole armored text below, or age: PATH of a file"
            raise UsageError(f"this is not an age text: {problem}", hint=hint)
        return "\n".join(line.strip() for line in argument.strip().splitlines()) + "\n"

    def shown(self, argument: str) -> str:
        return "in place" if age.is_armored(argument) else argument

    def described(self, argument: str) -> str:
        return "the age text" if age.is_armored(argument) else f"{self.kind} {argument}"

    def resolve(self, argument: str, runner: Runner) -> str:
        is_here = age.is_armored(argument)
        text = argument.encode() if is_here else content(argument)
        keys = runner.once(
            self.kind,
            lambda: age.identities(age.key_files(runner.age_key_file, runner.environ)),
        )
        return text_of(age.decrypt(text, keys), self.described(argument), exact=is_here)
