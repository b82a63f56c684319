"""`fleet.status --alert`, `--textfile` and `--gatus`, with real hosts and a real listener."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from calling import said

from hermes_ops.alerts import delivery
from hermes_ops.alerts.news import News, message
from hermes_ops.alerts.ping import UNANSWERED, ping

Captured = pytest.CaptureFixture[str]
Status = Callable[..., tuple[int, str, str]]
HOOK = "a-hook-that-nobody-may-see"


@dataclass
class Listener:
    """What came in; a path that begins with a number is answered with that status."""

    port: int = 0
    posted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    def take(self) -> list[str]:
        """Return the messages that came in since the last call, as their lines."""
        lines = [line for _, body in self.posted for line in body["message"].splitlines()]
        self.posted.clear()
        return lines


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen on loopback, as a receiver of alerts does."""
    heard = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.posted.append((self.path, json.loads(body)))
            self._answer()

        def do_GET(self) -> None:
            heard.called.append(self.path)
            self._answer()

        def _answer(self) -> None:
            word = self.path.split("/")[1]
            time.sleep(float(word) if word.startswith("0.") else 0)
            self.send_response(int(word) if word.isdigit() else 200)
            if word.startswith("3"):
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        heard.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield heard
        server.shutdown()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A receiver of one test."""
    with listening() as heard:
        yield heard


@pytest.fixture
def status(tmp_path: Path, listener: Listener, capsys: Captured) -> Status:
    """Write an inventory of this machine, call `fleet.status`, return exit code and texts."""

    def status(
        *words: str, state: str = "started", urls: Any = None, ping: Any = None, **hosts: Any
    ) -> tuple[int, str, str]:
        at = f"json://127.0.0.1:{listener.port}/{HOOK}"
        alerts = {"urls": urls or [at], "ping": ping or f"http://127.0.0.1:{listener.port}/ping"}
        here = {"ansible_connection": "local", "hermes_profiles": {"coder": {"state": state}}}
        every = {"vars": {"hermes_alerts": alerts}, "hosts": {"here": here, **hosts}}
        (tmp_path / "hosts.yml").write_text(json.dumps({"all": every}))
        return said(capsys, "fleet.status", "-i", str(tmp_path / "hosts.yml"), *words)

    return status


LOST = {"ansible_host": "127.0.0.1", "ansible_port": 1, "hermes_profiles": {"scout": {}}}


@pytest.mark.slow
def test_it_tells_once_and_recovers(status: Status, listener: Listener) -> None:
    """What is wrong is told once; what is well again, too; each whole look is a ping."""
    code, out, err = status("--alert", "--quiet")
    assert (code, err.splitlines()[1:]) == (2, [])
    assert out.startswith("here/coder is absent: ")
    ((path, first),) = listener.posted
    assert (path, first["title"]) == (f"/{HOOK}", "hermes-ops: 1 not as wanted")
    assert listener.take() == ["here/coder is absent: Hermes is not on this host"]
    assert status("--alert", "--quiet")[0] == 2
    assert listener.take() == []
    (file,) = Path.home().glob(".local/state/hermes-ops/alerts/*.json")
    known = json.loads(file.read_text())
    file.write_text(json.dumps(known | {"looked_at": time.time() + 10**6}))  # a clock was wrong
    code, out, err = status("--alert", "--quiet", state="absent")
    assert (code, out, err) == (0, "", "")
    (told,) = listener.take()
    assert told.startswith("here/coder is absent again, after ")
    assert listener.called == ["/ping"] * 3


@pytest.mark.slow
def test_a_lost_host_is_told_and_is_no_ping(status: Status, listener: Listener) -> None:
    """The host alone is told, not its profiles; the document says what was sent."""
    code, out, _ = status("--alert", "--json", lost=LOST, state="absent")
    document = json.loads(out)
    told = ["lost is unreachable: 127.0.0.1 refuses the connection"]
    assert (code, listener.take(), listener.called) == (3, told, [])
    assert document["alerts"] == {
        "told": told, "urls": 1, "delivered": 1, "pinged": 0, "warnings": [],
    }  # fmt: skip
    assert [item["host"] for item in document["items"]] == ["lost"]
    assert status("--alert", state="absent")[0] == 0
    (gone,) = listener.take()
    assert gone.startswith("lost is not looked at any more, after ")


@pytest.mark.slow
def test_what_cannot_be_told_is_a_warning(
    status: Status, listener: Listener, tmp_path: Path
) -> None:
    """The look stands, with its exit code; the others are told, and only once."""
    base = f"127.0.0.1:{listener.port}"
    urls = [
        {"env": "NOT_THERE"}, f"json://{base}/500/secret-hook-1", f"json://{base}/{HOOK}",
        "json://ops.example.org/secret-hook-2", {"age": "not an age text"},
    ]  # fmt: skip
    for expected in (2, 1):
        code, out, err = status("--alert", urls=urls, ping={"file": "not-there"})
        assert (code, len(listener.take())) == (2, expected)
        where = f"warning: {tmp_path}/hosts.yml:1:"
        warnings = [line for line in err.splitlines() if line.startswith("warning: ")]
        assert len(warnings) == 5
        assert all(line.startswith(where) for line in warnings)
        assert "the environment has no NOT_THERE" in err
        assert "hermes_alerts.urls was not delivered: the answer is HTTP 500" in err
        assert "is sent without TLS (json://): write jsons://" in err
        assert "secret-hook" not in out + err
        assert HOOK not in out + err


@pytest.mark.slow
def test_check_sends_and_writes_nothing(status: Status, listener: Listener, tmp_path: Path) -> None:
    """It says what would be told; neither a message, a ping, a file nor a memory is made."""
    code, _, err = status(
        "--alert", "--check", "--textfile", str(tmp_path / "m.prom"), urls=[{"command": ["false"]}]
    )
    assert code == 2
    assert "--check: would tell here/coder is absent: Hermes is not on this host\n" in err
    assert f"--check: would write {tmp_path}/m.prom\n" in err
    assert "warning" not in err
    assert (listener.take(), listener.called) == ([], [])
    assert [path.name for path in tmp_path.iterdir()] == ["hosts.yml"]
    assert not list((Path.home() / ".local/state/hermes-ops").glob("alerts/*"))


@pytest.mark.slow
def test_no_other_task_resolves_them(
    status: Status, tmp_path: Path, capsys: Captured, listener: Listener
) -> None:
    """A program behind a URL is not started, and a plain URL is shown nowhere."""
    hook = f"json://127.0.0.1:{listener.port}/{HOOK}"
    urls = [{"command": ["touch", str(tmp_path / "ran")]}, hook]
    assert status(urls=urls)[0] == 2
    for words in (
        ["inventory.list", "--json"], ["inventory.show", "--json"], ["fleet.plan"],
        ["inventory.explain", "here/coder"], ["fleet.ps", "-v"],
    ):  # fmt: skip
        _, out, err = said(capsys, *words, "-i", str(tmp_path / "hosts.yml"))
        assert HOOK not in out + err, words
    assert not (tmp_path / "ran").exists()
    # Those about secrets do, and show none.
    for task in ("secrets.show", "secrets.lint"):
        _, out, err = said(capsys, task, "-i", str(tmp_path / "hosts.yml"))
        assert HOOK not in out + err, task
    _, out, err = status("--alert", "-v", urls=urls)
    assert HOOK not in out + err
    assert (tmp_path / "ran").exists()
    (memory,) = Path.home().glob(".local/state/hermes-ops/alerts/*.json")
    assert HOOK not in memory.read_text()
    assert stat.S_IMODE(memory.stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_vault_that_stays_closed(tmp_path: Path, capsys: Captured) -> None:
    """A look needs no password; with --alert the URL behind it is a warning."""
    (tmp_path / "hosts.yml").write_text(
        "all:\n  vars:\n    hermes_alerts:\n      urls:\n        - !vault |\n"
        "          $ANSIBLE_VAULT;1.1;AES256\n          6162\n"
        "  hosts: {here: {ansible_connection: local, hermes_profiles: {a: {state: absent}}}}\n"
    )
    words = ("fleet.status", "-i", str(tmp_path / "hosts.yml"))
    assert said(capsys, *words)[0] == 0
    code, _, err = said(capsys, *words, "--alert")
    assert code == 0
    assert "hosts.yml:5:11: is encrypted, and no password was given" in err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--alert"], "no selected host has hermes_alerts"),
        (["--textfile", ""], "--textfile"),
        (["--textfile", "."], "--textfile takes the name of a file, not '.'"),
        (["--textfile", "/no/such/folder/m.prom"], "there is no folder /no/such/folder"),
        (["--textfile", "/dev/null"], "--textfile takes the name of a file"),
        (["--gatus", "--json"], "does nothing with --json"),
        (["--gatus", "--alert"], "does nothing with --alert"),
    ],
)
def test_what_is_refused(words: list[str], why: str, tmp_path: Path, capsys: Captured) -> None:
    """Before any contact: this host could not be reached."""
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"lost": LOST}}}))
    code, _, err = said(capsys, "fleet.status", "-i", str(tmp_path / "hosts.yml"), *words)
    assert code == 64
    assert why in err


@pytest.mark.slow
def test_metrics(status: Status, tmp_path: Path) -> None:
    """A node exporter, another user, can read the states, the counts and the time of the look."""
    file, umask = tmp_path / "m.prom", os.umask(0o077)
    try:
        code, _, _ = status("--textfile", str(file), lost=LOST)
    finally:
        os.umask(umask)
    lines = file.read_text().splitlines()
    assert (code, stat.S_IMODE(file.stat().st_mode)) == (3, 0o644)
    assert {
        'hermes_ops_profile_state{host="here",profile="coder",state="absent"} 1',
        'hermes_ops_profile_as_desired{host="here",profile="coder"} 0',
        'hermes_ops_host_reachable{host="lost"} 0', 'hermes_ops_profiles{state="unknown"} 1',
        "hermes_ops_hosts 2", "hermes_ops_exit_code 3",
    } <= set(lines)  # fmt: skip
    assert 'hermes_ops_profile_as_desired{host="lost",profile="scout"} 0' not in lines
    at = float(lines[-1].removeprefix("hermes_ops_last_look_timestamp_seconds "))
    assert abs(time.time() - at) < 60
    kinds = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert kinds == {line.split()[2] for line in lines if line.startswith("# HELP")}


def test_gatus(tmp_path: Path, capsys: Captured) -> None:
    """What can be polled is an endpoint, all else a comment; no host is contacted."""
    api = {"API_SERVER_ENABLED": "true", "API_SERVER_KEY": "k" * 20}
    everywhere = {**api, "API_SERVER_HOST": "0.0.0.0"}
    hosts = {
        "here": {"ansible_connection": "local", "hermes_profiles": {"coder": {"env": api}}},
        "open": {
            "ansible_host": "10.0.0.9", "ansible_port": 2222,
            "hermes_profiles": {
                "coder": {"env": everywhere}, "idle": {"env": everywhere, "state": "stopped"},
                "scout": {"env": {**api, "API_SERVER_PORT": {"env": "P"}}}, "mute": {},
            },
        },
        "six": {
            "ansible_host": "fd00::1",
            "hermes_profiles": {"coder": {"env": {**everywhere, "API_SERVER_PORT": 8700}}},
        },
        "far": {
            "ansible_ssh_common_args": "-J jump.example.org",
            "hermes_profiles": {"coder": {"env": api}},
        },
        "off": {"hermes_enabled": False, "hermes_profiles": {"coder": {"env": everywhere}}},
    }  # fmt: skip
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    code, out, _ = said(capsys, "fleet.status", "--gatus", "-i", str(tmp_path / "hosts.yml"))
    assert code == 0
    endpoints = yaml.safe_load(out)["endpoints"]
    assert [(each["group"], each["name"], each["url"]) for each in endpoints] == [
        ("here", "coder", "http://127.0.0.1:8642/health"),
        ("open", "port 2222", "tcp://10.0.0.9:2222"),
        ("open", "coder", "http://10.0.0.9:8642/health"),
        ("six", "port 22", "tcp://[fd00::1]:22"),
        ("six", "coder", "http://[fd00::1]:8700/health"),
    ]
    assert {tuple(each["conditions"]) for each in endpoints} == {
        ("[STATUS] == 200",), ("[CONNECTED] == true",),
    }  # fmt: skip
    assert [line for line in out.splitlines() if line.startswith("#")] == [
        "# open/scout: the address of its API is a secret kept elsewhere",
        "# open/mute: it has no API",
        "# far: it is reached over jump.example.org, which Gatus cannot do",
        "# far/coder: its API listens on 127.0.0.1, where only far itself can ask it",
    ]


# --- a receiver that misbehaves ---------------------------------------------------------------


def test_a_receiver_that_hangs(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message is late, and the others are not."""
    monkeypatch.setattr(delivery, "TIMEOUT", 0.3)
    text = message([News("a", "a is down")])
    paths = ("0.9/x", HOOK)
    services = [delivery.service_of(f"json://127.0.0.1:{listener.port}/{path}") for path in paths]
    assert delivery.deliver([(each, text) for each in services]) == [delivery.LATE, ""]


