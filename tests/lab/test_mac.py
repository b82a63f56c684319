"""launchd on a simulated Mac, with real gateways over SSH: verbs, domains and faults."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import pytest
from conftest import MakeOperator
from kit import Box, Operator, Run, echo, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

SIM = "/opt/mac/sim"
LABEL = "ai.hermes.gateway-coder"
PLIST = f"Library/LaunchAgents/{LABEL}.plist"
PROFILE = ".hermes/profiles/coder"
PRINT = f"launchctl print gui/501/{LABEL}"
GUI, USER = "gui/501", "user/501"


@pytest.fixture
def somebody(mac: Box, operator: MakeOperator) -> Operator:
    """An operator with one gateway on that Mac, which nobody has brought up."""
    return operator({mac: {"coder": gateway(8701)}})


# --- its life ---------------------------------------------------------------------------------


def test_a_gateway_lives_and_ends_under_launchd(mac: Box, somebody: Operator) -> None:
    """Up, proven, unchanged, killed, ordered, down, and up again: as on any other host."""
    up = somebody.run("fleet.up", code=0)
    assert up.json["exchanges"] == {"mac-1": 2}
    assert up.json["verify"]["passed"] == up.json["verify"]["expected"] == 8
    again = somebody.run("fleet.up", code=0)
    assert (again.totals["changes"], again.json["exchanges"]) == (0, {"mac-1": 1})
    first = shown(somebody)
    wanted = {"state": "healthy", "supervised": True, "enabled": True, "unit": LABEL}
    assert {key: first[key] for key in wanted} == wanted
    assert listed(mac, GUI)["pid"] == str(first["pid"])
    assert hermes_says(mac) == {"path": f"/Users/hermes/{PLIST}", "current": True}
    assert mac.ssh(f"/usr/bin/stat -f '%Lp %Su' {PLIST}").stdout.split() == ["644", "hermes"]

    somebody.run("fleet.restart", code=0)
    second = shown(somebody)
    assert (second["state"], second["pid"] != first["pid"]) == ("healthy", True)
    assert listed(mac, GUI)["runs"] == "2"  # it stayed registered
    assert (second["restarts"], second["restarts_last_hour"]) == (0, 0)  # it was ordered
    mac.ssh(f"kill -KILL {second['pid']}")
    wait_until(lambda: (third := shown(somebody))["restarts"] == 1 and third["pid"], 40)
    cleanly = f"grep -c 'Previous gateway exited cleanly' {PROFILE}/logs/gateway.log"
    assert mac.ssh(cleanly).stdout > "0"

    somebody.run("fleet.stop", "-l", "mac-1/coder", code=0)
    assert (shown(somebody)["state"], gateways(mac)) == ("stopped", "")
    somebody.run("fleet.start", code=0)
    drained = somebody.run("fleet.drain", "--for", "60", code=0)
    assert drained.totals["changed"] == 1
    assert shown(somebody)["state"] == "draining"
    somebody.run("fleet.start", code=0)

    down = somebody.run("fleet.down", "--all-hosts", "-y", code=0)
    assert (f"override:{LABEL}", "disable", "done") in down.changes("mac-1")
    log_in_again(mac)
    assert (shown(somebody)["state"], gateways(mac)) == ("stopped", "")
    assert (f"override:{LABEL}", "enable", "done") in somebody.run("fleet.up").changes("mac-1")
    assert shown(somebody)["state"] == "healthy"
    assert refused(mac) == ""


def test_changed_settings_restart_it_and_a_changed_list_is_read(
    mac: Box, somebody: Operator
) -> None:
    """launchd reads a list only when it is loaded."""
    somebody.up()
    pid = shown(somebody)["pid"]
    mac.ssh(f"sed -i.old 's/<integer>30</<integer>31</' {PLIST}; rm {PLIST}.old")
    planned = somebody.plan(code=2)
    assert [c[:2] for c in planned.changes("mac-1")] == [
        (f"file:{PLIST}", "update"), ("service:hermes-gateway-coder", "restart"),
    ]  # fmt: skip
    mac.ssh(f"launchctl bootout {GUI}/{LABEL}")
    wait_until(lambda: not gateways(mac))
    mac.ssh(f"launchctl bootstrap {GUI} ~/{PLIST}")
    somebody.up()
    assert listed(mac, GUI)["minimum runtime"] == "30"
    assert (hermes_says(mac)["current"], shown(somebody)["pid"] != pid) == (True, True)


def test_a_removed_gateway_leaves_nothing(mac: Box, operator: MakeOperator) -> None:
    """No job, no list, no mark, and no label that stays forbidden."""
    operator({mac: {"coder": gateway(8701)}}).up()
    operator({mac: {"coder": gateway(8701, state="stopped")}}).up()
    assert (
        '"ai.hermes.gateway-coder" => disabled' in mac.ssh(f"launchctl print-disabled {GUI}").stdout
    )
    operator({mac: {"coder": gateway(8701, state="absent")}}).up()
    assert mac.ssh("ls Library/LaunchAgents .config/hermes-ops/launchd").stdout.split() == [
        ".config/hermes-ops/launchd:", "Library/LaunchAgents:",
    ]  # fmt: skip
    assert f'"{LABEL}" => disabled' not in mac.ssh(f"launchctl print-disabled {GUI}").stdout
    assert (gateways(mac), mac.ssh(PRINT).returncode) == ("", 113)


def test_a_program_of_a_role(mac: Box, operator: MakeOperator) -> None:
    """Any program gets a list of its own, with its variables, and is checked by its page."""
    knob(mac, "developer_tools", "yes")
    somebody = operator({mac: {"greeter": echo(8801, "a <b> & c")}})
    up = somebody.run("fleet.up", code=0)
    assert up.json["verify"]["failed"] == 0
    found = mac.ssh("launchctl print gui/501/echo-greeter").stdout
    assert "GREETING => a <b> & c" in found
    assert somebody.run("fleet.up", code=0).totals["changes"] == 0


def test_from_supervisord_to_launchd(mac: Box, operator: MakeOperator) -> None:
    """The other one lets go before launchd takes it, and nothing of it is left."""
    had = operator(
        {mac: {"coder": gateway(8701)}}, variables={"hermes_service_manager": "supervisord"}
    )
    had.up()
    assert (shown(had)["state"], mac.ssh(PRINT).returncode) == ("healthy", 113)
    now = operator({mac: {"coder": gateway(8701)}})
    now.up()
    assert (shown(now)["state"], shown(now)["unit"]) == ("healthy", LABEL)
    assert "supervisord" not in mac.ssh("ps -axww -o command=").stdout


# --- logins and reboots -----------------------------------------------------------------------


def test_a_reboot_with_and_without_a_login(mac: Box, somebody: Operator) -> None:
    """With auto-login it runs again by itself; without it is down, says why, and `up` helps."""
    somebody.up()
    lab.reboot(mac.root, mac.name)
    wait_until(lambda: shown(somebody)["state"] == "healthy", 40)
    assert somebody.plan().totals["changes"] == 0

    knob(mac, "autologin", "")
    lab.reboot(mac.root, mac.name)
    seen = shown(somebody)
    assert (seen["state"], seen["as_desired"]) == ("down", False)
    assert "nobody is logged in at the screen" in seen["reasons"][0]
    status = somebody.plain("fleet.status")
    assert status.out.rstrip().endswith("fleet.up -l mac-1/coder")
    somebody.up()
    assert (shown(somebody)["state"], listed(mac, USER)["state"]) == ("healthy", "running")


def test_a_login_while_it_runs_in_the_background(mac: Box, somebody: Operator) -> None:
    """launchd then runs it twice; `up` leaves one, in the domain of the screen."""
    mac.sh(f"{SIM} logout")
    somebody.up()
    assert listed(mac, USER)["state"] == "running"
    mac.sh(f"{SIM} login hermes")
    wait_until(lambda: mac.ssh(PRINT).returncode == 0)
    seen = shown(somebody)
    assert f"launchd runs it in {GUI} and in {USER}" in seen["reasons"]
    somebody.up()
    assert (shown(somebody)["state"], mac.ssh(PRINT).returncode) == ("healthy", 0)
    assert mac.ssh(f"launchctl print {USER}/{LABEL}").returncode == 113
    mac.sh(f"{SIM} logout")
    wait_until(lambda: shown(somebody)["state"] == "down")
    assert "somebody logged out there" in shown(somebody)["reasons"][0]
    assert somebody.up().totals["changes"] == 1


def test_a_job_is_ordered_where_it_is_loaded(mac: Box, somebody: Operator) -> None:
    """Hermes put it into the domain of the user, although somebody is at the screen."""
    somebody.up()
    mac.ssh(f"launchctl bootout {GUI}/{LABEL}")
    wait_until(lambda: not gateways(mac))
    hermes(mac, "gateway install --force --no-start-on-login")
    wait_until(lambda: shown(somebody)["state"] == "healthy", 40)
    assert listed(mac, USER)["state"] == "running"
    somebody.run("fleet.restart", code=0)
    somebody.run("fleet.stop", "-l", "mac-1/coder", code=0)
    assert (gateways(mac), mac.ssh(f"launchctl print {USER}/{LABEL}").returncode) == ("", 113)


# --- what others did --------------------------------------------------------------------------


def test_what_hermes_falls_back_to_is_ended(mac: Box, somebody: Operator) -> None:
    """A gateway that nobody watches, and the mark by which Hermes explains it."""
    somebody.run("profile.configure", code=0)
    knob(mac, "bootstrap_transient_eio", "9")
    assert "launchd cannot manage" in hermes(mac, "gateway install --force --no-start-on-login")
    knob(mac, "bootstrap_transient_eio", "0")
    mark = f"{PROFILE}/.gateway-launchd-unsupported"
    wait_until(lambda: shown(somebody)["state"] == "degraded", 40)
    assert mac.ssh(f"test -e {mark}").returncode == 0
    somebody.up()
    assert (shown(somebody)["state"], len(gateways(mac).splitlines())) == ("healthy", 1)
    assert mac.ssh(f"test -e {mark}").returncode == 1


def test_bad_input_of_a_person(mac: Box, somebody: Operator) -> None:
    """A list that is broken, one of another user, a label that is disabled or of another file."""
    somebody.up()
    mac.ssh(f"echo '<plist>' >{PLIST}")
    assert somebody.up().changes("mac-1")[0][:2] == (f"file:{PLIST}", "update")
    mac.sh(f"chown root:wheel /Users/hermes/{PLIST}")
    assert somebody.up().totals["changed"] == 1
    assert mac.ssh(f"/usr/bin/stat -f %Su {PLIST}").stdout.strip() == "hermes"
    mac.ssh(f"chmod 666 {PLIST}")
    assert somebody.up().totals["changes"] == 1
    mac.ssh(f"launchctl disable {GUI}/{LABEL}")
    assert (shown(somebody)["enabled"], shown(somebody)["drift"]) == (False, True)
    assert somebody.up().changes("mac-1") == [(f"override:{LABEL}", "enable", "done")]

    somebody.run("fleet.stop", "-l", "mac-1/coder", code=0)
    mac.ssh(f"cp {PLIST} other.plist; launchctl bootstrap {GUI} ~/other.plist")
    wait_until(lambda: shown(somebody)["state"] == "healthy", 40)
    assert shown(somebody)["drift_reasons"] == ["file:/Users/hermes/other.plist"]
    plan = somebody.plain("fleet.plan")
    hint = f"launchctl bootout {GUI}/{LABEL} && rm /Users/hermes/other.plist"
    assert f"next: on the host: {hint}" in plan.out + plan.err
    assert mac.ssh(hint).returncode == 0
    wait_until(lambda: not gateways(mac))
    somebody.up()
    assert (shown(somebody)["state"], shown(somebody)["drift"]) == ("healthy", False)


def test_a_manager_that_no_mac_has(mac: Box, operator: MakeOperator) -> None:
    """It is a fault of the inventory, and nothing is touched."""
    somebody = operator(
        {mac: {"coder": gateway(8701)}}, variables={"hermes_service_manager": "systemd"}
    )
    run = somebody.run("fleet.up", code=64)
    assert run.host("mac-1")["error"]["message"].startswith("there is no systemd on Darwin")
    assert mac.ssh("ls -A | grep -v ssh").stdout == ""


def test_two_users_of_a_mac(mac: Box, operator: MakeOperator, somebody: Operator) -> None:
    """Each has a gateway of the same name, and neither is taken for the other's."""
    mac.sh(f"{SIM} knob sudo yes")
    somebody.up()
    fresh = operator({mac: {"coder": gateway(8702)}}, variables={"hermes_user": "fresh"})
    absent = operator({mac: {}}, variables={"hermes_user": "nobody-7", "hermes_user_create": True})
    try:
        fresh.up()
        assert fresh.up().totals["changes"] == 0
        assert [shown(one)["state"] for one in (somebody, fresh)] == ["healthy", "healthy"]
        assert shown(fresh)["pid"] != shown(somebody)["pid"]
        fresh.run("gateway.uninstall", "--all-hosts", "-y", code=0)
        assert shown(somebody)["state"] == "healthy"
        error = absent.run("hosts.facts", code=1).json["items"][0]["error"]
        assert "hermes_user_create makes none on macOS" in error["message"]
    finally:
        mac.sh("rm -rf /Users/fresh/.hermes /Users/fresh/.config /Users/fresh/.local")


