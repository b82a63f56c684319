"""systemd's services of the system: the same units, in /etc, and each names the user it runs as."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import SYSTEM_UNITS
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.definition import Definition, HostWritten, Text
from hermes_ops.services.systemd import OWN_DROP_IN, Systemd
from hermes_ops.services.units.unit import SystemUnit


class SystemdSystem(Systemd):
    """The system's own systemd: it starts services at the boot, and only root changes them.

    A name stands for one unit of the host, whichever user it runs as.
    """

    name = "systemd-system"
    lingers = False
    together = ""
    orders = "services/systemd-system_orders"
    by_root = True
    folder = SYSTEM_UNITS
    target = "multi-user.target"
    seen = SystemUnit
    marked = (f"{SYSTEM_UNITS}/", f".service.d/{OWN_DROP_IN}", ".service")
    by_hand = "systemd-system/by-hand.sh.j2"
    definitions = ()  # the audit reads these for whoever looks

    def is_automatic(self, facts: Facts) -> bool:
        """Whether `auto` may choose it: never, as it needs root."""
        del facts
        return False

    def elsewhere(self, facts: Facts) -> Conflict | None:
        """Return nothing: its units are in no home."""
        del facts
        return None

    def account(self, facts: Facts) -> dict[str, str]:
        """Return the user that each unit names, and the group."""
        return {"user": facts.user, "group": facts.group or facts.user}

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Definition]:
        """Return the same files and links, in the folder of the system.

        Raises:
            Conflict: a unit of this name is another user's, or would not run as this one.
        """
        if other := facts.taken.get(str(self.unit_path(service))):
            words = f"{self.unit_path(service)} runs a gateway of {other}, and a host has one"
            hint = "give one profile another name, or set hermes_service_manager: systemd"
            raise Conflict(f"{words} system unit of a name", hint=hint)
        for part in super().definition(service, facts, values, enabled=enabled):
            refuse_unsafe(part, facts, values)
            yield part

    def removal(self, foreign: Sequence[str], facts: Facts) -> str:
        """Return the command that removes units and drop-ins of others."""
        del facts
        return f"sudo rm {shlex.join(foreign)} && sudo systemctl daemon-reload"

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the command that starts, restarts or stops the service, as root."""
        _, *words = super().control(service, verb, known=known)
        return ("systemd_system_do", *words)

    def revival(self, facts: Facts) -> str:
        """Return what to look at if the system's own systemd does not answer."""
        del facts
        return "on the host, look: systemctl is-system-running"

    def typed(self, verb: str, service: ServiceSpec, facts: Facts) -> str:
        """Return the command of systemctl, or Hermes' own that makes the unit, for root."""
        if verb == "install":
            words = f"sudo {facts.hermes_by_hand} -p {service.profile} gateway install"
            return f"{words} --system --run-as-user {facts.user}"
        return f"sudo systemctl {verb} {self.id(service)}"

    def without(self, names: Sequence[str], service: ServiceSpec, facts: Facts) -> str:
        """Return the command that takes variables out of the system's systemd, and restarts."""
        del facts
        unset = f"sudo systemctl unset-environment {shlex.join(names)}"
        return f"on the host: {unset} && sudo systemctl restart {self.id(service)}"

    def reload(self, *removed: PurePosixPath) -> tuple[str, ...]:
        """Return the command that makes systemd read changed units, as root."""
        _, *folders = super().reload(*removed)
        return ("systemd_system_reload", *folders)

    def proof_of(self, service: ServiceSpec) -> tuple[str, ...]:
        """Return the command that lets systemd read the unit as it will be."""
        return ("systemd_system_proof", self.id(service))


def refuse_unsafe(part: Definition, facts: Facts, values: Mapping[str, Any]) -> None:
    """Refuse a unit that would run as root by mistake, or that root's Hermes would have to write.

    Raises:
        Conflict: with what to set instead.
    """
    if isinstance(part, HostWritten):
        words = f"the system unit of Hermes {values['program_version']} is not known"
        known = "a version whose unit is known (docs/versions.md)"
        raise Conflict(words, hint=f"set hermes_service_manager: systemd, or use {known}")
    if isinstance(part, Text) and part.base and f"\nUser={facts.user}\n" not in part.content:
        words = f"the unit that the template makes does not run as {facts.user}"
        raise Conflict(words, hint="write into its [Service]: User={{ user }}")
