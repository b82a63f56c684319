"""Ordering services: linger, planned stops, strays, drains, systemd and supervisord."""

from __future__ import annotations

import json
import os
import shlex
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shell_kit import Host, every_host, listen, one_host, state_of

host, dash = every_host, one_host
STATE = ".local/state/hermes-ops"
MARKER = ".gateway-planned-stop.json"
REQUEST = ".drain_request.json"
QUARTER = "sleep 0.25"


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def is_now(text: str) -> bool:
    """Say whether a time is that of this minute, in UTC and with its zone."""
    return abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(minutes=1)


# --- linger -----------------------------------------------------------------------------------

LINGER = "/var/lib/systemd/linger"


def lingering(host: Host, *, loginctl: str = "return 1", sudo: str = "return 1") -> None:
    """Let linger be a file of this test; `grant` in a stand-in makes it."""
    folder = host.rooted(LINGER)
    folder.mkdir(parents=True)
    host.define(f"grant() {{ : >{folder}/ann; }}")
    host.stand("loginctl", loginctl)
    host.stand("sudo", sudo)


def enable(host: Host, *, uid: int = 7, more: str = ":") -> tuple[str, list[str]]:
    """Return what enabling says and ends with, and what it called."""
    answer = host.run(f"uid={uid} user=ann; {more}; enable_linger; echo $?")
    assert answer.errors == ""
    return answer.out.strip(), host.calls


def test_who_lingers_is_left_alone(dash: Host) -> None:
    """Nobody is asked for what is so already."""
    lingering(dash)
    assert enable(dash, more="grant") == ("0", [])


def test_linger_is_first_asked_for_as_oneself(host: Host) -> None:
    """polkit may allow it; nobody is asked for a password."""
    lingering(host, loginctl="grant; echo chatter; echo noise >&2")
    assert enable(host) == ("0", ["loginctl --no-ask-password enable-linger"])


def test_linger_by_sudo(host: Host) -> None:
    """Where polkit does not allow it, root does it for the user, still without a question."""
    lingering(host, sudo="grant; echo chatter; echo noise >&2")
    asked = ["loginctl --no-ask-password enable-linger", "sudo -n loginctl enable-linger ann"]
    assert enable(host) == ("0", asked)


def test_root_needs_nobody(dash: Host) -> None:
    """Its own linger is named."""
    lingering(dash, loginctl="grant")
    assert enable(dash, uid=0) == ("0", ["loginctl enable-linger ann"])


def test_no_right_to_linger(dash: Host) -> None:
    """It has a code of its own, also where the programs claim to have done it."""
    lingering(dash, loginctl=":")
    assert enable(dash)[0] == "this user may not enable linger77"


def test_a_password_for_sudo_goes_to_it_alone(host: Host) -> None:
    """On its input, once, with no prompt; the word list has none of it."""
    host.stand("sudo", f"cat >{host.home}/input; echo chatter; echo noise >&2; return 3")
    answer = host.run("sudo_password='p w%s'; as_root thing 'a b'; echo $?")
    assert (answer.out, answer.errors) == ("3\n", "")
    assert host.calls == ["sudo -S -p '' thing 'a b'"]
    assert (host.home / "input").read_text() == "p w%s\n"


def test_the_bus_is_waited_for(dash: Host) -> None:
    """It comes a moment after linger; a quarter of a minute is enough."""
    dash.stand("start_user_manager", "return 1")
    dash.stand("user_bus", '[ "$n" = 3 ]')
    dash.stand("sleep", "n=$((n + 1))")
    assert dash.run("await_bus; echo $?").out == "0\n"
    assert dash.calls.count(QUARTER) == 3
    assert dash.calls.count("start_user_manager") == 1


@pytest.mark.parametrize(
    ("uid", "call"),
    [
        (0, "systemctl --no-block start user@0.service"),
        (7, "as_root systemctl --no-block start user@7.service"),
    ],
)
def test_the_service_manager_is_started(dash: Host, uid: int, call: str) -> None:
    """Whoever stopped it without logind: enabling linger again does not bring it back."""
    dash.stand("systemctl", "echo chatter; echo noise >&2")
    dash.stand("as_root")
    answer = dash.run(f"uid={uid} user=ann; start_user_manager; echo $?")
    assert (answer.out, answer.errors, dash.calls) == ("0\n", "", [call])


def test_a_bus_that_is_there_is_taken(dash: Host) -> None:
    """Nothing is started then, and no right is asked for."""
    dash.stand("user_bus")
    dash.stand("start_user_manager")
    assert dash.run("await_bus; echo $?").out == "0\n"
    assert "start_user_manager" not in dash.calls


def test_the_bus_is_not_waited_for_for_ever(dash: Host) -> None:
    """What is missing is said."""
    dash.stand("start_user_manager")
    dash.stand("user_bus", "false")
    dash.stand("sleep")
    answer = dash.run("uid=7 user=ann; await_bus; echo $?")
    assert answer.out == "user@7.service did not start within 15 s1\n"
    assert dash.calls.count(QUARTER) == 60


@pytest.mark.parametrize(("enabled", "calls"), [(0, 2), (77, 1)])
def test_linger_is_both(dash: Host, enabled: int, calls: int) -> None:
    """The right first, then the bus; the first that fails is the answer."""
    dash.stand("enable_linger", f"return {enabled}")
    dash.stand("await_bus", "return 5")
    assert dash.run("linger; echo $?").out == ("5\n" if calls == 2 else "77\n")
    assert dash.calls == ["enable_linger", "await_bus"][:calls]


