"""What a doctor finds over several hosts, over several days, and before a reboot."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until, write_inventory

pytestmark = pytest.mark.lab

PROFILE = ".hermes/profiles/coder"
UNIT = "hermes-gateway-coder.service"
ACCOUNT = {"SIGNAL_HTTP_URL": "http://127.0.0.1:8790", "SIGNAL_ACCOUNT": "+49301234567"}
DAEMON = (Path(__file__).parent / "model/signal_daemon.py").read_text()
SERVE = "setsid python3 signal_daemon.py 8790 >signal.log 2>&1 </dev/null & echo $! >signal.pid"


def serve(box: Box) -> None:
    """Let a daemon of Signal run there, as far as a gateway asks it."""
    box.user_done("cat >signal_daemon.py", DAEMON)
    box.user(SERVE)


def found(one: Operator, kind: str) -> list[dict[str, object]]:
    """Return the findings of a kind."""
    items = one.run("fleet.doctor").json["items"]
    return [item for item in items if item["finding"] == kind]


def test_one_account_on_two_hosts_and_a_boot_without_a_network(
    linuxes: list[Box], operator: MakeOperator
) -> None:
    """By what the gateways have locked, whatever the inventory knows; the remedies are typed."""
    first, second, _ = linuxes
    for box in (first, second):
        serve(box)
    mine = gateway(8701, env=ACCOUNT)
    one = operator({first: {"coder": mine}, second: {"coder": gateway(8701)}})
    one.up()
    assert found(one, "used-twice") == []
    lines = "".join(f"{name}={value}\n" for name, value in ACCOUNT.items())
    second.user(f"printf %s {shlex.quote(lines)} >>{PROFILE}/.env; systemctl --user restart {UNIT}")
    locks = "ls .local/state/hermes/gateway-locks 2>/dev/null || true"
    wait_until(lambda: "signal-phone" in second.user(locks), 60)
    (twice,) = found(one, "used-twice")
    assert twice["message"] == (
        "linux-1/coder and linux-2/coder use the same signal phone at this moment"
    )
    assert "+4930" not in json.dumps(twice)
    second.user(f"sed -i /^SIGNAL_/d {PROFILE}/.env; systemctl --user restart {UNIT}")
    wait_until(lambda: "signal-phone" not in second.user(locks), 60)
    assert found(one, "used-twice") == []
    early = found(one, "network-at-boot")
    assert [(item["host"], item["name"]) for item in early] == [("linux-1", "signal")]
    mend = str(early[0]["mend"]).removeprefix("on the host: ")
    try:
        first.user(mend)
        assert found(one, "network-at-boot") == []
    finally:
        first.sh("rm -rf /etc/systemd/system/user@.service.d/network.conf; systemctl daemon-reload")
        for box in (first, second):
            box.user("kill $(cat signal.pid)")


def test_a_database_that_will_fill_the_disk(linux: Box, operator: MakeOperator) -> None:
    """By what an earlier look of the same operator saw; the host keeps nothing of it."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.run("profile.create")
    before = linux.tree()
    assert found(one, "fills") == []
    assert linux.tree() == before
    (file,) = (one.home / ".local/state/hermes-ops/doctor").iterdir()
    looks = json.loads(file.read_text())
    looks["looks"][0]["at"] -= 5 * 86_400
    looks["looks"][0]["hosts"]["linux-1"]["coder"] = 0
    file.write_text(json.dumps(looks))
    linux.user(f"truncate -s 200G {PROFILE}/state.db-wal")
    (fills,) = found(one, "fills")
    assert re.search(r"grow by 429\d\d MB a day: the disk is full in", str(fills["message"]))
    assert "most of it is coder's" in str(fills["message"])


