"""`--check` writes nothing on a host: its whole tree is the same before and after."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from conftest import MakeOperator
from kit import HOME, Box, Operator, Run, echo, gateway

pytestmark = pytest.mark.lab

PROFILES = {"coder": gateway(8701), "greeter": echo(8801)}
LOG = f"{HOME}/.hermes/profiles/coder/logs/agent.log"
LOOKING = (
    ("fleet.up", "--check"),
    ("fleet.up", "--check", "--diff", "--no-verify", "--why", "to see"),
    ("fleet.plan",),
    ("profile.create", "--check"),
    ("gateway.start", "--check"),
    ("gateway.uninstall", "--all-hosts", "--check"),
    ("fleet.down", "--all-hosts", "--check"),
    ("hosts.ping",),
    ("hosts.facts",),
    ("linger.status",),
    ("awake.off", "--check"),
    ("awake.status",),
    ("fleet.ps",),
)


def unchanged(box: Box, act: Callable[[], Run], *folders: str, asks: bool = False) -> Run:
    """Return what `act` came to; nothing on the host may differ afterwards.

    A gateway that runs writes now and then: what we write would be there each time. `fleet.ps` is
    no `--check` and asks it for its health, which it notes in its log: that line is let pass.
    """
    for _ in range(4):
        before, asked = box.tree(*folders), log(box)
        run = act()
        after, told = box.tree(*folders), log(box)
        noted = [line for line in told[len(asked) :] if '"GET /health' not in line]
        if asks and before.keys() == after.keys() and not noted:
            before, after = ({**tree, LOG: ""} for tree in (before, after))
        if before == after:
            return run
    paths = before.keys() | after.keys()
    differ = {p: (before.get(p), after.get(p)) for p in paths if before.get(p) != after.get(p)}
    raise AssertionError(differ)


def log(box: Box) -> list[str]:
    """Return the lines of the gateway's log."""
    return box.exec(f"cat {LOG}").stdout.splitlines()


def look_at(box: Box, somebody: Operator) -> None:
    """Look in every way that there is; a plan of changes is exit 2."""
    for words in LOOKING:
        asks = words[0] == "fleet.ps"
        run = unchanged(box, lambda words=words: somebody.run(*words), asks=asks)  # type: ignore[misc]
        wanted = (0, 2) if words[0] != "fleet.plan" else (2,)
        assert run.code in wanted, run.err


@pytest.mark.parametrize("name", ["linux-1", "linux-bare-1", "linux-nohermes-1"])
def test_nothing_there_yet(boxes: Mapping[str, Box], operator: MakeOperator, name: str) -> None:
    """On a host of any kind on which nobody has done anything."""
    box = boxes[name]
    box.reset()
    with box.session():
        look_at(box, operator({box: PROFILES}))
    assert box.user("ls -A") == ".bash_logout\n.bashrc\n.profile\n.ssh"


def test_a_user_who_never_logged_in(linux: Box, operator: MakeOperator) -> None:
    """For a user without any session before ours."""
    somebody = operator({linux: PROFILES}, variables={"ansible_user": "fresh"})
    run = unchanged(linux, lambda: somebody.run("fleet.plan"), "/home", "/var/lib/systemd")
    assert run.code == 2


def test_half_done(linux: Box, operator: MakeOperator) -> None:
    """Where a run was broken off: some files there, a stale lock, others missing."""
    somebody = operator({linux: PROFILES})
    somebody.run("profile.configure", code=0)
    linux.user(
        "mkdir -p .local/state/hermes-ops/lock; echo 'x 1 1' >.local/state/hermes-ops/lock/owner"
    )
    linux.user("chmod 644 .hermes/profiles/coder/.env; rm .hermes/profiles/coder/config.yaml")
    with linux.session():
        look_at(linux, somebody)


def test_all_done(linux: Box, operator: MakeOperator) -> None:
    """Where all is as wanted: nothing to change, exit 0, and nothing written either."""
    somebody = operator({linux: PROFILES})
    somebody.up()
    for words in LOOKING:
        asks = words[0] == "fleet.ps"
        run = unchanged(linux, lambda words=words: somebody.run(*words), asks=asks)  # type: ignore[misc]
        takes_down = words[0] in ("gateway.uninstall", "fleet.down")
        assert run.code == (2 if takes_down else 0), (words, run.err)


def test_taking_down_makes_nothing(linux: Box, operator: MakeOperator) -> None:
    """Where a profile never was, `down`, `uninstall` and `state: absent` have nothing to do."""
    absent = {"coder": gateway(8701, state="absent"), "greeter": echo(8801, state="absent")}
    somebody, gone = operator({linux: PROFILES}), operator({linux: absent})
    with linux.session():
        for act in (
            lambda: somebody.run("fleet.down", "--all-hosts", "-y", code=0),
            lambda: somebody.run("gateway.uninstall", "--all-hosts", "-y", code=0),
            lambda: gone.up(code=0),
        ):
            assert unchanged(linux, act).totals["changes"] == 0


def test_settings_would_restart(linux: Box, operator: MakeOperator) -> None:
    """New settings: the plan shows files and restart, the processes and files stay as they are."""
    operator({linux: PROFILES}).up()
    changed = operator({linux: {**PROFILES, "greeter": echo(8801, "goodbye")}})
    pid = linux.pid("echo-greeter.service")
    run = unchanged(linux, lambda: changed.run("fleet.plan", code=2))
    assert ("service:echo-greeter", "restart", "planned") in run.changes("linux-1")
    assert linux.pid("echo-greeter.service") == pid
