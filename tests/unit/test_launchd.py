"""launchd: its property lists beside Hermes' own, what it tells, and what a plan makes of that."""

from __future__ import annotations

import json
import os
import plistlib
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from building import HERMES, MAC, applied, desired, put
from machine import needs

from hermes_ops.errors import Conflict
from hermes_ops.files import envfile
from hermes_ops.hermes.gateway import values_for
from hermes_ops.hermes.readiness import judge
from hermes_ops.look.facts import Facts, Hermes, LinkEnd, Unit
from hermes_ops.plan import Plan, make_plan
from hermes_ops.plan.model import Control, Refuse, Switch, Write
from hermes_ops.plan.question import question
from hermes_ops.secrets.secret import Secret
from hermes_ops.services import MANAGERS, automatic, launchd, passed_over
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.definition import HostWritten, Text
from hermes_ops.services.jobs.job import LaunchdJob, environment, foreseen, own
from hermes_ops.services.launchd import Launchd

LAUNCHD = Launchd()
CODER, DEFAULT = "ai.hermes.gateway-coder", "ai.hermes.gateway"
PLIST = f"Library/LaunchAgents/{CODER}.plist"


def case(**profile: Any) -> dict[str, Any]:
    """Return what is wanted of a Mac with one gateway."""
    return {"desired": {"coder": profile}}


def service(profile: str = "coder") -> ServiceSpec:
    """Return the service of a gateway."""
    return desired({"desired": {profile: {}}}).services[profile]


def plist(profile: str, found: Facts = MAC, hermes: Hermes = HERMES) -> Text:
    """Return our property list of a gateway."""
    spec = service(profile)
    first, _ = LAUNCHD.definition(
        spec, found, values_for(spec, found, hermes, {}, {}), enabled=True
    )
    assert isinstance(first, Text)
    return first


def with_job(found: Facts, **properties: str) -> Facts:
    """Return the facts in which launchd tells this of the gateway."""
    given = {"Id": CODER, "Belongs": "gui/501", **properties}
    return replace(found, units={"launchd": {CODER: Unit(given)}})


def up() -> Facts:
    """Return a Mac on which the gateway runs as it should."""
    return applied(make_plan(desired(case()), MAC), MAC)


def changed(found: Facts, **properties: str) -> Facts:
    """Return the same Mac with these properties of the job."""
    return with_job(found, **{**found.unit("launchd", CODER).properties, **properties})


def orders(plan: Plan) -> list[str]:
    """Return what a plan orders of launchd."""
    operations = [change.operation for change in plan.changes]
    return [" ".join(op.words) for op in operations if isinstance(op, Control | Switch)]


# --- the property list ------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["default", "coder", "a-b_c0"])
def test_a_property_list_is_a_valid_one(profile: str) -> None:
    """Its label is its file's name, and it says what Hermes needs and nothing of ours."""
    text = plist(profile)
    found = plistlib.loads(text.content.encode())
    assert text.path.name == f"{found['Label']}.plist"
    assert text.mode == 0o644
    home = f"/Users/hermes/{service(profile).home}"
    arguments = found["ProgramArguments"]
    assert arguments[-3:] == ["gateway", "run", "--replace"]
    assert arguments[3:-3] == ([] if profile == "default" else ["--profile", profile])
    assert set(found["EnvironmentVariables"]) == {"PATH", "VIRTUAL_ENV", "HERMES_HOME"}
    assert found["EnvironmentVariables"]["HERMES_HOME"] == found["WorkingDirectory"] == home
    assert found["LimitLoadToSessionType"] == ["Aqua", "Background"]
    assert (found["KeepAlive"], found["ThrottleInterval"], found["ExitTimeOut"]) == (True, 30, 25)
    assert LAUNCHD.command_line(text.content) == " ".join(arguments)


