"""What is written onto a host, to the letter: units, policies, sections, scripts, with their modes.

A case is what is wanted of a host (`NAME.yml`) and all that the plan for it would write or run
(`NAME.txt`). Whoever changes a text changes it there too, and sees what hosts will get.
"""

from __future__ import annotations

import json
import os
import plistlib
import re
import shlex
import stat
import subprocess
import sys
import threading
from configparser import RawConfigParser
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from building import HERMES, NEW, ROOT, desired, facts, roles
from case_file import read_case
from shell_kit import SYSTEM, Host, one_host

from hermes_ops.hermes.gateway import values_for
from hermes_ops.inventory.model import ServiceSettings
from hermes_ops.plan import Plan, make_plan
from hermes_ops.plan.model import Change, Control, Install, MakeLink, RunCommand, Write, WriteUnit
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.definition import Text

host = one_host
FOLDER = Path(__file__).parents[1] / "cases" / "texts"
CASES = sorted(FOLDER.glob("*.yml"))
TEMPLATES = ROOT / "templates"


def shown(change: Change) -> str:
    """Return a change as a case has it."""
    match change.operation:
        case Write() as op:
            text = op.content.reveal() if isinstance(op.content, Secret) else op.content
            kind = "secret " if isinstance(op.content, Secret) else ""
            owes = f" owes {op.owes}" if op.owes else ""
            return f"=== {kind}{op.path} {op.mode:04o}{owes}\n{text}"
        case MakeLink(path, target):
            return f"=== {path} -> {target}\n"
        case RunCommand(words, deadline) | WriteUnit(words=words, deadline=deadline):
            return f"=== run {shlex.join(words)} ({deadline} s)\n"
        case Install() as op:
            return f"=== install {op.name} {op.version}: {shlex.join(op.requirements)}\n"
        case Control() as op:
            return f"=== order {shlex.join(op.words)}\n"
        case other:
            return f"=== {type(other).__name__}\n"


def texts(plan: Plan) -> str:
    """Return all that a plan would do; what a profile remembers of itself is tested elsewhere."""
    return "".join(shown(c) for c in plan.changes if ".hermes-ops.yml" not in c.resource)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_texts(path: Path) -> None:
    """Every byte and every mode is the one of the case."""
    case = read_case(path)
    wanted = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert texts(make_plan(desired(case), facts(case))) == wanted.replace("␁", "\x01")


# --- a service that is not Hermes -------------------------------------------------------------

WORDS = ("/opt/a b/run", "--home=$HOME", "50%", "it's", "", ";")
"""What a shell, systemd and supervisord each read in their own way."""
SERVICE = ServiceSpec(
    profile="echo", description="says it's", name="echo", label="echo", text="service",
    home=PurePosixPath("srv"), write=(), command=WORDS,
    environment={"A": "x $y %h"}, planned_stop=False, fatal_exit=(), readiness="process", url="",
    settings=ServiceSettings(), role=roles()["gateway"],
)  # fmt: skip


def definition(manager: str, *, enabled: bool = True, **more: Any) -> dict[str, Text]:
    """Return the files by which a manager would know the service, by name."""
    spec = replace(SERVICE, **more)
    values = values_for(spec, NEW, HERMES, {}, {})
    parts = MANAGERS[manager].definition(spec, NEW, values, enabled=enabled)
    return {part.path.name: part for part in parts if isinstance(part, Text)}


UNIT = """\
[Unit]
Description=says it's

[Service]
Type=simple
ExecStart="/opt/a b/run" "--home=$$HOME" "50%%" "it's" "" ";"
WorkingDirectory=/home/hermes/srv
Restart=always
RestartSec=5

[Install]
WantedBy=default.target
"""
POLICY = """\
# Written by hermes-ops; Hermes keeps the unit itself and leaves this file alone.
[Service]
Environment="A=x $y %%h"
"""


@pytest.mark.parametrize(("file", "text"), [("echo.service", UNIT), ("50-hermes-ops.conf", POLICY)])
def test_the_files_of_another_program(file: str, text: str) -> None:
    """Words are quoted as systemd reads them, it is always restarted, and has no limit of ours."""
    found = definition("systemd")[file]
    assert (found.mode, found.content) == (0o644, text)


def test_a_planned_stop_under_supervisord_is_an_interrupt() -> None:
    """A section that differs in that alone restarts nothing: it counts from the next stop on."""
    assert section(planned_stop=True)["stopsignal"] == "INT"
    one, other = (
        definition("supervisord", planned_stop=planned)["echo.conf"].content
        for planned in (True, False)
    )
    assert MANAGERS["supervisord"].is_live(one, other)
    assert not MANAGERS["supervisord"].is_live(one, other.replace("stopwaitsecs=60", "x=1"))


@pytest.mark.parametrize(
    ("line", "live"),
    [
        ("MemoryMax=1G", True), ("ExecStop=/bin/true", True), ("TimeoutStartSec=9", True),
        ('Environment="A=1"', False), ("Slice=hermes.slice", False), ("PrivateTmp=yes", False),
    ],
)  # fmt: skip
def test_what_systemd_applies_to_what_runs_restarts_nothing(line: str, live: bool) -> None:
    """A process gets its variables, its group and its namespaces only once."""
    assert (
        MANAGERS["systemd"].is_live("[Service]\nNice=5\n", f"[Service]\nNice=5\n{line}\n") is live
    )


