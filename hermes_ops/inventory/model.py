"""The hosts, groups and profiles of the inventory: frozen values.

`loader` makes them from files; `selector` selects among them. Nothing here reads a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hermes_ops.errors import InventoryError, Place
from hermes_ops.inventory.awake import Awake
from hermes_ops.inventory.role import Role
from hermes_ops.secrets.reference import Elsewhere, EnvValue
from hermes_ops.secrets.secret import Secret

PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""Hermes' own rule, `hermes_cli/profiles.py:validate_profile_name` of 0.19.0."""

RESERVED_NAMES = frozenset({"hermes", "test", "tmp", "root", "sudo"})
"""Names that `hermes profile create` refuses; `default` is its root home, and allowed here."""

STATES = ("started", "stopped", "absent")


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How the service of a profile runs: the part that is ours, kept in the drop-in."""

    memory_high: str | None = None
    memory_max: str | None = None
    tasks_max: str | None = None
    cpu_quota: str | None = None
    nice: int | None = None
    oom_policy: str | None = None
    hardening: bool | None = None
    log_budget: str | None = None
    state_budget: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    watchdog: int | None = None
    """None: a new profile gets the role's, any other keeps what it has."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    ceiling: str | None = None
    """The most memory of all services of the host together: `hermes_memory_max`."""
    boot_delay: int = 0
    """Seconds that it waits if the host is booting: `hermes_start_stagger`."""

    def over(self, weaker: ServiceSettings) -> ServiceSettings:
        """Return these settings with the limits and budgets of weaker ones where it has none."""
        lacking = {n: getattr(weaker, n) for n in LIMITS if getattr(self, n) is None}
        return replace(self, **lacking)


LIMITS = (
    "memory_high", "memory_max", "tasks_max", "cpu_quota", "nice", "oom_policy", "hardening",
    "log_budget", "state_budget",
)  # fmt: skip
"""The settings that a role may set for its services, and a profile may change."""


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A further file of a profile: its text, or a template; `source` is where that was read."""

    content: str
    source: str
    is_template: bool = False
    mode: int = 0o644
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """An accepted finding and its reason: an entry of `allow:`."""

    finding: str
    reason: str
    name: str = ""
    """The variable, port, file or profile of the finding; empty means any."""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """One named instance of a role on one host."""

    name: str
    role: str = "gateway"
    description: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, EnvValue] = field(default_factory=dict)
    soul: str | None = None
    soul_file: str = ""
    """Where the text of `soul` was read, for errors in it."""
    files: Mapping[str, ProfileFile] = field(default_factory=dict)
    """Further files by their path below the profile's home."""
    service: ServiceSettings = field(default_factory=ServiceSettings)
    after: tuple[str, ...] = ()
    state: str = "started"
    variables: Mapping[str, Any] = field(default_factory=dict)
    """The host's variables and `hermes_profile` names, for templates such as `soul`."""
    place: Place | None = None
    allow: tuple[Allowance, ...] = ()
    protected: bool = False
    """Tasks that stop or remove it refuse."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where each setting was written, by its path: `env.API_SERVER_KEY`."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints of the resolved references, to store on the host."""
    sealed: InventoryError | None = None
    """Why it cannot be written: a setting is encrypted, and there is no password."""
    why: str = ""
    """Why it has this state, if the inventory does not say so."""
    unmanaged: bool = False
    """It is not in the inventory: only `--unmanaged` reaches it."""

    @property
    def state_reason(self) -> str:
        """Return in words why its service is stopped or removed."""
        return self.why or f"state is {self.state}"

    def __hash__(self) -> int:
        return hash((self.name, self.role))


@dataclass(frozen=True, slots=True)
class HermesSettings:
    """Which Hermes the host runs, and how it is installed."""

    version: str = ""
    """Empty means the version pinned by the program's role."""
    install: str = "auto"
    python: str = ""
    user: str = ""
    user_create: bool = False
    """Whether that user is made where it is absent."""


