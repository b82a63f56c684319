"""The checks of the role `gateway`: each passes on a healthy gateway and sees what it is for."""

from __future__ import annotations

import inspect
import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from building import checks_of
from shell_kit import SYSTEM

from hermes_ops.look.facts import Answer
from hermes_ops.services import MANAGERS
from hermes_ops.services.supervisord import PID_FILE
from hermes_ops.verify import CheckedService

PID, TICKS, NOW = 4242, 777, 1_700_000_000
URL = "http://127.0.0.1:8642/health"


CHECKS = checks_of("gateway")


def stamp(age: float = 0) -> str:
    """Return the time so many seconds ago, as Hermes writes it."""
    return datetime.fromtimestamp(NOW - age, UTC).isoformat()


@dataclass
class World:
    """A healthy gateway in a folder, as the fixtures of `verify` show it; a test spoils a part."""

    folder: Path
    service: CheckedService = field(init=False)
    state: dict[str, Any] = field(init=False)
    beat: dict[str, Any] = field(init=False)
    log: Path = field(init=False)
    env: Path = field(init=False)
    """Where its log is, and where its credentials are."""
    lingers: bool = True
    answers: dict[str, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lay out what a gateway that began 1000 seconds ago has written."""
        self.service = CheckedService(
            "box", "one", "gateway", "one", "one.service", "systemd", "ann", os.getuid(),
            str(self.folder), str(self.folder), str(self.folder / ".env"), (URL,),
            frozenset({"telegram", "api_server"}),
        )  # fmt: skip
        entry = {"state": "connected", "updated_at": stamp(990)}
        self.state = {
            "pid": PID, "start_time": TICKS, "gateway_state": "running",
            "platforms": {"telegram": dict(entry), "api_server": dict(entry)},
        }  # fmt: skip
        self.beat = {"pid": PID, "updated_at": stamp(5)}
        self.answers = {URL: Answer(200, '{"platform": "hermes-agent"}')}
        self.unit = SimpleNamespace(
            enablement="enabled", activity="active",
            ends_with_session=self.ends_with_session,
        )  # fmt: skip
        pid_file = self.folder / PID_FILE
        pid_file.parent.mkdir(parents=True)
        pid_file.write_text("99\n")
        cgroup = f"/user.slice/user@{os.getuid()}.service/app.slice/one.service"
        self.process = SimpleNamespace(
            pid=PID, wrote=lambda start: start in (None, TICKS), started=NOW - 1000,
            uids={os.getuid()}, session=99, cgroup=cgroup,
            variable={"HERMES_HOME": str(self.folder)}.get,
        )  # fmt: skip
        (self.folder / "bin").mkdir()
        (self.folder / "bin/date").write_text(f"#!/bin/sh\necho {NOW}\n")
        (self.folder / "bin/date").chmod(0o755)
        self.log, self.env = self.folder / "logs/gateway.log", self.folder / ".env"
        (self.folder / "logs").mkdir()
        (self.folder / "state").mkdir()
        self.log.write_text("said\n")
        self.env.write_text("A=1\n")
        self.env.chmod(0o600)

    def run(self, command: str, *words: str) -> SimpleNamespace:
        """Run a command as testinfra does; whether the user lingers is what the test says."""
        if words == ("/var/lib/systemd/linger/ann",):
            return SimpleNamespace(rc=int(not self.lingers), stdout="")
        line = command % tuple(map(shlex.quote, words))
        environ = {"PATH": f"{self.folder}/bin:{SYSTEM}"}
        done = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, env=environ, check=False
        )
        return SimpleNamespace(rc=done.returncode, stdout=done.stdout)

    def ends_with_session(self, process: object) -> str:
        """Return what the service's real manager says of that."""
        managed = MANAGERS[self.service.manager].check(self, self.service)
        return managed.ends_with_session(process)

    def check(self, name: str) -> None:
        """Write what the gateway says of itself, and run a check."""
        for path, content in (("gateway_state.json", self.state),
                              ("state/gateway.heartbeat", self.beat)):  # fmt: skip
            if content:
                (self.folder / path).write_text(json.dumps(content))
        given = {
            "host": self, "unit": self.unit, "process": self.process, "service": self.service,
            "http": lambda url: self.answers.get(url, Answer(None)),
        }  # fmt: skip
        function = getattr(CHECKS, name)
        function(**{name: given[name] for name in inspect.signature(function).parameters})


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A healthy gateway."""
    return World(tmp_path)


NAMES = [name for name in vars(CHECKS) if name.startswith("test_")]


@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_gateway_passes(world: World, name: str) -> None:
    """Under systemd, and under supervisord."""
    world.check(name)
    world.service = replace(world.service, manager="supervisord")
    world.check(name)


Spoil = Callable[[World], Any]


def put(**fields: Any) -> Spoil:
    """Return what changes these fields of the state file."""
    return lambda world: world.state.update(fields)


def platform(name: str, **fields: Any) -> Spoil:
    """Return what changes these fields of a platform."""
    return lambda world: world.state["platforms"][name].update(fields)


def unit(**fields: Any) -> Spoil:
    """Return what changes what the manager says."""
    return lambda world: vars(world.unit).update(fields)


def process(**fields: Any) -> Spoil:
    """Return what changes what the kernel says."""
    return lambda world: vars(world.process).update(fields)


def wanted(**fields: Any) -> Spoil:
    """Return what changes what is wanted of the service."""

    def spoil(world: World) -> None:
        world.service = replace(world.service, **fields)

    return spoil


def asked_to_drain(state: str) -> Spoil:
    """Return what asks it to drain: its state is this then."""

    def drain(world: World) -> None:
        wanted(drained="drain request of ann")(world)
        put(gateway_state=state)(world)

    return drain


def answers(status: int | None, body: str = "") -> Spoil:
    """Return what changes what its API answers."""
    return lambda world: world.answers.update({URL: Answer(status, body)})


def no_linger(world: World) -> None:
    """Let its user not linger."""
    world.lingers = False


def no_state(world: World) -> None:
    """Let it say nothing of itself."""
    world.state = {}


def age_log(seconds: float) -> Spoil:
    """Return what makes its log so much older than its process."""

    def spoil(world: World) -> None:
        written = world.process.started - seconds
        os.utime(world.log, (written, written))

    return spoil


@pytest.mark.parametrize(
    ("name", "spoil", "says"),
    [
        ("unit_is_enabled_and_active", unit(enablement="disabled"), "one is disabled"),
        ("unit_is_enabled_and_active", unit(activity="failed"), "one is failed"),
        ("service_survives_logout", no_linger, "ann does not linger"),
        ("service_survives_logout", process(cgroup="/user.slice/session-3.scope"), "session-3"),
        (
            "service_survives_logout",
            process(cgroup=f"/user.slice/xuser@{os.getuid()}.service"),
            "control group",
        ),
        ("process_is_the_users_own", process(uids={os.getuid(), 0x7FFF}), "it runs as uid 32767"),
        ("hermes_home_is_the_profiles", process(variable=lambda _: "/else"), "/else"),
        ("hermes_home_is_the_profiles", process(variable=lambda _: None), "None"),
        ("env_file_is_private", lambda w: w.env.chmod(0o640), "-rw-r-----"),
        ("env_file_is_private", lambda w: w.env.unlink(), "does not exist"),
        ("env_file_is_private", wanted(uid=0x7FFF), f"belongs to uid {os.getuid()}"),
        ("log_is_written", lambda w: w.log.unlink(), "does not exist"),
        ("log_is_written", lambda w: w.log.write_text(""), "is empty"),
        ("log_is_written", age_log(60), "60 s"),
        ("gateway_is_running", put(pid=1), "process 1"),
        ("gateway_is_running", put(start_time=1), "older process"),
        ("gateway_is_running", put(gateway_state="starting"), "starting"),
        ("gateway_is_running", put(gateway_state="draining"), "draining"),
        ("gateway_is_running", asked_to_drain("starting"), "starting"),
        ("gateway_is_running", no_state, "process None"),
        ("gateway_is_running", platform("telegram", state="error"), "not connected: telegram"),
        (
            "gateway_is_running",
            platform("telegram", updated_at=stamp(1100)),
            "not connected: telegram",
        ),
        (
            "gateway_is_running",
            wanted(platforms=frozenset({"slack", "irc"})),
            "not connected: irc, slack",
        ),
        ("gateway_is_running", lambda w: w.beat.update(updated_at=stamp(95)), "95 s"),
        ("gateway_is_running", lambda w: w.beat.update(pid=1), "1000 s"),
        ("gateway_is_running", lambda w: w.beat.clear(), "1000 s"),
        ("api_answers", answers(503), "answers 503"),
        ("api_answers", answers(None), "answers nothing"),
        ("api_answers", answers(200, '{"platform": "other"}'), "another program answers"),
        ("api_answers", wanted(urls=("http://x",)), "http://x answers nothing"),
        ("api_answers", wanted(urls=(URL, "http://x")), "http://x answers nothing"),
        ("api_answers", wanted(urls=()), "its API is open, but not in the inventory"),
    ],
)
def test_what_is_wrong_is_seen_and_told(world: World, name: str, spoil: Spoil, says: str) -> None:
    """Each of these alone turns its check red, and the sentence names it."""
    spoil(world)
    with pytest.raises(AssertionError, match=says.replace(".", r"\.")):
        world.check(f"test_{name}")


def test_a_session_of_supervisord_is_its_own(world: World) -> None:
    """There is no control group to tell by; one of a login shell ends with it."""
    world.service = replace(world.service, manager="supervisord")
    no_linger(world)
    process(cgroup="/", session=7)(world)
    with pytest.raises(AssertionError, match="ends with a shell"):
        world.check("test_service_survives_logout")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gateway_is_running", put(start_time=None)),
        ("gateway_is_running", platform("telegram", updated_at=stamp(1001))),
        ("gateway_is_running", lambda w: w.beat.update(updated_at=stamp(80))),
        ("gateway_is_running", wanted(platforms=frozenset())),
        ("gateway_is_running", asked_to_drain("draining")),
        ("gateway_is_running", asked_to_drain("running")),
        ("log_is_written", age_log(1)),
        ("env_file_is_private", lambda w: w.folder.joinpath("real").symlink_to(w.env)),
    ],
)
def test_what_is_not_wrong_is_not_told(world: World, name: str, change: Spoil) -> None:
    """A clock of another second, an older state file, a platform too many, a wanted drain."""
    change(world)
    world.check(f"test_{name}")


def test_no_api_is_wanted_and_none_is_open(world: World) -> None:
    """Whether it was never there, or an older process had one."""
    wanted(urls=())(world)
    platform("api_server", updated_at=stamp(1100))(world)
    world.check("test_api_answers")
    del world.state["platforms"]
    world.check("test_api_answers")


def test_a_young_gateway_may_not_have_beaten_yet(world: World) -> None:
    """Its birth counts until it has."""
    process(started=NOW - 30)(world)
    world.state["platforms"] = {}
    wanted(platforms=frozenset())(world)
    world.beat = {}
    world.check("test_gateway_is_running")
