"""supervisord, for hosts without a usable service manager: containers, CI, another HOME."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files.layout import CONFIG, STATE, WRAPPER, environment, joined
from hermes_ops.inventory.role import ProgramRole
from hermes_ops.look.facts import Facts
from hermes_ops.services import checks
from hermes_ops.services.base import ServiceSpec, process_environment, template
from hermes_ops.services.definition import Definition, DefinitionPath, Text
from hermes_ops.services.manager import CheckedService, ServiceManager, UnitCheck
from hermes_ops.services.protection.limits import ENFORCED
from hermes_ops.services.report import PATIENCE, ManagerReport
from hermes_ops.templates import render

CONF = CONFIG / "supervisord.conf"
PROGRAMS = CONFIG / "supervisord.d"
PID_FILE = STATE / "supervisord.pid"


class Supervisord(ServiceManager):
    """One supervisord for each user, in its own environment, with a configuration that we write.

    It runs everywhere: it only needs a Python, and the plan refuses if there is none. It needs no
    reload: each start calls `supervisorctl update`, which reads the section.
    """

    name = "supervisord"
    log_ends = (".log", ".log.1")
    systems = frozenset({"Linux", "Darwin"})
    program = ProgramRole("supervisor", "supervisor", "4.3.0")
    definitions = (f"{PROGRAMS}/hermes-gateway*.sh",)
    marked = (f"{PROGRAMS}/", ".conf", "")
    by_hand = "supervisord/by-hand.sh.j2"
    unenforced = ENFORCED - {"nice"}
    key_needed = True
    shell_paths: Mapping[str, PurePosixPath] = {
        "supervisor_venv": environment("supervisor"),
        "supervisor_conf": CONF,
        "supervisor_pid_file": PID_FILE,
        "supervisor_socket": STATE / "supervisor.sock",
    }
    template_names = frozenset(
        {
            "autostart",
            "command_line",
            "export_lines",
            "nice",
            "run_line",
            "state",
            "stop_signal",
            "user",
        }
    )

    def id(self, service: ServiceSpec) -> str:
        """Return the name of the program."""
        return service.name

    def profile_of(self, id: str) -> str | None:
        """Return the profile of a gateway's program: we name the program after it."""
        name = id.removeprefix("hermes-gateway")
        return (name.removeprefix("-") or "default") if name != id else None

    def templates(self, text: str) -> tuple[str, ...]:
        """Return the templates of the section and of the script."""
        del text
        return ("supervisord/program.conf.j2", "supervisord/run.sh.j2")

    def program_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return the path of the service's section."""
        return joined(PROGRAMS, f"{service.name}.conf")

    def script_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return the path of the script that sets the service's environment."""
        return joined(PROGRAMS, f"{service.name}.sh")

    def paths(self, service: ServiceSpec) -> Iterable[DefinitionPath]:
        """Return every path that the service's definition may have."""
        yield DefinitionPath(CONF, "shared")
        yield DefinitionPath(self.program_path(service), "unit")
        yield DefinitionPath(self.script_path(service), "policy")

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Definition]:
        """Return supervisord's own configuration, the service's section and its script."""

        def text(path: PurePosixPath, name: str, more: Mapping[str, Any], mode: int) -> Text:
            source = f"supervisord/{name}"
            content = template(service.role.folder, source)
            return Text(path, render(content, more, name=source), mode, base=path != CONF)

        environment = process_environment(service, facts, values)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        run_line = shlex.join(["/bin/sh", f"{facts.home}/{self.script_path(service)}"])
        common = _escaped({**values, "state": f"{facts.home}/{STATE}", "user": facts.user})
        section = {
            **common,
            "run_line": run_line.replace("%", "%%"),
            "autostart": enabled,
            # Hermes takes SIGINT for a planned stop, and SIGTERM only if it has not met the marker.
            "stop_signal": "INT" if service.planned_stop else "TERM",
        }
        script = {
            "export_lines": lines,
            "command_line": shlex.join(values["command"]),
            "nice": service.settings.nice or 0,
        }
        yield text(CONF, "supervisord.conf.j2", common, 0o600)
        yield text(self.program_path(service), "program.conf.j2", section, 0o600)
        yield text(self.script_path(service), "run.sh.j2", script, 0o700)

    def is_equal(self, found: str, wanted: str) -> bool:
        """Return whether a text is the wanted one; the wrapper's folder may not be on PATH yet."""
        return found in (wanted, _OF_WRAPPER.sub("", wanted))

    def is_live(self, found: str, wanted: str) -> bool:
        """Return whether two sections differ in nothing but the signal of the next stop."""
        return _SIGNAL.sub("", found) == _SIGNAL.sub("", wanted)

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the command that starts, restarts or stops the service."""
        del known
        return ("supervisor_do", verb, service.name, str(service.home))

    def typed(self, verb: str, service: ServiceSpec, facts: Facts) -> str:
        """Return the command of supervisorctl; Hermes makes no program of it."""
        ctl = f"{facts.home}/{environment('supervisor')}/bin/supervisorctl"
        words = (ctl, "-c", f"{facts.home}/{CONF}", verb, service.name)
        return "" if verb == "install" else shlex.join(words)

    def told(self, service: ServiceSpec, facts: Facts) -> ManagerReport:
        """Return what `supervisorctl status` printed, and whether the section is on the disk.

        Exit codes are not reported; a program ends for good only with the codes in `fatal_exit`.
        """
        unit = facts.unit(self.name, service.name)
        section = str(self.program_path(service))
        return ManagerReport(
            installed=section in facts.paths,
            enabled="autostart=true" in facts.contents.get(section, ""),
            activity=_ACTIVITY.get(unit["State"], "inactive"),
            pid=unit.number("MainPID"),
            restarts=unit.number("Restarts"),
            recent=unit.number("Recent"),
            ended_itself=unit["State"] == "EXITED",
            patience=_patience(facts.contents.get(section, "")),
        )

    def at_boot(self, facts: Facts) -> tuple[str, ...]:
        """Return the command that adds a line to the user's crontab, where there is cron."""
        told = facts.unit(self.name, "@reboot")["State"]
        return ("supervisor_boot",) if told == "off" else ()

    def never_at_boot(self, facts: Facts, gone: Collection[str]) -> tuple[str, ...]:
        """Return the command that takes the line away; a service of any role keeps it."""
        told = facts.unit(self.name, "@reboot")
        left = set(told["Programs"].split()) - set(gone)
        return ("supervisor_unboot",) if told["State"] == "on" and not left else ()

    def check(self, host: Any, service: CheckedService) -> UnitCheck:
        """Return the program as checks see it."""
        return SupervisedProgram(host, service)


