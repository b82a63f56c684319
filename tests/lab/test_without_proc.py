"""supervisord on a host without /proc, with the userland of a Mac: all of a gateway's life."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from conftest import MakeOperator
from kit import Box, Operator, Run, gateway, wait_until

from hermes_ops import lab
from hermes_ops.apply.compile import LIBRARIES
from hermes_ops.wire import assemble

pytestmark = pytest.mark.lab

PROFILE = ".hermes/profiles/coder"
LOCK = "/Users/hermes/.local/state/hermes-ops/lock"
OWNER = json.dumps({"operator": "eve@example", "run": "r1", "since": "today", "why": ""})


@pytest.fixture
def somebody(mac: Box, operator: MakeOperator) -> Operator:
    """An operator with one gateway on that host."""
    return operator(
        {mac: {"coder": gateway(8701)}}, variables={"hermes_service_manager": "supervisord"}
    )


def test_a_gateway_lives_and_ends_where_there_is_no_proc(mac: Box, somebody: Operator) -> None:
    """Up, seen, verified, restarted by its manager, found without it, and down."""
    assert mac.ssh("[ ! -e /proc/self ] && ! command -v timeout").returncode == 0
    up = somebody.run("fleet.up", code=0)
    assert up.json["verify"]["passed"] == up.json["verify"]["expected"] == 8
    assert somebody.up().totals["changes"] == 0
    first = shown(somebody)
    assert (first["state"], first["supervised"]) == ("healthy", True)
    assert first["uptime_s"] >= 0
    assert first["rss_bytes"] > 10**7
    assert first["pid"] == recorded(mac)["pid"]
    # As on a Mac, Hermes names its process by hundredths of a second since 1970.
    assert recorded(mac)["start_time"] > 10**11
    somebody.run("fleet.verify", code=0)

    mac.sh(f"kill -KILL {first['pid']}")
    wait_until(lambda: shown(somebody)["state"] == "healthy")
    second = shown(somebody)
    assert second["pid"] != first["pid"]
    assert second["uptime_s"] <= first["uptime_s"] + 30

    mac.sh("kill -KILL $1", mac.user("cat .local/state/hermes-ops/supervisord.pid"))
    lost = shown(somebody)
    assert (lost["state"], lost["supervised"], lost["pid"]) == ("degraded", False, second["pid"])
    assert somebody.run("fleet.verify").code == 1
    somebody.run("fleet.up", code=0)
    third = shown(somebody)
    assert (third["state"], third["supervised"]) == ("healthy", True)
    assert mac.exec(f"kill -0 {second['pid']}").returncode == 1

    down = somebody.run("fleet.down", "--all-hosts", "-y", code=0)
    assert down.totals["changed"] == 1
    assert shown(somebody)["state"] == "stopped"
    assert mac.exec("pgrep -u hermes -f 'gateway run|supervisord'").stdout == ""
    assert refused(mac) == ""


def test_a_stranger_has_the_number_of_a_gateway(mac: Box, somebody: Operator) -> None:
    """After a reboot a record of the old process names another one, which nobody ends."""
    somebody.run("profile.configure", code=0)
    with sleeping(mac) as pid:
        text = json.dumps({"pid": pid, "kind": "hermes-gateway", "start_time": 176760000000})
        mac.user(f"echo '{text}' >{PROFILE}/gateway.pid")
        assert shown(somebody)["state"] == "absent"
        somebody.up()
        assert mac.sh(f"ps -o comm= -p {pid}") == "sleep"
    assert refused(mac) == ""


def test_a_lock_where_there_is_no_proc(mac: Box, somebody: Operator) -> None:
    """Who lives keeps it, and is named; who is dead is succeeded."""
    with holding(mac):
        run = somebody.run("profile.configure", "--lock-timeout", "0", code=5)
        assert "eve@example, run r1" in run.host(mac.name)["error"]["message"]
    run = somebody.run("profile.configure", "--lock-timeout", "0", code=0)
    assert "took over the lock of a dead run: eve@example" in run.err
    assert refused(mac) == ""


# --- in the hand ------------------------------------------------------------------------------


def shown(somebody: Operator) -> Mapping[str, Any]:
    """Return what `fleet.ps` shows of the gateway."""
    run: Run = somebody.run("fleet.ps")
    (profile,) = run.json["hosts"][0]["profiles"]
    assert isinstance(profile, dict)
    return profile


def recorded(box: Box) -> Mapping[str, Any]:
    """Return what the gateway wrote of its process."""
    found = json.loads(box.user(f"cat {PROFILE}/gateway.pid"))
    assert isinstance(found, dict)
    return found


def refused(box: Box) -> str:
    """Return what was asked of the host's programs that a Mac's do not know."""
    return box.sh("cat /run/refused")


@contextmanager
def sleeping(box: Box) -> Iterator[int]:
    """Let the user have a process that is no gateway."""
    pid = int(box.user("sleep 300 >/dev/null 2>&1 & echo $!"))
    try:
        yield pid
    finally:
        box.sh(f"kill -KILL {pid}")


@contextmanager
def holding(box: Box) -> Iterator[None]:
    """Let a run of our own hold the lock, and end it so that it cannot give it back."""
    body = f"identify; enter_home; boot_id; take_lock 0 '{OWNER}'; exec sleep 300"
    argv = [*lab.ssh_command(box.root, box.name), "exec /bin/sh"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as run:
        assert run.stdin
        run.stdin.write(assemble(LIBRARIES, body).text.encode())
        run.stdin.close()
        wait_until(lambda: box.exec(f"test -s {LOCK}/owner").returncode == 0)
        pid = box.sh(f"head -n 1 {LOCK}/owner | cut -d' ' -f2")
        try:
            yield
        finally:
            box.sh(f"kill -KILL {pid}")
