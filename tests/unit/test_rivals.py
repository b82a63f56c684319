"""What else runs the home of a gateway: units of both scopes, processes, who has the port."""

from __future__ import annotations

from dataclasses import replace

import pytest
from building import NEW, applied, desired, facts

from hermes_ops.hermes.beside.rivals import other_processes, other_units, removal
from hermes_ops.hermes.evidence import evidence_of
from hermes_ops.hermes.ports import Port, number_of, served_by_others
from hermes_ops.look.facts import Facts, Invocation, Process, Server
from hermes_ops.plan import make_plan
from hermes_ops.plan.model import Refuse

HOME = "/home/hermes/.hermes/profiles/demo"
OWN = ".config/systemd/user/hermes-gateway-demo.service"
RUN = "/opt/hermes/venv/bin/python -m hermes_cli.main"
SYSTEM = "/etc/systemd/system/bot.service"
USER = ".config/systemd/user/bot.service"


def rivals(**files: tuple[str, ...]) -> list[str]:
    """Return the other units of the home, for files under the names `system`, `user`, `more`."""
    paths = {"system": SYSTEM, "user": USER, "own": OWN, "more": f"{SYSTEM}.d/more.conf"}
    paths["template"] = "/etc/systemd/user/bot@demo.service"
    lines = {paths[name]: words for name, words in files.items()}
    found = replace(NEW, unit_lines=lines)
    return list(other_units(HOME, [".config/systemd/user/hermes-gateway-demo.service"], found))


@pytest.mark.parametrize(
    "lines",
    [
        (f"HERMES_HOME={HOME}", f"ExecStart={RUN} gateway run"),
        ("User=hermes", f"ExecStart={RUN} --profile demo gateway run"),
        ("User=1000", f"ExecStart={RUN} -p demo gateway run --replace"),
        ("User=hermes", "ExecStart=/usr/local/bin/hermes --profile=Demo gateway run"),
        ("HERMES_HOME=/home/hermes/.hermes", f"ExecStart={RUN} -p demo gateway run"),
        ("HERMES_HOME=/home/hermes/.hermes/profiles/x", f"ExecStart={RUN} -p demo gateway run"),
        (
            f"HERMES_HOME={HOME}/",
            'ExecStart="/opt/py" -m hermes_cli.main gateway run',
        ),
    ],
)
def test_a_system_unit_of_the_home(lines: tuple[str, ...]) -> None:
    """Its user, its HERMES_HOME and its arguments say which home it runs."""
    assert rivals(system=lines) == [SYSTEM]


@pytest.mark.parametrize(
    "lines",
    [
        (f"HERMES_HOME={HOME}2", f"ExecStart={RUN} gateway run"),
        (f"HERMES_HOME={HOME}", f"ExecStart={RUN} --profile other gateway run"),
        (f"HERMES_HOME={HOME}", f"ExecStart={RUN} -p default gateway run"),
        ("User=hermes", f"ExecStart={RUN} gateway run"),
        ("User=root", f"ExecStart={RUN} --profile demo gateway run"),
        (f"ExecStart={RUN} --profile demo gateway run",),
        (f"HERMES_HOME={HOME}", f"ExecStart={RUN} cron run"),
        (f"HERMES_HOME={HOME}", "ExecStart=/usr/bin/nginx"),
        (f"HERMES_HOME={HOME}",),
    ],
)
def test_a_system_unit_of_something_else(lines: tuple[str, ...]) -> None:
    """Other homes, other users, other commands."""
    assert rivals(system=lines) == []


def test_a_unit_of_the_user() -> None:
    """It has the user's home; our own unit and its drop-ins are no others."""
    run = f"ExecStart={RUN} --profile demo gateway run"
    assert rivals(user=(run,), own=(run,)) == [f"/home/hermes/{USER}"]
    assert rivals(user=("HERMES_HOME=%h/.hermes/profiles/demo", f"ExecStart={RUN} gateway run"))
    assert rivals(template=(f"ExecStart={RUN} -p %i gateway run",))