BECOMING = "give --ask-become-pass, set ansible_become_password, or allow it in sudoers"
"""What helps where sudo does not let the user who logs in become another one."""
WITHOUT_SUDO = "let root log in (ansible_user: root), or install sudo"


@dataclass(frozen=True, slots=True)
class Connection:
    """How the host is reached: Ansible's connection variables, checked."""

    kind: str = "ssh"
    address: str = ""
    port: int | None = None
    user: str | None = None
    key_file: Path | None = None
    become: bool = False
    become_password: Secret | None = None
    proxy_jump: str | None = None
    """As `-J` has it; `none` means that there is no jump host, whatever ssh's settings say."""
    host_key_alias: str | None = None
    identities_only: bool = False
    user_known_hosts: tuple[Path, ...] = ()
    """In the place of the user's own files, if there are any."""
    system_known_hosts: tuple[Path, ...] = ()
    known_hosts: tuple[Path, ...] = ()
    """Beside them: the inventory's own."""
    host_key: str | None = None
    connect_timeout: float = 10
    is_patience_given: bool = True
    """Whether the inventory names that time; if not, ssh's settings may name another."""
    exchange_timeout: float = 120


ALERTS = "hermes_alerts"
"""The variable, and how the names of its secrets begin."""


@dataclass(frozen=True, slots=True)
class Alerts:
    """Whom `fleet.status --alert` tells about a host: nothing else resolves these."""

    urls: tuple[Elsewhere, ...] = ()
    """Apprise's URLs."""
    ping: Elsewhere | None = None
    """The URL of a dead man's switch."""

    @property
    def all(self) -> tuple[Elsewhere, ...]:
        """Return every secret of it."""
        return tuple(value for _, value in self.named)

    @property
    def named(self) -> tuple[tuple[str, Elsewhere], ...]:
        """Return every secret of it with its name: `hermes_alerts.urls[0]`."""
        urls = [(f"{ALERTS}.urls[{number}]", url) for number, url in enumerate(self.urls)]
        return (*urls, *([(f"{ALERTS}.ping", self.ping)] if self.ping is not None else []))


@dataclass(frozen=True, slots=True)
class Host:
    """A user on a machine, and the profiles there."""

    name: str
    connection: Connection = field(default_factory=Connection)
    groups: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()
    all_profiles: tuple[str, ...] = ()
    """Names of every profile of this host in the inventory, selected or not."""
    beside: tuple[str, ...] = ()
    """Names of the profiles of further hosts that are the same user on the same machine."""
    services: tuple[str, ...] = ()
    """Names of the services of all these profiles that are no gateways."""
    gateways: tuple[str, ...] = ()
    """Names of all these profiles that are gateways, but for absent ones."""
    hermes: HermesSettings = field(default_factory=HermesSettings)
    manager: str = "auto"
    linger: str = "required"
    ready_timeout: float = 60
    settle: float = 3
    start_stagger: int = 0
    """Seconds between two starts."""
    enabled: bool = True
    disabled_reason: str = ""
    protected: bool = False
    """Tasks that stop or remove any of its gateways refuse."""
    alerts: Alerts = field(default_factory=Alerts)
    awake: Awake | None = None
    """How it is kept awake; None: the inventory does not say."""
    refusal: InventoryError | None = None
    """Why these variables do not allow a connection; raised only on connecting."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)
    """The variables as written in the files, with expressions not rendered."""
    place: Place | None = None

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Group:
    """A named set of hosts and groups, with its variables."""

    name: str
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every host of the inventory, or the selected ones."""

    hosts: tuple[Host, ...]
    groups: Mapping[str, Group] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    sources: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    """The names of all hosts in the order of the files, in which patterns find them."""
    strays: tuple[Path, ...] = ()
    """Files of `group_vars/` for groups that do not exist."""

    def narrowed(self, wanted: Mapping[str, frozenset[str]]) -> Inventory:
        """Return the inventory with only these hosts, and for each only these profiles."""
        hosts = tuple(
            replace(host, profiles=tuple(p for p in host.profiles if p.name in wanted[host.name]))
            for host in self.hosts
            if host.name in wanted
        )
        return replace(self, hosts=hosts)
