"""What is seen of services: units, programs, files, pid files, processes, and what URLs answer."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from shell_kit import Host, every_host, one_host

from hermes_ops.look.servers import listening

host, dash = every_host, one_host
CONFIG = ".config/hermes-ops/supervisord.conf"
STATE = ".local/state/hermes-ops"
CTL = ".local/share/hermes-ops/supervisor/current/venv/bin/supervisorctl"
PIDS = 'echo "[$pids]"'
STILL_SPLITS = ": >sp1; : >sp2; set -- $(echo 'a b sp*'); echo $#"
"""Whether words are split and names globbed as before: there are four then."""


# --- systemd ----------------------------------------------------------------------------------

SHOWN = """\
Id=one.service
MainPID=0
*

Id=two.service
MainPID=4242
StatusText=a word MainPID=99
"""


def test_units_are_shown_with_their_processes(host: Host) -> None:
    """All in one call of the user's manager; a name is never taken for an option or a pattern."""
    host.file("MainPID=666")
    host.define("user_bus() { :; }")
    host.has_only("systemctl")
    host.stand("systemctl", f"echo noise >&2; cat <<'END'\n{SHOWN}END")
    answer = host.run(f"pids=' 7'; systemd_look one.service '-x*'; {PIDS}; {STILL_SPLITS}")
    (call,) = host.calls
    program, user, verb, wanted, *rest = call.split()
    assert (program, user, verb, rest) == (
        "systemctl", "--user", "show", ["--", "one.service", "-x*"],
    )  # fmt: skip
    names = set(wanted.removeprefix("--property=").split(","))
    assert names >= {
        "Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "NRestarts",
        "Result", "ExecMainStatus", "FragmentPath", "DropInPaths", "NeedDaemonReload",
    }  # fmt: skip
    assert answer.block("manager") == SHOWN.rstrip("\n")
    assert answer.errors == ""
    assert answer.out.splitlines()[-2:] == ["[ 7 4242]", "4"]


RESTARTED = "one.service: Scheduled restart job, restart counter is at"


@pytest.mark.parametrize(
    ("times", "changed", "asked"),
    [(0, 4000, False), (1, 4000, False), (2, 4000, True), (12, 4000, True), (12, 300, False)],
)
def test_the_journal_tells_of_several_restarts(
    host: Host, times: int, changed: int, asked: bool
) -> None:
    """One question for all units, once, and only if one was restarted in the last hour."""
    host.define("user_bus() { :; }; uptime=4321.09")
    host.has_only("systemctl", "journalctl")
    shown = f"Id=one.service\nNRestarts={times}\nStateChangeTimestampMonotonic={changed}000000"
    host.stand("systemctl", f"cat <<'END'\n{shown}\n\nId=two.service\nNRestarts=0\nEND")
    lines = f"{RESTARTED} 2.\n{RESTARTED} 3.\ntwo.service: Scheduled restart job.\nnoise"
    host.stand("journalctl", f"cat <<'END'\n{lines}\nEND")
    answer = host.run(f"systemd_look one.service two.service; systemd_look one.service; {PIDS}")
    calls = [call for call in host.calls if call.startswith("journalctl")]
    assert len(calls) == asked
    told = [r.text for r in answer.reply.of("manager") if "Recent" in (r.text or "")]
    wanted = "Id=one.service\nRecent=2\n\nId=two.service\nRecent=1\n"
    assert [text.strip("\n") for text in told if text] == [wanted.strip("\n")] * asked


@pytest.mark.parametrize("lacking", ["units", "systemctl", "bus"])
def test_without_systemd_nothing_is_asked_of_it(dash: Host, lacking: str) -> None:
    """And what was seen before is forgotten, so that no wait believes it."""
    dash.has_only(*([] if lacking == "systemctl" else ["systemctl"]))
    dash.define(f"user_bus() {{ [ {lacking} != bus ]; }}")
    dash.stand("systemctl")
    words = "" if lacking == "units" else "one.service"
    answer = dash.run(f'units=old; systemd_look {words}; echo "[$units]"')
    assert (answer.out, dash.calls) == ("[]\n", [])


@pytest.mark.parametrize(
    ("environment", "home"),
    [
        ("PATH=/bin HERMES_HOME=/home/a/.hermes TOKEN=abc", "/home/a/.hermes"),
        ("HERMES_HOME=/home/a/.hermes", "/home/a/.hermes"),
        ('TOKEN=abc "HERMES_HOME=/home/a b" X=y', "/home/a"),
        ("$'HERMES_HOME=/srv/x' TOKEN=abc", "/srv/x"),
        ("MY_HERMES_HOME=/srv/x TOKEN=abc", ""),
        ("", ""),
    ],
)
def test_of_a_units_environment_only_the_home_is_sent(
    host: Host, environment: str, home: str
) -> None:
    """Other variables may be credentials; what follows in the answer stays as it is."""
    host.define("user_bus() { :; }")
    host.has_only("systemctl")
    shown = f"Id=one.service\nEnvironment={environment}\nX=*\n\nId=two.service\nEnvironment="
    host.stand("systemctl", f"cat <<'END'\n{shown}\nEND")
    answer = host.run(f"systemd_look one.service two.service; {STILL_SPLITS}")
    wanted = f"Id=one.service\nHermesHome={home}\nX=*\n\nId=two.service\nHermesHome="
    assert answer.block("manager") == wanted
    assert (answer.out.splitlines()[-1], answer.errors) == ("4", "")


def test_a_unit_that_systemctl_tells_twice_is_sent_once(host: Host) -> None:
    """It was named, and matched a pattern; all that is asked of its process is asked once, too."""
    host.define("user_bus() { :; }")
    host.has_only("systemctl")
    blocks = [f"MainPID={pid}\nId={name}.service" for name, pid in (("one", 7), ("two", 0))]
    host.stand("systemctl", "cat <<'END'\n" + "\n\n".join([*blocks, *blocks]) + "\nEND")
    answer = host.run('pids=; systemd_look one.service "*.service"; echo "[$pids]"')
    assert answer.block("manager") == "\n\n".join(blocks)
    assert (answer.out.splitlines()[-1], answer.errors) == ("[ 7]", "")


# --- supervisord ------------------------------------------------------------------------------


def alive(
    host: Host, pid: str | None, cmdline: str = f"python\0supervisord\0-c\0{CONFIG}\0"
) -> str:
    """Return whether supervisord counts as alive, and the pid that was found."""
    host.rooted("/proc/")
    host.stand("kill", "[ $2 != 666 ]")
    if pid is not None:
        host.file(f"{STATE}/supervisord.pid", pid)
    host.part("/proc/4242/cmdline", cmdline)
    host.part("/proc/self/x", "")
    answer = host.run('supervisor_pid=old; supervisor_alive && echo "alive $supervisor_pid"')
    assert answer.errors == ""
    return answer.out.strip()


def test_a_supervisor_lives_by_its_pid_file_and_its_words(host: Host) -> None:
    """It is asked for, not believed."""
    assert alive(host, "4242\n") == "alive 4242"
    assert host.calls == ["kill -0 4242"]


@pytest.mark.parametrize("pid", [None, "", "\n", "x\n", "-1\n", "42x\n", "666\n"])
def test_no_supervisor_by_its_pid_file(dash: Host, pid: str | None) -> None:
    """None, an empty one, one that holds no number, and the number of nobody."""
    assert alive(dash, pid) == ""


