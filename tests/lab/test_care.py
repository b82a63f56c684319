"""A doctor finds what was broken by hand, mends what `fleet.up` mends, and says the rest."""

from __future__ import annotations

import pytest
from conftest import MakeOperator
from kit import HOME, Box, gateway

pytestmark = pytest.mark.lab

PROFILE = ".hermes/profiles/coder"


def test_what_is_broken_is_found_and_mended(linux: Box, operator: MakeOperator) -> None:
    """One look finds all of it; a check changes nothing; what is left keeps the exit code at 2."""
    one = operator({linux: {"coder": gateway(8701), "writer": gateway(8702)}})
    one.up()
    before = {found["finding"] for found in one.run("fleet.doctor", code=None).json["items"]}
    assert "not-as-desired" not in before
    linux.user(
        "systemctl --user stop hermes-gateway-coder.service\n"
        f"chmod 644 {PROFILE}/.env\n"
        "echo coder >.hermes/active_profile\n"
        f"truncate -s 5G {PROFILE}/state.db-wal\n"
        f"truncate -s 2G {PROFILE}/logs/old.log"
    )
    found = one.run("fleet.doctor", code=2).json["items"]
    # Which of the two gateways held the lock of the dispatcher is chance.
    usual = {(None, kind) for kind in (*before, "no-dispatcher")}
    kinds = {(item["profile"], item["finding"]) for item in found} - usual
    assert kinds == {
        ("coder", "not-as-desired"), (None, "active-profile"), ("coder", "large-database"),
        ("coder", "large-logs"),
    }  # fmt: skip
    (stopped,) = (item for item in found if item["finding"] == "not-as-desired")
    assert "stopped" in stopped["message"]
    assert "fleet.up" in stopped["mend"]
    linux.user(f"rm {PROFILE}/state.db-wal")  # before a gateway opens it
    one.run("fleet.doctor", "--fix", "--check", code=2)
    assert linux.user("systemctl --user is-active hermes-gateway-coder.service; true") == "inactive"
    left = one.run("fleet.doctor", "--fix", code=2).json["items"]
    assert "not-as-desired" not in {item["finding"] for item in left}
    assert linux.user("systemctl --user is-active hermes-gateway-coder.service") == "active"
    assert linux.user(f"stat -c %a {PROFILE}/.env") == "600"
    linux.user(f"rm .hermes/active_profile {PROFILE}/logs/old.log")
    after = {item["finding"] for item in one.run("fleet.doctor", code=None).json["items"]}
    assert after <= before | {"no-dispatcher"}


def test_hermes_own_doctor_is_quoted(linux: Box, operator: MakeOperator) -> None:
    """With its text, which decides nothing; with --check it does not run, for it may write."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.run("profile.create")
    ours = one.run("fleet.doctor", "--check", "--hermes", code=None)
    assert not [item for item in ours.json["items"] if "hermes_doctor" in item]
    both = one.run("fleet.doctor", "--hermes", code=None)
    (said,) = (item for item in both.json["items"] if "hermes_doctor" in item)
    assert (said["host"], said["profile"]) == (linux.name, "coder")
    assert "Found" in said["hermes_doctor"]
    assert both.code == ours.code


def test_what_a_crash_left_is_moved_aside(linux: Box, operator: MakeOperator) -> None:
    """A check says it; nothing is deleted, whoever it belongs to; what is well is left alone."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.up()
    assert one.run("gateway.repair", f"{linux.name}/coder", code=0).json["totals"]["changes"] == 0
    linux.user(
        "systemctl --user kill -s KILL hermes-gateway-coder.service\n"
        "systemctl --user stop hermes-gateway-coder.service\n"
        f"echo 999999 >{PROFILE}/gateway.pid\n"
        f"for n in 1 2 3 4 5 6; do date +%s.$n; done >{PROFILE}/gateway-starts.log\n"
        "echo writer >.hermes/active_profile"
    )
    linux.sh(f"chown root:root {HOME}/{PROFILE}/gateway.lock {HOME}/{PROFILE}/logs/gateway.log")
    one.run("fleet.start", code=1)
    planned = one.run("gateway.repair", f"{linux.name}/coder", "--check", code=2).json
    moved = [c["resource"] for c in planned["hosts"][0]["changes"] if c["action"] == "move"]
    assert sorted(moved) == [
        "file:.hermes/active_profile", f"file:{PROFILE}/gateway-starts.log",
        f"file:{PROFILE}/gateway.lock", f"file:{PROFILE}/gateway.pid",
        f"file:{PROFILE}/logs/gateway.log",
    ]  # fmt: skip
    assert linux.user(f"cat {PROFILE}/gateway.pid") == "999999"
    one.run("gateway.repair", f"{linux.name}/coder", code=0)
    kept = ".local/state/hermes-ops/kept"
    assert linux.user(f"cat {kept}/{PROFILE}/gateway.pid {kept}/.hermes/active_profile") == (
        "999999\nwriter"
    )
    assert linux.user(f"stat -c %U {kept}/{PROFILE}/gateway.lock") == "root"
    assert one.run("fleet.ps", code=0).json["hosts"][0]["profiles"][0]["state"] == "healthy"
    # While it runs it would keep the lock and the log that are moved away.
    linux.sh(f"chown root:root {HOME}/{PROFILE}/gateway.lock {HOME}/{PROFILE}/logs/gateway.log")
    again = one.run("gateway.repair", f"{linux.name}/coder", code=0)
    assert ("service:hermes-gateway-coder", "restart", "done") in again.changes(linux.name)
    assert one.run("fleet.ps", code=0).json["hosts"][0]["profiles"][0]["state"] == "healthy"
    # The inventory wants it stopped: what stands still is ended, and nothing is started.
    idle = operator({linux: {"coder": gateway(8701, state="stopped")}})
    linux.user("systemctl --user kill -s STOP hermes-gateway-coder.service")
    ended = idle.run("gateway.repair", f"{linux.name}/coder", code=0)
    assert ("service:hermes-gateway-coder", "stop", "done") in ended.changes(linux.name)
    assert linux.state("hermes-gateway-coder.service") == "inactive"


def test_a_database_that_is_overwritten(linux: Box, operator: MakeOperator) -> None:
    """The gateway serves on and keeps nothing: that is not green, and `gateway.repair` ends it."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.up()
    linux.user(f"echo no database >{PROFILE}/state.db; echo old >{PROFILE}/state.db-wal")
    (row,) = one.run("fleet.ps", code=2).json["hosts"][0]["profiles"]
    assert row["state"] == "degraded"
    assert "what it has as state.db is no SQLite database" in " ".join(row["reasons"])
    one.run("gateway.repair", f"{linux.name}/coder", code=0)
    kept = f".local/state/hermes-ops/kept/{PROFILE}"
    assert linux.user(f"cat {kept}/state.db {kept}/state.db-wal") == "no database\nold"
    assert one.run("fleet.ps", code=0).json["hosts"][0]["profiles"][0]["state"] == "healthy"


def test_a_suspended_gateway_is_repaired(linux: Box, operator: MakeOperator) -> None:
    """It is ended and started anew; it is the process that was seen, and no other."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.up()
    before = linux.user("systemctl --user show -p MainPID --value hermes-gateway-coder.service")
    linux.user(f"kill -STOP {before}")
    one.run("gateway.repair", f"{linux.name}/coder", code=0)
    after = linux.user("systemctl --user show -p MainPID --value hermes-gateway-coder.service")
    assert after not in ("0", before)
    assert linux.user_done(f"kill -0 {before}").returncode != 0
