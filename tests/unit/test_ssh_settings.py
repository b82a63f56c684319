"""~/.ssh/config counts as it does for ssh; the host is a real sshd, and so are its jump hosts."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from sshd import Sshd, make_key, running

from hermes_ops.assets import CLONE
from hermes_ops.errors import HermesError, HostKeyChanged, Unreachable
from hermes_ops.inventory.model import Connection, Host
from hermes_ops.transport import Transport, connect, forget_settings
from hermes_ops.transport.openssh.ask import settings_of
from hermes_ops.transport.openssh.hops import patience, shown_key
from hermes_ops.transport.openssh.hostkeys import fingerprint
from hermes_ops.transport.openssh.route import route_to
from hermes_ops.transport.openssh.settings import Asked
from hermes_ops.wire import assemble

pytestmark = pytest.mark.xdist_group("sshd")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """The host of all tests here."""
    with running(tmp_path_factory.mktemp("sshd")) as made:
        yield made


@pytest.fixture(scope="module")
def jump(server: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A host in front of it, which lets the same key in, and one of its own."""
    with running(tmp_path_factory.mktemp("jump")) as made:
        with (made.folder / "authorized_keys").open("a") as keys:
            keys.write((server.folder / "key.pub").read_text())
        yield made


@pytest.fixture(autouse=True)
def a_new_run() -> None:
    """Each test is a run of its own."""
    forget_settings()


def config(text: str) -> Path:
    """Write ~/.ssh/config."""
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "config").write_text(text)
    return folder


def entry(server: Sshd, name: str = "edge") -> str:
    """Return what ssh needs to know of the host, apart from how to get there."""
    return (
        f"Host {name}\n  HostName 127.0.0.1\n  Port {server.port}\n  User {getpass.getuser()}\n"
        f"  IdentityFile {server.key}\n  UserKnownHostsFile {server.known_hosts}\n"
    )


def edge(name: str = "edge", **connection: Any) -> Host:
    """Return a host of which the inventory says no more than its name."""
    return Host(name, Connection(connect_timeout=20, exchange_timeout=60, **connection))


def answers(host: Host, **more: Any) -> bool:
    """Return whether the host is reached and does what it is asked."""
    with closing(connect(host, **more)) as transport:
        return transport.exchange(assemble(("wire/common",), "say hello")).complete


@contextmanager
def closing(transport: Transport) -> Iterator[Transport]:
    """Close a transport at the end."""
    try:
        yield transport
    finally:
        transport.close()


# --- what the file says -------------------------------------------------------------------------


@pytest.mark.slow
def test_name_port_user_key_and_known_hosts(server: Sshd) -> None:
    """The inventory has a name; the rest is in the file."""
    config(entry(server))
    assert answers(edge())


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        "Include {home}/parts/*",
        "Include {home}/none\nInclude {part}",
        "Include ~/parts/*",
        "Include = ../parts/fleet",
        'Include none "{home}/parts/f*"  # ours',
        "Host edge\n  Include {part}",
    ],
)
def test_included_files(how: str, server: Sshd) -> None:
    """Also with a pattern, and of a file that is not there."""
    home = Path.home()
    (home / "parts").mkdir()
    (home / "parts/fleet").write_text(entry(server))
    config(how.format(home=home, part=home / "parts/fleet"))
    assert answers(edge())


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["Match host=elsewhere", 'Match host="*"', "Match final all", "Match all",
             "Match originalhost edge exec true", "Match !exec false user nobody"],
)  # fmt: skip
def test_match_blocks(line: str, server: Sshd) -> None:
    """Whatever ssh accepts is no obstacle."""
    config(f"{entry(server)}{line}\n  ServerAliveInterval 15\n")
    assert answers(edge())


@pytest.mark.slow
def test_a_match_decides(server: Sshd) -> None:
    """A block applies where ssh applies it: here by the user that the inventory names."""
    config(f"Match user {getpass.getuser()}\n  Port {server.port}\n{entry(server)}  Port 1\n")
    assert answers(edge(user=getpass.getuser()))


@pytest.mark.slow
def test_a_match_with_a_program_is_asked_once_a_run(server: Sshd, tmp_path: Path) -> None:
    """And again in the next one: what it says may have changed."""
    config(f'Match exec "echo x >>{tmp_path}/asked"\n{entry(server)}')
    for asked in (1, 2):
        forget_settings()
        for _ in range(3):
            assert route_to(edge())
        assert (tmp_path / "asked").read_text() == "x\n" * asked


