"""`fleet.doctor` on a Mac: what it told, and what follows for its gateways."""

from __future__ import annotations

from dataclasses import replace

import pytest
from building import MAC, profile, roles
from shell_kit import Host, one_host

import hermes_ops.audit.mac  # noqa: F401 - it registers the findings
from hermes_ops.audit.register import Seen, all_of
from hermes_ops.inventory.awake import Awake
from hermes_ops.inventory.model import Connection
from hermes_ops.inventory.model import Host as Machine
from hermes_ops.look.facts import Facts, PathState, Unit

host = one_host
LABEL = "ai.hermes.gateway-coder"
WELL = {
    "autologin": "hermes", "autologin-password": "kept", "console": "hermes",
    "domain": "gui/501", "sleep": "0", "autorestart": "1",
}  # fmt: skip


def found(facts: Facts = MAC, /, **changed: str | None) -> dict[str, str]:
    """Return the messages of the findings by their kinds, for a Mac that is well but for these."""
    said = {key: value for key, value in {**WELL, **changed}.items() if value is not None}
    seen = Seen(Machine("mini", Connection(), ()), replace(facts, health=said), roles())
    return {finding.kind: finding.message for finding in all_of(seen)}


def test_a_mac_that_is_well_has_no_finding() -> None:
    """Nor one that could not tell anything of its power and its disk."""
    assert found() == {}
    assert found(filevault=None, sleep=None, autorestart=None) == {}


def test_daemons_need_no_login() -> None:
    """Whoever is at the screen; and one that launchd has dropped is told as well."""
    said = WELL | {"autologin": "", "domain": "user/501", "console": "root"}
    lost = {"launchd-system": {LABEL: Unit({"Id": LABEL, "Note": "B 1-2 system"})}}
    for manager, kinds in (
        ("launchd-system", {"not-loaded"}),
        ("auto", {AUTO, SCREEN, "not-loaded"}),
    ):
        host = Machine("mini", Connection(), (), manager=manager)
        seen = Seen(host, replace(MAC, health=said, units=lost), roles())
        assert {finding.kind for finding in all_of(seen)} == kinds


def test_a_list_that_is_a_link_is_told_by_the_doctor_alone() -> None:
    """It can be loaded by hand; a login of macOS 14 may pass it over. A file is none."""
    path = "Library/LaunchAgents/ai.hermes.gateway-coder.plist"
    host = Machine("mini", Connection(), (), (profile("coder", {}),), ("coder",))
    link = PathState("link", 0o777, 501, 9, target="/Users/hermes/x.plist")
    for state, health, kinds in (
        (link, WELL, ["list-is-a-link"]), (link, {}, []), (replace(link, kind="file"), WELL, []),
    ):  # fmt: skip
        facts = replace(MAC, health=health, paths={path: state})
        assert [finding.kind for finding in all_of(Seen(host, facts, roles()))] == kinds


AUTO = "no-autologin"
SCREEN = "not-at-the-screen"
CASES: list[tuple[dict[str, str | None], str, str]] = [
    ({"filevault": "on"}, "filevault", "FileVault is on at mini"),
    ({"autologin": ""}, AUTO, "nobody is logged in automatically at mini"),
    ({"autologin": "eve"}, AUTO, "eve is logged in automatically, and not hermes, at mini"),
    (
        {"autologin-password": None},
        AUTO,
        "automatic login has no password (/etc/kcpassword) at mini",
    ),
    (
        {"domain": "user/501", "console": "root"},
        SCREEN,
        "nobody is logged in at the screen of mini",
    ),
    (
        {"domain": "user/501", "console": "eve"},
        SCREEN,
        "eve is logged in, and not hermes, at the screen of mini",
    ),
    (
        {"sleep": "9"},
        "goes-to-sleep",
        "mini goes to sleep when nobody uses it (sleep is 9 in pmset)",
    ),
    ({"autorestart": "0"}, "stays-off", "mini stays off after a power failure"),
]


@pytest.mark.parametrize(("changed", "kind", "message"), CASES)
def test_each_finding(changed: dict[str, str | None], kind: str, message: str) -> None:
    """It is told alone, with what follows and what mends it."""
    assert found(MAC, **changed) == {kind: message}


