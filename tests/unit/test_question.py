"""What a look asks of a host: all that a plan has to compare, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from building import HERMES, NEW, desired

from hermes_ops.files.layout import OWED, WRITTEN
from hermes_ops.hermes.gateway import ACTIVE
from hermes_ops.hermes.versions import folders as made_by_any
from hermes_ops.inventory.model import Host, Profile, ServiceSettings
from hermes_ops.inventory.role import Readiness, Role, RoleService, RoleText
from hermes_ops.look.facts import Answer, Facts
from hermes_ops.look.question import Question, probe
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import StepPlan, desired_state
from hermes_ops.plan.lifecycle.watching import FOLDERS as MADE_AT_START
from hermes_ops.plan.lifecycle.watching import WRITTEN as WRITTEN_AT_START
from hermes_ops.plan.lifecycle.watching import answered, obstacle, watch_of
from hermes_ops.plan.question import question
from hermes_ops.plan.resource import Absent, Existing, Resource, Service
from hermes_ops.services import MANAGERS
from hermes_ops.services.base import ServiceSpec
from hermes_ops.services.describe import describe

HOME = ".hermes/profiles/demo"
OPS = ".config/hermes-ops"
UNITS = ".config/systemd/user"
PROGRAMS = [manager.program.name for manager in MANAGERS.values() if manager.program]
STAMPS = {
    *(f".local/share/hermes-ops/{name}/current/hermes-ops.json" for name in ("hermes", *PROGRAMS)),
    ".local/state/hermes-ops/upgrade/note.json",
}
ENV = {
    "A": "1", "KEY": {"generate": 16}, "REF": {"env": "X"}, "API_SERVER_ENABLED": "true",
    "API_SERVER_KEY": "k" * 20,
}  # fmt: skip
CASE: dict[str, Any] = {
    "desired": {"demo": {"env": ENV, "config": {"a": 1}, "soul": "kind", "files": {"d/x.md": "x"}}}
}
DEFINITIONS = {
    f"{UNITS}/hermes-gateway-demo.service",
    f"{UNITS}/hermes-gateway-demo.service.d/50-hermes-ops.conf",
    f"{UNITS}/default.target.wants/hermes-gateway-demo.service",
    ".local/share/hermes-ops/planned-stop",
    f"{OPS}/supervisord.conf",
    f"{OPS}/supervisord.d/hermes-gateway-demo.conf",
    f"{OPS}/supervisord.d/hermes-gateway-demo.sh",
}
"""Those of systemd and supervisord; a manager that came later has its own."""
OWN = {f"{HOME}/{name}" for name in ("config.yaml", "SOUL.md", "d/x.md", ".hermes-ops.yml")}
EVIDENCE = {
    f"{HOME}/{name}" for name in ("gateway_state.json", "gateway.pid", "state/gateway.heartbeat")
}

DATABASES = ("state.db", "response_store.db", "cron/executions.db")
MARKS = {
    f"{HOME}/.drain_request.json",
    f"{HOME}/.gateway-planned-stop.json",
    f"{HOME}/.gateway-launchd-unsupported",
    ".local/state/hermes-ops/stopped/hermes-gateway-demo",
}
WRAPPER = ".local/bin/hermes-gateways"


def definitions() -> set[str]:
    """Return the paths of the definition of `demo` under every manager."""
    service = desired(CASE).services["demo"]
    return {str(known.path) for each in MANAGERS.values() for known in each.paths(service)}


FOLDERS = {
    ".hermes", ".hermes/profiles", ".config", ".config/systemd", ".config/systemd/user",
    ".config/systemd/user/default.target.wants", ".config/hermes-ops",
    ".config/systemd/user/hermes-gateway-demo.service.d", ".config/hermes-ops/supervisord.d",
    ".local", ".local/share", ".local/share/hermes-ops", "Library", "Library/LaunchAgents",
    ".config/hermes-ops/launchd",
}  # fmt: skip
"""All in which files of `demo` lie."""


def asked(case: Mapping[str, Any] = CASE, **named: bool) -> Question:
    """Return what is asked for a case."""
    return question(desired(case), **named)


def test_every_path_that_may_change_is_asked_for() -> None:
    """Files with the folders on their way, definitions of every manager, stamps and debts."""
    assert definitions() >= DEFINITIONS
    homely = (path for path in map(PurePosixPath, definitions()) if not path.is_absolute())
    ways = (path.parents for path in homely)
    folders = {str(folder) for parents in ways for folder in parents} - {"."}
    assert set(asked().paths) == {
        HOME, f"{HOME}/.env", f"{HOME}/d", *MARKS, *OWN, *definitions(), *STAMPS, ACTIVE,
        WRAPPER, f"{OWED}/hermes-gateway-demo", f"{WRITTEN}/gateway-demo",
        *(f"{HOME}/{name}" for name in (*WRITTEN_AT_START, *MADE_AT_START, *made_by_any())),
        *(f"{HOME}/{name}{end}" for name in DATABASES for end in ("", "-shm")),
        *FOLDERS, *folders,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("port", "host", "asks"),
    [("1023", "127.0.0.1", True), ("1024", "127.0.0.1", False), ("1024", "10.0.0.4", True)],
)
def test_whether_one_may_listen_is_asked_only_where_one_may_not(
    port: str, host: str, asks: bool
) -> None:
    """On a port of root's, or an address that may be another host's: it costs a program."""
    env = {"API_SERVER_ENABLED": "true", "API_SERVER_PORT": port, "API_SERVER_HOST": host,
           "API_SERVER_KEY": "0123456789abcdef"}  # fmt: skip
    assert asked({"desired": {"demo": {"env": env}}}).addresses is asks


def test_every_text_that_is_compared_is_asked_for() -> None:
    """A `.env` by itself, for some of its values stay there."""
    notes = {".local/state/hermes-ops/written/gateway-demo", f"{HOME}/.hermes-ops.started.yml"}
    assert set(asked().files) == {
        *OWN, *definitions(), *EVIDENCE, *MARKS, *STAMPS, *notes, WRAPPER,
    }  # fmt: skip
    assert asked().env_files == (f"{HOME}/.env",)
    assert asked().masked == {f"{HOME}/.env=KEY"}
    assert asked().owned == (f"{HOME}/.hermes-ops.yml",)


def units(*profiles: str) -> tuple[str, ...]:
    """Return the units of their gateways."""
    return tuple(f"hermes-gateway-{profile}.service" for profile in profiles)


def test_nothing_is_asked_twice() -> None:
    """Two profiles share what is the host's."""
    two = asked({"desired": {"demo": {}, "other": {}}})
    for names in (two.paths, two.files, two.folders, two.services, two.pid_files, two.owned):
        assert len(set(names)) == len(names)
    assert ("systemd_look", *units("demo", "other")) in two.services


