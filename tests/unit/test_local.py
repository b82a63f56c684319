"""This machine as a host: a scrubbed environment, a deadline, and the user who is meant."""

from __future__ import annotations

import getpass
import os
import pwd
import shlex
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from patience import soon

from hermes_ops.errors import CommandError, HermesError, MissingPrivilege, Unknown, Unreachable
from hermes_ops.inventory.model import Connection, HermesSettings, Host
from hermes_ops.secrets.secret import Secret
from hermes_ops.transport import Local, connect, local, session, streams
from hermes_ops.transport.become import NO_SUDO, become, beside_root, on_terminal, receiving
from hermes_ops.transport.local import environment
from hermes_ops.transport.session import FramedShell
from hermes_ops.transport.streams import Pipes
from hermes_ops.transport.unheard import refuse_unheard
from hermes_ops.wire import Record, Script, assemble

HERE = Host("here", Connection(kind="local"))
ME = getpass.getuser()


def asking(body: str) -> Script:
    """Return a script that has only what every script has."""
    return assemble(("wire/common",), body)


def told(body: str, host: Host = HERE, timeout: float | None = 60) -> list[str]:
    """Return the first words of the records that a script tells."""
    reply = Local(host).exchange(asking(body), timeout=timeout)
    assert reply.complete
    return [f"{record.word} {record.rest}".strip() for record in reply.records]


# --- its environment ----------------------------------------------------------------------------


