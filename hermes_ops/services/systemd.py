"""systemd's services of a user: the unit is the program's own text, ours are in a drop-in."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import PLANNED_STOP, SYSTEMD_UNITS, joined
from hermes_ops.files.quoting import systemd_environment, systemd_program, systemd_word
from hermes_ops.inventory.model import ServiceSettings
from hermes_ops.look.facts import Facts, Unit
from hermes_ops.services.base import ServiceSpec, generated, template, unit_template
from hermes_ops.services.definition import Definition, DefinitionPath, HostWritten, Link, Text
from hermes_ops.services.manager import CheckedService, ServiceManager, UnitCheck
from hermes_ops.services.protection import limits
from hermes_ops.services.report import PATIENCE, ManagerReport
from hermes_ops.services.units import unit as units
from hermes_ops.services.units.bonds import parts_of
from hermes_ops.services.units.equality import is_equal
from hermes_ops.services.units.shown import activity, argv, recent, seconds
from hermes_ops.services.units.threats import threats
from hermes_ops.templates import render

DROP_IN = "systemd/drop-in.conf.j2"
LINES = ("environment_lines", "limit_lines")
OWN_DROP_IN = "50-hermes-ops.conf"
"""The name of our file in the folder of a unit's drop-ins."""


class Systemd(ServiceManager):
    """The user manager of systemd, with linger so that services outlive the session."""

    name = "systemd"
    family = "systemd"
    text_known = "unit_text_known"
    systems = frozenset({"Linux"})
    lingers = True
    together = "systemd_ahead"
    orders = "services/systemd_orders"
    folder = SYSTEMD_UNITS
    target = "default.target"
    seen: type[units.SystemdUnit] = units.SystemdUnit
    marked = (f"{SYSTEMD_UNITS}/", f".service.d/{OWN_DROP_IN}", ".service")
    by_hand = "systemd/by-hand.sh.j2"
    strangers = ("hermes-gateway*.service",)
    definitions: tuple[str, ...] = (
        f"{SYSTEMD_UNITS}/hermes-gateway*.service",
        f"{SYSTEMD_UNITS}/hermes-gateway*.service.d/*.conf",
    )
    template_names = frozenset(
        {"command_line", "group", "memory_max", "planned_stop", "user", "wants", *LINES}
    )

    def why_not(self, facts: Facts) -> str:
        """Return why it cannot run this user's services.

        It reads units below the home in the account database and ignores HOME.
        """
        if not facts.systemd:
            return f"no systemd runs here ({facts.system})"
        if facts.home.rstrip("/") != facts.account_home.rstrip("/"):
            return f"HOME is {facts.home}, but systemd would read {facts.account_home}"
        return ""

    def elsewhere(self, facts: Facts) -> Conflict | None:
        """Return that it began before the home of the account was changed."""
        below = f"/{SYSTEMD_UNITS}/"
        known = {facts.home.rstrip("/"), facts.real.get(".", "").rstrip("/")}
        units = facts.units.get(self.name, {}).values()
        read = {path.partition(below)[0] for u in units if below in (path := u["FragmentPath"])}
        if "." not in facts.real or not read or read & known:
            return None
        (other, *_), at = sorted(read), f"user@{facts.uid}.service"
        words = f"the home of {facts.user} is {facts.home}, but its systemd still has {other}"
        hint = f"once all that is in {other} is in {facts.home}: sudo systemctl restart {at}"
        return Conflict(words, hint=f"on the host, {hint}   # or set the old home again")

    def id(self, service: ServiceSpec) -> str:
        """Return the name of the unit."""
        return f"{service.name}.service"

    def profile_of(self, id: str) -> str | None:
        """Return the profile of a gateway's unit: Hermes names the unit after it."""
        name = id.removeprefix("hermes-gateway").removesuffix(".service")
        return (name.removeprefix("-") or "default") if name != id else None

    def templates(self, text: str) -> tuple[str, ...]:
        """Return the templates of the unit and of the drop-in."""
        return (f"systemd/{unit_template(text)}", DROP_IN)

    def unit_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return the path of the unit itself."""
        return joined(self.folder, self.id(service))

    def drop_in_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return the path of our drop-in; Hermes neither compares nor removes it."""
        return joined(self.folder, f"{self.id(service)}.d/{OWN_DROP_IN}")

    def wants_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return the path of the link that `systemctl enable` would create."""
        return joined(self.folder, f"{self.target}.wants/{self.id(service)}")

    def paths(self, service: ServiceSpec) -> Iterable[DefinitionPath]:
        """Return every path that the service's definition may have."""
        yield DefinitionPath(self.unit_path(service), "unit")
        yield DefinitionPath(self.drop_in_path(service), "policy")
        yield DefinitionPath(self.wants_path(service), "link")
        if service.planned_stop:
            yield DefinitionPath(PLANNED_STOP, "shared")
        yield DefinitionPath(joined(self.folder, limits.SLICE), "slice")

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Definition]:
        """Return the unit, the drop-in, the script that it calls, and the link that enables it."""
        yield self._unit(service, {**values, **self.account(facts), "wants": self.target})
        yield from self._policy(
            service, facts, limits.directives(service, facts, values, by_root=self.by_root)
        )
        if enabled:
            yield Link(self.wants_path(service), f"../{self.id(service)}")

    def account(self, facts: Facts) -> dict[str, str]:
        """Return the account for the unit to name: a user's own unit names none."""
        del facts
        return {"user": "", "group": ""}

    def _unit(self, service: ServiceSpec, values: Mapping[str, Any]) -> Text | HostWritten:
        path = self.unit_path(service)
        if not values["unit_text_known"]:
            return HostWritten(path, _written_by(values, path), _marks(values))
        source = f"systemd/{unit_template(service.text)}"
        program, *words = values["command"]
        line = " ".join([systemd_program(program), *map(systemd_word, words)])
        source_text = template(service.role.folder, source)
        text = render(source_text, {**values, "command_line": line}, name=source)
        return Text(path, text, base=True)

    def _policy(self, service: ServiceSpec, facts: Facts, lines: Iterable[str]) -> Iterable[Text]:
        role = service.role.folder
        if service.planned_stop:
            yield Text(PLANNED_STOP, template(role, "planned-stop.sh.j2"), mode=0o755)
        values = {
            "environment_lines": [
                systemd_environment(name, value) for name, value in service.environment.items()
            ],
            "limit_lines": [*lines],
            "memory_max": service.settings.memory_max,
            "planned_stop": _planned_stop(facts) if service.planned_stop else "",
        }
        text = render(template(role, DROP_IN), values, name=DROP_IN)
        yield Text(self.drop_in_path(service), text)
        if most := service.settings.ceiling:
            source = "systemd/hermes.slice.j2"
            text = render(template(role, source), {"memory_max": most}, name=source)
            yield Text(self.folder / limits.SLICE, text)

    def is_equal(self, found: str, wanted: str) -> bool:
        """Return whether the unit is the wanted one, except for further folders in its PATH.

        A gateway rewrites its own unit when a folder for its PATH appears (say `~/.cargo/bin`); so
        it will for that of our wrapper, which need not be there yet.
        """
        return is_equal(found, wanted)

    is_live = staticmethod(limits.is_live)

    def powerless(self, settings: ServiceSettings, facts: Facts) -> frozenset[str]:
        """Return the limits for which this systemd has no controller of the kernel."""
        return limits.without_effect(settings, facts, by_root=self.by_root)

    def command_line(self, text: str) -> str:
        """Return what stands behind `ExecStart=` in a unit."""
        lines = (line.partition("ExecStart=") for line in text.splitlines())
        return next((words for before, _, words in lines if words and not before), "")

    def removal(self, foreign: Sequence[str], facts: Facts) -> str:
        """Return the command that removes units and drop-ins of others."""
        own = all(path.startswith(f"{facts.home}/") for path in foreign)
        return f"{'' if own else 'sudo '}rm {shlex.join(foreign)} && systemctl --user daemon-reload"

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the command that starts, restarts or stops the service.

        A service that systemd does not know yet has no failed starts to reset.
        """
        return ("systemd_do", verb if known else f"{verb}-new", self.id(service))

    def revival(self, facts: Facts) -> str:
        """Return the command that starts the user's systemd again, and its services with it."""
        return f"on the host: sudo systemctl restart user@{facts.uid}.service"

    def typed(self, verb: str, service: ServiceSpec, facts: Facts) -> str:
        """Return the command of systemctl, or Hermes' own that makes the unit."""
        if verb == "install":
            return f"{facts.hermes_by_hand} -p {service.profile} gateway install"
        return f"systemctl --user {verb} {self.id(service)}"

    def without(self, names: Sequence[str], service: ServiceSpec, facts: Facts) -> str:
        """Return the command that takes variables out of the user's systemd, and restarts.

        It gives them again after each reload as long as a file in `environment.d` sets them.
        """
        files = sorted({facts.given.get(name, "-") for name in names} - {"-"})
        paths = [path if path.startswith("/") else f"{facts.home}/{path}" for path in files]
        if of_systemd := [path for path in paths if "user.conf" in path]:
            words = f"{', '.join(names)} out of DefaultEnvironment= in {' and '.join(of_systemd)}"
            return f"on the host: take {words}; then sudo systemctl restart user@{facts.uid}"
        sudo = "sudo " if any(path.startswith("/etc/") for path in files) else ""
        lines = f"'/^({'|'.join(names)})=/d'"
        edit = f"{sudo}sed -i -E {lines} {shlex.join(paths)} && " if paths else ""
        reload = "systemctl --user daemon-reload && " if paths else ""
        unset = f"systemctl --user unset-environment {shlex.join(names)}"
        return f"on the host: {edit}{reload}{unset} && systemctl --user restart {self.id(service)}"

    def told(self, service: ServiceSpec, facts: Facts) -> ManagerReport:
        """Return what `systemctl --user show` printed about the unit."""
        unit = facts.unit(self.name, id := self.id(service))
        defined = id in facts.defined.get(self.name, ())
        return ManagerReport(
            installed=unit["LoadState"] == "loaded" or defined,
            enabled=unit["UnitFileState"] == "enabled" if unit.properties else None,
            activity=activity(unit),
            exit_status=unit.number("ExecMainStatus"),
            ended_by="" if unit["Result"] == "success" else unit["Result"],
            pid=unit.number("MainPID") or None,
            restarts=unit.number("NRestarts"),
            recent=recent(unit, facts),
            masked=unit["LoadState"] == "masked",
            command=argv(unit["ExecStart"]),
            home=unit["HermesHome"],
            foreign=tuple(dict.fromkeys(self._foreign(service, unit, facts))),
            unread=unit["NeedDaemonReload"] == "yes",
            changed=(unit.number("StateChangeTimestampMonotonic") or 0) / 1e6 or None,
            patience=seconds(unit["TimeoutStopUSec"]) or PATIENCE,
            threats=tuple(threats(id, unit, service.settings, facts, by_root=self.by_root)),
        )

    def _foreign(self, service: ServiceSpec, unit: Unit, facts: Facts) -> Iterable[str]:
        """Yield the unit's file if it is not ours, and the drop-ins of others, read or not yet.

        Those of the distribution are for all units, and belong to no operator.
        """
        own = (self.unit_path(service), self.drop_in_path(service))
        unread = parts_of(self.id(service), facts, by_root=self.by_root)
        for path in filter(None, (unit["FragmentPath"], *unit["DropInPaths"].split(), *unread)):
            is_own = path.endswith(tuple(f"/{known}".replace("//", "/") for known in own))
            if not is_own and not path.startswith(("/usr/lib/", "/lib/")):
                yield path

    def reload(self, *removed: PurePosixPath) -> tuple[str, ...]:
        """Return the command that makes systemd read changed units, after these were removed."""
        own = (path for path in removed if path.name == OWN_DROP_IN)
        return ("systemd_reload", *sorted(str(path.parent) for path in own))

    def proof_of(self, service: ServiceSpec) -> tuple[str, ...]:
        """Return the command that lets systemd read the unit as it will be."""
        return ("systemd_proof", self.id(service))

    def is_stale(self, facts: Facts) -> bool:
        """Return whether a unit's file changed since systemd read it."""
        units = facts.units.get(self.name, {}).values()
        return any(unit["NeedDaemonReload"] == "yes" for unit in units)

    def check(self, host: Any, service: CheckedService) -> UnitCheck:
        """Return the unit as checks see it."""
        return self.seen(host, service)

    def ahead(self, services: Sequence[CheckedService]) -> str:
        """Return shell that asks for all units at once what their checks ask."""
        return units.ahead(services, self.seen.scope)

    def foreseen(
        self, services: Sequence[CheckedService], printed: str
    ) -> Mapping[tuple[str, ...], str]:
        """Return the commands whose output is known from that."""
        return units.foreseen(services, printed, self.seen.scope)


def _planned_stop(facts: Facts) -> str:
    """Return the call of the script; through a shell if nothing can be run on the home's disk."""
    script = f"{facts.home}/{PLANNED_STOP}"
    return f"/bin/sh {systemd_word(script)}" if facts.noexec else systemd_program(script)


def _written_by(values: Mapping[str, Any], path: PurePosixPath) -> tuple[str, ...]:
    """Return the words by which Hermes writes its unit."""
    if values["quiet_install"] is False:
        return generated("generate_systemd_unit", path, values)
    return tuple(values["write"])


def _marks(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a unit has that Hermes wrote for this home; of an unknown one we ask less."""
    start = "\nExecStart=" + (f"{values['python']} " if values["unit_runs_python"] else "")
    home = f'Environment="HERMES_HOME={values["service_home"]}"'
    return start, " gateway run", f"\nType={values['unit_type']}", "\nTimeoutStopSec=", home
