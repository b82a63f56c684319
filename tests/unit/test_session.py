"""A long-lived shell gives back what a command printed and ended with, to the byte."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import soon
from shell_kit import ends, shells, sleeps, words_of

from hermes_ops.errors import NotUnderstood, Unknown
from hermes_ops.inventory.model import Connection, Host
from hermes_ops.transport import Local, session
from hermes_ops.transport.local import environment
from hermes_ops.transport.session import FramedShell
from hermes_ops.transport.streams import Pipes

HOME = "/"
"""Of the shells here: they outlive one test, and with it its home."""
SHELLS = shells("dash", "bash", "busybox")


def open_shell(name: str) -> FramedShell:
    return FramedShell(Pipes(words_of(name), {**environment(), "HOME": HOME}))


@pytest.fixture(scope="module", params=SHELLS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shell(name: str) -> Iterator[FramedShell]:
    session = open_shell(name)
    yield session
    session.close()


def printing(output: bytes, errors: bytes, code: int) -> str:
    def octal(data: bytes) -> str:
        return "".join(f"\\{byte:03o}" for byte in data)

    return f"printf '{octal(output)}'; printf '{octal(errors)}' >&2; exit {code}"


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, 255))
@settings(max_examples=examples(70))
def test_everything_comes_back(shell: FramedShell, output: bytes, errors: bytes, code: int) -> None:
    """Output, errors and exit code are what the command made of them, whatever the bytes."""
    assert shell.run(printing(output, errors, code)) == (code, output, errors)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80))
@settings(max_examples=examples(40))
def test_a_command_arrives_as_it_is(shell: FramedShell, text: str) -> None:
    """Quotes, line ends, `$` and letters of any alphabet in a command stay what they are."""
    quoted = "'" + text.replace("'", "'\"'\"'") + "'"
    assert shell.run(f"printf %s {quoted}") == (0, text.encode(), b"")


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "",
        "exit 255",
        "cat; read line; echo $?",
        "if",
        "no-such-command-anywhere",
        "printf 'no line end'",
        "printf '\\n\\n\\n'; printf '\\n\\n' >&2",
        "exec 1>&-; echo lost 2>/dev/null || exit 7",
        "head -c 5000000 /dev/zero | tr '\\0' x",
        "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/urandom >/dev/null; exit 3",
        "set -e; false; echo never",
        "cd /; pwd; umask",
    ],
)
def test_it_is_as_if_run_alone(shell: FramedShell, name: str, command: str) -> None:
    """A command behaves as in a shell of its own: it reads an empty stdin, and leaves no trace."""
    # Which `sh` that is, the shell decides: some have one in themselves, with words of its own.
    text = f"umask 022; {command}" if "umask" in command else command
    alone = subprocess.run(
        [*words_of(name), "-c", 'sh -c "$1"', "shell", text],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
        env={**environment(), "HOME": HOME, "LC_ALL": "C"}, cwd=HOME,
    )  # fmt: skip
    assert shell.run(command) == (alone.returncode, alone.stdout, alone.stderr)
    assert shell.run("echo next") == (0, b"next\n", b"")


def test_commands_that_are_sent_ahead(shell: FramedShell) -> None:
    """Each has its own answer, in their order: also when they are more than a pipe can hold."""
    commands = [f"printf %s {n}{'x' * 9000}; printf %s {n} >&2; exit {n}" for n in range(20)]
    ended = shell.run_all([*commands, "head -c 300000 /dev/zero", "echo last"])
    assert ended[:20] == [(n, f"{n}{'x' * 9000}".encode(), f"{n}".encode()) for n in range(20)]
    assert ended[20:] == [(0, bytes(300000), b""), (0, b"last\n", b"")]


@pytest.mark.slow
def test_a_slow_command_ends_alone(shell: FramedShell) -> None:
    """Those behind it are answered."""
    slow, after = shell.run_all(["sleep 9", "echo after"], timeout=1)
    assert isinstance(slow, Unknown)
    assert after == (0, b"after\n", b"")


def test_a_killed_command_leaves_the_shell_alone(shell: FramedShell) -> None:
    """A signal is 128 and its number; what the shell itself says of it is not the command's."""
    assert shell.run("kill -9 $$") == (137, b"", b"")
    assert shell.run("echo still here") == (0, b"still here\n", b"")


