"""systemd's user services: the unit is the program's own text, our policy sits in a drop-in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files.quoting import systemd_environment, systemd_program, systemd_word
from hermes_ops.look.facts import Facts
from hermes_ops.services.base import HostWritten, Link, ServiceSpec, Text, template, unit_template
from hermes_ops.templates import render

UNITS = PurePosixPath(".config/systemd/user")
PLANNED_STOP = PurePosixPath(".local/share/hermes-ops/planned-stop")


class Systemd:
    """The user manager of systemd, with linger so that it outlives the session."""

    name = "systemd"
    lingers = True
    together = "systemd_ahead"

    def unit_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return where the unit itself is."""
        return UNITS / service.unit

    def drop_in_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return where our policy is; Hermes neither compares nor removes it."""
        return UNITS / f"{service.unit}.d" / "50-hermes-ops.conf"

    def wants_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return the link that `systemctl --user enable` would make."""
        return UNITS / "default.target.wants" / service.unit

    def paths(self, service: ServiceSpec) -> Iterable[PurePosixPath]:
        """Return every path that a definition may have here."""
        yield from (self.unit_path(service), self.drop_in_path(service), self.wants_path(service))
        if service.planned_stop:
            yield PLANNED_STOP

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Text | HostWritten | Link]:
        """Return the unit, the drop-in, what it calls, and the link that enables it."""
        yield self._unit(service, values)
        yield from self._policy(service, facts)
        if enabled:
            yield Link(self.wants_path(service), f"../{service.unit}")

    def _unit(self, service: ServiceSpec, values: Mapping[str, Any]) -> Text | HostWritten:
        path, version = self.unit_path(service), values["program_version"]
        if service.versions and not version.startswith(service.versions):
            marks = (
                f"ExecStart={values['python']} ",
                " gateway run\n",
                "\nType=",
                "\nTimeoutStopSec=",
            )
            home = f'Environment="HERMES_HOME={values["service_home"]}"'
            return HostWritten(path, tuple(values["write"]), (*marks, home))
        source = f"systemd/{unit_template(service.text)}"
        program, *words = values["command"]
        line = " ".join([systemd_program(program), *map(systemd_word, words)])
        source_text = template(service.role.folder, source)
        text = render(source_text, {**values, "command_line": line}, name=source)
        return Text(path, text, base=True)

    def _policy(self, service: ServiceSpec, facts: Facts) -> Iterable[Text]:
        role = service.role.folder
        if service.planned_stop:
            yield Text(PLANNED_STOP, template(role, "planned-stop.sh.j2"), mode=0o755)
        values = {
            "environment_lines": [
                systemd_environment(name, value) for name, value in service.environment.items()
            ],
            "memory_max": service.settings.memory_max,
            "planned_stop": systemd_program(f"{facts.home}/{PLANNED_STOP}")
            if service.planned_stop
            else "",
        }
        source = "systemd/drop-in.conf.j2"
        yield Text(self.drop_in_path(service), render(template(role, source), values, name=source))

    def is_equal(self, found: str, wanted: str) -> bool:
        """Say whether a unit differs in nothing but further folders in its PATH.

        A gateway rewrites its own unit when a folder for its PATH appears (say `~/.cargo/bin`).
        """
        return _normal(found) == _normal(wanted) or _without_path(found, wanted)

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the words that start, restart or stop the service.

        One that systemd does not know has no failed starts that it would have to forget.
        """
        return ("systemd_do", verb if known else f"{verb}-new", service.unit)

    def reload(self) -> tuple[str, ...]:
        """Return the words that make it read changed units."""
        return ("systemd_reload",)


def _normal(text: str) -> list[str]:
    """Return what Hermes compares: `gateway.py:_normalize_service_definition` of 0.19.0."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return [line for line in lines if not line.startswith(("RestartSteps=", "RestartMaxDelaySec="))]


_PATH = 'Environment="PATH='


def _without_path(found: str, wanted: str) -> bool:
    there, ours = _normal(found), _normal(wanted)
    if [line for line in there if not line.startswith(_PATH)] != [
        line for line in ours if not line.startswith(_PATH)
    ]:
        return False
    return _is_subsequence(_path_folders(ours), _path_folders(there))


def _path_folders(lines: list[str]) -> list[str]:
    return [
        folder
        for line in lines
        if line.startswith(_PATH)
        for folder in line.removeprefix(_PATH).rstrip('"').split(":")
    ]


def _is_subsequence(part: list[str], whole: list[str]) -> bool:
    remaining = iter(whole)
    return all(folder in remaining for folder in part)
