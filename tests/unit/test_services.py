"""What service managers are given: modes, quoting, links, and the words that command them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from configparser import RawConfigParser
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from building import HERMES, MAC, NEW, applied, desired, facts, made_role, roles

from hermes_ops.errors import Conflict, InventoryError
from hermes_ops.files.quoting import systemd_program, systemd_word
from hermes_ops.hermes.gateway import values_for
from hermes_ops.hermes.readiness import judge
from hermes_ops.inventory.model import Host, Profile, ServiceSettings
from hermes_ops.look.facts import Facts, Unit
from hermes_ops.plan import make_plan
from hermes_ops.plan.model import Control, Write
from hermes_ops.services import MANAGERS, automatic, choose, passed_over
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.definition import HostWritten, Link, Text
from hermes_ops.services.describe import describe

SUPERVISORD, SYSTEMD = MANAGERS["supervisord"], MANAGERS["systemd"]
ODD = replace(NEW, home="/home/100% me", account_home="/home/100% me", user="a%b")
"""A host whose names mean something to a service manager."""


def spec(**service: Any) -> ServiceSpec:
    """Return a plain service with this description."""
    given = {"name": "plain-{{ profile }}", "command": ["/bin/prog", "run"], **service}
    role = made_role({"home": ".plain/{{ profile }}", "service": given}, Path("roles/plain"))
    return describe(Profile("demo", "plain", service=ServiceSettings(environment={"A": "1"})), role)


def values(service: ServiceSpec, home: str = NEW.home) -> Mapping[str, Any]:
    """Return what the texts of a service are made of, in this home."""
    known = values_for(service, NEW, HERMES, {}, {})
    return {
        key: value.replace(NEW.home, home) if isinstance(value, str) else value
        for key, value in known.items()
    }


def parts(manager: Any, service: ServiceSpec, found: Facts = NEW, **named: bool) -> list[Any]:
    """Return the files and links of a service."""
    known = values(service, found.home)
    return list(manager.definition(service, found, known, **{"enabled": True, **named}))


def named(items: list[Any], end: str) -> Any:
    """Return the file of this ending."""
    (found,) = (item for item in items if str(item.path).endswith(end))
    return found


def section(text: str) -> dict[str, str]:
    """Return a section as supervisord reads it: `%` begins an expansion there."""
    parser = RawConfigParser()
    parser.read_string(text)
    ((_, found),) = ((name, parser[name]) for name in parser.sections() if "program" in name)
    return {key: value % {} for key, value in found.items()}


# --- supervisord --------------------------------------------------------------------------------


def test_supervisords_files_are_the_users_alone() -> None:
    """Who can read them would see where everything is; who could write them would run as us."""
    modes = {item.path.name: item.mode for item in parts(SUPERVISORD, spec())}
    assert modes == {"supervisord.conf": 0o600, "plain-demo.conf": 0o600, "plain-demo.sh": 0o700}


def test_a_plan_for_supervisord_writes_these_modes() -> None:
    """A new host gets them as they are told here."""
    case = {"desired": {"demo": {}}, "host": {"manager": "supervisord"}}
    plan = make_plan(desired(case), replace(NEW, systemd=False))
    writes = [c.operation for c in plan.changes if isinstance(c.operation, Write)]
    modes = {write.path.name: write.mode for write in writes if ".config/hermes" in str(write.path)}
    assert set(modes.values()) == {0o600, 0o700}
    assert modes["supervisord.conf"] == 0o600


def test_percent_signs_are_no_expansions() -> None:
    """Whatever a home or a user is called, supervisord reads the names as they are."""
    items = parts(SUPERVISORD, spec(), ODD)
    own = section(named(items, "demo.conf").content)
    assert own["directory"] == "/home/100% me/.plain/demo"
    script = "/home/100% me/.config/hermes-ops/supervisord.d/plain-demo.sh"
    assert own["command"] == f"/bin/sh '{script}'"
    whole = RawConfigParser()
    whole.read_string(named(items, "supervisord.conf").content)
    state = "/home/100% me/.local/state/hermes-ops"
    assert whole["supervisord"]["pidfile"] % {} == f"{state}/supervisord.pid"
    assert "a%%b" in named(items, "supervisord.conf").content


def test_a_stopped_service_is_known_and_not_started() -> None:
    """`autostart` says whether supervisord starts it when it starts itself."""
    for enabled, word in ((True, "true"), (False, "false")):
        found = named(parts(SUPERVISORD, spec(), enabled=enabled), "demo.conf")
        assert section(found.content)["autostart"] == word


def test_the_script_gives_the_environment(tmp_path: Path) -> None:
    """Values are what they are, whatever letters they have; words of the command, too."""
    odd = 'it\'s $HOME `id` 100% "x" \\n'
    service = replace(
        spec(command=["/usr/bin/env", "-0"], environment={"OWN": "{{ profile }}"}),
        environment={"OWN": odd, "A": "1"},
    )
    script = named(parts(SUPERVISORD, service, ODD), ".sh")
    ended = subprocess.run(["sh", "-c", script.content], env={}, capture_output=True, check=True)
    found = dict(line.split("=", 1) for line in ended.stdout.decode().split("\0") if line)
    own = {key: value for key, value in found.items() if key not in ("PWD", "OLDPWD", "SHLVL", "_")}
    assert own == {
        "HOME": "/home/100% me", "USER": "a%b", "LOGNAME": "a%b", "LANG": "C.UTF-8", "A": "1",
        "OWN": odd,
    }  # fmt: skip


def test_a_gateway_is_told_that_it_is_supervised() -> None:
    """It has its folder, its Python's PATH, and takes no other copy for a rival."""
    service = desired({"desired": {"demo": {}}}).services["demo"]
    text = named(parts(SUPERVISORD, service), ".sh").content
    assert "export HERMES_HOME=/home/hermes/.hermes/profiles/demo\n" in text
    assert "export HERMES_GATEWAY_EXTERNAL_SUPERVISOR=1\n" in text
    assert "export VIRTUAL_ENV=/opt/hermes/venv\n" in text
    assert "HERMES_HOME" not in named(parts(SUPERVISORD, spec()), ".sh").content


