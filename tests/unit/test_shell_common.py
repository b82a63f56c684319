"""What every script begins with: nothing of the login's settings, answers, limits, processes."""

from __future__ import annotations

import os

import pytest
from shell_kit import NONCE, Host, ends, every_host, listen, one_host, words_of

host, dash = every_host, one_host


def test_a_shell_that_is_missing_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be installed it is said; no test is passed over for it."""
    monkeypatch.setenv("PATH", "/no/such/folder")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.fail.Exception, match="these tests need busybox"):
        words_of.__wrapped__("busybox")


# --- what a login leaves ----------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_login_does_not_decide_about_modes(host: Host, umask: int) -> None:
    """What is made is 0755 and 0644, whatever the host's login set."""
    host.run("mkdir folder; : >file", umask=umask)
    modes = [(host.home / name).stat().st_mode & 0o777 for name in ("folder", "file")]
    assert modes == [0o755, 0o644]


def test_a_relative_path_means_the_home(host: Host) -> None:
    """CDPATH of the login leads no `cd` elsewhere."""
    (host.place / "other/sub").mkdir(parents=True)
    (host.home / "sub").mkdir()
    answer = host.run("cd sub; pwd", environ={"CDPATH": str(host.place / "other")})
    assert answer.out == f"{host.home}/sub\n"


@pytest.mark.parametrize("name", ["ENV", "BASH_ENV", "CDPATH"])
def test_no_shell_of_ours_runs_the_logins_files(dash: Host, name: str) -> None:
    """Neither we nor a program that we start has a variable that names one."""
    dash.before(f"{name}=/evil; export {name}")
    assert dash.run(f'env | grep "^{name}="; echo "${{{name}-unset}}"').out == "unset\n"


def test_programs_speak_one_language(dash: Host) -> None:
    """What programs print does not depend on the language of the login."""
    answer = dash.run("env | grep LC_ALL", environ={"LC_ALL": "de_DE.UTF-8"})
    assert answer.out == "LC_ALL=C\n"


def test_programs_are_found_behind_those_of_the_login(host: Host) -> None:
    """The system's folders are looked into, after what the login prefers."""
    path = str(host.bin)
    wanted = f"{path}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    assert host.run("env | grep ^PATH", environ={"PATH": path}).out == f"PATH={wanted}\n"


def test_a_login_variable_of_our_name_is_not_ours(dash: Host) -> None:
    """The user is asked of the system; who told a script beforehand did so in its text."""
    environ = {"uid": "4242", "user": "mallory", "XDG_RUNTIME_DIR": "/evil"}
    uid = os.getuid()
    answer = dash.run("identify; echo $uid; env | grep XDG", environ=environ)
    assert answer.out == f"{uid}\nXDG_RUNTIME_DIR=/run/user/{uid}\n"


def test_a_user_that_is_known_is_not_asked_for(dash: Host) -> None:
    """What a look told already costs no process more."""
    dash.stand("id")
    answer = dash.run("uid=7 user=ann; identify; echo $uid $user $XDG_RUNTIME_DIR")
    assert (answer.out, dash.calls) == ("7 ann /run/user/7\n", [])
    assert dash.run("identify").out == ""
    assert dash.calls == ["id -un"]


def test_a_home_that_cannot_be_entered(host: Host) -> None:
    """It is said, and nothing happens in the folder where we are instead."""
    answer = host.run("HOME=/no/such; enter_home; pwd")
    assert (answer.code, answer.errors) == (0, "")
    assert answer.out == f"{NONCE} fatal the home folder /no/such cannot be entered\n"


def test_a_home_is_entered(dash: Host) -> None:
    """Every relative path is of the home from there on."""
    assert dash.run("cd /; enter_home; pwd").out == f"{dash.home}\n"


# --- answers ----------------------------------------------------------------------------------


def test_answers(host: Host) -> None:
    """A line of ours is the nonce and its words, as they are; a text has its own last line."""
    body = r"say 'a\n%s' '*' \"b\"; begin text two; printf x; end; say after"
    assert host.run(body).out == (
        f'{NONCE} a\\n%s * "b"\n{NONCE} begin text two\nx\n{NONCE} end\n{NONCE} after\n'
    )


def test_a_program_is_there_or_not(host: Host) -> None:
    """It is asked quietly."""
    host.program("thing")
    answer = host.run("has thing && echo yes; has no-such-thing || echo no")
    assert (answer.out, answer.errors) == ("yes\nno\n", "")


# --- the user's manager -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "there"), [("bus", True), ("systemd/private", True), ("other", False)]
)
def test_a_bus_is_a_socket_of_the_user(dash: Host, path: str, there: bool) -> None:
    """Either of the two sockets is enough; a file of that name is not."""
    listen(dash.home / "run" / path)
    dash.file("file/bus")
    body = "XDG_RUNTIME_DIR=$HOME/{}; user_bus && echo yes || echo no"
    assert dash.run(body.format("run")).out == ("yes\n" if there else "no\n")
    assert dash.run(body.format("file")).out == "no\n"


