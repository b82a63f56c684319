"""launchd's agents of a user: the plist is the program's own text, without anything of ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import PurePosixPath
from typing import Any

from hermes_ops.errors import Conflict
from hermes_ops.files.layout import CONFIG, STATE
from hermes_ops.look.facts import Facts, Unit
from hermes_ops.services import launchd_job
from hermes_ops.services.base import ServiceSpec, generated, template
from hermes_ops.services.definition import Definition, DefinitionPath, HostWritten, Text
from hermes_ops.services.launchd_job import LaunchdJob
from hermes_ops.services.manager import CheckedService, ServiceManager, UnitCheck
from hermes_ops.services.protection.limits import ENFORCED
from hermes_ops.services.report import PATIENCE, ManagerReport
from hermes_ops.templates import render

AGENTS = PurePosixPath("Library/LaunchAgents")
MARKS = CONFIG / "launchd"
GATEWAY = "ai.hermes.gateway"
"""What the label of every gateway begins with: Hermes' own commands look for it."""


class Launchd(ServiceManager):
    """The launchd of macOS, in the domain of the session at the screen, or else of the user."""

    name = "launchd"
    systems = frozenset({"Darwin"})
    orders = "services/launchd_orders"
    together = "launchd_ahead"
    marked = (f"{MARKS}/", ".conf", "")
    strangers = (f"{GATEWAY}*",)
    by_hand = "launchd/by-hand.sh.j2"
    definitions = (f"{AGENTS}/{GATEWAY}*.plist",)
    unenforced, unenforced_because = ENFORCED, "not on macOS"
    grace = 25
    gives_environment = False
    needs_own_files = True
    text_known = "plist_text_known"
    shell_paths: Mapping[str, PurePosixPath] = {
        "launchd_agents": AGENTS,
        "launchd_notes": STATE / "launchd",
    }
    template_names = frozenset({"argument_list", "environment_items", "label", "log"})

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
        return AGENTS / f"{service.label}.plist"

    def mark_path(self, service: ServiceSpec) -> PurePosixPath:
        """Return the path of the file that tells that the job is ours."""
        return MARKS / f"{service.name}.conf"

    def paths(self, service: ServiceSpec) -> Iterable[DefinitionPath]:
        """Return every path that the service's definition may have."""
        yield DefinitionPath(self.plist_path(service), "unit")
        yield DefinitionPath(self.mark_path(service), "policy")

    def definition(
        self, service: ServiceSpec, facts: Facts, values: Mapping[str, Any], *, enabled: bool
    ) -> Iterable[Definition]:
        """Return the plist and the mark; whether it is enabled is in no file (`switch`)."""
        del enabled
        yield self._plist(service, facts, values)
        source = "launchd/ours.conf.j2"
        text = template(service.role.folder, source)
        mark = render(text, {**values, "label": service.label}, name=source)
        yield Text(self.mark_path(service), mark, restarts=False)

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
            _refuse_markup(values["python"], values["service_home"], values["virtual_env"])
        environment = {"HOME": facts.home, "LANG": "C.UTF-8", **service.environment}
        given = {
            **values,
            "label": _escaped(service.label),
            "service_home": _escaped(values["service_home"]),
            "argument_list": [_text(word) for word in values["command"]],
            "environment_items": [(_escaped(k), _text(v)) for k, v in environment.items()],
            "log": _escaped(f"{facts.home}/{STATE}/{service.name}.log"),
        }
        text = render(template(service.role.folder, source), given, name=source)
        return Text(path, text, base=True)

    def is_equal(self, found: str, wanted: str) -> bool:
        """Return whether the plist is the wanted one, whatever else is in its PATH.

        Hermes masks the PATH as well (`launchd_plist_is_current`): it is that of who wrote it. Only
        the folder of Hermes' own programs, the first of ours, must be in it.
        """
        (there, path), (ours, needed) = _parted(found), _parted(wanted)
        return there == ours and needed.split(":")[0] in path.split(":")

    def command_line(self, text: str) -> str:
        """Return the words of the program in a plist, with blanks between them."""
        return " ".join(_arguments(text))

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
        return f"on the host: launchctl print user/{facts.uid}   # a reboot ends what hangs"

    def without(self, names: Sequence[str], service: ServiceSpec) -> str:
        """Return the command that takes variables out of the session, and restarts."""
        unset = " && ".join(f"launchctl unsetenv {shlex.quote(name)}" for name in names)
        return f"on the host: {unset} && launchctl kickstart -k gui/$(id -u)/{service.label}"

    def told(self, service: ServiceSpec, facts: Facts) -> ManagerReport:
        """Return what `launchctl print` told of the job, in every domain that has it."""
        unit = facts.unit(self.name, service.label)
        is_there = str(self.plist_path(service)) in facts.paths
        barred, domains = unit["Disabled"], unit["Domains"].split()
        activity, ended_by = unit["Activity"] or "inactive", _ended_by(unit)
        if activity == "inactive" and is_there and not barred and unit["Note"]:
            activity, ended_by = "failed", _lost(unit, facts)
        runs = unit.number("Runs")
        return ManagerReport(
            installed=is_there or bool(domains),
            enabled=None if barred == "unknown" else is_there and not barred,
            activity=activity,
            exit_status=None if unit["Setup"] else unit.number("Code") or unit.number("Signal"),
            ended_by=ended_by,
            pid=unit.number("MainPID") or None,
            restarts=max(0, runs - 1) if runs is not None else None,
            command=unit["Command"],
            home=unit["HermesHome"],
            foreign=tuple(_foreign(unit, self.plist_path(service))),
            unread=unit["Unread"] == "yes" and bool(domains),
            barred=None if barred == "unknown" else bool(barred),
            twice=f"launchd runs it in {' and in '.join(domains)}" if domains[1:] else "",
            patience=unit.number("Patience") or PATIENCE,
        )

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
        return LaunchdJob(host, service, f"{service.user_home}/{AGENTS}/{service.unit}.plist")

    def ahead(self, services: Sequence[CheckedService]) -> str:
        """Return shell that asks about all jobs with one text."""
        return launchd_job.ahead(services)

    def foreseen(
        self, services: Sequence[CheckedService], printed: str
    ) -> Mapping[tuple[str, ...], str]:
        """Return the commands whose output is known from that."""
        return launchd_job.foreseen(services, printed)


