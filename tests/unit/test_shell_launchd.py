"""Looking at launchd and ordering its jobs, with a stand-in for launchctl."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from shell_kit import Host, every_host, one_host

host, dash = every_host, one_host
LABEL = "ai.hermes.gateway-coder"
PLIST = f"Library/LaunchAgents/{LABEL}.plist"
CTL = "/bin/launchctl"
READY = "uid=501 user=ann boot=B1 booted="

# No process has such a number: orders really signal it, as root if root runs the tests.
RUNNING = f"""\
gui/501/{LABEL} = {{
\tpath = /Users/ann/{PLIST}
\tstate = running
\targuments = {{
\t\t/bin/x
\t\ttwo
words
}}
\tpid = 5
\t\tlast
\t}}
\tenvironment = {{
\t\tSECRET => mine
\t\tHERMES_HOME => /Users/ann/.hermes
\t}}
\tdomain = gui/501 [100020]
\texit timeout = 25
\tminimum runtime = 30
\truns = 3
\tpid = 99999999
\tlast exit code = 75: EX_TEMPFAIL
\tresource coalition = {{
\t\tstate = active
\t}}
}}
"""
WAITING = RUNNING.replace("state = running", "state = spawn scheduled").replace(
    "\tpid = 99999999\n", ""
)
ENDED = WAITING.replace("spawn scheduled", "not running")
KILLED = WAITING.replace("last exit code = 75: EX_TEMPFAIL", "last terminating signal = Killed: 9")
BROKEN = WAITING.replace("75: EX_TEMPFAIL", "78: EX_CONFIG\n\tjob state = spawn failed")


def answers(host: Host, **given: tuple[int, str]) -> None:
    """Let launchctl answer by the words of its call, joined by `_`; all else is unknown to it."""
    host.rooted(CTL)
    folder = host.root / "said"
    folder.mkdir(exist_ok=True)
    for call, (code, text) in given.items():
        (folder / call).write_text(text)
        (folder / f"{call}.code").write_text(str(code))
    body = (
        f'name=$(echo "$*" | tr "/. -" ____); echo "$*" >>{host.root}/called\n'
        f'[ -e {folder}/"$name" ] || exit 113\n'
        f'cat {folder}/"$name"; exit "$(cat {folder}/"$name.code")"'
    )
    program = Path(f"{host.root}{CTL}")
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


def called(host: Host) -> list[str]:
    """Return what launchctl was asked."""
    path = host.root / "called"
    return path.read_text().splitlines() if path.exists() else []


NAME = LABEL.replace(".", "_").replace("-", "_")
GUI, OWN = f"print_gui_501_{NAME}", f"print_user_501_{NAME}"


def block(host: Host, *more: str) -> dict[str, str]:
    """Return what a look tells of the gateway, and its `pids` as `PIDS`."""
    answer = host.run(f'{READY}; pids=; launchd_look {LABEL} {" ".join(more)}; echo "PIDS=$pids"')
    assert answer.errors == ""
    lines = answer.out.splitlines()
    return dict(line.partition("=")[::2] for line in lines if "=" in line)


# --- looking ----------------------------------------------------------------------------------


def test_a_job_is_told_by_its_own_lines(host: Host) -> None:
    """Whatever its arguments hold; and of its environment only where its home is."""
    answers(host, print_gui_501=(0, ""), print_disabled_gui_501=(0, ""), **{GUI: (0, RUNNING)})
    found = block(host)
    wanted = {
        "Id": LABEL, "Activity": "active", "Domains": "gui/501", "Belongs": "gui/501",
        "MainPID": "99999999", "Code": "75", "Runs": "3", "HermesHome": "/Users/ann/.hermes",
        "Path": f"/Users/ann/{PLIST}", "Patience": "25", "Disabled": "", "PIDS": " 99999999",
    }  # fmt: skip
    assert {key: found[key] for key in wanted} == wanted
    assert found["Command"].startswith("/bin/x two")
    assert "mine" not in str(found)


@pytest.mark.parametrize(
    ("printed", "activity", "code", "signal"),
    [
        (RUNNING, "active", "75", ""),
        (WAITING, "activating", "75", ""),
        (ENDED, "failed", "75", ""),
        (KILLED, "activating", "", "9"),
        (BROKEN, "failed", "78", ""),
        (RUNNING.replace("= running", "= SIGTERMed"), "deactivating", "75", ""),
        (RUNNING.replace("= running", "= a new word"), "active", "75", ""),
        (RUNNING.replace("75: EX_TEMPFAIL", "(never exited)"), "active", "", ""),
    ],
)
def test_states_are_told_in_common_words(
    dash: Host, printed: str, activity: str, code: str, signal: str
) -> None:
    """A word that nobody knows counts by the process."""
    answers(dash, print_gui_501=(0, ""), print_disabled_gui_501=(0, ""), **{GUI: (0, printed)})
    found = block(dash)
    assert (found["Activity"], found["Code"], found["Signal"]) == (activity, code, signal)


@pytest.mark.parametrize("code", [1, 5, 112, 113, 125])
def test_without_a_session_at_the_screen_it_is_the_users_domain(dash: Host, code: int) -> None:
    """By the exit code alone, whichever of those that are reported."""
    answers(dash, print_gui_501=(code, ""), print_disabled_user_501=(0, ""), **{OWN: (0, RUNNING)})
    found = block(dash)
    assert (found["Domains"], found["Belongs"]) == ("user/501", "user/501")
    assert "print gui/501/" not in "\n".join(called(dash))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({GUI: (141, "")}, f"gui/501/{LABEL} ended with 141"),
        ({GUI: (0, "what is this\n")}, f"gui/501/{LABEL} told no state"),
        ({OWN: (134, "")}, f"user/501/{LABEL} ended with 134"),
        ({"print_gui_501": (124, "")}, "gui/501 ended with 124"),
    ],
)
def test_what_is_not_understood_is_unknown(
    dash: Host, fault: dict[str, tuple[int, str]], said: str
) -> None:
    """Never absent: what seems to be absent would be started a second time."""
    answers(dash, **{"print_gui_501": (0, ""), "print_disabled_gui_501": (0, ""), **fault})
    answer = dash.run(f"{READY}; launchd_look {LABEL}")
    assert answer.told == [f"mute launchd launchctl print {said}"]


def test_a_launchctl_that_is_killed_is_unknown(dash: Host) -> None:
    """It hung."""
    answers(dash, print_gui_501=(137, ""))
    said = "mute launchd launchctl print gui/501 was ended after 30 s"
    assert dash.run(f"{READY}; launchd_look {LABEL}").told == [said]


def test_a_host_without_launchd_is_not_asked(host: Host) -> None:
    """On Linux this costs nothing."""
    host.rooted(CTL)
    answer = host.run(f"{READY}; launchd_look {LABEL}; launchd_defined")
    assert (answer.told, answer.errors, called(host)) == ([], "", [])


def test_a_job_in_two_domains(dash: Host) -> None:
    """Both are told, and both processes."""
    twin = RUNNING.replace("99999999", "99999998")
    answers(
        dash, print_gui_501=(0, ""), print_disabled_gui_501=(0, ""),
        **{GUI: (0, RUNNING), OWN: (0, twin)},
    )  # fmt: skip
    found = block(dash)
    assert (found["Domains"], found["MainPID"]) == ("gui/501 user/501", "99999999")
    assert found["PIDS"] == " 99999999 99999998"


def test_what_nobody_knows_is_not_told(dash: Host) -> None:
    """No list, no job, nothing forbidden, and never loaded by us."""
    answers(dash, print_gui_501=(0, ""), print_disabled_gui_501=(0, ""))
    assert block(dash) == {"PIDS": ""}


@pytest.mark.slow
@pytest.mark.parametrize("word", ["disabled", "true"])
def test_what_is_forbidden_is_told(dash: Host, word: str) -> None:
    """Older systems say it in another word; a longer label is another one."""
    text = f'\n\tdisabled services = {{\n\t\t"{LABEL}" => {word}\n\t}}\n'
    answers(dash, print_gui_501=(0, ""), print_disabled_gui_501=(0, text))
    assert block(dash)["Disabled"] == "yes"
    longer = text.replace(f'{LABEL}"', f'{LABEL}-2"')
    answers(dash, print_disabled_gui_501=(0, longer), **{GUI: (0, RUNNING)})
    assert block(dash)["Disabled"] == ""
    answers(dash, print_disabled_gui_501=(1, ""))
    assert block(dash)["Disabled"] == "unknown"


@pytest.mark.slow
def test_strangers_are_found_by_their_lists_and_by_launchd(dash: Host) -> None:
    """One has a list and is not loaded, the other is loaded and has none."""
    rows = (
        "\tservices = {\n\t\t     887      - \tai.hermes.gateway-a\n\t\t 1 - \tcom.apple.x\n\t}\n"
    )
    other = RUNNING.replace(LABEL, "ai.hermes.gateway-a")
    answers(
        dash, print_gui_501=(0, rows), print_user_501=(0, ""), print_disabled_gui_501=(0, ""),
        print_gui_501_ai_hermes_gateway_a=(0, other),
    )  # fmt: skip
    dash.file(f"{PLIST}", "x")
    answer = dash.run(f"{READY}; pids=; launchd_look 'ai.hermes.gateway*'; launchd_defined")
    ids = [line for line in answer.block("manager").splitlines() if line.startswith("Id=")]
    assert sorted(ids) == ["Id=ai.hermes.gateway-a", f"Id={LABEL}"]
    assert f"defined launchd {LABEL}" in answer.told


def test_a_launchctl_that_hangs_is_ended(dash: Host) -> None:
    """Without `timeout`, as on a Mac: by one process for a whole look, which ends with it."""
    answers(dash)
    program = Path(f"{dash.root}{CTL}")
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(50)\n")
    dash.define("has() { [ $1 != timeout ] && command -v $1 >/dev/null; }; launchd_patience=1")
    answer = dash.run(f"{READY}; pids=; launchd_look {LABEL}")
    said = "mute launchd launchctl print gui/501 was ended after 1 s"
    assert (answer.told, answer.errors) == ([said], "")
    answers(dash, **{"print_gui_501": (0, ""), GUI: (0, RUNNING)})
    asked = f"{READY}; pids=; launchd_look {LABEL}"
    assert dash.run(asked).block("manager").startswith(f"Id={LABEL}\n")


@pytest.mark.slow
def test_a_list_that_changed_since_it_was_loaded(dash: Host) -> None:
    """What we loaded in this boot is noted; of another boot's note nothing follows."""
    answers(dash, print_gui_501=(0, ""), print_disabled_gui_501=(0, ""), **{GUI: (0, RUNNING)})
    file = dash.file(PLIST, "one")
    dash.run(f"{READY}; launchd_domains; launchd_job {LABEL}; launchd_note {LABEL}")
    assert block(dash)["Unread"] == "no"
    file.write_text("two")
    assert block(dash)["Unread"] == "yes"
    file.write_text("one")
    os.utime(file, (4e9, 4e9))
    assert block(dash)["Unread"] == ""
    note = dash.home / ".local/state/hermes-ops/launchd" / LABEL
    note.write_text(note.read_text().replace("B1", "B0"))
    assert block(dash)["Unread"] == ""
    os.utime(file, (1, 1))
    answer = dash.run(f"{READY}; booted=1000000; launchd_compare {LABEL}; echo $unread")
    assert answer.out == "no\n"


