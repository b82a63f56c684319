"""What every kind of source must answer, and what they share in reading."""

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
    """A kind of place where a secret can be, and all that differs by kind.

    A mistake is a `UsageError` without a place: who knows where the reference stands adds it.
    """

    __slots__ = ()

    kind: ClassVar[str]
    """The key of `SOURCES`, and of a reference: `{kind: argument}`."""
    meaning: ClassVar[str]
    """What the value is, in words of the documentation."""
    example: ClassVar[str]
    """An argument, written in YAML."""
    option: ClassVar[str] = ""
    """How `secrets.set --from` names one; empty where it reads none of this kind."""
    takes: ClassVar[str] = "a text"
    """What the argument must be, in an error's words."""
    schema: ClassVar[Mapping[str, Any]] = {"type": "string", "minLength": 1}
    """The argument in JSON Schema; what `checked` alone can tell may pass."""
    kept_here: ClassVar[bool] = False
    """Whether the inventory has the value itself, so that `secrets.set` changes it."""

    @abstractmethod
    def read(self, data: object) -> A | None:
        """Return the argument that plain data is, or None if it cannot be one."""

    def checked(self, argument: A, folder: Path) -> A:
        """Return the argument as a reference keeps it; `folder` is that of the file with it."""
        del folder
        return argument

    @abstractmethod
    def given(self, text: str) -> object:
        """Return the plain data that `--from kind:TEXT` means."""

    @abstractmethod
    def shown(self, argument: A) -> str:
        """Return what tables and documents show of the argument: nothing secret, no ciphertext."""

    def described(self, argument: A) -> str:
        """Name the source in a sentence."""
        return f"{self.kind} {self.shown(argument)}"

    @abstractmethod
    def resolve(self, argument: A, runner: Runner) -> str:
        """Return the value; `runner` has what the references of one run share."""


class TextSource(Source[str]):
    """A source whose argument is a text that may be seen."""

    __slots__ = ()

    def read(self, data: object) -> str | None:
        return data if isinstance(data, str) and data else None

    def given(self, text: str) -> object:
        return text

    def shown(self, argument: str) -> str:
        return argument


def text_of(content: bytes, name: str, *, exact: bool = False) -> str:
    """Return what was read of the source `name`, without the one newline that programs add."""
    if len(content) > LARGEST:
        raise UsageError(f"{name} is larger than 1 MiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not UTF-8 text") from None
    return text if exact else text.removesuffix("\n").removesuffix("\r")
