"""Gateways of a simulated Mac as daemons of the system: without a login, for a user, by root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

LABEL = "ai.hermes.gateway-coder"
DAEMON = f"/Library/LaunchDaemons/{LABEL}.plist"
AGENT = PurePosixPath(f"/Users/hermes/Library/LaunchAgents/{LABEL}.plist")
FOREIGN = "/Library/LaunchDaemons/com.example.mine.plist"
PRINT = f"launchctl print system/{LABEL}"
SYSTEM = {"hermes_service_manager": "launchd-system"}
PROFILES = {"coder": gateway(8701)}
SIM = "/opt/mac/sim"
WORD = "s3cret-word"
SPOILT = {
    "nonsense": f"echo nonsense >{DAEMON}",
    "no user": f"sed -i s/UserName/User/ {DAEMON}",
    "owner and mode": f"chown hermes {DAEMON}; chmod 666 {DAEMON}",
}


@pytest.fixture
def headless(mac: Box) -> Box:
    """A Mac that nobody logs in to, whose administrators need no password for sudo."""
    mac.sh(f"{SIM} knob sudo yes; {SIM} knob autologin ''; {SIM} logout")
    return mac


def shown(somebody: Operator) -> Mapping[str, Any]:
    """Return what `fleet.ps` shows of the gateway."""
    (profile,) = somebody.run("fleet.ps").json["hosts"][0]["profiles"]
    assert isinstance(profile, dict)
    return profile


def left(mac: Box) -> list[str]:
    """Return what of a gateway is in the folders of launchd, of the user and the system."""
    places = "/Library/LaunchDaemons /var/db/hermes-ops ~hermes/Library/LaunchAgents"
    return sorted(mac.sh(f"ls {places} 2>/dev/null | grep hermes.gateway || true").split())


def error_of(somebody: Operator, *words: str) -> str:
    """Return the error of a run on the one host, of the host or of a change, with its remedy."""
    (host,) = somebody.run(*words, code=1).json["hosts"]
    because = " ".join(change["because"] or "" for change in host["changes"])
    error = host["error"] or {"message": "", "hint": ""}
    return f"{error['message']} {error['hint']} {because}"


def disabled(mac: Box) -> bool:
    """Whether launchd may not load the daemon."""
    return f'"{LABEL}" => disabled' in mac.ssh("launchctl print-disabled system").stdout


def test_its_life_without_a_login(headless: Box, operator: MakeOperator) -> None:
    """From an agent to a daemon and back, and all that is between; a reboot brings it back."""
    mac = headless
    as_agent, somebody = operator({mac: PROFILES}), operator({mac: PROFILES}, variables=SYSTEM)
    as_agent.up()
    up = somebody.run("fleet.up", code=0)
    assert up.json["exchanges"] == {"mac-1": 2}
    assert up.json["verify"]["passed"] == up.json["verify"]["expected"] == 8
    assert left(mac) == [LABEL, f"{LABEL}.plist", f"{LABEL}.runs"]
    assert mac.ssh(f"launchctl print user/501/{LABEL}").returncode == 113
    assert mac.ssh(f"stat -f '%Su %Sg %Lp' {DAEMON}").stdout == "root wheel 644\n"
    again = somebody.up()
    assert (again.totals["changes"], again.json["exchanges"]) == (0, {"mac-1": 1})
    somebody.run("fleet.restart", code=0)
    assert "\truns = 2\n" in mac.ssh(PRINT).stdout  # it stayed registered

    lab.reboot(mac.root, mac.name)
    assert mac.ssh("launchctl print gui/501").returncode == 125
    wait_until(lambda: shown(somebody)["state"] == "healthy", 40)
    first = shown(somebody)
    assert (first["supervised"], first["enabled"], first["as_desired"]) == (True, True, True)
    assert mac.ssh(f"ps -o user= -p {first['pid']}").stdout == "hermes\n"
    found = {item["finding"] for item in somebody.run("fleet.doctor").json["items"]}
    assert not found & {"no-autologin", "not-at-the-screen", "not-loaded", "not-as-desired"}

    log = f"{mac.home}/.hermes/profiles/coder/logs/gateway.log"
    assert int(mac.sh(f"grep -c 'Previous gateway exited cleanly' {log}")) > 0
    assert "gateway.run" in somebody.plain("fleet.logs", "--lines", "9", code=0).out
    assert mac.user(".local/bin/hermes-gateways restart") == "coder restarted"
    assert shown(somebody)["restarts"] == 0  # what was ordered is none
    assert mac.user(".local/bin/hermes-gateways stop") == "coder stopped"
    somebody.run("fleet.start", code=0)
    as_agent.up()
    assert left(mac) == [f"{LABEL}.plist"]
    assert mac.ssh(PRINT).returncode == 113
    assert as_agent.plan().totals["changes"] == 0


def test_it_goes_without_a_trace(headless: Box, operator: MakeOperator) -> None:
    """`fleet.down` forbids the daemon, and what is removed is allowed again."""
    somebody = operator({headless: PROFILES}, variables=SYSTEM)
    somebody.up()
    somebody.run("fleet.drain", "--for", "60", code=0)
    somebody.run("fleet.down", "--all-hosts", "-y", code=0)
    assert (disabled(headless), headless.ssh(PRINT).returncode) == (True, 113)
    other = operator({headless: {"other": gateway(8702, state="stopped")}}, variables=SYSTEM)
    other.run("fleet.prune", "--limit", "mac-1/coder", "-y", code=0)
    assert (left(headless), disabled(headless)) == ([], False)
    somebody.up(code=None)  # it may be draining still
    somebody.run("fleet.start", code=0)
    somebody.run("profile.rename", "mac-1/coder", "scout", code=0)
    assert {name.partition("-")[2].partition(".")[0] for name in left(headless)} == {"scout"}
    assert shown(somebody)["state"] == "healthy"
    other.run("profile.delete", "mac-1/scout", "-y", "--no-export", code=0)
    assert left(headless) == []
    assert headless.sh("cat /run/refused; ls -d /var/run/hermes-ops.* 2>/dev/null || true") == ""


def test_what_a_person_spoilt_is_mended(headless: Box, operator: MakeOperator) -> None:
    """Its text, its owner, its mode, and that launchd may load it."""
    somebody = operator({headless: PROFILES}, variables=SYSTEM)
    somebody.run("gateway.install", code=0)
    whole = headless.sh(f"cat {DAEMON}")
    for what, spoil in SPOILT.items():
        headless.sh(spoil)
        assert (f"file:{DAEMON}", "update", "planned") in somebody.plan(code=2).changes("mac-1"), (
            what
        )
    headless.ssh(f"sudo launchctl disable system/{LABEL}")
    somebody.run("gateway.install", code=0)
    assert headless.sh(f"stat -c %U:%a {DAEMON}; cat {DAEMON}") == f"root:644\n{whole}"
    assert not disabled(headless)


def test_what_others_run_is_refused_by_its_name(headless: Box, operator: MakeOperator) -> None:
    """The same home in both scopes, under another label, and a label that is another user's."""
    mac = headless
    somebody = operator({mac: PROFILES}, variables=SYSTEM)
    as_agent = operator({mac: PROFILES})
    somebody.run("gateway.install", code=0)
    mac.sh(f"mkdir -p {AGENT.parent}; cp {DAEMON} {AGENT}; chown -R hermes {mac.home}/Library")
    out = f"launchctl bootout {{}}/$(id -u) {AGENT}"
    mend = f"{out.format('gui')}; {out.format('user')}; rm {AGENT}"
    said = error_of(somebody, "fleet.up")
    assert f"{AGENT} is another unit that runs its home; on the host: {mend}" in said
    mac.ssh(mend)
    mac.sh(
        f"sed s/{LABEL}/com.example.mine/ {DAEMON} >{FOREIGN}; rm {DAEMON}; "
        f"rm {mac.home}/.config/hermes-ops/launchd-system/*"
    )
    mend = f"sudo launchctl bootout system {FOREIGN}; sudo rm {FOREIGN}"
    said = error_of(as_agent, "fleet.up")
    assert f"{FOREIGN} is another unit that runs its home; on the host: {mend}" in said
    mac.sh(f"sed -e s/com.example.mine/{LABEL}/ -e s/hermes/fresh/ {FOREIGN} >{DAEMON}")
    assert f"{DAEMON} runs a job of fresh" in error_of(somebody, "fleet.up")
    mac.ssh(mend)
    assert as_agent.plan(code=2).changes("mac-1")[-1][1] == "start"


