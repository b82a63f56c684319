"""The steps: each returns the resources of one profile. Their order is in `tasks/graph`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files.layout import WRAPPER
from hermes_ops.hermes import platforms
from hermes_ops.inventory.model import Host, Profile
from hermes_ops.inventory.role import (
    Creation,
    ProgramRole,
    Role,
    RoleEnv,
    RoleFile,
    RoleSoul,
    RoleTemplate,
    RoleYaml,
)
from hermes_ops.plan.desired import StepPlan, env_file
from hermes_ops.plan.resource import (
    Command,
    Directory,
    EnvFile,
    File,
    KeptAwake,
    Linger,
    Owned,
    PythonProgram,
    Resource,
    Service,
    ServiceDefinition,
    Wrapper,
    YamlFile,
)
from hermes_ops.secrets.secret import Secret
from hermes_ops.services.base import home_of, naming, rendered, rendered_path
from hermes_ops.templates import is_plain, render


def create(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Create the profile with Hermes' own command, if it is absent."""
    values = naming(profile) | {"home": home_of(profile, role)}
    home = PurePosixPath(values["home"])
    if role.program is not None:
        yield _program(role.program, profile, host)
    if role.create and profile.name not in role.create.exceptions:
        yield Command(_words(role.create, values), home)
    else:
        yield Directory(home)
    for folder in role.folders:
        yield Directory(rendered_path(folder.path, values), folder.mode)


def _words(made: Creation, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words of a command; the plan renders those that depend on the host's facts."""
    for word in made.command:
        rendered(word, {**values, "python": "", "home_dir": "", "describes": ""})
    return tuple(word.source for word in made.command)


def _program(role: ProgramRole, profile: Profile, host: Host) -> PythonProgram:
    return PythonProgram(
        role.name,
        role.package,
        host.hermes.version or role.version,
        platforms.extras(_platforms(profile)),
        python=host.hermes.python,
        install=host.hermes.install,
    )


def _platforms(profile: Profile) -> frozenset[str]:
    known = {k: v.reveal() if isinstance(v, Secret) else None for k, v in profile.env.items()}
    return platforms.expected(profile.config, known)


def configure(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Write config.yaml, .env and SOUL.md; keys that are not ours stay."""
    values = naming(profile) | {"home": home_of(profile, role)}
    for file in role.files:
        if not (isinstance(file, RoleSoul) and profile.soul is None):
            yield _file(file, profile, host, values)
    home = PurePosixPath(values["home"])
    yield from profile_files(profile, host, home)
    yield Owned(home)


def _file(file: RoleFile, profile: Profile, host: Host, values: Mapping[str, Any]) -> Resource:
    path = rendered_path(file.path, values)
    match file:
        case RoleYaml():
            return YamlFile(path, _config(profile), file.mode, file.initial, file.restart)
        case RoleEnv():
            return env_file(path, profile, file.mode, restarts=file.restart)
        case RoleTemplate():
            text = render(file.content, _names(profile, host), name=file.source)
            return File(path, text, file.mode, file.restart)
        case RoleSoul():
            return File(path, _soul(profile, host), file.mode, file.restart, is_owned=True)


def _soul(profile: Profile, host: Host) -> str:
    text = profile.soul or ""
    where = profile.soul_file or f"{profile.place}: soul"
    return text if is_plain(text) else render(text, _names(profile, host), name=where)


def profile_files(profile: Profile, host: Host, home: PurePosixPath) -> Iterable[File]:
    """Yield the profile's own `files:`, templates rendered."""
    for path, file in profile.files.items():
        text = file.content
        if file.is_template:
            text = render(text, _names(profile, host), name=file.source)
        yield File(home / path, text, file.mode, file.restart, below=home, is_owned=True)


def _names(profile: Profile, host: Host) -> dict[str, Any]:
    return {
        **host.variables,
        **naming(profile),
        "inventory_hostname": host.name,
        "hermes_profile": profile.name,
    }


def _config(profile: Profile) -> Mapping[str, Any]:
    """Return the wanted keys; the watchdog is set here too, as Hermes derives its unit from it."""
    if profile.service.watchdog is None:
        return profile.config
    gateway = profile.config.get("gateway", {})
    watchdog = {"systemd_watchdog_seconds": profile.service.watchdog}
    return {**profile.config, "gateway": {**gateway, **watchdog}}


def partly(
    profile: Profile, role: Role, env: Callable[[PurePosixPath, RoleEnv], EnvFile]
) -> Iterable[Resource]:
    """Read the settings as they are on the host, and want only what `env` wants of a `.env`."""
    values = naming(profile) | {"home": home_of(profile, role)}
    for file in role.files:
        path = rendered_path(file.path, values)
        if isinstance(file, RoleYaml):
            yield YamlFile(path, {}, file.mode)
        elif isinstance(file, RoleEnv):
            yield env(path, file)
    yield Owned(PurePosixPath(str(values["home"])), partial=True)


def install(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Write the service's unit and its drop-in, and the host's wrapper; starts nothing."""
    yield ServiceDefinition(profile)
    yield from wrapper(role, host)


def wrapper(role: Role, host: Host) -> Iterable[Resource]:
    """Want the script by which a person on the host commands its gateways."""
    if role.name == "gateway":
        yield Wrapper(WRAPPER, host.gateways)


def enable(_profile: Profile, _role: Role, host: Host) -> Iterable[Resource]:
    """Let the user's services run without a session, through polkit, sudo or as root."""
    yield Linger(host.linger)


def keep_awake(_profile: Profile, _role: Role, host: Host) -> Iterable[Resource]:
    """Keep the machine awake, or let it sleep, as `hermes_awake` says, if it says anything."""
    if host.awake is not None:
        yield KeptAwake(host.awake)


KEEP_AWAKE = StepPlan("awake.on", (), keep_awake)
"""A part of `fleet.up` that no other step requires, and that requires none."""


def start(profile: Profile, _role: Role, _host: Host) -> Iterable[Resource]:
    """Start the service, and wait until it is proven ready."""
    yield Service(profile)