@pytest.mark.parametrize(
    "cmdline",
    [
        "vim\0notes\0",
        "supervisord\0-c\0/etc/supervisor/supervisord.conf\0",
        f"tail\0-f\0{CONFIG}\0",
        "",
    ],
    ids=["another program", "another supervisor", "only its file", "a zombie"],
)
def test_a_stranger_with_its_number_is_no_supervisor(host: Host, cmdline: str) -> None:
    """After a reboot the number in the file may be anybody's."""
    assert alive(host, "4242\n", cmdline) == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (f"/usr/bin/python3 /home/a/supervisord -c {CONFIG}", "alive\n"),
        ("vim notes", ""),
        (f"tail -f {CONFIG}", ""),
        ("", ""),
    ],
)
def test_without_proc_ps_tells_who_has_its_number(dash: Host, words: str, said: str) -> None:
    """As on macOS."""
    dash.rooted("/proc/")
    dash.stand("kill")
    dash.stand("ps", f"echo '{words}'; echo noise >&2")
    dash.file(f"{STATE}/supervisord.pid", "4242\n")
    answer = dash.run("supervisor_alive && echo alive")
    assert (answer.out, answer.errors) == (said, "")
    assert dash.calls == ["kill -0 4242", "ps -ww -o args= -p 4242"]


def test_where_ps_cannot_tell_the_number_alone_counts(dash: Host) -> None:
    """Another supervisord beside one that runs would be worse."""
    dash.rooted("/proc/")
    dash.stand("kill")
    dash.stand("ps", "echo 'ps: args: keyword not found' >&2; return 1")
    dash.file(f"{STATE}/supervisord.pid", "4242\n")
    assert dash.run("supervisor_alive && echo alive").out == "alive\n"


PROGRAMS = """\
one   RUNNING   pid 4242, uptime 0:00:01
two   STOPPED   Nov 05 *
three RUNNING   pid 77, uptime 1 day
"""


TOLD = """\
Id=one
State=RUNNING
MainPID=4242

Id=two
State=STOPPED

Id=three
State=RUNNING
MainPID=77

"""


def programs(host: Host, *, config: bool = True, ctl: bool = True, lives: bool = True) -> str:
    """Return what is told of programs, and the variables that are left of it."""
    if config:
        host.file(CONFIG)
    if ctl:
        host.file(CTL, mode=0o755)
    host.file(" pid 666")
    host.stand("supervisorctl", f"echo noise >&2; cat <<'END'\n{PROGRAMS}END")
    host.define(f"supervisor_alive() {{ supervisor_pid=99; {'true' if lives else 'false'}; }}")
    body = f'pids=" 7" programs=old; supervisord_look; echo "[$programs]"; {PIDS}'
    answer = host.run(f"{body}; {STILL_SPLITS}")
    assert answer.errors == ""
    return answer.out


def test_programs_are_shown_with_their_processes(host: Host) -> None:
    """As supervisord says, in the form that every manager's answer has."""
    out = programs(host)
    nonce = "0123456789abcdef"
    assert out.startswith(f"{nonce} begin manager supervisord\n{TOLD}\n{nonce} end\n[one ")
    assert out.splitlines()[-2] == "[ 7 4242 77]"
    assert out.splitlines()[-1] == "4"
    assert host.calls == ["supervisorctl status"]


def moment(ago: float) -> str:
    """Return a time as supervisord writes it."""
    at = time.time() - ago
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))},{int(at * 1000) % 1000:03}"


BEGUN = (9000, "supervisord started with pid 9")
CRASHES = [(7200, "spawned: 'one' with pid 1"), *(
    line for ago in (5000, 3000, 60)
    for line in (
        (ago, "exited: one (exit status 1; not expected)"),
        (ago - 1, "spawned: 'one' with pid 2"),
        (ago - 1, "success: one entered RUNNING state, process has stayed up for > than 0 seconds"),
    )
)]  # fmt: skip
ORDERED = [
    (50, "waiting for one to stop"),
    (48, "stopped: one (exit status 0)"),
    (47, "spawned: 'one' with pid 3"),
]
LATER = [(40, "exited: one (exit status 78; expected)"), (9, "spawned: 'one' with pid 4")]
AGAIN = [(5, "exited: one (terminated by SIGKILL; not expected)"), (4, "spawned: 'one' with pid 5")]


@pytest.mark.parametrize(
    ("lines", "restarts", "recent"),
    [
        ([BEGUN, *CRASHES], "3", "2"),
        ([BEGUN, *CRASHES, *ORDERED], "0", "0"),
        ([*CRASHES[1:], *ORDERED, *AGAIN], "1", "1"),
        ([BEGUN, *CRASHES, *ORDERED, *LATER], "0", "0"),
        ([BEGUN, *CRASHES, *LATER, *AGAIN], "1", "1"),
        (CRASHES[1:], None, "2"),  # the log was cut, and reaches back over an hour
        (CRASHES[4:], None, None),
        ([BEGUN], None, None),
    ],
)
def test_its_log_tells_how_often_a_program_was_started_again(
    dash: Host, lines: list[tuple[float, str]], restarts: str | None, recent: str | None
) -> None:
    """Since somebody last ordered it: as systemd counts."""
    rows = [f"{moment(ago)} INFO {text}\n" for ago, text in lines]
    cut = len(rows) // 2
    dash.file(f"{STATE}/supervisord.log.1", "".join(rows[:cut]))
    dash.file(f"{STATE}/supervisord.log", "".join(rows[cut:]) or "\n")
    out = programs(dash)
    told = dict(line.partition("=")[::2] for line in out.partition(TOLD)[2].splitlines())
    assert (told.get("Restarts"), told.get("Recent")) == (restarts, recent)


def test_the_log_is_read_by_every_shell_and_by_no_zone_of_the_session(host: Host) -> None:
    """supervisord does not have the TZ of whoever looks."""
    rows = [f"{moment(ago)} INFO {text}\n" for ago, text in [BEGUN, *CRASHES]]
    host.file(f"{STATE}/supervisord.log", "".join(rows))
    host.define("export TZ=Pacific/Kiritimati")
    assert "Id=one\nRestarts=3\nRecent=2\n" in programs(host)


def test_a_supervisor_that_is_down_is_not_asked(dash: Host) -> None:
    """No program runs, and what was seen before is forgotten."""
    out = programs(dash, lives=False)
    assert out.startswith("[]\n[ 7]\n")
    assert dash.calls == []


@pytest.mark.parametrize("missing", ["config", "ctl"])
def test_where_no_supervisor_was_installed_nothing_is_said(dash: Host, missing: str) -> None:
    """Its configuration and its program must both be there."""
    out = programs(dash, config=missing != "config", ctl=missing != "ctl")
    assert out.startswith("[]\n[ 7]\n")


# --- files ------------------------------------------------------------------------------------