def test_exits_for_good_are_not_restarted() -> None:
    """By systemd; the codes are the role's."""
    unit = definition("systemd", fatal_exit=(78, 5))["echo.service"]
    assert "\nRestartSec=5\nRestartPreventExitStatus=78 5\n\n[Install]" in unit.content


def test_a_unit_without_a_description_has_its_profiles_name() -> None:
    """systemd would show the unit's file name."""
    unit = definition("systemd", description="")["echo.service"]
    assert unit.content.startswith("[Unit]\nDescription=echo\n")


@pytest.mark.parametrize("manager", ["launchd", "launchd-system"])
def test_the_property_list_of_another_program(manager: str) -> None:
    """It starts when launchd loads it and is always restarted; a daemon names its user."""
    values = values_for(SERVICE, replace(NEW, group="staff"), HERMES, {}, {})
    parts = MANAGERS[manager].definition(SERVICE, NEW, values, enabled=True)
    (file,) = [p for p in parts if isinstance(p, Text) and p.path.suffix == ".plist"]
    own: dict[str, Any] = {"LimitLoadToSessionType": ["Aqua", "Background"]}
    who = {}
    if manager == "launchd-system":
        own = {"UserName": NEW.user, "GroupName": "staff"}
        who = {"USER": NEW.user, "LOGNAME": NEW.user}
    log = f"{NEW.home}/.local/state/hermes-ops/echo.log"
    assert file.mode == 0o644
    assert plistlib.loads(file.content.encode()) == {
        **own, "Label": "echo", "ProgramArguments": list(WORDS), "RunAtLoad": True,
        "WorkingDirectory": f"{NEW.home}/srv", "KeepAlive": True, "ExitTimeOut": 60,
        "EnvironmentVariables": {**who, "HOME": NEW.home, "LANG": "C.UTF-8", "A": "x $y %h"},
        "StandardOutPath": log, "StandardErrorPath": log,
    }  # fmt: skip


def section(**more: Any) -> dict[str, str]:
    """Return the section of supervisord as supervisord's own parser would read it."""
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(definition("supervisord", **more)["echo.conf"].content)
    (name,) = parser.sections()
    assert name == "program:echo"
    return dict(parser[name])


def test_a_section_of_another_program() -> None:
    """It starts with supervisord and is started again whatever happens."""
    assert section() == {
        "command": "/bin/sh /home/hermes/.config/hermes-ops/supervisord.d/echo.sh",
        "directory": "/home/hermes/srv",
        "autostart": "true",
        "autorestart": "true",
        "startsecs": "0",
        "stopsignal": "TERM",
        "stopwaitsecs": "60",
        "stopasgroup": "false",
        "killasgroup": "true",
        "stdout_logfile": "/home/hermes/.local/state/hermes-ops/echo.log",
        "stdout_logfile_maxbytes": "1MB",
        "stdout_logfile_backups": "1",
        "redirect_stderr": "true",
    }


def test_a_stopped_program_does_not_start_with_its_supervisor() -> None:
    """Nor is anything else of it changed by that."""
    assert section(enabled=False) == {**section(), "autostart": "false"}


def test_exits_for_good_are_not_restarted_by_supervisord() -> None:
    """Every other end is unexpected, 0 too."""
    wanted = {**section(), "autorestart": "unexpected", "exitcodes": "78,5"}
    assert section(fatal_exit=(78, 5)) == wanted


def test_files_of_supervisord_are_private() -> None:
    """They hold the environment of a service; its script can be run."""
    modes = {name: text.mode for name, text in definition("supervisord").items()}
    assert modes == {"supervisord.conf": 0o600, "echo.conf": 0o600, "echo.sh": 0o700}


def test_a_percent_sign_is_no_expansion() -> None:
    """supervisord would refuse its whole configuration for one."""
    odd = replace(NEW, user="50%")
    values = values_for(SERVICE, odd, HERMES, {}, {}) | {"home_dir": "/home/50%", "unit": "a%b"}
    parts = MANAGERS["supervisord"].definition(SERVICE, odd, values, enabled=True)
    found = "".join(
        part.content for part in parts if isinstance(part, Text) and part.path.suffix == ".conf"
    )
    assert "/home/50%%/" in found
    assert "[program:a%%b]" in found
    assert re.findall(r"(?<!%)%(?!%)", found) == []


def test_a_script_gives_a_service_its_environment_and_its_words(host: Host) -> None:
    """Every value as it is, whatever a shell would make of it; the service takes its place."""
    script = definition("supervisord", environment={"A": "x $y `id` 'q'"})["echo.sh"].content
    program = host.program("x", 'echo "$A|$HOME|$USER|$LOGNAME|$LANG|$PPID"', at="a b/run")
    script = script.replace("/opt/a b/run", str(program)).replace("'/opt", f"'{host.home}")
    host.file("run.sh", script)
    answer = host.run("sh run.sh; echo $$", environ={"MINE": "1"})
    said, own = answer.out.splitlines()
    assert said == f"x $y `id` 'q'|{NEW.home}|{NEW.user}|{NEW.user}|C.UTF-8|{own}"
    assert host.calls == ["x --home=$HOME 50% it's '' ;"]


