"""Waiting until services are ready: what ends a wait, what is up, and whose log is shown."""

from __future__ import annotations

import json
import os
import time

import pytest
from shell_kit import Host, every_host, one_host, state_of

host, dash = every_host, one_host
STATE = ".local/state/hermes-ops"
DEAD = 999999999


# --- the clock --------------------------------------------------------------------------------


def test_time_is_told_as_the_kernel_counts_it(dash: Host) -> None:
    """Uptime does not jump when the clock is set; both are told. Its hundredths are decimal."""
    dash.rooted("/proc/uptime")
    dash.part("/proc/uptime", "4711.08 9000.00\n")
    dash.stand("date", "echo 1700000000")
    answer = dash.run("clock; echo $instant")
    assert answer.told == ["uptime 4711.08", "now 1700000000"]
    assert answer.out.endswith("\n471108\n")
    assert dash.calls == ["date +%s"]


def test_time_without_proc_is_the_clocks(dash: Host) -> None:
    """Where there is no uptime, the date counts."""
    dash.rooted("/proc/uptime")
    dash.stand("date", "echo 1700000000")
    answer = dash.run("clock; echo $instant")
    assert answer.told == ["now 1700000000"]
    assert answer.out.endswith("\n170000000000\n")


def ticking(host: Host, round_: str = ":") -> None:
    """Let each nap of a wait take a second of the host's time, and a round do this."""
    host.rooted("/proc/uptime")
    host.part("/proc/uptime", "100.50 1\n")
    host.stand("sleep", f"t=$((${{t:-100}} + 1)); echo $t.50 1 >{host.root}/proc/uptime")
    host.stand("date", "echo 7")
    host.define(f"round() {{ rounds=$((rounds + 1)); {round_}; }}")


def rounds(host: Host, seconds: int, settle: int, more: str = ":") -> int:
    """Return how often a wait looked."""
    answer = host.run(f'{more}; await {seconds} {settle * 100} 3000; echo "$rounds" >rounds')
    assert answer.errors == ""
    found = int((host.home / "rounds").read_text().strip() or 0)
    assert answer.told.count("round") == found or "gone=1" in more
    return found


@pytest.mark.parametrize(
    ("round_", "settle", "looks"),
    [
        (":", 0, 1),
        (":", 3, 4),
        ("[ $rounds -ge 3 ] || ready=", 0, 3),
        ("[ $rounds -ge 3 ] || ready=", 5, 6),
        ("ready=", 0, 11),
        ("ready=", 3, 11),
        ("[ $((rounds % 2)) -eq 0 ] || ready=", 20, 11),
    ],
    ids=["at once", "settles", "later", "both", "never", "never settled", "limit before settled"],
)
def test_a_wait_ends_when_all_is_ready_and_settled(
    host: Host, round_: str, settle: int, looks: int
) -> None:
    """Or at its limit of ten seconds; each round judges anew."""
    ticking(host, round_)
    assert rounds(host, 10, settle) == looks
    assert host.calls.count("sleep 0.5") == looks - 1


@pytest.mark.parametrize(
    ("took", "nap"),
    [("100.50", "0.5"), ("100.66", "0.5"), ("100.67", "0.5"), ("100.88", "1.1"), ("101.09", "1.7"),
     ("101.40", "2.0"), ("160.08", "2.0")],
)  # fmt: skip
def test_looks_get_a_quarter_of_the_time(host: Host, took: str, nap: str) -> None:
    """Between half a second and two, by how long the last look took."""
    host.rooted("/proc/uptime")
    host.part("/proc/uptime", "100.50 1\n")
    host.stand("sleep", "")
    host.run(f"clock; echo {took} 1 >{host.root}/proc/uptime; pause")
    assert host.calls[-1] == f"sleep {nap}"


@pytest.mark.parametrize(
    ("watched", "limit", "naps"),
    [("", 60, 1), ("up", 60, 1), ("down", 60, 4), ("up down", 60, 4), ("later", 60, 2),
     ("down", 2, 1)],
)  # fmt: skip
def test_until_gateways_say_that_they_run_each_fourth_look_is_whole(
    host: Host, watched: str, limit: int, naps: int
) -> None:
    """One that says so is looked at with the next nap, and a limit is met in time."""
    host.rooted("/proc/uptime")
    host.part("/proc/uptime", "100.50 1\n")
    host.stand("sleep", "naps=$((naps + 1))")
    host.define('looks_up() { [ "$1" = up ] || [ "$1:$naps" = later:2 ]; }')
    answer = host.run(
        f"ending=; ready_limit={limit}00; clock; counts_from=$instant; pause {watched}"
    )
    assert (host.calls, answer.errors) == (["sleep 0.5"] * naps, "")


