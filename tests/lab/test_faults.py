"""What goes wrong on the way: killed, cut off, doubled, refused, full. One more run mends it."""

from __future__ import annotations

import json
import random
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import MakeOperator
from kit import HOME, Box, Operator, Run, echo, gateway, wait_until

from hermes_ops import lab

pytestmark = pytest.mark.lab

CODER = "hermes-gateway-coder.service"
GREETER = "echo-greeter.service"
PROFILES = {"coder": gateway(8701), "greeter": echo(8801)}
CHANGED = {
    "coder": gateway(8701, config={"model": {"default": "a/b"}}),
    "greeter": echo(8801, "goodbye"),
}
SEED = 20261122


# --- the operator dies ------------------------------------------------------------------------


def test_killed_after_every_record(linuxes: list[Box], operator: MakeOperator) -> None:
    """SIGKILL after any record that a host sends: one run exits 0, one plan exits 0."""
    trial = operator({linuxes[0]: PROFILES}).driven({"at": -1, "do": "count"}, *UP)
    assert trial.code == 0, trial.err
    records = int(trial.err.rpartition("records: ")[2])
    assert records > 20
    # Rounds of waiting repeat themselves: those after the first few are one case.
    moments = range(1, min(records, 24) + 1)

    def kill(box: Box, at: float) -> None:
        somebody = operator({box: PROFILES})
        assert somebody.driven({"at": at, "do": "kill"}, *UP).code == -9

    for_each(linuxes, moments, operator, kill)


def test_terminated_with_the_document(linuxes: list[Box], operator: MakeOperator) -> None:
    """SIGTERM, as a service manager or a CI sends it: what was done is told, and mended later."""
    box = linuxes[0]
    box.reset()
    somebody = operator({box: PROFILES})
    process = somebody.start([*UP, "--json"])
    wait_until(lambda: not box.exec("test -e /home/hermes/.hermes/profiles/coder").returncode)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    document = json.loads(out)
    assert (document["exit"], document["hosts"][0]["host"]) == (143, box.name)
    somebody.run(*UP, code=0)
    assert somebody.plan().totals["changes"] == 0


def test_killed_at_random_moments(linuxes: list[Box], operator: MakeOperator) -> None:
    """SIGKILL at 20 random moments, connecting and looking included: the next run mends it."""
    chance = random.Random(SEED)
    moments = [chance.uniform(0.1, 4) for _ in range(20)]

    def kill(box: Box, seconds: float) -> None:
        process = operator({box: PROFILES}).start(UP)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    for_each(linuxes, moments, operator, kill)


def test_a_restart_is_owed(linux: Box, operator: MakeOperator) -> None:
    """Killed between new settings and restart: the next run restarts, though no file differs."""
    operator({linux: PROFILES}).up()
    changed = operator({linux: CHANGED})
    pids = {unit: linux.pid(unit) for unit in (CODER, GREETER)}
    # Records are: the lock, and the two files. The script ends with the profile in hand.
    changed.driven({"at": 2, "do": "kill"}, *UP)
    lock = "ls -d .local/state/hermes-ops/lock 2>/dev/null || true"
    wait_until(lambda: not linux.user(lock))
    linux.user("grep -q a/b .hermes/profiles/coder/config.yaml")
    assert "hermes-gateway-coder" in linux.user("ls .local/state/hermes-ops/restart").split()
    assert {unit: linux.pid(unit) for unit in pids} == pids
    planned = changed.plan(code=2).changes("linux-1")
    assert ("service:hermes-gateway-coder", "restart", "planned") in planned
    assert "file:.hermes/profiles/coder/config.yaml" not in {change[0] for change in planned}
    changed.up()
    assert linux.user("ls .local/state/hermes-ops/restart") == ""
    written = float(linux.user("stat -c %Y .hermes/profiles/coder/config.yaml"))
    boot = float(linux.sh("awk '/btime/ {print $2}' /proc/stat"))
    assert boot + 1 + linux.started(CODER) >= written
    assert all(linux.pid(unit) not in (0, pid) for unit, pid in pids.items())
    assert changed.plan().totals["changes"] == 0


