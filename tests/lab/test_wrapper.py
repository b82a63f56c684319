"""The wrapper `hermes-gateways`: typed by a person on a host, seen and ended from elsewhere."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

UNIT = "hermes-gateway-coder.service"
WRAPPER = ".local/bin/hermes-gateways"
MARK = ".local/state/hermes-ops/stopped/hermes-gateway-coder"
TWO = {"coder": gateway(8701), "default": gateway(8702)}


def type_there(box: Box, words: str, code: int = 0) -> str:
    """Type a command of the wrapper over SSH; return what is shown."""
    done = box.ssh(f"{WRAPPER} {words}")
    assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def seen(operator: Operator, name: str, code: int) -> dict[str, Any]:
    """Return what `fleet.ps` says of a profile."""
    (host,) = operator.run("fleet.ps", code=code).json["hosts"]
    return next(one for one in host["profiles"] if one["profile"] == name)


def want(operator: Operator, box: Box, **states: str) -> None:
    """Write a state for each of these profiles into the inventory; an empty one takes it out."""
    file = operator.inventory / "hosts.yml"
    inventory = json.loads(file.read_text())
    profiles = inventory["all"]["hosts"][box.name]["hermes_profiles"]
    for name, state in states.items():
        profiles[name].pop("state", None)
        profiles[name].update({"state": state} if state else {})
    file.write_text(json.dumps(inventory))


def test_a_stop_by_hand_is_seen_told_and_ended(linux: Box, operator: MakeOperator) -> None:
    """Two gateways, one is stopped there: not as desired, by whom, and `fleet.up` starts it."""
    one = operator({linux: TWO})
    run = one.up()
    assert ("file:.local/bin/hermes-gateways", "create", "done") in run.changes("linux-1")
    assert one.up().totals["changes"] == 0
    assert one.plan().json["exchanges"] == {"linux-1": 1}
    rows = [line.split() for line in type_there(linux, "status").splitlines()]
    assert rows == [["coder", "running"], ["default", "running"]]
    assert "hermes -p default" in type_there(linux, "list")

    before = linux.pid("hermes-gateway.service")
    assert type_there(linux, "stop coder") == "coder stopped\n"
    assert "stopped by hermes, since " in type_there(linux, "status coder", code=2)
    coder = seen(one, "coder", code=2)
    assert (coder["state"], coder["as_desired"]) == ("stopped", False)
    (why,) = coder["reasons"]
    assert re.fullmatch(r"stopped on the host by hermes, since 2\S+Z", why)
    assert "linux-1/coder is stopped" in (told := one.plain("fleet.status", code=2).out)
    assert why in told
    # Hermes knows that it was meant: its state says so, and nothing failed.
    assert '"stopped"' in linux.user("cat .hermes/profiles/coder/gateway_state.json")

    up = one.plain("fleet.up", "--no-verify", code=0)
    assert why in up.out + up.err
    assert seen(one, "coder", code=0)["state"] == "healthy"
    assert linux.user_done(f"test -e {MARK}").returncode == 1
    assert linux.pid("hermes-gateway.service") == before
    assert type_there(linux, "restart coder") == "coder restarted\n"


def test_a_hold_is_ended_by_the_inventory_alone(linux: Box, operator: MakeOperator) -> None:
    """Neither a boot nor `fleet.up` nor `fleet.start` starts it; `state: stopped` takes it over."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.up()
    assert type_there(linux, "stop coder hold") == "coder stopped, and held\n"
    coder = seen(one, "coder", code=2)
    assert coder["reasons"][0].startswith("held on the host by hermes, since ")
    assert coder["drift"] is False
    up = one.plain("fleet.up", code=2)
    assert "coder is held: on the host by hermes, since " in up.out + up.err
    assert linux.state(UNIT) == "inactive"
    start = one.run("fleet.start", code=1)
    assert "it is held on the host by hermes" in str(start.host("linux-1"))

    lab.reboot(linux.root, linux.name)
    wait_until(lambda: linux.ssh("true").returncode == 0, 60)
    assert seen(one, "coder", code=2)["reasons"][0].startswith("held on the host by hermes")

    want(one, linux, coder="stopped")
    run = one.up()
    assert run.changes("linux-1") == [(f"file:{MARK}", "remove", "done")]
    assert seen(one, "coder", code=0)["state"] == "stopped"
    want(one, linux, coder="")
    one.up()
    assert seen(one, "coder", code=0)["state"] == "healthy"

    # The person there can end it, too.
    type_there(linux, "stop hold")
    assert type_there(linux, "start") == "coder started\n"
    wait_until(lambda: one.run("fleet.ps").code == 0, 40)


