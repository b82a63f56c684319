"""Daemons of a Mac: whose a list is, what is planned of it, and what root's shell does."""

from __future__ import annotations

import os
import plistlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from building import HERMES, MAC, applied, desired, ended, put, roles
from shell_kit import Host, every_host, one_host

from hermes_ops.apply import Terms, compile_plan
from hermes_ops.commands.fleet.status import seen_from
from hermes_ops.commands.look_hosts import Look
from hermes_ops.errors import Conflict, MissingPrivilege
from hermes_ops.hermes.beside.rivals import other_units, removal
from hermes_ops.hermes.gateway import values_for
from hermes_ops.hermes.ports import free_hint
from hermes_ops.look.facts import Facts, PathState, Unit
from hermes_ops.look.links import unreadable
from hermes_ops.look.scopes import path_of, without_others
from hermes_ops.plan import make_plan, model
from hermes_ops.services import MANAGERS
from hermes_ops.services.definition import Text
from hermes_ops.services.launchd import UNLOADED
from hermes_ops.services.launchd_system import refuse_root

host, dash = every_host, one_host
LABEL = "ai.hermes.gateway-coder"
FILE = f"/Library/LaunchDaemons/{LABEL}.plist"
AGENT = f"Library/LaunchAgents/{LABEL}.plist"
MARK = ".config/hermes-ops/launchd-system/hermes-gateway-coder.conf"
CASE = {"desired": {"coder": {}}, "host": {"manager": "launchd-system"}}
MAY = replace(MAC, group="staff", may_root=True)
DAEMON = MANAGERS["launchd-system"]


def up() -> Facts:
    """Return a Mac whose gateway is a daemon that runs."""
    return applied(make_plan(desired(CASE), MAY), MAY)


def kinds(found: Facts, manager: str) -> list[type]:
    """Return what a plan for the manager does of the profile."""
    changes = make_plan(desired({**CASE, "host": {"manager": manager}}), found).changes
    return [type(change.operation) for change in changes if change.profile]


# --- the list, and whose it is ------------------------------------------------------------------


def test_a_list_names_its_user_and_all_that_launchd_may_leave_out() -> None:
    """Hermes needs HOME and USER, and a session is nothing that the system has."""
    service = desired(CASE).services["coder"]
    values = values_for(service, MAY, HERMES, {}, {}, DAEMON.text_known)
    text, mark = DAEMON.definition(service, MAY, values, enabled=True)
    assert isinstance(text, Text)
    found = plistlib.loads(text.content.encode())
    assert (str(text.path), text.mode, str(mark.path)) == (FILE, 0o644, MARK)
    assert (found["UserName"], found["GroupName"]) == ("hermes", "staff")
    given = found["EnvironmentVariables"]
    assert (given["HOME"], given["USER"], given["LOGNAME"]) == ("/Users/hermes", "hermes", "hermes")
    assert "LimitLoadToSessionType" not in found
    with pytest.raises(Conflict, match="does not run as eve") as caught:
        refuse_root(text, replace(MAY, user="eve"))
    assert "<key>UserName</key><string>{{ user }}</string>" in (caught.value.hint or "")


def test_leaving_a_scope_stops_the_job_before_its_files_go() -> None:
    """One plan, each way."""
    for old, new in (("launchd", "launchd-system"), ("launchd-system", "launchd")):
        was = desired({**CASE, "host": {"manager": old}})
        found = kinds(applied(make_plan(was, MAY), MAY), new)
        assert found[0] is model.Control and found[-1] is model.Control
        assert found.index(model.Remove) < found.index(model.Write)


@pytest.mark.parametrize(
    ("old", "new"), [("launchd", "launchd-system"), ("launchd-system", "launchd")]
)
@pytest.mark.parametrize(("may", "more"), [(True, ""), (False, " --ask-become-pass")])
def test_who_looks_before_a_move_sees_what_runs(
    old: str, new: str, *, may: bool, more: str
) -> None:
    """Nothing is absent that serves: it is told who runs it, and the command that moves it."""
    was = desired({**CASE, "host": {"manager": old}})
    known = desired({**CASE, "host": {"manager": new}})
    found = applied(make_plan(was, MAY), MAY)
    found = replace(found, may_root=may, tools=found.tools | {"sudo"})
    ((seen,),) = [seen_from(Look(known.host, known, found), roles()).profiles]
    assert seen.evidence.pid and seen.verdict.state == "degraded"
    assert seen.verdict.reasons[0] == f"{old} runs it, not {new}"
    assert seen.remedy == f"./inv fleet.up -l box/coder{more}"
    if not may:
        with pytest.raises(MissingPrivilege) as caught:
            make_plan(known, found)
        way = "hermes_service_manager: launchd" if new == "launchd-system" else "keep "
        assert f"or {way}" in (caught.value.hint or "")
    stopped = ended(found, was.services["coder"], "inactive")
    ((seen,),) = [seen_from(Look(known.host, known, stopped), roles()).profiles]
    assert (seen.verdict.state, seen.verdict.reasons[0]) == ("stopped", f"{old} has it, not {new}")