def test_a_local_shell_inherits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the caller's environment it has who and where it is, and how pip gets out."""
    for name in ("HERMES_HOME", "OPENAI_API_KEY", "LD_PRELOAD_X", "VIRTUAL_ENV", "PYTHONPATH"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.invalid/")
    monkeypatch.setenv("HTTPS_PROXY", "")
    account = pwd.getpwuid(os.getuid())
    found = environment()
    own = {"HOME", "PATH", "USER", "LOGNAME", "PIP_INDEX_URL"}
    assert found.keys() - set(local.KEPT) | {"HOME", "PATH"} == own - {"PIP_INDEX_URL"}
    assert found["PIP_INDEX_URL"] == "https://index.invalid/"
    assert (found["USER"], found["LOGNAME"]) == (account.pw_name, account.pw_name)
    assert "HTTPS_PROXY" not in found
    lines = told("for name in $(env | sed 's/=.*//'); do say $name; done")
    assert not {"HERMES_HOME", "OPENAI_API_KEY", "VIRTUAL_ENV", "PYTHONPATH"} & set(lines)
    assert "PIP_INDEX_URL" in lines


@pytest.mark.parametrize(
    "name",
    [
        "HOME", "PATH", "PIP_CERT", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL",
        "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE",
    ],
)  # fmt: skip
def test_what_a_local_shell_needs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these comes along."""
    monkeypatch.setenv(name, "/some/where")
    assert environment()[name] == "/some/where"


def test_without_a_home_and_a_path_there_are_the_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service or a timer may have neither."""
    for name in ("HOME", "PATH"):
        monkeypatch.delenv(name)
    found = environment()
    assert found["HOME"] == pwd.getpwuid(os.getuid()).pw_dir
    assert found["PATH"] == os.defpath


def test_it_runs_in_a_session_of_its_own() -> None:
    """Ctrl-C here does not reach it, and it begins in no folder of the caller."""
    session, folder = told("say $(ps -o sid= -p $$); say $(pwd -P)")[:2]
    assert int(session) not in (0, os.getsid(0))
    assert folder in ("/", str(Path.home().resolve()))


def test_what_it_says_beside_the_answer_is_dropped() -> None:
    """Its errors are nobody's, its noise is kept apart."""
    reply = Local(HERE).exchange(asking("echo noise; echo errors >&2; say yes"))
    assert ([r.word for r in reply.records], reply.noise) == (["yes"], "noise")


# --- how it ends --------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_answer_within_the_deadline() -> None:
    """The deadline of the call counts; the shell is not waited for."""
    heard: list[Record] = []
    began = time.monotonic()
    with pytest.raises(Unknown, match="no answer within") as caught:
        Local(HERE).exchange(asking("say first; exec sleep 20"), heard.append, timeout=0.2)
    assert caught.value.kind == "timeout"
    assert [record.word for record in heard] == ["first"]
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_talking_host_has_no_longer_time() -> None:
    """One that never ends to answer is left at the deadline, too."""
    began = time.monotonic()
    with pytest.raises(Unknown, match="no answer within"):
        Local(HERE).exchange(asking("while say again; do :; done"), timeout=0.1)
    assert time.monotonic() - began < 10


def test_a_shell_that_takes_nothing_is_left_at_the_deadline() -> None:
    """A script that is larger than what lies between us is not waited for either."""
    large = Script("sleep 20\n" + f"{'#' * 99}\n" * 5000, "0")
    began = time.monotonic()
    with pytest.raises(Unknown, match="no answer within"):
        Local(HERE).exchange(large, timeout=0.1)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_nothing_is_left_of_a_shell() -> None:
    """It has ended, and was waited for."""
    (pid,) = told("say $$")
    assert not Path(f"/proc/{pid}").exists()


def test_what_says_nothing_more_is_waited_for(tmp_path: Path) -> None:
    """The answer is whole when the shell has ended, not when it has closed its output."""
    Local(HERE).exchange(asking(f"exec >&-; sleep 0.1; : >{tmp_path}/ended"))
    assert (tmp_path / "ended").exists()


@pytest.mark.slow
def test_what_was_begun_goes_on(tmp_path: Path) -> None:
    """A script that is left at its deadline is not killed in the middle of a change."""
    made = tmp_path / "made"
    with pytest.raises(Unknown):
        Local(HERE).exchange(asking(f"trap '' PIPE; sleep 0.3; : >'{made}'"), timeout=0.1)
    assert not made.exists()
    assert soon(made.exists)


def test_the_deadline_of_the_host() -> None:
    """Without one of the call, the inventory's counts."""
    slow = Host("here", Connection(kind="local", exchange_timeout=0.1))
    with pytest.raises(Unknown, match="no answer within 0 s"):
        Local(slow).exchange(asking("exec sleep 20"))


def test_a_shell_that_ends_early() -> None:
    """What came is there, and it is told that it was not all; a large text is no obstacle."""
    large = f"{'#' * 99}\n" * 20_000
    reply = Local(HERE).exchange(Script(f"echo 0 first\nexit\n{large}", "0"))
    assert ([record.word for record in reply.records], reply.complete) == (["first"], False)


def test_a_large_script_and_a_large_answer() -> None:
    """Neither waits for the other."""
    body = f"begin text\nhead -c 300000 /dev/zero | tr '\\0' x\necho\nend\n: {'y' * 300_000}"
    (record,) = Local(HERE).exchange(asking(body)).records
    assert record.text is not None
    assert len(record.text.strip()) == 300_000


def test_a_port_where_nobody_listens() -> None:
    """A tunnel to it is refused, and no connection is kept."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(
            Unreachable, match=f"port {free.getsockname()[1]} of this machine"
        ) as it:
            Local(HERE).forward(free.getsockname()[1])
    assert it.value.kind == "refused"


def test_exchanges_are_counted() -> None:
    """As on any host."""
    here = connect(HERE)
    assert isinstance(here, Local)
    for _ in range(2):
        here.exchange(asking("say yes"))
    assert here.exchanges == 2
    here.close()


# --- files --------------------------------------------------------------------------------------


def test_a_file_is_put_under_the_home(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whole and at once; its folder is made, nothing else is left there, and nothing is said."""
    (tmp_path / "source").write_bytes(os.urandom(200_000))
    Local(HERE).put(tmp_path / "source", PurePosixPath("a b/it's"))
    target = Path.home() / "a b/it's"
    assert target.read_bytes() == (tmp_path / "source").read_bytes()
    assert list(target.parent.iterdir()) == [target]
    assert capfd.readouterr() == ("", "")


def test_a_file_that_cannot_be_put(tmp_path: Path) -> None:
    """It is named."""
    (tmp_path / "source").write_text("x")
    (Path.home() / "in-the-way").write_text("a file")
    with pytest.raises(CommandError, match="~/in-the-way/x cannot be written on this machine"):
        Local(HERE).put(tmp_path / "source", PurePosixPath("in-the-way/x"))


def receive(home: Path, content: bytes, size: int) -> tuple[int, str]:
    """Let a shell take a file of `size` bytes; return how it ended, and what it said."""
    command = receiving(PurePosixPath("folder/file"), size)
    ended = subprocess.run(
        ["sh", "-c", command], input=content, capture_output=True, check=False,
        env={"HOME": str(home), "PATH": os.environ["PATH"]}, cwd="/",
    )  # fmt: skip
    return ended.returncode, ended.stdout.decode().strip()


@pytest.mark.parametrize("content", [b"", b"hal", b"whole and more"])
def test_half_a_file_takes_the_place_of_none(content: bytes, tmp_path: Path) -> None:
    """What did not come whole is refused, and the old one stays."""
    file = tmp_path / "folder/file"
    file.parent.mkdir()
    file.write_bytes(b"an older one")
    code, answer = receive(tmp_path, content, 5)
    assert (code != 0, answer) == (True, "send")
    assert file.read_bytes() == b"an older one"


def test_a_whole_file_is_taken_and_then_there(tmp_path: Path) -> None:
    """The first time it is asked for; the second time nobody sends it."""
    assert receive(tmp_path, b"whole", 5) == (0, "send")
    assert (tmp_path / "folder/file").read_bytes() == b"whole"
    assert receive(tmp_path, b"", 5) == (0, "have")


# --- the user who is meant ----------------------------------------------------------------------


def as_user(user: str | None, kind: str = "ssh", login: str | None = "admin") -> Host:
    """Return a host on which `login` logs in, and `user` runs Hermes."""
    return Host("h", Connection(kind=kind, user=login), hermes=HermesSettings(user=user))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host",
    [
        as_user(None),
        as_user("admin"),
        as_user(ME, "local", None),
        as_user(None, "local", None),
    ],
)
def test_the_login_user_runs_it_directly(host: Host) -> None:
    """Where nobody else is meant, no sudo and no runuser stands in between."""
    assert become(host) == "exec /bin/sh"
    assert become(host, "x y", before="ignored") == "exec x y"