# --- what launchctl may answer ----------------------------------------------------------------

MENDED = [
    {"gui_absent_code": "112", "screen": ""},
    {"gui_absent_code": "5", "screen": ""},
    {"bootstrap_transient_eio": "2"},
    {"spawn_fault": "registered_never_spawned"},
    {"kickstart_running_code": "37", "bootout_code_running": "36", "kickstart_k_signal": "SIGKILL"},
    {"disabled_code_user": "119", "job_env": "minimal", "throttle": "exponential"},
]


@pytest.mark.parametrize("knobs", MENDED, ids=",".join)
def test_whatever_launchctl_answers_it_runs(mac: Box, somebody: Operator, knobs: Any) -> None:
    """Each answer that is reported of some Mac ends in a gateway that runs where it belongs."""
    if "screen" in knobs:
        mac.sh(f"{SIM} logout")
    for name, value in knobs.items():
        if name != "screen":
            knob(mac, name, value)
    somebody.up()
    assert (shown(somebody)["state"], shown(somebody)["supervised"]) == ("healthy", True)
    domain = "user/501" if "screen" in knobs else GUI
    assert mac.ssh(f"launchctl print {domain}/{LABEL}").returncode == 0
    somebody.run("fleet.restart", code=0)
    assert shown(somebody)["state"] == "healthy"


