"""`fleet.verify` on real hosts: each check sees what it is for, and nothing else turns it red."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

import pytest
from conftest import MakeOperator
from kit import HOME, ROOT, Box, Operator, Run, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

SECRET = "hunter2-is-no-secret"
PORTS = {"alpha": 8711, "beta": 8712, "gamma": 8713}
CHECKS = (
    "test_unit_is_enabled_and_active",
    "test_service_survives_logout",
    "test_process_is_the_users_own",
    "test_hermes_home_is_the_profiles",
    "test_env_file_is_private",
    "test_log_is_written",
    "test_gateway_is_running",
    "test_api_answers",
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """Two hosts with three gateways each, who brought them up, and what that answered."""

    operator: Operator
    one: Box
    two: Box
    first: Run


@pytest.fixture(scope="module")
def fleet(boxes: Mapping[str, Box], operator: MakeOperator) -> Iterator[Fleet]:
    """The fleet after its first `fleet.up`; every test leaves it green."""
    one, two = boxes["linux-1"], boxes["linux-2"]
    profiles = {name: gateway(port, env={"SOME_PASSWORD": SECRET}) for name, port in PORTS.items()}
    for box in (one, two):
        box.reset()
    quick = {"hermes_connect_timeout": 3}
    somebody = operator({one: profiles, two: profiles}, variables=quick)
    yield Fleet(somebody, one, two, somebody.run("fleet.up", code=0))
    for box in (one, two):
        box.reset()


def verify(fleet: Fleet, *words: str, code: int = 0) -> dict[str, Any]:
    """Return what `fleet.verify` answers."""
    return fleet.operator.run("fleet.verify", *words, code=code).json


def not_passed(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return host, profile and check of everything that is not proven."""
    return [
        (item["host"], item["profile"], item["check"])
        for item in document["items"]
        if item["outcome"] != "passed"
    ]


# --- green ------------------------------------------------------------------------------------


def test_up_ends_by_proving_everything(fleet: Fleet) -> None:
    """`fleet.up` ends with eight checks of each profile, over the connections that it had."""
    assert fleet.first.json["verify"] == {
        "expected": 48,
        "passed": 48,
        "failed": 0,
        "skipped": 0,
        "exchanges": {"linux-1": 1, "linux-2": 1},
    }
    assert "verifying 48 checks on 2 hosts" in fleet.first.err


def test_verify_looks_once_and_opens_one_shell(fleet: Fleet) -> None:
    """By the host's own log: a command that looks, and one shell for all checks together."""
    before = fleet.one.sessions()
    document = verify(fleet, "-l", "linux-1")
    assert fleet.one.sessions() - before == 2
    assert document["verify"]["exchanges"] == {"linux-1": 1}
    assert [item["check"] for item in document["items"][:8]] == list(CHECKS)
    assert not not_passed(document)


def test_a_selection_calls_for_its_own_checks(fleet: Fleet) -> None:
    """Only what is selected is expected."""
    document = verify(fleet, "-l", "linux-1/beta,linux-2/gamma")
    assert document["verify"]["expected"] == document["verify"]["passed"] == 16
    assert {(i["host"], i["profile"]) for i in document["items"]} == {
        ("linux-1", "beta"), ("linux-2", "gamma"),
    }  # fmt: skip


def test_nothing_is_written_on_the_host(fleet: Fleet) -> None:
    """The checks leave no file behind, and no process."""
    folders = (f"{HOME}/.config", f"{HOME}/.local", f"{HOME}/.cache", "/tmp", "/var/tmp")
    before = fleet.one.tree(*folders)
    verify(fleet)
    assert fleet.one.tree(*folders) == before
    wait_until(lambda: fleet.one.exec("pgrep -u hermes -x 'sh|timeout'").returncode == 1)


# --- each check, with only its subject broken -------------------------------------------------


def unit_of(profile: str) -> str:
    """Return the unit of a profile's gateway."""
    return f"hermes-gateway-{profile}.service"