def test_while_a_process_ends_each_look_is_whole(host: Host) -> None:
    """How many turns it waits for is counted down."""
    host.stand("sleep", "")
    host.define("looks_up() { return 1; }")
    host.run("ending=1; ready_limit=6000; clock; counts_from=$instant; pause down")
    assert len(host.calls) == 1


def test_without_uptime_the_pause_is_half_a_second(dash: Host) -> None:
    """The clock of a Mac counts whole seconds."""
    dash.rooted("/proc/uptime")
    dash.stand("sleep", "")
    dash.run("clock; pause")
    assert dash.calls[-1] == "sleep 0.5"


@pytest.mark.parametrize(("most", "looks"), [(30, 5 + 10), (0, 10 + 10), (-10, 11)])
def test_the_wait_begins_when_the_old_process_has_ended(dash: Host, most: int, looks: int) -> None:
    """It may end within its manager's time and ten seconds more; then it counts all the same."""
    ends = "[ $rounds -gt 5 ] ||" if most > 0 else ""
    ticking(dash, f"{ends} ending=1; ready=")
    assert rounds(dash, 10, 0, f"patient {most}; longest={most}") == looks


def test_a_new_process_that_ends_again_and_again_gets_no_more_time(dash: Host) -> None:
    """Its manager starts it anew and shows each end: only that of the old process is waited for."""
    ticking(dash, "[ $rounds -gt 3 -a $((rounds % 3)) -ne 0 ] || ending=1; ready=")
    assert rounds(dash, 10, 0, "patient 30; longest=30") == 3 + 10


def test_the_most_patient_end_is_waited_for(dash: Host) -> None:
    """Each has its own time; the wait begins when the slowest of them must have ended."""
    assert dash.run('patient 9; patient 3; patient 5; echo "$patience $longest"').out == "5 9\n"


def test_a_stop_is_counted_down_with_its_turns(host: Host) -> None:
    """Every two seconds, as long as its manager lets anything end."""
    ends = "[ $rounds -gt 5 ] || { ending=1; turns=$((turns + 2)); }; ready="
    ticking(host, ends)
    answer = host.run("longest=9; await 3 0 3000")
    assert [record.rest for record in answer.reply.of("ending")] == ["2 8", "2 6"]


def test_what_ends_tells_its_turns(host: Host) -> None:
    """By its own state file; what has none is counted as none."""
    state_of(host, "home", pid=DEAD, gateway_state="draining", active_agents=3)
    host.define("manager=toy; toy_said() { activity=deactivating; pid=7; }")
    for words, told in (("home", "1 3"), ("gone", "1 0"), ("''", "1 0")):
        answer = host.run(f'turns=0; ending=; is_settled x {words}; echo "$ending $turns"')
        assert answer.out.strip() == told, answer.errors


def test_an_order_is_counted_down_beside_it(host: Host) -> None:
    """What the order prints is kept apart; the count ends with it, and leaves nothing behind."""
    state_of(host, "home", active_agents=1)
    nap = 500_000 + os.getpid()
    host.stand("sleep", f"case $1 in 2) command sleep 0.05 ;; *) command sleep {nap} ;; esac")
    order = "run 4 sh -c 'sleep 1; echo out >&2; exit 3'"
    answer = host.run(f"profile=p; count_down home 9; {order}; counted")
    assert [record.rest for record in answer.reply.of("ending")] == ["1 7", "1 5", "1 3", "1 1"]
    assert answer.told[-1] == "change 4 failed exit 3"
    assert [(r.rest, r.text) for r in answer.reply.of("output")] == [("4", "out")]
    state_of(host, "home", active_agents=0)
    began = time.monotonic()
    host.run(f"count_down home {nap}; counted")
    assert time.monotonic() - began < 5


def test_a_round_begins_without_the_pids_of_the_last(dash: Host) -> None:
    """What ended meanwhile is not looked at for ever."""
    ticking(dash, 'echo "[$pids]" >>pids; pids=" 7"; [ $rounds -ge 2 ] || ready=')
    rounds(dash, 10, 0, "pids=' 5'")
    assert (dash.home / "pids").read_text() == "[]\n[]\n"


def test_nobody_waits_for_nobody(dash: Host) -> None:
    """Where no operator listens any more a wait is not begun; one that is begun ends."""
    ticking(dash, "gone=1; ready=")
    assert rounds(dash, 10, 0, "gone=1") == 0
    assert rounds(dash, 10, 0) == 1