def test_paths_are_listed_in_one_call(host: Host) -> None:
    """Links themselves, also those that lead nowhere, and folders, not what is in them."""
    host.file("-a b", "text", 0o600)
    host.file("folder/x")
    (host.home / "link").symlink_to("nowhere")
    host.stand("ls", 'command ls "$@"')
    answer = host.run("list_paths '-a b' folder gone link")
    lines = answer.block("paths").splitlines()
    assert [line.split()[-1] for line in lines] == ["b", "folder", "nowhere"]
    assert host.calls == ["ls -ldin -- '-a b' folder link", "ls -ldin -- nowhere ."]
    number, shown, links, uid, gid, size = lines[0].split()[:6]
    state = (host.home / "-a b").stat()
    assert (int(number), shown, int(links)) == (state.st_ino, "-rw-------", 1)
    assert (int(uid), int(gid), int(size)) == (os.getuid(), os.getgid(), 4)
    assert lines[-1].endswith("link -> nowhere")


def test_links_are_followed_to_their_end(host: Host) -> None:
    """Each with its target, and what that is and in which folder; without links nothing more."""
    (host.home / "dir").mkdir()
    host.file("dir/real", "text", 0o400)
    (host.home / "one").symlink_to("dir/two")
    (host.home / "dir/two").symlink_to("real")
    (host.home / "null").symlink_to("/dev/null")
    (host.home / "root").symlink_to("/")
    answer = host.run("list_paths one null root")
    assert answer.block("links").splitlines() == [
        "one\tdir/real", "null\t/dev/null", "root\t/",
    ]  # fmt: skip
    shown = [
        line.split()[1][:4] + line.split()[-1] for line in answer.block("targets").splitlines()
    ]
    assert sorted(set(shown)) == ["-r--dir/real", "crw-/dev/null", "drwx.", "drwx/", "drwx/dev",
                                  "drwxdir"][0:2] + sorted({"drwx/", "drwx/dev", "drwxdir"} |
                                  ({"drwx."} & set(shown)))  # fmt: skip
    assert not (host.run("list_paths dir").errors)
    assert "links" not in host.run("list_paths dir").out


def test_an_end_that_is_listed_itself_is_not_listed_again(host: Host) -> None:
    """As of a unit that is linked from beside it; `..` is taken away where it leads back."""
    host.file("units/one.service", "x")
    (host.home / "units/wants").mkdir()
    (host.home / "units/wants/one.service").symlink_to("../one.service")
    (host.home / "units/whole").symlink_to(host.home / "units/one.service")
    (host.home / "far").symlink_to("units/wants")
    (host.home / "odd").symlink_to("far/../one.service")
    host.stand("ls", 'command ls "$@"')
    answer = host.run(
        f"HOME={host.home}; list_paths units units/one.service units/wants/one.service units/whole"
    )
    assert answer.block("links").splitlines() == [
        "units/wants/one.service\tunits/one.service",
        f"units/whole\t{host.home}/units/one.service",
    ]
    assert len(host.calls) == 1
    assert "targets" not in answer.told
    # `far` is a link: what lies above it is not the home.
    assert host.run("list_paths odd").block("links") == "odd\tfar/../one.service\n"


@pytest.mark.parametrize("link", ["one -> two", "a b"])
def test_the_name_of_a_link_is_no_part_of_what_another_leads_to(host: Host, link: str) -> None:
    """`ls` prints both on one line: a target that looks like another line changes nothing."""
    (host.home / link).symlink_to("real")
    (host.home / "liar").symlink_to(f"x {link} -> elsewhere")
    answer = host.run(f"list_paths liar '{link}'")
    assert answer.block("links").splitlines()[1] == f"{link}\treal"


def test_no_paths_no_list(dash: Host) -> None:
    """Where none of them is there, `ls` would list the home."""
    assert dash.run("list_paths; list_paths gone").out == ""


def archive(text: str) -> dict[str, str]:
    """Return the files of an archive, as they were sent."""
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text))) as tar:
        return {
            member.name: (tar.extractfile(member) or io.BytesIO()).read().decode()
            for member in tar.getmembers()
        }


def test_files_come_in_one_archive(host: Host) -> None:
    """What links lead to; no folder, no pipe, and nothing that is not there."""
    host.file("-a b", "one")
    host.file("folder/x", "two")
    (host.home / "link").symlink_to("folder/x")
    os.mkfifo(host.home / "pipe")
    answer = host.run("send_files '-a b' folder pipe gone link")
    assert archive(answer.block("files")) == {"-a b": "one", "link": "two"}
    assert answer.errors == ""


def test_a_huge_file_is_left_out(host: Host) -> None:
    """It would make the answer of the whole host too long."""
    host.file("-a b", "x\n")
    host.file("a  huge one").write_bytes(b"x" * 10_000_000)
    answer = host.run("send_files '-a b' 'a  huge one'")
    assert archive(answer.block("files")) == {"-a b": "x\n"}
    assert "unread ~/a  huge one (larger than 10 MB)" in answer.out


def test_a_listed_file_is_not_measured_again(host: Host) -> None:
    """Its size is known; that of a huge one, of a link to one, and of an unlisted one is asked."""
    host.file("small", "x\n")
    host.file("other", "y\n")
    host.stand("find", 'command find "$@"')
    assert archive(host.run("list_paths small; send_files small").block("files")) == {
        "small": "x\n"
    }
    assert host.calls == []
    host.run("list_paths small; send_files small other")
    host.file("huge").write_bytes(b"x" * 10_000_000)
    (host.home / "link").symlink_to("huge")
    answer = host.run("list_paths small link; send_files small link")
    assert archive(answer.block("files")) == {"small": "x\n"}
    assert "unread ~/link (larger than 10 MB)" in answer.out
    assert len(host.calls) == 2


def test_what_a_user_sets_for_ls_and_tar_does_not_change_what_they_say(host: Host) -> None:
    """With these variables GNU's tools print other dates, sizes and names, or leave files out."""
    host.file("a b", "text")
    settings = {
        "TIME_STYLE": "full-iso", "QUOTING_STYLE": "shell", "BLOCK_SIZE": "human-readable",
        "TAR_OPTIONS": "--exclude=*",
    }  # fmt: skip
    answer = host.run("list_paths 'a b'; send_files 'a b'", environ=settings)
    (line,) = answer.block("paths").splitlines()
    assert line.split()[5] == "4"
    assert line.endswith(" a b")
    assert archive(answer.block("files")) == {"a b": "text"}
    assert answer.errors == ""


def test_no_files_no_archive(dash: Host) -> None:
    """An empty one would be no answer."""
    assert dash.run("send_files; send_files gone").out == ""


# --- pid files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pids"),
    [
        ("4242\n", " 7 4242"),
        ("4242", " 7 4242"),
        ('{"pid": 4242, "x": 1}', " 7 4242"),
        ('{"kind": "x", "pid":4242}\n', " 7 4242"),
        ('{\n  "pid":   4242,\n  "x": 5\n}\n', " 7 4242"),
        ("7\n", " 7"),
        ("42x\n", " 7"),
        ("garbage\n", " 7"),
        ('{"ppid": 5}\n', " 7"),
    ],
)
def test_a_pid_file_is_a_number_or_a_record(host: Host, text: str, pids: str) -> None:
    """With or without a line end; anything else names no process, and none is named twice."""
    host.file("gateway.pid", text)
    answer = host.run(f"pids=' 7'; recorded_pids gone gateway.pid gateway.pid; {PIDS}")
    assert (answer.out, answer.errors) == (f"[{pids}]\n", "")


