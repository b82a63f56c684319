"""Make a profile's service from its role, and check the role's templates for every manager."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from hermes_ops.assets import TEMPLATES
from hermes_ops.errors import InventoryError
from hermes_ops.inventory.model import Profile, ServiceSettings
from hermes_ops.inventory.role import Role, RoleText
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import (
    VALUES,
    ServiceSpec,
    home_of,
    naming,
    rendered,
    template,
    template_file,
)
from hermes_ops.templates import refuse_endless, undefined_names

WORD_FACTS = frozenset(
    {"home_dir", "program_version", "python", "service_home", "stop_timeout", "unit", "watchdog"}
)
"""Those of `VALUES` that are known only after the look, and that `command` and `write` may use."""


@cache
def _refuse_unknown_names(folder: Path, source: str, known: frozenset[str]) -> None:
    """Refuse a template with unknown names, or without an end, before any host is changed."""
    file = template_file(folder, source)
    if file.is_relative_to(TEMPLATES):
        return  # a test checks ours: to parse them here would load Jinja before any host is asked
    text = template(folder, source)
    refuse_endless(text, dict.fromkeys(known, ""), str(file))
    for name in sorted(undefined_names(text, known, name=str(file))):
        raise InventoryError(
            f"{name!r} is not defined",
            where=str(file),
            hint=f"this template may use: {', '.join(sorted(known))}",
        )


_UNIT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.-]{0,199}")
"""The names that systemd (`systemd.unit(5)`), launchd and supervisord all accept."""


def describe(profile: Profile, role: Role) -> ServiceSpec:
    """Return the service of a profile, as its role defines it.

    Raises:
        InventoryError: a text of the role uses a name that nothing defines.
    """
    service, home = role.service, home_of(profile, role)
    values = naming(profile) | {"home": home}
    for word in (*service.command, *service.write):
        rendered(word, values | dict.fromkeys(WORD_FACTS, ""))
    for manager in MANAGERS.values():
        for source in manager.templates(service.text):
            _refuse_unknown_names(role.folder, source, VALUES | manager.template_names)
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
        settings=profile.service.over(ServiceSettings(**service.limits)),
        role=role,
    )


def _unit_name(text: RoleText, values: Mapping[str, Any]) -> str:
    name = rendered(text, values)
    if not _UNIT_NAME.fullmatch(name):
        raise InventoryError(
            f"{name!r} cannot be the name of a service",
            where=text.place,
            hint="use at most 200 letters, digits and : _ . -",
        )
    return name