# --- the host is cut off ----------------------------------------------------------------------


def hasty(linux: Box, operator: MakeOperator) -> Operator:
    """Return an operator who waits for two seconds and no longer."""
    quick = {"hermes_exchange_timeout": 2, "hermes_ready_timeout": 2, "hermes_connect_timeout": 2}
    return operator({linux: PROFILES}, variables=quick)


@contextmanager
def paused(somebody: Operator, folder: Path) -> Iterator[Future[Run]]:
    """Stop an `up` in the middle of its changes for as long as this lasts; yield how it ends."""
    reached, go = folder / "reached", folder / "go"
    orders = {"at": 4, "do": "pause", "reached": str(reached), "go": str(go)}
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(somebody.driven, orders, *UP, "--lock-timeout", "1")
        try:
            wait_until(reached.exists)
            yield ended
        finally:
            go.touch()


def test_cut_off_in_the_middle(linux: Box, operator: MakeOperator, tmp_path: Path) -> None:
    """A host cut off while it is changed: unknown, exit 4; healed, one run and one plan exit 0."""
    somebody = hasty(linux, operator)
    try:
        with paused(somebody, tmp_path) as ended:
            lab.cut(linux.root, linux.name)
        run = ended.result()
        assert run.code == 4, run.err
        assert run.host("linux-1")["outcome"] == "unknown"
        assert somebody.up(code=3).host("linux-1")["error"]["kind"] in ("timeout", "refused")
    finally:
        lab.heal(linux.root, linux.name)
    after = operator({linux: PROFILES})
    after.up()
    assert after.plan().totals["changes"] == 0


def test_power_fails_in_the_middle(linux: Box, operator: MakeOperator, tmp_path: Path) -> None:
    """A host that loses power while it is changed: its old lock binds nobody after the boot."""
    with paused(hasty(linux, operator), tmp_path) as ended:
        lab.reboot(linux.root, linux.name, hard=True)
    assert ended.result().code == 4
    after = operator({linux: PROFILES})
    after.up()
    assert after.plan().totals["changes"] == 0


def test_unreachable_beside_good_ones(linuxes: list[Box], operator: MakeOperator) -> None:
    """A host that is not there costs the others nothing: they are done, exit 3."""
    profiles = {"greeter": echo(8801)}
    variables = {"hermes_connect_timeout": 2}
    somebody = operator(dict.fromkeys(linuxes, profiles), variables=variables)
    lab.cut(linuxes[1].root, linuxes[1].name)
    try:
        run = somebody.up(code=3)
    finally:
        lab.heal(linuxes[1].root, linuxes[1].name)
    assert (run.totals["changed"], run.totals["unreachable"]) == (2, 1)
    assert run.host("linux-2")["error"]["kind"] == "timeout"
    assert [box.state(GREETER) for box in (linuxes[0], linuxes[2])] == ["active", "active"]


def test_deadline_of_the_run(linuxes: list[Box], operator: MakeOperator) -> None:
    """At `--timeout` a host in flight is unknown, those not begun are skipped, exit 4."""
    hosts = dict.fromkeys(linuxes, PROFILES)
    somebody = operator(hosts, variables={"hermes_connect_timeout": 30})
    lab.cut(linuxes[0].root, linuxes[0].name)
    try:
        run = somebody.up("--timeout", "1", "--forks", "1", code=4)
    finally:
        lab.heal(linuxes[0].root, linuxes[0].name)
    assert run.json["seconds"] < 15
    assert [host["outcome"] for host in run.json["hosts"]] == ["unknown", "skipped", "skipped"]
    assert run.host("linux-1")["error"]["kind"] == "timeout"


# --- two at once ------------------------------------------------------------------------------