STARTS = ".hermes/gateway-starts.log"
RUNS = f".local/state/hermes-ops/launchd/{LABEL}.runs"


@pytest.mark.parametrize(
    ("noted", "restarts", "ordered"),
    [
        (None, "2", ""),
        ("B1 2 1700000000", "1", "1700000000"),
        ("B1 3 1700000000", "0", "1700000000"),
        ("B1 7 1700000000", "2", ""),  # somebody has loaded it anew
        ("B0 2 1700000000", "2", ""),  # of another boot
        ("B1 x y", "2", ""),
        ("", "2", ""),
    ],
)
def test_runs_that_were_ordered_are_no_restarts(
    dash: Host, noted: str | None, restarts: str, ordered: str
) -> None:
    """launchd counts them, and each order notes how many there were."""
    job = RUNNING.replace("/Users/ann/.hermes", f"{dash.home}/.hermes")
    answers(dash, print_gui_501=(0, ""), print_disabled_gui_501=(0, ""), **{GUI: (0, job)})
    dash.file(STARTS, "1700000001.5\n1700000009.25\n")
    if noted is not None:
        dash.file(RUNS, noted + "\n" if noted else "")
    found = block(dash)
    assert (found["Restarts"], found["Ordered"]) == (restarts, ordered)
    assert found["Starts"] == ("" if restarts == "0" else "1700000001.5 1700000009.25 ")


