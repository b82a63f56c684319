"""The simulated Mac does what is known of real ones: tests/cases/mac/launchd.yml."""

from __future__ import annotations

import plistlib
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kit import Box

from hermes_ops import lab

Done = subprocess.CompletedProcess[str]
pytestmark = pytest.mark.lab

CASES = yaml.safe_load((Path(__file__).parents[1] / "cases" / "mac" / "launchd.yml").read_text())
LABEL = "com.example.agent"
HOME = "/Users/hermes"
PLIST = f"{HOME}/Library/LaunchAgents/{LABEL}.plist"
FIRST: Mapping[str, Any] = {
    "Label": LABEL,
    "ProgramArguments": ["/bin/sh", "-c", "exec sleep 300"],
    "RunAtLoad": True,
    "KeepAlive": True,
}

PATIENCE = 15
SIM = "/opt/mac/sim"
SESSIONS = {"me": ("login", "hermes"), "root": ("login", "root"), "desk": ("gui/501", "hermes")}
PRELUDE = f"""
P={PLIST} L={LABEL} G=gui/501/{LABEL} U=user/501/{LABEL}; cd {HOME} || exit
pid() {{ launchctl print "$1" | sed -n 's/^\tpid = //p'; }}
"""


@pytest.mark.parametrize("name", CASES)
def test_a_mac_does_what_is_known(mac: Box, name: str) -> None:
    """Every step of a case is seen as it is written down."""
    case = CASES[name]
    changes = case.get("plist", {})
    plist = {key: value for key, value in {**FIRST, **changes}.items() if value is not None}
    mac.sh('mkdir -p "${1%/*}"; cat >"$1"; chown -R hermes:staff ' + HOME, PLIST, input=text(plist))
    for knob, value in ({"time_scale": "20"} | case.get("knobs", {})).items():
        mac.sh(f'{SIM} knob {knob} "$1"', value)
    for step in case["steps"]:
        take(mac, step)
    assert "Traceback" not in (mac.root / "hosts" / mac.name / "console.log").read_text()


def text(plist: Mapping[str, Any]) -> str:
    """Return a property list as text."""
    return plistlib.dumps(dict(plist)).decode()


def take(mac: Box, step: Mapping[str, Any]) -> None:
    """Do a step, and look at what is seen."""
    (actor,) = {"me", "root", "desk", "ssh", "until", "event", "reboot"} & set(step)
    if actor == "reboot":
        lab.reboot(mac.root, mac.name)
    elif actor == "until" or "retry" in step:
        look_again(mac, actor, step)
    else:
        found = differences(step, act(mac, actor, step[actor]))
        assert not found, f"{step}\n{found}"


def look_again(mac: Box, actor: str, step: Mapping[str, Any]) -> None:
    """Do a step again until what is seen is as it says."""
    deadline = time.monotonic() + PATIENCE
    while found := differences(step, act(mac, actor, step[actor])):
        assert time.monotonic() < deadline, f"{step}\n{found}"
        time.sleep(0.05)


def act(mac: Box, actor: str, script: str) -> Done:
    """Let somebody run a script, and return how it ended."""
    if actor == "ssh":
        return mac.ssh(script)
    if actor == "event":
        return mac.exec(f"{SIM} {script}")
    session, user = SESSIONS.get(actor, SESSIONS["me"])
    return mac.exec(f'{SIM} run {session} {user} sh -c "$1"', PRELUDE + script)


def differences(step: Mapping[str, Any], done: Done) -> list[str]:
    """Return what is not as a step says."""
    code = step.get("code", 0)
    wrong = done.returncode == 0 if code == "any" else done.returncode != code
    found = [f"code {done.returncode}"] if wrong else []
    found += [f"out {done.stdout!r}"] if step.get("out", done.stdout) != done.stdout else []
    found += [f"err {done.stderr!r}"] if step.get("err", done.stderr) != done.stderr else []
    found += [
        f"lacks {part!r}: {done.stdout}" for part in step.get("has", ()) if part not in done.stdout
    ]
    found += [
        f"has {part!r}: {done.stdout}" for part in step.get("lacks", ()) if part in done.stdout
    ]
    told = step.get("has_err", ())
    return found + [
        f"err lacks {part!r}: {done.stderr}" for part in told if part not in done.stderr
    ]