def test_what_ssh_does_not_accept_is_told(server: Sshd) -> None:
    """In ssh's own words, with file and line; nobody is contacted."""
    folder = config(f"{entry(server)}  NoSuchOption yes\n")
    with pytest.raises(Unreachable, match=r"config.*line 7.*nosuchoption") as caught:
        connect(edge())
    assert (caught.value.kind, caught.value.hint[-7:]) == ("refused", "-- edge")
    assert str(folder) in str(caught.value)


def test_an_included_file_is_named_as_it_is_called(server: Sshd) -> None:
    """Though HOME is not the account's here, and ssh reads a copy."""
    folder = config("Host *\nInclude parts/*\n")
    (folder / "parts").mkdir()
    (folder / "parts/odd").write_text("# first\nNoSuchOption x\n")
    with pytest.raises(Unreachable, match=rf"{folder}/parts/odd.? line 2") as caught:
        connect(edge())
    assert "hermes-ops-ssh" not in str(caught.value)


def test_a_circle_of_includes_is_told() -> None:
    """It ends, as with ssh."""
    config("Include config\n")
    with pytest.raises(Unreachable, match="Too many recursive configuration includes"):
        connect(edge())


def test_the_home_is_the_one_that_is_set(server: Sshd) -> None:
    """`~` in a list of known_hosts is HOME, as it is in ours."""
    text = entry(server).replace(str(server.known_hosts), "~/mine")
    config(text)
    shutil.copy(server.known_hosts, Path.home() / "mine")
    assert answers(edge())


def test_what_the_inventory_says_counts_first(server: Sshd) -> None:
    """Its port, its user and its key win over the file's."""
    wrong = (
        entry(server)
        .replace(str(server.port), "1")
        .replace(f"User {getpass.getuser()}\n", "User nobody\n")
    )
    config(wrong)
    assert answers(edge(port=server.port, user=getpass.getuser(), key_file=server.key))


@pytest.mark.slow
def test_an_alias_of_the_host_key(server: Sshd, tmp_path: Path) -> None:
    """HostKeyAlias of the file counts as the inventory's does."""
    line = server.known_hosts.read_text().replace(f"[127.0.0.1]:{server.port}", "box")
    (tmp_path / "known").write_text(line)
    config(f"Host edge\n  HostKeyAlias box\n  UserKnownHostsFile {tmp_path}/known\n{entry(server)}")
    assert answers(edge())


@pytest.mark.slow
def test_known_hosts_of_the_inventory_replace_those_of_the_user(server: Sshd) -> None:
    """As UserKnownHostsFile on ssh's command line would."""
    config(entry(server))
    with pytest.raises(Unreachable, match="is not known"):
        connect(edge(user_known_hosts=(Path("/dev/null"),)))
    assert answers(edge(user_known_hosts=(Path("/dev/null"),)), known_hosts=[server.known_hosts])


@pytest.mark.slow
def test_revoked_host_keys(server: Sshd, tmp_path: Path) -> None:
    """A list of keys that are never to be believed."""
    shutil.copy(server.folder / "host_key.pub", tmp_path / "revoked")
    config(f"RevokedHostKeys {tmp_path}/revoked\n{entry(server)}")
    with pytest.raises(HostKeyChanged, match="is revoked"):
        connect(edge())


def test_the_users_own_known_hosts(server: Sshd) -> None:
    """~/.ssh/known_hosts counts where nothing else is named."""
    text = entry(server).replace(f"  UserKnownHostsFile {server.known_hosts}\n", "")
    shutil.copy(server.known_hosts, config(text) / "known_hosts")
    assert answers(edge())


def test_a_pin_decides_over_known_hosts(server: Sshd, tmp_path: Path) -> None:
    """A key that a file knows is refused if another one is pinned, and the other way round."""
    config(entry(server))
    with pytest.raises(HostKeyChanged, match="hermes_host_key says"):
        connect(edge(host_key="SHA256:" + "A" * 43))
    make_key(tmp_path / "other")
    line = f"[127.0.0.1]:{server.port} {(tmp_path / 'other.pub').read_text()}"
    (tmp_path / "known").write_text(line)
    pinned = fingerprint(server.shown)
    assert answers(edge(host_key=pinned, user_known_hosts=(tmp_path / "known",)))


