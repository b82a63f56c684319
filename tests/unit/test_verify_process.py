"""What the kernel and the managers say of a process, read from what their programs print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from faking import EachAlone

from hermes_ops.errors import HermesError, Unknown, Unreachable
from hermes_ops.services import MANAGERS
from hermes_ops.services.manager import CheckedService
from hermes_ops.transport import Session
from hermes_ops.verify.backend import COMMAND_TIMEOUT, SessionBackend
from hermes_ops.verify.process import CheckedProcess

SERVICE = CheckedService(
    "h", "p", "gateway", "name", "name.service", "systemd", "u", 1, "/home/u", "/home/u/.p"
)
STAT = "7 (a b) c) S 1 7 42 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 100000 0 24000"


class Printing:
    """A host whose commands print what is given; of the command, the beginning counts."""

    def __init__(self, **printed: str | int) -> None:
        self.printed = {key.replace("_", " "): value for key, value in printed.items()}
        self.asked: list[str] = []

    def run(self, command: str, *words: str) -> SimpleNamespace:
        self.asked.append(command % words if words else command)
        for start, text in self.printed.items():
            if start in self.asked[-1]:
                rc = text if isinstance(text, int) else 0
                return SimpleNamespace(rc=rc, stdout="" if rc else text, stderr="")
        return SimpleNamespace(rc=1, stdout="", stderr="no such thing\n")

    run_alone = run

    def check_output(self, command: str, *words: str) -> str:
        ended = self.run(command, *words)
        assert ended.rc == 0
        return str(ended.stdout)


class Unit:
    """A unit whose manager knows a process and a variable."""

    enablement, activity, pid = "enabled", "active", 7

    def variable(self, name: str) -> str | None:
        return f"the manager's {name}"

    def ends_with_session(self, process: object) -> str:
        raise AssertionError("nobody asks that here")


def process(**printed: str | int) -> CheckedProcess:
    """Return the process 7 of a host that prints these."""
    birth = {"uptime": f"5000.25 1.0\n1795338000\n{STAT}\n"}
    return CheckedProcess(Printing(**{**birth, **printed}), Unit())


def test_every_owner_of_a_process_counts() -> None:
    """Real, effective, saved and of the file system: one that is another's is another's."""
    linux = process(**{"Uid": "\t1000\t0\t1001\t1002\n"})
    assert linux.uids == {1000, 0, 1001, 1002}
    assert process(**{"Uid": "\t1000\t1000\t1000\t1000\n"}).uids == {1000}
    assert process(**{"Uid": "  501     0   501\n"}).uids == {501, 0}


def test_birth_and_session() -> None:
    """Behind the last bracket of a name that has some itself."""
    found = process()
    assert (found.pid, found.ticks, found.session) == (7, 100000, 42)
    assert found.started == pytest.approx(1795338000 - 5000.25 + 1000)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/user.slice/x.service\n", "/user.slice/x.service"),
        ("12:pids:/other\n1:name=systemd:/user.slice/y:z\n0::/v2\n", "/user.slice/y:z"),
        ("12:pids:/other\n", ""),
        ("", ""),
    ],
)
def test_its_control_group(text: str, path: str) -> None:
    """The one that systemd made, in either hierarchy."""
    assert process(cgroup=text).cgroup == path


def test_a_variable_of_a_process() -> None:
    """Its value only, whatever is in it; where the kernel hides it, its manager's word counts."""
    assert process(environ="HERMES_HOME=/a=b\n").variable("HERMES_HOME") == "/a=b"
    assert process(environ=1).variable("HERMES_HOME") is None
    assert process(environ=9).variable("HERMES_HOME") == "the manager's HERMES_HOME"
    found = process(environ="X=1\n")
    found.variable("X")
    assert "grep -a -m 1 ^X=" in found._host.asked[-1]


# --- managers -----------------------------------------------------------------------------------


def unit(manager: str, printed: Mapping[str, str | int]) -> Any:
    """Return a unit under a manager whose programs print these."""
    return MANAGERS[manager].check(Printing(**printed), SERVICE)


def test_systemds_words() -> None:
    """What its programs print; where they say nothing, what they complained of."""
    found = unit("systemd", {"is-enabled": "enabled\n", "is-active": "failed\n",
                             "MainPID": "7\n", "Environment": 'A="x y" "B=1" C\n'})  # fmt: skip
    assert (found.enablement, found.activity, found.pid) == ("enabled", "failed", 7)
    assert [found.variable(name) for name in ("B", "C", "D")] == ["1", None, None]
    assert unit("systemd", {}).activity == "no such thing"
    assert unit("systemd", {"is-active": ""}).activity == "unknown"
    gone = "Failed to get unit file state for x.service: No such file or directory"
    assert unit("systemd", {"is-enabled": gone}).enablement == "not installed"
    assert all("--user" in asked for asked in found._host.asked)


@pytest.mark.parametrize("printed", ["0\n", "", "x\n", "-1"])
@pytest.mark.parametrize("manager", ["systemd", "supervisord"])
def test_a_service_without_a_process(manager: str, printed: str) -> None:
    """The check fails with its name."""
    with pytest.raises(AssertionError, match="has no process"):
        _ = unit(manager, {"MainPID": printed, "pid name": printed}).pid