def test_proxies_do_not_get_what_stays_here(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a message nor a ping to this machine, and afterwards the variables are as before."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    base = f"127.0.0.1:{listener.port}"
    assert ping(f"http://{base}/ping") == ""
    service = delivery.service_of(f"json://{base}/{HOOK}")
    assert delivery.deliver([(service, message([News("a", "a is down")]))]) == [""]
    assert "no_proxy" not in os.environ


@pytest.mark.parametrize(
    ("path", "why"),
    [("ok", ""), ("500", "the answer is HTTP 500"), ("302", "the answer is HTTP 302")],
)
def test_answers_to_a_ping(listener: Listener, path: str, why: str) -> None:
    """A redirection is not followed: it is no answer."""
    assert ping(f"http://127.0.0.1:{listener.port}/{path}") == why
    assert listener.called == [f"/{path}"]


def test_a_ping_that_nobody_answers(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is closed, a name that is none, and an answer that does not come."""
    assert ping("http://127.0.0.1:1/") == "no connection: Connection refused"
    monkeypatch.setattr("hermes_ops.alerts.ping.TIMEOUT", 0.1)
    assert ping(f"http://127.0.0.1:{listener.port}/0.3") == UNANSWERED


@pytest.mark.slow
def test_looks_that_overlap(
    status: Status, listener: Listener, tmp_path: Path, capsys: Captured
) -> None:
    """Three of cron at once: what one of them tells, no other one does."""
    assert status("--alert", "--check")[0] == 2
    program = "from hermes_ops.tasks.program import main; main()"
    words = [sys.executable, "-c", program, "fleet.status", "-i", "hosts.yml", "--alert"]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    several = [
        subprocess.Popen(words, cwd=tmp_path, env=environ, stderr=subprocess.DEVNULL)
        for _ in range(3)
    ]
    assert [each.wait(60) for each in several] == [2, 2, 2]
    assert listener.take() == ["here/coder is absent: Hermes is not on this host"]