def test_two_operators_at_once(linux: Box, operator: MakeOperator, tmp_path: Path) -> None:
    """Two at once: both end with 0, every change is made once, and nothing is left to do."""
    one = operator({linux: PROFILES})
    other = one.another(tmp_path / "other")
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda who: who.up(code=None), (one, other)))
    assert [run.code for run in runs] == [0, 0], [run.err for run in runs]
    done = [c[0] for run in runs for c in run.changes("linux-1") if c[2] == "done"]
    assert len(done) == len(set(done))
    assert {resource for resource in done if resource.startswith("service:")} == {
        "service:hermes-gateway-coder",
        "service:echo-greeter",
    }
    assert one.plan().totals["changes"] == 0
    assert linux.exec("pgrep -u hermes -fc 'gateway run'").stdout.strip() == "1"


def test_changed_between_look_and_lock(linux: Box, operator: MakeOperator, tmp_path: Path) -> None:
    """A file that moves between the look and the lock is not overwritten unseen: a new look."""
    somebody = operator({linux: CHANGED})
    operator({linux: PROFILES}).up()
    reached, go = tmp_path / "reached", tmp_path / "go"
    orders = {"at": 0, "do": "pause", "reached": str(reached), "go": str(go)}
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(somebody.driven, orders, *UP)
        wait_until(reached.exists)
        linux.user("echo '# by another' >> .hermes/profiles/coder/config.yaml")
        go.touch()
        run = future.result()
    assert run.code == 0, run.err
    assert "# by another" in linux.user("cat .hermes/profiles/coder/config.yaml")
    assert run.json["exchanges"]["linux-1"] == 4
    assert somebody.plan().totals["changes"] == 0


def test_locked(linux: Box, operator: MakeOperator) -> None:
    """A lock that a living run holds: exit 5 with who, and the command that releases it."""
    somebody = operator({linux: {"greeter": echo(8801)}})
    holder = start_holder(linux)
    try:
        run = somebody.up("--lock-timeout", "0", code=5)
        error = run.host("linux-1")["error"]
        assert error["kind"] == "locked"
        assert "eve@example, run r1" in error["message"]
        assert run.totals["changes"] == 0
        # The command in the hint is all that it takes.
        linux.user(error["hint"].partition("on the host: ")[2])
        somebody.up("--lock-timeout", "0")
    finally:
        holder()


def test_the_lock_of_the_dead_is_taken_over(linux: Box, operator: MakeOperator) -> None:
    """A lock whose owner ended is taken over at once, and that is said."""
    somebody = operator({linux: {"greeter": echo(8801)}})
    start_holder(linux)()
    run = somebody.up("--lock-timeout", "0")
    assert "took over the lock of a dead run: eve@example" in run.err
    assert linux.user("ls .local/state/hermes-ops") == "restart"


# --- refused ----------------------------------------------------------------------------------


def test_wrong_key(linux: Box, operator: MakeOperator, tmp_path: Path) -> None:
    """A key that the host does not take: exit 3, kind `auth`, and how to mend it."""
    key = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    somebody = operator(
        {linux: {"greeter": echo(8801)}}, variables={"ansible_ssh_private_key_file": str(key)}
    )
    error = somebody.up(code=3).host("linux-1")["error"]
    assert error["kind"] == "auth"
    assert "ansible_ssh_private_key_file" in error["hint"]


def test_swapped_host_key(linux: Box, boxes: Mapping[str, Box], operator: MakeOperator) -> None:
    """Another machine at the address: refused with both fingerprints, exit 1, nothing written."""
    somebody = operator({linux: {"greeter": echo(8801)}})
    known = somebody.inventory / "known_hosts"
    swap(known, linux.address, boxes["linux-2"].address)
    before = linux.tree()
    run = somebody.up(code=1)
    host = run.host("linux-1")
    assert (host["outcome"], host["error"]["kind"]) == ("failed", "host_key_changed")
    assert host["error"]["message"].count("SHA256:") == 2
    assert "hosts.trust" in host["error"]["hint"]
    assert linux.tree() == before
    somebody.run("hosts.trust", "-y", code=0)
    somebody.up()


