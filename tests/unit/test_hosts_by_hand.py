"""What an operator does by hand: a command everywhere, a tunnel, a gateway in the foreground."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from building import HERMES, NEW, desired, facts, made_role, profile, roles
from calling import said

from hermes_ops.cli.output import Output
from hermes_ops.commands.fleet import foreground
from hermes_ops.commands.hosts import exec as hosts_exec
from hermes_ops.commands.hosts import tunnel
from hermes_ops.commands.hosts.exec import Printed
from hermes_ops.errors import Conflict, Unreachable, UsageError
from hermes_ops.inventory.model import Connection, Host
from hermes_ops.run import HostOutcome
from hermes_ops.services.describe import describe

Capture = pytest.CaptureFixture[str]
HOSTS = """\
all:
  hosts:
    here: {ansible_connection: local}
    away: {ansible_host: 127.0.0.9, hermes_enabled: false}
    gone: {ansible_host: 127.0.0.9, ansible_port: 9}
    lost: {ansible_host: 127.0.0.8, ansible_port: 9}
"""


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This machine, one that is disabled, and two that are not to be reached."""
    (tmp_path / "hosts.yml").write_text(HOSTS)
    monkeypatch.setenv("HERMES_OPS_INVENTORY", str(tmp_path))
    return tmp_path


# --- a command everywhere -----------------------------------------------------------------------


def test_a_command_needs_a_selection(inventory: Path, capsys: Capture) -> None:
    """Or the word that all hosts are meant; a check runs nothing anywhere."""
    assert inventory
    code, out, err = said(capsys, "hosts.exec", "true")
    assert (code, out) == (64, "")
    assert "name hosts with -l, or say --all-hosts" in err
    code, out, err = said(capsys, "hosts.exec", "true", "--all-hosts", "--check")
    assert (code, out) == (0, "")
    assert "would run on here, gone, lost: true" in err


@pytest.mark.slow
def test_after_so_many_failures_no_other_host_is_begun(inventory: Path, capsys: Capture) -> None:
    """`--serial` takes them one after another."""
    assert inventory
    words = ("-l", "gone,lost", "--serial", "1", "--max-fail", "0", "--json")
    code, out, _ = said(capsys, "hosts.exec", "true", *words)
    assert [row["outcome"] for row in json.loads(out)["items"]] == ["unreachable", "skipped"]
    assert code == 4


@pytest.mark.slow
def test_a_command_has_the_time_that_is_given(inventory: Path, capsys: Capture) -> None:
    """Less than an exchange has."""
    assert inventory
    code, out, _ = said(capsys, "hosts.exec", "sleep 5", "-l", "here", "--timeout", "1")
    assert code == 4
    assert out.startswith("here  unknown: ")


def test_equal_answers_are_shown_once_and_what_failed_comes_last() -> None:
    """Exit codes first, then those of whom nothing is known, with what to do."""
    hosts = [Host(name, Connection(), (), (), ()) for name in "abcd"]
    bad, good = Printed(3, "", "oh\n"), Printed(0, "fine\n", "")
    outcomes: list[HostOutcome[Printed]] = [
        HostOutcome(hosts[0], None, Unreachable("no way", hint="look at it")),
        HostOutcome(hosts[1], bad),
        HostOutcome(hosts[2], good),
        HostOutcome(hosts[3], good),
    ]
    out = StringIO()
    hosts_exec._show(outcomes, Output(json=False, out=out))
    assert out.getvalue() == (
        "c, d  exit 0\n    fine\nb  exit 3\n    stderr: oh\n"
        "a  unreachable: no way\n    hint: look at it\n"
    )
    assert [hosts_exec._word(outcome) for outcome in outcomes[1:3]] == ["failed", "ok"]


