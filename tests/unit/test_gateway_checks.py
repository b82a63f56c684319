"""The gateway's own checks: each is red for what it is about, on a host that is made up."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hermes_ops.facts import Answer
from hermes_ops.loader.role import load_roles
from hermes_ops.verify.service import Service

ROLES = Path(__file__).parents[2] / "roles"
HOME = "/home/hermes/.hermes/profiles/demo"
URL = "http://127.0.0.1:8642/health"
NOW = 1795338000
"""2026-11-22T09:00:00Z"""
STATE = f"{HOME}/gateway_state.json"
BEAT = f"{HOME}/state/gateway.heartbeat"
LOG = f"{HOME}/logs/gateway.log"


def loaded() -> ModuleType:
    """Return the file of checks, as pytest imports it."""
    file = ROLES / "gateway/checks/test_gateway.py"
    spec = importlib.util.spec_from_file_location("gateway_checks", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKS = loaded()


def ran(rc: int = 0, stdout: str = "") -> SimpleNamespace:
    """Return how a command ended."""
    return SimpleNamespace(rc=rc, stdout=stdout, stderr="")


@dataclass(frozen=True)
class Box:
    """A host, as testinfra has it: what its commands would print."""

    files: dict[str, str]
    lingers: bool = True
    env: str = "-rw------- 1 1000 1000 40 Nov 22 09:00 .env"
    log: str = f"4096 {NOW - 900}"

    def run(self, command: str, *words: str) -> SimpleNamespace:
        if command.startswith("ls -dlnL"):
            return ran(0, self.env) if self.env else ran(2)
        if command.startswith("stat "):
            assert words == (LOG, LOG)
            return ran(0, self.log) if self.log else ran(1)
        (path,) = words
        text = self.files.get(path, "")
        return ran(0 if text else 1, f"{NOW}\n{text}" if command.startswith("date") else text)

    def file(self, path: str) -> SimpleNamespace:
        assert path == "/var/lib/systemd/linger/hermes"
        return SimpleNamespace(exists=self.lingers)


@dataclass(frozen=True)
class Running:
    """A process, as the kernel has it."""

    pid: int = 7
    ticks: int = 400_000
    started: float = NOW - 1000.0
    session: int = 7
    uids: frozenset[int] = frozenset({1000})
    cgroup: str = "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service"
    home: str | None = HOME

    def variable(self, name: str) -> str | None:
        assert name == "HERMES_HOME"
        return self.home


PLATFORMS = {
    name: {"state": "connected", "updated_at": "2026-11-22T08:59:00+00:00"}
    for name in ("telegram", "api_server")
}
RUNNING: dict[str, Any] = {
    "pid": 7, "start_time": 400_000, "gateway_state": "running", "platforms": PLATFORMS,
}  # fmt: skip
BEATING = {"pid": 7, "updated_at": "2026-11-22T08:59:40+00:00"}
SERVICE = Service(
    "box", "demo", "gateway", "hermes-gateway-demo", "hermes-gateway-demo.service", "systemd",
    "hermes", 1000, "/home/hermes", HOME, f"{HOME}/.env", (URL,),
    frozenset({"telegram", "api_server"}),
)  # fmt: skip


def box(**more: Any) -> Box:
    """Return a host on which everything is well, but for these."""
    files = {STATE: json.dumps(RUNNING), BEAT: json.dumps(BEATING)}
    return Box(**{"files": files, **more})


@dataclass(frozen=True)
class Unit:
    """What its manager says of the service."""

    enablement: str = "enabled"
    activity: str = "active"
    supervisor: int = 3


@dataclass(frozen=True)
class Site:
    """Everything that a check may ask for; a break replaces one part."""

    host: Box = field(default_factory=box)
    process: Running = Running()
    service: Service = SERVICE
    unit: Unit = Unit()
    http: Callable[[str], Answer] = lambda _: Answer(200, '{"platform": "hermes-agent"}')


def state(**more: Any) -> Box:
    """Return a host whose gateway says this of itself."""
    return box(files={STATE: json.dumps({**RUNNING, **more}), BEAT: json.dumps(BEATING)})


def entry(name: str, **more: str) -> dict[str, Any]:
    """Return the platforms with this said of one."""
    return {"platforms": {**PLATFORMS, name: {**PLATFORMS[name], **more}}}


def beating(beat: str) -> Box:
    """Return a host whose gateway has written this heartbeat."""
    return box(files={STATE: json.dumps(RUNNING), BEAT: beat})


def check(name: str, site: Site) -> None:
    """Call a check with what it asks for."""
    called = getattr(CHECKS, f"test_{name}")
    words = called.__code__.co_varnames[: called.__code__.co_argcount]
    called(**{word: getattr(site, word) for word in words})


NAMES = [name.removeprefix("test_") for name in vars(CHECKS) if name.startswith("test_")]
GOOD = Site()
OLD = {"updated_at": "2026-11-22T08:30:00+00:00"}
"""Before this process began."""


@pytest.mark.parametrize("name", NAMES)
def test_all_is_well(name: str) -> None:
    """On a host that is as it should be, every check passes."""
    check(name, GOOD)


def test_the_role_names_every_check() -> None:
    """One that nobody names would not be missed."""
    assert set(load_roles([ROLES])["gateway"].checks) == {f"test_{name}" for name in NAMES}


LATE = {"updated_at": "2026-11-22T08:58:00+00:00"}
SUPERVISED = replace(GOOD, service=replace(SERVICE, manager="supervisord"))
SILENT = replace(SERVICE, urls=(), platforms=frozenset({"telegram"}))
BROKEN: list[tuple[str, Site, str]] = [
    ("unit_is_enabled_and_active",
     replace(GOOD, unit=Unit(enablement="disabled")), "is disabled"),
    ("unit_is_enabled_and_active",
     replace(GOOD, unit=Unit(activity="failed")), "is failed"),
    ("service_survives_logout", replace(GOOD, host=box(lingers=False)), "does not linger"),
    ("service_survives_logout",
     replace(GOOD, process=Running(cgroup="/user.slice/user-1000.slice/session-3.scope")),
     "its control group is /user.slice/user-1000.slice/session-3.scope"),
    ("service_survives_logout",
     replace(GOOD, process=Running(cgroup="/x/user@1000.service.d")), "its control group"),
    ("service_survives_logout", SUPERVISED, "session that ends with a shell"),
    ("process_is_the_users_own",
     replace(GOOD, process=Running(uids=frozenset({0, 1000}))), "uid 0 runs it, not 1000 (hermes)"),
    ("hermes_home_is_the_profiles",
     replace(GOOD, process=Running(home="/home/hermes/.hermes")), "HERMES_HOME is /home"),
    ("hermes_home_is_the_profiles",
     replace(GOOD, process=Running(home=None)), "HERMES_HOME is None"),
    ("env_file_is_private", replace(GOOD, host=box(env="")), ".env is not there"),
    ("env_file_is_private",
     replace(GOOD, host=box(env="-rw-r--r-- 1 1000 1000 4 Nov 22 09:00 x")), "is -rw-r--r--"),
    ("env_file_is_private",
     replace(GOOD, host=box(env="-rw------- 1 0 0 4 Nov 22 09:00 x")), "belongs to uid 0"),
    ("log_is_written", replace(GOOD, host=box(log="")), "gateway.log is not there"),
    ("log_is_written", replace(GOOD, host=box(log=f"0 {NOW}")), "gateway.log is empty"),
    ("log_is_written",
     replace(GOOD, host=box(log=f"9 {NOW - 1100}")), "last written 100 s before the process"),
    ("gateway_is_running", replace(GOOD, host=state(pid=8)), "that of process 8"),
    ("gateway_is_running", replace(GOOD, host=state(start_time=1)), "of an older process"),
    ("gateway_is_running", replace(GOOD, host=state(gateway_state="draining")), "is draining"),
    ("gateway_is_running", replace(GOOD, host=state(platforms={})),
     "api_server, telegram is not connected"),
    ("gateway_is_running", replace(GOOD, host=state(platforms=None)), "is not connected"),
    ("gateway_is_running",
     replace(GOOD, host=state(**entry("telegram", state="retrying"))), "telegram is not connected"),
    ("gateway_is_running", replace(GOOD, host=state(**entry("telegram", **OLD))),
     "telegram is not connected"),
    ("gateway_is_running", replace(GOOD, host=box(files={})), "that of process None"),
    ("gateway_is_running",
     replace(GOOD, host=beating(json.dumps({**BEATING, **LATE}))), "stood still for 120 s"),
    ("gateway_is_running", replace(GOOD, host=beating("")), "stood still for 1000 s"),
    ("gateway_is_running",
     replace(GOOD, host=beating(json.dumps({**BEATING, "pid": 8}))), "stood still for 1000 s"),
    ("api_answers", replace(GOOD, http=lambda _: Answer(None)), f"{URL} answers nothing"),
    ("api_answers", replace(GOOD, http=lambda _: Answer(503, "hermes-agent")), "answers 503"),
    ("api_answers", replace(GOOD, http=lambda _: Answer(200, "nginx")), "another program answers"),
    ("api_answers", replace(GOOD, service=SILENT), "an unwanted API is open"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "site", "said"), BROKEN)
def test_what_it_is_about_is_red(name: str, site: Site, said: str) -> None:
    """Each check fails for the fault that it is to find, and says which."""
    with pytest.raises(AssertionError) as caught:
        check(name, site)
    assert said in str(caught.value).partition("\nassert ")[0]


def test_every_check_has_a_fault_here() -> None:
    """A check that cannot fail would prove nothing."""
    assert {name for name, _, _ in BROKEN} == set(NAMES)


FINE: list[tuple[str, Site]] = [
    ("service_survives_logout", replace(SUPERVISED, process=Running(session=3))),
    ("env_file_is_private", replace(GOOD, host=box(env="-rw-------@ 1 1000 20 4 Nov 22 x"))),
    ("env_file_is_private", replace(GOOD, host=box(env="-rw-------. 1 1000 20 4 Nov 22 x"))),
    ("log_is_written", replace(GOOD, host=box(log=f"9 {NOW - 1001}"))),
    ("gateway_is_running", replace(GOOD, host=state(start_time=None))),
    ("gateway_is_running",
     replace(GOOD, host=beating(""), process=Running(started=NOW - 60.0))),
    ("gateway_is_running", replace(GOOD, host=state(**entry("telegram", **OLD)),
                                   service=replace(SERVICE, platforms=frozenset()))),
    ("api_answers", replace(GOOD, service=SILENT, host=state(**entry("api_server", **OLD)))),
    ("api_answers", replace(GOOD, service=SILENT, host=box(files={}))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "site"), FINE)
def test_what_is_no_fault_is_green(name: str, site: Site) -> None:
    """Another manager, another system, a young process, an entry of one that is long gone."""
    check(name, site)
