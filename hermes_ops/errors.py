"""The few kinds of failure, each with a message, a hint and an exit code.

HermesError
├── UsageError          64  the command line is wrong; nothing was touched
│   ├── NoSuchGateway   64  `-l` or a TARGET names one that the inventory does not have
│   ├── SelectsNothing  64  `-l` and the selection of a runbook have nothing in common
│   └── InventoryError  64  a file is wrong: says file, line and what to do
├── CommandError         1  something on a host, or a local program, failed
│   └── NotReady         1  started, but not proven ready in time
├── MissingPrivilege     1  the host wants a right that the user does not have
├── RolledBack           6  an upgrade failed and was taken back: it runs as before
├── Conflict             1  wanted things exclude each other on this host
├── HostKeyChanged       1  the host shows another key than the known one
├── Unreachable          3  no connection: auth, timeout, refused, lost, unknown key
├── Unknown              4  the state of the host could not be determined
│   └── NotUnderstood    4  it answered, and the answer could not be parsed
├── Locked               5  somebody else changes this host now
└── Interrupted        130  Ctrl-C (143 after SIGTERM)
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hermes_ops.program_name import spoken


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; `line` and `column` count from 1, 0 is unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])


MOST_QUOTED, MOST_OF_WORD = 200, 500
"""Characters of a value in quotes, and of one word, that a message shows whole."""
_QUOTED = f"{{{MOST_QUOTED + 1},}}"
_LONG = re.compile(rf"'[^'\n]{_QUOTED}'|\"[^\"\n]{_QUOTED}\"|[^\s'\"]{{{MOST_OF_WORD + 1},}}")
"""Some value of an inventory, a command line or a host."""


def concise(message: str) -> str:
    """Return a message with the beginning of each value that is too long to read."""
    return _LONG.sub(lambda found: _beginning(found[0]), message)


def _beginning(value: str) -> str:
    mark = value[0] if value[0] in "'\"" else ""
    return f"{value[:60]}…{mark} ({len(value) - 2 * len(mark)} characters)"


def few(names: Sequence[str], most: int = 8) -> str:
    """Return the first of these names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


class HermesError(Exception):
    """Any failure of this program: one sentence, and the remedy."""

    exit_code: ClassVar[int] = 1
    default_kind: ClassVar[str] = "command"

    def __init__(
        self, message: str, *, hint: str = "", where: Place | str | None = None, kind: str = ""
    ) -> None:
        message = concise(message)
        super().__init__(message)
        self.message = message
        self.hint = spoken(hint)
        self.where = None if where is None else str(where)
        self.kind = kind or self.default_kind

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    def document(self) -> dict[str, str | None]:
        """Return the `error` object of every JSON document."""
        return {
            "kind": self.kind,
            "message": self.message,
            "hint": self.hint or None,
            "where": self.where,
        }


class UsageError(HermesError):
    """The command line asks for something that is not possible."""

    exit_code = 64
    default_kind = "usage"


class SelectsNothing(UsageError):
    """The selection of the command line and that of a runbook have nothing in common."""


class NoSuchGateway(UsageError):
    """The host is in the inventory, and has no such profile there; it may be on the host."""


class InventoryError(UsageError):
    """A file of the inventory, a role or a template is wrong."""

    default_kind = "inventory"


class CommandError(HermesError):
    """A command ran and failed, or gave an unexpected answer."""


class NotReady(CommandError):
    """A service was started and was not proven ready before its deadline."""

    default_kind = "not_ready"


class MissingPrivilege(HermesError):
    """The step needs a right that neither polkit nor sudo gives."""

    default_kind = "missing_privilege"


class NoSuchUser(HermesError):
    """The account that is to run the gateways does not exist on the host."""

    default_kind = "conflict"
    by_hand = False  # whether only a person can make it: on macOS


class RolledBack(HermesError):
    """An upgrade did not pass its gate and was taken back: all of the host runs as before."""

    exit_code = 6
    default_kind = "rolled_back"


class Conflict(HermesError):
    """Two wanted things, or a wanted and an existing one, exclude each other."""

    default_kind = "conflict"


OF_PROCESS = "of_process"
"""The kind of a conflict that ends with the process which has it: any restart mends it."""


class HostKeyChanged(HermesError):
    """The host's key is not the known one: another machine, or a new installation."""

    default_kind = "host_key_changed"


class Unreachable(HermesError):
    """The host could not be reached, or the connection was lost; the kind says at which point."""

    exit_code = 3
    default_kind = "refused"


class Unknown(HermesError):
    """The state of the host could not be determined: look again."""

    exit_code = 4
    default_kind = "lost"


class NotUnderstood(Unknown):
    """A host answered, and its answer could not be parsed, or makes no sense.

    `trace` is where that was noticed, line by line, without the exception's own message, which may
    quote the host.
    """

    default_kind = "not_understood"
    trace: tuple[str, ...] = ()

    @classmethod
    def by(cls, error: BaseException, host: str) -> NotUnderstood:
        """Return the error for a host whose answer caused this exception."""
        where = _place(error)
        what = f"the answer of {host} could not be parsed"
        if where.startswith(_AFTER_PARSING):
            what = f"hermes-ops made a mistake with the answer of {host}"
        failure = cls(
            f"{what}: {type(error).__name__} {where}",
            hint="run it again with -v, which shows the details",
        )
        failure.trace = tuple(_trace(error))
        return failure


class Locked(HermesError):
    """Another run holds the host's lock."""

    exit_code = 5
    default_kind = "locked"


class NotTried(HermesError):
    """Nothing was done on this host, as it went wrong on another."""


class Interrupted(HermesError):
    """The operator ended the run."""

    exit_code = 130
    default_kind = "interrupted"

    @classmethod
    def unless_asked(cls, code: int) -> int:
        """Return how a task ends that Ctrl-C is meant to end: with `code`, but not after SIGTERM.

        The program notes SIGTERM by its own exit code.
        """
        return code if cls.exit_code == _BY_KEYS else cls.exit_code


_BY_KEYS = 130


# --- whose failure it is ----------------------------------------------------------------------


@contextmanager
def belongs_to(host: str) -> Iterator[None]:
    """Turn any exception inside into a failure of this host only."""
    try:
        yield
    except HermesError:
        raise
    except Exception as error:
        raise NotUnderstood.by(error, host) from error


_OURS = Path(__file__).parent
_AFTER_PARSING = ("at commands/", "at tasks/", "at run/", "at reporting/")
"""Rooms that get no text of a host: what they raise is no fault of the answer."""


def _place(error: BaseException) -> str:
    """Return the last line of our code in the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        path = Path(frame.filename)
        if path.is_relative_to(_OURS) and path != Path(__file__):
            return f"at {path.relative_to(_OURS)}:{frame.lineno}"
    return "outside of hermes-ops"


def _trace(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _trace(cause)
    yield f"{type(error).__name__}, most recent call last:"
    for text in traceback.format_tb(error.__traceback__):
        yield from text.splitlines()
