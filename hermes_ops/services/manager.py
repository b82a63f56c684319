"""The seam between what is wanted and the managers: what each must answer, and in what form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceSpec


@dataclass(frozen=True, slots=True)
class DefinitionPath:
    """A path that a definition may have on a host, and what it is there for."""

    path: PurePosixPath
    kind: Literal["unit", "policy", "link", "shared"]
    """The service itself, our settings of it, what makes it start at boot, or all services'."""

    @property
    def is_own(self) -> bool:
        """Whether it is this service's alone."""
        return self.kind != "shared"


@dataclass(frozen=True, slots=True)
class Text:
    """A file of a definition: the program's own (`base`), or with our policy in it."""

    path: PurePosixPath
    content: str
    mode: int = 0o644
    base: bool = False


@dataclass(frozen=True, slots=True)
class HostWritten:
    """A unit that the program itself writes, because its version's text is not ours to know.

    `words` write it; a text in which each of `marks` stands needs no change.
    """

    path: PurePosixPath
    words: tuple[str, ...]
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link of a definition."""

    path: PurePosixPath
    target: str


@dataclass(frozen=True, slots=True)
class ManagerReport:
    """What a manager told of one service; None is: not told."""

    installed: bool = False
    enabled: bool | None = None
    activity: str = "inactive"
    """active, activating, deactivating, failed or inactive, in systemd's sense of these words."""
    pid: int | None = None
    exit_status: int | None = None
    ended_by: str = ""
    """How the last process ended: exit-code, signal, watchdog, ... as `systemd.exec(5)` has it."""
    restarts: int | None = None
    ended_itself: bool = False
    """It ended by itself with a code that is not told, and is not started again."""


@dataclass(frozen=True, slots=True)
class ManagerProgram:
    """A Python program that a manager needs on the host, and that we install."""

    name: str
    package: str
    version: str


class UnitCheck(Protocol):
    """A service as a check of `fleet.verify` sees it through its manager; always asked again."""

    @property
    def enablement(self) -> str:
        """The manager's word: `enabled` where it starts the service by itself."""

    @property
    def activity(self) -> str:
        """The manager's word: `active` where the service runs."""

    @property
    def pid(self) -> int:
        """The service's main process; without one the check fails."""

    def variable(self, name: str) -> str | None:
        """Return a variable that the manager gives to the process."""

    def ends_with_session(self, process: Any) -> str:
        """Return why the service would end with its user's last session, empty if it would not."""


class ServiceManager(Protocol):
    """The seam between what is wanted and systemd, launchd or supervisord.

    Its shell file `services/NAME.sh` defines `NAME_look ID…` (prints a block `manager NAME` of
    properties, adds pids to `pids`), `NAME_defined` (says which gateways it knows), `NAME_log ID`,
    `NAME_said ID` (sets `activity` in the words of `ManagerReport`, `pid` and `code`, all from
    what `NAME_look` has just shown), and the words of `control` and `reload`.
    """

    name: str
    systems: frozenset[str]
    """The systems that can have it, as `uname -s` names them."""
    lingers: bool
    """Whether its services end with the user's last session unless the user lingers."""
    together: str
    """The shell function that orders one thing of several services at once; empty if none does."""
    program: ManagerProgram | None
    """What we install on the host before its first service."""
    strangers: tuple[str, ...]
    """What `NAME_look` is given besides, to see gateways that nobody described."""
    definitions: tuple[str, ...]
    """Patterns of the files that define gateways under it, relative to the home."""
    unenforced: frozenset[str]
    """The settings under `service:` that have no effect under it."""

    def why_not(self, facts: Facts) -> str:
        """Return why it cannot run this user's services, empty if it can."""

    def is_automatic(self, facts: Facts) -> bool:
        """Whether `hermes_service_manager: auto` may choose it on this host."""

    def id(self, service: ServiceSpec) -> str:
        """Return the name by which it knows the service."""

    def profile_of(self, id: str) -> str | None:
        """Return the profile whose gateway has this name, None if it is no gateway's."""

    def templates(self, text: str) -> tuple[str, ...]:
        """Return the templates that a role may replace; `text` is that key of role.yml."""

    def paths(self, service: ServiceSpec) -> Iterable[DefinitionPath]:
        """Return every path that a definition may have here."""

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Text | HostWritten | Link]:
        """Return the files and links by which it knows the service."""

    def is_equal(self, found: str, wanted: str) -> bool:
        """Return whether a found base text needs no change."""

    def told(self, service: ServiceSpec, facts: Facts) -> ManagerReport:
        """Return what the facts say of the service under this manager."""

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the words that start, restart or stop the service; a new one is not yet `known`.

        The second word is the verb, for `together`.
        """

    def reload(self) -> tuple[str, ...]:
        """Return the words that make it read changed definitions; empty if none are needed."""

    def is_stale(self, facts: Facts) -> bool:
        """Return whether it has not yet read definitions that somebody changed."""

    def check(self, host: Any, service: CheckedService) -> UnitCheck:
        """Return the service for checks; `host` is testinfra's."""


@dataclass(frozen=True, slots=True)
class CheckedService:
    """One profile's service on one host, as its checks see it; paths are absolute."""

    host: str
    profile: str
    role: str
    name: str
    unit: str
    """The manager's own name of it."""
    manager: str
    user: str
    uid: int
    user_home: str
    home: str
    env_file: str | None = None
    urls: tuple[str, ...] = ()
    platforms: frozenset[str] = frozenset()
    """The platforms that a gateway with these settings connects."""
    readiness: str = "process"
    python: str = "python3"