# --- a tunnel -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("hosts.tunnel", "away", "--to", "1"), ("hosts.tunnel", "all")])
def test_a_tunnel_leads_to_one_host_that_is_enabled(
    inventory: Path, capsys: Capture, words: tuple[str, ...]
) -> None:
    """Else it is said which word is wrong."""
    assert inventory
    code, out, err = said(capsys, *words)
    assert (code, out) == (64, "")
    assert ("away is disabled" in err) or ("name one of them" in err)


def box(**ports: str) -> Host:
    """Return a host with these profiles, each with the port of its API; none if it is empty."""
    env = {"API_SERVER_ENABLED": "true"}
    made = tuple(
        profile(name, {"env": {**env, "API_SERVER_PORT": port} if port else {}})
        for name, port in ports.items()
    )
    return Host("box", Connection(), (), made, tuple(ports))


def with_dashboard(host: Host, port: int | None = None) -> Host:
    """Return a host that has a dashboard, too; without a port, at that of the role."""
    settings = {"settings": {"port": port}} if port else {}
    made = profile("dashboard", {"role": "dashboard", "service": settings})
    return replace(host, profiles=(*host.profiles, made))


@pytest.mark.parametrize(
    ("host", "name", "port"),
    [
        (box(a="9001"), "", 9001),
        (box(a="9001", b=""), "", 9001),
        (box(a="9001", b="9002"), "b", 9002),
        (box(a="9001", b="9002"), "", "name one: box/a or box/b"),
        (box(a="9001", b=""), "b", "--to PORT"),
        (box(a="9001"), "x", "inventory.list"),
        (box(a=""), "", "--to PORT"),
        (with_dashboard(box(a="9001")), "dashboard", 9119),
        (with_dashboard(box(a=""), 9120), "", 9120),
        (with_dashboard(box(a="9001")), "", "name one: box/a or box/dashboard"),
    ],
)
def test_which_port_a_tunnel_leads_to(host: Host, name: str, port: int | str) -> None:
    """That of the only API or service, or of the profile that is named."""
    if isinstance(port, int):
        assert tunnel._port(host, name, roles()) == port
        return
    with pytest.raises(UsageError) as refused:
        tunnel._port(host, name, roles())
    assert port in refused.value.hint


def test_a_port_that_is_taken_here() -> None:
    """Another is as good, unless it was this one that was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with tunnel._listening(None, taken) as server:
            assert server.getsockname()[1] != taken
        with (
            pytest.raises(UsageError, match=f"port {taken} of this machine"),
            tunnel._listening(taken, 1),
        ):
            pass


@contextmanager
def served(**named: Any) -> Iterator[tuple[int, list[socket.socket]]]:
    """Serve a tunnel; yield its port, and the far ends of its streams as they are opened."""
    ends: list[socket.socket] = []

    class Transport:
        is_lost = False

        def forward(self, port: int) -> socket.socket:
            if error := named.pop("error", None):
                raise error
            near, far = socket.socketpair()
            ends.append(far)
            far.settimeout(3)
            return near

    output = Output(json=False, out=StringIO(), err=named.pop("err", StringIO()))
    with tunnel._listening(None, 0) as server:
        words: Any = (server, Transport(), 1, output)
        threading.Thread(target=_quietly, args=words, daemon=True).start()
        yield server.getsockname()[1], ends
        server.shutdown(socket.SHUT_RDWR)


def _quietly(*words: Any) -> None:
    with suppress(OSError):  # its socket is closed at the end
        tunnel._serve(*words)


def ask(port: int) -> bytes:
    """Send a question to its end; return the answer to its end."""
    with socket.create_connection(("127.0.0.1", port), 3) as client:
        client.sendall(b"ask")
        client.shutdown(socket.SHUT_WR)
        return client.makefile("rb").read()


def test_each_end_hears_the_end_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks may end first and still gets its answer; then its place is free for the next."""
    monkeypatch.setattr(tunnel, "MOST", 1)
    heard = []

    def answer(ends: list[socket.socket]) -> None:
        for number in range(2):
            while len(ends) <= number:
                threading.Event().wait(0.01)
            with ends[number] as end:
                heard.append(end.makefile("rb").read())
                end.sendall(b"answer")

    with served() as (port, ends):
        threading.Thread(target=answer, args=(ends,), daemon=True).start()
        assert [ask(port), ask(port)] == [b"answer"] * 2
    assert heard == [b"ask"] * 2