def test_a_wait_notices_that_nobody_listens(host: Host) -> None:
    """By what it tells itself."""
    ticking(host, "ready=; exec 1>&-")
    assert host.run('await 60 0 3000; echo "$rounds" >rounds').code == 0
    assert int((host.home / "rounds").read_text()) <= 2


# --- what is up -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pid", "state", "up"),
    [
        (os.getpid(), "running", True),
        (os.getpid(), "starting", False),
        (DEAD, "running", False),
    ],
    ids=["running", "starting", "dead"],
)
def test_a_gateway_is_up_by_its_own_word_while_it_lives(
    host: Host, pid: int, state: str, up: bool
) -> None:
    """The file of a dead one goes on saying that it runs."""
    state_of(host, "home", pid=pid, gateway_state=state)
    answer = host.run("looks_up home && echo up")
    assert (answer.out, answer.errors) == ("up\n" if up else "", "")


def test_a_gateway_without_its_file_is_not_up(dash: Host) -> None:
    """And nothing is complained of."""
    answer = dash.run("looks_up gone || echo no")
    assert (answer.out, answer.errors) == ("no\n", "")


@pytest.mark.parametrize("form", ['{"pid":%s}', '{"x": 1,\n  "pid":   %s,\n "y": {"pid": 1}}'])
def test_the_recorded_process_is_the_files_own(dash: Host, form: str) -> None:
    """However the file is laid out; an entry further in does not count."""
    for pid, answer in ((os.getpid(), "0\n"), (DEAD, "1\n")):
        dash.file("home/gateway_state.json", form % pid)
        assert dash.run("recorded_lives home; echo $?").out == answer


def test_no_record_is_no_process(dash: Host) -> None:
    """Neither without a file nor without a pid in it."""
    dash.file("home/gateway_state.json", "{}")
    answer = dash.run("recorded_lives home && echo lives; recorded_lives gone && echo lives")
    assert (answer.out, answer.errors) == ("", "")


@pytest.mark.parametrize(
    ("wanted", "connected"),
    [
        ("", True),
        ("one", True),
        ("one two", True),
        ("three", False),
        ("one three", False),
        ("four", False),
        ("tw", False),
    ],
)
def test_platforms_are_connected_each(dash: Host, wanted: str, connected: bool) -> None:
    """Every one that is expected, by its whole name."""
    entries = {
        "one": {"state": "connected", "x": 1},
        "two": {"state": "connected"},
        "three": {"state": "connecting"},
    }
    text = json.dumps({"platforms": entries}, indent=2)
    dash.file("home/gateway_state.json", text)
    answer = dash.run(f"are_connected home {wanted} && echo all")
    assert (answer.out, answer.errors) == ("all\n" if connected else "", "")


def test_without_its_file_nothing_is_connected(dash: Host) -> None:
    """And nothing is complained of."""
    answer = dash.run("are_connected gone one || echo no")
    assert (answer.out, answer.errors) == ("no\n", "")


WITHOUT_PROCESS = {
    "active ''": False, "deactivating ''": False, "deactivating 0": False, "activating ''": False,
    "activating 0": False, "activating 75": False, "activating 1": True, "inactive ''": True,
    "failed 78": True,
}  # fmt: skip
"""What a manager says, with the code of the last end, and whether more waiting changes nothing."""


def test_what_gets_no_process_any_more_is_not_waited_for(dash: Host) -> None:
    """One that is being stopped, or started after a planned end, may get another one."""
    asked = "".join(
        f"toy_said() {{ activity={activity} code={code} pid=; }}\n"
        "if is_settled x ''; then echo settled; else echo waits; fi\n"
        for activity, code in map(str.split, WITHOUT_PROCESS)
    )
    answer = dash.run(f"manager=toy\n{asked}")
    assert answer.errors == ""
    assert dict(zip(WITHOUT_PROCESS, answer.out.split(), strict=True)) == {
        what: "settled" if settled else "waits" for what, settled in WITHOUT_PROCESS.items()
    }


CONNECTING = {
    ("100", "tg", "connecting"): True,
    ("2999", "tg", "connecting"): True,
    ("3000", "tg", "connecting"): False,
    ("''", "tg", "connecting"): False,
    ("100", "tg", "connected"): False,
    ("100", "tg api", "connecting connected"): True,
    ("100", "tg api", "connecting fatal"): False,
    ("100", "tg api", "connecting"): False,
}
"""The age of a process, its platforms and their states, and whether any may still come."""