def test_services_are_asked_for_by_name() -> None:
    """Their units, their processes, and where they answer."""
    assert ("systemd_look", *units("demo")) in asked().services
    assert asked().pid_files == (f"{HOME}/gateway.pid",)
    assert asked().urls == ("http://127.0.0.1:8642/health",)
    assert asked({"desired": {"demo": {}}}).urls == ()
    elsewhere = {"desired": {"demo": {"env": {**ENV, "API_SERVER_PORT": "9000"}}}}
    assert asked(elsewhere).urls == ("http://127.0.0.1:9000/health",)


def test_a_look_that_leaves_no_trace() -> None:
    """Without URLs nobody is asked anything, which is not that there is nobody to ask."""
    assert asked(urls=False).urls is None


def test_strangers_bring_their_own_evidence() -> None:
    """The shell sends it for all below Hermes' root: it is not asked for a second time."""
    with_strangers = asked(strangers=True)
    assert with_strangers.strangers is True
    assert not EVIDENCE & set(with_strangers.files)
    assert asked().strangers is False


def test_what_the_hosts_own_settings_ask_for() -> None:
    """A Python that is named, and Pythons at all where a supervisord is to be made."""
    assert (asked().hermes_python, asked().pythons) == ("", False)
    named = asked({**CASE, "host": {"hermes": {"python": "/opt/py"}, "manager": "supervisord"}})
    assert (named.hermes_python, named.pythons) == ("/opt/py", True)
    assert set(asked().folders) >= {".local/bin", f"{HOME}/node/bin"}
    assert {".cargo/bin", "/usr/bin"} <= set(asked().node)


@pytest.mark.parametrize(
    ("switch", "line"),
    [
        ("pythons", "look_pythons yes"), ("addresses", "look_addresses yes"),
        ("may_ask", "look_rights yes"), ("strangers", "look_profiles"),
        ("health", "look_health ''"),
    ],
)  # fmt: skip
def test_a_switch_of_a_question_asks_one_thing_more(switch: str, line: str) -> None:
    """Its line is in the script then, and only then."""
    for asked_for in (True, False):
        given: dict[str, Any] = {switch: asked_for}
        script = probe(Question(**given)).text
        assert (line in [each.strip() for each in script.splitlines()]) is asked_for


