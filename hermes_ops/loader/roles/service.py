"""`service:` and `readiness:` of a role."""

from __future__ import annotations

from pathlib import Path

from hermes_ops.assets import TEMPLATES
from hermes_ops.inventory.role import Readiness, RoleService, RoleText
from hermes_ops.loader.located import Located
from hermes_ops.loader.profiles.env import scalar_text, variable_name
from hermes_ops.loader.profiles.service import limits, refuse_useless_high
from hermes_ops.loader.roles.values import (
    Said,
    flag,
    items_of,
    role_text,
    texts_of,
    word_of,
    words_of,
)
from hermes_ops.loader.schema import filled, suggestion
from hermes_ops.services.base import unit_template


def role_service(entry: Located, folder: Path) -> RoleService:
    """Return the value of `service`; its keys are already checked."""
    found = filled(entry)
    _check_unit(entry, found, folder)
    limited = filled(found["limits"]) if "limits" in found else {}
    refuse_useless_high(limited, {})
    return RoleService(
        name=role_text(found["name"]),
        command=texts_of(found, "command"),
        label=role_text(found["label"]) if "label" in found else None,
        text=word_of(found, "text", "service"),
        write=texts_of(found, "write"),
        environment=_environment(found["environment"]) if "environment" in found else {},
        planned_stop=flag(found, "planned_stop"),
        fatal_exit=tuple(item.data for item in items_of(found, "fatal_exit")),
        watchdog=found["watchdog"].data if "watchdog" in found else 0,
        hardening=words_of(found, "hardening"),
        limits=limits(limited),
    )


def _check_unit(entry: Located, found: Said, folder: Path) -> None:
    text = word_of(found, "text", "service")
    own, ours = folder / "templates", TEMPLATES / "systemd"
    if not any((place / unit_template(text)).is_file() for place in (own, ours)):
        made = [file.name.removesuffix(_UNIT) for file in sorted(own.glob(f"*{_UNIT}"))]
        message = f"'text': there is no template {unit_template(text)!r}"
        raise found["text"].error(message, suggestion(text, ["hermes", "service", *made]))
    if text == "hermes" and "write" not in found:
        raise entry.error("'text: hermes' needs 'write': the words by which Hermes writes its unit")
    if text != "hermes" and "write" in found:
        raise found["write"].error("'write' has no meaning without 'text: hermes'")


_UNIT = ".service.j2"


def _environment(section: Located) -> dict[str, RoleText]:
    return {
        variable_name(name, entry): RoleText(scalar_text(str(name), entry), entry.place)
        for name, entry in section.entries.items()
    }


def readiness(entry: Located) -> Readiness:
    """Return the value of `readiness`; its keys are already checked."""
    found = filled(entry)
    kind = word_of(found, "kind", Readiness().kind)
    if kind == "http" and "url" not in found:
        raise entry.error("'kind: http' needs 'url': what must answer with 200")
    if kind != "http" and "url" in found:
        raise found["url"].error("'url' has no meaning without 'kind: http'")
    return Readiness(kind, role_text(found["url"]) if "url" in found else None)