@pytest.mark.slow
def test_a_pinned_key_of_another_kind(server: Sshd, tmp_path: Path) -> None:
    """A host has several keys: the pinned one is asked for, whichever it would show first."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "second")], check=True
    )
    (tmp_path / "two").mkdir()
    with running(tmp_path / "two", f"HostKey {tmp_path}/second") as two:
        shutil.copy(server.folder / "key.pub", two.folder / "authorized_keys")
        config("")
        for file in (two.folder / "host_key.pub", tmp_path / "second.pub"):
            words = ["ssh-keygen", "-lf", str(file)]
            pinned = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            host = two.host(key_file=server.key, host_key=pinned.split()[1])
            assert answers(host)
            assert shown_key(host, route_to(host), ())[0].hop.pinned
        before = two.logged("Connection from")
        with pytest.raises(HostKeyChanged, match=r"shows the key .*, hermes_host_key says"):
            connect(two.host(host_key="SHA256:" + "A" * 43))
        assert two.logged("Connection from") - before == 3  # both, and to learn that it has no more


# --- the socket ---------------------------------------------------------------------------------


def test_the_time_to_connect() -> None:
    """ConnectTimeout counts for each hop, unless the inventory names a time."""
    config("Host edge\n  ConnectTimeout 3\n  ProxyJump door\n")
    host = edge(is_patience_given=False)
    assert [patience(host, hop) for hop in route_to(host)] == [20, 3]
    assert [patience(edge(), hop) for hop in route_to(edge())] == [20, 20]


@pytest.mark.slow
def test_a_silent_host_is_left_in_that_time(server: Sshd) -> None:
    """A connection that the other side never takes ends when ConnectTimeout says so."""
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())  # the only place in the queue
        port = full.getsockname()[1]
        config(f"Host edge\n  HostName 127.0.0.1\n  Port {port}\n  ConnectTimeout 1\n")
        with pytest.raises(Unreachable, match="did not answer within 1 s"):
            connect(edge(is_patience_given=False))


@pytest.mark.usefixtures("hasty")
def test_the_family_of_addresses(server: Sshd) -> None:
    """AddressFamily decides which addresses of a name are tried."""
    config(f"{entry(server)}  AddressFamily inet\n")
    assert answers(edge())
    config(f"{entry(server)}  AddressFamily inet6\n")
    forget_settings()
    with pytest.raises(Unreachable, match="it has no address of the family"):
        connect(edge())


@pytest.mark.usefixtures("hasty")
def test_the_address_on_this_side(server: Sshd) -> None:
    """BindAddress is where the connection comes from, in `hosts.trust`, too."""
    config(f"{entry(server)}  BindAddress 127.0.0.7\n")
    assert answers(edge())
    assert server.logged("Connection from 127.0.0.7") == 1
    shown_key(edge(), route_to(edge()), ())
    assert server.logged("Connection from 127.0.0.7") == 2
    config(f"{entry(server)}  BindAddress 192.0.2.77\n")
    forget_settings()
    with pytest.raises(Unreachable, match=r"edge \(127\.0\.0\.1\): Cannot assign"):
        connect(edge())


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("BindInterface lo", "BindInterface"),
        ("KnownHostsCommand /bin/echo %K", "KnownHostsCommand with %K"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_by_name(line: str, name: str, server: Sshd) -> None:
    """No connection is made in another way than the settings want."""
    before = server.logged("Connection from")
    config(f"{entry(server)}  {line}\n")
    with pytest.raises(Unreachable, match=rf"^{name} in ssh's settings for edge cannot be obeyed"):
        connect(edge())
    assert server.logged("Connection from") == before


# --- a program that knows keys ------------------------------------------------------------------


def known_by(server: Sshd, tmp_path: Path, text: str) -> None:
    """Let the settings name this program, and no file, for the keys of hosts."""
    program = tmp_path / "known"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    lines = entry(server).replace(f"UserKnownHostsFile {server.known_hosts}", "")
    config(f"{lines}\n  UserKnownHostsFile none\n  KnownHostsCommand {program} %H %%d\n")


def test_a_program_knows_the_key(server: Sshd, tmp_path: Path) -> None:
    """It is told the name, and what it prints counts as a line of known_hosts does."""
    key = (server.folder / "host_key.pub").read_text().strip()
    known_by(server, tmp_path, f'[ "$2" = %d ] && echo "$1 {key}"')
    assert answers(edge())
    known_by(server, tmp_path, f'echo "@revoked $1 {key}"')
    with pytest.raises(HostKeyChanged, match="revoked"):
        connect(edge())
    other = tmp_path / "other"
    make_key(other)
    known_by(server, tmp_path, f'echo "$1 {other.with_suffix(".pub").read_text().strip()}"')
    with pytest.raises(HostKeyChanged, match=r"the known key is .*/known:1"):
        connect(edge())


@pytest.mark.parametrize(("text", "said"), [("exit 3", "ended with 3"), (":", "is not known")])
def test_a_program_that_knows_nothing(text: str, said: str, server: Sshd, tmp_path: Path) -> None:
    """One that fails ends the connection, as it does in ssh."""
    known_by(server, tmp_path, text)
    with pytest.raises(Unreachable, match=said):
        connect(edge())


def test_the_docs_name_every_setting() -> None:
    """All that `ssh -G` prints is either used or among what is not: nothing is ignored silently."""
    told = subprocess.run(
        ["ssh", "-G", "-F", "none", "-o", "BindInterface=lo", "-o", "BindAddress=127.0.0.1",
         "-o", "KnownHostsCommand=/bin/true", "-o", "ProxyCommand=true", "-o", "RemoteCommand=x",
         "-o", "LocalCommand=x", "-o", "ControlPath=x", "-o", "SetEnv=A=b", "x"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "hostname" in told.stdout, told.stderr
    docs = (CLONE / "docs" / "ssh.md").read_text()
    words = [word.lower() for word in re.findall(r"`([A-Za-z0-9]+\*?)`", docs)]
    patterns = [word for word in words if word.endswith("*")]
    names = {line.split(" ")[0].lower() for line in told.stdout.splitlines()} - {"host"}
    missing = {
        name
        for name in names
        if name not in words and not any(fnmatch(name, pattern) for pattern in patterns)
    }
    assert missing == set()


# --- without the program ------------------------------------------------------------------------


@pytest.fixture
def no_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no ssh on the PATH."""
    monkeypatch.setenv("PATH", "/nowhere")


