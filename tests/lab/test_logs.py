"""Logs of real hosts: merged by time, followed through all that happens, and nothing given away."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until

pytestmark = pytest.mark.lab

UNIT = "hermes-gateway-coder.service"
LOGS = ".hermes/profiles/coder/logs"
NOW = "$(date '+%Y-%m-%d %H:%M:%S'),000"


def write(box: Box, *words: str, file: str = "gateway.log") -> None:
    """Let a log have a line for each word, as the host's clock and zone have it."""
    lines = "; ".join(f'echo "{NOW} INFO test.lines: {word}"' for word in words)
    box.user(f"mkdir -p {LOGS}; {{ {lines}; }} >>{LOGS}/{file}")


class Followed:
    """A `fleet.logs -f --json` that runs, and what it has shown so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, str]] = []
        self.notices = ""
        self._threads = [Thread(target=self._read), Thread(target=self._hear)]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(json.loads(line) for line in self.process.stdout)

    def _hear(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.notices += line

    def words(self) -> list[str]:
        """Return the messages of the lines that a test wrote."""
        return [line["message"] for line in list(self.lines) if line["logger"] == "test.lines"]

    def end(self) -> int:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        for thread in self._threads:
            thread.join()
        return code


@contextmanager
def following(operator: Operator, *words: str) -> Iterator[Followed]:
    """Follow in this block."""
    process = operator.start(["fleet.logs", "-f", "--json", *words])
    followed = Followed(process)
    try:
        yield followed
    finally:
        process.kill()


def test_a_fleet_is_one_stream(linuxes: list[Box], operator: MakeOperator) -> None:
    """By time in UTC, whatever the zone of a host; one exchange a host; the number counts once."""
    one, two, _ = linuxes
    zone = two.sh("readlink /etc/localtime || true")
    try:
        two.sh("ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime")
        for number in range(3):
            write(one, f"a{number}")
            one.sh("sleep 1.1")
            write(two, f"b{number}")
            one.sh("sleep 1.1")
        both = operator({one: {"coder": gateway(8701)}, two: {"coder": gateway(8701)}})
        before = [box.sessions() for box in (one, two)]
        run = both.run("fleet.logs", "-n", "5", code=0)
        assert [box.sessions() - n for box, n in zip((one, two), before, strict=True)] == [1, 1]
        found = [json.loads(line) for line in run.out.splitlines()]
        assert [line["message"] for line in found] == ["b0", "a1", "b1", "a2", "b2"]
        assert [line["host"] for line in found][:2] == ["linux-2", "linux-1"]
        assert both.plain("fleet.logs", "-l", "linux-1", "--grep", "a1").out.endswith(" a1\n")
    finally:
        two.sh(f"ln -sf {zone} /etc/localtime" if zone else "rm -f /etc/localtime")


def test_following_survives_what_happens(linux: Box, operator: MakeOperator) -> None:
    """Rotation, a death of the gateway, a lost connection: every line comes once."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.up()
    write(linux, "0")
    with following(one, "--file", "gateway,journal") as followed:
        wait_until(lambda: followed.words() == ["0"])
        write(linux, "1")
        linux.user(f"cd {LOGS}; mv gateway.log gateway.log.1")
        write(linux, "2")
        linux.user(f"kill -KILL {linux.pid(UNIT)}")
        wait_until(lambda: "Main process exited" in json.dumps(followed.lines))
        linux.sh("pkill -KILL -u hermes -x sshd")
        write(linux, "3", "4")
        wait_until(lambda: "connected again" in followed.notices)
        write(linux, "5")
        wait_until(lambda: "5" in followed.words())
        assert followed.end() == 0
    assert followed.words() == list("012345")
    files = {line["file"] for line in followed.lines}
    assert files == {"gateway", "journal"}
    assert "lines" not in followed.notices


def test_logs_of_a_gateway_that_is_not_ours(linux: Box, operator: MakeOperator) -> None:
    """If it is named; a secret of its host stays there, whoever knows it."""
    write(linux, "0")
    one = operator({linux: {"scout": gateway(8702)}})
    run = one.run("fleet.logs", "--unmanaged", "-l", "linux-1/coder", code=0)
    assert json.loads(run.out)["message"] == "0"
    assert one.run("gateway.logs", "linux-1/coder", code=64).json["error"]["kind"] == "usage"
    linux.user(f"echo MY_BOT_TOKEN=none-that-we-know >>{LOGS}/../.env")
    write(linux, "it is none-that-we-know")
    run = one.plain("gateway.logs", "linux-1/coder", "--unmanaged", code=0)
    assert "it is ***\n" in run.out


def test_a_flood_starves_nobody(linuxes: list[Box], operator: MakeOperator) -> None:
    """What is dropped of it is told, to the line."""
    one, two, _ = linuxes
    write(one, "begin")
    write(two, "begin")
    script = (Path(__file__).parent / "model" / "flood.py").read_text()
    one.user_done("cat >flood.py", script)
    both = operator({box: {"coder": gateway(8701)} for box in (one, two)})
    with following(both, "--lines", "2") as followed:
        wait_until(lambda: len(followed.words()) == 2)
        one.user(f"python3 flood.py 20000 6 {LOGS}/gateway.log")
        write(two, "other")
        wait_until(lambda: "other" in followed.words(), 10)
        wait_until(lambda: "120000" in followed.words(), 40)
        followed.end()
    shown = [word for word in followed.words() if word.isdigit()]
    dropped = sum(
        int(line.partition("gateway: ")[2].partition(" ")[0].replace(",", ""))
        for line in followed.notices.splitlines()
        if "dropped" in line
    )
    assert (len(set(shown)), len(shown) + dropped) == (len(shown), 120_000)


def test_tools_as_a_mac_has_them(mac: Box, operator: MakeOperator) -> None:
    """Nothing is asked of them that they do not have, and no /proc is needed."""
    write(mac, *"abc")
    one = operator({mac: {"coder": gateway(8701)}})
    run = one.run("fleet.logs", "--since", "1h", code=0)
    assert [json.loads(line)["message"] for line in run.out.splitlines()] == list("abc")
    with following(one, "--file", "gateway,journal", "--lines", "1") as followed:
        wait_until(lambda: followed.words() == ["c"])
        mac.user(f"cd {LOGS}; mv gateway.log gateway.log.1")
        write(mac, "d")
        wait_until(lambda: followed.words() == ["c", "d"])
        assert followed.end() == 0
    assert mac.sh("cat /run/refused 2>/dev/null || true") == ""
