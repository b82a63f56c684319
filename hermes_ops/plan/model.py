"""The data of a plan: what is wanted on a host, each change, and its action."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from hermes_ops.hermes.evidence import Evidence
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import Role
from hermes_ops.look.facts import Hermes
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.lifecycle.moves import Moves
from hermes_ops.plan.resource import AtPath, Resource
from hermes_ops.secrets.secret import Secret
from hermes_ops.services.awake.keeper import AwakeOrder
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.report import PATIENCE

# --- what is wanted ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """A resource, with the step and profile that want it."""

    step: str
    profile: Profile
    role: Role
    resource: Resource


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything that is wanted on one host, in the order of the graph."""

    host: Host
    wanted: tuple[Wanted, ...]
    steps: tuple[str, ...] = ()
    services: Mapping[str, ServiceSpec] = field(default_factory=dict)

    @property
    def is_order(self) -> bool:
        """Whether services are only commanded: no file of a profile is written."""
        return any(getattr(wanted.resource, "order", "") for wanted in self.wanted)


# --- what a change does -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MakeFolder(AtPath):
    """Make a folder; with `mode` None an existing folder keeps its mode."""

    mode: int | None


@dataclass(frozen=True, slots=True)
class Write(AtPath):
    """Replace a file atomically; in a secret text, tokens of `envfile` stand for values to keep."""

    content: str | Secret
    mode: int
    before: str | Secret | None = None
    keys: tuple[str, ...] = ()
    """The names in a `.env`, or the dotted keys of a YAML file, whose values differ."""
    owes: str | None = None  # the service that must be restarted for this to take effect
    keeps: tuple[PurePosixPath, str] | None = None
    """A private note about what was written, and the path where it is stored afterwards."""
    proof: tuple[str, ...] = ()
    """Shell words that fail, and say why, if a service manager would refuse what is staged."""


@dataclass(frozen=True, slots=True)
class SetMode(AtPath):
    """Set the mode of a file."""

    mode: int


@dataclass(frozen=True, slots=True)
class MakeLink(AtPath):
    """Make a symbolic link."""

    target: str


class Remove(AtPath):
    """Remove a file or link."""


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run words with a scrubbed environment, closed stdin and a deadline in seconds."""

    words: tuple[str, ...]
    deadline: int


@dataclass(frozen=True, slots=True)
class WriteUnit(AtPath):
    """Let the program write its own unit; only the file shows that it did."""

    words: tuple[str, ...]
    mark: str = ""  # what the file must hold then
    deadline: int = 60


@dataclass(frozen=True, slots=True)
class Install:
    """Make a Python environment with these requirements, from an index or a pushed wheelhouse."""

    name: str
    version: str
    python: str
    requirements: tuple[str, ...]
    stamp: str
    wheelhouse: bool = False
    deadline: int = 900
    beside: bool = False  # nothing runs it yet: the program's `current` link stays as it is


@dataclass(frozen=True, slots=True)
class EnableLinger:
    """Enable linger, so that services run without a session, and wait for the user's bus."""

    required: bool


@dataclass(frozen=True, slots=True)
class Switch:
    """Let the service manager start a service by itself, or forbid it."""

    service: ServiceSpec
    words: tuple[str, ...]
    enabled: bool