@pytest.mark.slow
def test_an_order_notes_the_runs(dash: Host) -> None:
    """Those that there are when it has its process; what runs already keeps its count."""
    answers(dash, print_gui_501=(0, ""), **{GUI: (0, RUNNING)})
    assert dash.run(f"{READY}; launchd_do start {LABEL}; echo $?").out == "0\n"
    assert not (dash.home / RUNS).exists()
    rest = (
        "launchd_sees() { launchd_domains && launchd_job $1; job_runs=4 job_pid=99999998; }; "
        f"begun=' restart:{LABEL}:kick:99999999:3 '; launchd_do restart {LABEL}; echo $?"
    )
    assert dash.run(f"{READY}; {rest}").out == "0\n"
    assert (dash.home / RUNS).read_text().startswith("B1 4 1")


# --- ordering ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_job_that_is_new_is_allowed_loaded_and_kicked(dash: Host) -> None:
    """In this order, and in the domain in which it belongs; then it has a process."""
    answers(
        dash, print_gui_501=(0, ""),
        **{f"enable_gui_501_{NAME}": (0, ""), f"kickstart_gui_501_{NAME}": (0, "")},
    )  # fmt: skip
    dash.file(PLIST, "x")
    said = dash.root / "said" / GUI
    loads = (
        f'[ "$1" != bootstrap ] || {{ cp {dash.root}/job {said}; echo 0 >{said}.code; exit 0; }}'
    )
    (dash.root / "job").write_text(RUNNING)
    program = Path(f"{dash.root}{CTL}")
    program.write_text(program.read_text().replace("\nname=", f"\n{loads}\nname="))
    answer = dash.run(f"{READY}; patience=25; launchd_do start {LABEL}; echo $?")
    assert (answer.out, answer.errors) == ("0\n", "")
    orders = [call for call in called(dash) if not call.startswith("print")]
    assert orders[0] == f"enable gui/501/{LABEL}"
    assert (dash.home / ".local/state/hermes-ops/launchd" / LABEL).read_text().startswith("B1 ")