ORACLE = """
import json, sys, sysconfig, urllib.request
sysconfig.get_config_vars()  # both would look for what only a Mac's Python has
sys.platform = "darwin"
from pathlib import Path
from hermes_cli import gateway
account, given = Path(sys.argv[1]), Path(sys.argv[2])
gateway._launchd_user_home = lambda: account
path = gateway.get_launchd_plist_path()
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(given.read_text())
print(json.dumps({"path": str(path), "label": gateway.get_launchd_label(),
                  "text": gateway.generate_launchd_plist(),
                  "current": gateway.launchd_plist_is_current()}))
"""
WHICH = (
    "import sys, hermes_cli; print(sys.executable, sys.prefix, hermes_cli.__path__[0], sep='\\n')"
)


def oracle(tmp_path: Path, profile: str, folders: list[str]) -> tuple[Text, dict[str, Any]]:
    """Return our property list for a home, and what the real package says of it."""
    python = _hermes_python()
    executable, prefix, package = _run(python, WHICH).splitlines()
    project = str(Path(package).parent)
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    spec = service(profile)
    (tmp_path / spec.home).mkdir(parents=True, exist_ok=True)
    hermes = replace(HERMES, python=executable, venv=prefix, project=project)
    found = replace(MAC, home=str(tmp_path), account_home=str(tmp_path), folders=frozenset(folders))
    ours = plist(profile, found, hermes)
    given = tmp_path / "given.plist"
    given.write_text(ours.content)
    environ = {
        "HOME": str(tmp_path), "HERMES_HOME": str(tmp_path / spec.home),
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
    }  # fmt: skip
    return ours, json.loads(_run(python, ORACLE, str(tmp_path), str(given), environ=environ))


def _hermes_python() -> str:
    return os.environ["HERMES_OPS_TEST_HERMES_PYTHON"]


def _run(python: str, code: str, *words: str, environ: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [python, "-c", code, *words], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1] if code == ORACLE else done.stdout


@needs("hermes-agent")
@pytest.mark.slow
@pytest.mark.parametrize("profile", ["default", "coder", "a-b_c0", "z" * 64])
@pytest.mark.parametrize(
    ("home", "folders"),
    [
        ("Users/ann", []),
        ("Volumes/More/Users/b.c-d", [".local/bin", ".cargo/bin", ".hermes/node/bin"]),
    ],
)
def test_it_is_what_hermes_itself_would_write(
    tmp_path: Path, profile: str, folders: list[str], home: str
) -> None:
    """Hermes calls ours current, and we call Hermes' equal: neither ever rewrites the other's."""
    ours, told = oracle(tmp_path / home, profile, folders)
    assert told["label"] == LAUNCHD.id(service(profile))
    assert told["path"] == f"{tmp_path / home}/{ours.path}"
    assert told["current"] is True, told["text"]
    assert LAUNCHD.is_equal(told["text"], ours.content)
    masked = plistlib.loads(told["text"].encode())
    mine = plistlib.loads(ours.content.encode())
    for found in (masked, mine):
        found["EnvironmentVariables"].pop("PATH")
    assert masked == mine


def test_the_path_of_who_wrote_it_is_no_difference() -> None:
    """It is that of a shell; but Hermes' own programs must be in it."""
    ours = plist("coder").content
    path = plistlib.loads(ours.encode())["EnvironmentVariables"]["PATH"]
    theirs = "/Users/hermes/tools:/opt/homebrew/sbin:/opt/homebrew/bin:/opt/hermes/venv/bin:/bin"
    assert path.startswith("/opt/hermes/venv/bin:/opt/homebrew/bin:")
    assert LAUNCHD.is_equal(ours.replace(path, theirs), ours)
    assert LAUNCHD.is_equal(ours.replace("\n", "  \n"), ours)
    assert not LAUNCHD.is_equal(ours.replace(path, "/opt/homebrew/bin:/usr/bin"), ours)
    assert not LAUNCHD.is_equal(ours.replace("<integer>25<", "<integer>26<"), ours)
    assert not LAUNCHD.is_equal("", ours)


