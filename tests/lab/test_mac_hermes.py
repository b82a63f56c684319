"""Hermes' own code for launchd as a client of the simulated Mac."""

from __future__ import annotations

import re

import pytest
from kit import Box, wait_until

pytestmark = pytest.mark.lab

HERMES = "/usr/local/bin/hermes"
TARGET = "user/501/ai.hermes.gateway"
"""Over SSH Hermes asks `managername`, and never takes the domain of the GUI."""


def test_hermes_rules_its_gateway(mac: Box) -> None:
    """Install, status, a crash, stop, start, restart and uninstall do what Hermes says they do."""
    mac.sh("/opt/mac/sim knob time_scale 20")
    hermes(mac, "install", "Service installed and loaded!")
    first = supervised(mac)
    assert "Service definition matches the current Hermes install" in hermes(mac, "status")

    mac.sh(f"kill -KILL {first}")
    wait_until(lambda: pid(mac) not in (0, first))
    assert "last terminating signal = Killed: 9" in printed(mac)

    hermes(mac, "stop", "Service stopped")
    wait_until(lambda: "not loaded" in hermes(mac, "status"))
    assert printed(mac) == ""

    hermes(mac, "start", "Service started")
    second = supervised(mac)
    hermes(mac, "restart", "Service restarted")
    assert supervised(mac) != second

    hermes(mac, "uninstall", "Service uninstalled")
    wait_until(lambda: printed(mac) == "")
    assert mac.sh("pgrep -u hermes -f gateway || true") == ""
    assert mac.sh("cat /run/refused") == ""


def test_hermes_in_a_terminal_takes_the_gui(mac: Box) -> None:
    """Whoever sits at the Mac gets an agent that comes back with the next login."""
    mac.sh(f"/opt/mac/sim run gui/501 hermes {HERMES} gateway install")
    wait_until(lambda: "state = running" in printed(mac, "gui/501/ai.hermes.gateway"))
    mac.sh("/opt/mac/sim logout")
    assert printed(mac, "gui/501/ai.hermes.gateway") == ""
    mac.sh("/opt/mac/sim login hermes")
    wait_until(lambda: "state = running" in printed(mac, "gui/501/ai.hermes.gateway"))


def hermes(mac: Box, verb: str, says: str = "") -> str:
    """Call Hermes over SSH, and return what it prints."""
    done = mac.ssh(f"{HERMES} gateway {verb}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert says in done.stdout
    return done.stdout


def supervised(mac: Box) -> int:
    """Return the gateway's pid, once Hermes says that launchd supervises it."""
    found = 0

    def look() -> int:
        nonlocal found
        told = re.search(r"supervised by launchd \(PID (\d+)\)", hermes(mac, "status"))
        found = int(told[1]) if told else 0
        return found

    wait_until(look)
    assert found == pid(mac)
    return found


def printed(mac: Box, target: str = TARGET) -> str:
    """Return what launchd says of the gateway; nothing if it is not loaded there."""
    return mac.ssh(f"launchctl print {target}").stdout


def pid(mac: Box) -> int:
    """Return the gateway's pid as launchd says it, 0 if it does not run."""
    found = re.search(r"^\tpid = (\d+)$", printed(mac), re.MULTILINE)
    return int(found[1]) if found else 0