def test_a_scope_that_one_leaves_forbids_nothing() -> None:
    """Also one that is to be stopped: launchd would remember it for ever."""
    stopped = {"coder": {"state": "stopped"}}
    for old, new in (("launchd", "launchd-system"), ("launchd-system", "launchd")):
        for first, switched in ((CASE["desired"], [False]), (stopped, [True, False])):
            was = desired({"desired": first, "host": {"manager": old}})
            found = applied(make_plan(was, MAY), MAY)
            plan = make_plan(desired({"desired": stopped, "host": {"manager": new}}), found)
            switches = [c.operation for c in plan.changes if isinstance(c.operation, model.Switch)]
            assert [one.enabled for one in switches] == switched


def others(text: str, **more: str) -> Facts:
    """Return the facts of a Mac that has this text where the daemon's list belongs."""
    contents = {FILE: text, **more}
    states = {path: PathState("file", 0o644, 0, len(told)) for path, told in contents.items()}
    return without_others(replace(MAY, paths=states, contents=contents))


NAMED = "<dict><key>UserName</key>\n  <string>{}</string>"


@pytest.mark.parametrize(("text", "user"), [(NAMED.format("eve"), "eve"), ("<dict/>", "root")])
def test_a_list_of_another_user_is_not_ours(text: str, user: str) -> None:
    """It is neither read nor replaced: a label stands for one daemon of the Mac."""
    found = others(text)
    assert (found.paths, found.taken) == ({}, {FILE: user})
    refused = [c.operation for c in make_plan(desired(CASE), found).changes]
    assert any(f"runs a job of {user}" in str(getattr(op, "message", "")) for op in refused)
    assert not any(isinstance(op, model.Write) for op in refused)


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (NAMED.format("hermes"), {}),
        (NAMED.format("501"), {}),
        ("<string>/Users/hermes/.hermes</string>", {}),
        ("gone", {MARK: f"# Written by hermes-ops: the job {LABEL} is ours."}),
    ],
    ids=["name", "number", "home", "mark"],
)
def test_a_list_of_the_user_is_read(text: str, more: dict[str, str]) -> None:
    """Also one that a person broke: it has this home, or we have marked it."""
    assert FILE in others(text, **more).paths
    assert path_of(FILE[1:]) == FILE


def test_a_list_that_is_not_roots_is_written_anew() -> None:
    """launchd refuses it; and its mode alone needs no other text."""
    found = up()
    assert make_plan(desired(CASE), found).is_empty
    state = found.paths[FILE]
    of_user, open_to_all = replace(state, uid=501), replace(state, mode=0o664)
    for spoilt, kind in ((of_user, model.Write), (open_to_all, model.SetMode)):
        changes = make_plan(
            desired(CASE), replace(found, paths={**found.paths, FILE: spoilt})
        ).changes
        assert isinstance(changes[0].operation, kind)


def test_one_that_launchd_dropped_is_down_whoever_is_logged_in() -> None:
    """No login has to do with it."""
    found = up()
    gone = Unit({"Id": LABEL, "Belongs": "system", "Note": "B0 1-2 system"})
    found = replace(found, units={"launchd-system": {LABEL: gone}})
    told = DAEMON.told(desired(CASE).services["coder"], found)
    assert (told.activity, told.ended_by) == ("failed", UNLOADED)


def test_without_the_right_nothing_is_planned() -> None:
    """The remedy is one of a Mac."""
    with pytest.raises(MissingPrivilege, match="cannot become root with sudo; nothing") as caught:
        make_plan(desired(CASE), replace(MAY, may_root=False))
    assert (caught.value.hint or "").endswith("or hermes_service_manager: launchd")


def test_root_gets_what_it_orders_and_no_more() -> None:
    """The shell of launchd, and none of systemd; the user announces the end of a gateway."""
    stop = {**CASE, "desired": {"coder": {"state": "stopped"}}}
    compiled = compile_plan(make_plan(desired(stop), up()), Terms())
    assert compiled.root
    assert "launchd_system_do stop" in compiled.root and "systemd_do()" not in compiled.root
    announced = f"launchd_system_announce {LABEL} .hermes/profiles/coder"
    assert compiled.text.index(announced) < compiled.text.index("by_root 0")