# --- planned stops ----------------------------------------------------------------------------


def marker(host: Host, home: str = "home") -> dict[str, Any]:
    """Return the marker that a gateway would read."""
    found: dict[str, Any] = json.loads((host.home / home / MARKER).read_text())
    return found


def test_a_planned_stop_names_who_is_stopped_and_by_whom(host: Host) -> None:
    """Hermes believes a marker for its own pid that is not older than a minute."""
    (host.home / "home").mkdir()
    owner = {"operator": "ann's", "run": "r-1"}
    given = f"boot=b-1 holder={shlex.quote(json.dumps(owner))}"
    answer = host.run(f"{given}; plan_stop home 4242; echo $$; : >next")
    found = marker(host)
    assert is_now(found.pop("written_at"))
    assert 50 < found.pop("expires_at") - time.time() <= 60
    assert found == {
        "target_pid": 4242, "target_start_time": None, "stopper_pid": int(answer.out),
        "owner": owner, "boot": "b-1",
    }  # fmt: skip
    assert mode(host.home / "home" / MARKER) == 0o600
    assert mode(host.home / "next") == 0o644


def test_no_stop_is_planned_for_nobody(dash: Host) -> None:
    """Without a process or a home there is nothing to tell, and that is no failure."""
    (dash.home / "home").mkdir()
    answer = dash.run("plan_stop home ''; echo $?; plan_stop gone 4242; echo $?")
    assert (answer.out, answer.errors) == ("0\n0\n", "")
    assert [path.name for path in dash.home.iterdir()] == ["home"]
    assert list((dash.home / "home").iterdir()) == []


# --- strays -----------------------------------------------------------------------------------


def ending(host: Host, dies_after: int, *, at: str = "TERM") -> tuple[str, list[str]]:
    """Return the code and the calls of ending a process that goes so many looks after a signal."""
    (host.home / "home").mkdir()
    host.stand(
        "kill",
        f"""case "$*" in
        '-0 4242') [ ! -e signalled ] || [ $((n += 1)) -le {dies_after} ] ;;
        4242) [ {at} != TERM ] || : >signalled ;;
        '-CONT 4242') return 1 ;;
        '-KILL 4242') : >signalled ;;
        esac""",
    )
    host.stand("sleep")
    code = host.run("end_process home 4242; echo $?").out.strip()
    return code, [call for call in host.calls if call != "kill -0 4242"]


def test_a_stray_is_told_that_its_stop_is_meant(host: Host) -> None:
    """It is asked once, waited for, and the marker was there before it was asked."""
    host.stand("plan_stop")
    assert ending(host, dies_after=3) == (
        "0", ["plan_stop home 4242", "kill 4242", CONTINUE, QUARTER, QUARTER, QUARTER],
    )  # fmt: skip


def test_a_stray_that_does_not_listen_is_killed(host: Host) -> None:
    """After ten seconds, once; and then it is gone."""
    code, calls = ending(host, dies_after=0, at="KILL")
    assert code == "0"
    assert calls == ["kill 4242", CONTINUE, *[QUARTER] * 40, "kill -KILL 4242", QUARTER]


def test_a_stray_that_cannot_be_ended_is_a_failure(dash: Host) -> None:
    """Nothing is started beside it."""
    code, calls = ending(dash, dies_after=999)
    assert code == "1"
    assert calls == ["kill 4242", CONTINUE, *[QUARTER] * 40, "kill -KILL 4242", *[QUARTER] * 8]


def test_another_process_with_its_number_is_not_ended(dash: Host) -> None:
    """The number was given to somebody else since the look."""
    (dash.home / "home").mkdir()
    dash.stand("kill")
    dash.define("started_at() { echo 78; }")
    assert dash.run("end_process home 4242 77; echo $?").out == "0\n"
    assert dash.calls == ["kill -0 4242"]
    dash.stand("kill", "[ $1 != -0 ] || [ $((n += 1)) -le 1 ]")
    assert dash.run("end_process home 4242 78; echo $?").out == "0\n"
    assert "kill 4242" in dash.calls


def test_a_stray_that_is_gone_is_not_ended(dash: Host) -> None:
    """No marker is left for whoever has its number next."""
    (dash.home / "home").mkdir()
    dash.stand("kill", "return 1")
    assert dash.run("end_process home 4242; echo $?").out == "0\n"
    assert dash.calls == ["kill -0 4242"]
    assert list((dash.home / "home").iterdir()) == []


CONTINUE = "kill -CONT 4242"

# --- drains -----------------------------------------------------------------------------------


def drain(host: Host, **fields: object) -> None:
    """Let a gateway of this very process have this state; `sleep` is a quarter that passes."""
    state_of(host, "home", pid=os.getpid(), gateway_state="running", active_agents=2, **fields)


def then(agents: int, state: str = "draining", pid: int | None = None) -> str:
    """Return shell that lets the gateway say this from now on."""
    fields = {"pid": pid or os.getpid(), "gateway_state": state, "active_agents": agents}
    return f"echo '{json.dumps(fields)}' >home/gateway_state.json"


def test_a_drain_is_requested_and_waited_for(host: Host) -> None:
    """Until no turn is left: not while one runs, nor by what was so before the request."""
    drain(host)
    steps = f"case $((n += 1)) in 2) {then(1)} ;; 4) {then(0)} ;; esac"
    host.stand("sleep", steps)
    assert host.run("boot=b; drain_gateway home 60; echo $?; cat home/gateway_state.json").code == 0
    assert host.calls == [QUARTER] * 4


