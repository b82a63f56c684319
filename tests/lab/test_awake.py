"""Machines that are kept awake: by logind on Linux, by caffeinate on a simulated Mac."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

SIM = "/opt/mac/sim"
LABEL = "ai.hermes-ops.awake"


def inhibitors(box: Box) -> list[list[Any]]:
    """Return what logind lists: what, who, why, mode, uid, pid."""
    bus = "org.freedesktop.login1"
    listed = f"busctl call {bus} /org/freedesktop/login1 {bus}.Manager ListInhibitors --json=short"
    rows: list[list[Any]] = json.loads(box.sh(listed))["data"][0]
    return rows


def row(operator: Operator, code: int | None = 0) -> Mapping[str, Any]:
    """Return what `awake.status` says of the only host."""
    (item,) = operator.run("awake.status", code=code).json["items"]
    found: Mapping[str, Any] = item
    return found


def done(operator: Operator, task: str, box: Box) -> list[tuple[str, str, str]]:
    """Run a task that must end well, and return its changes; a second run has none."""
    first = operator.run(task, code=0)
    again = operator.run(task, code=0)
    assert again.totals["changes"] == 0, again.out
    assert again.json["exchanges"] == {box.name: 1}
    return first.changes(box.name)


# --- Linux ------------------------------------------------------------------------------------


def test_a_linux_host_is_kept_awake_and_let_go(linux: Box, operator: MakeOperator) -> None:
    """polkit refuses the user's unit the sleep lock, so the system has it; off leaves nothing."""
    before = linux.tree("/etc/systemd/system", "/home/hermes/.config")
    ann = operator({linux: {"coder": gateway(8701)}}, variables={"hermes_awake": True})
    assert row(ann, code=2)["on"] is False
    assert done(ann, "awake.on", linux) == [("awake", "create", "done")]
    (what, who, why, mode, uid, pid) = inhibitors(linux)[0]
    assert (what, who, why) == ("sleep:idle", "hermes-ops", "Hermes gateways of hermes")
    assert (mode, uid) == ("block", 0)
    seen = row(ann)
    assert (seen["wanted"], seen["on"], seen["where"]) == (True, True, "system")
    assert [(hold["who"], hold["what"], hold["pid"]) for hold in seen["holds"]] == [
        ("hermes-ops", "sleep:idle", pid)
    ]
    linux.sh("systemctl stop hermes-awake-1000.service")
    assert row(ann, code=2)["holds"] == []
    assert "not-awake" in {one["finding"] for one in ann.run("fleet.doctor").json["items"]}
    assert ann.run("awake.on", code=0).changes(linux.name) == [("awake", "update", "done")]
    assert done(ann, "awake.off", linux) == [("awake", "remove", "done")]
    assert inhibitors(linux) == []
    assert row(ann, code=2)["where"] is None
    assert paths(before) == paths(linux.tree("/etc/systemd/system", "/home/hermes/.config"))


def paths(tree: Mapping[str, str]) -> set[str]:
    """Return the paths of a tree."""
    return set(tree)


def test_up_keeps_awake_while_a_gateway_runs(linux: Box, operator: MakeOperator) -> None:
    """The user's own unit where polkit lets it; the lock comes and goes with the gateway's pid."""
    how = {"flags": ["idle", "disk"], "follow": "coder"}
    ann = operator({linux: {"coder": gateway(8701)}}, variables={"hermes_awake": how})
    up = ann.run("fleet.up", code=0)
    assert up.json["exchanges"] == {linux.name: 2}
    assert ("awake", "create", "done") in up.changes(linux.name)
    assert up.json["verify"]["expected"] == up.json["verify"]["passed"] == 9
    assert ann.run("fleet.up", code=0).totals["changes"] == 0
    wait_until(lambda: [one[0] for one in inhibitors(linux)] == ["idle"])
    assert row(ann)["where"] == "user"
    assert row(ann)["warnings"] == ["hermes_awake: disk has no effect on Linux"]
    ann.run("fleet.stop", "-l", f"{linux.name}/coder", code=0)
    wait_until(lambda: inhibitors(linux) == [])
    ann.run("fleet.start", "-l", f"{linux.name}/coder", code=0)
    wait_until(lambda: [one[0] for one in inhibitors(linux)] == ["idle"])
    ann = operator({linux: {"coder": gateway(8701)}}, variables={"hermes_awake": False})
    assert ("awake", "remove", "done") in ann.up().changes(linux.name)
    assert inhibitors(linux) == []