def test_words_for_supervisord() -> None:
    """One function of the shell for each verb; nothing is to be read anew, nobody lingers."""
    for verb in ("start", "restart", "stop"):
        for known in (True, False):
            words = SUPERVISORD.control(spec(), verb, known=known)
            assert words == ("supervisor_do", verb, "plain-demo", ".plain/demo")
    assert (SUPERVISORD.reload(), SUPERVISORD.lingers, SUPERVISORD.together) == ((), False, "")
    assert SUPERVISORD.is_equal("a", "a")
    assert not SUPERVISORD.is_equal("a", "a\n")


def test_which_of_its_files_are_compared_as_a_program() -> None:
    """The configuration is ours alone; a section and a script are the service's."""
    assert {item.path.name: item.base for item in parts(SUPERVISORD, spec())} == {
        "supervisord.conf": False, "plain-demo.conf": True, "plain-demo.sh": True,
    }  # fmt: skip


def test_a_program_that_supervisord_gave_up_has_no_exit_code() -> None:
    """supervisord does not report one: no sentence makes one up."""
    case = {"desired": {"demo": {}}, "host": {"manager": "supervisord"}}
    found = applied(make_plan(desired(case), NEW), NEW)
    given_up = Unit({"Id": "hermes-gateway-demo", "State": "FATAL"})
    units = {"supervisord": {"hermes-gateway-demo": given_up}}
    plan = make_plan(desired(case), replace(found, units=units, processes={}))
    assert [(change.action, change.reason) for change in plan.changes] == [("start", "failed")]
    assert judge(plan.evidence["demo"]).reasons == ("failed",)


# --- systemd ------------------------------------------------------------------------------------