def test_a_request_is_private_whole_and_of_this_boot(host: Host) -> None:
    """Hermes refuses one of another boot: none survives a crash. It is renamed into its place."""
    drain(host)
    host.rooted("/proc/1/stat")
    host.rooted("/proc/$1/stat")
    host.part("/proc/1/stat", f"1 (init) {' '.join(map(str, range(3, 30)))}\n")
    host.stand("mv", f'ls -l "$2" | cut -c1-10 >{host.home}/mode; command mv "$@"')
    host.run('boot=b-1; ask_drain home 30; echo "$drains" >drains; : >next')
    found = json.loads((host.home / "home" / REQUEST).read_text())
    assert is_now(found.pop("requested_at"))
    assert 140 < found.pop("expires_at") - time.time() <= 150
    assert found == {
        "owner": None, "boot": "b-1", "action": "drain", "principal": "hermes-ops",
        "epoch": "b-1:22", "until": "restart",
        "suppress_notification": True,
    }  # fmt: skip
    assert host.calls == [f"mv -f home/{REQUEST}.new home/{REQUEST}"]
    assert (host.home / "mode").read_text() == "-rw-------\n"
    assert mode(host.home / "home" / REQUEST) == 0o600
    assert mode(host.home / "next") == 0o644
    assert (host.home / "drains").read_text() == f" home/{REQUEST}\n"


def test_a_request_where_no_boot_is_known(dash: Host) -> None:
    """Without /proc there is no epoch, and Hermes takes none."""
    drain(dash)
    dash.rooted("/proc/1/stat")
    dash.run(f"boot=b; request_drain home/{REQUEST} 30")
    assert json.loads((dash.home / "home" / REQUEST).read_text())["epoch"] == ""


@pytest.mark.slow
def test_two_requests_are_both_taken_back(dash: Host) -> None:
    """With the lock, when the restarts are ordered."""
    drain(dash)
    state_of(dash, "other", pid=os.getpid(), gateway_state="running")
    dash.stand("sleep")
    body = "take_lock 1 x; drain_gateway home 1; drain_gateway other 1; ls */.d*; release_lock"
    told = [line for line in dash.run(body).out.splitlines() if REQUEST in line]
    assert told == [f"home/{REQUEST}", f"other/{REQUEST}"]
    assert list(dash.home.glob("*/.d*")) == []


@pytest.mark.parametrize(("then", "stays"), [(":", []), ("echo theirs", [REQUEST])])
def test_a_request_goes_with_the_process_that_it_was_for(
    host: Host, then: str, stays: list[str]
) -> None:
    """As long as that lives, or else it tells people that it stops. The next never sees it, also
    while the lock is held. What somebody else has put in its place stays."""
    drain(host)
    (host.home / "other").mkdir()
    state = '{"pid": %s, "gateway_state": "running", "active_agents": 0}'
    then = then if then == ":" else f"{then} >other/{REQUEST}"
    lines = (
        f"sleep 60 & gateway=$!; printf '{state}' $gateway >other/gateway_state.json",
        "boot=b; take_lock 1 x; drain_gateway home 0; drain_gateway other 0",
        "ends_drained other; ends_drained elsewhere; ends_drained other",
        f"cat home/{REQUEST} other/{REQUEST} | cut -c1-9; {then}",
        "kill $gateway; wait; echo; ls -A other; release_lock; trap - EXIT; ls -A home",
    )
    said = host.run("\n".join(lines)).out.split()[3:]
    state_file = "gateway_state.json"
    assert said == ['{"action"', '{"action"', *stays, state_file, state_file]


@pytest.mark.slow
def test_a_drain_has_an_end(dash: Host) -> None:
    """So many seconds, a quarter at a time."""
    drain(dash)
    dash.stand("sleep")
    dash.run("boot=b; drain_gateway home 7")
    assert dash.calls == [QUARTER] * 28


@pytest.mark.parametrize(
    "fields",
    [{"pid": 999999999, "gateway_state": "running"}, {"pid": os.getpid(), "gateway_state": "x"}],
    ids=["dead", "not running"],
)
def test_who_is_not_up_is_not_drained(dash: Host, fields: dict[str, Any]) -> None:
    """No request is left for the one that comes after, and nothing is waited for."""
    state_of(dash, "home", active_agents=1, **fields)
    dash.stand("sleep")
    assert dash.run("boot=b; drain_gateway home 7; echo $?").out == "0\n"
    assert dash.calls == []
    assert not (dash.home / "home" / REQUEST).exists()


@pytest.mark.slow
def test_who_does_not_begin_to_drain_is_not_waited_for(dash: Host) -> None:
    """After ten seconds: it is too old for it, or hangs. Another goes on to be waited for."""
    drain(dash)
    state_of(dash, "other", pid=os.getpid(), gateway_state="draining", active_agents=1)
    dash.stand("sleep")
    dash.run("boot=b; draining=' home other'; await_drains 20")
    assert dash.calls == [QUARTER] * 80
    dash.run("boot=b; ask_drain home 20; await_drains 20")
    assert dash.calls == [QUARTER] * 120


