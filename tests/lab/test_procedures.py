"""The runbooks that come along, followed on a fleet that is really in that trouble."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import MakeOperator
from copies import FOLDER, installed
from kit import HOME, Box, Operator, gateway
from window import in_window

from hermes_ops import lab
from hermes_ops.commands.runbook.shelf import opened

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
UNIT = "hermes-gateway-coder.service"
PROFILE = ".hermes/profiles/coder"
OLD, NEW = "sk-lab-old-value-0123456789", "sk-lab-new-value-9876543210"
Hands = Mapping[str, Callable[[], object]]
_ASKED = re.compile(r"(run|done) / skip / quit\? \[.\] |\[y/N\] |Type (?P<word>\S+) to go on: ")


def test_every_runbook_is_followed_here() -> None:
    """None is only written."""
    text = Path(__file__).read_text()
    names = {file.stem for file in (ROOT / "runbooks").glob("*.md")}
    assert {name for name in names if f'"{name}"' not in text} == set()


@pytest.fixture
def running(linux: Box, operator: MakeOperator) -> Operator:
    """An operator whose only gateway runs on the host `linux`."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.up()
    return one


def values(name: str) -> list[str]:
    """Return `--set` for all that a runbook asks for."""
    known = {"HOST": "linux-1", "PROFILE": "coder", "NAME": "OPENAI_API_KEY"}
    needs = opened(ROOT / "runbooks" / f"{name}.md").needs
    return [word for need in needs for word in ("--set", f"{need.name}={known[need.name]}")]


def followed(one: Operator, name: str) -> list[str]:
    """Walk through a runbook with `-y`; return the commands that were run, all of them well."""
    run = one.plain("runbook.run", name, *values(name), "-y", code=0)
    return told(one, "done", run.out)


def walked(one: Operator, name: str, hands: Hands) -> list[str]:
    """Walk through a runbook at a terminal; `hands` do what a person does where that is shown.

    Every question is answered as a person would who wants to go on.
    """
    left = dict(hands)
    shown = ""
    with in_window(one, "runbook.run", name, *values(name)) as window:
        while True:
            try:
                shown += (part := window.until(_ASKED.pattern, 90))
            except AssertionError as ended:
                assert str(ended).startswith("it ended"), ended
                break
            if part.endswith("[D] "):
                for words in [words for words in left if words in part]:
                    left.pop(words)()
            typed = re.search(rf"({_ASKED.pattern})$", part)
            word = typed["word"] if typed else None
            window.type("y\n" if part.endswith("[y/N] ") else f"{word or ''}\n")
        assert window.end() == 0, shown + window.said
    assert not left, shown
    return told(one, "done", shown)


def told(one: Operator, outcome: str, shown: str) -> list[str]:
    """Return the commands of the only walk that had this outcome; it must have ended with 0."""
    folder = one.home / ".local/state/hermes-ops/runs"
    journals = [file.read_text().splitlines() for file in folder.iterdir()]
    lines = [[json.loads(line) for line in lines] for lines in journals]
    (walk,) = (lines for lines in lines if lines[0]["task"] == "runbook.run")
    assert (walk[-1]["event"], walk[-1]["exit"]) == ("ended", 0), shown
    return [line["command"] for line in walk if line.get("outcome") == outcome]


def is_well(one: Operator, profiles: Sequence[str] = ("coder",)) -> None:
    """All is healthy."""
    hosts = one.run("fleet.ps", code=0).json["hosts"]
    found = {p["profile"]: p["state"] for host in hosts for p in host["profiles"]}
    assert found == dict.fromkeys(profiles, "healthy")


# --- with -y: nobody is at the terminal ---------------------------------------------------------


def test_a_frozen_gateway(linux: Box, running: Operator) -> None:
    """It is ended with proof, and another process serves."""
    before = linux.pid(UNIT)
    linux.user(f"kill -STOP {before}")
    assert "gateway.repair linux-1/coder --why 'it stood still'" in followed(
        running, "frozen-gateway"
    )
    assert linux.pid(UNIT) not in (0, before)
    is_well(running)


def test_a_machine_that_slept(linux: Box, operator: MakeOperator) -> None:
    """All that stands still since then runs again."""
    one = operator({linux: {"coder": gateway(8701), "writer": gateway(8702)}})
    one.up()
    before = [linux.pid(UNIT), linux.pid("hermes-gateway-writer.service")]
    linux.user(f"kill -STOP {before[0]} {before[1]}")
    followed(one, "machine-slept")
    assert linux.pid(UNIT) not in (0, before[0])
    is_well(one, ("coder", "writer"))


def test_a_deaf_gateway(linux: Box, running: Operator) -> None:
    """Its API was moved to another port by hand: it runs, and nobody reaches it."""
    linux.user(f"sed -i s/8701/8709/ {PROFILE}/.env && systemctl --user restart {UNIT}")
    followed(running, "deaf-gateway")
    assert "8701" in linux.user(f"cat {PROFILE}/.env")
    is_well(running)


def test_a_gateway_that_does_not_start(linux: Box, running: Operator) -> None:
    """A crash left its pid, and a call as root its lock."""
    linux.user(
        f"systemctl --user kill -s KILL {UNIT}\nsystemctl --user stop {UNIT}\n"
        f"echo 999999 >{PROFILE}/gateway.pid"
    )
    linux.sh(f"chown root:root {HOME}/{PROFILE}/gateway.lock {HOME}/{PROFILE}/logs/gateway.log")
    running.run("fleet.start", code=1)
    followed(running, "gateway-does-not-start")
    is_well(running)