def test_what_the_login_items_forbid_is_told(mac: Box, somebody: Operator) -> None:
    """No command can allow it; nothing is started beside launchd instead."""
    knob(mac, "spawn_fault", "btm_161")
    run = somebody.up(code=1)
    said = json.dumps(run.json)
    assert "allow it in System Settings > General > Login Items" in said
    assert gateways(mac) == ""


def test_a_log_that_cannot_be_opened_is_told(mac: Box, somebody: Operator) -> None:
    """launchd says nothing but 78, which Hermes uses for something else; a start is refused."""
    somebody.up()
    mac.ssh(f"rm -rf {PROFILE}/logs; touch {PROFILE}/logs; kill -9 {shown(somebody)['pid']}")
    asked = "can its log be written?"
    wait_until(lambda: asked in " ".join(shown(somebody)["reasons"]), 60)
    mend = f"mv ~/{PROFILE}/logs ~/{PROFILE}/logs.old"
    assert mend in json.dumps(somebody.up(code=1).json)
    mac.ssh(f"cd && {mend}")
    somebody.up()


def test_the_doctor_tells_what_a_mac_lacks(mac: Box, somebody: Operator) -> None:
    """Whether it comes back by itself and stays awake, each with what ends the finding."""
    assert kinds(somebody) == {"goes-to-sleep", "stays-off"}
    mac.sh(f"{SIM} run system root pmset -a sleep 0")
    mac.sh(f"{SIM} run system root pmset -a autorestart 1")
    assert kinds(somebody) == set()
    knob(mac, "autologin", "")
    knob(mac, "filevault", "on")
    mac.sh(f"{SIM} logout")
    assert kinds(somebody) == {"filevault", "no-autologin", "not-at-the-screen"}