@pytest.mark.slow
def test_drains_are_told_with_the_turns_that_run(dash: Host) -> None:
    """All drain at once: the slowest decides. Every two seconds it is told how many are left."""
    drain(dash)
    state_of(dash, "other", pid=os.getpid(), gateway_state="draining", active_agents=3)
    gone = "echo >other/gateway_state.json"
    dash.stand("sleep", f"case $((n += 1)) in 4) {then(1)} ;; 9) {then(0)} ;; 12) {gone} ;; esac")
    said = dash.run("boot=b; draining=' home other'; await_drains 20").reply.of("draining")
    assert [record.rest for record in said] == ["5 20", "4 18"]
    assert dash.calls == [QUARTER] * 12


def test_nobody_is_waited_for_once_the_operator_is_gone(dash: Host) -> None:
    """The second time that it is told finds nobody who hears it: the run ends there."""
    drain(dash)
    dash.stand("sleep")
    dash.stand("say", "[ $((n += 1)) -lt 2 ]")
    dash.run("boot=b; draining=' home'; await_drains 5")
    assert dash.calls.count(QUARTER) == 9


def test_who_dies_while_it_drains_is_not_waited_for(dash: Host) -> None:
    """Nobody is left whose turns could end."""
    drain(dash)
    dash.stand("sleep", f"[ $((n += 1)) -ne 3 ] || {then(2, pid=999999999)}")
    dash.run("boot=b; drain_gateway home 60")
    assert dash.calls == [QUARTER] * 3


def test_a_drain_of_others_is_waited_for_and_left_to_them(dash: Host) -> None:
    """Their request stays as it is, and is not among those that we take back."""
    drain(dash)
    dash.file(f"home/{REQUEST}", "theirs")
    dash.stand("sleep", f"[ $((n += 1)) -ne 3 ] || {then(0)}")
    assert dash.run('drain_gateway home 60; echo "[$drains]"').out.splitlines()[-1] == "[]"
    assert dash.calls == [QUARTER] * 3
    assert (dash.home / "home" / REQUEST).read_text() == "theirs"


@pytest.mark.parametrize(
    ("text", "drained"),
    [
        ('{"gateway_state": "draining", "active_agents": 0}', True),
        ('{"active_agents": 0,\n  "x": 1, "gateway_state": "draining"}', True),
        ('{"gateway_state": "draining", "active_agents": 1}', False),
        ('{"gateway_state": "draining", "active_agents": 9}', False),
        ('{"gateway_state": "running", "active_agents": 0}', False),
        ("", False),
    ],
)
def test_drained_is_draining_without_a_turn(host: Host, text: str, drained: bool) -> None:
    """In whatever order and form the file has it; half a file is no evidence."""
    host.file("home/gateway_state.json", text)
    host.stand("recorded_lives")
    answer = host.run("drained home && echo drained")
    assert (answer.out, answer.errors) == ("drained\n" if drained else "", "")


def test_a_drain_that_waits_for_nobody_tells_of_no_turn(dash: Host) -> None:
    """It has looked at none: a frozen gateway is asked, and not waited for."""
    (dash.home / "home").mkdir()
    assert dash.run("draining=' home'; await_drains 0; echo $?").told == []


def test_nothing_follows_a_drain_of_an_operator_who_is_gone(host: Host) -> None:
    """The turns that run would be cut off, and nobody would know."""
    (host.home / "home").mkdir()
    host.stand("drained", "agents=1; gone=1; return 1")
    assert "on" not in host.run("draining=' home'; await_drains 9; echo on").out.split()


def test_starts_that_we_order_are_no_storm(dash: Host) -> None:
    """Hermes' count of them is forgotten, of this home alone; where there is none, no matter."""
    dash.file("home/gateway-starts.log", "1\n2\n")
    kept = dash.file("other/gateway-starts.log", "1\n")
    assert dash.run("reset_storm home; echo $?; reset_storm home; echo $?").out == "0\n0\n"
    assert not (dash.home / "home/gateway-starts.log").exists()
    assert kept.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("then", "stays"), [(":", []), ("echo other", [".drain_request.json"])])
def test_a_drain_that_lasts_ends_by_itself(dash: Host, then: str, stays: list[str]) -> None:
    """After its time, on the host; one that took its place meanwhile is left alone."""
    (dash.home / "home").mkdir()
    more = ":" if then == ":" else f"{then} >home/.drain_request.json"
    done = dash.run(f"leave_drain home 1; {more}; ls -A home; wait; ls -A home")
    assert done.out.split() == [".drain_request.json", *stays]


# --- systemd ----------------------------------------------------------------------------------

RESET, BLOCK = "systemctl --user reset-failed", "systemctl --user --no-block"
SHOW = "systemctl --user show -p ActiveState --value"


def systemd(host: Host, states: str = "inactive", *, order: str = ":", reset: str = ":") -> None:
    """Let a stand-in be systemd: the states of a unit one after the other, and its answers."""
    host.stand(
        "systemctl",
        f"""case "$*" in
        *' show '*) set -- {states}; read -r n 2>/dev/null <looks; n=$((n + 1)); echo $n >looks
          [ $n -le $# ] || n=$#; eval "echo \\${{$n}}" ;;
        *reset-failed*) {reset} ;;
        *) {order} ;;
        esac""",
    )


def test_units_are_read_again_by_the_users_manager(dash: Host) -> None:
    """Not by the system's."""
    systemd(dash)
    dash.run("systemd_reload")
    assert dash.calls == ["systemctl --user daemon-reload"]