def home_of(profile: str) -> str:
    """Return the folder of a profile."""
    return f"{HOME}/.hermes/profiles/{profile}"


def answers(box: Box, profile: str) -> bool:
    """Say whether a gateway is up again: its state is that of its process, its API is open."""
    pid = box.pid(unit_of(profile))
    state = box.exec(f"tr -d ' ' <{home_of(profile)}/gateway_state.json").stdout
    port = PORTS[profile]
    script = f"import socket; socket.create_connection(('127.0.0.1', {port}), 1)"
    is_open = box.exec('python3 -c "$1"', script).returncode == 0
    return pid > 0 and f'"pid":{pid},' in state and '"gateway_state":"running"' in state and is_open


@contextmanager
def drop_in(box: Box, profile: str, lines: str) -> Iterator[None]:
    """Run a profile's gateway with these lines in its unit."""
    folder = f"{HOME}/.config/systemd/user/{unit_of(profile)}.d"
    file = f"{folder}/90-broken.conf"
    anew = f"systemctl --user daemon-reload; systemctl --user restart {unit_of(profile)}"
    box.user(f"cat >{file} <<'END'\n[Service]\n{lines}\nEND\n{anew}")
    try:
        wait_until(lambda: answers(box, profile))
        yield
    finally:
        box.user(f"rm {file}; {anew}")
        wait_until(lambda: answers(box, profile))


Broken = Callable[[Box], AbstractContextManager[None]]
"""Something on a host that is broken for as long as this lasts."""


def broken_by(breaks: str, mends: str, *, by: str = "user") -> Broken:
    """Return what two lines of shell break and mend; `by` is the user, or root (`sh`)."""

    @contextmanager
    def broken(box: Box) -> Iterator[None]:
        getattr(box, by)(breaks)
        yield
        getattr(box, by)(mends)

    return broken


ENV = f"{home_of('alpha')}/.env"
LOG = f"{home_of('alpha')}/logs/gateway.log"
STATE = f"{home_of('alpha')}/state"

disabled = broken_by(
    f"systemctl --user disable {unit_of('alpha')}", f"systemctl --user enable {unit_of('alpha')}"
)
"""The unit's link is gone: it would not start at the next boot."""
readable_env = broken_by(f"chmod 644 {ENV}", f"chmod 600 {ENV}")
"""Others may read the credentials."""
foreign_env = broken_by(f"chown root {ENV}", f"chown hermes {ENV}", by="sh")
"""The credentials belong to root, so that not even the look can read them."""
no_log = broken_by(f"mv {LOG} {LOG}.away", f"mv {LOG}.away {LOG}")
"""The log is somewhere else: the process holds it open and does not notice."""
old_log = broken_by(f"touch -d '2 days ago' {LOG}", f"touch {LOG}")
"""The log was written by an earlier process."""
old_heartbeat = broken_by(
    f"cd {STATE}; cp gateway.heartbeat kept; sed -i 's/\"20[0-9][0-9]-/\"2001-/' gateway.heartbeat;"
    " chmod 500 .",
    f"cd {STATE}; chmod 700 .; mv kept gateway.heartbeat",
)
"""Its last sign of life is of another day, and there is no way to leave a newer one."""
no_loopback = broken_by(
    "ip route del local 127.0.0.0/8 table local; ip route del local 127.0.0.1 table local;"
    " ip route add unreachable 127.0.0.0/8 table local",
    "ip route del unreachable 127.0.0.0/8 table local; ip link set lo down; ip link set lo up",
    by="sh",
)
"""Nothing on the host can reach its loopback addresses."""