def test_each_process_is_shown_once(host: Host) -> None:
    """However often it was found."""
    host.rooted("/proc/")
    host.part("/proc/self/x", "")
    for pid in (7, 77):
        host.part(f"/proc/{pid}/stat", f"{pid} (x) S {pid}\n")
    host.stand("ps")
    answer = host.run("pids=' 7 77 7 77'; show_processes")
    assert answer.told == ["process 7 S 7", "process 77 S 77"]
    assert host.calls == []


def test_without_proc_processes_are_shown_by_ps(dash: Host) -> None:
    """All in one call, behind the clock; where there is none to show, it is not asked."""
    dash.rooted("/proc/")
    dash.stand("ps", "echo shown; echo noise >&2; return 1")
    dash.stand("date", "echo 1700000000")
    answer = dash.run("pids=; show_processes; pids=' 7 77 7'; show_processes")
    assert answer.block("ps") == "1700000000\nshown\n"
    assert answer.errors == ""
    assert dash.calls == [
        "date +%s", "ps -o pid= -o state= -o etime= -o rss= -p 7,77",
    ]  # fmt: skip


def test_files_have_no_companions(dash: Host) -> None:
    """The tar of macOS adds one to each file unless it is told not to."""
    dash.file("x", "text")
    dash.stand("tar", 'echo "$COPYFILE_DISABLE" >told; command tar "$@"')
    dash.run("send_files x")
    assert (dash.home / "told").read_text() == "1\n"
    assert dash.run("env | grep ^COPYFILE_DISABLE").out == "COPYFILE_DISABLE=1\n"


# --- what URLs answer -------------------------------------------------------------------------


class Answering(BaseHTTPRequestHandler):
    """Answers by path; notes what it was asked."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(f"{self.path} {self.headers['Host']}")
        body = b'{"status": "ok",\r\n "pid": 7} \xff\n'
        self.send_response(int(self.path.strip("/") or 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, list[str]]]:
    """A server on this machine: its port, and what it was asked."""
    asked: list[str] = []
    handler = type("Handler", (Answering,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        yield serving.server_address[1], asked
        serving.shutdown()


ASKERS = {
    "bash": ["bash", "timeout"],
    "python": [],
    "curl": ["curl"],
    "wget": ["wget"],
}
"""Who asks, where the library finds these programs alone."""
BODY = r'{"status": "ok",\r\n "pid": 7} \377\n'
"""As printf has it."""
CURL = f"""for url; do :; done
case $url in
*/200) printf '{BODY} 200' ;;
*/503) printf '{BODY} 503' ;;
*) return 7 ;;
esac"""
WGET = f"""for url; do :; done
case $url in */200) printf '{BODY}' ;; *) return 8 ;; esac"""


def asker(host: Host, name: str) -> None:
    """Let the library have this program alone to ask with; not every machine has all of them."""
    host.has_only(*ASKERS[name])
    host.define(f"hermes_python={sys.executable if name == 'python' else ''}")
    host.stand("curl", CURL)
    host.stand("wget", WGET)


@pytest.fixture
def closed() -> Iterator[str]:
    """A URL of this machine at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/x"


@pytest.mark.parametrize("name", ASKERS)
def test_urls_are_asked_by_whoever_can(
    host: Host, server: tuple[int, list[str]], closed: str, name: str
) -> None:
    """A line for each in its order: the URL, what it said on one line, its status."""
    port, asked = server
    asked.clear()
    asker(host, name)
    urls = [f"http://127.0.0.1:{port}/200", f"http://127.0.0.1:{port}/503", closed]
    answer = host.run(f'ready=1; ask_urls {" ".join(urls)}; echo "[$ready]"')
    good, bad, nobody = answer.block("http").rstrip("\n").split("\n")
    *said, odd, status = good.split()
    assert said == [urls[0], '{"status":', '"ok",', '"pid":', "7}"]
    assert (odd in ("\ufffd", "\udcff"), status) == (True, "200")
    assert bad.split()[0] == urls[1]
    assert bad.split()[-1] == ("503" if name != "wget" else urls[1])
    assert nobody.split() == [closed]
    if name in ("bash", "python"):
        assert asked == [f"/{path} 127.0.0.1:{port}" for path in ("200", "503")]
    assert (answer.out.splitlines()[-1], answer.errors) == ("[]", "")