def test_a_folder_of_drop_ins_goes_with_the_last_of_them(dash: Host) -> None:
    """One in which somebody else has a file stays."""
    systemd(dash)
    empty, full = (dash.home / f"{name}.service.d" for name in "ab")
    empty.mkdir()
    dash.file(f"{full.name}/theirs.conf", "")
    assert dash.run(f"systemd_reload {empty.name} {full.name}").errors == ""
    assert (empty.exists(), full.exists()) == (False, True)


def test_an_empty_folder_that_a_cut_run_has_left_goes(dash: Host) -> None:
    """It had removed the drop-in, and came no further."""
    systemd(dash)
    left, foreign = (dash.home / f"units/{name}.service.d" for name in ("hermes-gateway-a", "x"))
    left.mkdir(parents=True)
    foreign.mkdir()
    dash.run("systemd_folder=units; systemd_reload")
    assert (left.exists(), foreign.exists()) == (False, True)


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_a_start_forgets_failures_first(host: Host, verb: str) -> None:
    """Else systemd would refuse it for its earlier ones; it is not waited for."""
    systemd(host, reset="echo noise >&2; return 1")
    answer = host.run(f"systemd_do {verb} one.service; echo $?")
    assert (answer.out, answer.errors) == ("0\n", "")
    assert host.calls == [f"{RESET} one.service", f"{BLOCK} {verb} one.service"]


def test_a_new_unit_has_no_failures(dash: Host) -> None:
    """One call less; the verb is systemd's own again."""
    systemd(dash)
    dash.run("systemd_do start-new one.service")
    assert dash.calls == [f"{BLOCK} start one.service"]


def test_an_order_that_is_refused_is_a_failure(host: Host) -> None:
    """With systemd's own code and words; a stop that was refused is not waited for."""
    systemd(host, order="echo masked; return 5")
    for verb in ("start", "stop"):
        assert host.run(f"systemd_do {verb} one.service; echo $?").out == "masked\n5\n"
    assert not any(SHOW in call for call in host.calls)


@pytest.mark.parametrize("last", ["inactive", "failed", "''"])
def test_a_stop_is_waited_for_and_forgotten(host: Host, last: str) -> None:
    """What starts next needs what it held; a failure at its end is not left to be seen."""
    systemd(host, f"active deactivating {last}", reset="return 1")
    host.stand("sleep")
    assert host.run("systemd_do stop one.service; echo $?").out == "0\n"
    assert host.calls == [
        f"{BLOCK} stop one.service",
        f"{SHOW} one.service", QUARTER, f"{SHOW} one.service", QUARTER, f"{SHOW} one.service",
        f"{RESET} one.service",
    ]  # fmt: skip


def test_a_stop_that_does_not_end_is_killed_and_then_a_failure(dash: Host) -> None:
    """After the time that systemd lets it take, and ten seconds more for each."""
    systemd(dash, "deactivating")
    dash.stand("sleep")
    answer = dash.run("patient 1; systemd_do stop one.service; echo $?").out
    assert answer == "it still runs, although it was killed1\n"
    assert dash.calls.count(QUARTER) == 4 * (1 + 20)
    (kill,) = (at for at, call in enumerate(dash.calls) if "kill" in call)
    assert dash.calls[:kill].count(QUARTER) == 4 * (1 + 10)


def test_what_somebody_started_again_is_not_killed(dash: Host) -> None:
    """It is a process of theirs, and this stop has failed."""
    systemd(dash, "deactivating active")
    dash.stand("sleep")
    answer = dash.run("patient 60; systemd_do stop one.service; echo $?").out
    assert answer == "it runs again: somebody else has started it1\n"
    assert not any("kill" in call for call in dash.calls)


def test_what_was_ordered_together_is_not_ordered_again(host: Host) -> None:
    """A start is then done; a stop is still waited for, each on its own."""
    systemd(host)
    host.run("systemd_ahead start a.service b.service; systemd_do start a.service")
    assert host.calls == [f"{RESET} a.service b.service", f"{BLOCK} start a.service b.service"]
    host.run("systemd_ahead stop a.service b.service; systemd_do stop b.service")
    assert host.calls[2:] == [
        f"{BLOCK} stop a.service b.service", f"{SHOW} b.service", f"{RESET} b.service",
    ]  # fmt: skip


def test_a_start_is_no_stop_that_was_ordered_together(host: Host) -> None:
    """Gateways that swap their ports stop together, and each of them starts again."""
    systemd(host)
    host.run("systemd_ahead stop a.service b.service; systemd_do start a.service")
    assert host.calls[1:] == [f"{RESET} a.service", f"{BLOCK} start a.service"]


def test_one_alone_is_not_ordered_together(dash: Host) -> None:
    """Nor is none."""
    systemd(dash)
    assert dash.run("systemd_ahead start a.service; systemd_ahead start; echo $?").out == "0\n"
    assert dash.calls == []


def test_where_the_one_call_fails_each_is_asked_alone(dash: Host) -> None:
    """What it said is not said twice; another unit of a like name was not ordered either."""
    systemd(dash, order="case $* in *bad*) echo masked; echo masked >&2; return 1 ;; esac")
    answer = dash.run("systemd_ahead start a.service bad.service; systemd_do start a.service")
    assert (answer.out, answer.errors) == ("", "")
    assert dash.calls[-1] == f"{BLOCK} start a.service"
    dash.run("systemd_ahead start a.service b.service; systemd_do start xa.service")
    assert dash.calls[-1] == f"{BLOCK} start xa.service"