def test_unknown_host_key(linux: Box, operator: MakeOperator) -> None:
    """A key that nobody accepted: exit 3 with its fingerprint; `hosts.trust -y` accepts it."""
    somebody = operator({linux: {"greeter": echo(8801)}})
    (somebody.inventory / "known_hosts").unlink()
    host = somebody.up(code=3).host("linux-1")
    assert (host["outcome"], host["error"]["kind"]) == ("unreachable", "host_key_unknown")
    shown = linux.sh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    assert shown in host["error"]["message"]
    assert "hosts.trust" in host["error"]["hint"]
    assert somebody.run("hosts.trust").code == 64
    trusted = somebody.run("hosts.trust", "-y", code=0)
    assert trusted.json["items"][0]["fingerprint"] == shown
    somebody.up()


# --- full -------------------------------------------------------------------------------------


DARK = {"coder": gateway(8701, state="stopped"), "greeter": echo(8801, state="stopped")}
"""No process, so that nobody else writes to the disk."""
OTHER = {
    "coder": gateway(
        8701,
        state="stopped",
        config={"model": {"default": "a/b"}},
        service={"watchdog": 60, "environment": {"MINE": "1"}},
    ),
    "greeter": echo(8801, "goodbye", state="stopped"),
}
OTHER["coder"]["env"]["LONG"] = "x" * 9000  # it needs more room than what was written before it
PARTS = (
    ".hermes/profiles/coder/config.yaml",
    ".hermes/profiles/coder/.env",
    f".config/systemd/user/{CODER}",
    ".local/share/hermes-ops/planned-stop",
    f".config/systemd/user/{CODER}.d/50-hermes-ops.conf",
)


def test_disk_full(linux: Box, operator: MakeOperator) -> None:
    """A disk full at each file in turn: the old ones intact, no leftovers, exit 1; then mended."""
    operator({linux: DARK}).up()
    linux.user(f"echo '# old' | tee -a {PARTS[3]} >/dev/null; sed -i s/8701/8702/ {PARTS[1]}")
    changed = operator({linux: OTHER})
    size = int(linux.sh(f"du -sk {HOME}").split()[0]) + 256
    lab.mount_small_home(linux.root, linux.name, "hermes", size)
    try:
        old = contents(linux)
        failed: list[str] = []
        for pages in range(20):
            leave(linux, pages)
            run = changed.up(code=None)
            assert linux.leftovers() == ""
            if run.code == 0:
                break
            assert run.code == 1, run.err
            assert contents(linux) == old
            ends = run.host("linux-1")["changes"]
            failed += [c["resource"][5:] for c in ends if c["outcome"] == "failed"]
            assert pages > 0 or "disk" in run.host("linux-1")["error"]["message"]
        assert run.code == 0
        assert set(failed) >= set(PARTS), failed
        assert all(text != old[path] for path, text in contents(linux).items())
        linux.user("rm ballast")
        assert changed.plan().totals["changes"] == 0
    finally:
        linux.user("rm -f ballast")
        linux.exec(f"umount {HOME}")


def contents(box: Box) -> dict[str, str]:
    """Return the digest of each file of the profile."""
    lines = box.user(f"sha256sum {' '.join(PARTS)}").splitlines()
    return {path: digest for digest, path in (line.split("  ") for line in lines)}


def leave(box: Box, pages: int) -> None:
    """Fill the home's file system until so many pages of 4 KiB are left."""
    box.user_done("rm -f ballast; dd if=/dev/zero of=ballast bs=4096 2>/dev/null; true")
    box.user(f"truncate -s $(( $(stat -c %s ballast) - {pages * 4096} )) ballast")


# --- a host whose answer is not what it should be ---------------------------------------------


@contextmanager
def greeting(box: Box, first: str) -> Iterator[None]:
    """Let a login shell on the host begin with this line."""
    box.user(f"cp .bashrc kept && {{ echo {shlex.quote(first)}; cat kept; }} >.bashrc")
    try:
        yield
    finally:
        box.user("mv kept .bashrc; rm -rf bin")


