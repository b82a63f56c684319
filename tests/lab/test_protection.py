"""Limits, a ceiling, watchdog, hardening and spaced starts: with the real systemd and Hermes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

CODER = "hermes-gateway-coder.service"
SCOUT = "hermes-gateway-scout.service"
LIMITS = {"memory_high": "900M", "memory_max": "1G", "tasks_max": 300, "nice": 5}
SPACED = {"hermes_memory_max": "80%", "hermes_start_stagger": 2}


def profiles(coder: dict[str, Any]) -> dict[str, Any]:
    """Return two gateways, of which one has these settings of its service."""
    return {"scout": gateway(8702), "coder": gateway(8701, service=coder)}


@dataclass(frozen=True, slots=True)
class Guarded:
    """A host with two gateways below limits, and who put them there."""

    box: Box
    somebody: Operator
    make: MakeOperator

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Return properties of a unit as systemd merged them."""
        words = " ".join(f"-p {name}" for name in names)
        shown = self.box.user(f"systemctl --user show {words} {unit}")
        return dict(line.partition("=")[::2] for line in shown.splitlines())

    def up(self, coder: dict[str, Any]) -> list[tuple[str, str, str]]:
        """Converge with other settings of the service; return the changes."""
        somebody = self.make({self.box: profiles(coder)}, variables=SPACED)
        return somebody.up().changes(self.box.name)


@pytest.fixture(scope="module")
def guarded(boxes: Any, operator: MakeOperator) -> Iterator[Guarded]:
    """Two gateways on a new host."""
    box = boxes["linux-1"]
    box.reset()
    somebody = operator({box: profiles(LIMITS)}, variables=SPACED)
    somebody.up()
    yield Guarded(box, somebody, operator)
    box.reset()


def test_systemd_has_the_limits(guarded: Guarded) -> None:
    """Of each gateway, and of all together; the process has its niceness, and a watchdog feeds."""
    shown = guarded.show(CODER, "MemoryHigh", "MemoryMax", "TasksMax", "Slice", "WatchdogUSec")
    limits = {"MemoryHigh": str(900 << 20), "MemoryMax": str(1 << 30), "TasksMax": "300"}
    assert shown == {**limits, "Slice": "hermes.slice", "WatchdogUSec": "2min"}
    assert guarded.show("hermes.slice", "MemoryMax")["MemoryMax"] not in ("", "infinity")
    assert guarded.box.sh(f"ps -o ni= -p {guarded.box.pid(CODER)}").strip() == "5"
    assert "/hermes.slice/" in guarded.box.sh(f"cat /proc/{guarded.box.pid(SCOUT)}/cgroup")
    assert guarded.somebody.plan().totals["changes"] == 0
    guarded.somebody.run("fleet.verify", code=0)


def test_starts_have_time_between_them(guarded: Guarded) -> None:
    """The second gateway starts when the pause is over."""
    first, second = sorted(map(guarded.box.started, (SCOUT, CODER)))
    assert second - first >= 2


def test_the_table_shows_them(guarded: Guarded) -> None:
    """`fleet.ps --wide`: limits of each gateway, whether they have an effect, and the watchdog."""
    shown = guarded.somebody.plain("fleet.ps", "--wide", code=0).out
    assert re.search(r"1G, high 900M, tasks_max 300, nice 5, all 80%", shown)
    assert "2min" in shown


def test_a_limit_changes_without_a_restart(guarded: Guarded) -> None:
    """systemd gives it to the gateway that runs; what only a start gives restarts."""
    pid = guarded.box.pid(CODER)
    changes = guarded.up({**LIMITS, "memory_max": "2G"})
    assert [action for _, action, _ in changes] == ["update", "reload"]
    assert guarded.show(CODER, "MemoryMax")["MemoryMax"] == str(2 << 30)
    assert guarded.box.pid(CODER) == pid
    assert "restart" in [action for _, action, _ in guarded.up({**LIMITS, "nice": 6})]
    assert guarded.box.pid(CODER) != pid


def test_the_real_gateway_survives_hardening(guarded: Guarded) -> None:
    """It serves, without new privileges and with a /tmp of its own; its checks pass."""
    hardened = {**LIMITS, "hardening": True}
    guarded.up(hardened)
    status = guarded.box.sh(f"cat /proc/{guarded.box.pid(CODER)}/status")
    assert re.search(r"NoNewPrivs:\s1", status)
    guarded.box.sh("touch /tmp/of-the-host")
    listed = guarded.box.sh(f"ls /proc/{guarded.box.pid(CODER)}/root/tmp")
    assert "of-the-host" not in listed
    somebody = guarded.make({guarded.box: profiles(hardened)}, variables=SPACED)
    somebody.run("fleet.verify", code=0)
    assert somebody.plan().totals["changes"] == 0


def test_a_frozen_gateway_is_started_again(guarded: Guarded) -> None:
    """Nobody needs to come: its watchdog ends it, and systemd starts it."""
    guarded.up({"watchdog": 4})
    box = guarded.box
    wait_until(lambda: box.state(CODER) == "active")  # until then it is no watchdog's
    pid = box.pid(CODER)
    box.sh(f"kill -STOP {pid}")
    wait_until(lambda: box.state(CODER) == "active" and box.pid(CODER) not in (0, pid), 60)


def test_a_ceiling_goes_with_its_last_service(guarded: Guarded) -> None:
    """Not with the first: the other one is still below it."""
    box, slice = guarded.box, "file:.config/systemd/user/hermes.slice"
    rest = {"hermes_start_stagger": 2}
    somebody = guarded.make({box: profiles({})}, variables=rest)
    first = somebody.up("-l", f"{box.name}/scout").changes(box.name)
    assert slice not in [resource for resource, *_ in first]
    assert (slice, "remove", "done") in somebody.up().changes(box.name)
    assert guarded.show("hermes.slice", "MemoryMax", "FragmentPath") == {
        "MemoryMax": "infinity", "FragmentPath": "",
    }  # fmt: skip
    assert somebody.plan().totals["changes"] == 0


def test_a_boot_spaces_the_starts(guarded: Guarded) -> None:
    """After a reboot, too, the gateways do not start at once."""
    box = guarded.box
    lab.reboot(box.root, box.name)
    wait_until(lambda: box.state(CODER) == box.state(SCOUT) == "active", 60)
    assert abs(box.started(CODER) - box.started(SCOUT)) >= 1.5