# --- supervisord ------------------------------------------------------------------------------

FOLDER = ".local/share/hermes-ops/supervisor/current/venv/bin"
CONFIG = ".config/hermes-ops/supervisord.conf"


def test_a_supervisor_that_runs_is_left_alone(dash: Host) -> None:
    """Its pid file and its socket stay where they are."""
    dash.stand("supervisor_alive")
    dash.stand("scrubbed")
    dash.file(f"{STATE}/supervisord.pid", "7")
    assert dash.run("supervisor_up; echo $?").out == "0\n"
    assert dash.calls == ["supervisor_alive"]
    assert (dash.home / STATE / "supervisord.pid").exists()


def test_a_supervisor_is_started_without_what_a_dead_one_left(host: Host) -> None:
    """A stale pid file or socket is believed by nobody; it is up when both are there again."""
    listen(host.place / "socket")
    listen(host.home / STATE / "supervisor.sock")
    host.file(f"{STATE}/supervisord.pid", "7")
    host.stand("supervisor_alive", "[ -e up ]")
    host.stand("scrubbed", f"ls {STATE} >left")
    host.stand(
        "sleep",
        f"case $((n += 1)) in 2) : >up ;; 4) mv ../socket {STATE}/supervisor.sock ;; esac",
    )
    assert host.run("supervisor_up; echo $?").out == "0\n"
    assert (host.home / "left").read_text() == ""
    calls = [call for call in host.calls if call != "supervisor_alive"]
    assert calls == [f"scrubbed 20 {FOLDER}/supervisord -c {CONFIG}", *[QUARTER] * 4]


def test_a_supervisor_that_does_not_come_up(host: Host) -> None:
    """Ten seconds are enough; where to look is said. Its folder was made for it."""
    host.stand("supervisor_alive", "false")
    host.stand("scrubbed", f"[ -d {STATE} ]")
    host.stand("sleep")
    answer = host.run("supervisor_up; echo $?")
    assert answer.out == f"supervisord did not start; see {STATE}/supervisord.log1\n"
    assert host.calls.count(QUARTER) == 40


def test_a_supervisor_that_cannot_be_started(dash: Host) -> None:
    """Its own code is the answer, and nothing is waited for."""
    dash.stand("supervisor_alive", "false")
    dash.stand("scrubbed", "return 6")
    dash.stand("sleep")
    assert dash.run("supervisor_up; echo $?").out == "6\n"
    assert QUARTER not in dash.calls


def supervisor(host: Host, *, status: str = "RUNNING", others: str = "", **says: str) -> None:
    """Let a stand-in be supervisorctl, of a supervisor that runs."""
    rest = "\n".join(f"{verb}) {body} ;;" for verb, body in says.items())
    host.stand("supervisor_up")
    host.stand("supervisor_alive")
    host.stand("plan_stop")
    host.stand("scrubbed")
    host.stand("kill", "false")
    host.stand(
        "supervisorctl",
        f"""case "$1${{2:+ one}}" in
        'pid one') echo 4242 ;;
        'status one') echo 'one   {status}   pid 4242' ;;
        status) printf '%s\\n' '{others}' ;;
        esac
        case $1 in
        status|pid) ;;
        {rest}
        *) echo chatter ;;
        esac""",
    )


STOP = f"scrubbed 110 {FOLDER}/supervisorctl -c {CONFIG} stop one"
ANNOUNCED_STOP = ["pid one", "plan_stop 'my home' 4242", STOP, "kill -0 4242", "update one"]


def do(host: Host, verb: str) -> tuple[str, list[str]]:
    """Return what an order says and ends with, and the calls without questions."""
    answer = host.run(f"supervisor_do {verb} one 'my home'; echo $?")
    assert answer.errors == ""
    return answer.out, [call.removeprefix("supervisorctl ") for call in host.calls]


def test_a_program_is_started_from_its_section(host: Host) -> None:
    """Read anew first; it is up when supervisord says so."""
    supervisor(host)
    assert do(host, "start") == ("0\n", ["supervisor_up", "update one", "start one", "status one"])


@pytest.mark.parametrize("status", ["RUNNING", "STARTING"])
def test_a_program_is_restarted(host: Host, status: str) -> None:
    """Its stop is announced, then ordered; then it is started as any other."""
    supervisor(host, status=status)
    calls = ["supervisor_up", *ANNOUNCED_STOP, "start one", "status one"]
    assert do(host, "restart") == ("0\n", calls)


@pytest.mark.parametrize("status", ["FATAL", "BACKOFF", "EXITED", "STOPPED"])
def test_a_start_that_did_not_start_is_a_failure(host: Host, status: str) -> None:
    """With what supervisord says of it."""
    supervisor(host, status=status)
    assert do(host, "start")[0] == f"one   {status}   pid 4242\n1\n"


def test_a_section_that_cannot_be_read_is_a_failure(dash: Host) -> None:
    """Nothing is started from the old one."""
    supervisor(dash, update="return 4")
    assert do(dash, "start") == ("4\n", ["supervisor_up", "update one"])


def test_no_program_without_a_supervisor(dash: Host) -> None:
    """Its failure is the program's."""
    supervisor(dash)
    dash.stand("supervisor_up", "return 6")
    assert do(dash, "start") == ("6\n", ["supervisor_up"])