@contextmanager
def without_linger(box: Box) -> Iterator[None]:
    """Linger is off; a session that somebody has open keeps everything running meanwhile."""
    argv = [*lab.ssh_command(box.root, box.name), "echo here; sleep 300"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as session:
        assert session.stdout and session.stdout.readline() == b"here\n"
        box.sh("loginctl disable-linger hermes")
        yield
        box.sh("loginctl enable-linger hermes")
        session.kill()


_OTHER = "import os, sys; os.setresuid(1234, 1000, 1000); os.execv(sys.argv[1], sys.argv[1:])"


@contextmanager
def of_somebody_else(box: Box) -> Iterator[None]:
    """The process belongs to another user, and may act as ours."""
    setuid = "cp /usr/bin/python3 /opt/as-other && chmod 4755 /opt/as-other"
    box.sh(f'{setuid} && printf %s "$1" >/opt/to-other', _OTHER)
    command = box.user(f"sed -n s/^ExecStart=//p {HOME}/.config/systemd/user/{unit_of('gamma')}")
    lines = f"ExecStart=\nExecStart=/opt/as-other -I /opt/to-other {command}"
    with drop_in(box, "gamma", lines):
        yield
    box.sh("rm /opt/as-other /opt/to-other")


@contextmanager
def another_home(box: Box) -> Iterator[None]:
    """HERMES_HOME is the root of all profiles; the command line still leads to the right one."""
    with drop_in(box, "beta", f"Environment=HERMES_HOME={HOME}/.hermes"):
        yield


@contextmanager
def draining(box: Box) -> Iterator[None]:
    """A restart that was cut off left its request: it lives, answers, and takes no new turns."""
    request, state = (
        f"{home_of('alpha')}/.drain_request.json",
        f"{home_of('alpha')}/gateway_state.json",
    )

    def says(word: str) -> bool:
        return f'"gateway_state":"{word}"' in box.user(f"tr -d ' ' <{state}")

    box.user(f'echo \'{{"until": "restart"}}\' >{request}')
    wait_until(lambda: says("draining"))
    yield
    box.user(f"rm {request}")
    wait_until(lambda: says("running"))


BROKEN: dict[str, tuple[str, Broken, list[str]]] = {
    "disabled": ("test_unit_is_enabled_and_active", disabled, ["alpha"]),
    "without_linger": ("test_service_survives_logout", without_linger, list(PORTS)),
    "of_somebody_else": ("test_process_is_the_users_own", of_somebody_else, ["gamma"]),
    "another_home": ("test_hermes_home_is_the_profiles", another_home, ["beta"]),
    "readable_env": ("test_env_file_is_private", readable_env, ["alpha"]),
    "foreign_env": ("test_env_file_is_private", foreign_env, ["alpha"]),
    "no_log": ("test_log_is_written", no_log, ["alpha"]),
    "old_log": ("test_log_is_written", old_log, ["alpha"]),
    "draining": ("test_gateway_is_running", draining, ["alpha"]),
    "old_heartbeat": ("test_gateway_is_running", old_heartbeat, ["alpha"]),
    "no_loopback": ("test_api_answers", no_loopback, list(PORTS)),
}


@pytest.mark.parametrize(("check", "broken", "profiles"), BROKEN.values(), ids=BROKEN)
def test_a_check_turns_red_alone(
    fleet: Fleet, check: str, broken: Broken, profiles: list[str]
) -> None:
    """With only its subject broken, exactly this check fails, on exactly these profiles."""
    with broken(fleet.one):
        document = verify(fleet, code=1)
    assert not_passed(document) == [("linux-1", profile, check) for profile in profiles]
    assert document["verify"]["failed"] == len(profiles)
    assert not not_passed(verify(fleet, "-l", "linux-1"))


def test_every_check_has_a_broken_case() -> None:
    """No check of the role goes without proof that it can fail."""
    assert {check for check, _, _ in BROKEN.values()} == set(CHECKS)


def test_up_ends_red_where_a_check_fails(fleet: Fleet) -> None:
    """What convergence does not see, the checks at its end do: exit 1, and a sentence says why."""
    with no_log(fleet.one):
        run = fleet.operator.plain("fleet.up", code=1)
    sentence = "linux-1/alpha: The running process has written to its log: "
    assert sentence + f"{home_of('alpha')}/logs/gateway.log does not exist" in run.err.splitlines()
    assert "47 of 48 checks passed" in run.out + run.err


# --- under supervisord ------------------------------------------------------------------------

SUPERVISOR = f"{HOME}/.local/share/hermes-ops/supervisor/current/venv/bin"
CONF = f"{HOME}/.config/hermes-ops/supervisord.conf"


@pytest.fixture(scope="module")
def supervised(boxes: Mapping[str, Box], operator: MakeOperator) -> Iterator[Fleet]:
    """A host whose gateway runs under supervisord."""
    box = boxes["linux-3"]
    box.reset()
    own = {box.name: {"hermes_service_manager": "supervisord"}}
    somebody = operator({box: {"alpha": gateway(PORTS["alpha"])}}, own=own)
    yield Fleet(somebody, box, box, somebody.run("fleet.up", code=0))
    somebody.run("fleet.down", "--all-hosts", "-y", code=0)
    box.reset()


def test_the_same_checks_hold_under_supervisord(supervised: Fleet) -> None:
    """Where no systemd runs the services, the same eight promises are proven."""
    assert supervised.first.json["verify"]["passed"] == 8


SECTION = f"{HOME}/.config/hermes-ops/supervisord.d/hermes-gateway-alpha.conf"
no_autostart = broken_by(
    f"sed -i s/^autostart=true/autostart=false/ {SECTION}",
    f"sed -i s/^autostart=false/autostart=true/ {SECTION}",
)
"""supervisord would not start it by itself."""


@contextmanager
def in_a_shells_session(box: Box) -> Iterator[None]:
    """supervisord is the child of somebody's shell, and ends with its session."""
    control = f"{SUPERVISOR}/supervisorctl -c {CONF}"
    gone = f"! test -e {HOME}/.local/state/hermes-ops/supervisord.pid"
    box.user(f"{control} shutdown")
    wait_until(lambda: box.user_done(gone).returncode == 0)
    words = f"{SUPERVISOR}/supervisord -n -c {CONF}; true"
    box.user(f"setsid sh -c '{words}' >/dev/null 2>&1 </dev/null &")
    wait_until(lambda: is_supervised(box, control))
    yield
    box.user(f"{control} shutdown")
    wait_until(lambda: box.user_done(gone).returncode == 0)
    box.user(f"{SUPERVISOR}/supervisord -c {CONF}")
    wait_until(lambda: is_supervised(box, control))


def is_supervised(box: Box, control: str) -> bool:
    """Say whether supervisord runs the gateway, and that is up by its own word."""
    pid = box.user_done(f"{control} pid hermes-gateway-alpha").stdout.strip()
    state = box.user_done(f"tr -d ' ' <{home_of('alpha')}/gateway_state.json").stdout
    return f'"pid":{pid},' in state and '"gateway_state":"running"' in state


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        ("test_unit_is_enabled_and_active", no_autostart),
        ("test_service_survives_logout", in_a_shells_session),
    ],
)
def test_a_check_turns_red_alone_under_supervisord(
    supervised: Fleet, check: str, broken: Broken
) -> None:
    """What is another question under supervisord sees its subject there, too."""
    with broken(supervised.one):
        document = verify(supervised, code=1)
    assert not_passed(document) == [("linux-3", "alpha", check)]
    assert not not_passed(verify(supervised))