def test_a_tunnel_that_nobody_used_for_a_while_still_leads_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its places are for connections, and looking for one takes none."""
    monkeypatch.setattr(tunnel, "MOST", 1)
    monkeypatch.setattr(tunnel, "LOOK", 0.01)
    with served() as (port, ends):
        threading.Event().wait(0.1)
        with socket.create_connection(("127.0.0.1", port), 3) as client:
            client.sendall(b"still")
            for _ in range(300):
                if ends:
                    break
                threading.Event().wait(0.01)
            assert ends[0].recv(9) == b"still"


def test_a_tunnel_ends_with_its_connection() -> None:
    """Nobody needs to use it for that: it would go on to say that it leads there."""

    class Gone:
        is_lost = True

    output = Output(json=False, out=StringIO(), err=StringIO())
    gone: Any = Gone()
    with tunnel._listening(None, 0) as server, pytest.raises(Unreachable, match="was lost"):
        tunnel._serve(server, gone, 1, output)


def test_a_port_that_refuses_ends_one_connection_and_not_the_tunnel() -> None:
    """It is said, and the next one is tried."""
    err = StringIO()
    with served(error=Unreachable("port 1 of box: refused"), err=err) as (port, ends):
        with socket.create_connection(("127.0.0.1", port), 3) as client:
            assert client.recv(9) == b""
        with socket.create_connection(("127.0.0.1", port), 3) as client:
            client.sendall(b"again")
            while not ends:
                threading.Event().wait(0.01)
            assert ends[0].recv(9) == b"again"
    assert err.getvalue() == "port 1 of box: refused\n"


# --- a gateway in the foreground ----------------------------------------------------------------

DEMO = desired({"desired": {"demo": {}}})


def test_a_gateway_in_front_has_what_its_unit_would_give_it() -> None:
    """Its folder, the variables that find Hermes and its home, and its command."""
    (one,) = DEMO.host.profiles
    command = foreground._command(DEMO.services["demo"], NEW, DEMO.host, one)
    assert command.startswith("cd .hermes/profiles/demo && exec env PATH=/opt/hermes/venv/bin:")
    for word in ("VIRTUAL_ENV=/opt/hermes/venv", "HERMES_HOME=/home/hermes/.hermes/profiles/demo"):
        assert f" {word} " in command
    assert command.endswith("-m hermes_cli.main -p demo gateway run")


def test_a_gateway_runs_only_once() -> None:
    """It is told how to end the other one; and what is not there cannot run."""
    (one,) = DEMO.host.profiles
    words = (DEMO.host, one)
    running = facts({"desired": {"demo": {}}, "facts": {"holds": "desired"}})
    with pytest.raises(Conflict, match="box/demo runs already, as process 100") as refused:
        foreground._command(DEMO.services["demo"], running, *words)
    assert refused.value.hint == "./inv fleet.stop -l box/demo"
    bare = replace(NEW, hermes=None)
    with pytest.raises(Conflict, match="Hermes is not on box"):
        foreground._command(DEMO.services["demo"], bare, *words)


def test_another_program_in_front_has_its_own_variables(tmp_path: Path) -> None:
    """None of Hermes, which need not be there."""
    data = {
        "home": ".x",
        "service": {"name": "x", "command": ["sleep", "9"], "environment": {"A": "b c"}},
    }
    role = made_role(data, tmp_path)
    one = replace(profile("demo", {}), role="x")
    bare = replace(NEW, hermes=None)
    command = foreground._command(describe(one, role), bare, DEMO.host, one)
    assert command == "cd .x && exec env 'A=b c' sleep 9"
    assert HERMES.python not in command
