"""A host over SSH, spoken with through a real sshd: who is let in, who is believed, how it ends."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import paramiko
import pytest
from patience import soon
from sshd import Sshd, make_key, running

from hermes_ops.errors import CommandError, HostKeyChanged, NotUnderstood, Unknown, Unreachable
from hermes_ops.inventory.model import Connection, Host
from hermes_ops.transport import Transport, connect, ssh
from hermes_ops.transport.openssh.hostkeys import fingerprint
from hermes_ops.transport.ssh import SILENCE, Ssh
from hermes_ops.wire import Record, Script, assemble

pytestmark = pytest.mark.xdist_group("sshd")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that all tests here share."""
    with running(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture(scope="module")
def jump(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Another one, with another key, that stands in front of the first."""
    with running(tmp_path_factory.mktemp("jump")) as made:
        shutil.copy(made.key, made.folder / "own")
        yield made


@pytest.fixture(scope="module")
def shared(server: Sshd) -> Iterator[Transport]:
    """A connection to the first."""
    transport = connect(server.host(), known_hosts=[server.known_hosts])
    yield transport
    transport.close()


def opened(server: Sshd, **connection: Any) -> Ssh:
    """Connect, with the server's key known unless other files are named."""
    files = connection.pop("files", [server.known_hosts])
    made = connect(server.host(**connection), known_hosts=files)
    assert isinstance(made, Ssh)
    return made


def asking(body: str) -> Script:
    """Return a script that has only what every script has."""
    return assemble(("wire/common",), body)


# --- who is let in ------------------------------------------------------------------------------


def test_the_named_key_logs_in(shared: Transport, server: Sshd) -> None:
    """A script goes there, and its records come back as they are told."""
    heard: list[Record] = []
    reply = shared.exchange(asking('say hello "$HOME"; say "bye  now"'), heard.append)
    assert [(r.word, r.rest) for r in reply.records] == [
        ("hello", str(server.home)), ("bye", " now"),
    ]  # fmt: skip
    assert reply.complete
    assert tuple(heard) == reply.records


def test_a_refused_login_is_tried_once(server: Sshd, tmp_path: Path) -> None:
    """Whoever is refused is not let in by trying again, but locked out: one connection, one key."""
    make_key(tmp_path / "stranger")
    before = server.logged("Connection from"), server.logged("Failed publickey")
    told: list[int] = []
    with pytest.raises(Unreachable, match="refuses the login") as caught:
        connect(
            server.host(key_file=tmp_path / "stranger"),
            known_hosts=[server.known_hosts],
            retry=lambda attempt, _why: told.append(attempt),
        )
    assert (caught.value.kind, caught.value.exit_code, told) == ("auth", 3, [])
    assert "ansible_ssh_private_key_file" in caught.value.hint
    assert server.logged("Connection from") - before[0] == 1
    assert server.logged("Failed publickey") - before[1] == 1


def test_only_the_named_key_is_offered(server: Sshd, tmp_path: Path) -> None:
    """One in ~/.ssh that would be let in is not tried in the place of the named one."""
    make_key(tmp_path / "stranger")
    mine = Path.home() / ".ssh"
    mine.mkdir(mode=0o700)
    shutil.copy(server.key, mine / "id_ed25519")
    with pytest.raises(Unreachable, match=r"refuses the login of .*: the key was not accepted"):
        opened(server, key_file=tmp_path / "stranger")


def test_nobody_logs_in_without_a_key(server: Sshd) -> None:
    """That is another sentence than a key that is refused."""
    with pytest.raises(Unreachable, match=r"refuses the login of .*: there is no key to offer"):
        opened(server, key_file=None)


def test_without_a_named_key_those_of_the_user_are_offered(server: Sshd) -> None:
    """As ssh does."""
    mine = Path.home() / ".ssh"
    mine.mkdir(mode=0o700)
    shutil.copy(server.key, mine / "id_ed25519")
    opened(server, key_file=None).close()


def test_the_user_is_the_one_of_the_host(server: Sshd) -> None:
    """A name that the server does not know is refused, and stands in the message."""
    with pytest.raises(Unreachable, match="refuses the login of nobody-at-all"):
        opened(server, user="nobody-at-all")


def test_who_is_logged_in_is_known_afterwards() -> None:
    """The settings of ssh may have named the user: sudo and messages need that name."""
    host = Host("mini", Connection(address="10.0.0.4"))
    known = ssh._logged_in(host, "ann")
    assert known == replace(host, connection=replace(host.connection, user="ann"))


# --- who is believed ----------------------------------------------------------------------------


def test_an_unknown_host_is_refused_before_any_login(server: Sshd) -> None:
    """No key was offered to it; its fingerprint is told, and how to accept it."""
    before = server.logged("publickey")
    with pytest.raises(Unreachable, match="is not known") as caught:
        opened(server, files=[])
    assert (caught.value.kind, caught.value.exit_code) == ("host_key_unknown", 3)
    assert fingerprint(server.shown) in str(caught.value)
    assert "./inv hosts.trust -l there" in caught.value.hint
    assert server.logged("publickey") == before


def test_a_host_with_another_key_is_refused(server: Sshd, tmp_path: Path) -> None:
    """Both fingerprints are told: somebody stands in between, or the machine is a new one."""
    make_key(tmp_path / "other")
    line = f"[127.0.0.1]:{server.port} {(tmp_path / 'other.pub').read_text()}"
    (tmp_path / "known_hosts").write_text(line)
    before = server.logged("publickey")
    with pytest.raises(HostKeyChanged, match="has changed") as caught:
        opened(server, files=[tmp_path / "known_hosts"])
    assert caught.value.exit_code == 1
    assert fingerprint(server.shown) in str(caught.value)
    assert str(caught.value).count("SHA256:") == 2
    assert server.logged("publickey") == before


def test_the_fingerprint_of_the_inventory_is_enough(server: Sshd) -> None:
    """`hermes_host_key` stands for a line of known_hosts."""
    opened(server, files=[], host_key=fingerprint(server.shown)).close()


def test_another_fingerprint_is_not(server: Sshd) -> None:
    """It names both."""
    with pytest.raises(HostKeyChanged, match=r"hermes_host_key says SHA256:no"):
        opened(server, files=[], host_key="SHA256:no")


@pytest.mark.parametrize("space", [" ", "  ", "\t"])
def test_a_revoked_key_is_refused(space: str, server: Sshd, tmp_path: Path) -> None:
    """Though another line has it; whatever stands between the words."""
    kind, key, *_ = (server.folder / "host_key.pub").read_text().split()
    revoked = space.join(("@revoked", "*", kind, key))
    (tmp_path / "known_hosts").write_text(f"{server.known_hosts.read_text()}\n{revoked}\n")
    with pytest.raises(HostKeyChanged, match="is revoked"):
        opened(server, files=[tmp_path / "known_hosts"])


def test_an_authority_is_no_host(server: Sshd, tmp_path: Path) -> None:
    """A key that signs keys of hosts is not the key of any."""
    (tmp_path / "known_hosts").write_text(f"@cert-authority {server.known_hosts.read_text()}\n")
    with pytest.raises(Unreachable, match="is not known"):
        opened(server, files=[tmp_path / "known_hosts"])


@pytest.mark.slow
def test_a_file_of_the_inventory_counts(server: Sshd) -> None:
    """What `ansible_ssh_common_args` names is read beside what the run brings."""
    opened(server, files=[], known_hosts=(server.known_hosts,)).close()


# --- through another host -----------------------------------------------------------------------


def through(server: Sshd, jump: Sshd, tmp_path: Path, *known: Sshd, **more: Any) -> Ssh:
    """Connect by way of `jump`, which lets the server's key in, with these known."""
    (jump.folder / "authorized_keys").write_text((server.folder / "key.pub").read_text())
    (tmp_path / "known_hosts").write_text("".join(s.known_hosts.read_text() for s in known))
    where = f"{server.host().connection.user}@127.0.0.1:{jump.port}"
    return opened(server, files=[tmp_path / "known_hosts"], proxy_jump=where, **more)


@pytest.mark.slow
def test_by_way_of_another_host(server: Sshd, jump: Sshd, tmp_path: Path) -> None:
    """Both are known: a script goes through, and the first sees no word of it."""
    before = jump.logged("Accepted publickey")
    transport = through(server, jump, tmp_path, server, jump)
    assert transport.exchange(asking("say hello")).complete
    transport.close()
    assert jump.logged("Accepted publickey") > before


@pytest.mark.slow
@pytest.mark.parametrize("unknown", ["server", "jump"])
def test_one_of_two_hosts_is_unknown(
    unknown: str, server: Sshd, jump: Sshd, tmp_path: Path
) -> None:
    """A jump host is believed no sooner than any other, nor what is behind one that is known."""
    hosts = {"server": server, "jump": jump}
    stranger = hosts.pop(unknown)
    with pytest.raises(Unreachable, match="is not known") as caught:
        through(server, jump, tmp_path, *hosts.values())
    assert fingerprint(stranger.shown) in str(caught.value)


def test_what_is_said_of_a_host_is_not_said_of_its_jump_host(
    server: Sshd, jump: Sshd, tmp_path: Path
) -> None:
    """Neither the fingerprint nor the alias of a host counts for the one in front of it."""
    with pytest.raises(Unreachable, match="is not known"):
        through(server, jump, tmp_path, server, host_key=fingerprint(jump.shown))
    (tmp_path / "alias").write_text(jump.known_hosts.read_text().replace("[127.0.0.1]", "[box]"))
    with pytest.raises(Unreachable, match="is not known"):
        through(server, jump, tmp_path, server, host_key_alias="box",
                known_hosts=(tmp_path / "alias",))  # fmt: skip


def open_ones() -> set[paramiko.Transport]:
    """Return the connections that are open now."""
    return {thread for thread in threading.enumerate() if isinstance(thread, paramiko.Transport)}


@pytest.mark.slow
def test_nothing_stays_open(server: Sshd, jump: Sshd, tmp_path: Path) -> None:
    """Neither what was refused, nor the way to a host that was let go: a server counts them."""
    before = open_ones()
    with pytest.raises(Unreachable, match="is not known"):
        opened(server, files=[])
    with pytest.raises(Unreachable, match="is not known"):
        through(server, jump, tmp_path, jump)
    through(server, jump, tmp_path, server, jump).close()
    assert soon(lambda: open_ones() <= before)


# --- how it ends --------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_answer_within_the_deadline(shared: Transport) -> None:
    """The deadline of the call counts, and after it nobody knows what was done."""
    began = time.monotonic()
    with pytest.raises(Unknown, match="no answer within") as caught:
        shared.exchange(asking("sleep 20"), timeout=0.1)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_the_deadline_of_the_host(server: Sshd) -> None:
    """Without one of the call, the inventory's counts."""
    transport = opened(server, exchange_timeout=0.1)
    with pytest.raises(Unknown, match="no answer within 0 s"):
        transport.exchange(asking("sleep 20"))
    transport.close()


def test_a_talking_host_has_no_longer_time(shared: Transport) -> None:
    """One that never ends to answer is left at the deadline, too."""
    began = time.monotonic()
    with pytest.raises(Unknown, match="no answer within"):
        shared.exchange(asking("while say again; do :; done"), timeout=0.1)
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_host_that_takes_nothing(shared: Transport) -> None:
    """A script that cannot be sent in time is not waited for until somebody takes it."""
    large = Script("sleep 20\n" + f"{'#' * 70}\n" * 100_000, "0")
    began = time.monotonic()
    with pytest.raises(Unknown, match="did not accept the script in time") as caught:
        shared.exchange(large, timeout=0.1)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_host_that_goes_away(server: Sshd) -> None:
    """What came before the end is there, and it is told that it was not all; then nothing goes."""
    transport = opened(server)
    reply = transport.exchange(asking("say first; sleep 0.1; kill -9 $PPID; sleep 1; say second"))
    assert ([record.word for record in reply.records], reply.complete) == (["first"], False)
    with pytest.raises(Unreachable, match="the connection was lost") as caught:
        transport.exchange(asking("say third"))
    assert caught.value.kind == "lost"
    assert transport.exchanges == 2
    transport.close()


def test_a_shell_that_ends_early(shared: Transport) -> None:
    """What came is there, and it is told that it was not all; a large text is no obstacle."""
    large = Script(f"echo 0 first\nexit\n{'#' * 70}\n" + f"{'#' * 70}\n" * 100_000, "0")
    reply = shared.exchange(large, timeout=60)
    assert ([record.word for record in reply.records], reply.complete) == (["first"], False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said"),
    [("exit 0", "exit 0"), ("echo Not now. >&2; exit 1", "exit 1.; it said: Not now."),
     ("printf 'This account is not\\n available.'; exit 1", "it said: available.")],
)  # fmt: skip
def test_a_login_shell_that_ends_first(
    command: str, said: str, server: Sshd, tmp_path: Path
) -> None:
    """Nothing of ours has run: that is no lost connection, and the shell's last words are told."""
    make_key(tmp_path / "key")
    with (server.folder / "authorized_keys").open("a") as keys:
        escaped = command.replace('"', '\\"')
        keys.write(f'command="{escaped}" {(tmp_path / "key.pub").read_text()}')
    transport = opened(server, key_file=tmp_path / "key")
    with pytest.raises(Unreachable, match=f"ended before anything ran .*{said}") as caught:
        transport.exchange(asking("say hello"))
    transport.close()
    assert (caught.value.kind, caught.value.exit_code) == ("login_shell", 3)
    assert ".bashrc" in caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("words", ["yes aaaa", "cat /dev/zero"])
def test_an_answer_has_a_cap(words: str, shared: Transport) -> None:
    """A host that prints without end is cut off long before its deadline."""
    began = time.monotonic()
    with pytest.raises(NotUnderstood, match="larger than 16 MiB"):
        shared.exchange(asking(f"say first; {words}"), timeout=60)
    assert time.monotonic() - began < 30


@pytest.mark.slow
def test_a_chatty_host_is_drained(shared: Transport) -> None:
    """What comes beside the answer is no answer, and blocks nothing, however much it is."""
    text = asking("say before; head -c 3000000 /dev/zero >&2; echo noise; say after")
    reply = shared.exchange(text, timeout=60)
    assert [record.word for record in reply.records] == ["before", "after"]
    assert (reply.complete, reply.noise) == (True, "noise")


def test_a_silent_host_is_noticed(server: Sshd) -> None:
    """The kernel asks whether the other end lives: no host is waited for that is long gone."""
    transport = opened(server)
    own = transport.connection.transport.sock
    assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    if hasattr(socket, "TCP_KEEPIDLE"):
        found = [own.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_KEEP{word}"))
                 for word in ("IDLE", "INTVL", "CNT")]  # fmt: skip
        assert found[0] + found[1] * found[2] <= SILENCE
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        user = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert user == SILENCE * 1000
    transport.close()


@pytest.mark.slow
def test_a_server_that_says_nothing() -> None:
    """One that accepts and never greets is given up after the time to connect, and once."""
    told: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        host = Sshd(Path("/nowhere"), port).host(key_file=None, connect_timeout=0.3)
        began = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            connect(host, retry=lambda attempt, _: told.append(attempt))
    assert time.monotonic() - began < 5
    assert caught.value.exit_code == 3


# --- files and shells ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_file_is_put_under_the_home(shared: Transport, server: Sshd, tmp_path: Path) -> None:
    """Whole and at once; its folder is made, and nothing else is left there."""
    content = os.urandom(3_000_000)
    (tmp_path / "source").write_bytes(content)
    target = PurePosixPath("a folder/it's.whl")
    shared.put(tmp_path / "source", target)
    assert (server.home / target).read_bytes() == content
    assert [path.name for path in (server.home / "a folder").iterdir()] == ["it's.whl"]
    shared.put(tmp_path / "source", target)  # nobody takes it a second time, and nobody sends it


@pytest.mark.slow
@pytest.mark.parametrize("greeting", ["printf 'Welcome: '", "echo send", "yes | head -c 999999"])
def test_a_file_is_put_behind_a_greeting(greeting: str, server: Sshd, tmp_path: Path) -> None:
    """What a login shell prints is not taken for the host's word, with a line end or without."""
    make_key(tmp_path / "key")
    with (server.folder / "authorized_keys").open("a") as keys:
        command = f'{greeting}; eval \\"$SSH_ORIGINAL_COMMAND\\"'
        keys.write(f'command="{command}" {(tmp_path / "key.pub").read_text()}')
    (tmp_path / "source").write_text("content")
    transport = opened(server, key_file=tmp_path / "key")
    for _ in range(2):
        transport.put(tmp_path / "source", PurePosixPath(f"greeted/{len(greeting)}"))
    assert transport.exchange(asking("say hello")).complete
    transport.close()
    assert (server.home / f"greeted/{len(greeting)}").read_text() == "content"


def test_a_file_that_is_there_is_kept(shared: Transport, server: Sshd, tmp_path: Path) -> None:
    """One of another size is replaced; one of the same is taken for the same."""
    (tmp_path / "source").write_text("new content")
    target = server.home / "kept"
    target.write_text("old content")
    shared.put(tmp_path / "source", PurePosixPath("kept"))
    assert target.read_text() == "old content"
    target.write_text("older content")
    shared.put(tmp_path / "source", PurePosixPath("kept"))
    assert target.read_text() == "new content"


def test_a_file_that_cannot_be_put(shared: Transport, server: Sshd, tmp_path: Path) -> None:
    """The file and the host are named."""
    (tmp_path / "source").write_text("content")
    (server.home / "in-the-way").write_text("a file")
    with pytest.raises(CommandError, match=r"~/in-the-way/x cannot be written on there"):
        shared.put(tmp_path / "source", PurePosixPath("in-the-way/x"))


def test_a_shell_that_stays(shared: Transport) -> None:
    """Commands go in one after the other, with output and errors apart."""
    session = shared.session()
    assert session.run("echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")
    code, output, _ = session.run("head -c 200000 /dev/zero")
    assert (code, len(output)) == (0, 200_000)
    session.close()


def test_exchanges_are_counted(server: Sshd) -> None:
    """Looks and applies are; files and shells are not."""
    transport = opened(server)
    transport.exchange(asking("say one"))
    transport.session().close()
    assert transport.exchanges == 1
    transport.close()
    assert not transport.connection.is_connected


def test_what_is_made_there_is_the_users_alone(shared: Transport, server: Sshd) -> None:
    """A script runs with the mask that every script sets for itself."""
    shared.exchange(asking("cd; : >private"))
    assert stat.S_IMODE((server.home / "private").stat().st_mode) & 0o077 in (0, 0o044)
