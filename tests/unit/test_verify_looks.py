"""What checks look with: the kernel's word on a process, a URL on the host, a manager's text."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from testinfra import host as testinfra

from hermes_ops.inventory.model import Connection, Host
from hermes_ops.services import MANAGERS
from hermes_ops.services.checks import variable
from hermes_ops.services.manager import CheckedService
from hermes_ops.transport import Local
from hermes_ops.verify import process as process_checks
from hermes_ops.verify.backend import SessionBackend
from hermes_ops.verify.http import _ASK, Http
from hermes_ops.verify.process import CheckedProcess

SERVICE = CheckedService(
    "h", "p", "gateway", "name", "name.service", "systemd", "u", 1, "/h", "/h/p",
    python=sys.executable,
)  # fmt: skip


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    """This machine, as a check has it."""
    backend = SessionBackend("h", Local(Host("h", Connection(kind="local"))).session)
    yield testinfra.Host(backend)
    backend.close()


class Ours:
    """A unit whose process is this one."""

    enablement, activity, pid = "enabled", "active", os.getpid()

    def variable(self, name: str) -> str | None:
        raise AssertionError("the kernel shows our own environment")

    def ends_with_session(self, process: object) -> str:
        raise AssertionError("nobody asks that here")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_a_process_is_what_the_kernel_says(host: Any) -> None:
    """Owner, session, start and environment are those of the process."""
    process = CheckedProcess(host, Ours())
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    assert process.uids == {os.getuid()}
    assert process.session == os.getsid(0)
    assert process.ticks == int(fields[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert abs(time.time() - uptime + process.ticks / 100 - process.started) < 2
    assert process.wrote(process.ticks)
    assert not process.wrote(process.ticks + 1)
    assert process.cgroup.startswith("/")
    started_with = Path("/proc/self/environ").read_bytes().split(b"\0")
    name, _, value = next(pair for pair in started_with if pair).partition(b"=")
    assert process.variable(name.decode()) == value.decode()
    assert process.variable("NO_SUCH_VARIABLE_ANYWHERE") is None


PS = """\
case $* in
"-o etime= -p {pid}") echo "   {age}" ;;
"-o uid= -o ruid= -o svuid= -p {pid}") echo "  501   501   502" ;;
*) echo "ps: illegal option: $*" >&2; exit 1 ;;
esac
"""


class WithoutProc:
    """A host whose kernel has no /proc, and whose `ps` knows one process and nothing of Linux."""

    def __init__(self, folder: Path, *, age: str = "02:05") -> None:
        self.folder = folder
        ps = folder / "ps"
        ps.write_text("#!/bin/sh\n" + PS.format(pid=os.getpid(), age=age))
        ps.chmod(0o755)

    def run(self, command: str, *words: str) -> Any:
        line = command.replace("/proc", f"{self.folder}/proc") % tuple(map(shlex.quote, words))
        environ = {"PATH": f"{self.folder}:/usr/bin:/bin"}
        done = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, env=environ, check=False
        )
        return SimpleNamespace(rc=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def check_output(self, command: str, *words: str) -> str:
        ended = self.run(command, *words)
        assert ended.rc == 0, ended.stderr
        return str(ended.stdout.rstrip("\r\n"))


def test_without_proc_a_process_is_what_ps_says(tmp_path: Path) -> None:
    """Owners and birth; its session is asked of the kernel, its environment of its manager."""
    unit = SimpleNamespace(pid=os.getpid(), variable={"HOME": "/h"}.get)
    process = CheckedProcess(WithoutProc(tmp_path), unit, sys.executable)
    assert process.uids == {501, 502}
    assert process.ticks is None
    assert abs(time.time() - 125 - process.started) < 2
    assert process.session == os.getsid(0)
    assert process.cgroup == ""
    assert process.variable("HOME") == "/h"
    assert process.variable("PATH") is None


def test_without_proc_a_state_file_is_that_of_its_process(tmp_path: Path) -> None:
    """By hundredths of a second since 1970, as Hermes writes them there."""
    unit = SimpleNamespace(pid=os.getpid())
    process = CheckedProcess(WithoutProc(tmp_path), unit)
    assert process.wrote(int((time.time() - 125) * 100))
    assert process.wrote(None)
    assert not process.wrote(int((time.time() - 3600) * 100))


def test_without_proc_a_process_that_is_gone_fails_the_check(tmp_path: Path) -> None:
    """So does an age that is none."""
    gone = CheckedProcess(WithoutProc(tmp_path), SimpleNamespace(pid=1))
    with pytest.raises(AssertionError):
        _ = gone.started
    odd = CheckedProcess(WithoutProc(tmp_path, age="-"), SimpleNamespace(pid=os.getpid()))
    with pytest.raises(AssertionError, match="ps tells no age of process"):
        _ = odd.started


class Greeting(BaseHTTPRequestHandler):
    """Answers with a status that the path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.rpartition("/")[2]))
        self.end_headers()
        self.wfile.write(b'{"platform":\n "hermes-agent"}')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server on a port of its own."""
    with HTTPServer(("127.0.0.1", 0), Greeting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/health"
        server.shutdown()


@pytest.mark.parametrize("status", [200, 503])
def test_a_url_is_asked_on_the_host(host: Any, url: str, status: int) -> None:
    """Status and body are what the server answered."""
    answer = Http(host, SERVICE)(f"{url}/{status}")
    assert (answer.status, answer.body) == (status, '{"platform":\n "hermes-agent"}')


def test_nobody_answers(host: Any) -> None:
    """A closed port is no status, and no failure of the asking."""
    assert Http(host, SERVICE)("http://127.0.0.1:1/health").status is None


@pytest.mark.parametrize("python", [sys.executable, "/no/such/python"])
def test_without_curl_python_asks(url: str, python: str, tmp_path: Path) -> None:
    """A host without curl is asked with the Python of Hermes, or with its own."""
    (tmp_path / "python3").symlink_to(sys.executable)
    words = ["/bin/sh", "-c", _ASK, "ask", "MARK", python, f"{url}/200", f"{url}/503"]
    done = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, check=True)
    body = b'{"platform":\n "hermes-agent"}'
    assert done.stdout == body + b"\n200\nMARK\n" + body + b"\n503\nMARK\n"


@pytest.mark.parametrize(("count", "most"), [(2, 5), (8, 3), (26, 1)])
def test_without_python_curl_asks(count: int, most: int, tmp_path: Path) -> None:
    """A host that has curl alone is asked with that, one URL after the other.

    Each has 5 seconds; of many, each has less, so that the command ends in its time.
    """
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\nfor url; do :; done\nprintf "%s in %s s\\n200\\n" "$url" "$4"\n')
    curl.chmod(0o755)
    urls = [f"http://{number}" for number in range(count)]
    words = ["/bin/sh", "-c", _ASK, "ask", "MARK", "/no/such/python", *urls]
    done = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, check=True)
    assert done.stdout.decode() == "".join(f"{url} in {most} s\n200\nMARK\n" for url in urls)


def test_without_anything_that_asks_it_is_said(url: str, tmp_path: Path) -> None:
    """No program that can ask is not the same as nobody answering."""
    words = ["/bin/sh", "-c", _ASK, "ask", "MARK", "/no/such/python", f"{url}/200"]
    done = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, check=False)
    assert done.returncode != 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_what_is_asked_ahead_is_what_the_commands_print(host: Any) -> None:
    """About every process that is there; nothing is said of one that is gone."""
    mine, gone = str(os.getpid()), "999999999"
    printed = host.run(f"pids='{mine} {gone}'\n{process_checks.ahead()}").stdout
    known = process_checks.foreseen(printed)
    assert {words[1] for words in known} == {mine}
    for words, text in known.items():
        now = host.run(*words).stdout
        if "uptime" not in words[0]:
            assert text == now, words
            continue
        # The time goes on, and the process uses processors.
        assert [text.split()[n] for n in (3, 4, 24)] == [now.split()[n] for n in (3, 4, 24)]
        assert [len(line.split()) for line in text.splitlines()[:2]] == [2, 1]
    assert len(known) == 3 + (b"HERMES_HOME=" in Path("/proc/self/environ").read_bytes())


class Said:
    """A host on which every command prints this."""

    def __init__(self, output: str) -> None:
        self.output = output

    def run(self, *_: str) -> Any:
        return type("Ended", (), {"stdout": self.output, "stderr": "", "rc": 0})()


@pytest.mark.parametrize(
    ("manager", "said", "activity"),
    [
        ("systemd", "active\n", "active"),
        ("systemd", "", "unknown"),
        ("supervisord", "name    RUNNING   pid 12, uptime 0:00:09\n", "active"),
        ("supervisord", "name    BACKOFF   Exited too quickly\n", "BACKOFF"),
        ("supervisord", "name: ERROR (no such process)\n", "ERROR"),
        ("supervisord", "", "unknown to supervisord"),
    ],
)
def test_only_what_runs_is_active(manager: str, said: str, activity: str) -> None:
    """Each manager's word for running is `active`, and no other is."""
    assert MANAGERS[manager].check(Said(said), SERVICE).activity == activity


@pytest.mark.parametrize("said", ["0\n", "", "name: ERROR (no such process)\n"])
@pytest.mark.parametrize("manager", list(MANAGERS))
def test_no_process_fails_the_check(manager: str, said: str) -> None:
    """A service without a process is a failure with a sentence, not a number."""
    with pytest.raises(AssertionError, match="has no process"):
        _ = MANAGERS[manager].check(Said(said), SERVICE).pid


@pytest.mark.slow
def test_variables_are_read_from_a_managers_text() -> None:
    """Both what `systemctl show` prints and a line of a script that exports."""
    shown = 'PATH=/bin HERMES_HOME=/h/p "NOTE=two words"'
    assert variable("HERMES_HOME", shown) == "/h/p"
    assert variable("NOTE", shown) == "two words"
    assert variable("HERMES_HOME", "export HERMES_HOME='/h/p'\n") == "/h/p"
    assert variable("HOME", shown) is None