class SupervisedProgram:
    """A program of the user's supervisord."""

    def __init__(self, host: Any, service: CheckedService) -> None:
        self._host, self._name = host, service.name
        home = service.user_home
        self._files = f"{home}/{PROGRAMS}/{service.name}"
        self._pid_file = f"{home}/{PID_FILE}"
        program = f"{home}/{environment('supervisor')}/bin/supervisorctl"
        self._ctl = (program, f"{home}/{CONF}", service.name)

    @property
    def enablement(self) -> str:
        """Return `enabled` if supervisord starts it when supervisord itself starts."""
        found = self._host.run("grep -qx autostart=true %s", f"{self._files}.conf")
        return checks.enablement(found)

    @property
    def activity(self) -> str:
        """Return its state, in systemd's words for running and stopped."""
        words = self._host.run("%s -c %s status %s", *self._ctl).stdout.split()
        state = words[1] if len(words) > 1 else "unknown to supervisord"
        return {"RUNNING": "active", "STOPPED": "inactive"}.get(state, state)

    @property
    def pid(self) -> int:
        """Return the pid of its process."""
        return checks.pid(self._host.run("%s -c %s pid %s", *self._ctl), self._name)

    def variable(self, name: str) -> str | None:
        """Return a variable that is set in the script which starts the process."""
        asked = "grep ^export.%s= %s"
        return checks.variable(name, self._host.run(asked, name, f"{self._files}.sh").stdout)

    def ends_with_session(self, process: Any) -> str:
        """Return why the process would end with a session, empty if it is in supervisord's own."""
        supervisor = checks.pid(self._host.run("cat -- %s", self._pid_file), "supervisord")
        inside = process.session == supervisor
        return "" if inside else "it belongs to a session that ends with a shell"


_ACTIVITY = {
    "RUNNING": "active",
    "STARTING": "activating",
    "BACKOFF": "activating",
    "STOPPING": "deactivating",
    "FATAL": "failed",
    "UNKNOWN": "failed",
}


_SIGNAL = re.compile(r"(?m)^stopsignal=.*$")
_OF_WRAPPER = re.compile(rf"(?<=[:=])[^:=\n]+/{re.escape(str(WRAPPER.parent))}:")


def _patience(section: str) -> int:
    """Return how long supervisord lets a program end, in seconds, from its section."""
    found = re.search(r"^stopwaitsecs=(\d+)$", section, re.MULTILINE)
    return int(found[1]) if found else PATIENCE


def _escaped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with `%` doubled: a single one begins an expansion in supervisord."""
    return {
        key: value.replace("%", "%%") if isinstance(value, str) else value
        for key, value in values.items()
    }
