"""supervisord, where no service manager works: containers, CI, a HOME that is not the account's."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.look.facts import Facts
from hermes_ops.services.base import HostWritten, Link, ServiceSpec, Text, template
from hermes_ops.templates import render

FOLDER = PurePosixPath(".config/hermes-ops")
CONFIG = FOLDER / "supervisord.conf"
STATE = PurePosixPath(".local/state/hermes-ops")
VERSION = "4.3.0"


class Supervisord:
    """One supervisord for each user, in an environment of its own, its config written by us."""

    name = "supervisord"
    lingers = False
    together = ""

    def program_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return where the service's section is."""
        return FOLDER / "supervisord.d" / f"{service.name}.conf"

    def script_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return where the script is that gives the service its environment."""
        return FOLDER / "supervisord.d" / f"{service.name}.sh"

    def paths(self, service: ServiceSpec) -> Iterable[PurePosixPath]:
        """Return every path that a definition may have here."""
        return (CONFIG, self.program_path(service), self.script_path(service))

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Text | HostWritten | Link]:
        """Return supervisord's own configuration, the service's section and its script."""

        def text(path: PurePosixPath, name: str, more: Mapping[str, Any], mode: int) -> Text:
            source = f"supervisord/{name}"
            content = template(service.role.folder, source)
            return Text(path, render(content, more, name=source), mode, base=path != CONFIG)

        environment = _environment(service, facts, values)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        run_line = shlex.join(["/bin/sh", f"{facts.home}/{self.script_path(service)}"])
        common = _escaped({**values, "state": f"{facts.home}/{STATE}", "user": facts.user})
        section = {**common, "run_line": run_line.replace("%", "%%"), "autostart": enabled}
        script = {"export_lines": lines, "command_line": shlex.join(values["command"])}
        yield text(CONFIG, "supervisord.conf.j2", common, 0o600)
        yield text(self.program_path(service), "program.conf.j2", section, 0o600)
        yield text(self.script_path(service), "run.sh.j2", script, 0o700)

    def is_equal(self, found: str, wanted: str) -> bool:
        """Say whether the section is the one we would write."""
        return found == wanted

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the words that start, restart or stop the service."""
        del known
        return ("supervisor_do", verb, service.name, str(service.home))

    def reload(self) -> tuple[str, ...]:
        """Return nothing: `supervisorctl update` reads a section when it is started."""
        return ()


def _escaped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as supervisord reads them: `%` begins an expansion there."""
    return {
        key: value.replace("%", "%%") if isinstance(value, str) else value
        for key, value in values.items()
    }


def _environment(service: ServiceSpec, facts: Facts, values: Mapping[str, Any]) -> dict[str, str]:
    own = {"HOME": facts.home, "USER": facts.user, "LOGNAME": facts.user, "LANG": "C.UTF-8"}
    if service.text == "hermes":
        own |= {
            "PATH": values["path"],
            "VIRTUAL_ENV": values["virtual_env"],
            "HERMES_HOME": values["service_home"],
            # Hermes' guards otherwise take the running copy for a rival.
            "HERMES_GATEWAY_EXTERNAL_SUPERVISOR": "1",
        }
    return own | dict(service.environment)