def test_one_that_runs_is_not_touched_by_a_start(dash: Host) -> None:
    """Nothing is ordered of it but what changes nothing."""
    answers(dash, print_gui_501=(0, ""), **{GUI: (0, RUNNING)})
    answer = dash.run(f"{READY}; launchd_do start {LABEL}; echo $?")
    assert answer.out == "0\n"
    assert [call for call in called(dash) if not call.startswith("print")] == []


def test_a_stop_of_what_is_not_loaded_is_done(dash: Host) -> None:
    """The note goes, too: it is stopped, and not lost."""
    answers(dash, print_gui_501=(0, ""))
    note = dash.file(f".local/state/hermes-ops/launchd/{LABEL}", "B1 1-2 gui/501\n")
    runs = dash.file(RUNS, "B1 2 1700000000\n")
    assert dash.run(f"{READY}; launchd_do stop {LABEL}; echo $?").out == "0\n"
    assert not note.exists()
    assert not runs.exists()


@pytest.mark.slow
@pytest.mark.parametrize("code", [1, 3, 125])
def test_a_bootout_that_is_refused_ends_nothing(dash: Host, code: int) -> None:
    """Asked once more, and told soon; launchd would start again whatever we ended."""
    bootout = f"bootout_gui_501_{NAME}"
    answers(
        dash, print_gui_501=(0, ""), **{GUI: (0, RUNNING), bootout: (code, f"Boot-out: {code}")}
    )
    note = dash.file(f".local/state/hermes-ops/launchd/{LABEL}", "B1 1-2 gui/501\n")
    dash.stand("sleep")
    dash.stand("kill", '[ "$1" != -0 ]')
    answer = dash.run(f"{READY}; launchd_ahead stop {LABEL} x >/dev/null; launchd_do stop {LABEL}")
    assert answer.out == f"launchd does not unload it, and starts it again: Boot-out: {code}"
    assert called(dash).count(f"bootout gui/501/{LABEL}") == 2
    assert not [call for call in dash.calls if call.startswith("kill -KILL")]
    assert note.exists()