def test_linger_is_the_users_own_file(dash: Host) -> None:
    """logind keeps it under the user's name."""
    dash.rooted("/var/lib/systemd/linger")
    dash.part("/var/lib/systemd/linger/ann", "")
    body = "user=ann; lingers && echo ann; user=bob; lingers || echo not bob"
    assert dash.run(body).out == "ann\nnot bob\n"


# --- limits -----------------------------------------------------------------------------------


def test_a_limit_is_kept_by_timeout(host: Host) -> None:
    """It asks, then kills what does not listen; the code of the program is the answer."""
    host.stand("timeout", "return 124")
    assert host.run("limited 7 program 'a b'; echo $?").out == "124\n"
    assert host.calls == ["timeout -k 5 7 program 'a b'"]


@pytest.mark.slow
@pytest.mark.parametrize("lacking", ["timeout", "nothing"])
def test_what_takes_too_long_is_ended(host: Host, lacking: str) -> None:
    """With `timeout` or without it."""
    host.lacks(lacking)
    answer = host.run("limited 0.2 sleep 600; echo $?")
    assert answer.out.split()[-1] in ("124", "143")


@pytest.mark.parametrize("lacking", ["timeout", "nothing"])
def test_what_ends_in_time_is_as_if_run_alone(host: Host, lacking: str) -> None:
    """Its words, its output and its code are its own, and nothing waits for the limit."""
    host.lacks(lacking)
    host.program("thing", 'echo "$2"; exit 3')
    answer = host.run('said=$(limited 600 thing "a b" "c d"); echo "$? $said"')
    assert answer.out == "3 c d\n"
    assert host.calls == ["thing 'a b' 'c d'"]


def test_the_guard_of_a_limit_goes_with_it(host: Host) -> None:
    """When the program has ended its number may be another's, which nobody may end later."""
    host.lacks("timeout")
    seconds = 600_000 + os.getpid()
    host.run(f"limited {seconds} sleep 0.1")
    assert ends(seconds)


@pytest.mark.slow
def test_what_does_not_listen_is_killed(host: Host) -> None:
    """Five seconds after it was asked to end, also where there is no `timeout`."""
    host.lacks("timeout")
    host.program("deaf", "trap '' TERM; echo begun; while :; do sleep 1; done")
    host.stand("sleep", "command sleep 0.2")
    answer = host.run("limited 7 deaf; echo $?")
    assert answer.out == "begun\n137\n"
    assert [call for call in host.calls if "sleep" in call] == ["sleep 7", "sleep 5"]


@pytest.mark.parametrize(("kill", "signals"), [("return 1", ["TERM"]), (":", ["TERM", "KILL"])])
def test_who_is_gone_is_not_signalled_again(dash: Host, kill: str, signals: list[str]) -> None:
    """Another process may have its number by then; who is still there has five seconds more."""
    dash.stand("kill", kill)
    dash.define(f"sleep() {{ echo $1 >>{dash.home}/slept; }}")
    dash.run("end_after 7 4242")
    assert dash.calls == [f"kill -{signal} 4242" for signal in signals]
    assert (dash.home / "slept").read_text().split() == ["7", "5"][: len(signals)]


def test_a_program_gets_this_environment_and_no_input(host: Host) -> None:
    """Home, user, PATH, a language and the way to the user's manager; the rest is not its."""
    host.program("thing", f'env >{host.home}/environ; cat >{host.home}/input; echo "$1"; exit 4')
    body = "uid=7 user=ann; identify; echo secret | { scrubbed 9 thing 'a b'; echo $?; }"
    answer = host.run(body, environ={"MINE": "1", "LANG": "de_DE"})
    assert answer.out == "a b\n4\n"
    found = dict(line.split("=", 1) for line in (host.home / "environ").read_text().splitlines())
    path = f"{host.bin}:/usr/bin:/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    assert {name: found[name] for name in found if name not in ("PWD", "OLDPWD", "SHLVL", "_")} == {
        "HOME": str(host.home),
        "USER": "ann",
        "LOGNAME": "ann",
        "PATH": path,
        "LANG": "C.UTF-8",
        "XDG_RUNTIME_DIR": "/run/user/7",
    }
    assert (host.home / "input").read_text() == ""


def test_a_program_has_its_own_limit(dash: Host) -> None:
    """The first word is the seconds."""
    dash.stand("limited")
    dash.run("uid=7 user=ann; identify; scrubbed 9 thing")
    assert dash.calls[0].startswith("limited 9 env -i HOME=")
    assert dash.calls[0].endswith(" thing")