def spied(folder: Path, host: Host, uid: str, **named: Any) -> list[str]:
    """Run what becomes another user, with an `id`, a `sudo` and a `runuser` that only tell."""
    for name, text in {
        "id": f"echo {uid}",
        "sudo": 'printf "%s\\n" sudo "$@"',
        "runuser": 'printf "%s\\n" runuser "$@"',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    environ = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder)}
    words = ["sh", "-c", become(host, **named)]
    ended = subprocess.run(
        words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    return ended.stdout.splitlines()


def test_another_user_through_sudo(tmp_path: Path) -> None:
    """sudo is told never to ask: nobody is there to type, and it would wait for ever."""
    assert spied(tmp_path, as_user("svc"), "1000") == [
        "sudo", "-n", "-H", "-u", "svc", "--", "/bin/sh",
    ]  # fmt: skip


def test_another_user_as_root(tmp_path: Path) -> None:
    """root needs no sudo, and gives the other user a home and a name of their own."""
    assert spied(tmp_path, as_user(ME), "0") == [
        "runuser", "-u", ME, "--", "env", f"HOME={pwd.getpwnam(ME).pw_dir}",
        f"USER={ME}", f"LOGNAME={ME}", "/bin/sh",
    ]  # fmt: skip


@pytest.mark.parametrize("uid", ["0", "1000"])
def test_a_name_is_a_name(uid: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands in `hermes_user`, it is one word of a command, and runs nothing."""
    monkeypatch.chdir(tmp_path)
    odd = "svc $(touch ran); touch ran #'\""
    words = spied(tmp_path, as_user(odd), uid)
    assert words[words.index("-u") + 1] == odd
    assert not list(tmp_path.glob("**/ran"))


def test_what_only_the_login_user_may_do_comes_before(tmp_path: Path) -> None:
    """Its words are as they were written, and its output is none of the answer's."""
    words = spied(tmp_path, as_user("svc"), "1000", before="echo \"it's\" 'me'; id")
    assert words[:2] == ["it's me", "1000"]
    assert words[2:] == ["sudo", "-n", "-H", "-u", "svc", "--", "/bin/sh"]


def test_before_is_what_a_script_brings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exchange runs it as the login user, and the text as the other."""
    (tmp_path / "sudo").write_text(
        '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'
    )
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    for name in ("sudo", "id"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    script = assemble(("wire/common",), "say after")
    script = Script(script.text, script.nonce, before=f"touch {shlex.quote(str(tmp_path))}/before")
    reply = Local(as_user("svc", "local", None)).exchange(script)
    assert [record.word for record in reply.records] == ["after"]
    assert (tmp_path / "before").exists()


# --- pipes --------------------------------------------------------------------------------------


def test_pipes_close_what_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that ignores the end of its input is killed after a while."""
    monkeypatch.setattr(streams, "ENDING", 0.05)
    pipes = Pipes(["sh", "-c", "trap '' HUP TERM; echo $$; exec sleep 200"], environment())
    pid = int(pipes.receive(5)[0])
    began = time.monotonic()
    pipes.close()
    assert 0.05 < time.monotonic() - began < 10
    assert not Path(f"/proc/{pid}").exists()


def test_pipes_tell_silence_from_the_end() -> None:
    """Nothing within the time is a `TimeoutError`; both empty is the end."""
    pipes = Pipes(["sh", "-c", "echo out; echo err >&2; read x"], environment())
    got = [b"", b""]
    while got != [b"out\n", b"err\n"]:
        output, errors = pipes.receive(5)
        got = [got[0] + output, got[1] + errors]
    with pytest.raises(TimeoutError):
        pipes.receive(0.01)
    pipes.send(b"\n")
    assert pipes.receive(5) == (b"", b"")
    pipes.close()


class Talking:
    """The other end of a shell that never says what it is to say, and never stops."""

    def send(self, data: bytes) -> None:
        pass

    def receive(self, seconds: float) -> tuple[bytes, bytes]:
        assert 0 < seconds < 1
        return b"again\n", b""

    def code(self) -> int:
        return -1

    def close(self) -> None:
        pass


def test_a_shell_that_never_stops_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its deadline a command is unknown, whatever comes meanwhile."""
    monkeypatch.setattr(session, "GRACE", -0.9)
    with pytest.raises(Unknown, match="no answer in time from: ls"):
        FramedShell(Talking()).run("ls", timeout=1)


def test_bytes_of_no_alphabet_go_through() -> None:
    """As names of files may have them."""
    shell = Local(HERE).session()
    assert shell.run("printf %s 'a\udcffb'") == (0, b"a\xffb", b"")
    shell.close()


def test_a_command_is_no_binary() -> None:
    """No shell can be told a NUL."""
    with pytest.raises(ValueError, match="NUL"):
        FramedShell(Talking()).run("a\0b")


def refused_by(host: Host, folder: Path, **programs: str) -> list[HermesError]:
    """Return how an exchange, a session and a terminal end where these stand before all others."""
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    found = []
    for ask in (
        lambda: Local(host).exchange(asking("say hello")),
        lambda: Local(host).session().run("true"),
        lambda: Local(host).terminal("true"),
    ):
        with pytest.raises(HermesError) as caught:
            ask()
        found.append(caught.value)
    return found


def of_another(**more: Any) -> Host:
    """Return this machine, with the gateways of a user who is not the one who logs in."""
    return Host("here", Connection(kind="local", **more), hermes=HermesSettings(user="else"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs stand before all others."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_sudo_that_does_not_let_us(folder: Path) -> None:
    """Nothing has run: both users are named, what sudo said, and what lets us."""
    for no in refused_by(of_another(), folder, sudo="echo NO >&2; exit 1", id="echo 1000"):
        words = "does not let the user who logs in become else (hermes_user) without a password"
        assert words in no.message
        assert (no.kind, no.hint[:22]) == ("missing_privilege", "give --ask-become-pass")


def test_a_wrong_password_is_tried_once(folder: Path) -> None:
    """sudo would take the lines of a script for two more, and PAM may lock the account."""
    host = of_another(become_password=Secret("wrong"))
    asked = f"echo asked >>{folder}/log; cat >>{folder}/given; exit 1"
    sudo = f'case " $* " in *" -n "*) exit 1 ;; esac; {asked}'
    for no in refused_by(host, folder, sudo=sudo, id="echo 1000"):
        assert "(hermes_user) with this password" in no.message
    assert (folder / "log").read_text().split() == ["asked"] * 3
    assert (folder / "given").read_text().split() == ["wrong"] * 3


def test_root_without_runuser_uses_sudo(folder: Path) -> None:
    """As on macOS: there is a sudo, and it asks root for nothing."""
    for name in ("sh", "cat", "stty", "head", "tail", "printf"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    line = become(of_another())
    for name, text in {"id": "echo 0", "sudo": 'echo sudo "$@"'}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    words = ["/bin/sh", "-c", line]
    ended = subprocess.run(
        words, env={"PATH": str(folder)}, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["sudo", "-n", "-H", "-u", "else", "--", "/bin/sh"]


def test_without_sudo_that_is_told(folder: Path) -> None:
    """And not that a password would help."""
    programs = {"id": "echo 1000", "command": "exit 1"}
    host = replace(of_another(), hermes=HermesSettings(user="else"))
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    ended = subprocess.run(
        ["/bin/sh", "-c", become(host)], env={"PATH": str(folder)}, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ended.returncode == NO_SUDO
    with pytest.raises(MissingPrivilege, match="no sudo with which") as no:
        refuse_unheard(host, "", NO_SUDO)
    assert no.value.hint == "let root log in (ansible_user: root), or install sudo"


@pytest.mark.parametrize("password", [None, Secret("x")])
def test_the_line_is_one_for_every_login_shell(password: Secret | None) -> None:
    """csh ends a quoted word at a line end, and replaces `!` by what was typed before."""
    host = of_another(become_password=password)
    script = Script("true\n", "n", root="true\n", before="true")
    lines = (become(host), on_terminal(host, "true", "a", "b"), beside_root(host, script))
    assert not [line for line in lines if set("\n!") & set(line)]
