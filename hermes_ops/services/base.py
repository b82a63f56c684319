"""What a service is, for every manager alike, and the templates that define it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from hermes_ops.assets import TEMPLATES
from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Profile, ServiceSettings
from hermes_ops.inventory.role import Role, RoleText
from hermes_ops.look.facts import Facts
from hermes_ops.templates import render


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One profile's service, independent of the manager; `home` is relative to the user's home."""

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
    """How to see that it is ready: `process`, `http` (`url` answers) or `hermes`."""
    url: str
    settings: ServiceSettings
    role: Role


@cache
def template(role_folder: Path, name: str) -> str:
    """Return the text of a template of the role's own folder, or of `templates/`."""
    return template_file(role_folder, name).read_text(encoding="utf-8")


def template_file(role_folder: Path, name: str) -> Path:
    """Return the file of a template: that of the role's own folder comes before ours."""
    for path in (role_folder / "templates" / Path(name).name, TEMPLATES / name):
        if path.is_file():
            return path
    raise InventoryError(f"the template {name} does not exist", where=str(role_folder / "role.yml"))


def unit_template(text: str) -> str:
    """Return the name of the unit's template for a kind of text (`text:` in role.yml)."""
    return "hermes-gateway.service.j2" if text == "hermes" else f"{text}.service.j2"


VALUES = frozenset(
    {
        "command", "description", "fatal_exit", "home", "home_dir", "path", "profile",
        "program_version", "python", "quiet_install", "service_home", "settings", "stop_timeout",
        "unit", "unit_runs_python", "unit_text_known", "unit_type", "virtual_env", "watchdog",
        "write",
    }
)  # fmt: skip
"""The values that every manager gets for its definition of a service: `hermes.gateway.values_for`.

`unit` is `ServiceSpec.name`; `home` is relative to the user's home, `home_dir` (that home),
`service_home` and `python` are absolute; `command` and `write` are lists of words; `stop_timeout`
and `watchdog` are seconds, 0 for none. `path` and `virtual_env` are there for `text: hermes` only.
`unit_type` is how a unit that Hermes wrote has to go on behind `Type=`: a version that never tells
systemd of its start is never up in one that waits for it.
"""


_GENERATE = """\
import sys
from pathlib import Path
from hermes_cli import gateway
path = Path(sys.argv[1])
path.parent.mkdir(parents=True, exist_ok=True)
new = path.with_name(f".{path.name}.new")
new.write_text(getattr(gateway, sys.argv[2])(), encoding="utf-8")
new.chmod(0o644)
new.replace(path)
"""


def generated(generator: str, path: PurePosixPath, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words by which a function of Hermes' own makes its text, and nothing else.

    `gateway install` may ask, start a service, or guess where it belongs.
    """
    home = f"HERMES_HOME={values['service_home']}"
    return home, values["python"], "-c", _GENERATE, str(path), generator


SUPERVISED = "HERMES_GATEWAY_EXTERNAL_SUPERVISOR"
"""Tells Hermes that a manager which it does not know runs it."""


def process_environment(
    service: ServiceSpec, facts: Facts, values: Mapping[str, Any]
) -> dict[str, str]:
    """Return the environment of a service whose manager gives it no other, as supervisord does."""
    own = {"HOME": facts.home, "USER": facts.user, "LOGNAME": facts.user, "LANG": "C.UTF-8"}
    if service.text == "hermes":
        own |= {
            "PATH": values["path"],
            "VIRTUAL_ENV": values["virtual_env"],
            "HERMES_HOME": values["service_home"],
            # Without it Hermes' guards mistake the running gateway for a second one.
            SUPERVISED: "1",
        }
    return own | dict(service.environment)


def naming(profile: Profile) -> dict[str, Any]:
    """Return the values for a role's texts that are known without the facts of a host."""
    return {
        "profile": profile.name,
        "description": profile.description,
        "settings": profile.service.settings,
    }


def rendered(text: RoleText, values: Mapping[str, Any]) -> str:
    """Return a text of a role with its expressions replaced.

    Raises:
        InventoryError: an expression is wrong; the error names the text's line and column.
    """
    try:
        return render(text.source, values)
    except InventoryError as error:
        raise InventoryError(error.message, hint=error.hint, where=text.place) from None


def rendered_path(text: RoleText, values: Mapping[str, Any]) -> PurePosixPath:
    """Return a path of a role, which must stay below the user's home."""
    path = PurePosixPath(rendered(text, values))
    if not path.parts or path.is_absolute() or path.parts[0][0] == "~" or ".." in path.parts:
        raise InventoryError(f"{str(path)!r} is not a path below the user's home", where=text.place)
    return path


def service_name(profile: Profile, role: Role) -> str:
    """Return the name of the profile's service."""
    return rendered(role.service.name, naming(profile) | {"home": home_of(profile, role)})


def home_of(profile: Profile, role: Role) -> str:
    """Return the profile's folder, relative to the user's home."""
    return str(rendered_path(role.home, naming(profile)))
