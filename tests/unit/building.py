"""Hosts, wishes and facts from the few words of a case; and what a plan would make of the facts."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import yaml

from hermes_ops.errors import Place
from hermes_ops.files.layout import OWED, stamp
from hermes_ops.hermes.versions import capabilities
from hermes_ops.inventory.model import (
    Connection,
    HermesSettings,
    Host,
    Profile,
    ProfileFile,
    ServiceSettings,
)
from hermes_ops.inventory.role import Role, RoleService, RoleText
from hermes_ops.loader.roles.load import load_roles, role_in
from hermes_ops.loader.sources.yaml import parse
from hermes_ops.look.facts import (
    Answer,
    Facts,
    Hermes,
    Invocation,
    LinkEnd,
    PathState,
    Process,
    Server,
    Unit,
)
from hermes_ops.plan import DesiredState, Plan, make_plan, model
from hermes_ops.plan.desired import desired_state
from hermes_ops.plan.model import Change, Control, Write
from hermes_ops.secrets.reference import EnvValue, Generate, Reference
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.tasks import graph
from hermes_ops.tasks.executor import step_plans

ROOT = Path(__file__).parents[2]
NOW = 1795338000.0
"""2026-11-22T09:00:00Z"""
UPTIME = 5000.0
STARTED = 400_000
"""When services began, in ticks since boot: 1000 seconds ago."""
HERMES = Hermes(
    python="/opt/hermes/venv/bin/python",
    version="0.19.0",
    venv="/opt/hermes/venv",
    python_version="3.11.2",
    project="/opt/hermes/venv/lib/python3.11/site-packages",
    info="/opt/hermes/venv/lib/python3.11/site-packages/hermes_agent-0.19.0.dist-info",
)
NEW = Facts(
    user="hermes",
    uid=1000,
    home="/home/hermes",
    account_home="/home/hermes",
    now=NOW,
    uptime=UPTIME,
    systemd=True,
    bus=True,
    tools=frozenset({"systemctl", "tar", "base64"}),
    pythons=(("3.11", "/usr/bin/python3.11"),),
    hermes=HERMES,
)
"""A Debian host with Hermes on it, and nothing of ours."""
MAC = replace(
    NEW,
    uid=501,
    home="/Users/hermes",
    account_home="/Users/hermes",
    system="Darwin",
    machine="arm64",
    boot="4F2A",
    systemd=False,
    bus=False,
    tools=frozenset({"launchctl", "tar", "base64"}),
)
"""A Mac with Hermes on it, and nothing of ours."""


def new_host(manager: str) -> Facts:
    """Return a host with Hermes on it that can have this manager."""
    return NEW if NEW.system in MANAGERS[manager].systems else MAC


@cache
def roles() -> Mapping[str, Role]:
    """Return the roles of the product."""
    return load_roles([ROOT / "roles"])


def without_watchdog() -> Mapping[str, Role]:
    """Return the roles as they were before new profiles got a watchdog."""
    return {k: replace(r, service=replace(r.service, watchdog=0)) for k, r in roles().items()}


BARE_ROLE = "home: .x\nservice: {name: x, command: [sleep]}\n"
"""The smallest `role.yml` of a service."""


def bare_role(name: str, folder: Path = Path(), checks: Sequence[str] = ()) -> Role:
    """Return a role of which nothing matters but its name, its folder and its checks."""
    service = RoleService(RoleText(name), (RoleText("sleep"),))
    return Role(name, folder, RoleText(f".{name}"), service, checks=tuple(checks))


def checks_of(role: str) -> ModuleType:
    """Return the checks of a role as a module that is nobody else's."""
    file = ROOT / "roles" / role / "checks" / f"test_{role}.py"
    spec = importlib.util.spec_from_file_location(f"checks_of_{role}", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_role(data: Mapping[str, Any], folder: Path) -> Role:
    """Return the role that a `role.yml` with this content would be."""
    return role_in(parse(yaml.safe_dump(dict(data)), f"{folder}/role.yml"), folder, {})


# --- what is wanted ---------------------------------------------------------------------------


def desired(
    case: Mapping[str, Any],
    profiles: Mapping[str, Any] | None = None,
    known: Mapping[str, Role] | None = None,
) -> DesiredState:
    """Return what a case wants of its host, or what it would want with other profiles."""
    given = dict(case.get("host") or {})
    connection = Connection(kind=given.pop("connection", "ssh"))
    hermes = HermesSettings(**given.pop("hermes", {}))
    wanted = tuple(profile(k, v or {}) for k, v in (profiles or case["desired"]).items())
    names = tuple(profile.name for profile in wanted)
    host = Host("box", connection, (), wanted, names, hermes=hermes, **given)
    plans = step_plans(graph.start)
    only = case.get("steps") or [plan.name for plan in plans]
    return desired_state(host, known or roles(), [plan for plan in plans if plan.name in only])


def profile(name: str, given: Mapping[str, Any]) -> Profile:
    """Return a profile; its `env` is written as in an inventory."""
    more = dict(given)
    return Profile(
        name,
        env={key: env_value(value) for key, value in more.pop("env", {}).items()},
        service=ServiceSettings(**more.pop("service", {})),
        after=tuple(more.pop("after", ())),
        files={key: profile_file(value) for key, value in more.pop("files", {}).items()},
        **more,
    )


def profile_file(given: Any) -> ProfileFile:
    """Return a further file of a profile: its text, or all that is said of it."""
    more = {"content": given} if isinstance(given, str) else given
    return ProfileFile(**{"source": "here", **more})


def env_value(given: Any) -> EnvValue:
    """Return a value of `.env`: a text, one to be generated, or a reference."""
    if isinstance(given, str):
        return Secret(given)
    ((kind, argument),) = given.items()
    return Generate(argument) if kind == "generate" else Reference(kind, argument, Place("here"))


# --- what is so -------------------------------------------------------------------------------


def facts(case: Mapping[str, Any]) -> Facts:
    """Return the facts of a case.

    `holds` is what an earlier run brought the host to (`desired`: what the case wants), all of it
    healthy, `under` a manager that may be another than now; then comes what is otherwise: `files`,
    `modes`, `links`, `absent`, `owes`, `services`, and any field of `Facts`.
    """
    given = dict(case.get("facts") or {})
    held, under = given.pop("holds", None), given.pop("under", None)
    then: dict[str, Any] = {name: given.pop(name, None) for name in _CHANGES}
    found = replace(NEW, **{name: _field(name, value) for name, value in given.items()})
    if held is not None:
        host = {**(case.get("host") or {}), **({"manager": under} if under else {})}
        earlier = {**case, "steps": None, "host": host}
        wanted = desired(earlier, None if held == "desired" else held, without_watchdog())
        found = applied(make_plan(wanted, found), found)
    services = desired(case).services
    served = given.get("servers")
    if served is not None:
        found = replace(found, servers=tuple(_server(found, row, services) for row in served))
    for name, change in _CHANGES.items():
        for key, value in (then[name] or {}).items():
            found = change(found, key, value, services)
    return found


def _server(found: Facts, row: list[Any], services: Mapping[str, ServiceSpec]) -> Server:
    """Return a server of `host, port, process`; a service stands for its process."""
    host, port, pid = row
    if pid in services:
        pid = found.unit("systemd", _unit_name(services[pid])).number("MainPID")
    return Server(host, port, pid)


def _field(name: str, value: Any) -> Any:
    if name == "servers":
        return None
    if name == "hermes":
        return value and replace(HERMES, **value)
    if name == "pythons":
        return tuple(map(tuple, value))
    return frozenset(value) if name == "folders" else value


Services = Mapping[str, ServiceSpec]


def put(found: Facts, path: str, text: str | None, _services: Services | None = None) -> Facts:
    """Return the facts with this text at the path; None: nothing is there."""
    if text is None:
        return without(found, path)
    state = found.paths.get(path, PathState("file", 0o644, found.uid, 0))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return replace(
        found,
        paths={**found.paths, path: replace(state, kind="file", size=len(text))},
        contents={**found.contents, path: text},
        digests={**found.digests, path: digest},
    )


def without(found: Facts, path: str) -> Facts:
    """Return the facts without anything at the path."""
    return replace(
        found,
        paths={key: value for key, value in found.paths.items() if key != path},
        contents={key: value for key, value in found.contents.items() if key != path},
        digests={key: value for key, value in found.digests.items() if key != path},
    )


def _edit(found: Facts, path: str, words: str, _services: Services) -> Facts:
    """Replace `old => new` in the text of a file, as a person or a program would."""
    old, _, new = words.partition(" => ")
    text = found.contents[path]
    assert old in text, f"{old!r} is not in {path}"
    return put(found, path, text.replace(old, new))


def _at(found: Facts, path: str, state: PathState) -> Facts:
    return replace(found, paths={**found.paths, path: state})


def _answer(found: Facts, url: str, given: list[Any], _services: Services) -> Facts:
    return replace(found, answers={**found.answers, url: Answer(*given)})


def _mode(found: Facts, path: str, mode: str, _services: Services) -> Facts:
    return _at(found, path, replace(found.paths[path], mode=int(mode, 8)))


def _kind(found: Facts, path: str, kind: str, _services: Services) -> Facts:
    state = PathState(kind, 0o755, found.uid, 4096)
    contents = {key: value for key, value in found.contents.items() if key != path}
    return replace(_at(found, path, state), contents=contents)


def _link(found: Facts, path: str, given: str | dict[str, Any], _services: Services) -> Facts:
    """Make a path a link to a file of the user's own, or to what `end` and `folder` tell."""
    more: dict[str, Any] = {"to": given} if isinstance(given, str) else given
    state = _state(found, more.get("end", {}), "file")
    folder = _state(found, more.get("folder", {}), "folder")
    end = LinkEnd(posixpath.join(posixpath.dirname(path), more["to"]), state, folder)
    if state is None or state.kind != "file":
        found = without(found, path)
    return _at(found, path, PathState("link", 0o777, found.uid, 30, more["to"], end=end))


def _state(found: Facts, given: dict[str, Any] | None, kind: str) -> PathState | None:
    mode = 0o755 if kind == "folder" else 0o644
    fields = {"kind": kind, "mode": mode, "uid": found.uid, "gid": found.uid, "size": 9}
    return None if given is None else PathState(**{**fields, **given})


def _owes(found: Facts, name: str, _owing: object, _services: Services | None = None) -> Facts:
    return put(found, f"{OWED}/{name}", "")


# --- services ---------------------------------------------------------------------------------

PID = 4711


def _service(found: Facts, name: str, words: str, services: Services) -> Facts:
    """Bring a service into the state that these words name."""
    service = services[name]
    word, _, argument = words.partition(" ")
    return _STATES[word](found, service, argument)


def _unit(found: Facts, service: ServiceSpec, **properties: object) -> Facts:
    name = _unit_name(service)
    given = {"Id": name, "LoadState": "loaded", "UnitFileState": "enabled", "MainPID": 0}
    unit = {**given, **found.unit("systemd", name).properties, **properties}
    return _told(found, "systemd", name, {key: str(value) for key, value in unit.items()})


def _unit_name(service: ServiceSpec) -> str:
    return MANAGERS["systemd"].id(service)


def _told(found: Facts, manager: str, name: str, properties: Mapping[str, str]) -> Facts:
    """Return the facts in which a manager says this of a service."""
    units = {**found.units.get(manager, {}), name: Unit(properties)}
    return replace(found, units={**found.units, manager: units})


def _process(found: Facts, pid: int, state: str = "S") -> Facts:
    group = "/user.slice/user@1000.service"
    process = Process(STARTED, state, 24000, group, cgroups=(group,))
    return replace(found, processes={**found.processes, pid: process})


def _json(found: Facts, path: PurePosixPath, name: str, value: Mapping[str, Any]) -> Facts:
    return put(found, str(path / name), json.dumps(value))


def _recorded(found: Facts, service: ServiceSpec, pid: int, platforms: Iterable[str] = ()) -> Facts:
    """Write what a running gateway writes into its home."""
    when = "2026-11-22T08:59:50+00:00"
    entries = {name: {"state": "connected", "updated_at": when} for name in platforms}
    own = {"pid": pid, "start_time": STARTED}
    found = _json(found, service.home, "gateway.pid", own)
    state = {**own, "gateway_state": "running", "platforms": entries}
    found = _json(found, service.home, "gateway_state.json", state)
    for name in capabilities(found.hermes.version if found.hermes else "").folders:
        if str(service.home / name) not in found.paths:
            made = PathState("folder", 0o700, found.uid, 4096)
            found = _at(found, str(service.home / name), made)
    beat = {"pid": pid, "updated_at": when}
    return _json(found, service.home, "state/gateway.heartbeat", beat)


def running(
    found: Facts,
    service: ServiceSpec,
    pid: int,
    *,
    platforms: Iterable[str] = (),
    urls: Iterable[str] = (),
    manager: str = "systemd",
) -> Facts:
    """Return the facts with the service healthy under its manager."""
    found = _process(_recorded(found, service, pid, platforms), pid)
    answers = {url: Answer(200, _body(pid)) for url in urls}
    found = replace(found, answers={**found.answers, **answers})
    if manager == "systemd":
        return _unit(found, service, ActiveState="active", MainPID=pid, ExecMainStatus=0)
    name = MANAGERS[manager].id(service)
    told = {"Id": name, "MainPID": str(pid), **_RUNNING.get(manager, {})}
    return _told(found, manager, name, told)


_RUNNING: Mapping[str, Mapping[str, str]] = {
    "supervisord": {"State": "RUNNING"},
    "systemd-system": {
        "LoadState": "loaded",
        "UnitFileState": "enabled",
        "ActiveState": "active",
        "ExecMainStatus": "0",
    },
    "launchd": {"Activity": "active", "Domains": "gui/501", "Belongs": "gui/501"},
    "launchd-system": {"Activity": "active", "Domains": "system", "Belongs": "system"},
}
"""What managers say of a service that runs, besides its id and its pid."""


def _body(pid: int | None) -> str:
    return json.dumps({"platform": "hermes-agent", "pid": pid})


def ended(found: Facts, service: ServiceSpec, activity: str, status: int = 0) -> Facts:
    """Return the facts with the service's process gone, and what answered with it."""
    pids = {
        found.unit(name, manager.id(service)).number("MainPID")
        for name, manager in MANAGERS.items()
    }
    found = replace(
        found,
        processes={k: v for k, v in found.processes.items() if k not in pids},
        answers={k: v for k, v in found.answers.items() if v.body not in map(_body, pids)},
        units={name: _but(service, name, units) for name, units in found.units.items()},
    )
    return _unit(found, service, ActiveState=activity, MainPID=0, ExecMainStatus=status)


def _but(service: ServiceSpec, manager: str, units: Mapping[str, Unit]) -> Mapping[str, Unit]:
    """Return what a manager told without this service; systemd knows it while there is a unit."""
    name = MANAGERS[manager].id(service)
    if manager.startswith("launchd") and units.get(name, _BARE)["Disabled"]:
        return {**units, name: Unit({"Id": name, "Disabled": units[name]["Disabled"]})}
    return {k: v for k, v in units.items() if k != name or manager == "systemd"}


_BARE = Unit({})


def _stopped(found: Facts, service: ServiceSpec, _argument: str) -> Facts:
    return ended(found, service, "inactive")


def _failed(found: Facts, service: ServiceSpec, argument: str) -> Facts:
    return ended(found, service, "failed", int(argument))


def _restarting(found: Facts, service: ServiceSpec, argument: str) -> Facts:
    return ended(found, service, "activating", int(argument))


def _stray(found: Facts, service: ServiceSpec, argument: str) -> Facts:
    """A person started it by hand; the service is stopped, or tries again and again."""
    found = ended(found, service, argument or "inactive", 1)
    return _process(_recorded(found, service, PID), PID)


def _suspended(found: Facts, service: ServiceSpec, _argument: str) -> Facts:
    found = _process(_recorded(found, service, PID), PID, "T")
    return _unit(found, service, ActiveState="active", MainPID=PID)


def _starting(found: Facts, service: ServiceSpec, _argument: str) -> Facts:
    found = _process(_recorded(found, service, PID - 1), PID)
    return replace(_unit(found, service, ActiveState="active", MainPID=PID), answers={})


def _stale(found: Facts, service: ServiceSpec, _argument: str) -> Facts:
    return _unit(found, service, NeedDaemonReload="yes")


def _masked(found: Facts, service: ServiceSpec, _argument: str) -> Facts:
    found = ended(found, service, "inactive")
    return _unit(found, service, LoadState="masked", UnitFileState="masked")


def _shows(found: Facts, name: str, properties: Mapping[str, str], services: Services) -> Facts:
    """Let systemd show these properties of a service, as it merged them."""
    return _unit(found, services[name], **properties)


def _runs(found: Facts, name: str, given: Mapping[str, Any], services: Services) -> Facts:
    """Let the process of a service have been started with this `argv` and this `home`."""
    pid = found.unit("systemd", _unit_name(services[name])).number("MainPID") or PID
    started = Invocation(tuple(given["argv"].split()), given.get("home", ""))
    return replace(found, commands={**found.commands, pid: started})


def _unwritable(found: Facts, path: str, given: Mapping[str, Any], _services: Services) -> Facts:
    state = PathState(**{"kind": "file", "mode": 0o644, "uid": found.uid, "size": 9, **given})
    return replace(found, unwritable={**found.unwritable, path: state})


_STATES: Mapping[str, Callable[[Facts, ServiceSpec, str], Facts]] = {
    "stopped": _stopped,
    "failed": _failed,
    "restarting": _restarting,
    "stray": _stray,
    "suspended": _suspended,
    "starting": _starting,
    "stale": _stale,
    "masked": _masked,
}


def _program(found: Facts, name: str, value: Any, _services: Services) -> Facts:
    assert found.hermes is not None
    return replace(found, hermes=replace(found.hermes, **{name: value}))


_CHANGES: Mapping[str, Callable[[Facts, str, Any, Services], Facts]] = {
    "files": put,
    "edits": _edit,
    "modes": _mode,
    "kinds": _kind,
    "links": _link,
    "owes": _owes,
    "program": _program,
    "answers": _answer,
    "services": _service,
    "shows": _shows,
    "runs": _runs,
    "unwritable": _unwritable,
}


# --- what a plan makes of it ------------------------------------------------------------------


def applied(plan: Plan, found: Facts) -> Facts:
    """Return the facts that a look would find once every change of the plan is done."""
    for change in plan.changes:
        found = _applied(change, plan, found)
    return found


def _applied(change: Change, plan: Plan, found: Facts) -> Facts:
    match change.operation:
        case Write():
            return _written(change.operation, found)
        case model.MakeFolder(path, mode):
            return _at(found, str(path), PathState("folder", mode or 0o755, found.uid, 4096))
        case model.RunCommand():
            made = change.resource.removeprefix("command:")
            return _at(found, made, PathState("folder", 0o755, found.uid, 4096))
        case model.SetMode(path, mode):
            return _at(found, str(path), replace(found.paths[str(path)], mode=mode))
        case model.MakeLink(path, target):
            return _link(found, str(path), target, {})
        case model.Remove(path):
            return without(found, str(path))
        case model.Install(name=name, stamp=text):
            hermes = plan.hermes if name == "hermes" else found.hermes
            return put(replace(found, hermes=hermes), str(stamp(name)), f"{text}\n")
        case model.EnableLinger():
            return replace(found, linger=True, bus=True)
        case model.Reload():
            return _reloaded(found)
        case model.Switch() as switch:
            return _switched(found, switch, plan.manager)
        case Control():
            return _controlled(change.operation, plan, found)
    raise TypeError(f"cannot be applied: {change}")


_TOKEN = re.compile("\x01(new:[0-9]+|kept)\x01")


def _written(write: Write, found: Facts) -> Facts:
    secret = isinstance(write.content, Secret)
    text = write.content.reveal() if isinstance(write.content, Secret) else write.content
    path = str(write.path)
    # What the host made stays there: the next look brings only that there is one.
    found = put(found, path, _TOKEN.sub("\x01kept\x01", text) if secret else text)
    owner = 0 if write.path.is_absolute() else found.uid
    found = _at(found, path, replace(found.paths[path], mode=write.mode, uid=owner))
    return _owes(found, write.owes, None) if write.owes else found


def _reloaded(found: Facts) -> Facts:
    units = {
        name: Unit({**unit.properties, "NeedDaemonReload": "no"})
        for name, unit in found.units.get("systemd", {}).items()
    }
    return replace(found, units={**found.units, "systemd": units})


def _switched(found: Facts, switch: model.Switch, manager: str) -> Facts:
    name = MANAGERS[manager].id(switch.service)
    barred = "" if switch.enabled else "yes"
    known = {"Id": name, **found.unit(manager, name).properties, "Disabled": barred}
    return _told(found, manager, name, known)


def _controlled(control: Control, plan: Plan, found: Facts) -> Facts:
    service = control.service
    found = without(found, f"{OWED}/{service.name}")
    others = {pid: process for pid, process in found.processes.items() if pid != control.ends}
    # A new process is what the unit says.
    found = replace(found, processes=others, commands={})
    if control.keeps and control.verb != "stop":
        path = str(control.keeps[0])
        found = _mode(put(found, path, control.keeps[1]), path, "600", {})
    if control.verb == "stop":
        return ended(found, service, "inactive")
    watch = next(watch for watch in plan.watches if watch.service.profile == service.profile)
    pid = 100 + len(found.processes)
    return running(
        found, service, pid,
        platforms=watch.expected, urls=watch.urls, manager=plan.manager,
    )  # fmt: skip