def test_a_banner_without_a_line_end(linuxes: list[Box], operator: MakeOperator) -> None:
    """A login shell that greets without a line end is heard as if it had not."""
    with greeting(linuxes[0], "printf 'Welcome: '"):
        somebody = operator(dict.fromkeys(linuxes[:2], PROFILES))
        somebody.up()
        assert somebody.run("fleet.ps").code == 0
        assert somebody.plan().totals["changes"] == 0


def test_an_answer_that_is_not_understood(linuxes: list[Box], operator: MakeOperator) -> None:
    """One host without a working `date`: it is unknown, and every other has its result."""
    odd, fine = linuxes[:2]
    odd.user("mkdir bin && ln -s /bin/true bin/date")
    with greeting(odd, "PATH=$HOME/bin:$PATH"):
        somebody = operator(dict.fromkeys((odd, fine), PROFILES))
        run = somebody.up(code=4)
        assert run.host(odd.name)["outcome"] == "unknown"
        assert run.host(odd.name)["error"]["kind"] == "not_understood"
        assert odd.name in run.host(odd.name)["error"]["message"]
        assert run.host(fine.name)["outcome"] == "changed"
        assert "Traceback" not in run.err
        assert fine.state(CODER) == "active"
        (journal,) = (somebody.home / ".local" / "state" / "hermes-ops" / "runs").iterdir()
        events = [json.loads(line)["event"] for line in journal.read_text().splitlines()]
        assert events[-1] == "ended"
        assert "raised" in events
        for task in ("fleet.ps", "hosts.ping", "hosts.facts", "linger.status", "fleet.verify"):
            seen = somebody.run(task, code=4)
            assert "not_understood" in seen.out or task == "fleet.verify"
            assert "could not be parsed" in seen.out + seen.err
        shown = somebody.plain("hosts.ping", "-v", code=4)
        assert f"{odd.name}  ValueError, most recent call last:" in shown.err


# --- in the hand ------------------------------------------------------------------------------

UP = ("fleet.up", "--no-verify", "--json")


def for_each(
    hosts: Sequence[Box],
    moments: Sequence[float] | range,
    operator: MakeOperator,
    fault: Callable[[Box, float], None],
) -> None:
    """Let the fault happen at each moment to a fresh host, then run and plan once."""
    free = list(hosts)
    lock = threading.Lock()
    healers = {box: operator({box: PROFILES}) for box in hosts}

    def one(moment: float) -> str | None:
        with lock:
            box = free.pop()
        try:
            box.reset()
            fault(box, moment)
            run = healers[box].up(code=None)
            plan = healers[box].plan(code=None)
            good = run.code == 0 and plan.code == 0 and not box.leftovers()
            return (
                None
                if good
                else f"at {moment}: {run.code} {plan.code}\n{run.err}{run.out}{plan.out}"
            )
        finally:
            with lock:
                free.append(box)

    with ThreadPoolExecutor(len(hosts)) as pool:
        bad = [text for text in pool.map(one, moments) if text]
    assert not bad, "\n".join(bad)


def start_holder(box: Box) -> Callable[[], None]:
    """Let a living process of the host hold the lock; return what ends it."""
    text = json.dumps({"operator": "eve@example", "run": "r1", "since": "today", "why": ""})
    pid = box.user(
        "lock=.local/state/hermes-ops/lock; mkdir -p $lock .local/state/hermes-ops/restart\n"
        "sleep 300 >/dev/null 2>&1 & pid=$!\n"
        "read -r boot </proc/sys/kernel/random/boot_id\n"
        "started=$(sed 's/.*) //' /proc/$pid/stat | cut -d' ' -f20)\n"
        f"printf '%s %s %s\\n%s\\n' $boot $pid $started '{text}' >$lock/owner\n"
        "echo $pid"
    )

    def end() -> None:
        box.sh(f"kill -KILL {pid}")

    return end


def swap(known: Path, address: str, other: str) -> None:
    """Let a known_hosts file say the key of `other` for `address`."""
    keys = dict(line.split(" ", 1) for line in known.read_text().splitlines())
    keys[address] = keys[other]
    known.write_text("".join(f"{name} {key}\n" for name, key in keys.items()))