# --- what others run ------------------------------------------------------------------------------


RUN = "ExecStart=/opt/hermes/venv/bin/python -m hermes_cli.main --profile coder gateway run"


@pytest.mark.parametrize(
    ("path", "lines", "rival"),
    [
        ("/Library/LaunchDaemons/x.plist", ("User=hermes",), True),
        ("/Library/LaunchDaemons/x.plist", ("User=eve",), False),
        ("/Library/LaunchDaemons/x.plist", (), False),
        ("/Library/LaunchAgents/x.plist", (), True),
        ("Library/LaunchAgents/x.plist", (), True),
        (AGENT, (), False),
    ],
)
def test_lists_that_run_the_home(path: str, lines: tuple[str, ...], *, rival: bool) -> None:
    """A daemon that names no user is root's; an agent is of whoever is logged in."""
    found = replace(MAC, unit_lines={path: (RUN, *lines)})
    seen = list(other_units("/Users/hermes/.hermes/profiles/coder", [AGENT], found))
    assert bool(seen) is rival


def test_what_ends_them() -> None:
    """By the path of the list, whatever its label is; root's with sudo."""
    assert removal("/Library/LaunchDaemons/a b.plist") == (
        "sudo launchctl bootout system '/Library/LaunchDaemons/a b.plist'; "
        "sudo rm '/Library/LaunchDaemons/a b.plist'"
    )
    assert removal("/Library/LaunchAgents/x.plist").endswith(
        "; sudo rm /Library/LaunchAgents/x.plist"
    )
    assert removal("/Users/ann/Library/LaunchAgents/x.plist").endswith(
        "; rm /Users/ann/Library/LaunchAgents/x.plist"
    )


def test_hints_are_those_of_a_mac() -> None:
    """It has no `ss`; and what is root's is no file of the home."""
    assert "sudo lsof -nP -iTCP:8701 -sTCP:LISTEN" in free_hint(8701, None, MAC)
    closed = unreadable(PurePosixPath(FILE), put(MAC, FILE, "x"))
    assert str(closed) == f"{FILE} cannot be read by hermes"
    assert closed.hint == f"on the host: sudo chmod 644 {FILE}"


# --- looking at lists -----------------------------------------------------------------------


def lists(host: Host) -> dict[str, list[str]]:
    """Return what is told of each list on a host, by its name."""
    program = Path(f"{host.rooted('/bin/launchctl')}")
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    host.rooted("/Library/LaunchAgents/")
    answer = host.run(f"launch_daemons={host.root}/daemons; look_lists")
    assert answer.errors == ""
    found: dict[str, list[str]] = {}
    for line in answer.block("unitlines").splitlines():
        path, _, words = line.partition(":")
        found.setdefault(path.rpartition("/")[2], []).append(words)
    return found


def list_of(host: Host, name: str, **keys: object) -> None:
    """Write a property list among the daemons."""
    words = ["/opt/hermes/bin/python", "-m", "hermes_cli.main", "gateway", "run"]
    given = {"Label": name, "ProgramArguments": words, **keys}
    file = host.root / "daemons" / f"{name}.plist"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(plistlib.dumps({k: v for k, v in given.items() if v is not None}))


def test_lists_are_told_in_the_words_of_units(host: Host) -> None:
    """Of a gateway's what it runs, for whom, and its home; of others nothing at all."""
    environment = {"TOKEN": "s3cret", "HERMES_HOME": "/Users/ann/.hermes"}
    list_of(host, "a", UserName="ann", EnvironmentVariables=environment)
    list_of(host, "b c")
    list_of(host, "other", ProgramArguments=["/bin/x", "s3cret"], Comment="hermes")
    list_of(host, "none", ProgramArguments=["/bin/x", "s3cret"])
    found = lists(host)
    run = "ExecStart=/opt/hermes/bin/python -m hermes_cli.main gateway run"
    assert found == {
        "a.plist": [run, "User=ann", "HERMES_HOME=/Users/ann/.hermes"],
        "b c.plist": [run],
    }


def test_a_binary_list_is_converted(dash: Host) -> None:
    """As System Settings writes them."""
    file = dash.root / "daemons" / "x.plist"
    list_of(dash, "x", UserName="ann")
    text = file.read_bytes()
    file.write_bytes(b"bplist00 hermes \xff\x00")
    (dash.root / "text").write_bytes(text)
    dash.program("plutil", f'[ "$1 $2 $3 $4" = "-convert xml1 -o -" ] && cat {dash.root}/text')
    assert lists(dash)["x.plist"][1] == "User=ann"