@pytest.mark.parametrize("home", ["/Users/a&b", "/Users/<x>"])
def test_a_home_that_would_break_hermes_own_text_is_refused(home: str) -> None:
    """Hermes does not quote it, so its next command would write a list that is not valid."""
    with pytest.raises(Conflict, match="no property list would be valid"):
        plist("coder", replace(MAC, home=home, account_home=home))


def test_another_version_of_hermes_writes_its_own() -> None:
    """By its generator: `gateway install` would load the job as well, wherever it guesses."""
    spec = service()
    values = values_for(spec, MAC, replace(HERMES, version="0.20.3"), {}, {}, LAUNCHD.text_known)
    written, _ = LAUNCHD.definition(spec, MAC, values, enabled=True)
    assert isinstance(written, HostWritten)
    home, python, flag, code, path, generator = written.words
    assert home == "HERMES_HOME=/Users/hermes/.hermes/profiles/coder"
    assert (python, flag, path) == (HERMES.python, "-c", PLIST)
    assert generator == "generate_launchd_plist"
    compile(code, "generate", "exec")
    assert all(mark in plist("coder").content for mark in (*written.marks, written.sign))


@needs("hermes-agent")
@pytest.mark.slow
def test_the_generator_of_the_real_package_is_called_so(tmp_path: Path) -> None:
    """As on the host: in the home, with HERMES_HOME alone."""
    spec = service()
    values = values_for(spec, MAC, replace(HERMES, version="0.20.3"), {}, {}, LAUNCHD.text_known)
    written, _ = LAUNCHD.definition(spec, MAC, values, enabled=True)
    assert isinstance(written, HostWritten)
    home = tmp_path / ".hermes" / "profiles" / "coder"
    home.mkdir(parents=True)
    words = ["env", "-i", f"HOME={tmp_path}", f"HERMES_HOME={home}", _hermes_python()]
    subprocess.run([*words, *written.words[2:]], cwd=tmp_path, check=True)
    found = (tmp_path / PLIST).read_text()
    assert plistlib.loads(found.encode())["Label"] == CODER
    assert written.sign in found
    assert list((tmp_path / PLIST).parent.iterdir()) == [tmp_path / PLIST]


def test_a_program_of_a_role_gets_its_words_and_variables() -> None:
    """Whatever is in them: XML has to be quoted, and what it cannot hold is refused."""
    odd = ("/bin/run", "<&>", "it's", "a b", 'q"', "")
    spec = replace(
        service(), text="service", command=odd, environment={"A": "<x> & y"}, label="my.job"
    )
    values = values_for(spec, MAC, HERMES, {}, {})
    first, mark = LAUNCHD.definition(spec, MAC, values, enabled=True)
    assert isinstance(first, Text)
    found = plistlib.loads(first.content.encode())
    assert (found["Label"], found["ProgramArguments"]) == ("my.job", list(odd))
    assert found["EnvironmentVariables"]["A"] == "<x> & y"
    assert found["StandardOutPath"].endswith(f"/.local/state/hermes-ops/{spec.name}.log")
    assert isinstance(mark, Text)
    assert mark.restarts is False
    with pytest.raises(Conflict, match="cannot hold"):
        list(LAUNCHD.definition(spec, MAC, {**values, "command": ["a\0b"]}, enabled=True))


# --- which manager ----------------------------------------------------------------------------


def test_a_mac_has_launchd_without_a_word() -> None:
    """`auto` takes it, which is nothing to tell of; where it cannot, that is told."""
    assert automatic(MAC) is MANAGERS["launchd"]
    assert passed_over(MANAGERS["launchd"], MAC) == ""
    moved = replace(MAC, home="/tmp/x")
    assert automatic(moved) is MANAGERS["supervisord"]
    assert (
        passed_over(automatic(moved), moved)
        == "HOME is /tmp/x, but launchd would read /Users/hermes"
    )
    assert automatic(replace(MAC, tools=frozenset())) is MANAGERS["supervisord"]