# --- digests, boots, processes ----------------------------------------------------------------


def test_a_digest_of_any_name(host: Host) -> None:
    """A name may begin with a dash; one that is not there is passed over without a word."""
    host.file("-c", "")
    answer = host.run("digest -c gone")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert (answer.out, answer.errors) == (f"{empty}  -c\n", "")


def test_a_digest_where_only_shasum_is(dash: Host) -> None:
    """As on macOS; it must be told which kind."""
    dash.has_only("shasum")
    dash.stand("shasum", "echo digest; echo noise >&2")
    answer = dash.run("digest -c 'a b'")
    assert (answer.out, answer.errors) == ("digest\n", "")
    assert dash.calls == ["shasum -a 256 -- -c 'a b'"]


def test_the_boot_is_the_kernels(dash: Host) -> None:
    """It is read where the kernel tells it, and nothing is asked."""
    dash.rooted("/proc/")
    dash.part("/proc/sys/kernel/random/boot_id", "abc-def\n")
    dash.stand("sysctl")
    answer = dash.run(BOOT)
    assert (answer.out, answer.errors) == ("[abc-def] []\n", "")
    assert dash.calls == []


BOOT = 'boot=old; booted=old; boot_id; echo "[$boot] [$booted]"'
KERNEL = 'boot_id; echo "[$boot] [$booted] [$kernel]"'
MAC = """shift; for name; do case $name in
kern.boottime) echo '{ sec = 1767603600, usec = 4711 } Mon Jan  5 09:00:00 2026' ;;
kern.ostype) echo Darwin ;;
hw.machine) echo arm64 ;;
kern.bootsessionuuid) echo 0A1B-2C3D ;;
*) echo "unknown oid '$name'" >&2 ;;
esac; done"""


def test_the_boot_of_a_mac_is_one_word(host: Host) -> None:
    """The owner of a lock is told by it; its second counts where it has no other name."""
    host.rooted("/proc/")
    host.stand("sysctl", f"{MAC}; echo noise >&2")
    answer = host.run(BOOT)
    assert (answer.out, answer.errors) == ("[0A1B-2C3D] [1767603600]\n", "")
    assert host.calls == ["sysctl -n kern.ostype hw.machine kern.boottime kern.bootsessionuuid"]
    assert host.run(KERNEL).out == "[0A1B-2C3D] [1767603600] [Darwin arm64]\n"
    host.stand("sysctl", MAC.replace("hw.machine)", "-)"))
    assert host.run(KERNEL).out == "[0A1B-2C3D] [1767603600] []\n"
    host.stand("sysctl", MAC.replace("kern.bootsessionuuid)", "-)"))
    assert host.run(BOOT).out == "[1767603600] [1767603600]\n"


def test_a_host_that_tells_no_boot(dash: Host) -> None:
    """It has none, and an older answer is not taken for it."""
    dash.rooted("/proc/")
    dash.stand("sysctl", "return 1")
    assert dash.run(BOOT).out == "[] []\n"


def test_a_process_is_told_with_its_groups(host: Host) -> None:
    """Its state behind its name, whatever that is, and the groups that systemd made."""
    host.rooted("/proc/")
    host.part("/proc/7/stat", "7 (a ) b) S 1 2\n")
    host.part("/proc/7/cgroup", "4:cpu:/cpu\n1:name=systemd:/user.slice/a b\n0::/two\n")
    assert host.run("process 7").told == [
        "process 7 S 1 2", "cgroup 7 /user.slice/a b", "cgroup 7 /two",
    ]  # fmt: skip


def test_a_process_that_is_gone_is_not_told(host: Host) -> None:
    """Neither one that ended, nor none at all; and nothing is complained of."""
    host.rooted("/proc/")
    host.part("/proc/8/stat", "")
    answer = host.run("process 7; process ''; process 8; echo $?")
    assert (answer.out, answer.errors) == ("0\n", "")


# --- pipes in place of files ------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "look_owned pipe", "look_ports '' pipe", "plain_env pipe", "send_files pipe",
        "recorded_pids pipe", "send_env '' pipe", "looks_up .", "are_connected . x",
        "recorded_lives .", "owner_lives", "tell_owner", "supervisor_alive", "hermes_of pipe",
    ],
)  # fmt: skip
def test_a_pipe_keeps_nobody_waiting(dash: Host, words: str) -> None:
    """Somebody put a pipe where a file should be: whoever opened it would wait for a writer."""
    (dash.home / "lock").mkdir()
    for name in ("pipe", "gateway_state.json", "lock/owner"):
        os.mkfifo(dash.home / name)
    dash.define("lock=lock supervisor_pid_file=pipe urls=")
    dash.run(f"{words} || :")