def a_role(name: str, *, kind: str, url: str = "") -> Role:
    """Return a role that needs nothing, with this readiness."""
    service = RoleService(RoleText(name), (RoleText("/bin/x"),))
    ready = Readiness(kind, RoleText(url) if url else None)
    return Role(name, Path("roles", name), RoleText(f".{name}"), service, readiness=ready)


def other() -> DesiredState:
    """Return what is wanted of a service that is no gateway."""
    role = a_role("other", kind="http", url="http://127.0.0.1:1/x")
    profile = Profile("demo", "other", service=ServiceSettings())

    def body(profile: Profile, _role: Role, _host: Host) -> list[Resource]:
        gone, needed = Absent(PurePosixPath("old")), Existing(PurePosixPath("needed"), "hint")
        return [gone, needed, Service(profile)]

    host = Host("box", profiles=(profile,))
    return desired_state(host, {"other": role}, [StepPlan("step", (), body)])


def test_a_service_that_is_no_gateway() -> None:
    """It has no files of Hermes, and the URL of its role."""
    found = question(other())
    assert not [path for path in (*found.files, *found.pid_files) if ".other" in path]
    assert found.urls == ("http://127.0.0.1:1/x",)
    assert {"old", "needed"} <= set(found.paths)
    assert found.env_files == ()


# --- what is watched ----------------------------------------------------------------------------


def plain(**readiness: str) -> ServiceSpec:
    """Return a service with this readiness."""
    return describe(Profile("default", "x"), a_role("x", **readiness))


def test_what_is_watched_of_a_service() -> None:
    """The URL of its role, if it has one; of a gateway its API and its platforms."""
    assert watch_of(plain(kind="http", url="http://x/"), {}, {}, 2).urls == ("http://x/",)
    assert watch_of(plain(kind="http", url="http://x/"), {}, {}, 2).wave == 2
    assert watch_of(plain(kind="process"), {}, {}).urls == ()
    gateway = desired(CASE).services["demo"]
    env = {"API_SERVER_ENABLED": "true", "API_SERVER_KEY": "k" * 20}
    watch = watch_of(gateway, {}, env, 1)
    assert (watch.urls, watch.wave) == (("http://127.0.0.1:8642/health",), 1)
    assert watch.expected == {"api_server"}


def test_what_keeps_a_service_from_starting() -> None:
    """Another process at its port; for Hermes' own profile, one that is active in its place."""
    url = "http://x/"
    watch = watch_of(plain(kind="http", url=url), {}, {})
    for answer, refused in ((None, False), (Answer(None), False), (Answer(404), True)):
        found = replace(NEW, answers={url: answer} if answer else {})
        assert bool(refusal_of(watch.service, watch.urls, found, installs=False)) is refused
        listed = replace(found, servers=())
        assert refusal_of(watch.service, watch.urls, listed, installs=False) == ""
    active = replace(NEW, paths={ACTIVE: None})  # type: ignore[dict-item]
    assert refusal_of(watch.service, (), active, installs=False) == ""
    default = desired({"desired": {"default": {}, "demo": {}}}).services
    assert "names another profile" in refusal_of(default["default"], (), active, installs=False)
    assert refusal_of(default["demo"], (), active, installs=False) == ""
    assert refusal_of(default["default"], (), NEW, installs=False) == ""


def refusal_of(service: ServiceSpec, urls: Any, found: Facts, *, installs: bool) -> str:
    """Return why a service could not run, with what mends it; empty if it could."""
    why = obstacle(service, {}, found, installs=installs) or answered(urls, found, "box")
    return f"{why}; {why.hint}" if why else ""


def test_what_a_start_needs_of_the_host() -> None:
    """The interpreter of Hermes, unless the plan installs it; and some space on the disk."""
    gateway, other = desired(CASE).services["demo"], plain(kind="process")
    gone = replace(NEW, hermes=replace(HERMES, runs=False))
    assert "hermes_python" in refusal_of(gateway, (), gone, installs=False)
    assert refusal_of(gateway, (), gone, installs=True) == ""
    assert refusal_of(other, (), gone, installs=False) == ""
    ours = "/home/hermes/.local/share/hermes-ops/hermes/current/venv/bin/python"
    made = replace(NEW, hermes=replace(HERMES, python=ours, runs=False))
    assert "rm ~/.local/share/hermes-ops/hermes/current/hermes-ops.json" in refusal_of(
        gateway, (), made, installs=False
    )
    full = replace(NEW, free_kib=100)
    assert "100 KiB are left" in refusal_of(gateway, (), full, installs=False)
    assert refusal_of(gateway, (), replace(NEW, free_kib=100_000), installs=False) == ""