def test_without_polkit_and_sudo_it_is_refused(bare: Box, operator: MakeOperator) -> None:
    """The look finds that; nothing is written, and the message says what is missing."""
    ann = operator({bare: {"coder": gateway(8701)}})
    for words in (("awake.on", "--check"), ("awake.on",)):
        run = ann.run(*words, code=1)
        (change,) = run.host(bare.name)["changes"]
        assert change["outcome"] == "failed"
        assert "neither polkit nor sudo lets hermes keep it awake" in change["because"]
    assert bare.sh("ls /home/hermes/.config /etc/systemd/system | grep -c awake || true") == "0"


# --- a simulated Mac --------------------------------------------------------------------------


def assertions(mac: Box) -> list[str]:
    """Return what caffeinate holds there."""
    lines = mac.ssh("pmset -g assertions").stdout.splitlines()
    return [line.split()[4] for line in lines if "(caffeinate)" in line]


def test_a_mac_is_kept_awake_over_a_reboot_and_let_go(mac: Box, operator: MakeOperator) -> None:
    """The agent holds what was chosen; pmset is set with sudo, and set back."""
    how = {"flags": ["idle", "disk"], "pmset": {"sleep": 0, "womp": True, "standby": 0}}
    ann = operator({mac: {"coder": gateway(8701)}}, variables={"hermes_awake": how})
    refused = ann.run("awake.on", code=1)
    assert ("awake", "create", "done") in refused.changes(mac.name)
    assert "missing_privilege: only root sets pmset; give --ask-become-pass" in refused.out
    mac.sh(f"{SIM} knob sudo yes; {SIM} knob battery yes")
    assert done(ann, "awake.on", mac) == [("pmset:sleep", "update", "done")]
    assert assertions(mac) == ["PreventUserIdleSystemSleep", "PreventDiskIdle"]
    seen = row(ann)
    assert (seen["on"], seen["where"]) == (True, "gui/501")
    assert {hold["what"] for hold in seen["holds"]} == set(assertions(mac))
    assert seen["warnings"] == [
        "it is a laptop: if its lid is closed, it sleeps, whatever caffeinate holds",
        "hermes_awake: pmset of this Mac has no standby",
    ]
    found = {one["finding"] for one in ann.run("fleet.doctor").json["items"]}
    assert "lid" in found
    assert not {"goes-to-sleep", "not-awake"} & found
    lab.reboot(mac.root, mac.name)
    wait_until(lambda: len(assertions(mac)) == 2)
    mac.ssh(f"launchctl disable gui/501/{LABEL}; launchctl bootout gui/501/{LABEL}")
    assert row(ann, code=2)["on"] is False
    assert ann.run("awake.on", code=0).changes(mac.name) == [("awake", "update", "done")]
    assert done(ann, "awake.off", mac) == [
        ("awake", "remove", "done"),
        ("pmset:sleep", "update", "done"),
    ]
    assert assertions(mac) == []
    assert " sleep                1\n" in mac.ssh("pmset -g").stdout
    assert mac.exec(f"find {mac.home} /Library -name '*awake*' -o -name 'pmset*'").stdout == ""
    assert mac.exec("cat /run/refused").stdout == ""


def test_caffeinate_follows_a_gateway(mac: Box, operator: MakeOperator) -> None:
    """It holds for the pid of the gateway, and for the next one after a restart."""
    how = {"flags": ["system", "user"], "follow": "coder"}
    ann = operator({mac: {"coder": gateway(8701)}}, variables={"hermes_awake": how})
    up = ann.run("fleet.up", code=0)
    assert up.json["exchanges"] == {mac.name: 2}
    wait_until(lambda: assertions(mac) == ["PreventSystemSleep", "UserIsActive"])
    holder = row(ann)["holds"][0]["pid"]
    ann.run("fleet.restart", code=0)
    wait_until(lambda: any(hold["pid"] != holder for hold in row(ann)["holds"]))
    assert assertions(mac) == ["PreventSystemSleep", "UserIsActive"]
    assert ann.run("fleet.verify", code=0).json["verify"]["passed"] == 9
    ann.run("fleet.stop", "-l", f"{mac.name}/coder", code=0)
    wait_until(lambda: assertions(mac) == [])