def test_a_stop_is_announced_and_the_last_one_ends_the_supervisor(host: Host) -> None:
    """What nobody needs does not run."""
    supervisor(host, others="two   STOPPED   x")
    calls = ["supervisor_alive", *ANNOUNCED_STOP, "status", "shutdown"]
    assert do(host, "stop") == ("0\n", calls)


def test_what_supervisord_did_not_end_is_killed(dash: Host) -> None:
    """It has its whole time before; where it lives on, the stop has failed."""
    supervisor(dash)
    dash.stand("sleep")
    dash.stand("kill", "case $1 in -0) [ ! -e dead ] ;; *) : >dead ;; esac")
    assert dash.run("patient 5; supervisor_do stop one h; echo $?").out == "0\n"
    assert [call for call in dash.calls if "kill" in call or "scrubbed" in call] == [
        STOP.replace("110", "25"), "kill -0 4242", "kill -KILL 4242", "kill -0 4242",
    ]  # fmt: skip


@pytest.mark.parametrize("state", ["RUNNING", "STARTING", "BACKOFF", "STOPPING"])
def test_a_supervisor_that_others_need_stays(dash: Host, state: str) -> None:
    """Whoever runs, or is about to, or is still ending."""
    supervisor(dash, others=f"two   {state}   x")
    assert do(dash, "stop")[1][-1] == "status"


def test_a_stop_without_a_supervisor_is_done(dash: Host) -> None:
    """None is started for it."""
    supervisor(dash)
    dash.stand("supervisor_alive", "false")
    assert do(dash, "stop") == ("0\n", ["supervisor_alive"])


@pytest.mark.parametrize(
    ("said", "pid"),
    [("4242", "4242\n"), ("0", ""), ("unix:// no such file", ""), ("No such 7", "")],
)
def test_the_pid_of_a_program_is_a_number(dash: Host, said: str, pid: str) -> None:
    """Zero is none, and a complaint is none either."""
    dash.stand("supervisorctl", f"echo '{said}'; echo noise >&2")
    answer = dash.run("supervisor_pid_of one")
    assert (answer.out, answer.errors) == (pid, "")
    assert dash.calls == ["supervisorctl pid one"]


def test_supervisorctl_is_ours_and_has_an_end(dash: Host) -> None:
    """From our own environment, with our own configuration, within twenty seconds."""
    dash.stand("scrubbed")
    dash.run("supervisorctl status 'a b'")
    assert dash.calls == [f"scrubbed 20 {FOLDER}/supervisorctl -c {CONFIG} status 'a b'"]


# --- waits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        ("await_bus", {"user_bus": "[ -e there ]"}),
        ("systemd_stopped u", {"systemctl": "[ -e there ] || echo active"}),
        ("supervisor_up", {"supervisor_alive": "[ -e there ]", "scrubbed": ":"}),
        ("end_process home 4242", {"kill": '[ "$1" != -0 ] || [ ! -e there ]', "plan_stop": ":"}),
        ("drain_gateway home 60", {"looks_up": ":", "drained": "[ -e there ]"}),
    ],
)
def test_every_wait_has_its_whole_time(dash: Host, body: str, answers: dict[str, str]) -> None:
    """However long something else was waited for before it in the same run."""
    (dash.home / "home").mkdir()
    listen(dash.home / STATE / "supervisor.sock")
    dash.define("rm() { :; }")
    for name, answer in answers.items():
        dash.stand(name, answer)
    dash.stand("sleep", "[ $((n += 1)) -ne 2 ] || : >there")
    assert dash.run(f"boot=b tries=1000; {body}; echo $?").out.splitlines()[-1] == "0"
    assert dash.calls.count(QUARTER) == 2
    assert "kill -KILL 4242" not in dash.calls


# --- what managers say of a service -------------------------------------------------------------

SUPERVISORD = """\
2026-07-20 10:00:00,123 INFO spawned: 'hermes-gateway-coder' with pid 12
2026-07-20 10:00:01,124 INFO success: hermes-gateway-coder entered RUNNING state
2026-07-20 10:00:02,124 INFO success: hermes-gateway-coder-2 entered RUNNING state
2026-07-20 10:00:03,124 WARN exited: hermes-gateway-coder (exit status 1; not expected)
"""


@pytest.mark.slow
def test_the_journal_of_a_program(host: Host) -> None:
    """Only its own lines; the cursor behind them is where the next ones begin."""
    log = host.file(".local/state/hermes-ops/supervisord.log", SUPERVISORD)
    lines = SUPERVISORD.splitlines()
    end = f"-- cursor: {len(SUPERVISORD)}"
    asked = host.run("supervisord_journal hermes-gateway-coder - - ''")
    assert (asked.out.splitlines(), asked.errors) == ([lines[0], lines[1], lines[3], end], "")
    asked = host.run("supervisord_journal hermes-gateway-coder 1 - 74")
    assert asked.out.splitlines() == [lines[3], end]
    log.write_text(f"{lines[0]}\n")  # rotated: it is shorter than the cursor says
    asked = host.run("supervisord_journal hermes-gateway-coder - - 400")
    assert asked.out.splitlines() == [lines[0], "-- cursor: 73"]


def test_a_host_without_a_journal_says_nothing(host: Host) -> None:
    """And no error."""
    host.has_only()
    asked = host.run("supervisord_journal x - - ''; systemd_journal x.service - - ''")
    assert (asked.out, asked.errors) == ("", "")


