"""A profile that left the inventory, on a real host: seen, named, pruned, and its port is free."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import MakeOperator
from kit import Box, Operator, echo, gateway

pytestmark = pytest.mark.lab

PORT = 8701


def document(operator: Operator, *words: str, code: int) -> dict[str, Any]:
    """Return what a task prints with `--json`."""
    return operator.run(*words, code=code).json


@pytest.fixture
def box(linux: Box) -> Iterator[Box]:
    """A host with nothing on it, and nothing is left there."""
    yield linux
    linux.reset()


def test_a_renamed_profile(box: Box, operator: MakeOperator) -> None:
    """The old name is told by plan, ps and status; it holds the port until it is pruned.

    The plan ends with 1: the new name could not start.
    """
    operator({box: {"scout": gateway(PORT)}}).up()
    later = operator({box: {"ranger": gateway(PORT)}})
    target = f"{box.name}/scout"

    (host,) = document(later, "fleet.plan", code=1)["hosts"]
    (finding,) = host["findings"]
    assert (finding["finding"], finding["name"]) == ("orphan", "scout")
    assert f"port {PORT}, which ranger wants" in finding["message"]

    (host,) = document(later, "fleet.ps", code=2)["hosts"]
    rows = {row["profile"]: row for row in host["profiles"]}
    assert (rows["scout"]["orphan"], rows["scout"]["state"]) == (True, "healthy")

    status = document(later, "fleet.status", code=2)
    assert status["counts"]["findings"] == {"orphan": 1}
    assert f"fleet.prune -l {target}" in later.plain("fleet.status", "--quiet", code=2).out

    conflict = later.run("fleet.up", code=1)
    assert f"port {PORT} is taken by the orphan scout" in conflict.out

    later.plain("fleet.prune", code=64)
    before = box.user("cat .hermes/profiles/scout/.env")
    later.run("fleet.prune", "--check", code=2)
    assert box.user("systemctl --user is-active hermes-gateway-scout") == "active"
    later.run("fleet.prune", "-l", target, "-y", code=0)
    assert box.user(f"ss -Htln 'sport = :{PORT}'") == ""
    assert box.user("find .config/systemd/user -name '*scout*' ! -type d") == ""
    assert box.user("cat .hermes/profiles/scout/.env") == before

    later.up()
    document(later, "fleet.plan", code=0)
    document(later, "fleet.ps", code=0)
    assert document(later, "fleet.status", code=0)["items"] == []
    later.plain("fleet.prune", "--check", code=0)


def test_a_run_that_prunes(box: Box, operator: MakeOperator) -> None:
    """The old name of a profile and a service of another role leave, and the new name comes up."""
    operator({box: {"scout": gateway(PORT), "web": echo(PORT + 2)}}).up()
    later = operator({box: {"ranger": gateway(PORT)}})
    status = document(later, "fleet.status", code=2)
    assert status["counts"]["findings"] == {"orphan": 2}
    later.run("fleet.plan", "--prune", code=2)
    done = later.run("fleet.up", "--prune", code=0)
    assert "scout" not in done.out.partition("HOST")[2]
    units = "find .config/systemd/user ! -type d -name"
    assert box.user(f"{units} '*scout*'; {units} '*web*'") == ""
    assert box.user(f"ss -Htln 'sport = :{PORT + 2}'") == ""
    document(later, "fleet.plan", code=0)
    assert document(later, "fleet.status", code=0)["items"] == []


def test_a_foreign_program_at_the_port(box: Box, operator: MakeOperator) -> None:
    """It is named, and no command is proposed that fails again; a drop-in of others ends with 2."""
    somebody = operator({box: {"demo": gateway(PORT + 3)}})
    serve = f"python3 -m http.server {PORT + 3} --bind 127.0.0.1"
    box.user(f"{serve} >/dev/null 2>&1 </dev/null & sleep 1")
    refused = somebody.plain("fleet.up", code=1).out
    assert "(python3)" in refused.partition("is taken by process ")[2]
    assert "fleet.up" not in refused.partition("not as wanted")[2]
    (mend,) = set(re.findall(r"on the host: (kill \d+);", refused))
    box.user(mend)
    somebody.up()
    folder = ".config/systemd/user/hermes-gateway-demo.service.d"
    box.user(f"printf '[Service]\nNice=5\n' >{folder}/nice.conf; systemctl --user daemon-reload")
    left = somebody.plain("fleet.up", code=2).out
    assert f"{folder}/nice.conf && systemctl --user daemon-reload" in left.partition("not as")[2]
    box.user(f"rm {folder}/nice.conf && systemctl --user daemon-reload")
    somebody.plain("fleet.up", code=0)


def test_gateways_outside_the_inventory_are_reached(box: Box, operator: MakeOperator) -> None:
    """By name with `--unmanaged`: shown alone, stopped and disabled; others stay as they are."""
    operator({box: {"scout": gateway(PORT), "demo": gateway(PORT + 1)}}).up()
    later = operator({box: {"demo": gateway(PORT + 1)}})
    limit = f"{box.name}/scout"
    later.plain("fleet.down", "-l", limit, "-y", code=64)
    (host,) = document(later, "fleet.ps", "-l", limit, "--unmanaged", code=2)["hosts"]
    assert [row["profile"] for row in host["profiles"]] == ["scout"]
    box.user("pkill -STOP -f '[p]rofile scout gateway run'")
    ill = later.run("fleet.doctor", "-l", limit, "--unmanaged", code=2).json["items"]
    assert any(one["finding"] == "not-as-desired" and "suspended" in one["message"] for one in ill)
    repaired = later.run("gateway.repair", limit, "--unmanaged", code=0)
    assert repaired.changes(box.name) == [("service:hermes-gateway-scout", "restart", "done")]
    later.run("fleet.down", "-l", limit, "--unmanaged", "-y", code=0)
    active = "systemctl --user is-active hermes-gateway-scout hermes-gateway-demo || true"
    assert box.user(active).split() == ["inactive", "active"]
    assert box.user("systemctl --user is-enabled hermes-gateway-scout || true") == "disabled"


def test_a_host_whose_last_profile_left(box: Box, operator: MakeOperator) -> None:
    """With an empty list it is still looked at."""
    operator({box: {"scout": gateway(PORT)}}).up()
    later = operator({box: {}})
    assert document(later, "fleet.status", code=2)["counts"]["findings"] == {"orphan": 1}
    later.run("fleet.plan", code=2)
    later.run("fleet.prune", "--all-hosts", "-y", code=0)
    document(later, "fleet.status", code=0)