@dataclass(frozen=True, slots=True)
class Reload:
    """Reload the definitions of the service manager."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Control:
    """Start, restart or stop a service."""

    service: ServiceSpec
    words: tuple[str, ...]
    verb: str
    ends: int | None = None
    """A process that is ended first: its manager does not know it, or it is frozen."""
    born: int | None = None
    """When that process began, in the kernel's ticks: another with its number is left alone."""
    announced: int | None = None
    """A process whose end must be announced, as its definition is not ours and does not do so."""
    together: str = ""
    """The words to do the same to several services at once, if their manager can."""
    drain: int = 0  # seconds to wait for its turns to end before it is restarted
    keeps: tuple[PurePosixPath, str] | None = field(default=None, compare=False)
    """A record of what it is started with, and the path where it is stored afterwards."""
    made: tuple[str, ...] = field(default=(), compare=False)
    """Variables of its `.env` whose values only the host knows: it adds a check of each."""
    after: tuple[str, ...] = ()  # profiles that must have stopped before: it needs what they have
    patience: int = PATIENCE  # seconds that its manager gives it to end before it kills it
    rolls_after: tuple[str, ...] = ()
    """Profiles whose restart must have succeeded before: they are on the same platform."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Let a gateway take no new turn for so many seconds, and wait for those that run."""

    service: ServiceSpec
    lasts: int
    wait: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do nothing and fail with this message: what is wanted is not possible on this host."""

    message: str
    kind: str = "conflict"
    hint: str = ""  # what mends it

    @property
    def said(self) -> str:
        """Return the message and what mends it, as one sentence."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


Operation = (
    MakeFolder
    | Write
    | SetMode
    | MakeLink
    | Remove
    | Moves
    | RunCommand
    | WriteUnit
    | Install
    | EnableLinger
    | Switch
    | Reload
    | Control
    | Drain
    | AwakeOrder
    | Refuse
)

# --- the plan ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: the resource, the reason, the action, and the state it relies on."""

    step: str
    profile: str | None
    resource: str
    action: str
    reason: str
    operation: Operation
    seen: tuple[tuple[PurePosixPath, str], ...] = ()
    kept: PurePosixPath | None = None
    """Where the host keeps the file that others wrote, before this change replaces it."""

    @property
    def restarts(self) -> bool:
        """Whether this ends a running process."""
        return isinstance(self.operation, Control) and self.operation.verb == "restart"


@dataclass(frozen=True, slots=True)
class Watch:
    """A service to watch until it is ready, and its criteria of readiness."""

    service: ServiceSpec
    urls: tuple[str, ...] = ()
    expected: frozenset[str] = frozenset()
    wave: int = 0
    manager: str = ""  # the service manager that runs it


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """The wheels for a host without an index, resolved for its platform and Python."""

    requirements: tuple[str, ...]
    machine: str
    system: str
    python: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered changes of one host; empty if the host is already as wanted."""

    host: Host
    changes: tuple[Change, ...] = ()
    watches: tuple[Watch, ...] = ()
    manager: str = ""
    hermes: Hermes | None = None  # the Hermes on the host after the plan is applied
    notes: tuple[str, ...] = ()
    wheelhouses: tuple[Wheelhouse, ...] = ()
    differs: tuple[Difference, ...] = ()
    """What `up` does not change, such as a drop-in of somebody else."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)  # to be judged by `readiness`
    user: tuple[int, str] | None = None  # id and name of the user on the host, if known
    removes: frozenset[str] = frozenset()  # profiles that lose what the inventory no longer has
    restarts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The profiles that are restarted, in this order, each with its messaging platforms."""
    stalled: tuple[str, ...] = ()  # profiles that look frozen: only a second look can tell
    whole: bool = False  # once a gateway is stopped it is carried out, even if nobody listens
    is_order: bool = False  # it compares no settings
    frees: bool = False  # it only makes room: a full disk does not keep it from its lock

    @property
    def held(self) -> frozenset[str]:
        """Return the profiles that somebody on the host holds stopped."""
        return frozenset(one.profile for one in self.differs if one.state == "held")

    @property
    def rolls(self) -> frozenset[str]:
        """Return the messaging platforms on which a gateway is restarted."""
        return frozenset().union(*self.restarts.values())

    @property
    def python(self) -> str:
        """Return the Python of Hermes, empty if there is none."""
        return self.hermes.python if self.hermes else ""

    @property
    def is_empty(self) -> bool:
        """Whether the host is already as wanted."""
        return not self.changes
