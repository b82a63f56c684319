"""launchd's agents of a user: the plist is the program's own text, without anything of ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.files.layout import CONFIG, STATE, joined
from hermes_ops.look.facts import Facts, Unit
from hermes_ops.services.base import ServiceSpec, generated, template
from hermes_ops.services.definition import Definition, DefinitionPath, HostWritten, Text
from hermes_ops.services.jobs import job, plist
from hermes_ops.services.jobs.plist import escaped
from hermes_ops.services.manager import CheckedService, ServiceManager, UnitCheck
from hermes_ops.services.protection.limits import ENFORCED
from hermes_ops.services.report import PATIENCE, ManagerReport
from hermes_ops.services.units.restarts import lately
from hermes_ops.templates import render

AGENTS = PurePosixPath("Library/LaunchAgents")
MARKS = CONFIG / "launchd"
GATEWAY = "ai.hermes.gateway"
"""What the label of every gateway begins with: Hermes' own commands look for it."""


class Launchd(ServiceManager):
    """The launchd of macOS, in the domain of the session at the screen, or else of the user."""

    name = "launchd"
    family = "launchd"
    systems = frozenset({"Darwin"})
    orders = "services/launchd_orders"
    folder = AGENTS
    marks = MARKS
    seen: type[job.LaunchdJob] = job.LaunchdJob
    together = "launchd_ahead"
    marked = (f"{MARKS}/", ".conf", "")
    strangers = (f"{GATEWAY}*",)
    by_hand = "launchd/by-hand.sh.j2"
    definitions: tuple[str, ...] = (f"{AGENTS}/{GATEWAY}*.plist",)
    unenforced, unenforced_because = ENFORCED, "not on macOS"
    grace = 25
    gives_environment = False
    needs_own_files = True
    text_known = "plist_text_known"
    shell_paths: Mapping[str, PurePosixPath] = {
        "launchd_agents": AGENTS,
        "launchd_notes": STATE / "launchd",
    }
    template_names = frozenset(
        {"argument_list", "environment_items", "group", "label", "log", "user"}
    )

    def why_not(self, facts: Facts) -> str:
        """Return why it cannot run this user's services."""
        if facts.system != "Darwin" or "launchctl" not in facts.tools:
            return f"no launchd runs here ({facts.system})"
        if facts.home.rstrip("/") != facts.account_home.rstrip("/"):
            return f"HOME is {facts.home}, but launchd would read {facts.account_home}"
        return ""

    def id(self, service: ServiceSpec) -> str:
        """Return the label of the job."""
        return service.label

    def profile_of(self, id: str) -> str | None:
        """Return the profile of a gateway's job: Hermes labels the job by it."""
        name = id.removeprefix(GATEWAY)
        return (name.removeprefix("-") or "default") if name != id else None

    def templates(self, text: str) -> tuple[str, ...]:
        """Return the template of the plist, and that of the mark."""
        return (_source(text), "launchd/ours.conf.j2")

    def plist_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return the path of the plist."""
        return joined(self.folder, f"{service.label}.plist")

    def mark_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return the path of the file that tells that the job is ours."""
        return joined(self.marks, f"{service.name}.conf")

    def paths(self, service: ServiceSpec) -> Iterable[DefinitionPath]:
        """Return every path that the service's definition may have."""
        yield DefinitionPath(self.plist_path(service), "unit")
        yield DefinitionPath(self.mark_path(service), "policy")

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Definition]:
        """Return the plist and the mark; whether it is enabled is in no file (`switch`)."""
        del enabled
        yield self._plist(service, facts, {**values, **self.account(facts)})
        source = "launchd/ours.conf.j2"
        text = template(service.role.folder, source)
        mark = render(text, {**values, "label": service.label}, name=source)
        yield Text(self.mark_path(service), mark, restarts=False)

    def account(self, facts: Facts) -> dict[str, str]:
        """Return the account for the plist to name: an agent runs as whose it is."""
        del facts
        return {"user": "", "group": ""}

    def variables(self, service: ServiceSpec, facts: Facts) -> dict[str, str]:
        """Return the environment of a program that is no gateway."""
        return {"HOME": facts.home, "LANG": "C.UTF-8", **service.environment}

    def _plist(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any]
    ) -> Text | HostWritten:
        path, source = self.plist_path(service), _source(service.text)
        if not values["unit_text_known"]:
            home = values["service_home"]
            # `gateway install` would start the job as well, in whichever domain it guesses.
            words = generated("generate_launchd_plist", path, values)
            texts = ("run", home, service.label)
            marks = (*(f"<string>{text}</string>" for text in texts), "<key>KeepAlive</key>")
            return HostWritten(path, words, marks, sign="<string>gateway</string>")
        if service.text == "hermes":
            plist.refuse_markup(values["python"], values["service_home"], values["virtual_env"])
        items = self.variables(service, facts).items()
        given = {
            **values,
            "label": escaped(service.label),
            "service_home": escaped(values["service_home"]),
            "argument_list": [plist.text(word) for word in values["command"]],
            "environment_items": [(escaped(k), plist.text(v)) for k, v in items],
            "log": escaped(f"{facts.home}/{STATE}/{service.name}.log"),
        }
        text = render(template(service.role.folder, source), given, name=source)
        return Text(path, text, base=True)

    def is_equal(self, found: str, wanted: str) -> bool:
        """Return whether the plist is the wanted one, whatever else is in its PATH.

        Hermes masks the PATH as well (`launchd_plist_is_current`): it is that of who wrote it. Only
        the folder of Hermes' own programs, the first of ours, must be in it.
        """
        (there, path), (ours, needed) = plist.parted(found), plist.parted(wanted)
        return there == ours and needed.split(":")[0] in path.split(":")

    def command_line(self, text: str) -> str:
        """Return the words of the program in a plist, with blanks between them."""
        return " ".join(plist.arguments(text))

    def removal(self, foreign: Sequence[str], facts: Facts) -> str:
        """Return the command that takes jobs out of launchd that files of others define."""
        ids = [
            f"{domain}/{id}"
            for id, unit in facts.units.get(self.name, {}).items()
            for domain in unit["Domains"].split()
            if unit["Path"] in foreign
        ]
        outs = [f"launchctl bootout {shlex.quote(id)}" for id in ids]
        return " && ".join((*outs, shlex.join(["rm", *foreign])))

    def revival(self, facts: Facts) -> str:
        """Return how to see what is wrong with launchd itself."""
        question = " ".join(facts.mute[self.name].split()[:3])
        return f"on the host: {question}   # a reboot ends what hangs"

    def typed(self, verb: str, service: ServiceSpec, facts: Facts) -> str:
        """Return the command of launchctl, in each domain that has the job, or Hermes' own."""
        if verb == "install":
            return (
                ""
                if self.by_root
                else f"{facts.hermes_by_hand} -p {service.profile} gateway install"
            )
        unit = facts.unit(self.name, service.label)
        ctl = f"{'sudo ' if self.by_root else ''}launchctl"
        ids = [f"{domain}/{service.label}" for domain in unit["Domains"].split()]
        if not ids:
            domain = unit["Belongs"] or ("system" if self.by_root else f"gui/{facts.uid}")
            path = shlex.quote(str(PurePosixPath(facts.home) / self.plist_path(service)))
            return f"{ctl} enable {domain}/{service.label} && {ctl} bootstrap {domain} {path}"
        done = {"start": "kickstart", "restart": "kickstart -k", "stop": "bootout"}[verb]
        return " && ".join(f"{ctl} {done} {shlex.quote(id)}" for id in ids)

    def without(self, names: Sequence[str], service: ServiceSpec, facts: Facts) -> str:
        """Return the command that takes variables out of the session, and restarts."""
        del facts
        unset = " && ".join(f"launchctl unsetenv {shlex.quote(name)}" for name in names)
        return f"on the host: {unset} && launchctl kickstart -k gui/$(id -u)/{service.label}"

    def told(self, service: ServiceSpec, facts: Facts) -> ManagerReport:
        """Return what `launchctl print` told of the job, in every domain that has it."""
        unit = facts.unit(self.name, service.label)
        is_there = str(self.plist_path(service)) in facts.paths
        barred, domains = unit["Disabled"], unit["Domains"].split()
        activity, ended_by = unit["Activity"] or "inactive", _ended_by(unit)
        dropped = activity == "inactive" and is_there and not barred and bool(unit["Note"])
        if dropped:
            activity, ended_by = "failed", self.lost(unit, facts)
        return ManagerReport(
            installed=is_there or bool(domains),
            enabled=None if barred == "unknown" else is_there and not barred,
            activity=activity,
            exit_status=None if unit["Setup"] else unit.number("Code") or unit.number("Signal"),
            ended_by=ended_by,
            pid=unit.number("MainPID") or None,
            restarts=unit.number("Restarts"),
            recent=_recent(unit, facts),
            command=unit["Command"],
            home=unit["HermesHome"],
            foreign=tuple(_foreign(unit, self.plist_path(service))),
            unread=unit["Unread"] == "yes" and bool(domains),
            barred=None if barred == "unknown" else bool(barred),
            dropped=dropped,
            twice=f"launchd runs it in {' and in '.join(domains)}" if domains[1:] else "",
            patience=unit.number("Patience") or PATIENCE,
        )

    def lost(self, unit: Unit, facts: Facts) -> str:
        """Return why a job that we loaded is not loaded any more."""
        boot, _, rest = unit["Note"].partition(" ")
        at_screen = unit["Belongs"].startswith("gui/")
        if boot != facts.boot:
            return UNLOADED if at_screen else _NO_LOGIN
        return _LOGGED_OUT if "gui/" in rest and not at_screen else UNLOADED

    def switch(self, service: ServiceSpec, *, enabled: bool) -> tuple[str, ...]:
        """Return the command that lets launchd load the job by itself, or forbids it."""
        return ("launchd_switch", "enable" if enabled else "disable", service.label)

    def proof_of(self, service: ServiceSpec) -> tuple[str, ...]:
        """Return the command that lets plutil read the plist as it will be."""
        return ("launchd_proof", service.label)

    def control(self, service: ServiceSpec, verb: str, *, known: bool) -> tuple[str, ...]:
        """Return the command that starts, restarts or stops the job."""
        del known
        return ("launchd_do", verb, service.label)

    def check(self, host: Any, service: CheckedService) -> UnitCheck:
        """Return the job as checks see it."""
        file = PurePosixPath(service.user_home) / self.folder / f"{service.unit}.plist"
        return self.seen(host, service, str(file))

    def ahead(self, services: Sequence[CheckedService]) -> str:
        """Return shell that asks about all jobs with one text."""
        return job.ahead(services, self.seen.domains)

    def foreseen(
        self, services: Sequence[CheckedService], printed: str
    ) -> Mapping[tuple[str, ...], str]:
        """Return the commands whose output is known from that."""
        return job.foreseen(services, printed, self.seen.domains)