HELD_BACK = {
    "says nothing": b"",
    "breaks off in its first line": b"HTTP/1.0 20",
    "does not close": b"HTTP/1.0 200 OK\r\n\r\nbody",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bash", "python"])
@pytest.mark.parametrize("said", HELD_BACK.values(), ids=HELD_BACK)
def test_a_server_that_holds_its_answer_back_does_not_hold_others(
    dash: Host, server: tuple[int, list[str]], said: bytes, name: str
) -> None:
    """It has three seconds, and then it has not answered; the next one is still asked."""
    asker(dash, name)
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def answer() -> None:
            peer, _ = silent.accept()
            peer.sendall(said)
            peer.recv(65536)
            ended.wait(20)
            peer.close()

        ended = threading.Event()
        threading.Thread(target=answer, daemon=True).start()
        urls = [f"http://127.0.0.1:{p}/200" for p in (silent.getsockname()[1], server[0])]
        begun = time.monotonic()
        first, second = (
            dash.run(f"ask_urls {' '.join(urls)}").block("http").rstrip("\n").split("\n")
        )
        took = time.monotonic() - begun
        ended.set()
    assert first.strip() == urls[0]
    assert (second.split()[0], second.split()[-1]) == (urls[1], "200")
    assert took > 2.5


@pytest.mark.parametrize(
    ("answers", "ready"),
    [("u 200", "[1]"), ('u {"x": 200} 503', "[]"), ("u", "[]"), ("u 2000", "[]"), ("", "[]")],
)
def test_ready_is_every_url_well_answered(dash: Host, answers: str, ready: str) -> None:
    """One that is not ends it, by its status and not by its words."""
    dash.define(f"ask_bash() {{ echo 'a 200'; echo '{answers}'; }}")
    answer = dash.run('ready=1; ask_urls a u; echo "[$ready]"')
    assert answer.out.splitlines()[-1] == ready


def test_an_answer_is_text_and_no_pattern(dash: Host) -> None:
    """What a server says opens no file of the home, and words are split as before."""
    dash.file("x 200")
    dash.define("ask_bash() { echo '* 200'; echo \"u * 200\"; }")
    answer = dash.run(f'ready=1; ask_urls a u; echo "[$ready]"; {STILL_SPLITS}')
    assert answer.out.splitlines()[-2:] == ["[1]", "4"]


def test_no_url_is_no_question(dash: Host) -> None:
    """Nothing is asked, nothing said, and readiness is not decided."""
    dash.stand("ask_bash")
    assert dash.run('ready=1; ask_urls; echo "[$ready]"').out == "[1]\n"
    assert dash.calls == []


def test_where_bash_cannot_ask_another_does(dash: Host) -> None:
    """What it said before it failed does not count."""
    dash.define("ask_bash() { echo 'u 200'; return 1; }\nask_others() { echo 'u 503'; }")
    assert dash.run("ask_urls u").block("http") == "u 503"


def test_where_nobody_can_ask_nothing_is_said(dash: Host) -> None:
    """No answer is not the answer that nobody is there."""
    dash.has_only()
    dash.define("hermes_python=")
    answer = dash.run('ready=1; ask_urls u; echo "[$ready]"')
    assert answer.out == "[]\n"


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/", "http://127.0.0.1/", "ftp://x:1/"])
def test_bash_asks_plain_urls_only(dash: Host, url: str) -> None:
    """For any other it fails and says nothing, also of those before."""
    assert dash.run(f"ask_bash http://127.0.0.1:1/ {url} || echo failed").out == "failed\n"


@pytest.mark.parametrize("only", ["bash", "timeout"])
def test_bash_asks_within_a_limit_or_not_at_all(dash: Host, only: str) -> None:
    """A server that does not answer must not hold the look."""
    dash.has_only(only)
    dash.stand("limited")
    assert dash.run("ask_bash http://127.0.0.1:1/ || echo failed").out == "failed\n"
    assert dash.calls == []
    dash.stand("has")
    dash.run("ask_bash http://127.0.0.1:1/")
    assert [call[:14] for call in dash.calls if call.startswith("limited")] == ["limited 5 bash"]


def test_curl_comes_before_python_before_wget(dash: Host) -> None:
    """Each has three seconds, and no proxy of the login stands between."""
    dash.has_only("curl", "python3", "wget")
    for program in ("curl", "python3", "wget"):
        dash.stand(program)
    dash.define("hermes_python=")
    dash.run("ask_others http://u")
    assert dash.calls == ["curl -s -m 3 --noproxy * -w ' %{http_code}' http://u"]
    dash.has_only("python3", "wget")
    dash.run("ask_others http://u")
    assert dash.calls[1].startswith("python3 -I -S -c ")
    dash.has_only("wget")
    dash.run("ask_others http://u")
    assert dash.calls[-1] == "wget -q -T 3 -t 1 -O - http://u"


def test_the_python_of_hermes_asks_where_it_is_known(dash: Host) -> None:
    """It is there, whatever else the host has."""
    dash.has_only("wget")
    dash.program("own-python")
    dash.run("hermes_python=own-python; ask_others http://u")
    assert dash.calls[0].startswith("own-python -I -S -c ")


# --- what runs, and whose files there are -----------------------------------------------------

GATEWAY = "python\0-m\0hermes_cli.main\0--profile\0a\0gateway\0run\0"


def runs(host: Host, pid: int, cmdline: str, environ: str = "TOKEN=s3cret\0") -> None:
    """Let a process of this user have been started so."""
    host.part(f"/proc/{pid}/environ", environ)
    host.part(f"/proc/{pid}/cmdline", cmdline)


def test_gateways_and_asked_processes_are_told_with_their_homes(host: Host) -> None:
    """Of all the others nothing leaves the host, and of their environments names alone.

    HOME is named only by a process that has another one than the user.
    """
    host.rooted("/proc/")
    host.part("/proc/self/x", "")
    environ = f"A=1\0HERMES_HOME=/home/a/.hermes\0TOKEN=s3cret\0HOME={host.home}/\0"
    runs(host, 7, "/bin/sleep\099\0", environ)
    runs(host, 12, "x\0", "HOME=/srv/s3cret\0")
    host.part("/proc/7/cgroup", "3:cpu:/other\n0::/x.slice\n")
    runs(host, 70, "vim\0secret\0")
    runs(host, 8, GATEWAY)
    runs(host, 9, "hermes\0gateway\0status\0", "HERMES_HOME=/home/a/.hermes\0")
    runs(host, 10, "odd\tname\nsecond\0\0gateway\0run\0", "")
    answer = host.run(f"pids=' 7 12'; look_commands; {STILL_SPLITS}")
    assert sorted(answer.block("commands").splitlines()) == [
        "10\t\t\todd name\tsecond\tgateway\trun",
        "12\t\t\tx",
        "7\t/home/a/.hermes\t/x.slice\t/bin/sleep\t99",
        "8\t\t\tpython\t-m\thermes_cli.main\t--profile\ta\tgateway\trun",
        "names\t12\tHOME",
        "names\t7\tA\tHERMES_HOME\tTOKEN",
    ]
    assert "s3cret" not in answer.out
    assert (answer.out.splitlines()[-1], answer.errors) == ("4", "")


def test_without_proc_only_gateways_of_the_user_are_told(host: Host) -> None:
    """Another user of the machine may have a profile of the same name."""
    host.rooted("/proc/")
    lines = (
        "501 7 S 01:02 90 x gateway run -p a",
        "502 8 S 01:02 90 x gateway run -p a",
        "501 9 Ss 1-00:00:01 100 a b",
        "501 10 S 01:02 90 x gateway",
    )
    host.stand("ps", f"printf '%s\\n' '{chr(10).join(lines)}'")
    answer = host.run(f"uid=501 pids=' 9 12'; look_commands; {STILL_SPLITS}")
    told = answer.block("commands").splitlines()
    assert told == ["7\t\t\tx\tgateway\trun\t-p\ta", "9\t\t\ta\tb"]
    look = "one_ps=yes uid=501 pids=' 9 12'; show_processes; look_commands"
    answer = host.run(f"{look}; {STILL_SPLITS}")
    now, process = answer.block("ps").splitlines()
    assert (now.isdigit(), process) == (True, "9 Ss 1-00:00:01 100")
    assert answer.block("commands").splitlines() == told
    one = "ps -axww -o uid= -o pid= -o state= -o etime= -o rss= -o command="
    assert host.calls == [one, one]


@pytest.mark.parametrize("lacking", ["head", "awk"])
def test_without_these_programs_no_command_line_is_read(dash: Host, lacking: str) -> None:
    """What cannot be read is no proof of anything."""
    dash.lacks(lacking)
    assert dash.run("pids=' 1'; look_commands").told == []


def owned(host: Host, uid: str) -> list[str]:
    """Return the paths in a home that this user could not write."""
    answer = host.run(f"uid={uid}; look_owners .hermes gone")
    assert answer.errors == ""
    return sorted(line.split(None, 9)[-1] for line in answer.block("owners").splitlines())


def test_what_the_user_closed_to_itself_is_told(host: Host) -> None:
    """What an agent keeps for itself is its own matter."""
    for path in ("gateway.lock", "state/beat", "workspace/notes", "skills/x/deep"):
        host.file(f".hermes/{path}")
    for path, mode in {"gateway.lock": 0o444, "state": 0o500, "workspace/notes": 0o400}.items():
        (host.home / ".hermes" / path).chmod(mode)
    assert owned(host, str(os.getuid())) == [".hermes/gateway.lock", ".hermes/state"]


def test_files_of_others_are_told(host: Host) -> None:
    """The folder itself, too; what lies deeper than the third level is not gone through."""
    host.file(".hermes/logs/a/b/c")
    assert owned(host, str(os.getuid() + 1)) == [
        ".hermes/", ".hermes/logs", ".hermes/logs/a", ".hermes/logs/a/b",
    ]  # fmt: skip


def test_databases_that_are_none_are_told(host: Host) -> None:
    """An empty file is a new one; what is no file, or is not there, is nothing to tell."""
    host.file("a/state.db", "SQLite format 3\0more\nlines")
    host.file("b/state.db", "garbage\nand more\n")
    host.file("-c/state.db", "\0" * 4096)
    host.file("d/state.db", "")
    (host.home / "e/state.db").mkdir(parents=True)
    asked = " ".join(f"{name}/state.db" for name in ("a", "b", "-c", "d", "e", "gone"))
    assert host.run(f"look_databases {asked}").told == ["garbled b/state.db", "garbled -c/state.db"]
    assert host.run("look_databases gone/state.db").told == []


def test_no_home_is_no_question(dash: Host) -> None:
    """`find` without a path would go through the whole home."""
    assert dash.run("uid=0; look_owners; look_owners gone").told == []


def test_units_of_both_scopes_are_told_as_far_as_they_matter(host: Host) -> None:
    """Of other lines, and of the rest of a line with HERMES_HOME, nothing leaves the host."""
    system = "/etc/systemd/system"
    host.rooted(f"{system}/")
    host.rooted("/etc/systemd/user/")
    host.rooted("/etc/cron")
    environment = "Environment=TOKEN=abc HERMES_HOME=/a KEY=def"
    unit = f"User=bot\n{environment}\nExecStart=/bin/hermes gateway run\n"
    host.part(f"{system}/bot.service", unit)
    host.part(f"{system}/nginx.service", "[Service]\nExecStart=/usr/sbin/nginx -k secret\n")
    host.part(f"{system}/bot.service.d/home.conf", '[Service]\nEnvironment="HERMES_HOME=/b"\n')
    host.file(".config/systemd/user/own.service", "ExecStart=python -m hermes_cli.main\n")
    answer = host.run(f"look_units; {STILL_SPLITS}")
    place = f"{host.root}{system}"
    assert answer.block("unitlines").splitlines() == [
        f"{place}/bot.service:User=bot",
        f"{place}/bot.service:HERMES_HOME=/a",
        f"{place}/bot.service:ExecStart=/bin/hermes gateway run",
        f"{place}/bot.service.d/home.conf:HERMES_HOME=/b",
        ".config/systemd/user/own.service:ExecStart=python -m hermes_cli.main",
    ]
    assert (answer.out.splitlines()[-1], answer.errors) == ("4", "")


def test_units_that_are_written_in_unusual_ways(host: Host) -> None:
    """In other folders of systemd, over several lines, as an instance of a template."""
    for path in ("/etc/systemd/", "/usr/local/lib/systemd/", "/run/systemd/system/", "/etc/cron"):
        host.rooted(path)
    host.define("XDG_RUNTIME_DIR=run")
    command = "ExecStart=/bin/hermes"
    host.file(".local/share/systemd/user/a.service", f"{command} \\\n  -p x \\\n  gateway run\n")
    host.file("run/systemd/transient/b.service", f"{command} gateway run\nUser=u \\")
    host.file(".config/systemd/user/c@.service", f"{command} -p %i gateway run\n")
    links = host.home / ".config/systemd/user/default.target.wants"
    links.mkdir()
    (links / "c@demo.service").symlink_to("../c@.service")
    lines = host.run("look_units").block("unitlines").splitlines()
    assert lines == [
        f".local/share/systemd/user/a.service:{command}    -p x    gateway run",
        f"run/systemd/transient/b.service:{command} gateway run",
        f".config/systemd/user/c@.service:{command} -p %i gateway run",
        f".config/systemd/user/default.target.wants/c@demo.service:{command} -p %i gateway run",
    ]


def test_what_ends_a_service_is_told(host: Host) -> None:
    """What conflicts with it, and commands that stop or kill it; no other line leaves the host."""
    for path in ("/etc/systemd/", "/usr/local/lib/systemd/", "/run/systemd/system/", "/etc/cron"):
        host.rooted(path)
    text = "[Unit]\nConflicts=a.service hermes-gateway-x.service\nConflicts=shutdown.target\n"
    stops = "ExecStartPost=/bin/systemctl --user stop hermes-gateway-x.service"
    host.file(
        ".config/systemd/user/foe.service", f"{text}{stops}\nExecStop=/bin/hermes -k s3cret\n"
    )
    host.file(".config/systemd/user/foe.target", "PropagatesStopTo=hermes-gateway-x.service\n")
    kills = "0 3 * * * root XDG_RUNTIME_DIR=/run/user/0 pkill --signal=9 -f hermes_cli.main"
    secret = "0 3 * * * root KEY=s3cret pkill hermes"
    host.part("/etc/cron.d/foe", f"{kills}\n{secret}\n# pkill hermes\n0 4 * * * root pkill nginx\n")
    lines = host.run("look_units").block("unitlines").splitlines()
    assert lines == [
        f".config/systemd/user/foe.service:{text.splitlines()[1]}",
        f".config/systemd/user/foe.service:{stops}",
        ".config/systemd/user/foe.target:PropagatesStopTo=hermes-gateway-x.service",
        f"{host.root}/etc/cron.d/foe:{kills}",
    ]


def test_scripts_and_files_of_variables_behind_units(host: Host) -> None:
    """The home leaves the host, and a line that starts a gateway unless it sets a variable."""
    for path in ("/etc/systemd/", "/usr/local/lib/systemd/", "/run/systemd/system/", "/etc/cron"):
        host.rooted(path)
    units = ".config/systemd/user"
    host.define("account=$HOME")
    script = "#!/bin/sh\nTOKEN=s3cret\nexport HERMES_HOME='/a b'\nHERMES_HOME=\"$HOME/x\"\n"
    runs = 'exec "$HERMES" -p x gateway run'
    start = host.file("start.sh", f"{script}{runs}\nKEY=s3cret hermes gateway run\n")
    given = host.file("x.env", "KEY=s3cret\nHERMES_HOME=/c\n")
    host.file(f"{units}/a.service", "[Service]\nExecStart=-/bin/sh %h/start.sh --key s3cret\n")
    host.file(
        f"{units}/b.service", f"EnvironmentFile=-{given}\nExecStart=/bin/hermes gateway run\n"
    )
    host.file(f"{units}/c.service", "EnvironmentFile=/x\nExecStart=/usr/bin/nginx /srv/none\n")
    host.file(f"{units}/d.service", "EnvironmentFile=/x\nExecStart=/usr/sbin/nginx -k s3cret\n")
    answer = host.run(f"look_units; {STILL_SPLITS}")
    lines = answer.block("unitlines").splitlines()
    assert "s3cret" not in answer.out
    assert {
        f"{units}/a.service:Script=%h/start.sh", f"{start}:Runs={runs}",
        f"{start}:HERMES_HOME=$HOME/x",
        f"{units}/b.service:EnvironmentFile=-{given}", f"{given}:HERMES_HOME=/c",
    } <= set(lines)  # fmt: skip
    assert not any(line.startswith(f"{units}/d.service") for line in lines)
    assert answer.out.splitlines()[-1] == "4"


def test_units_that_a_boot_needs_are_masked(host: Host) -> None:
    """By a link to /dev/null, by an empty file, or as a link to what ends everything."""
    system, user = host.rooted("/etc/systemd/"), host.home / ".config/systemd/user"
    host.rooted("/run/systemd/system")
    host.rooted("/usr/lib/systemd/")
    for place in (system / "system", system / "user", user):
        place.mkdir(parents=True, exist_ok=True)
    host.part("/usr/lib/systemd/system/rescue.target", "[Unit]\n")
    host.part("/usr/lib/systemd/system/graphical.target", "[Unit]\n")
    (system / "system/default.target").symlink_to(
        f"{host.root}/usr/lib/systemd/system/rescue.target"
    )
    (system / "system/graphical.target").write_text("[Unit]\n")
    (system / "system/user@7.service").symlink_to("/dev/null")
    (system / "user/default.target").symlink_to("/nowhere")
    (user / "default.target").write_text("")
    assert host.run("uid=7; look_masks").told == []
    host.part("/run/systemd/system/x", "")
    assert host.run(f"uid=7; look_masks; {STILL_SPLITS}").told == [
        f"masked {system}/system/default.target", f"masked {system}/system/user@7.service",
        "masked .config/systemd/user/default.target",
    ]  # fmt: skip


def test_what_cannot_be_written_is_told(host: Host) -> None:
    """What is not there is no matter; root may write all but what is mounted read-only."""
    host.file("a b")
    host.file("shut", mode=0o400)
    told = host.run("look_closed 'a b' gone shut").told
    assert told == ([] if os.getuid() == 0 else ["closed shut"])


def test_parts_of_units_are_told_before_systemd_reads_them(host: Host) -> None:
    """Drop-ins, what a unit is made to require, and units that take the place of ours."""
    for path in ("/etc/systemd/", "/usr/local/lib/systemd/", "/run/systemd/"):
        host.rooted(path)
    unit = ".config/systemd/user/x.service"
    host.file(f"{unit}.d/a.conf")
    host.file(".config/systemd/user.control/x.service")
    host.file(".config/systemd/user/y.target.requires/x")
    (host.home / f"{unit}.requires").mkdir()
    (host.home / f"{unit}.requires/none.service").symlink_to("/nowhere")
    host.part("/etc/systemd/user/service.d/b.conf", "")
    assert host.run("look_parts").told == []
    (host.rooted("/run/systemd/") / "system").mkdir(parents=True)
    assert host.run("XDG_RUNTIME_DIR=gone; look_parts").told == [
        f"part {host.root}/etc/systemd/user/service.d/b.conf", f"part {unit}.d/a.conf",
        f"part {unit}.requires/none.service", "part .config/systemd/user.control/x.service",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "told"), [("", []), ("@reboot hermes gateway run", ["unitlines"])]
)
def test_an_empty_crontab_starts_no_program(dash: Host, table: str, told: list[str]) -> None:
    """As on most Macs, where nothing else is read there."""
    for path in ("/etc/systemd/", "/usr/local/lib/systemd/", "/run/systemd/system/", "/etc/cron"):
        dash.rooted(path)
    dash.stand("crontab", f"printf '%s' '{table}'")
    dash.stand("awk", "echo x >asked; cat >/dev/null")
    answer = dash.run("look_units")
    assert (dash.home / "asked").exists() is bool(told)
    assert answer.told == told