@pytest.mark.slow
def test_a_bootout_that_is_accepted_has_its_time(dash: Host) -> None:
    """Whatever the state is called meanwhile: as long as launchd gives the process."""
    bootout = f"bootout_gui_501_{NAME}"
    brief = RUNNING.replace("exit timeout = 25", "exit timeout = 1")
    answers(dash, print_gui_501=(0, ""), **{GUI: (0, brief), bootout: (36, "")})
    dash.stand("sleep")
    answer = dash.run(f"{READY}; launchd_do stop {LABEL}")
    assert answer.out == "it does not end: launchd keeps it in gui/501"
    assert called(dash).count(f"bootout gui/501/{LABEL}") == 1
    assert dash.calls.count("sleep 0.25") == (1 + 10) * 4 + 20


@pytest.mark.slow
def test_a_refusal_without_a_cause_says_who_is_told_more(dash: Host) -> None:
    """On some hosts launchd answers 5 and nothing is wrong; `load` is the last that is tried."""
    said = "Bootstrap failed: 5: Input/output error\nTry re-running the command as root\n"
    own = f"{dash.home}/{PLIST}".replace("/", "_").replace(".", "_").replace("-", "_")
    loads = {f"bootstrap_{where}_501_{own}": (5, said) for where in ("gui", "user")}
    answers(dash, print_gui_501=(0, ""), **{f"enable_gui_501_{NAME}": (0, ""), **loads})
    dash.file(PLIST, "<plist><string>Background</string></plist>")
    for program in ("sleep", "plutil"):
        dash.stand(program)
    dash.stand("xattr", "return 1")
    answer = dash.run(f"{READY}; uid=501 launchd_owner={os.getuid()}; launchd_load {LABEL}")
    more = f"sudo launchctl bootstrap user/501 {dash.home}/{PLIST}"
    assert answer.out == (
        "Bootstrap failed: 5: Input/output error (no cause was found: a reboot may end that;"
        f" root is told more: {more})"
    )
    assert f"load -w {dash.home}/{PLIST}" in called(dash)


@pytest.mark.slow
def test_a_domain_that_refuses_once_is_asked_again(dash: Host) -> None:
    """Only what persists leads to the other one, from which no reboot brings a job back."""
    said = "Bootstrap failed: 5: Input/output error"
    own = f"{dash.home}/{PLIST}".replace("/", "_").replace(".", "_").replace("-", "_")
    loads = {f"bootstrap_{where}_501_{own}": (5, said) for where in ("gui", "user")}
    answers(dash, print_gui_501=(0, ""), **{f"enable_gui_501_{NAME}": (0, ""), **loads})
    dash.file(PLIST, "x")
    for program in ("sleep", "plutil", "why_unloadable"):
        dash.stand(program, "return 1")
    dash.run(f"{READY}; uid=501; launchd_load {LABEL}")
    asked = [call.split()[1] for call in called(dash) if call.startswith("bootstrap")]
    assert asked == ["gui/501"] * 8 + ["user/501"] * 8


@pytest.mark.parametrize(("state", "loads"), [("enabled", True), ("disabled", False)])
def test_what_cannot_be_enabled_is_loaded_if_it_may_be(
    dash: Host, state: str, *, loads: bool
) -> None:
    """Only a label that is disabled is refused for it, in launchd's words."""
    shown = f'\n\tdisabled services = {{\n\t\t"{LABEL}" => {state}\n\t}}\n'
    refused = {f"enable_{where}_501_{NAME}": (1, "no") for where in ("gui", "user")}
    answers(dash, print_gui_501=(0, ""), print_disabled_gui_501=(0, shown), **refused)
    dash.file(PLIST, "x")
    for program in ("sleep", "plutil", "why_unloadable"):
        dash.stand(program, "return 1")
    answer = dash.run(f"{READY}; uid=501; launchd_load {LABEL}")
    assert answer.out.startswith("no") is not loads
    assert any(call.startswith("bootstrap") for call in called(dash)) is loads


