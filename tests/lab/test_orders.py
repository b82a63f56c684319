"""Services that are only commanded: started, stopped, restarted, drained and reset."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import MakeOperator
from kit import Box, Operator, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

UNIT = "hermes-gateway-coder.service"
PROFILE = ".hermes/profiles/coder"
MODEL = 8799
SLOW = {"model": {"provider": "custom", "default": "slow", "base_url": f"http://127.0.0.1:{MODEL}/v1",
                  "api_key": "none"}}  # fmt: skip


@pytest.fixture
def running(linux: Box, operator: MakeOperator) -> Operator:
    """An operator whose only gateway runs on the host `linux`."""
    one = operator({linux: {"coder": gateway(8701, config=SLOW)}})
    one.up("--no-verify")
    return one


def state(operator: Operator, code: int = 0) -> str:
    """Return the state of the only profile."""
    (host,) = operator.run("fleet.ps", code=code).json["hosts"]
    found: str = host["profiles"][0]["state"]
    return found


def told(box: Box) -> str:
    """Return what the gateway says of itself, without blanks."""
    return box.user(f"tr -d ' ' <{PROFILE}/gateway_state.json")


@contextmanager
def turn(box: Box, seconds: float) -> Iterator[Path]:
    """Let the gateway be in the middle of a turn; yield where its answer is written."""
    for name in ("slow", "ask"):
        text = (Path(__file__).parent / "model" / f"{name}.py").read_text()
        box.user_done(f"cat >{name}.py", text)
    serve = f"setsid python3 slow.py {MODEL} {seconds} >model.log 2>&1 </dev/null"
    box.user(f"rm -f asked; {serve} & echo $! >model.pid")
    try:
        box.user(f"setsid python3 ask.py 8701 {PROFILE} >answer 2>&1 </dev/null &")
        wait_until(lambda: "asked" in box.user("ls").split())
        yield Path("answer")
    finally:
        box.user("kill $(cat model.pid)")


def test_a_restart_waits_for_the_turn_that_runs(linux: Box, running: Operator) -> None:
    """Whoever asked gets the answer; the operator sees how many turns are waited for."""
    before = linux.pid(UNIT)
    with turn(linux, 3) as answer:
        run = running.run("fleet.restart", code=0)
        assert linux.user(f"cat {answer}") == "done"
    assert "waiting for 1 running turn, at most" in run.err
    assert run.changes("linux-1") == [("service:hermes-gateway-coder", "restart", "done")]
    assert linux.pid(UNIT) != before
    assert state(running) == "healthy"


@pytest.mark.parametrize("task", ["fleet.restart", "fleet.stop"])
def test_a_stop_that_waits_for_a_turn_is_counted_down(
    task: str, linux: Box, operator: MakeOperator
) -> None:
    """The unit lets turns end for up to 90 seconds; the screen says how many there are."""
    config = {**SLOW, "agent": {"restart_drain_timeout": 60}}
    one = operator({linux: {"coder": gateway(8701, config=config)}})
    one.up()
    with turn(linux, 7):
        words = ["--now"] if task == "fleet.restart" else ["-y"]
        run = one.run(task, "-l", "linux-1", *words, code=0)
    assert "waiting for 1 running turn to end before a stop, at most " in run.err


def test_an_operator_who_is_gone_ends_no_turn(linux: Box, running: Operator) -> None:
    """The turn that was waited for goes on; the request to drain goes with the operator."""
    before = linux.pid(UNIT)
    with turn(linux, 12) as answer:
        process = running.start(["fleet.restart"])
        wait_until(lambda: '"draining"' in told(linux))
        process.kill()
        wait_until(lambda: linux.user(f"cat {answer}") == "done")
    assert linux.pid(UNIT) == before
    wait_until(lambda: '"running"' in told(linux))


def test_now_waits_for_nobody(linux: Box, running: Operator) -> None:
    """The turn ends without an answer; only its process may take a while to end."""
    with turn(linux, 20) as answer:
        said = running.run("fleet.restart", "--now", code=0).err
        assert "running turn, at most" not in said
        assert linux.user(f"cat {answer}") != "done"
    assert state(running) == "healthy"


def test_a_drain_lasts_until_a_start(linux: Box, running: Operator) -> None:
    """Its process stays; no other verb lets it take turns again."""
    before = linux.pid(UNIT)
    running.run("fleet.drain", "--for", "600", code=0)
    wait_until(lambda: '"draining"' in told(linux))
    assert state(running, code=2) == "draining"
    for words in ((), ("--no-verify",)):
        left = running.up(*words, code=2)
        assert left.host("linux-1")["outcome"] == "ok"
    checked = running.run("fleet.verify", code=2)
    assert checked.json["verify"]["failed"] == 0
    assert "coder is draining: by the drain request of " in checked.err
    assert state(running, code=2) == "draining"
    running.run("fleet.start", code=0)
    assert (state(running), linux.pid(UNIT)) == ("healthy", before)


def test_a_drain_ends_when_its_time_is_up(linux: Box, running: Operator) -> None:
    """Without anybody who comes by; the task itself does not wait for that."""
    began = time.monotonic()
    running.run("fleet.drain", "--for", "12", code=0)
    assert time.monotonic() - began < 12
    assert state(running, code=2) == "draining"
    wait_until(lambda: '"running"' in told(linux))


def test_a_restart_notices_that_somebody_else_stops(linux: Box, running: Operator) -> None:
    """It does not wait until its time is up, and says what happened."""
    before = linux.pid(UNIT)
    began = time.monotonic()
    restart = running.start(["fleet.restart", "--now"])
    wait_until(lambda: linux.pid(UNIT) not in (0, before))
    linux.user(f"systemctl --user stop {UNIT}")
    out, _ = restart.communicate(timeout=60)
    assert (restart.returncode, time.monotonic() - began < 40) == (1, True)
    assert "coder is stopped (somebody else stopped it during this run)" in out
    assert linux.state(UNIT) == "inactive"


def test_a_stop_is_meant_and_a_start_ends_it(linux: Box, running: Operator) -> None:
    """It stays enabled; its unit did not fail."""
    running.run("fleet.stop", "-l", "linux-1/coder", code=0)
    assert (linux.state(UNIT), state(running, code=2)) == ("inactive", "stopped")
    assert linux.user(f"systemctl --user is-enabled {UNIT}") == "enabled"
    running.run("fleet.start", code=0)
    assert state(running) == "healthy"
    assert running.run("fleet.start", code=0).totals["changes"] == 0


@pytest.mark.parametrize("words", [("fleet.restart",), ("gateway.reset", "linux-1/coder")])
def test_a_frozen_process_is_ended_with_proof(
    linux: Box, running: Operator, words: tuple[str, ...]
) -> None:
    """It hears no request to drain and none to end."""
    before = linux.pid(UNIT)
    linux.user(f"kill -STOP {before}")
    assert running.run(*words, code=0).totals["changes"] == 1
    assert linux.exec(f"kill -0 {before}").returncode != 0
    assert state(running) == "healthy"


def test_a_frozen_process_is_stopped(linux: Box, running: Operator) -> None:
    """And nothing of it is left."""
    before = linux.pid(UNIT)
    linux.user(f"kill -STOP {before}")
    running.run("fleet.stop", "-l", "linux-1", code=0)
    assert linux.exec(f"kill -0 {before}").returncode != 0
    assert state(running, code=2) == "stopped"


def test_what_hermes_installed_is_commanded_like_ours(linux: Box, operator: MakeOperator) -> None:
    """A stop of its own unit, which does not announce it, is no failure either."""
    one = operator({linux: {"coder": gateway(8701)}})
    one.run("profile.configure", code=0)
    with linux.session():
        linux.user("hermes -p coder gateway install --force --no-start-now </dev/null")
        linux.sh("loginctl enable-linger hermes")
    assert one.run("fleet.start", code=0).totals["changes"] == 1
    wait_until(lambda: linux.pid(UNIT))
    one.run("fleet.restart", code=0)
    one.run("fleet.stop", "-l", "linux-1", code=0)
    assert linux.state(UNIT) == "inactive"
    assert '"gateway_state":"stopped"' in told(linux)


def test_what_is_not_installed_is_not_commanded(linux: Box, operator: MakeOperator) -> None:
    """It says what installs it."""
    one = operator({linux: {"coder": gateway(8701)}})
    run = one.run("fleet.start", code=1)
    assert [change[2] for change in run.changes("linux-1")] == ["failed"]
    assert "fleet.up -l linux-1/coder" in run.out


def test_no_secret_is_needed(linux: Box, running: Operator) -> None:
    """An operator who has only the key for SSH can restart what another configured."""
    hosts = running.inventory / "hosts.yml"
    text = hosts.read_text()
    assert '"coder"' in text
    unset = '"X_TOKEN": {"env": "NOBODY"}, '
    hosts.write_text(text.replace('"API_SERVER_ENABLED"', f'{unset}"API_SERVER_ENABLED"'))
    assert running.run("fleet.restart", code=0).totals["changes"] == 1


def test_a_host_that_is_lost_in_a_restart_is_unknown_until_the_next_look(
    linuxes: list[Box], operator: MakeOperator
) -> None:
    """The other one is restarted; what was ordered on the lost one went on."""
    here, gone = linuxes[:2]
    one = operator(
        {box: {"coder": gateway(8701)} for box in (here, gone)},
        variables={"hermes_exchange_timeout": 20},
    )
    one.up()
    before = gone.pid(UNIT)
    process = one.start(["fleet.restart", "--json"])
    try:
        wait_until(lambda: gone.pid(UNIT) != before, 40)
        lab.cut(gone.root, gone.name)
        out, err = process.communicate(timeout=120)
    finally:
        lab.heal(gone.root, gone.name)
    assert process.returncode == 4, err
    ends = {host["host"]: (host["outcome"], host["error"]) for host in json.loads(out)["hosts"]}
    assert ends[here.name] == ("changed", None)
    assert (ends[gone.name][0], ends[gone.name][1]["kind"]) == ("unknown", "lost")
    wait_until(lambda: one.run("fleet.ps").code == 0, 60)


@pytest.mark.parametrize("make", ["mkdir", "mkfifo"])
def test_what_stands_in_the_place_of_a_log_is_told_before_a_restart(
    make: str, linux: Box, running: Operator
) -> None:
    """Hermes would not come up with it: the gateway that runs goes on."""
    log, before = f"{PROFILE}/logs/agent.log", linux.pid(UNIT)
    linux.user(f"mv {log} {log}.was; {make} {log}")
    assert "logs/agent.log is a" in str(running.run("fleet.ps", code=2).json)
    run = running.run("fleet.restart", code=1)
    assert "not a file" in str(run.host("linux-1"))
    assert linux.pid(UNIT) == before