@pytest.mark.slow
def test_scripts_of_cron_are_followed(host: Host) -> None:
    """Of a line only the path leaves the host; a program of the system is no script."""
    for path in ("/etc/systemd/", "/usr/local/lib/systemd/", "/run/systemd/system/", "/etc/cron"):
        host.rooted(path)
    start = host.file("start.sh", "exec hermes -p x gateway run\n")
    host.part("/etc/cron.d/x", f"@reboot ann {start} s3cret\n@daily root /usr/bin/x s3cret\n")
    host.stand("crontab", f"printf '@reboot {start}\n# @reboot /s3cret\n'")
    answer = host.run("look_units")
    assert answer.block("unitlines").splitlines() == [
        f"{host.root}/etc/cron.d/x:Script={start}", f"crontab:Script={start}",
        f"{start}:Runs=exec hermes -p x gateway run", f"{start}:Runs=exec hermes -p x gateway run",
    ]  # fmt: skip
    assert "s3cret" not in answer.out


INSTALLED = {
    "gateway/run.py": "x = 1\n", "gateway/tests/a.py": "", "lib/__init__.py": "y = 2\n",
    "lib/deep.py": "z = 3\n", "_c.so": "ELF", "pure.py": "w = 4\n",
}  # fmt: skip
"""The files of Hermes and of a library."""


