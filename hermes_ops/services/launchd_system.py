"""launchd's daemons: they start at the boot, without a login, and name the user they run as."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import CONFIG, LAUNCH_DAEMONS
from hermes_ops.look.facts import Facts, Unit
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.definition import Definition, Text
from hermes_ops.services.jobs import job, plist
from hermes_ops.services.launchd import UNLOADED, Launchd

MARKS = CONFIG / "launchd-system"


class LaunchdSystem(Launchd):
    """launchd in the domain `system`, for Macs that nobody logs in to; only root changes it.

    Hermes has no text for a daemon: ours is its agent's, with a user. A label stands for one daemon
    of the host, whichever user it runs as.
    """

    name = "launchd-system"
    orders = "services/launchd-system_orders"
    folder = LAUNCH_DAEMONS
    marks = MARKS
    seen = job.SystemJob
    together = ""
    by_root = True
    text_known = ""
    key_needed = True
    marked = (f"{MARKS}/", ".conf", "")
    by_hand = "launchd-system/by-hand.sh.j2"
    definitions = ()  # the audit reads these for whoever looks
    shell_paths: Mapping[str, PurePosixPath] = {
        "launchd_system_folder": LAUNCH_DAEMONS,
        "launchd_system_notes": PurePosixPath("/var/db/hermes-ops"),
    }

    def why_not(self, facts: Facts) -> str:
        """Return why it cannot run this user's services; whatever HOME is, the plist names it."""
        if facts.system != "Darwin" or "launchctl" not in facts.tools:
            return f"no launchd runs here ({facts.system})"
        return ""

    def is_automatic(self, facts: Facts) -> bool:
        """Whether `auto` may choose it: never, as it needs root."""
        del facts
        return False

    def account(self, facts: Facts) -> dict[str, str]:
        """Return the user that each plist names, and the group."""
        return {"user": plist.text(facts.user), "group": plist.text(facts.group or "staff")}

    def variables(self, service: ServiceSpec, facts: Facts) -> dict[str, str]:
        """Return the environment of a program that is no gateway: launchd may set none of it."""
        own = {"USER": facts.user, "LOGNAME": facts.user}
        return own | super().variables(service, facts)

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Definition]:
        """Return the plist in the folder of the system, and the mark in the user's home.

        Raises:
            Conflict: a plist of this name is another user's, or would not run as this one.
        """
        path = self.plist_path(service)
        if other := facts.taken.get(str(path)):
            words = f"{path} runs a job of {other}, and a Mac has one daemon of a label"
            hint = "give one profile another name, or set hermes_service_manager: launchd"
            raise Conflict(words, hint=hint)
        for part in super().definition(service, facts, values, enabled=enabled):
            refuse_root(part, facts)
            yield part

    def removal(self, foreign: Sequence[str], facts: Facts) -> str:
        """Return the command that takes daemons out of launchd that files of others define."""
        units = facts.units.get(self.name, {}).items()
        ids = [id for id, unit in units if unit["Domains"] and unit["Path"] in foreign]
        outs = [f"sudo launchctl bootout {shlex.quote(f'system/{id}')}" for id in ids]
        return " && ".join((*outs, f"sudo {shlex.join(['rm', *foreign])}"))

    def without(self, names: Sequence[str], service: ServiceSpec, facts: Facts) -> str:
        """Return the command that takes variables out of the system, and restarts."""
        del facts
        unset = " && ".join(f"sudo launchctl unsetenv {shlex.quote(name)}" for name in names)
        return f"on the host: {unset} && sudo launchctl kickstart -k system/{service.label}"

    def lost(self, unit: Unit, facts: Facts) -> str:
        """Return why a daemon that we loaded is not loaded any more: no login has to do with it."""
        del unit, facts
        return UNLOADED

    def announcement(self, service: ServiceSpec) -> tuple[str, ...]:
        """Return the command that announces an end to Hermes: root writes nothing in a home."""
        return ("launchd_system_announce", service.label, str(service.home))

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the command that starts, restarts or stops the daemon, as root."""
        _, *words = super().control(service, verb, known=known)
        return ("launchd_system_do", *words)

    def switch(self, service: ServiceSpec, *, enabled: bool) -> tuple[str, ...]:
        """Return the command that lets launchd load the daemon by itself, or forbids it."""
        _, *words = super().switch(service, enabled=enabled)
        return ("launchd_system_switch", *words)

    def proof_of(self, service: ServiceSpec) -> tuple[str, ...]:
        """Return the command that lets plutil read the plist as it will be."""
        return ("launchd_system_proof", service.label)


def refuse_root(part: Definition, facts: Facts) -> None:
    """Refuse a plist that would run as root by mistake.

    Raises:
        Conflict: with what to write into the template.
    """
    if not isinstance(part, Text) or not part.base:
        return
    if plist.loaded(part.content).get("UserName") != facts.user:
        words = f"the property list that the template makes does not run as {facts.user}"
        hint = "write into its dict: <key>UserName</key><string>{{ user }}</string>"
        raise Conflict(words, hint=hint)
