"""Connections that fail: what may pass is tried again, visibly; what may not is said at once."""

from __future__ import annotations

import errno
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from ssh_kit import keys_of

from hermes_ops.errors import HostKeyChanged, Unreachable
from hermes_ops.inventory.model import Connection, Host
from hermes_ops.transport import connect, ssh
from hermes_ops.transport.openssh.failures import classify
from hermes_ops.transport.openssh.hops import _made
from hermes_ops.transport.openssh.hostkeys import fingerprint
from hermes_ops.transport.openssh.login import RefusedLogin
from hermes_ops.transport.openssh.route import Hop, route_to
from hermes_ops.transport.openssh.settings import ClientSettings
from hermes_ops.transport.ssh import ATTEMPTS

KEYS = [paramiko.RSAKey.generate(1024) for _ in "ab"]


@contextmanager
def hangs_up() -> Iterator[tuple[int, list[int]]]:
    """A server that ends every connection at once; yields its port, and a list that grows."""
    seen: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                seen.append(1)
                peer.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], seen
        server.shutdown(socket.SHUT_RDWR)


def host(port: int, **named: str) -> Host:
    """Return a host at this port of loopback."""
    where = Connection(address="127.0.0.1", port=port, user="nobody", connect_timeout=2, **named)  # type: ignore[arg-type]
    return Host("there", where)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else tries at the same time: there is no load to spread."""
    monkeypatch.setattr(ssh, "PAUSES", (0, 0))


def test_a_passing_failure_is_tried_again_and_told() -> None:
    """A server that hangs up is tried three times; each further attempt is told, and why."""
    told: list[tuple[int, str]] = []
    with hangs_up() as (port, seen):
        with pytest.raises(Unreachable) as failure:
            connect(host(port), retry=lambda attempt, why: told.append((attempt, why)))
        assert len(seen) == ATTEMPTS
    assert [attempt for attempt, _ in told] == [2, 3]
    assert all("127.0.0.1" in why for _, why in told)
    assert failure.value.kind == "lost"


def test_nobody_there() -> None:
    """A port at which nobody listens is `refused`, with a hint."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(Unreachable, match="refuses the connection") as failure:
        connect(host(port))
    assert failure.value.kind == "refused"
    assert failure.value.hint


def test_a_server_that_recovers_is_reached(tmp_path: Path) -> None:
    """The second attempt goes on where the first was cut off: to what the server says then."""
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            server.accept()[0].close()
            peer, _ = server.accept()
            transport = paramiko.Transport(peer)
            transport.add_server_key(KEYS[0])
            with suppress(paramiko.SSHException, EOFError):
                transport.start_server(server=paramiko.ServerInterface())

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(Unreachable) as failure:
            connect(host(server.getsockname()[1]), retry=lambda _, why: told.append(why))
    assert len(told) == 1
    assert failure.value.kind == "host_key_unknown"


NOWHERE = OSError(errno.EHOSTUNREACH, "No route to host")
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
BANNER = "Error reading SSH protocol banner"
SEVERAL = paramiko.ssh_exception.NoValidConnectionsError


@pytest.mark.parametrize(
    ("error", "kind", "said", "passes"),
    [
        (paramiko.AuthenticationException("no"), "auth", "refuses the login of nobody", False),
        (RefusedLogin("no key"), "auth", "refuses the login of nobody: no key", False),
        (TimeoutError(), "timeout", "did not answer within 2 s", False),
        (socket.gaierror(-2, "?"), "refused", "127.0.0.1 cannot be resolved", False),
        (NOWHERE, "refused", "there is no route to 127.0.0.1", True),
        (OSError(errno.ENETUNREACH, "?"), "refused", "there is no route to 127.0.0.1", True),
        (SEVERAL({("::1", 22): NOWHERE}), "refused", "there is no route to 127.0.0.1", True),
        (SEVERAL({("::1", 22): REFUSED}), "refused", "127.0.0.1 refuses the connection", True),
        (REFUSED, "refused", "127.0.0.1 refuses the connection", True),
        (OSError(errno.ECONNRESET, "reset"), "refused", "127.0.0.1: reset", True),
        (OSError("odd"), "refused", "127.0.0.1: odd", True),
        (paramiko.SSHException("banner"), "lost", "127.0.0.1: banner", True),
        (EOFError(), "lost", "127.0.0.1 ended the connection before the login", True),
        (paramiko.SSHException(f"{BANNER}x"), "lost", "or runs no SSH server there", True),
        (HostKeyChanged("another"), "host_key_changed", "another", False),
    ],
)
def test_failures_in_our_words(error: Exception, kind: str, said: str, passes: bool) -> None:
    """What kept us away, and whether it may pass: nothing else is tried again."""
    hop = Hop("127.0.0.1", ClientSettings("127.0.0.1", 22, "nobody"))
    failure, passing = classify(error, hop, 2)
    assert (failure.kind, passing) == (kind, passes)
    assert said in str(failure)