# --- the planned stop of a unit ---------------------------------------------------------------


GATEWAY = """\
import signal, sys, time
signal.signal(signal.SIGINT, {})
print("ready", flush=True)
time.sleep(30)
"""


def stopped(tmp_path: Path, on_interrupt: str) -> tuple[Path, int, int, int | None]:
    """Return the home after a stop, the pids of gateway and stopper, and how the gateway ended."""
    tmp_path.joinpath("stop").write_text((TEMPLATES / "planned-stop.sh.j2").read_text())
    tmp_path.joinpath("sleep").write_text("#!/bin/sh\nexec /bin/sleep 0.01\n")
    tmp_path.joinpath("sleep").chmod(0o755)
    home = tmp_path / "hermes"
    home.mkdir()
    program = [sys.executable, "-c", GATEWAY.format(on_interrupt)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout
        assert gateway.stdout.readline() == b"ready\n"
        reaper = threading.Thread(target=gateway.wait)  # as systemd does
        reaper.start()
        path = f"{tmp_path}:{SYSTEM}"
        environ = {"PATH": path, "MAINPID": str(gateway.pid), "HERMES_HOME": str(home)}
        words = ["sh", "-c", "echo $$; exec sh ./stop"]
        stopper = subprocess.run(
            words, cwd=tmp_path, env=environ, capture_output=True, check=True
        ).stdout
        ended = gateway.poll()
        gateway.kill()
        reaper.join()
    return home, gateway.pid, int(stopper), ended


@pytest.mark.slow
def test_a_stop_by_systemd_is_meant(tmp_path: Path) -> None:
    """The gateway is interrupted, its end is awaited, and no marker is left for another."""
    home, _, _, ended = stopped(tmp_path, "lambda *_: (time.sleep(0.2), sys.exit(3))")
    assert (ended, list(home.iterdir())) == (3, [])


@pytest.mark.slow
def test_a_stop_by_systemd_is_told_to_who_does_not_end(tmp_path: Path) -> None:
    """Who is stopped, by whom, when; private, and nothing else is left in its home."""
    home, pid, stopper, ended = stopped(tmp_path, "signal.SIG_IGN")
    (marker,) = home.iterdir()
    assert (marker.name, ended) == (".gateway-planned-stop.json", None)
    found = json.loads(marker.read_text())
    written = datetime.fromisoformat(found.pop("written_at"))
    assert abs(written - datetime.now(UTC)) < timedelta(minutes=1)
    assert abs(found.pop("expires_at") - written.timestamp() - 60) <= 1
    assert found.pop("principal") == "systemd"
    assert found == {"target_pid": pid, "target_start_time": None, "stopper_pid": stopper}
    assert stat.S_IMODE(marker.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "environ", [{"MAINPID": "", "HERMES_HOME": "."}, {"MAINPID": "7", "HERMES_HOME": "/no/such"}]
)
def test_a_stop_of_nobody_is_no_failure(tmp_path: Path, environ: dict[str, str]) -> None:
    """A failing ExecStop would make the unit fail."""
    words = ["sh", str(TEMPLATES / "planned-stop.sh.j2")]
    done = subprocess.run(words, cwd=tmp_path, env={**os.environ, **environ}, check=False)
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


# --- roles ------------------------------------------------------------------------------------


def test_a_gateway_is_ended_for_good_by_a_wrong_configuration() -> None:
    """Hermes ends with 78 then, and its unit, its section and its readiness go by it."""
    spec = desired({"desired": {"a": {}}}).services["a"]
    assert spec.fatal_exit == (78,)
    assert spec.readiness == "hermes"
    assert spec.planned_stop is True
    assert spec.environment == {"HERMES_DISABLE_LAZY_INSTALLS": "1"}


@pytest.mark.parametrize(
    ("profile", "name", "home"),
    [("default", "gateway", ".hermes"), ("a", "gateway-a", ".hermes/profiles/a")],
)
def test_a_gateway_has_the_names_and_the_home_that_hermes_gives_it(
    profile: str, name: str, home: str
) -> None:
    """Hermes' own commands find the service by them."""
    spec = desired({"desired": {profile: {}}}).services[profile]
    assert (spec.name, spec.label) == (f"hermes-{name}", f"ai.hermes.{name}")
    assert spec.home == PurePosixPath(home)


def test_every_check_of_a_role_is_a_function_and_the_other_way_round() -> None:
    """One that is not named would never run, one that is not there could never pass."""
    for role in roles().values():
        written = [
            name
            for file in sorted((role.folder / "checks").glob("test_*.py"))
            for name in re.findall(r"^def (test_\w+)\(", file.read_text(), re.MULTILINE)
        ]
        assert sorted(role.checks) == sorted(written)
    assert len(roles()["gateway"].checks) == 8