def test_a_platform_has_half_a_minute_to_connect(dash: Host) -> None:
    """If another one has refused, or is not there at all, there is nothing to wait for."""
    lines = []
    for age, names, states in CONNECTING:
        pairs = zip(names.split(), states.split(), strict=False)
        entries = ",".join(f'"{name}":{{"state":"{state}"}}' for name, state in pairs)
        asked = f"age={age} connect=3000 entries='{{{entries}}}'; is_connecting {names}"
        lines.append(f"if {{ {asked}; }}; then echo True; else echo False; fi")
    answer = dash.run("\n".join(lines))
    assert answer.errors == ""
    assert answer.out.split() == [str(comes) for comes in CONNECTING.values()]


# --- what ended for good ----------------------------------------------------------------------


def failed(host: Host, *, units: str = "", programs: str = "", says: str = "failed") -> bool:
    """Whether `one` counts as failed, by what its manager was seen to say."""
    host.stand("systemctl", f"echo {says}; echo noise >&2")
    define = f"instant=9 units='{units}' programs='{programs}'; read_units"
    managed = ("systemd", "one.service") if units else ("supervisord", "one")
    asked = f"manager={managed[0]}; is_over {managed[1]}"
    answer = host.run(f"{define}; {asked} && echo failed")
    assert answer.errors == ""
    return answer.out == "failed\n"


def test_a_unit_that_failed(host: Host) -> None:
    """Its own block says so; systemd is not asked again."""
    others = "ActiveState=active\nId=a.service\n\n"
    assert failed(host, units=f"{others}ActiveState=failed\nId=one.service\nMainPID=0\n")
    assert host.calls == []


@pytest.mark.parametrize("says", ["active", "inactive", "activating"])
def test_a_unit_that_did_not(dash: Host, says: str) -> None:
    """It was another one, or one of a like name."""
    other = "\n\nId=bone.service\nActiveState=failed"
    assert not failed(dash, units=f"Id=one.service\nActiveState={says}{other}")
    assert not failed(dash, units="Id=one.service2\nActiveState=failed")
    assert dash.calls == []


IDLE, SERVES = "ActiveState=inactive\nMainPID=0", "ActiveState=active\nMainPID=7"


@pytest.mark.parametrize(
    ("seen", "over"),
    [
        ([IDLE, IDLE], [False, True]),
        ([SERVES, IDLE, IDLE], [False, False, True]),
        ([IDLE, SERVES, IDLE, IDLE], [False, False, False, True]),
        (["ActiveState=inactive\nJob=7", "ActiveState=inactive\nJob=7"], [False, False]),
        (["ActiveState=deactivating", "ActiveState=deactivating"], [False, False]),
    ],
    ids=["idle", "was up", "restarted by somebody", "queued", "ending"],
)
def test_a_unit_that_somebody_else_stopped(dash: Host, seen: list[str], over: list[bool]) -> None:
    """Each look is three seconds after the one before; another idle unit changes nothing."""
    other = "Id=zone.service\nActiveState=inactive\n\n"
    lines = ["manager=systemd; instant=1000"]
    for block in seen:
        lines.append(
            f"instant=$((instant + 300)); units='{other}Id=one.service\n{block}'; read_units"
        )
        lines.append("is_over zone.service; is_over one.service; echo $?")
    answer = dash.run("\n".join(lines))
    assert [line == "0" for line in answer.out.split()] == over, answer.errors


@pytest.mark.parametrize(
    ("programs", "ended"),
    [
        ("one   FATAL   x", True),
        ("one   EXITED   x", True),
        ("zero  RUNNING   x\none   FATAL   x\ntwo   RUNNING   x", True),
        ("one   BACKOFF   x", False),
        ("one   RUNNING   x\ntwo   FATAL   x", False),
        ("one   STOPPED   x", False),
        ("bone   FATAL   x", False),
        ("one2   FATAL   x", False),
        ("", False),
    ],
)
def test_a_program_that_ended_for_good(dash: Host, programs: str, ended: bool) -> None:
    """Not one that is tried again, nor another of a like name."""
    assert failed(dash, programs=programs) == ended
    assert dash.calls == []


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ("RUNNING   pid 12, uptime 0:00:09", "active 12"),
        ("STARTING", "activating"),
        ("BACKOFF   Exited too quickly", "activating"),
        ("STOPPING", "deactivating"),
        ("EXITED    Nov 28 08:00 AM", "failed"),
        ("STOPPED   Not started", "inactive"),
    ],
)
def test_what_supervisord_says_is_told_in_the_words_of_systemd(
    dash: Host, shown: str, said: str
) -> None:
    """One that is being stopped still runs."""
    define = f"programs='one2   FATAL\none   {shown}'; manager=supervisord"
    answer = dash.run(f'{define}; manager_said one; echo "$activity $pid"')
    assert (answer.out.strip(), answer.errors) == (said, "")


