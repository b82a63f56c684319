"""What every service manager must answer, and what a service is to all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from hermes_ops.assets import TEMPLATES
from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Profile, ServiceSettings
from hermes_ops.inventory.role import Role, RoleText
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
    write: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    planned_stop: bool
    fatal_exit: tuple[int, ...]
    readiness: str
    """What shows that it is ready: `process`, `http` (an answer of `url`) or `hermes`."""
    url: str
    settings: ServiceSettings
    role: Role


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


def rendered(text: RoleText, values: Mapping[str, Any]) -> str:
    """Return a text of a role with its expressions replaced.

    Raises:
        InventoryError: one of them is wrong; the error names the text's line and column.
    """
    try:
        return render(text.source, values)
    except InventoryError as error:
        raise InventoryError(error.message, hint=error.hint, where=text.place) from None


def rendered_path(text: RoleText, values: Mapping[str, Any]) -> PurePosixPath:
    """Return a path of a role, which must stay below the user's home."""
    path = PurePosixPath(rendered(text, values))
    if not path.parts or path.is_absolute() or path.parts[0][0] == "~" or ".." in path.parts:
        raise InventoryError(f"{str(path)!r} is no path below the user's home", where=text.place)
    return path


def home_of(profile: Profile, role: Role) -> str:
    """Return the profile's folder, relative to the user's home."""
    return str(rendered_path(role.home, naming(profile)))


FACTS = frozenset(
    {
        "autostart", "command", "command_line", "environment_lines", "export_lines", "fatal_exit",
        "home_dir", "memory_max", "path", "planned_stop", "program_version", "python", "run_line",
        "service_home", "state", "stop_timeout", "unit", "user", "virtual_env", "watchdog", "write",
    }
)  # fmt: skip
"""Names that templates may use and that have their values only once the host was looked at."""

WORD_FACTS = frozenset(
    {"home_dir", "program_version", "python", "service_home", "stop_timeout", "unit", "watchdog"}
)
"""Those of them that the words of `command` and `write` may use, too."""


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
    service, home = role.service, home_of(profile, role)
    values = naming(profile) | {"home": home}
    for word in (*service.command, *service.write):
        rendered(word, values | dict.fromkeys(WORD_FACTS, ""))
    for source in (f"systemd/{unit_template(service.text)}", "supervisord/program.conf.j2"):
        _refuse_unknown_names(role.folder, source, frozenset(values))
    name = _unit_name(service.name, values)
    url = role.readiness.url
    return ServiceSpec(
        profile=profile.name,
        description=profile.description or f"{role.name} {profile.name}",
        name=name,
        label=rendered(service.label, values) if service.label else name,
        home=PurePosixPath(home),
        text=service.text,
        write=tuple(word.source for word in service.write),
        command=tuple(word.source for word in service.command),
        environment={
            **{key: rendered(value, values) for key, value in service.environment.items()},
            **profile.service.environment,
        },
        planned_stop=service.planned_stop,
        fatal_exit=service.fatal_exit,
        readiness=role.readiness.kind,
        url=rendered(url, values) if url else "",
        settings=profile.service,
        role=role,
    )


def _unit_name(text: RoleText, values: Mapping[str, Any]) -> str:
    name = rendered(text, values)
    if not _UNIT_NAME.fullmatch(name):
        raise InventoryError(
            f"{name!r} cannot be the name of a service",
            where=text.place,
            hint="letters, digits and : _ . - only, at most 200",
        )
    return name