@contextmanager
def password(mac: Box) -> Iterator[None]:
    """Let sudo want the password of `hermes`, as on a real Mac."""
    rule = "echo '%admin ALL=(ALL) ALL' >/etc/sudoers.d/admin"
    mac.sh(f"{SIM} knob sudo no; echo hermes:{WORD} | chpasswd; {rule}")
    try:
        yield
    finally:
        mac.sh("rm /etc/sudoers.d/admin; passwd -q -d hermes")


def test_who_may_become_root(mac: Box, operator: MakeOperator) -> None:
    """With sudo's password, for another user, too; without it nothing is begun."""
    with password(mac):
        before = mac.tree()
        for task, word in (("fleet.plan", None), ("fleet.up", "wrong")):
            given = {**SYSTEM, "ansible_become_password": word} if word else SYSTEM
            said = error_of(operator({mac: PROFILES}, variables=given), task)
            assert "hermes cannot become root with sudo; nothing was changed" in said
            assert "or hermes_service_manager: launchd " in said
        assert mac.tree() == before
        given = {**SYSTEM, "ansible_become_password": WORD}
        somebody = operator({mac: PROFILES}, variables={**given, "hermes_user": "fresh"})
        assert somebody.run("fleet.up", code=0).json["exchanges"] == {"mac-1": 2}
        assert mac.ssh(f"ps -o user= -p {shown(somebody)['pid']}").stdout == "fresh\n"
        assert mac.sh("stat -c %U ~fresh/.hermes/profiles/coder/.env") == "fresh"
        assert mac.sh(f"grep -rl {WORD} /Users /Library /var/log || true") == ""
        somebody.run("gateway.uninstall", "--all-hosts", "-y", code=0)
        nobody = operator({mac: PROFILES}, variables={**given, "hermes_user": "agent-7"})
        assert "there is no user agent-7 (hermes_user)" in error_of(nobody, "fleet.up")
    assert left(mac) == []