def test_words_of_a_command_are_quoted_for_systemd() -> None:
    """Blanks, quotes, `$` and `%` in a word are of that word, and begin nothing."""
    words = ["/opt/my prog/bin", "a b", "$HOME", "%h", "q\"uo'te", ""]
    unit, *_ = parts(SYSTEMD, spec(command=words))
    quoted = [systemd_program(words[0]), *map(systemd_word, words[1:])]
    assert f"\nExecStart={' '.join(quoted)}\n" in unit.content
    assert '"a b"' in unit.content
    assert "$$HOME" in unit.content
    assert "%%h" in unit.content
    assert unit.base


def test_policy_is_in_a_drop_in() -> None:
    """Variables, the memory and the stop that is meant, each where it is wanted only."""
    quiet = named(parts(SYSTEMD, replace(spec(), environment={})), "50-hermes-ops.conf")
    for word in ("Environment", "MemoryMax", "ExecStop"):
        assert word not in quiet.content
    service = replace(
        spec(planned_stop=True),
        settings=ServiceSettings(memory_max="512M"),
        environment={"A": "x y", "B": "50%"},
    )
    items = parts(SYSTEMD, service, ODD)
    lines = named(items, "50-hermes-ops.conf").content.splitlines()
    assert 'Environment="A=x y"' in lines
    assert 'Environment="B=50%%"' in lines
    assert "MemoryMax=512M" in lines
    (stop,) = (line for line in lines if line.startswith("ExecStop="))
    script = "/home/100% me/.local/share/hermes-ops/planned-stop"
    assert stop == f"ExecStop={systemd_word(script)}"
    assert "%%" in stop
    # A home may be on a disk from which nothing can be run.
    barred = named(parts(SYSTEMD, service, replace(ODD, noexec="/home")), "50-hermes-ops.conf")
    assert f"ExecStop=/bin/sh {systemd_word(script)}" in barred.content.splitlines()
    assert named(items, "planned-stop").mode == 0o755
    assert not any(str(item.path).endswith("planned-stop") for item in parts(SYSTEMD, spec()))


def test_a_link_enables() -> None:
    """It is the one that `systemctl enable` makes, and a stopped service has none."""
    links = [item for item in parts(SYSTEMD, spec()) if isinstance(item, Link)]
    wants = ".config/systemd/user/default.target.wants/plain-demo.service"
    assert links == [Link(PurePosixPath(wants), "../plain-demo.service")]
    stopped = parts(SYSTEMD, spec(), enabled=False)
    assert not any(isinstance(item, Link) for item in stopped)
    assert [item.path for item in parts(SYSTEMD, spec())][:2] == [item.path for item in stopped]


def test_paths_are_all_that_a_definition_may_have() -> None:
    """Where a look has to look."""
    assert [known.path.name for known in SYSTEMD.paths(spec())] == [
        "plain-demo.service", "50-hermes-ops.conf", "plain-demo.service", "hermes.slice",
    ]  # fmt: skip
    stopping = [known.path.name for known in SYSTEMD.paths(spec(planned_stop=True))]
    assert stopping[-2:] == ["planned-stop", "hermes.slice"]
    assert [known.path.name for known in SUPERVISORD.paths(spec())] == [
        "supervisord.conf", "plain-demo.conf", "plain-demo.sh",
    ]  # fmt: skip


def test_a_unit_whose_text_is_not_known_is_written_by_the_host() -> None:
    """Its text is not ours to know; each line that must be in it is a mark."""
    service = spec()
    known = {**values(service), "unit_text_known": False, "python": "/p", "service_home": "/h",
             "write": ("prog", "install"), "unit_runs_python": True,
             "unit_type": ""}  # fmt: skip
    unit, *_ = SYSTEMD.definition(service, NEW, known, enabled=True)
    assert isinstance(unit, HostWritten)
    assert unit.words == ("prog", "install")
    assert 'Environment="HERMES_HOME=/h"' in unit.marks
    assert "\nExecStart=/p " in unit.marks
    assert "\nType=" in unit.marks
    same, *_ = SYSTEMD.definition(service, NEW, {**known, "unit_text_known": True}, enabled=True)
    assert isinstance(same, Text)