# --- what did not run is no success -----------------------------------------------------------


@contextmanager
def own_role(fleet: Fleet, pattern: str, text: str) -> Iterator[None]:
    """Put a role `gateway` beside the inventory, with something else in its checks."""
    folder = fleet.operator.inventory.parent / "roles" / "gateway"
    compiled = shutil.ignore_patterns("__pycache__")  # another test may have imported the checks
    shutil.copytree(ROOT / "roles" / "gateway", folder, ignore=compiled)
    file = folder / "checks" / "test_gateway.py"
    changed, count = re.subn(pattern, text, file.read_text(), flags=re.MULTILINE)
    assert count == 1
    file.write_text(changed)
    try:
        yield
        assert sorted(p.name for p in folder.rglob("*")) == [
            "checks", "role.yml", "test_gateway.py",
        ], "compiled files were left in the role"  # fmt: skip
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("pattern", "text", "outcome"),
    [
        (r"\Z", "\ndel test_log_is_written\n", "missing"),
        (
            "^    log = f",
            "    import pytest; pytest.skip('not today')\n    log = f",
            "skipped",
        ),
    ],
    ids=["taken away", "skipped"],
)
def test_fewer_checks_are_red(fleet: Fleet, pattern: str, text: str, outcome: str) -> None:
    """A check that is not there, or skips, is missed: what it promised is not proven."""
    with own_role(fleet, pattern, text):
        document = verify(fleet, code=1)
    assert {(i["check"], i["outcome"]) for i in document["items"] if i["outcome"] != "passed"} == {
        ("test_log_is_written", outcome)
    }
    assert (document["verify"]["expected"], document["verify"]["passed"]) == (48, 42)