def test_commands_do_not_see_each_other(shell: FramedShell) -> None:
    """Folder, variables and options of one command are not those of the next."""
    shell.run("cd /; export LEFT=1; set -x")
    assert shell.run('printf "%s %s" "$PWD" "$LEFT"') == (
        0, f"{HOME} ".encode(), b"",
    )  # fmt: skip


@pytest.mark.slow
def test_a_slow_command_is_ended(shell: FramedShell) -> None:
    """At its deadline a command is `Unknown`, its processes are gone, and the next one runs."""
    began, nap = time.monotonic(), f"7654.{time.time_ns()}"
    with pytest.raises(Unknown, match="no answer in time") as caught:
        shell.run(f"echo begun; sleep {nap} & sleep {nap}", timeout=1)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 4
    assert shell.run(f"ps -eo args | grep -c '[s]leep {nap}'") == (1, b"0\n", b"")


@pytest.fixture(params=["dash", "bash"])
def mac(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FramedShell]:
    """A shell on a host that has no `timeout`, as macOS."""
    timeout = tmp_path / "timeout"
    timeout.write_text("#!/bin/sh\nexit 127\n")
    timeout.chmod(0o755)
    own = {**environment(), "HOME": HOME, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    session = FramedShell(Pipes(words_of(request.param), own))
    yield session
    session.close()


@pytest.mark.slow
def test_without_timeout_a_slow_command_is_ended_too(mac: FramedShell) -> None:
    """At its deadline, and killed if it does not listen; the shell lives on."""
    seconds = 700_000 + os.getpid()
    for command in (f"exec sleep {seconds}", "trap '' TERM; while :; do sleep 0.1; done"):
        with pytest.raises(Unknown, match="no answer in time"):
            mac.run(command, timeout=1)
        assert mac.run("echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")
    assert ends(seconds)


def test_without_timeout_nothing_is_left_behind(mac: FramedShell) -> None:
    """The guard of a command that ended in time goes with it, and no output waits for it."""
    began, seconds = time.monotonic(), 600_000 + os.getpid()
    assert mac.run("cat; echo done", timeout=seconds) == (0, b"done\n", b"")
    assert time.monotonic() - began < 5
    assert ends(seconds)


def lonely(words: Sequence[str], path: str) -> None:
    """See that a command and its children end with the input of their shell, and only then."""
    own = {**environment(), "HOME": HOME, "PATH": path}
    seconds = 800_000 + os.getpid()
    command = f"trap '' HUP; sleep {seconds} & sleep {seconds}; echo over"
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=own
    ) as shell:
        assert shell.stdin
        shell.stdin.write((session._PRELUDE + session._framed(command, "m", 99, "alone")).encode())
        shell.stdin.flush()
        assert soon(lambda: sleeps(seconds))
        time.sleep(0.5)
        assert sleeps(seconds)
        shell.stdin.close()
        assert ends(seconds)


@pytest.mark.slow
@pytest.mark.parametrize("name", shells("dash", "bash", "busybox"))
def test_a_lonely_command_ends_with_its_shells_input(name: str) -> None:
    """Whoever started it is gone: what it began ends with it."""
    lonely(words_of(name), "/usr/bin:/bin")