# --- what a plan does -------------------------------------------------------------------------


def test_what_the_list_cannot_hold_goes_into_env() -> None:
    """Hermes compares the list with its own text, so it has nothing of ours."""
    plan = make_plan(desired(case(service={"environment": {"MORE": "1"}})), MAC)
    writes = {
        c.operation.path.name: c.operation for c in plan.changes if isinstance(c.operation, Write)
    }
    env = writes[".env"].content
    assert isinstance(env, Secret)
    assert envfile.read(env.reveal()) == {"HERMES_DISABLE_LAZY_INSTALLS": "1", "MORE": "1"}
    assert "MORE" not in str(writes[f"{CODER}.plist"].content)


def test_a_drain_ends_before_launchd_kills() -> None:
    """It gives every gateway 25 seconds, whatever Hermes' settings say."""
    asked = {**case(config={"agent": {"restart_drain_timeout": 300}}, state="started")}
    found = put(up(), ".hermes/profiles/coder/config.yaml", "_config_version: 33\n")
    plan = make_plan(desired(asked), found, drain=60)
    (control,) = (c.operation for c in plan.changes if isinstance(c.operation, Control))
    assert (control.verb, control.drain, control.patience) == ("restart", 20, 90)


def test_a_stopped_gateway_is_not_loaded_at_the_next_login() -> None:
    """Its list stays, so launchd itself is told; and is told again where it is to run."""
    stopped = desired(case(state="stopped"))
    down = make_plan(stopped, up())
    assert orders(down) == [f"launchd_do stop {CODER}", f"launchd_switch disable {CODER}"]
    found = applied(down, up())
    assert make_plan(stopped, found).is_empty
    assert orders(make_plan(desired(case()), found)) == [
        f"launchd_switch enable {CODER}", f"launchd_do start {CODER}",
    ]  # fmt: skip


def test_what_somebody_disabled_is_enabled() -> None:
    """It runs, and would not after the next reboot."""
    found = changed(up(), Disabled="yes")
    assert LAUNCHD.told(service(), found).enabled is False
    (change,) = make_plan(desired(case()), found).changes
    assert (change.action, change.reason) == ("enable", "it is disabled")
    unknown = changed(up(), Disabled="unknown")
    assert LAUNCHD.told(service(), unknown).enabled is None
    assert make_plan(desired(case()), unknown).is_empty


def test_nothing_stays_forbidden_of_what_is_removed() -> None:
    """launchd would remember it for ever, whoever uses that label next."""
    found = changed(up(), Disabled="yes")
    plan = make_plan(desired(case(state="absent")), found)
    assert f"launchd_switch enable {CODER}" in orders(plan)
    assert PLIST in {str(getattr(change.operation, "path", "")) for change in plan.changes}


def test_a_job_in_two_domains_is_put_into_one() -> None:
    """Each process would replace the other, again and again."""
    found = changed(up(), Domains="gui/501 user/501")
    plan = make_plan(desired(case()), found)
    assert orders(plan) == [f"launchd_do restart {CODER}"]
    assert plan.changes[-1].reason == "launchd runs it in gui/501 and in user/501"


def test_a_list_that_launchd_has_not_read_is_read() -> None:
    """Only a new bootstrap reads it."""
    plan = make_plan(desired(case()), changed(up(), Unread="yes"))
    assert [c.reason for c in plan.changes] == ["its definition changed since launchd read it"]


def test_a_list_of_another_user_is_written_anew() -> None:
    """launchd refuses it: somebody has run Hermes' own command by sudo."""
    found = up()
    state = replace(found.paths[PLIST], uid=0)
    plan = make_plan(desired(case()), replace(found, paths={**found.paths, PLIST: state}))
    assert [c.reason for c in plan.changes] == ["it belongs to uid 0"]