@pytest.mark.parametrize(
    ("version", "mark"),
    [("0.18.2", "\nType=simple\n"), ("0.20.0", "\nType="), ("0.99.0", "\nType=")],
)
def test_a_version_without_a_watchdog_has_no_unit_that_waits_for_it(
    version: str, mark: str
) -> None:
    """After a way back the unit of the later version is still there, and would never be up."""
    told = values_for(spec(), NEW, replace(HERMES, version=version), {}, {})
    known = {**values(spec()), **told, "unit_text_known": False, "write": ("prog",)}
    unit, *_ = SYSTEMD.definition(spec(), NEW, known, enabled=True)
    assert isinstance(unit, HostWritten)
    assert mark in unit.marks


UNIT = '[Service]\nExecStart=/p run\nEnvironment="PATH=/a:/b:/c"\nRestart=always\n'


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (UNIT, True),
        (f"\n{UNIT}\n\n", True),
        (UNIT.replace("always\n", "always   \n"), True),
        (f"{UNIT}RestartSteps=5\nRestartMaxDelaySec=300\n", True),
        (UNIT.replace("/a:/b:/c", "/a:/x:/b:/y:/c:/z"), True),
        (UNIT.replace("/a:/b:/c", "/a:/c"), False),
        (UNIT.replace("/a:/b:/c", "/b:/a:/c"), False),
        (UNIT.replace("/p run", "/q run"), False),
        (UNIT.replace("/p run", "/q run").replace("/a:", "/x:/a:"), False),
        (UNIT.replace("Restart=always\n", ""), False),
        (f"{UNIT}Nice=5\n", False),
        ("", False),
    ],
)
def test_a_unit_needs_no_change(found: str, same: bool) -> None:
    """Where it only has further folders in its PATH, or what Hermes itself does not compare."""
    assert SYSTEMD.is_equal(found, UNIT) is same


def test_words_for_systemd() -> None:
    """A service that is new has no failed starts to be forgotten."""
    assert SYSTEMD.control(spec(), "start", known=True) == (
        "systemd_do", "start", "plain-demo.service",
    )  # fmt: skip
    assert SYSTEMD.control(spec(), "start", known=False)[1] == "start-new"
    assert SYSTEMD.reload() == ("systemd_reload",)
    removed = [*map(PurePosixPath, ("x/a.service", "x/a.service.d/50-hermes-ops.conf"))]
    assert SYSTEMD.reload(*removed) == ("systemd_reload", "x/a.service.d")
    system = MANAGERS["systemd-system"]
    assert system.reload(*removed) == ("systemd_system_reload", "x/a.service.d")
    assert (SYSTEMD.lingers, SYSTEMD.together) == (True, "systemd_ahead")


def test_what_can_be_ordered_together_is_told_so() -> None:
    """The plan's controls carry the function of their manager; that of supervisord is none."""
    for manager, together in (("systemd", "systemd_ahead"), ("supervisord", "")):
        case = {"desired": {"demo": {}}, "host": {"manager": manager}}
        plan = make_plan(desired(case), NEW)
        controls = [c.operation for c in plan.changes if isinstance(c.operation, Control)]
        assert [control.together for control in controls] == [together]


# --- which one ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "manager", "why"),
    [
        ({}, "systemd", ""),
        ({"systemd": False}, "supervisord", "no systemd runs here (Linux)"),
        ({"home": "/data/hermes"}, "supervisord", "HOME is /data/hermes, but systemd would read"),
        ({"home": "/home/hermes/"}, "systemd", ""),
        ({"account_home": "/home/hermes/"}, "systemd", ""),
    ],
)
def test_the_manager_by_itself(found: dict[str, Any], manager: str, why: str) -> None:
    """systemd where it works for this user; else supervisord, and why is known."""
    known = replace(NEW, **found)
    assert automatic(known).name == manager
    assert choose(Host("box"), known).name == manager
    reason = SYSTEMD.why_not(known)
    assert reason.startswith(why)
    assert bool(reason) is bool(why)
    assert passed_over(MANAGERS[manager], known) == reason


