"""What every service manager must answer, and what a service is to all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

from hermes_ops.assets import TEMPLATES
from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Profile, Role, ServiceSettings
from hermes_ops.look.facts import Facts
from hermes_ops.templates import render, undefined_names


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One profile's service, neutral of the manager; `home` is relative to the user's."""

    profile: str
    description: str
    name: str
    label: str
    home: PurePosixPath
    text: str
    versions: tuple[str, ...]
    write: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    planned_stop: bool
    fatal_exit: tuple[int, ...]
    readiness: Mapping[str, Any]
    settings: ServiceSettings
    role: Role


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
class Told:
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
    properties, adds pids to `pids`), `NAME_defined` (says which gateways it knows),
    `NAME_failed ID`, `NAME_log ID`, and the words of `control` and `reload`.
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

    def paths(self, service: ServiceSpec) -> Iterable[DefinitionPath]:
        """Return every path that a definition may have here."""

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Text | HostWritten | Link]:
        """Return the files and links by which it knows the service."""

    def is_equal(self, found: str, wanted: str) -> bool:
        """Return whether a found base text needs no change."""

    def told(self, service: ServiceSpec, facts: Facts) -> Told:
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


class CheckedService(Protocol):
    """What a manager needs to know of a service that is checked; paths are absolute."""

    @property
    def name(self) -> str:
        """The service's name, neutral of the manager."""

    @property
    def unit(self) -> str:
        """The manager's own name of it."""

    @property
    def user(self) -> str:
        """The user who runs it."""

    @property
    def uid(self) -> int:
        """The number of that user."""

    @property
    def user_home(self) -> str:
        """The home of that user."""


@cache
def template(role_folder: Path, name: str) -> str:
    """Return a template of the role's own folder, or of `templates/`."""
    for path in (role_folder / "templates" / Path(name).name, TEMPLATES / name):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise InventoryError(f"the template {name} does not exist", where=str(role_folder / "role.yml"))


def unit_template(text: str) -> str:
    """Return the name of the unit's template for a kind of text (`text:` in role.yml)."""
    return "hermes-gateway.service.j2" if text == "hermes" else f"{text}.service.j2"


def naming(profile: Profile) -> dict[str, Any]:
    """Return the names that the texts of a role may use wherever no fact is needed."""
    return {
        "profile": profile.name,
        "description": profile.description,
        "settings": profile.service.settings,
    }


def home_of(profile: Profile, role: Role) -> str:
    """Return the profile's folder, relative to the user's home."""
    return render(str(role.data["home"]), naming(profile), name=f"{role.folder}/role.yml")


FACTS = frozenset(
    {
        "autostart", "command", "command_line", "environment_lines", "export_lines", "fatal_exit",
        "home_dir", "memory_max", "path", "planned_stop", "program_version", "python", "run_line",
        "service_home", "state", "stop_timeout", "unit", "user", "virtual_env", "watchdog", "write",
    }
)  # fmt: skip
"""Names that templates may use and that have their values only once the host was looked at."""


@cache
def _refuse_unknown_names(folder: Path, source: str, known: frozenset[str]) -> None:
    """Refuse a template that could not be rendered, before any host is touched."""
    for name in sorted(undefined_names(template(folder, source), set(known) | FACTS)):
        raise InventoryError(
            f"{name!r} is not defined",
            where=source,
            hint=f"names for a service's templates: {', '.join(sorted(known | FACTS))}",
        )


_UNIT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.-]{0,199}")
"""What systemd (`systemd.unit(5)`) and supervisord both take, without what means more to them."""


def describe(profile: Profile, role: Role) -> ServiceSpec:
    """Return the service of a profile, as its role describes it.

    Raises:
        InventoryError: a text of the role uses a name that nothing defines.
    """
    data = role.data["service"]
    home = home_of(profile, role)
    values = naming(profile) | {"home": home}
    where = f"{role.folder}/role.yml"

    def text(value: Any) -> str:
        return render(str(value), values, name=where)

    for word in data["command"]:
        render(str(word), values | dict.fromkeys(FACTS, ""), name=where)
    kind = str(data.get("text", "service"))
    for source in (f"systemd/{unit_template(kind)}", "supervisord/program.conf.j2"):
        _refuse_unknown_names(role.folder, source, frozenset(values))
    name = text(data["name"])
    if not _UNIT_NAME.fullmatch(name):
        raise InventoryError(
            f"{name!r} cannot be the name of a service",
            where=where,
            hint="letters, digits and : _ . - only, at most 200",
        )
    return ServiceSpec(
        profile=profile.name,
        description=profile.description or f"{role.name} {profile.name}",
        name=name,
        label=text(data.get("label", name)),
        home=PurePosixPath(home),
        text=kind,
        versions=tuple(map(str, data.get("versions", ()))),
        write=tuple(map(str, data.get("write", ()))),
        command=tuple(str(word) for word in data["command"]),
        environment={
            **{key: text(value) for key, value in data.get("environment", {}).items()},
            **profile.service.environment,
        },
        planned_stop=bool(data.get("planned_stop")),
        fatal_exit=tuple(data.get("fatal_exit", ())),
        readiness={
            key: text(value) if isinstance(value, str) else value
            for key, value in role.data.get("readiness", {"kind": "process"}).items()
        },
        settings=profile.service,
        role=role,
    )