def test_the_wrapper_of_a_mac(mac: Box, somebody: Operator) -> None:
    """A person at the host restarts, stops, holds and starts by it, and `fleet.up` knows."""
    somebody.up()
    pid = shown(somebody)["pid"]
    assert wrapper(mac, "status") == "coder running"
    assert wrapper(mac, "restart") == "coder restarted"
    wait_until(lambda: shown(somebody)["state"] == "healthy", 40)
    assert shown(somebody)["pid"] != pid
    assert shown(somebody)["restarts"] == 0
    assert wrapper(mac, "stop hold") == "coder stopped, and held"
    assert gateways(mac) == ""
    log_in_again(mac)
    somebody.run("fleet.up", "--no-verify")
    assert (gateways(mac), shown(somebody)["state"]) == ("", "stopped")
    assert wrapper(mac, "start") == "coder started"
    wait_until(lambda: shown(somebody)["state"] == "healthy", 40)
    assert shown(somebody)["enabled"] is True


# --- in the hand ------------------------------------------------------------------------------


def shown(somebody: Operator) -> Mapping[str, Any]:
    """Return what `fleet.ps` shows of the gateway."""
    run: Run = somebody.run("fleet.ps")
    (profile,) = run.json["hosts"][0]["profiles"]
    assert isinstance(profile, dict)
    return profile