def test_the_journal_of_a_unit(host: Host) -> None:
    """With epochs as times, and a cursor."""
    host.has_only("journalctl")
    host.stand("journalctl")
    host.run("systemd_journal x.service 5 - ''; systemd_journal x.service - 1784541600 's=1'")
    plain = "journalctl --user -q -o short-unix --no-hostname --show-cursor -u x.service"
    assert host.calls == [f"{plain} -n 5", f"{plain} --since @1784541600 --after-cursor s=1"]


def test_the_journal_of_a_unit_of_the_system(host: Host) -> None:
    """Not that of the system alone: what a service says is in the journal of its user."""
    host.has_only("journalctl")
    host.stand("journalctl")
    host.stand("is_of_user")
    host.run("systemd_system_journal x.service 5 - ''; systemd_system_log x.service")
    host.run("systemd_system_log x.service; systemd_log x.service")
    assert not [call for call in host.calls if "--system" in call]
    assert ["--user" in call for call in host.calls if "journalctl" in call] == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("state", "job", "activity"),
    [
        ("inactive", "7", "activating"), ("inactive", "0", "inactive"),
        ("inactive", "", "inactive"),
        ("active", "7", "active"), ("failed", "7", "failed"),
    ],
)  # fmt: skip
def test_a_start_that_is_queued_is_on_its_way(
    dash: Host, state: str, job: str, activity: str
) -> None:
    """systemd has taken the order and not begun it: the unit is not down."""
    block = f"Id=a.service\nActiveState={state}\nJob={job}\n\nId=b.service\nActiveState=active\n"
    said = dash.run(f"units='{block}'; read_units; systemd_said a.service; echo $activity")
    assert said.out == f"{activity}\n"


def test_only_units_of_the_system_that_are_there_are_asked_for(host: Host) -> None:
    """Unless root may have lost a file of one that runs; a user's units are asked for as before."""
    host.stand("systemd_answers")
    host.stand("systemctl")
    host.file("units/a.service")
    look = "system_units=$HOME/units; systemd_system_look a.service b.service"
    host.run(f"may_root=; {look}; systemd_look c.service")
    host.run(f"may_root=1; {look}")
    assert [call.split(" -- ")[1] for call in host.calls if "systemctl" in call] == [
        "a.service", "c.service", "a.service b.service",
    ]  # fmt: skip
    assert ["--system" in c for c in host.calls if "systemctl" in c] == [True, False, True]


# --- what systemd would make of a unit ----------------------------------------------------------

SYSTEMD = ".config/systemd/user"
ODD = "Failed to parse time value, ignoring: abc"


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("", False),
        ("{trial}/a.service:8: Invalid memory limit '12Q', ignoring: Invalid argument", True),
        ("{trial}/a.service.d/own.conf:2: " + ODD, True),
        ("{trial}/a.service.d/theirs.conf:2: " + ODD, False),
        ("{trial}/a.service:29: Unknown key 'Future' in section [Service], ignoring.", False),
        ("a.service: Service has no ExecStart= setting. Refusing.", True),
        ("a.service: Command /nope is not executable: No such file or directory", True),
        ("a.service: Command {home}/tool is not executable: No such file or directory", False),
        ("other.service: Command /nope is not executable: No such file or directory", False),
        ("/etc/systemd/system/x.service:2: " + ODD, False),
        ("systemd-analyze: unrecognized option '--man=no'", False),
    ],
)
def test_a_unit_that_systemd_would_not_take(host: Host, line: str, refused: bool) -> None:
    """Its own lines and those of what is written now count; nothing of the trial is left."""
    for name in ("a.service", "a.service.d/theirs.conf"):
        host.file(f"{SYSTEMD}/{name}", "old")
    host.file("here", "")
    stage = f"""XDG_RUNTIME_DIR={host.home}/run; mkdir run
    for new in {SYSTEMD}/.a.service {SYSTEMD}/a.service.d/.own.conf .tool; do
      echo new >$new.hermes-ops.$$
    done
    """
    seen = 'cat "$4" "$4.d/own.conf" "$4.d/theirs.conf" >seen; '
    said = line.format(trial="${4%/*}", home=host.home)
    host.program("systemd-analyze", f"{seen}cat <<E\n{said}\nE\nreturn 1")
    answer = host.run(f'{stage} systemd_proof a.service; echo " $?"; ls run')
    assert (host.home / "seen").read_text() == "new\nnew\nold"
    assert answer.out.endswith(f" {int(refused)}\n")
    assert ("systemd would not take it" in answer.out) == refused
    assert str(host.home) not in answer.out


def test_an_unchanged_unit_is_not_judged_for_what_it_ignores(host: Host) -> None:
    """It is Hermes' own text, or was taken before; what it refuses counts all the same."""
    host.file(f"{SYSTEMD}/a.service", "old")
    for word, code in (("ignoring", 0), ("Refusing", 1)):
        where = "${4%/*}/a.service:3" if code == 0 else "a.service"
        host.program("systemd-analyze", f"cat <<E\n{where}: {word}.\nE")
        answer = host.run('XDG_RUNTIME_DIR=$HOME/run; systemd_proof a.service; echo " $?"')
        assert answer.out.endswith(f" {code}\n")


def test_without_systemd_analyze_nothing_is_proven(dash: Host) -> None:
    """systemd itself tells then."""
    dash.lacks("systemd-analyze")
    assert dash.run("systemd_proof a.service; echo $?").out == "0\n"