# --- logs -------------------------------------------------------------------------------------


def log(host: Host, *files: tuple[str, str, float], journal: str = "") -> str:
    """Return what is shown as the reason; `files` are path, text and age in minutes."""
    host.has_only(*(["journalctl"] if journal else []))
    host.stand("journalctl", f"echo '{journal}'; echo noise >&2")
    for path, text, age in files:
        file = host.file(path, text)
        os.utime(file, (time.time() - 60 * age,) * 2)
    own = "systemd_log one.service" if journal else "supervisord_log one"
    answer = host.run(f"profile=demo; send_log home {own}")
    assert (answer.told, answer.errors) == (["log demo"], "")
    return answer.block("log").rstrip("\n")


ERRORS, LOG, OWN = "home/logs/errors.log", "home/logs/gateway.log", f"{STATE}/one.log"


def lines(name: str, count: int) -> str:
    """Return a log of so many lines."""
    return "".join(f"{name} {number}\n" for number in range(count))


def last(name: str, count: int) -> str:
    """Return the last eight lines of such a log."""
    return "\n".join(lines(name, count).splitlines()[-8:])


@pytest.mark.parametrize(
    ("ages", "shown"),
    [
        ({ERRORS: 0, LOG: 0}, ERRORS),
        ({LOG: 0}, LOG),
        ({ERRORS: 9, LOG: 0}, LOG),
        ({ERRORS: 9, LOG: 9}, "journal"),
        ({}, "journal"),
    ],
)
def test_the_first_log_that_was_written_just_now_is_shown(
    host: Host, ages: dict[str, float], shown: str
) -> None:
    """Warnings before the rest, Hermes' before the manager's; nothing of an earlier day."""
    files = [(path, lines(path, 20), age) for path, age in ages.items()]
    wanted = "journal said" if shown == "journal" else last(shown, 20)
    assert log(host, *files, journal="journal said") == wanted
    asked = ["journalctl --user -q -n 8 -o cat -u one.service"]
    assert host.calls == (asked if shown == "journal" else [])


@pytest.mark.parametrize(
    ("ages", "shown"),
    [({LOG: 0, OWN: 0}, LOG), ({LOG: 9, OWN: 0}, OWN), ({LOG: 9, OWN: 9}, ""), ({OWN: 9}, "")],
)
def test_what_a_supervised_program_printed_is_its_managers_log(
    dash: Host, ages: dict[str, float], shown: str
) -> None:
    """It counts where Hermes itself has said nothing just now."""
    files = [(path, lines(path, 20), age) for path, age in ages.items()]
    assert log(dash, *files) == (last(shown, 20) if shown else "")


@pytest.mark.slow
def test_what_a_log_had_before_the_start_is_no_reason(host: Host) -> None:
    """It is that of the process before, perhaps of another version; a log begun anew counts."""
    host.has_only("journalctl")
    host.stand("journalctl", 'echo "journal $*"')
    for path in (ERRORS, LOG):
        host.file(path, "old\n")

    def shown(then: str) -> str:
        script = f"profile=demo; mark_logs home one.service; {then}"
        answer = host.run(f"{script}; log_since=7; send_log home systemd_log one.service")
        assert answer.errors == ""
        return answer.block("log").rstrip("\n")

    assert shown("echo new >>home/logs/gateway.log") == "new"
    assert shown("echo why >>home/logs/errors.log") == "why"
    assert shown("echo >home/logs/errors.log; echo a >home/logs/errors.log") == "a"
    assert shown(":") == "journal --user -q -n 8 -o cat -u one.service --since @7"


def test_what_a_program_printed_before_its_start_is_no_reason(dash: Host) -> None:
    """Its manager keeps what all of its starts have printed in one file."""
    dash.file(OWN, "old\n")
    script = f"profile=demo; mark_logs home one; echo new >>{OWN}"
    answer = dash.run(f"{script}; send_log home supervisord_log one")
    assert (answer.block("log").rstrip("\n"), answer.errors) == ("new", "")


def test_an_empty_log_says_nothing(dash: Host) -> None:
    """Then the next one is asked."""
    assert log(dash, (ERRORS, "", 0), (LOG, "said\n", 0)) == "said"


def test_a_log_of_nobody(dash: Host) -> None:
    """Where there is no journal either, the log is empty."""
    assert log(dash) == ""


def test_a_line_of_a_log_has_an_end(dash: Host) -> None:
    """300 characters of it are enough."""
    assert log(dash, (LOG, "x" * 500 + "\nnext\n", 0)) == "x" * 300 + "\nnext"
