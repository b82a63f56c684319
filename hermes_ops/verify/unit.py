"""What a service manager says of a service, asked through `host.run`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from hermes_ops.services.supervisord import CONFIG, FOLDER, STATE
from hermes_ops.verify.service import Service

SUPERVISORCTL = ".local/share/hermes-ops/supervisor/current/venv/bin/supervisorctl"


class Unit(Protocol):
    """A service, as its manager knows it; every question is asked anew."""

    @property
    def enablement(self) -> str:
        """The manager's word: `enabled` where it starts the service by itself."""

    @property
    def activity(self) -> str:
        """The manager's word: `active` where the service runs."""

    @property
    def pid(self) -> int:
        """The service's main process; without one the check fails."""

    def variable(self, name: str) -> str | None:
        """Return a variable that the manager gives to the process."""


class SystemdUnit:
    """A unit of the user's own systemd, which is not the one of the system."""

    def __init__(self, host: Any, service: Service) -> None:
        self._host, self._name = host, service.unit

    @property
    def enablement(self) -> str:
        """Return what the links on the disk say: the next boot goes by them."""
        return _word(self._host.run("systemctl --user is-enabled -- %s", self._name))

    @property
    def activity(self) -> str:
        """Return its state."""
        return _word(self._host.run("systemctl --user is-active -- %s", self._name))

    @property
    def pid(self) -> int:
        """Return its main process."""
        asked = "systemctl --user show --property=MainPID --value -- %s"
        return _pid(self._host.run(asked, self._name), self._name)

    def variable(self, name: str) -> str | None:
        """Return a variable that the manager gives to the process."""
        asked = "systemctl --user show --property=Environment --value -- %s"
        return _variable(name, self._host.run(asked, self._name).stdout)


class SupervisedProgram:
    """A program of the user's supervisord."""

    def __init__(self, host: Any, service: Service) -> None:
        self._host, self._name = host, service.name
        home = service.user_home
        self._files = f"{home}/{FOLDER}/supervisord.d/{service.name}"
        self._pid_file = f"{home}/{STATE}/supervisord.pid"
        self._ctl = (f"{home}/{SUPERVISORCTL}", f"{home}/{CONFIG}", service.name)

    @property
    def enablement(self) -> str:
        """Return whether supervisord starts it when it starts itself."""
        found = self._host.run("grep -qx autostart=true %s", f"{self._files}.conf")
        return "enabled" if found.rc == 0 else "disabled"

    @property
    def activity(self) -> str:
        """Return its state in systemd's words where they mean the same."""
        words = self._host.run("%s -c %s status %s", *self._ctl).stdout.split()
        state = words[1] if len(words) > 1 else "unknown to supervisord"
        return {"RUNNING": "active", "STOPPED": "inactive"}.get(state, state)

    @property
    def pid(self) -> int:
        """Return its process."""
        return _pid(self._host.run("%s -c %s pid %s", *self._ctl), self._name)

    def variable(self, name: str) -> str | None:
        """Return a variable that the script which starts the process sets."""
        asked = "grep ^export.%s= %s"
        return _variable(name, self._host.run(asked, name, f"{self._files}.sh").stdout)

    @property
    def supervisor(self) -> int:
        """Return supervisord itself."""
        return _pid(self._host.run("cat -- %s", self._pid_file), "supervisord")


UNITS: Mapping[str, Callable[[Any, Service], Unit]] = {
    "systemd": SystemdUnit,
    "supervisord": SupervisedProgram,
}


def _word(ended: Any) -> str:
    return str(ended.stdout.strip() or ended.stderr.strip() or "unknown")


def _variable(name: str, text: str) -> str | None:
    words = [word.partition("=") for word in shlex.split(text)]
    return next((value for key, equals, value in words if equals and key == name), None)


def _pid(ended: Any, name: str) -> int:
    said = ended.stdout.strip()
    assert said.isdigit() and int(said), f"{name} has no process"  # noqa: S101 - it fails the check
    return int(said)
