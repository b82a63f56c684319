"""What happens in a run, as frozen values: drawn by `report`, kept by `journal`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hermes_ops.plan import Change, Plan


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one host."""

    host: str


@dataclass(frozen=True, slots=True)
class Connecting(Event):
    """A connection is being made; `attempt` counts from 1."""

    attempt: int = 1
    why: str = ""


@dataclass(frozen=True, slots=True)
class Looking(Event):
    """The host is being asked what is so."""


@dataclass(frozen=True, slots=True)
class Gathered(Event):
    """The host has answered."""

    seconds: float = 0


@dataclass(frozen=True, slots=True)
class Planned(Event):
    """What will be changed is decided."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Pushing(Event):
    """A file is being carried to the host before the changes."""

    what: str = ""


@dataclass(frozen=True, slots=True)
class Changing(Event):
    """A change that takes its time has begun."""

    change: Change


@dataclass(frozen=True, slots=True)
class Waiting(Event):
    """Nothing can be done before something else ends: a lock, a service becoming ready."""

    what: str = ""


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """Something the operator should know that is no failure."""

    what: str = ""


@dataclass(frozen=True, slots=True)
class Changed(Event):
    """One change ended: `outcome` is done, failed or skipped."""

    change: Change
    outcome: str = "done"
    because: str | None = None
    seconds: float = 0


@dataclass(frozen=True, slots=True)
class Raised(Event):
    """The host's answer was not understood: where that was noticed, line by line."""

    trace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """The host is through: `outcome` is ok, changed, failed, unreachable, unknown or skipped."""

    outcome: str
    message: str = ""
    seconds: float = 0


Emit = Callable[[Event], None]