def installed(host: Host) -> tuple[Path, str]:
    """Install these; return the folder, and the shell that looks at the code."""
    root = host.home / "venv/lib/python3/site-packages"
    host.file("venv/pyvenv.cfg", "include-system-site-packages = false\n")
    for name, text in INSTALLED.items():
        host.file(f"venv/lib/python3/site-packages/{name}", text)
    parts = {"hermes_agent-0.1": "gateway/", "Some.Lib-2": "lib/,_c,pure"}
    for folder, starts in parts.items():
        files = [name for name in INSTALLED if name.startswith(tuple(starts.split(",")))]
        lines = [f"{name},sha256=x,{len(INSTALLED[name])}" for name in files]
        record = "\n".join([*lines, "../../bin/hermes,,"])
        host.file(f"venv/lib/python3/site-packages/{folder}.dist-info/RECORD", record)
    needs = 'Requires-Dist: some_lib<3\nRequires-Dist: other; extra == "x"\n'
    info = root / "hermes_agent-0.1.dist-info"
    (info / "METADATA").write_text(f"Name: hermes-agent\n{needs}")
    look = "look_code 'auth.json cron/jobs.json pairing/'"
    return root, f"hermes_python={sys.executable}; hermes_info={info}; {look}"


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        ("true", []),
        ("echo 'def (' >>gateway/run.py", ["gateway/run.py is no Python any more"]),
        ("rm gateway/run.py gateway/tests/a.py", ["gateway/run.py is gone"]),
        (": >gateway/run.py", ["gateway/run.py is empty"]),
        ("echo '# patched' >>gateway/run.py", []),
        ("rm -r lib _c.so", ["lib/__init__.py is gone", "_c.so is gone"]),
        ("rm lib/deep.py", []),
        ("rm pure.py", ["pure.py is gone"]),
        ("echo 'def (' >>gateway/tests/a.py", []),
        ("rm -r lib Some.Lib-2.dist-info", ["the library some_lib is not installed"]),
    ],
)
def test_the_code_is_what_was_installed(host: Host, breaks: str, told: list[str]) -> None:
    """A patch of somebody is Python; of libraries only what an import needs first is looked at."""
    root, look = installed(host)
    subprocess.run(["sh", "-ec", breaks], cwd=root, check=True)
    before = sorted(root.rglob("*"))
    assert sorted(host.run(look).told) == sorted(f"damaged {one}" for one in told)
    assert sorted(root.rglob("*")) == before  # no cache of bytecode


def test_modules_in_the_home_of_a_gateway(host: Host) -> None:
    """It starts there, and Python looks there first; other scripts may lie where they want."""
    for name in ("a/asyncio.py", "a/lib/__init__.py", "a/own.py", "a/cron/jobs.txt", "a/sys.py"):
        host.file(name)
    _, look = installed(host)
    told = host.run(f"{look} a gone").told
    assert sorted(told) == ["shadow a/asyncio.py", "shadow a/lib"]