def _source(text: str) -> str:
    return f"launchd/{'hermes-gateway' if text == 'hermes' else 'service'}.plist.j2"


def _foreign(unit: Unit, own: PurePosixPath) -> Iterable[str]:
    """Yield the file from which a job was loaded, if that is not its plist in the user's folder."""
    path = unit["Path"]
    is_own = path == str(own) or (not own.is_absolute() and path[1:].endswith(f"/{own}"))
    if path.startswith("/") and not is_own:
        yield path


def _recent(unit: Unit, facts: Facts) -> int | None:
    """Return how many of its restarts were in the last hour, as far as its gateway noted them."""
    process = facts.processes.get(unit.number("MainPID") or 0)
    age = facts.now - process.born if process and process.born is not None else None
    ordered, starts = unit.number("Ordered"), sorted(map(float, _NUMBER.findall(unit["Starts"])))
    return lately(unit.number("Restarts"), starts, ordered, now=facts.now, age=age)


_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_UNSET = "launchd cannot start it: is its program there, and can its log be written?"
_NEVER = "launchd has loaded it and never started it"
UNLOADED = "launchd has not loaded it: is it allowed in System Settings under Login Items?"
_NO_LOGIN = "launchd has not loaded it since the reboot: nobody is logged in at the screen"
_LOGGED_OUT = "it ended with the session at the screen: somebody logged out there"


def _ended_by(unit: Unit) -> str:
    if unit["Setup"]:
        return _UNSET
    if unit["Activity"] == "failed" and unit["Runs"] == "0":
        return _NEVER
    return "signal" if unit["Signal"] else ""
