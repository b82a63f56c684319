"""A unit of systemd as checks see it, asked alone or with all other units at once."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any, Final

from hermes_ops.services import checks
from hermes_ops.services.manager import CheckedService

ENABLED: Final = "is-enabled"
ACTIVE: Final = "is-active"
MAIN_PID: Final = "show --property=MainPID --value"
LINGERS: Final = "lingers"
Words = tuple[str, ...]
"""A command for `host.run`: its text, and its arguments."""


class SystemdUnit:
    """A unit of the user's systemd."""

    scope = "--user"

    def __init__(self, host: Any, service: CheckedService) -> None:
        self._host, self._service = host, service

    @property
    def enablement(self) -> str:
        """Return whether it is enabled by the links on the disk, which the next boot follows."""
        said = checks.word(self._ask(ENABLED))
        return "not installed" if said.startswith("Failed to get unit file state") else said

    @property
    def activity(self) -> str:
        """Return its state."""
        return checks.word(self._ask(ACTIVE))

    @property
    def pid(self) -> int:
        """Return the pid of its main process."""
        return checks.pid(self._ask(MAIN_PID), self._service.unit)

    def variable(self, name: str) -> str | None:
        """Return a variable that systemd gives to the process."""
        return checks.variable(name, self._ask("show --property=Environment --value").stdout)

    def ends_with_session(self, process: Any) -> str:
        """Return why it would end with a session: no linger, or outside the user manager."""
        user = self._service.user
        if self._host.run(*_lingering(self._service)).rc:
            return f"{user} does not linger"
        inside = f"user@{self._service.uid}.service" in process.cgroup.split("/")
        return "" if inside else f"its control group is {process.cgroup}"

    def _ask(self, verb: str) -> Any:
        return self._host.run(*_asking(verb, self._service, self.scope))


class SystemUnit(SystemdUnit):
    """A unit of the system, which runs as a user."""

    scope = "--system"

    def ends_with_session(self, process: Any) -> str:
        """Return why it would end with a session: it is a part of one."""
        group = process.cgroup
        return "" if self._service.unit in group.split("/") else f"its control group is {group}"


def _asking(verb: str, service: CheckedService, scope: str) -> tuple[str, str]:
    return f"systemctl {scope} {verb} -- %s", service.unit


def _lingering(service: CheckedService) -> tuple[str, str]:
    return "test -e %s", f"/var/lib/systemd/linger/{service.user}"


# --- all units at once --------------------------------------------------------------------------


def ahead(services: Sequence[CheckedService], scope: str) -> str:
    """Return shell that asks about all units, with one program for all of them; it sets `pids`."""
    units = shlex.join(service.unit for service in services)
    _, lingers = _lingering(services[0])
    return f"""\
systemctl {scope} is-enabled -- {units} 2>/dev/null
echo =
shown=$(systemctl {scope} show --property=ActiveState --property=MainPID -- {units} 2>/dev/null)
printf '%s\\n=\\n' "$shown"
[ ! -e {shlex.quote(lingers)} ] || echo {LINGERS}
pids=$(printf '%s\\n' "$shown" | sed -n 's/^MainPID=//p')"""


def foreseen(services: Sequence[CheckedService], printed: str, scope: str) -> dict[Words, str]:
    """Return the output of each command that follows from these answers, if it would succeed."""
    enabled, shown, lingers = (*re.split("^=\n", printed, flags=re.MULTILINE), "", "", "")[:3]
    words, blocks = enabled.split(), shown.strip().split("\n\n")
    known: dict[Words, str] = {}
    if lingers.strip() == LINGERS:
        known[_lingering(services[0])] = ""
    if len(words) == len(services):
        known |= {
            _asking(ENABLED, service, scope): f"{word}\n"
            for service, word in zip(services, words, strict=True)
            if word == "enabled"
        }
    if len(blocks) == len(services):
        for service, block in zip(services, blocks, strict=True):
            known |= _shown(service, block, scope)
    return known


def _shown(service: CheckedService, block: str, scope: str) -> dict[Words, str]:
    lines = dict(line.partition("=")[::2] for line in block.splitlines())
    known: dict[Words, str] = {_asking(MAIN_PID, service, scope): f"{lines.get('MainPID', 0)}\n"}
    if lines.get("ActiveState") == "active":
        known[_asking(ACTIVE, service, scope)] = "active\n"
    return known
