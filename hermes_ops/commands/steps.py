"""The steps: each returns what must hold for one profile. Their order is in `tasks/graph`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.hermes import platforms
from hermes_ops.inventory.model import Host, Profile, Role
from hermes_ops.plan.desired import env_file
from hermes_ops.plan.resource import (
    Command,
    Directory,
    File,
    Linger,
    Owned,
    PythonProgram,
    Resource,
    Service,
    ServiceDefinition,
    YamlFile,
)
from hermes_ops.secrets.secret import Secret
from hermes_ops.services.base import home_of, naming
from hermes_ops.templates import is_plain, render


def create(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Create the profile, with the real CLI, where it is absent."""
    home = PurePosixPath(home_of(profile, role))
    if role.program is not None:
        yield _program(role.program, profile, host)
    made = role.data.get("create")
    if made and profile.name not in made.get("except", ()):
        yield Command(tuple(made["command"]), home)
    else:
        yield Directory(home)
    for folder in role.data.get("directories", ()):
        path = render(folder["path"], naming(profile) | {"home": str(home)})
        yield Directory(PurePosixPath(path), int(str(folder.get("mode", "0755")), 8))


def _program(role: Role, profile: Profile, host: Host) -> PythonProgram:
    pinned = role.data["defaults"]
    return PythonProgram(
        role.name,
        pinned["package"],
        host.hermes.version or str(pinned["version"]),
        platforms.extras(_platforms(profile)),
        python=host.hermes.python,
        install=host.hermes.install,
    )


def _platforms(profile: Profile) -> frozenset[str]:
    known = {k: v.reveal() if isinstance(v, Secret) else None for k, v in profile.env.items()}
    return platforms.expected(profile.config, known)


def configure(profile: Profile, role: Role, host: Host) -> Iterable[Resource]:
    """Put config.yaml, .env and SOUL.md in place; keys that are not ours stay."""
    values = naming(profile) | {"home": home_of(profile, role)}
    for entry in role.data.get("files", ()):
        resource = _file(entry, profile, role, host, values)
        if resource is not None:
            yield resource
    home = PurePosixPath(values["home"])
    yield from profile_files(profile, host, home)
    yield Owned(home)


def _file(
    entry: Mapping[str, Any], profile: Profile, role: Role, host: Host, values: Mapping[str, Any]
) -> Resource | None:
    mode = int(str(entry.get("mode", "0644")), 8)
    restarts = bool(entry.get("restart"))
    if "yaml" in entry:
        path = PurePosixPath(render(entry["yaml"], values))
        return YamlFile(path, _config(profile), mode, entry.get("initial", {}), restarts)
    if "env" in entry:
        return env_file(render(entry["env"], values), profile, mode)
    path = PurePosixPath(render(entry["file"], values))
    if "template" in entry:
        source = (role.folder / "templates" / entry["template"]).read_text(encoding="utf-8")
        where = str(role.folder / "templates" / entry["template"])
        return File(path, render(source, _names(profile, host), name=where), mode, restarts)
    if profile.soul is None:
        return None
    where = profile.soul_file or f"{profile.place}: soul"
    text = (
        profile.soul
        if is_plain(profile.soul)
        else render(profile.soul, _names(profile, host), name=where)
    )
    return File(path, text, mode, restarts, is_owned=True)


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
    """Return the wanted keys; the watchdog is Hermes' setting, and decides its unit's text."""
    if not profile.service.watchdog:
        return profile.config
    gateway = profile.config.get("gateway", {})
    watchdog = {"systemd_watchdog_seconds": profile.service.watchdog}
    return {**profile.config, "gateway": {**gateway, **watchdog}}


def install(profile: Profile, _role: Role, _host: Host) -> Iterable[Resource]:
    """Write the service's unit and its drop-in; starts nothing."""
    yield ServiceDefinition(profile)


def enable(_profile: Profile, _role: Role, host: Host) -> Iterable[Resource]:
    """Let the user's services run without a session, through polkit, sudo or as root."""
    yield Linger(host.linger)


def start(profile: Profile, _role: Role, _host: Host) -> Iterable[Resource]:
    """Start the service, and wait until it is proven ready."""
    yield Service(profile)
