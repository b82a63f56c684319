"""A service manager that knows nothing but a process and its number in a file."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.look.facts import Facts
from hermes_ops.services import checks
from hermes_ops.services.base import ServiceSpec, process_environment, template
from hermes_ops.services.definition import Definition, DefinitionPath, Link, Text
from hermes_ops.services.manager import CheckedService, ServiceManager, UnitCheck
from hermes_ops.services.report import ManagerReport
from hermes_ops.templates import render

FOLDER = PurePosixPath(".config/toy")
SCRIPT = "toy/service.sh.j2"


class Toy(ServiceManager):
    """Starts a script that it reads each time, and remembers its process; needs a shell alone."""

    name = "toy"
    systems = frozenset({"Linux"})
    by_hand = "toy/by-hand.sh.j2"
    unenforced = frozenset({"memory_max", "watchdog"})
    shell_paths: Mapping[str, PurePosixPath] = {"toy_folder": FOLDER}
    template_names = frozenset({"command_line", "export_lines"})

    def is_automatic(self, facts: Facts) -> bool:
        """Whether `auto` may choose it: never."""
        del facts
        return False

    def id(self, service: ServiceSpec) -> str:
        """Return its name for the service."""
        return f"toy-{service.name}"

    def templates(self, text: str) -> tuple[str, ...]:
        """Return the script's template."""
        del text
        return (SCRIPT,)

    def paths(self, service: ServiceSpec) -> Iterable[DefinitionPath]:
        """Return the script, and the link that stands for `enabled`."""
        yield DefinitionPath(FOLDER / f"{self.id(service)}.sh", "unit")
        yield DefinitionPath(FOLDER / "enabled" / self.id(service), "link")

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Definition]:
        """Return the script and the link."""
        script, link = (known.path for known in self.paths(service))
        variables = process_environment(service, facts, values)
        environment = [f"export {n}={shlex.quote(v)}" for n, v in variables.items()]
        given = {"export_lines": environment, "command_line": shlex.join(values["command"])}
        text = render(template(service.role.folder, SCRIPT), given, name=SCRIPT)
        yield Text(script, text, 0o700, base=True)
        if enabled:
            yield Link(link, f"../{script.name}")

    def told(self, service: ServiceSpec, facts: Facts) -> ManagerReport:
        """Return whether its process lives."""
        unit, (script, link) = facts.unit(self.name, self.id(service)), self.paths(service)
        pid = unit.number("MainPID")
        return ManagerReport(
            installed=str(script.path) in facts.paths,
            enabled=str(link.path) in facts.paths,
            activity="active" if pid else "inactive",
            pid=pid,
        )

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the words of `toy.sh`."""
        del known
        return ("toy_do", verb, self.id(service))

    def check(self, host: Any, service: CheckedService) -> UnitCheck:
        """Return the process for checks."""
        return ToyUnit(host, service)


class ToyUnit:
    """A process by the number in its file."""

    def __init__(self, host: Any, service: CheckedService) -> None:
        self._host, self._name = host, service.unit
        self._folder = f"{service.user_home}/{FOLDER}"

    @property
    def enablement(self) -> str:
        """Return whether there is the link."""
        return checks.enablement(
            self._host.run("test -L %s", f"{self._folder}/enabled/{self._name}")
        )

    @property
    def activity(self) -> str:
        """Return whether the process lives."""
        alive = self._host.run("kill -0 $(cat %s)", f"{self._folder}/{self._name}.pid")
        return "active" if alive.rc == 0 else "inactive"

    @property
    def pid(self) -> int:
        """Return the process."""
        return checks.pid(self._host.run("cat %s", f"{self._folder}/{self._name}.pid"), self._name)

    def variable(self, name: str) -> str | None:
        """Return nothing: the kernel tells."""
        del name
        return None

    def ends_with_session(self, process: Any) -> str:
        """Return nothing: its processes have sessions of their own."""
        del process
        return ""