def test_what_people_get_twice_or_did_not_ask_for(
    linuxes: list[Box], operator: MakeOperator
) -> None:
    """Jobs of a clone, and notices of restarts by others; both are over with what is typed."""
    box = linuxes[0]
    env = {**ACCOUNT, "SIGNAL_HOME_CHANNEL": "+4930999"}
    profiles = {"coder": gateway(8701, env=env)}
    one = operator({box: profiles})
    serve(box)
    try:
        one.up()
        box.user("hermes -p coder cron create '0 9 * * *' 'say hi' --deliver local")
        box.user("hermes profile create twin --clone-all --clone-from coder --no-alias")
        box.user(f"sed -i 's/=8701/=8709/; /^SIGNAL_/d' {PROFILE.replace('coder', 'twin')}/.env")
        write_inventory(one.inventory.parent, {box: {**profiles, "twin": gateway(8709)}})
        one.up()
        sent = f"grep -c 'Sent shutdown notification' {PROFILE}/logs/gateway.log || true"
        one.run("fleet.restart", "-l", "linux-1/coder")
        assert box.user(sent).strip() == "0"  # ours say nothing
        box.user(f"systemctl --user restart {UNIT}")
        assert box.user(sent).strip() == "1"
        (notices,), (twice,) = found(one, "restart-notices"), found(one, "cron-twice")
        assert str(notices["message"]).startswith("linux-1/coder writes to its home channel of sig")
        assert "linux-1/coder and linux-1/twin have the same cron jobs" in str(twice["message"])
        box.user(str(twice["mend"]).removeprefix("on the host: "))
        words = str(notices["mend"]).partition("   #")[0].split()[1:]
        one.run(*words)
        one.run("config.push")
        assert found(one, "restart-notices") == found(one, "cron-twice") == []
        box.user(f"systemctl --user restart {UNIT}")
        assert box.user(sent).strip() == "1"
    finally:
        box.user("kill $(cat signal.pid)")


FULL = r"""
cp -a /home/hermes /run/home
mount -t tmpfs -o nr_inodes=3000,uid=1000,gid=1000,mode=755 tmpfs /home/hermes
cp -a /run/home/. /home/hermes/
printf 'MemTotal: 8000000 kB\nMemAvailable: 100000 kB\n' >/run/meminfo
mount --bind /run/meminfo /proc/meminfo
"""


def test_few_inodes_and_little_memory(linux: Box, operator: MakeOperator) -> None:
    """What the kernel of a host says of them; both are gone with their cause."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.run("profile.create")
    try:
        linux.sh(FULL)
        (inodes,), (memory,) = found(one, "inodes"), found(one, "memory")
    finally:
        linux.sh("umount -l /home/hermes; umount /proc/meminfo; rm -r /run/home")
    assert re.search("linux-1 can make only [0-9]{4} more files", str(inodes["message"]))
    assert "linux-1 has 98 MB of its 7812 MB of memory left" in str(memory["message"])
    assert found(one, "inodes") == found(one, "memory") == []


LEFT = r"""
mkdir -p .hermes/cron .local/bin .local/state/hermes
printf '{"jobs": [{"id": "a", "state": "scheduled"}]}' >.hermes/cron/jobs.json
printf '#!/bin/sh\nexec /opt/hermes/venv/bin/hermes -p gone "$@"\n' >.local/bin/kim
sudo chown root: .local/state/hermes
"""


def test_what_was_left_in_homes(linux: Box, operator: MakeOperator) -> None:
    """Jobs of no gateway, a command of no profile, locks of root; what is typed mends two."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.run("profile.create")
    linux.user(LEFT)
    ours = ("cron-waits", "lock-folder", "stale-command")
    items = one.run("fleet.doctor").json["items"]
    seen = {item["finding"]: item for item in items if item["finding"] in ours}
    assert sorted(seen) == sorted(ours)
    for kind in ours:
        linux.user(seen[kind]["mend"].removeprefix("on the host: "))
    left = {item["finding"] for item in one.run("fleet.doctor").json["items"]}
    assert left & set(ours) == {"cron-waits"}