def test_a_lost_host(linux: Box, running: Operator) -> None:
    """It was cut off, and its gateway has died meanwhile; somebody connects it again."""
    linux.user(f"systemctl --user stop {UNIT}")
    lab.cut(linux.root, linux.name)
    mended = threading.Timer(3, lab.heal, (linux.root, linux.name))
    mended.start()
    try:
        followed(running, "lost-host")
    finally:
        mended.join()
        lab.heal(linux.root, linux.name)
    is_well(running)


@pytest.fixture
def keyed(linux: Box, operator: MakeOperator) -> Operator:
    """An operator whose gateway has a key that is in a file."""
    # `~` is the operator's own home.
    one = operator({linux: {"coder": gateway(8701, env={"OPENAI_API_KEY": {"file": "~/key"}})}})
    (one.home / "key").write_text(OLD)
    (one.home / "key").chmod(0o600)
    one.up()
    return one


def test_a_renewed_key(linux: Box, keyed: Operator) -> None:
    """The new value is in its file when the walk begins: it is on the host at the end."""
    (keyed.home / "key").write_text(NEW)
    before = linux.pid(UNIT)
    assert "secrets.rotate OPENAI_API_KEY --why renewed" in followed(keyed, "rotated-token")
    text = linux.user(f"cat {PROFILE}/.env")
    assert NEW in text and OLD not in text
    assert linux.pid(UNIT) not in (0, before)


# --- at a terminal: somebody does what is to be done by hand ------------------------------------


def test_a_leaked_token(linux: Box, keyed: Operator) -> None:
    """The bot stands still until it has the new one."""
    states: list[str] = []

    def renew() -> None:
        states.append(linux.state(UNIT))
        (keyed.home / "key").write_text(NEW)

    walked(keyed, "leaked-bot", {"Put the new value": renew})
    assert states == ["inactive"]
    assert NEW in linux.user(f"cat {PROFILE}/.env")
    is_well(keyed)


@contextmanager
def small_home(box: Box, spare: int) -> Iterator[None]:
    """Give the user a home with so many KiB to spare."""
    size = int(box.sh(f"du -sk {HOME}").split()[0]) + spare
    lab.mount_small_home(box.root, box.name, "hermes", size)
    try:
        yield
    finally:
        box.reset()
        box.exec(f"umount -l {HOME}")


def test_a_full_disk(linux: Box, operator: MakeOperator) -> None:
    """A change could not be written; somebody makes room, and it is."""
    operator({linux: {"coder": gateway(8701, state="stopped")}}).up()
    with small_home(linux, 20_000):
        one = operator({linux: {"coder": gateway(8702)}})
        linux.user_done("dd if=/dev/zero of=ballast bs=4096 2>/dev/null; true")
        one.run("fleet.up", "--no-verify", code=1)
        walked(one, "disk-full", {"make room": lambda: linux.user("rm ballast")})
        is_well(one)


def test_an_upgrade_that_went_wrong(linux: Box, operator: MakeOperator) -> None:
    """It passed its gate, and somebody finds later that it is not good: back, with a question."""
    installed(linux, "0.18.9", "0.19.1")
    one = operator({linux: {"coder": gateway(8701)}}, variables={"hermes_version": "0.18.9"})
    one.up()
    one.run("fleet.upgrade", "--to", "0.19.1", "--soak", "1", "--now", code=0)
    assert "fleet.rollback -l linux-1 --why 'the upgrade went wrong'" in walked(
        one, "upgrade-gone-wrong", {}
    )
    assert linux.user(f"readlink {FOLDER}/current") == "0.18.9"
    is_well(one)


def test_a_replaced_host(linux: Box, boxes: Mapping[str, Box], running: Operator) -> None:
    """It shows another key than the known one; the new one is accepted by a person."""
    known = running.inventory / "known_hosts"
    other = boxes["linux-2"].address
    lines = [line.split(" ", 1) for line in known.read_text().splitlines()]
    keys = dict(lines)
    keys[linux.address] = keys[other]
    known.write_text("".join(f"{name} {key}\n" for name, key in keys.items()))
    running.run("hosts.ping", code=1)
    read: list[str] = []

    def compare() -> None:
        read.append(linux.sh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"))

    walked(running, "host-replaced", {"ssh-keygen": compare})
    assert read
    is_well(running)


def test_a_new_host(linux: Box, operator: MakeOperator) -> None:
    """Nobody has reached it before, and its key is not known."""
    one = operator({linux: {"coder": gateway(8701)}})
    (one.inventory / "known_hosts").write_text("")
    assert "hosts.trust -l linux-1" in walked(one, "new-host", {})
    is_well(one)


def test_a_host_out_of_service(linuxes: list[Box], operator: MakeOperator) -> None:
    """It is down for good, its data is there, and no run is about it any more."""
    gone, stays = linuxes[:2]
    profiles = {"coder": gateway(8701)}
    one = operator({gone: profiles, stays: profiles})
    one.up()
    hosts = one.inventory / "hosts.yml"

    def delete() -> None:
        content = json.loads(hosts.read_text())
        del content["all"]["hosts"][gone.name]
        hosts.write_text(json.dumps(content))

    walked(one, "decommission", {"Delete linux-1": delete})
    assert gone.state(UNIT) == "inactive"
    assert gone.user(f"ls {PROFILE}/config.yaml")
    is_well(one)