def test_a_mac_that_never_sleeps_by_another_setting() -> None:
    """`disablesleep` counts for all sources of power."""
    assert found(sleep="10", SleepDisabled="1") == {}


@pytest.mark.parametrize(
    ("manager", "awake", "mend"),
    [
        ("auto", None, "hermes_awake: true, then"),
        ("auto", Awake(flags=("idle",)), "./inv fleet.up -l mini; or"),
        ("launchd-system", None, "hermes_awake: {flags: [idle], pmset: {sleep: 0}}, then ./inv"),
    ],
)
def test_what_keeps_it_awake(manager: str, awake: Awake | None, mend: str) -> None:
    """No setting that is there already, and none that a reboot undoes."""
    mini = Machine("mini", Connection(), (), manager=manager, awake=awake)
    seen = Seen(mini, replace(MAC, health={**WELL, "sleep": "1"}), roles())
    (found,) = (finding for finding in all_of(seen) if finding.kind == "goes-to-sleep")
    assert found.mend.startswith(mend)


@pytest.mark.parametrize(
    ("manager", "changed", "is_found"),
    [
        ("launchd-system", {"autologin": ""}, True),
        ("launchd-system", {"autologin": "", "sleep": "0"}, False),
        ("launchd-system", {"autologin": "", "SleepDisabled": "1"}, False),
        ("launchd-system", {}, False),
        ("auto", {"autologin": ""}, False),
    ],
)
def test_an_agent_keeps_daemons_awake_until_the_reboot(
    manager: str, changed: dict[str, str], is_found: bool
) -> None:
    """Settings of power outlive it; so does a login that comes by itself."""
    said = {**WELL, "sleep": "1", **changed}
    kept = replace(MAC, health=said, awake={"job": "Activity=active\nDomains=user/501\n"})
    seen = Seen(Machine("mini", Connection(), (), manager=manager), kept, roles())
    kinds = {finding.kind for finding in all_of(seen)}
    assert ("awake-until-reboot" in kinds) is is_found
    assert "goes-to-sleep" not in kinds


@pytest.mark.parametrize(
    ("properties", "is_found"),
    [
        ({"Note": "B 1-2 gui/501"}, True),
        ({"Note": "B 1-2 gui/501", "Domains": "gui/501"}, False),
        ({"Note": "B 1-2 gui/501", "Disabled": "yes"}, False),
        ({}, False),
    ],
)
def test_a_job_that_launchd_has_dropped(properties: dict[str, str], is_found: bool) -> None:
    """We loaded it, nobody stopped it, and it is gone: no command tells why."""
    facts = replace(MAC, units={"launchd": {LABEL: Unit({"Id": LABEL, **properties})}})
    told = found(facts)
    assert ("not-loaded" in told) is is_found
    assert found(facts, domain="user/501").get("not-loaded") is None


def test_a_job_of_somebody_else_is_not_ours_to_load() -> None:
    """Its label is none that hermes-ops or Hermes gives."""
    other = Unit({"Id": "org.example.x", "Note": "B 1-2 gui/501"})
    assert "not-loaded" not in found(replace(MAC, units={"launchd": {"org.example.x": other}}))


def test_what_a_mac_tells(host: Host) -> None:
    """By the programs of macOS, at their own places; words of other settings are left out."""
    host.file("power", " SleepDisabled\t\t0\n sleep   1 (by x)\n displaysleep 5\n autorestart 0\n")
    for path, body in {
        "/usr/bin/fdesetup": "echo FileVault is On.",
        "/usr/bin/defaults": "echo ann",
        "/bin/launchctl": "exit 125",
        "/usr/bin/pmset": "cat ~/power",
    }.items():
        host.rooted(path)
        file = host.part(path, f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
    answer = host.run("uid=501; look_mac")
    told = {r.words[0]: r.rest.partition(" ")[2] for r in answer.reply.of("health")}
    wanted = {
        "filevault": "on", "autologin": "ann", "domain": "user/501",
        "SleepDisabled": "0", "sleep": "1", "autorestart": "0",
    }  # fmt: skip
    assert {key: told.get(key) for key in wanted} == wanted
    assert "displaysleep" not in told
