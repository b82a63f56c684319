"""The ways to a host and over the hosts: as another user, through another host, in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise

import pytest
from conftest import MakeOperator
from kit import HOME, Box, Operator, Run, echo, gateway

pytestmark = pytest.mark.lab

CODER = "hermes-gateway-coder.service"
GREETER = "echo-greeter.service"
NAMES = ("linux-1", "linux-2", "linux-3")


@pytest.fixture
def fresh(boxes: Mapping[str, Box]) -> Iterator[dict[str, Box]]:
    """Three hosts on which nobody has done anything, before and after."""
    ours = {name: boxes[name] for name in NAMES}
    for box in ours.values():
        box.reset()
    yield ours
    for box in ours.values():
        box.reset()


def outcomes(run: Run) -> dict[str, str]:
    """Return what each host of a run came to."""
    return {host["host"]: host["outcome"] for host in run.json["hosts"]}


def states(run: Run) -> set[str]:
    """Return the states that `fleet.ps` gives."""
    return {profile["state"] for host in run.json["hosts"] for profile in host["profiles"]}


# --- as another user --------------------------------------------------------------------------


def up_and_down(somebody: Operator) -> None:
    """Bring all up, change nothing, see it healthy and proven, and take it down."""
    assert somebody.up().totals["changed"] == 1
    assert somebody.up().totals["changes"] == 0
    assert states(somebody.run("fleet.ps", code=0)) == {"healthy"}
    checks = somebody.run("fleet.verify", code=0).json["verify"]
    assert checks["passed"] == checks["expected"] > 0
    somebody.run("fleet.down", "--all-hosts", "-y", code=0)
    assert states(somebody.run("fleet.ps", code=2)) == {"stopped"}


def test_root_logs_in_for_the_user_of_hermes(fresh: dict[str, Box], operator: MakeOperator) -> None:
    """With `hermes_user` all is done as that user, in that home: root's home stays as it was."""
    box = fresh["linux-1"]
    before = box.tree("/root")
    up_and_down(
        operator(
            {box: {"coder": gateway(8701)}},
            variables={"ansible_user": "root", "hermes_user": "hermes"},
        )
    )
    assert box.tree("/root") == before
    assert box.sh(f"find {HOME} ! -user hermes") == ""


@contextmanager
def account(box: Box, name: str) -> Iterator[None]:
    """Give a host an account for a while."""
    box.sh(f"useradd --create-home --shell /bin/bash {name}")
    try:
        yield
    finally:
        box.sh(
            f"loginctl disable-linger {name}; systemctl stop user@$(id -u {name}).service;"
            f"pkill -KILL -u {name}; while pgrep -u {name}; do sleep 0.1; done >/dev/null;"
            f"userdel --force --remove {name} 2>/dev/null"
        )


def test_a_login_with_sudo_acts_for_another_user(
    fresh: dict[str, Box], operator: MakeOperator
) -> None:
    """Who logs in owns nothing afterwards; whom it was for has files, services and linger."""
    box = fresh["linux-1"]
    with account(box, "agent-7"):
        before = box.tree(HOME)
        up_and_down(operator({box: {"coder": gateway(8701)}}, variables={"hermes_user": "agent-7"}))
        assert box.tree(HOME) == before
        assert box.sh("stat -c %U /home/agent-7/.hermes/profiles/coder/.env") == "agent-7"


# --- through another host ---------------------------------------------------------------------


def test_a_host_behind_another(fresh: dict[str, Box], operator: MakeOperator) -> None:
    """Look, change and check pass through the host before it, which logs one login each."""
    front, back = fresh["linux-1"], fresh["linux-2"]
    key = front.root / "ssh" / "id_ed25519"
    through = {"ansible_ssh_common_args": f"-o ProxyJump=hermes@{front.address}"}
    somebody = operator(
        {front: {}, back: {"greeter": echo(8801)}},
        own={back.name: through, front.name: {"ansible_ssh_private_key_file": str(key)}},
    )
    only = ("--limit", back.name)
    with_nobody_else = logins(front)
    assert somebody.up(*only).totals["changed"] == 1
    assert logins(front) == with_nobody_else + 1
    assert front.address in sources(back)
    assert states(somebody.run("fleet.ps", *only, code=0)) == {"healthy"}


def logins(box: Box) -> int:
    """Return how often somebody has logged in as the user until now."""
    script = "journalctl --sync; journalctl -q -b -t sshd -o cat | grep -c 'Accepted .* for hermes'"
    return int(box.exec(script).stdout)


def sources(box: Box) -> str:
    """Return from where the last login as the user came."""
    accepted = "journalctl -q -b -t sshd -o cat | grep 'Accepted .* for hermes' | tail -n 1"
    return box.exec(accepted).stdout


# --- in batches -------------------------------------------------------------------------------


@contextmanager
def obstructed(box: Box) -> Iterator[None]:
    """Let every change on a host fail: what has to be a folder is a file."""
    box.sh(f"install -d -o hermes -g hermes {HOME}/.config; touch {HOME}/.config/systemd")
    try:
        yield
    finally:
        box.sh(f"rm -f {HOME}/.config/systemd")


def test_batches_follow_each_other(fresh: dict[str, Box], operator: MakeOperator) -> None:
    """With `--serial 1` a host's service starts only after the one before it is ready."""
    somebody = operator({box: {"greeter": echo(8801)} for box in fresh.values()})
    run = somebody.up("--serial", "1")
    assert set(outcomes(run).values()) == {"changed"}
    starts = [box.started(GREETER) for box in fresh.values()]
    assert starts == sorted(starts)
    # A host is ready when its service has run for the settling time of the inventory, 0.5 s.
    assert all(later - former >= 0.5 for former, later in pairwise(starts))


def test_a_failure_stops_the_batches_behind_it(
    fresh: dict[str, Box], operator: MakeOperator
) -> None:
    """With `--max-fail 0` the hosts after the first that failed are never touched."""
    somebody = operator({box: {"greeter": echo(8801)} for box in fresh.values()})
    untouched = fresh["linux-3"].tree()
    with obstructed(fresh["linux-2"]):
        run = somebody.up("--serial", "1", "--max-fail", "0", code=None)
    assert run.code == 1
    assert outcomes(run) == {"linux-1": "changed", "linux-2": "failed", "linux-3": "skipped"}
    assert fresh["linux-3"].tree() == untouched
    assert outcomes(somebody.up()) == {"linux-1": "ok", "linux-2": "changed", "linux-3": "changed"}


def test_without_a_limit_a_failure_stops_nobody(
    fresh: dict[str, Box], operator: MakeOperator
) -> None:
    """What one host came to is no reason for another, in batches or not."""
    somebody = operator({box: {"greeter": echo(8801)} for box in fresh.values()})
    with obstructed(fresh["linux-1"]):
        run = somebody.up("--serial", "2", code=1)
    assert outcomes(run) == {"linux-1": "failed", "linux-2": "changed", "linux-3": "changed"}
