"""What every service manager keeps to, however it does its work."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from building import HERMES, ROOT, applied, desired, new_host
from one_more import run_quick, with_manager

from hermes_ops.assets import TEMPLATES
from hermes_ops.files import layout
from hermes_ops.hermes.gateway import values_for
from hermes_ops.look.facts import Unit
from hermes_ops.plan import make_plan
from hermes_ops.plan.model import Control
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import VALUES, ServiceSpec
from hermes_ops.services.manager import ServiceManager
from hermes_ops.templates import undefined_names
from hermes_ops.wire.script import library

every_manager = pytest.mark.parametrize("manager", MANAGERS.values(), ids=MANAGERS)


def gateway() -> ServiceSpec:
    """Return the service of a gateway, which has all that a service can have."""
    return desired({"desired": {"demo": {}}}).services["demo"]


def templates(manager: ServiceManager) -> dict[str, str]:
    """Return the templates of a manager by their names."""
    names = {*manager.templates("hermes"), *manager.templates("service"), manager.by_hand}
    return {name: (ROOT / "templates" / name).read_text() for name in names}


@every_manager
def test_a_manager_is_found_by_its_name(manager: ServiceManager) -> None:
    """In the table, on the disk, and in the words that a host answers with."""
    assert MANAGERS[manager.name] is manager
    assert manager.systems <= {"Linux", "Darwin"}
    assert all(templates(manager).values())


@every_manager
def test_a_template_uses_only_names_that_it_gets(manager: ServiceManager) -> None:
    """The manager declares what it adds, and adds nothing that no template uses."""
    files = (file for name in templates(manager) for file in (TEMPLATES / name).parent.glob("*.j2"))
    own = {file: file.read_text() for file in files if file.name != "by-hand.sh.j2"}
    used = set[str]().union(*(undefined_names(t, ()) for t in own.values()))
    unknown = used - VALUES - manager.template_names
    assert not unknown, f"declare them as template_names in hermes_ops/services/{manager.name}.py"
    assert manager.template_names <= used


@every_manager
def test_a_manager_has_its_part_of_the_wrapper(manager: ServiceManager) -> None:
    """With both functions that the wrapper calls, and no name that it does not get."""
    text = templates(manager)[manager.by_hand]
    assert re.findall(r"^(told|order)\(\) \{", text, re.MULTILINE) == ["told", "order"]
    assert undefined_names(text, ()) <= {"uid", "home_dir", *manager.shell_paths}


def test_the_common_names_are_those_that_a_definition_gets() -> None:
    """Whatever the manager: `path` and `virtual_env` of a gateway, the rest always."""
    values = values_for(gateway(), new_host("systemd"), HERMES, {}, {})
    assert set(values) == VALUES


@every_manager
def test_paths_are_all_that_a_definition_may_have(manager: ServiceManager) -> None:
    """A look asks for these, and a removal removes them: one that is missing would stay."""
    service, found = gateway(), new_host(manager.name)
    if manager.family == "systemd" or manager.name == "systemd":
        service = replace(service, settings=replace(service.settings, ceiling="1G"))
    values = values_for(service, found, HERMES, {}, {})
    made = {part.path for part in manager.definition(service, found, values, enabled=True)}
    assert made == {known.path for known in manager.paths(service)}


@every_manager
def test_its_shell_file_has_its_functions_and_uses_its_paths(manager: ServiceManager) -> None:
    """Those that every script calls, and those in its own words."""
    text = library(f"services/{manager.name}") + (library(manager.orders) if manager.orders else "")
    words = manager.control(gateway(), "start", known=True)
    asked = [f"{manager.shell_name}_{name}" for name in ("look", "defined", "said", "log")]
    switch = manager.switch(gateway(), enabled=True)[:1]
    for name in filter(None, (*asked, words[0], *switch, *manager.reload()[:1], manager.together)):
        assert re.search(rf"^{name}\(\) *\{{", text, re.MULTILINE), name
    for variable in manager.shell_paths:
        assert f"${variable}" in text or f"${{{variable}" in text, variable


def test_no_two_managers_share_a_variable() -> None:
    """All of them are in one script, with the paths that are everybody's."""
    common = re.findall(r"^(\w+)=", layout.shell(), re.MULTILINE)
    names = [*common, *(name for each in MANAGERS.values() for name in each.shell_paths)]
    assert len(names) == len(set(names))


@every_manager
@pytest.mark.parametrize("verb", ["start", "restart", "stop"])
def test_words_name_the_verb_and_the_service(manager: ServiceManager, verb: str) -> None:
    """Several services are ordered together by their second and third words."""
    for known in (True, False):
        words = manager.control(gateway(), verb, known=known)
        assert words[1] in (verb, f"{verb}-new")
        assert words[2] == manager.id(gateway())


@every_manager
def test_what_is_brought_up_holds_and_comes_down(manager: ServiceManager) -> None:
    """A plan starts it; the next finds nothing to do; where it is to be stopped, one stops it."""
    case = {"desired": {"demo": {}}, "host": {"manager": manager.name}}
    up = make_plan(desired(case), new_host(manager.name))
    found = applied(up, new_host(manager.name))
    told = manager.told(gateway(), found)
    assert (told.installed, told.enabled, told.activity) == (True, True, "active")
    assert told.pid in found.processes
    assert make_plan(desired(case), found).is_empty
    stopped = {**case, "desired": {"demo": {"state": "stopped"}}}
    down = make_plan(desired(stopped), found)
    assert [c.operation.verb for c in down.changes if isinstance(c.operation, Control)] == ["stop"]
    found = applied(down, found)
    assert manager.told(gateway(), found).activity == "inactive"
    assert make_plan(desired(stopped), found).is_empty


@pytest.mark.slow
def test_one_manager_more_breaks_no_test(tmp_path: Path) -> None:
    """Whoever adds one by the row in CONTRIBUTING.md changes nothing else, and no test."""
    words = ("hermes_ops.services", "hermes_service_manager", "keys()")
    ended = run_quick(with_manager(tmp_path / "project"), words)
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert "test_words_name_the_verb_and_the_service[start-toy] PASSED" in ended.stdout


@pytest.mark.parametrize(
    ("state", "programs", "change"),
    [
        ("on", "hermes-gateway-demo", ["disable"]),
        ("on", "board hermes-gateway-demo", []),  # of another role
        ("off", "hermes-gateway-demo", []),
        ("denied", "hermes-gateway-demo", []),
    ],
)
def test_the_last_service_takes_the_start_at_boot_along(
    state: str, programs: str, change: list[str]
) -> None:
    """The line of the crontab stays as long as supervisord has anything to run."""
    case = {"desired": {"demo": {"state": "absent"}}, "host": {"manager": "supervisord"}}
    told = Unit({"Id": "@reboot", "State": state, "Programs": programs})
    facts = replace(new_host("supervisord"), units={"supervisord": {"@reboot": told}})
    changes = make_plan(desired(case), facts).changes
    assert [c.action for c in changes if c.resource == "boot:supervisord"] == change