def test_units_of_other_folders_and_shapes() -> None:
    """A command that Hermes made for a profile, an instance of a template, other folders."""
    alias = "ExecStart=%h/.local/bin/demo gateway run"
    assert rivals(user=(alias,)) == [f"/home/hermes/{USER}"]
    assert rivals(user=(alias.replace("demo", "other"),)) == []
    link = ".config/systemd/user/default.target.wants/bot@demo.service"
    places = {
        "/run/systemd/system/x.service": f"sudo rm {'/run/systemd/system/x.service'}",
        "/run/user/1000/systemd/transient/run-1.service": "systemctl --user stop run-1.service",
        link: "systemctl --user disable --now bot@demo.service",
    }
    for path, mends in places.items():
        lines = ("User=hermes", f"ExecStart={RUN} -p %i gateway run".replace("%i", "demo"))
        lines = (lines[0], lines[1].replace("demo", "%i")) if path == link else lines
        (found,) = other_units(HOME, [], replace(NEW, unit_lines={path: lines}))
        assert found.endswith(path)
        assert mends in removal(found)
    odd = f"{HOME}/../demo"
    commands = {7: Invocation(("hermes", "gateway", "run"), odd)}
    (words,) = other_processes(HOME, 1, "", replace(NEW, commands=commands))
    assert words == "process 7 runs this home, too"


START = "/home/hermes/start.sh"
GIVEN = "/home/hermes/x.env"


@pytest.mark.parametrize(
    ("unit", "behind", "counts"),
    [
        ((f"EnvironmentFile=-{GIVEN}", f"ExecStart={RUN} gateway run"),
         {GIVEN: (f"HERMES_HOME='{HOME}'",)}, True),
        ((f"EnvironmentFile={GIVEN}", f"ExecStart={RUN} gateway run"),
         {GIVEN: ("HERMES_HOME=/srv/x",)}, False),
        ((f"EnvironmentFile={GIVEN}", f"ExecStart={RUN} gateway run"), {}, False),
        ((f"Script={START}",), {START: ('Runs=exec "$HERMES" -p demo gateway run',)}, True),
        (("Script=%h/start.sh",), {START: ("Runs=/opt/hermes -p demo gateway run",)}, True),
        ((f"Script={START}",), {START: ("Runs=/opt/hermes -p other gateway run",)}, False),
        ((f"Script={START}",), {START: ("HERMES_HOME=${HOME}/.hermes/profiles/demo",
                                        "Runs=exec hermes gateway run")}, True),
        ((f"Script={START}",), {START: ("HERMES_HOME=~/.hermes/profiles/demo;",
                                        "Runs=hermes gateway run; exit")}, True),
        ((f"Script={START}", f"HERMES_HOME={HOME}"), {START: ("Runs=hermes gateway run",)}, True),
        ((f"Script={START}",), {START: ("Runs=nginx gateway run",)}, False),
        ((f"Script={START}",), {}, False),
    ],
)  # fmt: skip
def test_what_stands_behind_a_unit(
    unit: tuple[str, ...], behind: dict[str, tuple[str, ...]], counts: bool
) -> None:
    """A script that it calls, and a file with its variables: they say which home it runs."""
    found = replace(NEW, unit_lines={USER: unit, **behind})
    assert list(other_units(HOME, [], found)) == [f"/home/hermes/{USER}"] * counts


def test_a_drop_in_changes_its_unit() -> None:
    """What it says comes last."""
    run = (f"ExecStart={RUN} gateway run",)
    assert rivals(system=run, more=(f"HERMES_HOME={HOME}",)) == [SYSTEM]
    assert rivals(system=(*run, f"HERMES_HOME={HOME}"), more=("HERMES_HOME=/srv/x",)) == []


@pytest.mark.parametrize(
    ("path", "command"),
    [
        (SYSTEM, "sudo systemctl disable --now bot.service; "
         f"sudo rm {SYSTEM} && sudo systemctl daemon-reload"),
        (f"{SYSTEM}.d/a.conf", f"sudo rm {SYSTEM}.d/a.conf && sudo systemctl daemon-reload"),
        ("/etc/systemd/user/a b.service", "systemctl --user disable --now 'a b.service'; sudo rm "
         "'/etc/systemd/user/a b.service' && systemctl --user daemon-reload"),
        ("/home/a/x.service", "systemctl --user disable --now x.service; "
         "rm /home/a/x.service && systemctl --user daemon-reload"),
    ],
)  # fmt: skip
def test_removal(path: str, command: str) -> None:
    """The command can be typed as it stands."""
    assert removal(path) == command