@pytest.mark.parametrize(
    ("printed", "activity"),
    [
        ("name   RUNNING   pid 7, uptime 0:00:01\n", "active"),
        ("name   STOPPED   Not started\n", "inactive"),
        ("name   FATAL     Exited too quickly\n", "FATAL"),
        ("", "unknown to supervisord"),
        ("name\n", "unknown to supervisord"),
    ],
)
def test_supervisords_words(printed: str, activity: str) -> None:
    """In those of systemd where they mean the same."""
    assert unit("supervisord", {"status name": printed}).activity == activity


def test_supervisords_files() -> None:
    """Its section, its script and its own process, each in the user's home."""
    found = unit("supervisord", {
        "autostart=true": "", "pid name": "7\n", "supervisord.pid": "3\n",
        "export.A=": "export A='x y'\n",
    })  # fmt: skip
    assert (found.enablement, found.pid) == ("enabled", 7)
    assert found.ends_with_session(SimpleNamespace(session=3)) == ""
    assert "a session that ends" in found.ends_with_session(SimpleNamespace(session=7))
    assert found.variable("A") == "x y"
    assert unit("supervisord", {"autostart=true": 1}).enablement == "disabled"
    asked = " ".join(found._host.asked)
    for path in ("supervisord.d/name.conf", "supervisord.d/name.sh", "supervisord.conf"):
        assert f"/home/u/.config/hermes-ops/{path}" in asked
    assert "/home/u/.local/state/hermes-ops/supervisord.pid" in asked
    assert "/home/u/.local/share/hermes-ops/supervisor/current/venv/bin/supervisorctl" in asked


SECOND = replace(SERVICE, profile="q", unit="second.service")
PRINTED = """\
enabled
disabled
=
MainPID=7
ActiveState=active

MainPID=0
ActiveState=failed
=
lingers
"""


def test_all_units_of_systemd_at_once() -> None:
    """What succeeds is known; what would fail is asked again, so that its reason is told."""
    systemd = MANAGERS["systemd"]
    known = systemd.foreseen([SERVICE, SECOND], PRINTED)
    assert {(words[0].split()[2], words[-1]): text.strip() for words, text in known.items()} == {
        ("is-enabled", "name.service"): "enabled",
        ("is-active", "name.service"): "active",
        ("show", "name.service"): "7",
        ("show", "second.service"): "0",
        ("%s", "/var/lib/systemd/linger/u"): "",
    }
    asked = Printing()
    unit = systemd.check(asked, SERVICE)
    _ = unit.enablement, unit.activity, unit.ends_with_session(SimpleNamespace(cgroup=""))
    assert set(asked.asked) <= {words[0] % words[1:] for words in known}


@pytest.mark.parametrize("printed", ["", "=\n", "enabled\n=\n\n=\n", "enabled\n", "x\n=\ny\n=\nz"])
def test_half_an_answer_about_units_is_none(printed: str) -> None:
    """Fewer lines than units could be of any unit."""
    assert MANAGERS["systemd"].foreseen([SERVICE, SECOND], printed) == {}


# --- the shell that is asked --------------------------------------------------------------------


class Shell(EachAlone):
    """A shell that remembers what it was asked, and how long it might take."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []
        self.is_closed = False

    def run(self, command: str, *, timeout: float = 30) -> tuple[int, bytes, bytes]:
        self.asked.append((command, timeout))
        return 3, b"out \xff", b"err"

    def close(self) -> None:
        self.is_closed = True


def test_one_shell_for_all_commands() -> None:
    """It is opened by the first, has its own deadline for each, and is closed at the end."""
    shells: list[Shell] = []

    def opened() -> Session:
        shells.append(Shell())
        return shells[-1]

    backend = SessionBackend("h", opened)
    assert (backend.sessions, shells) == (0, [])
    backend.close()
    ended = [backend.run("echo %s", "it's"), backend.run("true")]
    assert (backend.sessions, len(shells)) == (1, 1)
    assert shells[0].asked == [("echo 'it'\"'\"'s'", COMMAND_TIMEOUT), ("true", COMMAND_TIMEOUT)]
    assert (ended[0].rc, ended[0].stdout, ended[0].stderr) == (3, "out \\xff", "err")
    backend.close()
    assert shells[0].is_closed


@pytest.mark.parametrize("failure", [Unreachable("no way"), Unknown("lost")])
def test_a_shell_that_cannot_be_opened(failure: HermesError) -> None:
    """It is tried once; every check says why."""
    tries: list[int] = []

    def opened() -> Session:
        tries.append(1)
        raise failure

    backend = SessionBackend("h", opened)
    for _ in range(3):
        with pytest.raises(type(failure)):
            backend.run("true")
    assert (len(tries), backend.sessions) == (1, 0)


def test_the_deadline_of_a_run_is_that_of_its_checks() -> None:
    """What is left of it, at most the time for a command; and after it nothing is asked."""
    import time

    shell = Shell()
    backend = SessionBackend("h", lambda: shell, time.monotonic() + 10)
    backend.run("true")
    assert 9 < shell.asked[0][1] <= 10
    late = SessionBackend("h", lambda: shell, time.monotonic() - 1)
    with pytest.raises(Unknown, match="deadline") as caught:
        late.run("true")
    assert caught.value.kind == "timeout"
    assert len(shell.asked) == 1
    far = SessionBackend("h", lambda: shell, time.monotonic() + 1000)
    far.run("true")
    assert shell.asked[1][1] == COMMAND_TIMEOUT