def test_a_folder_of_lists_that_cannot_be_written_is_told_in_the_look() -> None:
    """Before anything of the profile is touched, and before its gateway drains."""
    agents = "Library/LaunchAgents"
    wanted = desired(case())
    assert agents in question(wanted).places
    found = replace(MAC, real={".": "/Users/hermes", agents: f"/Users/hermes/{agents}"})
    plan = make_plan(wanted, replace(found, closed=frozenset({agents})))
    (said,) = [c.operation for c in plan.changes if isinstance(c.operation, Refuse)]
    assert f"can write nothing in ~/{agents}" in said.message


def test_whose_a_link_to_a_list_is_does_not_matter() -> None:
    """launchd reads what it leads to; a write through it would change nothing of the link."""
    found = up()
    own = replace(found.paths[PLIST], kind="folder", mode=0o700)
    end = LinkEnd("/Users/hermes/x.plist", found.paths[PLIST], own)
    link = replace(found.paths[PLIST], kind="link", uid=0, target="/Users/hermes/x.plist", end=end)
    held = replace(found, paths={**found.paths, PLIST: link})
    assert make_plan(desired(case()), held).changes == ()


@pytest.mark.parametrize("text", ["<plist>", "", "<?xml version='1.0'?><plist><dict/></plist>"])
def test_a_list_that_a_person_broke_is_mended(text: str) -> None:
    """It is no reason to fail: the next login would not load it."""
    found = put(up(), PLIST, text)
    assert [c.action for c in make_plan(desired(case()), found).changes] == ["update", "restart"]
    assert LAUNCHD.command_line(text) == ""


def test_a_job_of_another_file_is_told_with_what_ends_it() -> None:
    """Its label is ours and its program is not: that somebody has to decide."""
    path = "/Users/hermes/old/gateway.plist"
    found = changed(up(), Path=path, Command="/bin/sleep 9", Domains="gui/501")
    (change,) = make_plan(desired(case()), found).changes
    assert "runs /bin/sleep: /Users/hermes/old/gateway.plist changes it" in change.operation.said  # type: ignore[union-attr]
    assert f"launchctl bootout gui/501/{CODER} && rm {path}" in change.operation.said  # type: ignore[union-attr]
    same = changed(up(), Path=f"/Users/hermes/{PLIST}")
    assert make_plan(desired(case()), same).differs == ()


def test_the_program_that_hermes_falls_back_to_is_ended() -> None:
    """A gateway beside launchd is a stray, whoever started it: ended, and then started."""
    found = with_job(up(), Activity="inactive")
    plan = make_plan(desired(case()), found)
    (control,) = (c.operation for c in plan.changes if isinstance(c.operation, Control))
    assert (control.verb, control.ends is not None) == ("start", True)


# --- what is told -----------------------------------------------------------------------------

SPOKEN = [
    ({"Activity": "active", "MainPID": "7"}, ("active", None, "")),
    ({"Activity": "activating", "Code": "1", "Runs": "4"}, ("activating", 1, "")),
    ({"Activity": "failed", "Code": "78", "Setup": "failed"}, ("failed", None, launchd._UNSET)),
    ({"Activity": "failed", "Runs": "0"}, ("failed", None, launchd._NEVER)),
    ({"Activity": "activating", "Signal": "9", "Runs": "2"}, ("activating", 9, "signal")),
    ({"Note": "4F2A 1-2 gui/501"}, ("failed", None, launchd.UNLOADED)),
    ({"Note": "OLD 1-2 gui/501"}, ("failed", None, launchd.UNLOADED)),
    ({"Note": "OLD 1-2 gui/501", "Belongs": "user/501"}, ("failed", None, launchd._NO_LOGIN)),
    ({"Note": "4F2A 1-2 gui/501", "Belongs": "user/501"}, ("failed", None, launchd._LOGGED_OUT)),
    ({"Note": "4F2A 1-2 gui/501", "Disabled": "yes"}, ("inactive", None, "")),
    ({}, ("inactive", None, "")),
]


