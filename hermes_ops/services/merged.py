"""A service as its manager merged it from all its files: whether it still is the wanted one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.definition import Text
from hermes_ops.services.manager import ServiceManager
from hermes_ops.services.report import ManagerReport


def refuse_other_command(
    service: ServiceSpec, manager: ServiceManager, facts: Facts, values: Mapping[str, Any]
) -> None:
    """Refuse a service for which files of others set another command or another home.

    Raises:
        Conflict: names the files, and the command that removes them.
    """
    told = manager.told(service, facts)
    if not told.foreign:
        return
    parts = manager.definition(service, facts, values, enabled=True)
    texts = [part.content for part in parts if isinstance(part, Text) and part.base]
    if wrong := _other_command(told, manager.command_line("\n".join(texts)), values):
        change = "changes it" if len(told.foreign) == 1 else "change it"
        raise Conflict(
            f"{manager.id(service)} {wrong}: {' and '.join(told.foreign)} {change}",
            hint=f"on the host: {manager.removal(told.foreign, facts)}",
        )


def _other_command(told: ManagerReport, line: str, values: Mapping[str, Any]) -> str:
    """Return how the command or the home differs from what is wanted; empty if it does not."""
    merged, wanted = _plain_words(told.command), _plain_words(line)
    if merged and wanted and merged != wanted:
        same = merged[0] == wanted[0]
        return "runs its program in another way" if same else f"runs {merged[0]}"
    home = values["service_home"]
    return f"has {told.home} as its HERMES_HOME" if told.home and told.home != home else ""


def _plain_words(line: str) -> list[str]:
    """Return the words without systemd's quotes and escapes, which it does not show again."""
    return re.sub(r"[\"'\\]", "", line).replace("$$", "$").replace("%%", "%").split()
