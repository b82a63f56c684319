"""What an operator does by hand: a command everywhere, a shell, a tunnel, a gateway in front."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Mapping

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until
from window import in_window

pytestmark = pytest.mark.lab

UNIT = "hermes-gateway-coder.service"
STATE = ".hermes/profiles/coder/gateway_state.json"


@pytest.fixture
def operator_of_two(boxes: Mapping[str, Box], operator: MakeOperator) -> Operator:
    """An operator of two hosts on which nothing was done."""
    return operator({boxes[name]: {"coder": gateway(8701)} for name in ("linux-2", "linux-3")})


def test_a_command_runs_on_every_host_and_equal_answers_are_told_once(
    operator_of_two: Operator,
) -> None:
    """Exit codes, output and errors are each host's own; nothing it prints reaches the terminal."""
    run = operator_of_two.plain("hosts.exec", "id -un; pwd", "--all-hosts", code=0)
    assert run.out == "linux-2, linux-3  exit 0\n    hermes\n    /home/hermes\n"
    said = r"hostname; printf '\033[31m' >&2; [ $(hostname) = linux-2 ]"
    run = operator_of_two.plain("hosts.exec", said, "-l", "all", code=1)
    assert run.out.splitlines() == [
        "linux-2  exit 0", "    linux-2", r"    stderr: \x1b[31m",
        "linux-3  exit 1", "    linux-3", r"    stderr: \x1b[31m",
    ]  # fmt: skip
    items = operator_of_two.run("hosts.exec", said, "-l", "all", code=1).json["items"]
    assert [(i["host"], i["code"], i["stdout"]) for i in items] == [
        ("linux-2", 0, "linux-2\n"), ("linux-3", 1, "linux-3\n"),
    ]  # fmt: skip


def test_a_command_has_no_input_and_an_end(operator_of_two: Operator) -> None:
    """One that waits for ever, or never stops to print, is unknown; the other host is as it is."""
    run = operator_of_two.run("hosts.exec", "cat", "-l", "linux-2", code=0)
    assert run.json["items"][0]["stdout"] == ""
    endless = "[ $(hostname) != linux-2 ] || cat /dev/zero"
    run = operator_of_two.run("hosts.exec", endless, "-l", "all", code=4)
    assert [item["outcome"] for item in run.json["items"]] == ["unknown", "ok"]


def test_a_shell_hears_keys_signals_and_sizes(operator_of_two: Operator) -> None:
    """And the task ends as the shell does."""
    with in_window(operator_of_two, "hosts.ssh", "linux-2") as window:
        window.until(r"\$ ")
        window.type("stty size; sh -c 'echo begun; exec sleep 100'\n")
        assert "33 101" in window.until("\nbegun\r\n")
        window.type("\x03")
        window.until(r"\$ ")
        window.resize(20, 77)
        window.type("stty size; hostname; exit 7\n")
        assert "20 77" in window.until("linux-2\r\n")
        assert window.end() == 7


def test_a_gateway_in_the_foreground_hears_ctrl_c(linux: Box, operator: MakeOperator) -> None:
    """It ends as it does by itself; one that runs as a service is not run twice.

    Its terminal has the size of the window, also after that is pulled to another one.
    """
    one = operator({linux: {"coder": gateway(8701)}})
    one.up()
    with in_window(one, "gateway.run", "linux-1/coder") as window:
        window.until("fleet.stop -l linux-1/coder")
        assert window.end() == 1
    one.run("fleet.stop", "-l", "linux-1", code=0)
    with in_window(one, "gateway.run", "linux-1/coder") as window:
        window.until("Press Ctrl")
        wait_until(lambda: "running" in linux.user(f"cat {STATE}"))
        assert linux.pid(UNIT) == 0
        pid = json.loads(linux.user(f"cat {STATE}"))["pid"]
        size = f"stty size </proc/{pid}/fd/0"
        assert linux.user(size) == "33 101"
        window.resize(20, 77)
        wait_until(lambda: linux.user(size) == "20 77")
        window.type("\x03")
        window.until("signal=SIGINT")
        assert window.end() == 0
    assert "stopped" in linux.user(f"cat {STATE}")


def test_a_tunnel_leads_to_the_api_until_it_is_interrupted(
    linux: Box, operator: MakeOperator
) -> None:
    """Several connections at once; a port where nobody listens is told."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.up("--no-verify")
    with in_window(one, "hosts.tunnel", "linux-1/coder") as window:
        url = window.until(r"http://127.0.0.1:\d+ leads").split()[-2]
        for _ in range(3):
            with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
                assert answer.status == 200
        window.type("\x03")
        assert window.end() == 0


AROUND = (
    ("systemctl --user set-environment GATEWAY_ALLOW_ALL_USERS=true && systemctl --user restart "
     f"{UNIT}", "GATEWAY_ALLOW_ALL_USERS from outside"),
    ("echo HERMES_HOME=/home/hermes/other >>.hermes/profiles/coder/.env", "makes Hermes run"),
    ("rm .hermes/profiles/coder/gateway.pid", "gateway.pid does not name its process"),
    ("rm .hermes/profiles/coder/gateway.lock", "gateway.lock (deleted)"),
    ("echo '@reboot hermes -p coder gateway run' | crontab -", "crontab starts a gateway"),
)  # fmt: skip


def test_what_was_broken_around_a_gateway_is_seen(linux: Box, operator: MakeOperator) -> None:
    """It runs well all the time: nothing of this is green, and each is told for what it is."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.up("--no-verify")
    has_cron = not linux.user_done("command -v crontab").returncode
    for breaks, words in AROUND if has_cron else AROUND[:-1]:
        linux.user(breaks)
        wait_until(lambda: "running" in linux.user(f"cat {STATE}"))
        shown = one.run("fleet.ps", code=2).json["hosts"][0]["profiles"][0]
        assert any(words in reason for reason in shown["reasons"]), shown


def sleeps(box: Box, seconds: int) -> bool:
    """Say whether anything on a host sleeps for exactly so long."""
    return box.exec(f"pgrep -fx 'sleep {seconds}'").returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_who_leaves_ends_the_command_on_its_hosts(
    number: signal.Signals, code: int, operator_of_two: Operator, boxes: Mapping[str, Box]
) -> None:
    """With all that it has begun: after Ctrl-C, and if the operator's process is killed."""
    two, nap = [boxes[name] for name in ("linux-2", "linux-3")], 4240 + number
    command = f"trap '' HUP; sleep {nap} & sleep {nap}; echo over"
    process = operator_of_two.start(["hosts.exec", command, "--all-hosts"])
    wait_until(lambda: all(sleeps(box, nap) for box in two))
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == code
    assert code < 0 or out.count("the host ends it with the connection") == 2
    wait_until(lambda: not any(sleeps(box, nap) for box in two))


def test_a_check_lists_what_would_run_where(
    operator_of_two: Operator, boxes: Mapping[str, Box]
) -> None:
    """And no host is contacted."""
    before = boxes["linux-2"].sessions()
    run = operator_of_two.run("hosts.exec", "touch here", "-l", "all", "--check", code=0)
    assert run.json["items"] == [
        {"host": name, "outcome": "planned", "command": "touch here", "user": "hermes"}
        for name in ("linux-2", "linux-3")
    ]
    assert boxes["linux-2"].sessions() == before
