"""`{file: PATH}`: the content of a file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from hermes_ops.errors import UsageError
from hermes_ops.secrets.sources.base import LARGEST, TextSource, text_of

if TYPE_CHECKING:
    from hermes_ops.secrets.runner import Runner


class FileSource(TextSource):
    """A file on the operator's machine."""

    __slots__ = ()

    kind = "file"
    meaning = "the content of a file; a relative path starts in the folder of the reference"
    example = "~/secrets/slack-app"
    option = "file:PATH"

    def checked(self, argument: str, folder: Path) -> str:
        return beside(argument, folder)

    def resolve(self, argument: str, runner: Runner) -> str:
        del runner
        return text_of(content(argument), self.described(argument))


def beside(path: str, folder: Path) -> str:
    """Return the path of a file that is named in a file of this folder."""
    return str(folder / Path(path).expanduser())


def content(name: str) -> bytes:
    """Return the content of a file, up to the largest size of a secret."""
    path = Path(name)
    try:
        # Reading a pipe could block for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path} is not a regular file")
        with path.open("rb") as stream:
            return stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
