"""A job of launchd as checks see it, asked alone or with all other jobs at once."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from hermes_ops.services import checks
from hermes_ops.services.manager import CheckedService

_PRINT = """\
label=%s
for domain in DOMAINS; do
  /bin/launchctl print "$domain/$label" 2>/dev/null && exit
done
exit 113"""
ENABLED = "test -f %s"


Domains = tuple[str, ...]
"""As shell words; each override of the last one counts for the others, too."""


def print_of(domains: Domains) -> str:
    """Return the command that shows a job, wherever it is loaded."""
    return _PRINT.replace("DOMAINS", " ".join(domains))


def disabled_of(domains: Domains) -> str:
    """Return the command that shows which jobs may not be loaded."""
    return f"/bin/launchctl print-disabled {domains[-1]}"


class LaunchdJob:
    """An agent of the user, wherever it is loaded."""

    domains: Domains = ("gui/$(id -u)", "user/$(id -u)")

    def __init__(self, host: Any, service: CheckedService, plist: str) -> None:
        self._host, self._label, self._plist = host, service.unit, plist

    @property
    def enablement(self) -> str:
        """Return `enabled` if launchd loads it by itself: at the next login, or at the boot."""
        barred = self._host.run(disabled_of(self.domains))
        if barred.rc:
            return "unknown to launchd"
        words = (f'"{self._label}" => disabled', f'"{self._label}" => true')
        if any(word in barred.stdout for word in words):
            return "disabled"
        return checks.enablement(self._host.run(ENABLED, self._plist))

    @property
    def activity(self) -> str:
        """Return its state, in systemd's word for running."""
        state = self._own().get("state", "not loaded")
        return "active" if state == "running" else state

    @property
    def pid(self) -> int:
        """Return the pid of its process."""
        found = self._own().get("pid", "")
        assert found.isdigit() and int(found), f"{self._label} has no process"  # noqa: S101 - it fails the check
        return int(found)

    def variable(self, name: str) -> str | None:
        """Return a variable that launchd gives to the process."""
        return environment(self._ask()).get(name)

    def ends_with_session(self, process: Any) -> str:
        """Return why it would end with a session: jobs of launchd are in no login's own."""
        return "" if process.pid == self.pid else f"launchd does not have process {process.pid}"

    def _own(self) -> Mapping[str, str]:
        return own(self._ask())

    def _ask(self) -> str:
        return str(self._host.run(print_of(self.domains), self._label).stdout)


class SystemJob(LaunchdJob):
    """A daemon, which runs as the user that its list names."""

    domains = ("system",)


def own(printed: str) -> dict[str, str]:
    """Return what `launchctl print` says of the job itself: the lines with one tab.

    An argument may have lines that look the same: state and path stand before all arguments, and
    the others behind the last `domain`.
    """
    found: dict[str, str] = {}
    for line in printed.splitlines():
        if pair := re.fullmatch(r"\t(\w[^\t=]*) = (.*)", line):
            name, value = pair.groups()
            if name == "domain":
                found = {key: found[key] for key in ("state", "path") if key in found}
            found[name] = found.get(name, value) if name in ("state", "path") else value
    return found


def environment(printed: str) -> dict[str, str]:
    """Return the variables in the block `environment` of the job."""
    _, _, behind = printed.partition("\n\tenvironment = {\n")
    lines = behind.partition("\n\t}")[0].splitlines()
    pairs = (line.strip().partition(" => ") for line in lines)
    return {name: value for name, arrow, value in pairs if arrow}


# --- all jobs at once ---------------------------------------------------------------------------

_END = "== end of a job =="


def ahead(services: Sequence[CheckedService], domains: Domains = LaunchdJob.domains) -> str:
    """Return shell that asks about all jobs, one after the other; it sets `pids`."""
    labels = shlex.join(service.unit for service in services)
    return f"""\
{disabled_of(domains)} 2>/dev/null
echo "{_END}"
pids=
for label in {labels}; do
  shown=
  for domain in {" ".join(domains)}; do
    shown=$(/bin/launchctl print "$domain/$label" 2>/dev/null) && break
  done
  printf '%s\\n%s\\n' "$shown" "{_END}"
  pids="$pids $(printf '%s\\n' "$shown" | sed -n 's/^\tpid = \\([0-9]*\\)$/\\1/p' | tail -n 1)"
done"""


def foreseen(
    services: Sequence[CheckedService], printed: str, domains: Domains = LaunchdJob.domains
) -> dict[tuple[str, ...], str]:
    """Return the output of each command that follows from these answers, if it would succeed."""
    barred, *shown = printed.split(f"{_END}\n")
    is_told = "disabled services" in barred
    known: dict[tuple[str, ...], str] = {(disabled_of(domains),): barred} if is_told else {}
    if len(shown) >= len(services):
        pairs = zip(services, shown, strict=False)
        known |= {(print_of(domains), service.unit): text for service, text in pairs if own(text)}
    return known