def test_processes_of_the_home() -> None:
    """What shares the group of the service is its own child."""
    run = (*RUN.split(), "gateway", "run")
    commands = {
        7: Invocation(run, HOME, "/a/demo.service"),
        8: Invocation(run, HOME, "/a/demo.service"),
        9: Invocation(run, HOME, "/user.slice/session-1.scope"),
        10: Invocation((*run, "--profile", "demo"), "", "/user.slice/session-1.scope"),
        11: Invocation((*run, "--profile", "other"), HOME),
        12: Invocation(("vim", "gateway", "notes"), HOME),
    }
    found = replace(NEW, commands=commands)
    assert list(other_processes(HOME, 7, "/a/demo.service", found)) == [
        "process 9 runs this home, too",
        "process 10 runs this home, too",
    ]


def listening(*servers: Server) -> tuple[list[str], list[str]]:
    """Return what is said of process 7's port."""
    url = "http://127.0.0.1:8642/health"
    return served_by_others((url,), 7, replace(NEW, servers=servers))


def test_who_serves_the_port() -> None:
    """A socket of nobody that we asked is not judged."""
    assert listening(Server("127.0.0.1", 8642, 7)) == ([], [])
    assert listening(Server("127.0.0.1", 8642, 9)) == (["process 9 serves its port 8642"], [])
    assert listening(Server("127.0.0.1", 8642)) == ([], ["who serves port 8642"])
    assert listening() == ([], ["who serves port 8642"])
    assert served_by_others((), 7, NEW) == ([], [])


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("http://127.0.0.1:8642/health", 8642),
        ("http://localhost/", 80),
        ("https://localhost/", 443),
        ("http://127.0.0.1:none/", None),
        ("http://127.0.0.1:99999/", None),
        ("http://[::1/", None),
        ("", None),
    ],
)
def test_a_url_may_have_no_port(url: str, number: int | None) -> None:
    """A role makes its URL of settings, which may be anything: nothing serves such a port."""
    assert number_of(url) == number
    served = served_by_others((url,), 7, NEW)
    assert served == ([], [f"who serves port {number}"] if number else [])


def holding() -> Facts:
    """Return the facts of a host with a healthy profile."""
    return facts({"desired": {"demo": {}}, "facts": {"holds": "desired"}})


def test_another_process_has_the_lock() -> None:
    """The pid file is written by who has Hermes' lock."""
    found = holding()
    service = desired({"desired": {"demo": {}}}).services["demo"]
    assert evidence_of(service, found, "systemd").rivals == ()
    path = f"{service.home}/gateway.pid"
    contents = {**found.contents, path: '{"pid": 55, "start_time": 5}'}
    processes = {**found.processes, 55: Process(5, "S", 1)}
    taken = replace(found, contents=contents, processes=processes)
    words = ("process 55 holds the lock of this home",)
    assert evidence_of(service, taken, "systemd").rivals == words


def test_another_unit_is_told_while_ours_runs_and_refused_before_ours_starts() -> None:
    """Two that restart the same home would fight for its lock."""
    state = desired({"desired": {"demo": {}}})
    unit = {SYSTEM: (f"HERMES_HOME={HOME}", f"ExecStart={RUN} gateway run")}
    plan = make_plan(state, replace(holding(), unit_lines=unit))
    assert plan.changes == ()
    (told,) = plan.differs
    assert str(told) == (f"demo: {SYSTEM} is another unit that runs its home; to end that: "
                         f"on the host: {removal(SYSTEM)}")  # fmt: skip
    new = make_plan(state, replace(NEW, unit_lines=unit))
    (refused,) = (c.operation for c in new.changes if isinstance(c.operation, Refuse))
    assert SYSTEM in refused.message
    assert make_plan(state, applied(make_plan(state, NEW), NEW)).differs == ()


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("10.0.0.3", True), ("FD00::7", True), ("127.8.8.8", True), ("::1", True), ("::", True),
        ("box.example", True), ("10.0.0.4", False), ("fd00::8", False),
    ],
)  # fmt: skip
def test_the_addresses_of_a_host(host: str, here: bool) -> None:
    """All of loopback are its own; what a name stands for is not known here."""
    assert Port(host, 80).is_on({"10.0.0.3", "fd00::7", "127.0.0.1"}) is here