def test_a_server_that_says_nothing_is_late() -> None:
    """A frozen host accepts connections: it is not tried three times, nor told to be no server."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = host(mute.getsockname()[1])
        quick = replace(silent.connection, connect_timeout=0.3)
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"did not answer within 0\.3 s") as failure:
            connect(replace(silent, connection=quick))
    assert failure.value.kind == "timeout"
    assert time.monotonic() - began < 3


def test_a_proxy_command_that_leads_nowhere() -> None:
    """It is named, and how to hear what is wrong with it."""
    hop = Hop("box", ClientSettings("10.0.0.1", 22, "me", proxy_command="nc gate 22"))
    failure, _ = classify(EOFError(), hop, 2)
    assert failure.message == "the ProxyCommand for box (10.0.0.1) ended, or leads to no SSH server"
    assert failure.hint == "what ssh itself says: ssh -v -- box"


def test_a_failure_on_the_way_names_the_hop() -> None:
    """It is the jump host that is not reached, and the host behind it is named, too."""
    hop = Hop("me@gate", ClientSettings("10.0.0.1", 22, "me"), host="box")
    failure, _ = classify(REFUSED, hop, 2)
    assert str(failure) == "the jump host me@gate (on the way to box) refuses the connection"
    failure, passing = classify(paramiko.ChannelException(2, "Connect failed"), hop, 2)
    assert "cannot reach 10.0.0.1:22: Connect failed" in str(failure)
    assert not passing


def test_a_changed_key_is_told_with_both(tmp_path: Path) -> None:
    """And what to do if the machine is really a new one."""
    (tmp_path / "known_hosts").write_text(f"there ssh-rsa {KEYS[1].get_base64()}\n")
    with pytest.raises(HostKeyChanged) as failure:
        keys_of(tmp_path / "known_hosts").check(KEYS[0])
    said = f"shows {fingerprint(KEYS[0])}, the known key is {fingerprint(KEYS[1])}"
    assert said in str(failure.value)
    assert failure.value.hint.endswith("./inv hosts.trust -l there")


def test_a_name_that_does_not_exist_is_not_tried_again() -> None:
    """A name without an address is said at once."""
    told: list[int] = []
    nowhere = Host("there", Connection(address="no-such-host.invalid", connect_timeout=2))
    with pytest.raises(Unreachable, match="cannot be resolved"):
        connect(nowhere, retry=lambda attempt, _: told.append(attempt))
    assert told == []


def test_a_revoked_key_is_not_known(tmp_path: Path) -> None:
    """A key behind @revoked counts for nothing, and showing it is refused as changed."""
    key = KEYS[0]
    line = f"there ssh-rsa {key.get_base64()}"
    (tmp_path / "known_hosts").write_text(f"{line}\n@revoked * ssh-rsa {key.get_base64()}\n")
    with pytest.raises(HostKeyChanged, match="revoked"):
        keys_of(tmp_path / "known_hosts").check(key)


def test_a_pinned_fingerprint_is_enough_and_another_is_not() -> None:
    """`hermes_host_key` accepts the key that it names, and no other."""
    keys_of(pinned=fingerprint(KEYS[0])).check(KEYS[0])
    with pytest.raises(HostKeyChanged, match=r"hermes_host_key says"):
        keys_of(pinned=fingerprint(KEYS[0])).check(KEYS[1])


def test_a_pinned_fingerprint_decides_over_known_hosts(tmp_path: Path) -> None:
    """A key that a file knows is refused if another one is pinned; a file's other key is not."""
    (tmp_path / "known_hosts").write_text(f"there ssh-rsa {KEYS[1].get_base64()}\n")
    with pytest.raises(HostKeyChanged, match=r"hermes_host_key says"):
        keys_of(tmp_path / "known_hosts", pinned=fingerprint(KEYS[0])).check(KEYS[1])
    keys_of(tmp_path / "known_hosts", pinned=fingerprint(KEYS[0])).check(KEYS[0])


def test_an_unknown_key_is_refused_with_its_fingerprint() -> None:
    """An unknown key is not accepted: the message has its fingerprint and the way to accept it."""
    with pytest.raises(Unreachable) as failure:
        keys_of().check(KEYS[0])
    assert failure.value.kind == "host_key_unknown"
    assert fingerprint(KEYS[0]) in failure.value.message
    assert "hosts.trust" in failure.value.hint


def test_a_key_is_found_under_its_alias(tmp_path: Path) -> None:
    """HostKeyAlias names the line of known_hosts, and a port other than 22 stands in brackets."""
    text = f"alias ssh-rsa {KEYS[0].get_base64()}\n[10.0.0.1]:2222 ssh-rsa {KEYS[1].get_base64()}\n"
    (tmp_path / "known_hosts").write_text(text)
    keys_of(tmp_path / "known_hosts", host="10.0.0.9", port=2200, alias="alias").check(KEYS[0])
    keys_of(tmp_path / "known_hosts", host="10.0.0.1", port=2222).check(KEYS[1])


@pytest.mark.slow
def test_connections_are_made_side_by_side() -> None:
    """Many threads make connections at once: what they share is whole for each of them."""
    box = Host("box", Connection(address="127.0.0.1", user="x"))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as pool:
            (hop,) = route_to(box)
            made = list(pool.map(lambda _: _made(box, hop, None, ())[0], range(200)))
    finally:
        sys.setswitchinterval(before)
    assert {connection.port for connection in made} == {22}