def test_the_manager_that_is_named() -> None:
    """It is taken at its word where it can be; one that cannot is a conflict with a remedy."""
    assert choose(Host("box", manager="supervisord"), NEW).name == "supervisord"
    for lacking in ({"systemd": False}, {"home": "/x"}):
        with pytest.raises(Conflict, match="systemd cannot run services here: ") as caught:
            choose(Host("box", manager="systemd"), replace(NEW, **lacking))
        assert caught.value.hint == "set hermes_service_manager to auto"
    assert choose(Host("box", manager="launchd-system"), replace(MAC, home="/x")).by_root


@pytest.mark.parametrize(("name", "system"), [("launchd", "Linux"), ("systemd", "Darwin")])
def test_a_manager_of_another_system_is_a_fault_of_the_inventory(name: str, system: str) -> None:
    """No such host can ever have it: nothing is touched there, and the exit code is 64."""
    found = replace(NEW, system=system)
    with pytest.raises(InventoryError, match=f"there is no {name} on {system}") as caught:
        choose(Host("box", manager=name), found)
    assert (caught.value.exit_code, caught.value.hint) == (64, "set hermes_service_manager to auto")


# --- a service as its role describes it ---------------------------------------------------------


def test_what_a_role_says_of_a_service() -> None:
    """Names are rendered, what is left out has a value, and the profile's variables win."""
    made = spec(environment={"A": "weak", "B": "{{ profile }}"}, fatal_exit=[78], planned_stop=True)
    assert (made.name, made.label, SYSTEMD.id(made)) == (
        "plain-demo",
        "plain-demo",
        "plain-demo.service",
    )
    assert made.environment == {"A": "1", "B": "demo"}
    assert (made.fatal_exit, made.planned_stop, made.text) == ((78,), True, "service")
    assert (made.home, made.description) == (PurePosixPath(".plain/demo"), "plain demo")
    assert (made.readiness, made.url, made.write) == ("process", "", ())
    described = replace(Profile("demo", "plain"), description="writes code")
    assert describe(described, made.role).description == "writes code"
    labelled = spec(label="org.{{ profile }}", text="hermes", write=["a", "1"])
    assert (labelled.label, labelled.write) == ("org.demo", ("a", "1"))


@pytest.mark.parametrize(
    "name", ["a b", "a/b", "-a", "{{description}}", "ä", "a@b", "x" * 201, "a;b"]
)
def test_names_that_no_manager_takes(name: str) -> None:
    """A name would be a path, a line or an option somewhere."""
    with pytest.raises(InventoryError, match="cannot be the name of a service") as caught:
        spec(name=name)
    assert caught.value.exit_code == 64


@pytest.mark.parametrize("name", ["a", "A_b.c:d-e", "9", "x" * 200])
def test_names_that_all_take(name: str) -> None:
    """Letters, digits and a few signs."""
    assert spec(name=name).name == name


def test_a_name_that_nothing_defines_is_refused_before_any_host(tmp_path: Path) -> None:
    """In the command of a role, and in a template of its own."""
    with pytest.raises(InventoryError, match="servce_home"):
        spec(command=["/bin/prog", "{{ servce_home }}"])
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/program.conf.j2").write_text("{{ comand }}")
    role = made_role({"home": "h", "service": {"name": "n", "command": ["/bin/x"]}}, tmp_path)
    with pytest.raises(InventoryError, match="'comand' is not defined") as caught:
        describe(Profile("demo", "own"), role)
    assert "command_line" in caught.value.hint


def test_the_gateways_of_the_product() -> None:
    """One unit a profile; the default profile lives in Hermes' root."""
    made = {name: describe(Profile(name), roles()["gateway"]) for name in ("default", "demo")}
    assert SYSTEMD.id(made["demo"]) == "hermes-gateway-demo.service"
    assert SYSTEMD.id(made["default"]) == "hermes-gateway.service"
    assert str(made["default"].home) == ".hermes"
    assert str(made["demo"].home) == ".hermes/profiles/demo"
    assert made["demo"].readiness == "hermes"
    assert facts({"desired": {"demo": {}}}).units == {}