def test_a_file_that_does_not_import_is_red(fleet: Fleet) -> None:
    """Where a role's checks cannot be read, none of them passed, and the reason is told."""
    with own_role(fleet, "^import json", "import jsn"):
        document = verify(fleet, code=1)
    assert document["verify"]["passed"] == 0
    assert {item["outcome"] for item in document["items"]} == {"missing"}
    assert "No module named 'jsn'" in document["items"][0]["message"]


def test_an_unreachable_host_is_told_apart(fleet: Fleet) -> None:
    """The checks of a host that cannot be reached are expected and not passed: exit 3."""
    lab.cut(fleet.one.root, fleet.one.name)
    try:
        short = ["--timeout", "20"]
        document = verify(fleet, *short, code=3)
        with no_log(fleet.two):
            both = verify(fleet, *short, code=1)
    finally:
        lab.heal(fleet.one.root, fleet.one.name)
    assert document["verify"] == {
        "expected": 48, "passed": 24, "failed": 0, "skipped": 0, "exchanges": {"linux-2": 1},
    }  # fmt: skip
    outcomes = {(item["host"], item["outcome"]) for item in document["items"]}
    assert outcomes == {("linux-1", "unreachable"), ("linux-2", "passed")}
    assert both["verify"]["failed"] == 1


# --- JUnit ------------------------------------------------------------------------------------


def test_junit_has_every_check_and_no_secret(fleet: Fleet, tmp_path: Path) -> None:
    """The file names each check of each profile; what a check says is free of secrets."""
    leaking = f"    assert False, 'the password {SECRET} leaks'\n    log = f"
    file = tmp_path / "checks.xml"
    with own_role(fleet, "^    log = f", leaking):
        run = fleet.operator.plain("fleet.verify", "-l", "linux-1", "--junit", str(file), code=1)
    suite = xml.parse(file).getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("24", "3", "0")
    assert {(case.get("classname"), case.get("name")) for case in suite} == {
        (f"linux-1/{profile}", check) for profile in PORTS for check in CHECKS
    }
    for text in (file.read_text(), run.out, run.err):
        assert SECRET not in text
        assert "the password *** leaks" in text or text is run.out


def test_up_writes_junit_too(fleet: Fleet, tmp_path: Path) -> None:
    """`fleet.up --junit FILE` writes what its checks came to."""
    file = tmp_path / "checks.xml"
    fleet.operator.run("fleet.up", "-l", "linux-2/beta", "--junit", str(file), code=0)
    assert len(xml.parse(file).getroot()[0]) == 8


def test_a_path_that_cannot_be_is_refused_first(fleet: Fleet, tmp_path: Path) -> None:
    """A JUnit file in a folder that is not there is a mistake of usage; no host is touched."""
    before = fleet.one.sessions()
    for task in ("fleet.verify", "fleet.up"):
        fleet.operator.run(task, "--junit", str(tmp_path / "no" / "checks.xml"), code=64)
    assert fleet.one.sessions() == before