@pytest.mark.slow
def test_a_lonely_command_ends_where_there_is_no_timeout(tmp_path: Path) -> None:
    """As on macOS, whose sh is bash."""
    for name in ("timeout", "setsid"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 127\n")
        (tmp_path / name).chmod(0o755)
    lonely(words_of("bash"), f"{tmp_path}:/usr/bin:/bin")


def test_a_lonely_command_gives_what_any_other_does(name: str, mac: FramedShell) -> None:
    """Output, errors, exit code, no input; and an end if it is too slow."""
    for one in (open_shell(name), mac):
        done = one.run_alone("cat; echo out; echo err >&2; exit 3", timeout=20)
        assert done == (3, b"out\n", b"err\n")
        one.close()
    slow = open_shell(name)
    with pytest.raises(Unknown, match="no answer in time"):
        slow.run_alone("sleep 30", timeout=1)
    slow.close()


def test_an_exit_code_of_124_is_no_timeout(shell: FramedShell) -> None:
    """What `timeout` says is believed only when the time is over."""
    assert shell.run("exit 124", timeout=5) == (124, b"", b"")


def test_a_process_left_behind_does_not_hold_it(shell: FramedShell) -> None:
    """The shell answers when the command ends, whoever still holds its output."""
    began = time.monotonic()
    assert shell.run("sleep 3 & echo done") == (0, b"done\n", b"")
    assert time.monotonic() - began < 2


def test_a_lost_shell_is_unknown_at_once_and_stays_so() -> None:
    """When the other end goes away, this command and all later ones are `Unknown`."""
    shell = open_shell("dash")
    shell.run("true")
    for _ in range(2):
        with pytest.raises(Unknown, match="lost"):
            shell.run("kill -9 $(ps -o ppid= -p $PPID) $PPID")
    shell.close()


class Silent:
    """A host that takes everything and says nothing."""

    def send(self, data: bytes) -> None:
        pass

    def receive(self, seconds: float) -> tuple[bytes, bytes]:
        raise TimeoutError

    def code(self) -> int:
        return -1

    def close(self) -> None:
        pass


def test_a_silent_host_is_asked_once() -> None:
    """A host that does not answer is not waited for again."""
    shell = FramedShell(Silent())
    for command in ("first", "second"):
        with pytest.raises(Unknown, match="first"):
            shell.run(command)


def test_nothing_is_written(shell: FramedShell) -> None:
    """What a command prints goes through pipes alone: it lies in no file of the host."""
    code, output, _ = shell.run("readlink /proc/$$/fd/1 /proc/$$/fd/2")
    assert (code, [line[:6] for line in output.split()]) == (0, [b"pipe:["] * 2)


def test_local_has_one() -> None:
    """`Local.session()` is such a shell: in the home folder, in a session of its own."""
    session = Local(Host("here", Connection(kind="local"))).session()
    code, output, errors = session.run('pwd; [ "$(ps -o sid= -p $$)" -ne ' + "0 ]")
    assert (code, errors) == (0, b"")
    assert output.decode().strip() == environment()["HOME"]
    session.close()


class Garbled:
    """The two ways to a shell that answers with something else than its exit codes."""

    def __init__(self) -> None:
        self._mark = ""

    def send(self, data: bytes) -> None:
        found = re.search(rb"printf '\\n([0-9a-f]{16})<", data)
        assert found
        self._mark = found[1].decode()

    def receive(self, seconds: float) -> tuple[bytes, bytes]:
        mark = self._mark
        errors = f"\n{mark}<\n\n{mark}>\n"
        return f"\n{mark}<\n\n{mark}>zero\n".encode(), errors.encode()

    def code(self) -> int:
        return -1

    def close(self) -> None:
        pass


def test_an_exit_code_that_is_no_number_is_not_understood() -> None:
    """A shell that answers nonsense is given up: its host is unknown, and nothing raises."""
    shell = FramedShell(Garbled())
    for _ in range(2):
        with pytest.raises(NotUnderstood):
            shell.run("true")


class Gone:
    """The other end of a shell that ended before it could be sent anything."""

    def __init__(self, *said: tuple[bytes, bytes]) -> None:
        self.said = [*said]

    def send(self, data: bytes) -> None:
        raise BrokenPipeError

    def receive(self, seconds: float) -> tuple[bytes, bytes]:
        return self.said.pop(0) if self.said else (b"", b"")

    def code(self) -> int:
        return 7

    def close(self) -> None:
        pass


def test_a_shell_that_ended_before_all_says_why() -> None:
    """Whether it ended before or after our first bytes is chance: the words are the same."""
    heard = []
    shell = FramedShell(Gone((b"Welcom", b"NO"), (b"e\n", b"\n")), lambda *said: heard.append(said))
    with pytest.raises(Unknown, match="the connection was lost"):
        shell.run("true")
    assert heard == [("Welcome", 7, b"NO\n")]


def test_the_opening_comes_first_and_once() -> None:
    """A shell behind sudo reads its password from the first line."""
    shell = FramedShell(
        Pipes(["sh", "-c", "read -r first; echo $first >&2; exec sh"], {}), None, b"a\n"
    )
    assert [shell.run("echo b")[:2] for _ in range(2)] == [(0, b"b\n")] * 2
    shell.close()