@pytest.mark.parametrize(
    ("text", "told"),
    [("{}", False), ('\ufeff{"jobs": []}', False), ('["a\tb"]', False), ("", True),
     ('{"jobs": [', True), ("[" * 100_000, True)],
    ids=["empty", "of Windows", "a tab", "no text", "cut", "deep"],
)  # fmt: skip
def test_files_that_should_be_json(host: Host, text: str, told: bool) -> None:
    """Read as leniently as Hermes does; what is in them stays on the host."""
    host.file("a/cron/jobs.json", text)
    host.file("a/pairing/x-approved.json", text)
    host.file("a/pairing/notes.txt", text)
    host.file("a/other.json", "{")
    _, look = installed(host)
    found = ["garbled a/cron/jobs.json", "garbled a/pairing/x-approved.json"] if told else []
    answer = host.run(f"{look} a gone")
    assert (answer.told, answer.errors) == (found, "")


def test_libraries_of_another_environment_are_installed(host: Host) -> None:
    """A `.pth` may add their folder: what this Python finds is there."""
    root, look = installed(host)
    metadata = root / "hermes_agent-0.1.dist-info/METADATA"
    metadata.write_text("Requires-Dist: pytest>=8\nRequires-Dist: no-such-library\n")
    assert host.run(look).told == ["damaged the library no-such-library is not installed"]


def test_a_python_that_does_not_come_up(host: Host) -> None:
    """Whatever keeps it from that: nothing could be compared."""
    _, look = installed(host)
    python = host.program("other-python", "exit 3")
    told = host.run(look.replace(f"hermes_python={sys.executable}", f"hermes_python={python}")).told
    assert told == ["damaged its Python does not come up"]


def test_files_with_a_new_date_are_those_that_were_installed(host: Host) -> None:
    """Whoever copies an installation may date all anew: what is unchanged is not compiled."""
    root, look = installed(host)
    text = b"print 'for an older Python'\n"
    digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
    (root / "gateway/run.py").write_bytes(text)
    record = root / "hermes_agent-0.1.dist-info/RECORD"
    record.write_text(f"gateway/run.py,sha256={digest},{len(text)}\n")
    os.utime(record, (0, 0))
    assert host.run(look).told == []
    record.write_text(f"gateway/run.py,sha256={digest[:-1]}_,{len(text)}\n")
    os.utime(record, (0, 0))
    assert host.run(look).told == ["damaged gateway/run.py is no Python any more"]


def test_a_comparison_that_does_not_end_is_no_damage(host: Host) -> None:
    """Of a slow disk nothing is known, and no restart is refused for it."""
    _, look = installed(host)
    host.stand("timeout", "exit 124")
    told = host.run(look).told
    assert told == ["unread the code of Hermes (to compare it takes longer than 10 s)"]
    begin = look.partition("look_code")[0]
    find = f'{begin} find_damage "$hermes_info"; say "damage: $damage."'
    assert host.run(find).told == ["damage: ."]


def test_code_that_nobody_knows_is_no_question(dash: Host) -> None:
    """Without Hermes, or without its interpreter."""
    assert dash.run("hermes_info=; look_code x").told == []
    assert dash.run("hermes_info=/x; hermes_python=/nowhere; look_code x").told == []


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("exit 1", ["hermes broken yes"]),
        ("echo {own}", []),  # a wrapper that runs the same program
        ("echo /bin/sh", ["interpreter {pid} {own}"]),
        ("echo /bin/sh; exit 1", ["hermes broken yes"]),
    ],
)
def test_the_python_of_hermes_is_what_its_process_runs(
    host: Host, program: str, told: list[str]
) -> None:
    """One that is another file is asked what it runs, and whether it finds Hermes."""
    own = {"pid": os.getpid(), "own": os.path.realpath("/proc/self/exe")}
    python = host.program("other-python", program.format(**own))
    answer = host.run(f"pids=' {os.getpid()}'; hermes_python={python}; look_interpreter")
    assert answer.told == [line.format(**own) for line in told]
    same = f"pids=' {os.getpid()}'; hermes_python={own['own']}; look_interpreter; hermes_python="
    assert host.run(f"{same}; look_interpreter").told == []


def test_the_default_environment_of_systemd_is_given_too(host: Host) -> None:
    """From the next boot on; of its words only the names are told."""
    host.rooted("/etc/environment.d/")
    host.rooted("/etc/systemd/user.conf")
    host.stand("systemctl")
    host.define("user_bus() { :; }")
    text = "[Manager]\n#DefaultEnvironment=X=1\nDefaultEnvironment=A=s3cret \"B=s3 cret\" 'C=1'\n"
    own = host.file(".config/systemd/user.conf.d/x y.conf", text)
    host.part("/etc/systemd/user.conf", "DefaultEnvironment=D=*\n")
    answer = host.run(f"look_given; {STILL_SPLITS}")
    place = own.relative_to(host.home)
    assert answer.told == [f"given D {host.root}/etc/systemd/user.conf", *(
        f"given {name} {place}" for name in "ABC"
    )]  # fmt: skip


def test_what_the_next_start_gets_is_named_without_values(host: Host) -> None:
    """From the user's systemd now, and from files that it reads at the next boot."""
    host.rooted("/etc/environment.d/")
    host.stand("systemctl", 'printf "TOKEN=s3cret\\nHOME=%s\\nlower=1\\n=x\\n" "$HOME"')
    host.file(".config/environment.d/a.conf", "# A=1\nPYTHONPATH=/s3cret\nHOME=/elsewhere")
    assert host.run("look_given").told == []
    host.define("user_bus() { :; }")
    answer = host.run(f"look_given; {STILL_SPLITS}")
    place = ".config/environment.d/a.conf"
    assert answer.told == ["given TOKEN -", f"given PYTHONPATH {place}", f"given HOME {place}"]


def test_a_manager_that_runs_and_cannot_be_asked(host: Host) -> None:
    """Its sockets are gone, and the kernel still has its group: it is not stopped."""
    groups = host.rooted("/sys/fs/cgroup")
    host.stand("systemctl", "echo called")
    ask = "uid=1000; XDG_RUNTIME_DIR=$HOME/gone; systemd_look one.service"
    assert host.run(ask).told == []
    (groups / "user.slice/user-1000.slice/user@1000.service/init.scope").mkdir(parents=True)
    assert host.run(ask).told == ["mute systemd"]


def test_where_a_user_may_listen(host: Host) -> None:
    """The kernel gives a setting byte for byte, so no shell can read more than one."""
    for place in ("/proc/sys/net/", "/proc/net/"):
        host.rooted(place)
    host.part("/proc/sys/net/ipv4/ip_nonlocal_bind", "0\n")
    host.part("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024\n")
    listed = "  |-- 10.0.0.0\n     /24 link\n  |-- 10.0.0.3\n     /32 host LOCAL\n"
    host.part("/proc/net/fib_trie", listed)
    host.part("/proc/net/if_inet6", f"fd{'0' * 29}7 02 40 00 80 eth0\n")
    assert host.run("look_addresses ''").told == []
    answer = host.run("look_addresses yes")
    found = listening(answer.reply)
    assert found["unprivileged"] == 1024
    assert found["addresses"] == {"10.0.0.3", "fd00::7"}
    host.part("/proc/sys/net/ipv4/ip_nonlocal_bind", "1\n")
    assert listening(host.run("look_addresses yes").reply)["addresses"] is None