def test_the_list_of_a_daemon_is_not_below_the_home(dash: Host) -> None:
    """launchd gets its path as it is."""
    answers(dash, print_gui_501=(0, ""), **{f"enable_gui_501_{NAME}": (0, "")})
    for program in ("sleep", "plutil", "why_unloadable"):
        dash.stand(program, "return 1")
    dash.run(f"{READY}; uid=501 launchd_agents=/Library/LaunchDaemons; launchd_load {LABEL}")
    loads = {word for call in called(dash) if "bootstrap" in call for word in call.split()[2:]}
    assert loads == {f"/Library/LaunchDaemons/{LABEL}.plist"}


# --- why it is refused ------------------------------------------------------------------------


def why(host: Host, plist: Path, more: str = "") -> str:
    """Return why launchd refuses a list; empty if that is unknown, which is then a failure."""
    uid = os.getuid()
    ready = (
        f"uid={uid} user=ann domain=gui/{uid} where=gui/{uid} load_code=5 disabled=; plist={plist}"
    )
    answer = host.run(f"{ready}; {more}; why_unloadable {LABEL}; echo $? >&2")
    assert bool(answer.out) is (answer.errors == "0\n")
    return answer.out


def test_a_list_that_is_not_there(dash: Host) -> None:
    """Somebody removed it meanwhile."""
    assert why(dash, dash.home / "x", ":") == f"{dash.home}/x is not there"


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_list_that_others_may_write(dash: Host, mode: int) -> None:
    """launchd refuses it with 5."""
    plist = dash.file(PLIST, "x", mode=mode)
    assert why(dash, plist, ":") == f"others may write {plist}: chmod 644 {plist}"


def test_a_list_of_another_user(dash: Host) -> None:
    """Its owner is told by who can give it back."""
    plist = dash.file(PLIST, "x")
    assert why(dash, plist, "uid=4711") == (
        f"{plist} belongs to another user: sudo chown ann {plist}"
    )


def test_a_list_that_is_no_list(dash: Host) -> None:
    """What plutil says of it, on one line."""
    plist = dash.file(PLIST, "x")
    dash.stand("plutil", "echo 'x: Unexpected EOF'; return 1")
    assert why(dash, plist, ":").strip() == "it is no valid property list: x: Unexpected EOF"


def test_a_list_is_read_before_it_replaces_another(dash: Host) -> None:
    """What plutil would not take is told, and without plutil nothing is said against it."""
    dash.stand("plutil", 'echo "$2: Unexpected EOF"; return 1')
    asked = f'launchd_proof {LABEL}; echo "$?"'
    assert dash.run(asked).out == "0\n"
    folder = "Library/LaunchAgents"
    staged = f"mkdir -p {folder}; : >{folder}/.{LABEL}.plist.hermes-ops.$$"
    said = "launchd would not take it: Unexpected EOF1\n"
    assert dash.run(f'limited() {{ shift; "$@"; }}; {staged}; {asked}').out == said
    dash.lacks("plutil")
    assert dash.run(f"{staged}; {asked}").out == "0\n"


def test_a_label_that_is_disabled_and_a_session_that_is_not_there(dash: Host) -> None:
    """With the command, and with the key that is missing."""
    plist = dash.file(PLIST, "<string>Aqua</string>")
    dash.stand("plutil")
    dash.stand("is_disabled")
    assert "launchctl enable gui/" in why(dash, plist, ":")
    dash.stand("is_disabled", "return 1")
    dash.stand("xattr", "return 1")
    assert "lacks Background" in why(dash, plist, "goal=user/$uid")
    plist.write_text("<string>Background</string>")
    assert why(dash, plist, "goal=user/$uid") == ""


def test_what_is_in_quarantine_or_forbidden_by_the_login_items(dash: Host) -> None:
    """The last steps of the ladder; below them, nobody knows."""
    plist = dash.file(PLIST, "x")
    dash.stand("plutil")
    dash.stand("is_disabled", "return 1")
    dash.stand("xattr")
    assert f"xattr -d com.apple.quarantine {plist}" in why(dash, plist, ":")
    dash.stand("xattr", "return 1")
    assert "Login Items" in why(dash, plist, "load_code=0")
    assert why(dash, plist, ":") == ""