def test_a_stop_does_not_outlive_its_boot(linux: Box, operator: MakeOperator) -> None:
    """The service is enabled, and starts again; nobody is named for what came later."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.up()
    type_there(linux, "stop")
    lab.reboot(linux.root, linux.name)
    wait_until(lambda: linux.ssh("true").returncode == 0, 60)
    wait_until(lambda: one.run("fleet.ps").code == 0, 60)
    linux.user(f"systemctl --user stop {UNIT}")
    assert seen(one, "coder", code=2)["reasons"] == []


def test_the_wrapper_of_somebody_else_stays(linux: Box, operator: MakeOperator) -> None:
    """It is named in the plan; once it is moved away, ours comes."""
    linux.user(f"mkdir -p .local/bin && printf '#!/bin/sh\\nset -eu\\n' >{WRAPPER}")
    one = operator({linux: {"coder": gateway(8701)}})
    run = one.plain("fleet.up", "--no-verify", code=0)
    assert "~/.local/bin/hermes-gateways is not ours, and stays" in run.out + run.err
    assert linux.user(f"cat {WRAPPER}") == "#!/bin/sh\nset -eu"
    assert one.run("fleet.plan", code=0).totals["changes"] == 0
    linux.user(f"mv {WRAPPER} {WRAPPER}.old")
    assert one.up().changes("linux-1") == [(f"file:{WRAPPER}", "create", "done")]


def test_an_edited_wrapper_is_drift_and_goes_with_the_last_gateway(
    linux: Box, operator: MakeOperator
) -> None:
    """It is written again; a selected profile does not take the other's line away."""
    one = operator({linux: TWO})
    one.up()
    linux.user(f"echo exit >>{WRAPPER}")
    assert f"file:{WRAPPER}" in seen(one, "coder", code=2)["drift_reasons"]
    assert one.up("-l", "linux-1/default").changes("linux-1") == [
        (f"file:{WRAPPER}", "update", "done")
    ]
    assert one.plan().totals["changes"] == 0
    want(one, linux, coder="absent")
    assert (f"file:{WRAPPER}", "update", "done") in one.up().changes("linux-1")
    assert type_there(linux, "list").split()[0] == "default"
    want(one, linux, default="absent")
    assert (f"file:{WRAPPER}", "remove", "done") in one.up().changes("linux-1")
    assert linux.user_done(f"test -e {WRAPPER}").returncode == 1


def test_on_a_mac(mac: Box, operator: MakeOperator) -> None:
    """Where the shell and its programs are BSD's, and nothing is asked of /proc."""
    one = operator({mac: {"coder": gateway(8701)}})
    one.up()
    assert type_there(mac, "status").split() == ["coder", "running"]
    assert type_there(mac, "stop coder hold") == "coder stopped, and held\n"
    assert "held by hermes, since " in type_there(mac, "status", code=2)
    assert seen(one, "coder", code=2)["reasons"][0].startswith("held on the host by ")
    assert type_there(mac, "start") == "coder started\n"
    assert "held" not in type_there(mac, "list") + str(one.run("fleet.ps").json)
    one.run("gateway.uninstall", "--all-hosts", "-y", code=0)


def test_under_supervisord(linux: Box, operator: MakeOperator) -> None:
    """The same words: stop, hold, start; who started supervisord gives it no variables."""
    one = operator({linux: TWO}, variables={"hermes_service_manager": "supervisord"})
    one.up()
    assert type_there(linux, "status").split() == ["coder", "running", "default", "running"]
    assert type_there(linux, "stop coder") == "coder stopped\n"
    assert seen(one, "coder", code=2)["reasons"][0].startswith("stopped on the host by hermes")
    assert type_there(linux, "stop coder hold") == "coder stopped, and held\n"
    assert "coder is held" in str(one.plain("fleet.up", "--no-verify", code=2))
    assert seen(one, "coder", code=2)["drift"] is False
    assert type_there(linux, "restart") in (
        "coder started\ndefault restarted\n", "default restarted\ncoder started\n",
    )  # fmt: skip
    wait_until(lambda: one.run("fleet.ps").code == 0, 40)
    # supervisord itself is gone: the wrapper starts it as the run does.
    linux.user(
        "pid=$(cat .local/state/hermes-ops/supervisord.pid); kill $pid;"
        " while kill -0 $pid 2>/dev/null; do sleep 0.2; done"
    )
    done = linux.ssh(f"MY_API_KEY=secret {WRAPPER} start")
    assert sorted(done.stdout.splitlines()) == ["coder started", "default started"], done.stderr
    wait_until(lambda: one.run("fleet.ps").code == 0, 40)
    pid = seen(one, "coder", code=0)["pid"]
    assert "MY_API_KEY" not in linux.user(f"tr '\\0' '\\n' </proc/{pid}/environ")
    one.run("gateway.uninstall", "--all-hosts", "-y", code=0)
    assert linux.user_done(f"test -e {WRAPPER}").returncode == 1