def test_gateways_of_other_users_are_not_told(dash: Host) -> None:
    """Whose home is unknown would else be taken for this user's."""
    run = "/x/python -m hermes_cli.main --profile coder gateway run"
    run = f"S 00:01 5 {run}"
    dash.program(
        "ps", f'echo "  501    7 {run}"; echo "  502    8 {run}"; echo "  502    9 S 1 5 x"'
    )
    answer = dash.run("uid=501 pids=' 7 9'; bsd_commands")
    assert [line.split("\t")[0] for line in answer.block("commands").splitlines()] == ["7"]


# --- ordering daemons -----------------------------------------------------------------------

NAME = LABEL.replace(".", "_").replace("-", "_")
# No process has that number: the orders really signal it, as root if root runs the tests.
PRINTED = f"""\
system/{LABEL} = {{
\tpath = {FILE}
\tstate = running
\tdomain = system
\texit timeout = 25
\truns = 1
\tpid = 99999999
}}
"""
ANSWERS = """\
echo "$*" >>{root}/called
case $1 in
  bootstrap) cp {root}/job {root}/loaded ;;
  bootout) rm {root}/loaded ;;
  print) cat {root}/loaded 2>/dev/null || exit 113 ;;
esac
"""


@pytest.fixture
def system(dash: Host) -> Host:
    """A host whose launchd has a domain of the system, with its folders in the test's."""
    program = Path(f"{dash.rooted('/bin/launchctl')}")
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{ANSWERS.format(root=dash.root)}")
    program.chmod(0o755)
    (dash.root / "job").write_text(PRINTED)
    (dash.root / "daemons").mkdir()
    return dash


def ready(host: Host) -> str:
    """Return what a script of root's sets first."""
    folders = f"launchd_system_folder={host.root}/daemons launchd_system_notes={host.root}/notes"
    return f"uid=501 user=ann boot=B1 booted= may_root= patience=1; {folders}"


def called(host: Host) -> list[str]:
    """Return what was ordered of launchd."""
    path = host.root / "called"
    calls = path.read_text().splitlines() if path.exists() else []
    return [call for call in calls if not call.startswith("print")]


@pytest.mark.slow
def test_it_is_ordered_in_the_domain_of_the_system(system: Host) -> None:
    """Loaded from root's folder, and noted in root's; then the user's own jobs are seen again."""
    file = system.root / "daemons" / f"{LABEL}.plist"
    file.write_text("x")
    then = "echo $? $domains:$launchd_name:$launchd_agents"
    answer = system.run(f"{ready(system)}; launchd_system_do start {LABEL}; {then}")
    assert (answer.out, answer.errors) == ("0 :launchd:Library/LaunchAgents\n", "")
    assert called(system) == [f"enable system/{LABEL}", f"bootstrap system {file}"]
    assert (system.root / "notes" / LABEL).read_text().startswith("B1 ")
    answer = system.run(f"{ready(system)}; launchd_system_do stop {LABEL}; echo $?")
    assert (answer.out, called(system)[-1]) == ("0\n", f"bootout system/{LABEL}")
    assert not (system.root / "notes" / LABEL).exists()


def test_only_lists_that_are_there_are_asked_for(system: Host) -> None:
    """Or all, where daemons are wanted: one may have lost its list and run."""
    (system.root / "loaded").write_text(PRINTED)
    look = f"pids=; launchd_system_look {LABEL} 'ai.hermes.gateway*'"
    assert system.run(f"{ready(system)}; {look}").told == []
    wanted = system.run(
        f"{ready(system)}; may_root=yes; {look}; launchd_system_said {LABEL}; echo $pid"
    )
    assert f"Id={LABEL}\n" in wanted.block("manager")
    assert wanted.out.endswith("99999999\n")


def test_the_end_of_a_gateway_is_announced_by_its_user(system: Host) -> None:
    """Root's own shell writes nothing in a home."""
    (system.root / "loaded").write_text(PRINTED)
    system.run(f"{ready(system)}; mkdir h; launchd_system_announce {LABEL} h")
    assert '"target_pid": 99999999' in (system.home / "h/.gateway-planned-stop.json").read_text()


def test_why_a_list_of_root_is_refused(system: Host) -> None:
    """What mends it needs sudo."""
    file = system.root / "daemons" / f"{LABEL}.plist"
    asked = f"load_code=5; plist={file}; of_daemons why_unloadable {LABEL}"
    file.write_text("x")
    file.chmod(0o664)
    assert (
        system.run(f"{ready(system)}; {asked}").out
        == f"others may write {file}: sudo chmod 644 {file}"
    )
    file.chmod(0o644)
    if os.getuid():
        told = f"{file} belongs to another user: sudo chown 0 {file}"
        assert system.run(f"{ready(system)}; {asked}").out == told