@pytest.mark.usefixtures("no_ssh")
def test_without_ssh_the_file_is_read_all_the_same(server: Sshd) -> None:
    """As far as Paramiko's parser goes."""
    config(f"{entry(server)}Host *\n  ProxyJump none\n")
    assert answers(edge())


@pytest.mark.usefixtures("no_ssh")
@pytest.mark.parametrize("line", ["Include other", "Match nonsense"])
def test_without_ssh_what_cannot_be_followed_is_told(line: str, server: Sshd) -> None:
    """One sentence with the file; nobody is contacted with half of the settings."""
    config(f"{line}\n{entry(server)}")
    with pytest.raises(Unreachable, match=r"\.ssh/config.* only be followed with the program ssh"):
        connect(edge())


def test_both_ways_say_the_same(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what both understand."""
    config(f"{entry(server)}  IdentitiesOnly yes\n  ProxyJump a,b@c:23\n  HostKeyAlias x\n")
    asked = Asked("edge", "me")
    by_ssh = settings_of(asked)
    forget_settings()
    monkeypatch.setenv("PATH", "/nowhere")
    assert settings_of(asked) == by_ssh


# --- jump hosts ---------------------------------------------------------------------------------


def test_no_jump_host_ends_the_search(server: Sshd) -> None:
    """`none` is no host."""
    config(f"{entry(server)}  ProxyJump none\nHost *\n  ProxyJump nowhere.invalid\n")
    assert answers(edge())


@pytest.mark.slow
def test_no_jump_host_of_the_inventory(server: Sshd) -> None:
    """`-J none` is none, whatever the file says; nor is there a program."""
    config(f"{entry(server)}  ProxyJump nowhere.invalid\n")
    assert answers(edge(proxy_jump="none"))


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_chain_of_jump_hosts(times: int, server: Sshd, jump: Sshd) -> None:
    """Each is a connection of its own, with its own settings; one may come twice."""
    before = jump.logged("Accepted publickey")
    config(entry(server) + entry(jump, "gate"))
    assert answers(edge(proxy_jump=",".join(["gate"] * times)))
    assert jump.logged("Accepted publickey") - before == times


@pytest.mark.slow
def test_jump_hosts_as_addresses(server: Sshd, jump: Sshd) -> None:
    """`user@host:port` and URIs; the key and the files of the inventory count for them, too."""
    config("")
    user, where = getpass.getuser(), f"127.0.0.1:{jump.port}"
    host = edge(
        address="127.0.0.1", port=server.port, user=user, key_file=server.key,
        user_known_hosts=(server.known_hosts, jump.known_hosts),
    )  # fmt: skip
    for text in (f"{user}@{where}", f"ssh://{user}@{where}", f"ssh://{where}/,{where}"):
        forget_settings()
        connection = {**_fields(host.connection), "proxy_jump": text}
        assert answers(Host("edge", Connection(**connection)))


def _fields(connection: Connection) -> dict[str, Any]:
    return {name: getattr(connection, name) for name in Connection.__slots__}


@pytest.mark.slow
def test_jump_hosts_of_the_file(server: Sshd, jump: Sshd) -> None:
    """A jump host may have one itself."""
    config(f"{entry(server)}  ProxyJump inner\n{entry(jump, 'inner')}  ProxyJump outer\n"
           f"{entry(jump, 'outer')}")  # fmt: skip
    assert [hop.name for hop in route_to(edge())] == ["outer", "inner", "edge"]
    assert answers(edge())


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["Host *\n  ProxyJump gate\n", "Host edge\n  ProxyJump gate\nHost gate\n  ProxyJump edge\n",
     "Host edge\n  ProxyJump edge\n"],
)  # fmt: skip
def test_a_circle_is_told(text: str) -> None:
    """It names the host that would have to be reached through itself."""
    config(text)
    with pytest.raises(Unreachable, match=r"the jump host (gate|edge) would have to .* itself"):
        connect(edge())


@pytest.mark.slow
def test_a_failure_names_the_hop(server: Sshd, jump: Sshd, tmp_path: Path) -> None:
    """The one that is not there, not known, or not let in, and not only the host behind it."""
    gate = entry(jump, "gate")
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = str(free.getsockname()[1])
    make_key(tmp_path / "stranger")
    cases = {
        gate.replace(str(jump.port), nobody): "gate .on the way to edge. refuses the connection",
        gate.replace(str(jump.known_hosts), "/dev/null"): "jump host gate .* is not known",
        gate.replace(str(server.key), "x").replace(str(jump.key), str(tmp_path / "stranger")):
            "gate .on the way to edge. refuses the login",
    }  # fmt: skip
    for text, said in cases.items():
        forget_settings()
        config(f"{entry(server)}  ProxyJump gate\n{text}")
        with pytest.raises(HermesError, match=said):
            connect(edge())


@pytest.mark.slow
def test_a_jump_host_that_leads_nowhere(server: Sshd, jump: Sshd) -> None:
    """It was reached; what it cannot reach is named, and not tried again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = free.getsockname()[1]
    config(f"Host edge\n  Port {nobody}\n  ProxyJump gate\n{entry(server)}{entry(jump, 'gate')}")
    told: list[str] = []
    with pytest.raises(Unreachable, match=rf"in front of edge cannot reach 127\.0\.0\.1:{nobody}"):
        connect(edge(), retry=lambda _, why: told.append(why))
    assert told == []


# --- a program as the way -----------------------------------------------------------------------


def proxy(tmp_path: Path) -> Path:
    """Return a program that connects its streams with an address."""
    path = tmp_path / "a proxy"
    path.write_text(
        "import os, socket, sys, threading\n"
        "peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536):\n"
        "        peer.sendall(data)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := peer.recv(65536):\n"
        "    os.write(1, data)\n"
    )
    return path


@pytest.mark.slow
def test_a_proxy_command_of_the_file(server: Sshd, tmp_path: Path) -> None:
    """Its tokens are replaced, a shell runs it, and it ends with the connection."""
    script = proxy(tmp_path)
    config(f"Host edge\n  ProxyCommand env A='b c' python3 '{script}' %h %p\n{entry(server)}")
    transport = connect(edge())
    process = transport.connection.process  # type: ignore[attr-defined]
    assert transport.exchange(assemble(("wire/common",), "say hello")).complete
    transport.close()
    assert process.returncode is not None


@pytest.mark.slow
def test_a_proxy_command_that_fails(server: Sshd) -> None:
    """It is no traceback."""
    config(f"Host edge\n  ProxyCommand false\n{entry(server)}")
    with pytest.raises(Unreachable):
        connect(edge())


# --- keys ---------------------------------------------------------------------------------------


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Sshd) -> Iterator[Path]:
    """An agent with seven other keys, and then the server's."""
    path = tmp_path / "agent.sock"
    words = ["ssh-agent", "-D", "-a", str(path)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        while not path.exists():
            pass
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        for number in range(7):
            make_key(tmp_path / f"decoy{number}")
        for name in [*(tmp_path / f"decoy{n}" for n in range(7)), server.key]:
            subprocess.run(["ssh-add", "-q", str(name)], check=True, capture_output=True)
        yield path
        process.terminate()


def encrypted(server: Sshd, folder: Path) -> Path:
    """Return the server's key with a passphrase, and no `.pub` beside it."""
    path = folder / "locked"
    shutil.copy(server.key, path)
    path.chmod(0o600)
    words = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(path)]
    subprocess.run(words, check=True, capture_output=True)
    return path