@pytest.mark.parametrize(("properties", "wanted"), SPOKEN)
def test_what_is_known_of_a_job(properties: dict[str, str], wanted: tuple[Any, ...]) -> None:
    """A job that we loaded and that is gone has not been stopped: it is down, and it says why."""
    told = LAUNCHD.told(service(), with_job(up(), **properties))
    assert (told.activity, told.exit_status, told.ended_by) == wanted


def test_after_a_reboot_without_a_login_it_is_down_and_says_why() -> None:
    """`fleet.ps` shows it so, and `fleet.up` starts it."""
    found = with_job(up(), Belongs="user/501", Note="OLD 1-2 gui/501")
    found = replace(found, processes={}, answers={})
    plan = make_plan(desired(case()), found)
    verdict = judge(plan.evidence["coder"])
    assert verdict.state == "down"
    assert verdict.reasons[0].endswith("nobody is logged in at the screen")
    assert orders(plan) == [f"launchd_do start {CODER}"]


@pytest.mark.parametrize(("word", "state"), [("stopped", "stopped"), ("running", "down")])
def test_who_was_stopped_by_hermes_itself_is_not_lost(word: str, state: str) -> None:
    """Its own state file says that the end was meant; a logout or a reboot leaves `running`."""
    found = with_job(up(), Belongs="gui/501", Note="4F2A 1-2 gui/501")
    path = ".hermes/profiles/coder/gateway_state.json"
    contents = {**found.contents, path: json.dumps({"gateway_state": word, "pid": 7})}
    found = replace(found, contents=contents, processes={}, answers={})
    assert judge(make_plan(desired(case()), found).evidence["coder"]).state == state


PRINTED = """\
gui/501/x = {
\tactive count = 1
\tpath = /Users/a/x.plist
\tstate = running

\targuments = {
\t\t/bin/x
\t\tfirst
}
\tstate = nonsense
\tpid = 1
\t\tlast
\t}

\tenvironment = {
\t\tHERMES_HOME => /Users/a/.hermes
\t\tXPC_SERVICE_NAME => x = y
\t}

\tdomain = gui/501 [100020]
\truns = 3
\tpid = 4242
\tlast exit code = 75: EX_TEMPFAIL

\tresource coalition = {
\t\tstate = active
\t\tpid = 9
\t}
}
"""


def test_only_lines_of_the_job_itself_are_read() -> None:
    """An argument may hold anything, a line of its own and a brace too."""
    found = own(PRINTED)
    assert (found["state"], found["pid"], found["runs"]) == ("running", "4242", "3")
    assert found["last exit code"] == "75: EX_TEMPFAIL"
    assert environment(PRINTED)["HERMES_HOME"] == "/Users/a/.hermes"
    assert environment("") == own("") == {}


def test_what_could_not_be_read_is_asked_again() -> None:
    """A check foresees only what would have succeeded."""
    assert foreseen([], "") == {}


@pytest.mark.parametrize(
    ("code", "shown", "there", "enablement"),
    [
        (0, "", 0, "enabled"),
        (0, "", 1, "disabled"),
        (0, f'\t"{CODER}" => disabled\n', 0, "disabled"),
        (0, f'\t"{CODER}" => true\n', 0, "disabled"),  # older ones say whether it is disabled
        (0, f'\t"{CODER}" => enabled\n\t"{DEFAULT}" => disabled\n', 0, "enabled"),
        (125, "", 0, "unknown to launchd"),
    ],
)
def test_whether_launchd_loads_a_job_by_itself(
    code: int, shown: str, there: int, enablement: str
) -> None:
    """If its list is there and nobody has forbidden it, in the words of any macOS."""

    def run(command: str, *_: str) -> SimpleNamespace:
        asked = "print-disabled" in command
        return SimpleNamespace(rc=code if asked else there, stdout=shown if asked else "")

    job = LaunchdJob(SimpleNamespace(run=run), SimpleNamespace(unit=CODER), PLIST)  # type: ignore[arg-type]
    assert job.enablement == enablement
