"""The interface of every kind of source, and what they share in reading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from hermes_ops.errors import UsageError

if TYPE_CHECKING:
    from hermes_ops.secrets.runner import Runner

LARGEST = 1024 * 1024

A = TypeVar("A", str, tuple[str, ...])
"""The argument of a reference: a text, or the words of a command."""


class Source(ABC, Generic[A]):
    """A kind of source for secrets, and everything that differs by kind.

    A mistake is a `UsageError` without a place: the caller adds the place of the reference.
    Programs are run with `runner.output`, which has the environment and keeps the deadline.
    """

    __slots__ = ()

    kind: ClassVar[str]
    """The key of `SOURCES`, and of a reference: `{kind: argument}`."""
    meaning: ClassVar[str]
    """What the value is, for the documentation."""
    example: ClassVar[str]
    """An example of an argument, in YAML."""
    option: ClassVar[str] = ""
    """How `secrets.set --from` names one; empty if it does not read this kind."""
    takes: ClassVar[str] = "a text"
    """What the argument must be, for errors."""
    schema: ClassVar[Mapping[str, Any]] = {"type": "string", "minLength": 1}
    """The argument in JSON Schema, which may accept more than `checked`."""
    kept_here: ClassVar[bool] = False
    """Whether the value is in the inventory itself, so that `secrets.set` changes it there."""

    @abstractmethod
    def read(self, data: object) -> A | None:
        """Return plain data as an argument, or None if it is not valid."""

    def checked(self, argument: A, folder: Path) -> A:
        """Return the argument for a reference; `folder` is that of the file with the argument."""
        del folder
        return argument

    @abstractmethod
    def given(self, text: str) -> object:
        """Return the plain data for `--from kind:TEXT`."""

    @abstractmethod
    def shown(self, argument: A) -> str:
        """Return the argument for tables and documents: nothing secret, no ciphertext."""

    def described(self, argument: A) -> str:
        """Name the source in a sentence."""
        return f"{self.kind} {self.shown(argument)}"

    @abstractmethod
    def resolve(self, argument: A, runner: Runner) -> str:
        """Return the value; `runner` has what the references of one run share.

        Raises:
            UsageError: there is no value; the message names the source, never a value.
            Failed: by `runner.output`, if a program ended with a code other than 0. Let it pass,
                and its output is shown, redacted; catch it to say what the code means.
        """


class TextSource(Source[str]):
    """A source whose argument is a text that may be shown."""

    __slots__ = ()

    def read(self, data: object) -> str | None:
        return data if isinstance(data, str) and data else None

    def given(self, text: str) -> object:
        return text

    def shown(self, argument: str) -> str:
        return argument


def text_of(content: bytes, name: str, *, exact: bool = False) -> str:
    """Return what was read from the source `name`, without what editors and programs add.

    That is a byte order mark at the beginning, and a line break at the end.
    """
    if len(content) > LARGEST:
        raise UsageError(f"{name} is larger than 1 MiB")
    try:
        text = content.decode("utf-8" if exact else "utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not UTF-8 text") from None
    return text if exact else text.removesuffix("\n").removesuffix("\r")