@pytest.mark.slow
@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("form", ["encrypted", "public"])
def test_a_named_key_of_the_agent_is_the_only_one(form: str, server: Sshd, tmp_path: Path) -> None:
    """Encrypted on disk, or there as its public half: one key is offered, and no decoy."""
    key = encrypted(server, tmp_path) if form == "encrypted" else tmp_path / "k.pub"
    if form == "public":
        shutil.copy(server.folder / "key.pub", key)
    config(entry(server).replace(f"  IdentityFile {server.key}\n", ""))
    before = server.logged("Failed publickey")
    assert answers(edge(key_file=key))
    assert server.logged("Failed publickey") == before


@pytest.mark.slow
@pytest.mark.usefixtures("agent")
def test_the_named_key_of_the_file_comes_first(server: Sshd) -> None:
    """Without IdentitiesOnly others may follow; the named one is offered before them."""
    config(entry(server))
    before = server.logged("Failed publickey")
    assert answers(edge())
    assert server.logged("Failed publickey") == before


@pytest.mark.slow
@pytest.mark.usefixtures("agent")
def test_only_the_identities_of_the_file(server: Sshd, tmp_path: Path) -> None:
    """With IdentitiesOnly the agent's other keys stay where they are."""
    make_key(tmp_path / "stranger")
    text = entry(server).replace(str(server.key), str(tmp_path / "stranger"))
    config(f"{text}  IdentitiesOnly yes\n")
    before = server.logged("Failed publickey")
    with pytest.raises(Unreachable, match="refuses the login") as caught:
        connect(edge())
    assert caught.value.kind == "auth"
    assert server.logged("Failed publickey") - before == 1


@pytest.mark.slow
@pytest.mark.usefixtures("agent")
def test_too_many_keys_are_one_refused_login(server: Sshd) -> None:
    """The server ends it: that is no lost connection, and nobody tries again."""
    config(entry(server).replace(f"  IdentityFile {server.key}\n", ""))
    before, told = server.logged("Connection from"), []
    with pytest.raises(Unreachable, match="refuses the login") as caught:
        connect(edge(), retry=lambda _, why: told.append(why))
    assert (caught.value.kind, told) == ("auth", [])
    assert server.logged("Connection from") - before == 1


@pytest.mark.slow
def test_an_agent_of_the_file(agent: Path, server: Sshd, tmp_path: Path) -> None:
    """IdentityAgent names its socket; `none` is no agent."""
    os.environ.pop("SSH_AUTH_SOCK")
    key = encrypted(server, tmp_path)
    text = entry(server).replace(str(server.key), str(key))
    config(f"{text}  IdentityAgent {agent}\n")
    assert answers(edge())
    forget_settings()
    config(f"{text}  IdentityAgent none\n")
    with pytest.raises(Unreachable, match=rf"{key} is encrypted and not in the agent"):
        connect(edge())