def _source(text: str) -> str:
    return f"launchd/{'hermes-gateway' if text == 'hermes' else 'service'}.plist.j2"


def _text(value: str) -> str:
    """Return a text for XML.

    Raises:
        Conflict: it has a character that no XML can hold.
    """
    if re.search("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", value):
        raise Conflict(f"a property list cannot hold the text {value!r}", hint="change it")
    return _escaped(value)


def _refuse_markup(*paths: str) -> None:
    for path in paths:
        if _escaped(path) != path:
            words = f"the path {path} has one of & < > in it, which Hermes writes as it is"
            hint = "use a home folder or a Python without such characters"
            raise Conflict(f"{words}: no property list would be valid", hint=hint)


_escaped = partial(escape, quote=False)
_PATH = re.compile(r"(<key>PATH</key>\s*<string>)(.*?)(</string>)", re.DOTALL)


def _parted(text: str) -> tuple[str, str]:
    """Return a plist as Hermes compares it, and its PATH apart."""
    plain = "\n".join(line.rstrip() for line in text.strip().splitlines())
    path = _PATH.search(plain)
    return _PATH.sub(r"\1\3", plain), path[2] if path else ""


def _arguments(text: str) -> list[str]:
    """Return the ProgramArguments of a plist; none if it cannot be parsed."""
    import plistlib  # here: only a Mac needs it
    from xml.parsers.expat import ExpatError

    try:
        found = plistlib.loads(text.encode("utf-8", "surrogateescape"))
    except (plistlib.InvalidFileException, ExpatError, ValueError, TypeError, LookupError):
        return []
    words = found.get("ProgramArguments") if isinstance(found, dict) else None
    return [str(word) for word in words] if isinstance(words, list) else []


def _foreign(unit: Unit, own: PurePosixPath) -> Iterable[str]:
    """Yield the file from which a job was loaded, if that is not its plist in the user's folder."""
    path = unit["Path"]
    if path.startswith("/") and (not path.endswith(f"/{own}") or path == f"/{own}"):
        yield path


_UNSET = "launchd cannot start it: is its program there, and can its log be written?"
_NEVER = "launchd has loaded it and never started it"
_UNLOADED = "launchd has not loaded it: is it allowed in System Settings under Login Items?"
_NO_LOGIN = "launchd has not loaded it since the reboot: nobody is logged in at the screen"
_LOGGED_OUT = "it ended with the session at the screen: somebody logged out there"


def _ended_by(unit: Unit) -> str:
    if unit["Setup"]:
        return _UNSET
    if unit["Activity"] == "failed" and unit["Runs"] == "0":
        return _NEVER
    return "signal" if unit["Signal"] else ""


def _lost(unit: Unit, facts: Facts) -> str:
    """Return why a job that we loaded is not loaded any more."""
    boot, _, rest = unit["Note"].partition(" ")
    at_screen = unit["Belongs"].startswith("gui/")
    if boot != facts.boot:
        return _UNLOADED if at_screen else _NO_LOGIN
    return _LOGGED_OUT if "gui/" in rest and not at_screen else _UNLOADED
