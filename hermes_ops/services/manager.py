"""The interface of service managers, and the values that it returns."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Protocol

from hermes_ops.errors import Conflict
from hermes_ops.inventory.model import ServiceSettings
from hermes_ops.inventory.role import ProgramRole
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.definition import Definition, DefinitionPath
from hermes_ops.services.report import ManagerReport


class UnitCheck(Protocol):
    """A service as its manager reports it to a check of `fleet.verify`; each use asks again."""

    @property
    def enablement(self) -> str:
        """The manager's word: `enabled` if it starts the service by itself."""

    @property
    def activity(self) -> str:
        """The manager's word: `active` if the service runs."""

    @property
    def pid(self) -> int:
        """The pid of the service's main process; the check fails if there is none."""

    def variable(self, name: str) -> str | None:
        """Return a variable that the manager gives to the process."""

    def ends_with_session(self, process: Any) -> str:
        """Return why the service would end with its user's last session, empty if it survives."""


class ServiceManager(Protocol):
    """What systemd, launchd or supervisord must offer to run our services.

    A manager inherits the answers that most of them share, and has its own for the rest.
    Its shell file `services/NAME.sh` defines, with `_` for each `-` of the name, `NAME_look ID…`
    (prints a block `manager NAME` of properties, adds pids to `pids`), `NAME_defined` (reports the
    gateways it knows), `NAME_log ID` (prints its last output; if `log_since` is set, only what is
    newer), `NAME_journal ID LINES SINCE CURSOR` (prints what it says about the service, each line
    with its time as EPOCH.FRACTION or as local time, and last the line `-- cursor: CURSOR`, from
    which the next call goes on), `NAME_said ID` (sets `activity` in the words of `ManagerReport`,
    `pid` and `code`, all from the last `NAME_look`), and the functions that `control`, `switch` and
    `reload` call; these may also be in the file `orders`.

    They run in the user's home, and may use the variables of `layout.shell` and the functions of
    `wire/common.sh`: `scrubbed SECONDS WORDS…` (runs a program without the caller's environment,
    and ends it after that time), `has PROGRAM`, `readable FILE`, `begin`, `end`, `say`. Those that
    `control` and `reload` call may also use `plan_stop HOME PID` (tells a gateway that the stop
    which follows is meant) and `end_process HOME PID` (`plan_stop`, TERM, after ten seconds KILL).
    """

    name: str
    systems: frozenset[str]  # that can have it, as `uname -s` prints them
    by_root: bool = False
    """Whether only root changes its services: their files are in no home, and its paths absolute.

    All its functions that change something run as root; they begin with `shell_name`.
    """
    family: str = ""  # the same for managers that are one program, for a user and for the system
    lingers: bool = False  # its services end with the last session, unless the user lingers
    together: str = ""
    """The shell function that controls several services with one call; empty if there is none."""
    orders: str = ""
    """A further shell file, without `.sh`, for scripts that change a host."""
    grace: int | None = None
    """The seconds that it gives every gateway to end; None: Hermes' settings decide."""
    gives_environment: bool = True
    """Whether its definition can hold variables of ours for a program that writes its own text;
    otherwise they go into the service's `.env`."""
    needs_own_files: bool = False
    """Whether it refuses a definition that belongs to another user than whoever writes it."""
    text_known: str = ""
    """The field of `hermes.versions.Capabilities` that tells whether we have Hermes' text; empty:
    the text is our own."""
    key_needed: bool = False
    """Whether a Hermes that serves all profiles by one gateway needs a key to run its services."""
    program: ProgramRole | None = None  # that we install on the host before its first service
    log_ends: tuple[str, ...] = ()  # of its log files of a service, in our state folder
    strangers: tuple[str, ...] = ()  # further words of `NAME_look`, to find other gateways
    definitions: tuple[str, ...] = ()
    """Patterns of the files that define its gateways, relative to the home."""
    marked: tuple[str, str, str] | None = None
    """Before and behind a service's name in the path of a file that only we write, and what follows
    the name in the manager's own name of it. Any service with such a file is ours."""
    by_hand: str = ""
    """The template of its part of the host's wrapper; without one it gets no wrapper.

    POSIX shell that defines `told ID` (sets `now`: running, starting, stopping, stopped, failed or
    absent) and `order VERB ID HOME` (start, stop, restart, enable, disable). It may call `plan_stop
    HOME PID`. Its names: `home_dir`, `uid`, and those of `shell_paths`, absolute and quoted.
    """
    unenforced: frozenset[str] = frozenset()
    """The settings under `service:` that have no effect with it."""
    unenforced_because: str = ""
    shell_paths: Mapping[str, PurePosixPath] = MappingProxyType({})
    """Its own paths on a host, relative to the home, by the variable that holds each in `NAME.sh`.

    Begin each variable with the manager's name: all managers are in one script.
    """
    template_names: frozenset[str] = frozenset()
    """The names that `definition` adds to `base.VALUES` for its templates."""

    @property
    def shell_name(self) -> str:
        """Return its name as the names of its shell functions begin."""
        return self.name.replace("-", "_")

    def why_not(self, facts: Facts) -> str:
        """Return why it cannot run this user's services, empty if it can."""
        del facts
        return ""

    def elsewhere(self, facts: Facts) -> Conflict | None:
        """Return the conflict if it reads definitions below another home, with the remedy."""
        del facts
        return None

    def is_automatic(self, facts: Facts) -> bool:
        """Whether `hermes_service_manager: auto` may choose it: if it can run services here."""
        return not self.why_not(facts)

    def id(self, service: ServiceSpec) -> str:
        """Return the manager's own name of the service."""

    def profile_of(self, id: str) -> str | None:
        """Return the profile whose gateway has this name, None if it is not a gateway's name."""
        del id
        return None

    def templates(self, text: str) -> tuple[str, ...]:
        """Return the templates that a role may replace: those of the service, not shared ones.

        `text` is that key of role.yml. Their names are checked before any host is changed.
        """

    def paths(self, service: ServiceSpec) -> Iterable[DefinitionPath]:
        """Return every path that the service's definition may have."""

    def owns(self, service: ServiceSpec, facts: Facts) -> bool:
        """Return whether a file of ours is among those that it has for the service."""
        policies = (known.path for known in self.paths(service) if known.kind == "policy")
        return any(str(path) in facts.paths for path in policies)

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Definition]:
        """Return the files and links that define the service; `values` has `base.VALUES`.

        The service starts by itself only if it is `enabled`. A manager that gives it no environment
        takes `base.process_environment`.
        """

    def is_equal(self, found: str, wanted: str) -> bool:
        """Return whether a base text found on the host needs no change."""
        return found == wanted

    def is_live(self, found: str, wanted: str) -> bool:
        """Return whether the change of our settings for a service needs no restart of it."""
        del found, wanted
        return False

    def powerless(self, settings: ServiceSettings, facts: Facts) -> frozenset[str]:
        """Return the settings that have no effect on this host."""
        del facts
        return frozenset(n for n in self.unenforced if getattr(settings, n) not in (None, 0, False))

    def command_line(self, text: str) -> str:
        """Return the command line that a base text asks for; empty if the text has none."""
        del text
        return ""

    def removal(self, foreign: Sequence[str], facts: Facts) -> str:
        """Return the command that takes files of others out of a definition."""
        del facts
        return shlex.join(["rm", *foreign])

    def revival(self, facts: Facts) -> str:
        """Return what helps if the manager itself does not answer."""
        del facts
        return "start it again on the host"

    def typed(self, verb: str, service: ServiceSpec, facts: Facts) -> str:
        """Return what a person types on the host to start, stop, restart or install; or nothing."""
        del verb, service, facts
        return ""

    def without(self, names: Sequence[str], service: ServiceSpec, facts: Facts) -> str:
        """Return what takes variables out of its own environment, and the service's."""
        del names, service, facts
        return "start the service manager again without them"

    def told(self, service: ServiceSpec, facts: Facts) -> ManagerReport:
        """Return what the manager reported about the service."""

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the command that does `verb`, which is start, restart or stop: shell words.

        They are the manager's function, a verb and the service's id; more may follow. `known` is
        false for a service that the manager has not seen yet; the manager may make another verb of
        it for its shell, as systemd makes `start-new`. `together` is called with one verb and the
        ids of all services for which the second word is that verb.
        """

    def switch(self, service: ServiceSpec, *, enabled: bool) -> tuple[str, ...]:
        """Return the command that lets it start the service by itself, or forbids it: shell words.

        They are empty if the files of the definition decide that.
        """
        del service, enabled
        return ()

    def at_boot(self, facts: Facts) -> tuple[str, ...]:
        """Return the shell words that let the host start the manager itself, if it needs them."""
        del facts
        return ()

    def never_at_boot(self, facts: Facts, gone: Collection[str]) -> tuple[str, ...]:
        """Return the shell words that take away what `at_boot` brought.

        They are empty if there is nothing, or if it has a service whose id is not among `gone`.
        """
        del facts, gone
        return ()

    def announcement(self, service: ServiceSpec) -> tuple[str, ...]:
        """Return what the user's script runs before root ends the service; empty: nothing."""
        del service
        return ()

    def reload(self, *_removed: PurePosixPath) -> tuple[str, ...]:
        """Return the command that makes it read changed definitions; empty if none is needed."""
        return ()

    def proof_of(self, service: ServiceSpec) -> tuple[str, ...]:
        """Return shell words that fail, and say why, if it would refuse what is staged of it."""
        del service
        return ()

    def is_stale(self, facts: Facts) -> bool:
        """Return whether definitions changed that it has not read yet."""
        del facts
        return False

    def check(self, host: Any, service: CheckedService) -> UnitCheck:
        """Return the service as checks see it; `host` is testinfra's."""

    def ahead(self, services: Sequence[CheckedService]) -> str:
        """Return shell that prints at once what checks ask about all services, and sets `pids`.

        It may be empty: then each check asks for itself.
        """
        del services
        return ""

    def foreseen(
        self, services: Sequence[CheckedService], printed: str
    ) -> Mapping[tuple[str, ...], str]:
        """Return what that text has answered: the output of commands that `check` runs.

        A command is named by its words, as `host.run` gets them. What would fail is left out.
        """
        del services, printed
        return {}


@dataclass(frozen=True, slots=True)
class CheckedService:
    """One profile's service on one host, as its checks see it; paths are absolute."""

    host: str
    profile: str
    role: str
    name: str
    unit: str
    """The manager's own name of the service."""
    manager: str
    user: str
    uid: int
    user_home: str
    home: str
    env_file: str | None = None
    urls: tuple[str, ...] = ()
    platforms: frozenset[str] = frozenset()  # which the gateway must connect
    holds: tuple[str, ...] = ()
    """Of what keeps the machine awake: all that it must keep from happening."""
    readiness: str = "process"
    python: str = "python3"
    real_home: str = ""  # as its unit names it: links on the way are followed
    drained: str = ""  # whose request makes it take no turn: it drains then, and should
