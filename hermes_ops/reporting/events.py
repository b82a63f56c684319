"""The events of a run, as frozen values: `report` shows them, `journal` keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hermes_ops.plan import Change, Plan


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one host."""

    host: str


@dataclass(frozen=True, slots=True)
class Telling(Event):
    """An event with words for the operator."""

    what: str = ""


@dataclass(frozen=True, slots=True)
class Connecting(Event):
    """A connection is being opened; `attempt` counts from 1."""

    attempt: int = 1
    why: str = ""


class Looking(Event):
    """The look at the host begins."""


@dataclass(frozen=True, slots=True)
class Gathered(Event):
    """The host has answered the look."""

    seconds: float = 0


@dataclass(frozen=True, slots=True)
class Planned(Event):
    """The plan of the host is made."""

    plan: Plan


class Pushing(Telling):
    """A file is being copied to the host before the changes."""


@dataclass(frozen=True, slots=True)
class Changing(Event):
    """A change that may take long has begun."""

    change: Change


class Waiting(Telling):
    """The host waits: for its lock, or for a service to become ready."""


class Noted(Telling):
    """Something that the operator should know, but that is not a failure."""


@dataclass(frozen=True, slots=True)
class Changed(Event):
    """One change ended: `outcome` is done, failed or skipped."""

    change: Change
    outcome: str = "done"
    because: str | None = None
    seconds: float = 0


@dataclass(frozen=True, slots=True)
class Raised(Event):
    """The host's answer was not understood: the traceback, line by line."""

    trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """The host is done: `outcome` is ok, changed, failed, unreachable, unknown or skipped."""

    outcome: str
    message: str = ""
    seconds: float = 0


Emit = Callable[[Event], None]
