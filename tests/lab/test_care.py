"""A doctor finds what was broken by hand, mends what `fleet.up` mends, and says the rest."""

from __future__ import annotations

import pytest
from conftest import MakeOperator
from kit import Box, gateway

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
    one.run("fleet.doctor", "--fix", "--check", code=2)
    assert linux.user("systemctl --user is-active hermes-gateway-coder.service; true") == "inactive"
    left = one.run("fleet.doctor", "--fix", code=2).json["items"]
    assert "not-as-desired" not in {item["finding"] for item in left}
    assert linux.user("systemctl --user is-active hermes-gateway-coder.service") == "active"
    assert linux.user(f"stat -c %a {PROFILE}/.env") == "600"
    linux.user(f"rm .hermes/active_profile {PROFILE}/state.db-wal {PROFILE}/logs/old.log")
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