OF_MACS = {
    "filevault", "no-autologin", "not-at-the-screen", "goes-to-sleep", "stays-off", "not-loaded",
}  # fmt: skip


def kinds(somebody: Operator) -> set[str]:
    """Return what `fleet.doctor` finds that only a Mac can have."""
    rows = somebody.run("fleet.doctor", code=2).json["items"]
    return {row["finding"] for row in rows} & OF_MACS


def wrapper(mac: Box, words: str) -> str:
    """Return what the host's own wrapper says, with one blank between words."""
    return " ".join(mac.ssh(f".local/bin/hermes-gateways {words}").stdout.split())


def knob(mac: Box, name: str, value: str) -> None:
    """Let the Mac answer in another way."""
    mac.sh(f"{SIM} knob {name} {shlex.quote(value)}")


def log_in_again(mac: Box) -> None:
    """Let the user log out and in at the screen: launchd loads what it finds, and may."""
    mac.sh(f"{SIM} logout && {SIM} login hermes")
    wait_until(lambda: mac.ssh(f"launchctl print {GUI}").returncode == 0)


def listed(mac: Box, domain: str) -> Mapping[str, str]:
    """Return what launchd says of the gateway's job in a domain."""
    printed = mac.ssh(f"launchctl print {domain}/{LABEL}").stdout.splitlines()
    lines = [line[1:].partition(" = ") for line in printed if line[:1] == "\t" != line[1:2]]
    return {name: value for name, equals, value in lines if equals}


def gateways(mac: Box) -> str:
    """Return the processes of gateways, a line each."""
    return mac.ssh("ps -axww -o pid= -o command= | grep '[g]ateway run'").stdout


def hermes(mac: Box, words: str) -> str:
    """Return what Hermes' own command says to the user over SSH."""
    return mac.ssh(f"/usr/local/bin/hermes -p coder {words}").stdout


def hermes_says(mac: Box) -> Mapping[str, Any]:
    """Return where Hermes would look for the list, and whether it takes it for its own text."""
    code = (
        "import json; from hermes_cli import gateway as g; print(json.dumps("
        "{'path': str(g.get_launchd_plist_path()), 'current': g.launchd_plist_is_current()}))"
    )
    home = f"HERMES_HOME=/Users/hermes/{PROFILE}"
    said = mac.ssh(f"{home} /opt/hermes/venv/bin/python -c {shlex.quote(code)}").stdout
    found = json.loads(said)
    assert isinstance(found, dict)
    return found


def refused(mac: Box) -> str:
    """Return what was asked of the Mac's programs that a Mac's do not know."""
    notes = mac.sh("cat /run/refused").splitlines()
    return "\n".join(line for line in notes if not line.startswith("stat -L -c"))
