"""The logs of a host, asked for by the real scripts in every shell: from the end, and on and on."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from examples import seldom
from shell_kit import SHELLS, words_of

from hermes_ops.commands.logs.clock import HostClock
from hermes_ops.commands.logs.host import HostLogs
from hermes_ops.commands.logs.line import LogLine
from hermes_ops.commands.logs.request import Request
from hermes_ops.commands.logs.source import LogNotice, LogSource
from hermes_ops.services import paths
from hermes_ops.wire import OnRecord, Reader, Reply, Script

HOME = ".hermes/profiles/coder"
SOURCE = LogSource("here", "coder", HOME, ())
QUICK = "dash"
TEN = 1_784_541_600
"""10:00:00 of 2026-07-20."""


@dataclass
class Here:
    """A home of this machine as a host; it answers both kinds of question."""

    home: Path
    shell: str

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        """Run a script."""
        reader = Reader(script.nonce, on_record)
        reader.feed(self._ran([*words_of(self.shell)], script.text))
        return reader.reply()

    def run(self, command: str, *, timeout: float = 30) -> tuple[int, bytes, bytes]:
        """Run a command as a long-lived shell does."""
        return 0, self._ran([*words_of(self.shell), "-c", command], ""), b""

    def _ran(self, words: list[str], text: str) -> bytes:
        path = f"{self.home}/bin:/usr/bin:/bin"
        environ = {"HOME": str(self.home), "PATH": path, "TZ": "UTC"}
        done = subprocess.run(
            words, input=text.encode(), env=environ, capture_output=True, check=True, timeout=30
        )
        assert done.stderr == b""
        return done.stdout


@dataclass
class Desk:
    """An operator who looks at the logs of one profile here."""

    here: Here
    notices: list[str] = field(default_factory=list)
    logs: HostLogs | None = None

    @property
    def log(self) -> Path:
        """The live log."""
        return self.here.home / HOME / "logs/gateway.log"

    def write(self, text: str, file: str = "gateway.log") -> None:
        """Add to a log."""
        with (self.log.parent / file).open("a", encoding="utf-8", errors="surrogateescape") as log:
            log.write(text)

    def rotate(self, kept: int = 3) -> None:
        """Rename as Python's handler does."""
        for number in range(kept, 0, -1):
            older = self.log.with_name(f"gateway.log.{number - 1}") if number > 1 else self.log
            if older.exists():
                older.rename(self.log.with_name(f"gateway.log.{number}"))

    def tell(self, notice: LogNotice) -> None:
        """Hear a notice."""
        self.notices.append(notice.text)

    def last(self, **named: Any) -> list[str]:
        """Return the messages of a first look."""
        self.logs = HostLogs("here", [SOURCE], Request(**named), self.tell)
        files = self.logs.last(self.here)  # type: ignore[arg-type]
        return _messages([line for file in files for line in file])

    def next(self) -> list[str]:
        """Return the messages that are new, with what is left for later."""
        assert self.logs
        found: list[LogLine] = []
        while True:
            found += self.logs.next(self.here)  # type: ignore[arg-type]
            if not self.logs.hurries:
                return _messages(found)


def _messages(lines: list[LogLine]) -> list[str]:
    return [line.message for line in lines]


def lines(*numbers: int, size: int = 0) -> str:
    """Return lines of a log, a second apart."""
    return "".join(
        f"{datetime.fromtimestamp(TEN + n, UTC):%Y-%m-%d %H:%M:%S},000 INFO a.b: {n}{'x' * size}\n"
        for n in numbers
    )


def numbers(*found: int) -> list[str]:
    """Return the messages of such lines."""
    return [str(number) for number in found]


@pytest.fixture(
    params=[pytest.param(s, marks=() if s == QUICK else pytest.mark.slow) for s in SHELLS]
)
def desk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Logs of a profile that ran, under every shell; nobody waits for what does not come."""
    monkeypatch.setattr("hermes_ops.commands.logs.ask.ASLEEP", 0)
    desk = Desk(Here(tmp_path, request.param))
    desk.log.parent.mkdir(parents=True)
    return desk


# --- from the end -----------------------------------------------------------------------------


@pytest.mark.slow
def test_the_last_lines(desk: Desk) -> None:
    """Of the rotated files too, if the live one has not enough; never a part of a line."""
    desk.write(lines(*range(50)))
    desk.rotate()
    desk.write(lines(*range(50, 100)))
    desk.rotate()
    desk.write(lines(*range(100, 105)))
    assert desk.last(lines=3) == numbers(102, 103, 104)
    assert desk.last(lines=60) == numbers(*range(45, 105))
    assert desk.last(lines=1000) == numbers(*range(105))
    assert desk.last(lines=0) == []
    assert desk.notices == []


def test_long_lines_need_a_second_look(desk: Desk) -> None:
    """What is usually enough has not as many lines as are wanted."""
    desk.write(lines(*range(100), size=5000))
    assert [m.strip("x") for m in desk.last(lines=20)] == numbers(*range(80, 100))


@pytest.mark.slow
def test_lines_since_a_time(desk: Desk) -> None:
    """They reach back into rotated files; what stands under a line comes with it."""
    desk.write(lines(*range(7200)))
    desk.rotate()
    desk.write(lines(7200, 7201) + "  rest\n")
    found = desk.last(lines=None, since=TEN + 3590)
    assert found == [*numbers(*range(3590, 7202)), "  rest"]
    assert desk.notices == []


def test_picked_lines_are_searched_for(desk: Desk) -> None:
    """The number of lines counts what is found, here and not on the host."""
    import re

    desk.write(lines(*range(3000)))
    assert desk.last(lines=5, grep=re.compile("^INFO a.b: 7$")) == ["7"]


@pytest.mark.slow
def test_picked_lines_since_a_time_are_searched_all_the_way(desk: Desk) -> None:
    """However much was logged since then; without a time it is told how far back they were."""
    desk.write("2026-07-20 09:59:59,000 ERROR a.b: broke\n" + lines(*range(300), size=9000))
    assert desk.last(lines=5, level=40, since=TEN - 10) == ["broke"]
    assert desk.notices == []
    assert desk.last(lines=5, level=40) == []
    (told,) = desk.notices
    assert told.startswith("only lines from 2026-07-20T10:0")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda log: None, "there is no gateway.log yet of coder"),
        (os.mkfifo, "it is a named pipe"),
        (Path.mkdir, "it is a folder"),
        (lambda log: log.symlink_to("/dev/zero"), "it is no regular file"),
    ],
)
def test_what_is_no_log_is_told_once(desk: Desk, make: Callable[[Path], Any], said: str) -> None:
    """Nobody waits for it, and the file that comes later is read from its beginning."""
    make(desk.log)
    assert desk.last(follow=True, lines=5) == []
    assert desk.next() == []
    (told,) = desk.notices
    assert said in told
    if desk.log.is_dir():
        desk.log.rmdir()
    desk.log.unlink(missing_ok=True)
    desk.write(lines(1, 2))
    assert desk.next() == numbers(1, 2)


# --- on and on --------------------------------------------------------------------------------


@pytest.mark.slow
def test_new_lines_come_once(desk: Desk) -> None:
    """And a line as soon as it is whole."""
    desk.write(lines(1, 2) + "2026-07-20 10:00:03,000 INFO a.b: ha")
    assert desk.last(follow=True, lines=10) == numbers(1, 2)
    assert desk.next() == []
    desk.write("lf\n" + lines(4))
    assert desk.next() == ["half", "4"]
    assert desk.next() == []


@pytest.mark.slow
def test_rotations_lose_nothing(desk: Desk) -> None:
    """Several between two looks, and the rest of the file that was read."""
    desk.write(lines(1))
    assert desk.last(follow=True, lines=10) == numbers(1)
    desk.write(lines(2))
    for number in (3, 4):
        desk.rotate()
        desk.write(lines(number))
    assert desk.next() == numbers(2, 3, 4)
    desk.rotate()
    assert desk.next() == []
    desk.write(lines(5))
    assert (desk.next(), desk.notices) == (numbers(5), [])


@pytest.mark.slow
@pytest.mark.parametrize("apart", [0, 1])
@pytest.mark.parametrize("call", [2, *seldom(1, *range(3, 11))])
def test_a_rotation_in_the_middle_of_a_look_loses_nothing(
    desk: Desk, call: int, apart: int
) -> None:
    """After whichever listing it happens, at once, or with a name that is missing for a while."""
    folder = desk.here.home / "bin"
    desk.write(lines(1))
    assert desk.last(follow=True, lines=10) == numbers(1)
    desk.write(lines(2))
    desk.rotate()
    desk.write(lines(3))
    folder.mkdir()
    live = f"{desk.log}"
    steps = [f"mv {live}.1 {live}.2", f"mv {live} {live}.1; cat {folder}/new >{live}"]
    for number, step in enumerate(steps):
        with (folder / f"after.{call + number * apart}").open("a") as after:
            after.write(f"{step}\n")
    (folder / "new").write_text(lines(4))
    (folder / "ls").write_text(
        f"#!/bin/sh\nn=$(cat {folder}/n 2>/dev/null)\necho $((n + 1)) >{folder}/n\n"
        f'/bin/ls "$@"\ncode=$?\nafter={folder}/after.$((n + 1))\n'
        "[ ! -f $after ] || . $after\nexit $code\n"
    )
    (folder / "ls").chmod(0o755)
    found = [message for _ in range(4) for message in desk.next()]
    assert (found, desk.notices) == (numbers(2, 3, 4), [])


@pytest.mark.slow
def test_what_rotation_removed_is_told(desk: Desk) -> None:
    """With the times between which there were lines."""
    desk.write(lines(1))
    desk.last(follow=True, lines=10)
    for number in (2, 3, 4):
        desk.write(lines(number))
        desk.rotate(kept=1)
    desk.write(lines(5))
    assert desk.next() == numbers(4, 5)
    assert desk.notices == [
        "lines after 2026-07-20T10:00:01.000Z and before 2026-07-20T10:00:04.000Z are lost:"
        " the file that had them is gone"
    ]


@pytest.mark.slow
def test_a_file_that_was_replaced_brings_no_older_ones_again(desk: Desk) -> None:
    """Rotated files that were there at the last look were read then, or are too old."""
    for number in (1, 2):
        desk.write(lines(number))
        desk.rotate()
    desk.write(lines(3))
    assert desk.last(follow=True, lines=10) == numbers(1, 2, 3)
    assert desk.next() == []
    desk.log.rename(desk.log.with_name("elsewhere"))
    desk.write(lines(40, 50))
    assert desk.next() == numbers(40, 50)
    assert len(desk.notices) == 1


@pytest.mark.slow
@pytest.mark.parametrize("more", [0, *seldom(500)])
def test_a_file_that_was_emptied_is_read_anew(desk: Desk, more: int) -> None:
    """Also if it is longer than before by now."""
    desk.write(lines(1, 2, 3))
    desk.last(follow=True, lines=10)
    desk.log.write_text(lines(7, size=more))
    assert desk.next() == ["7" + "x" * more]
    assert "the file was emptied" in desk.notices[0]


@pytest.mark.slow
def test_a_long_line_is_cut(desk: Desk) -> None:
    """And is one line; what follows is whole."""
    desk.write(lines(1))
    desk.last(follow=True, lines=10)
    desk.write(lines(2, size=1_000_000) + lines(3))
    long, last = desk.next()
    assert (long[:3], last) == ("2xx", "3")
    assert len(long) < 17_000
    assert "[cut: " in long


@pytest.mark.slow
def test_who_writes_too_much_is_not_shown_whole(desk: Desk) -> None:
    """The newest lines are, and the number of the others is exact."""
    desk.write(lines(1))
    desk.last(follow=True, lines=10)
    desk.write("".join(lines(n, size=100) for n in range(40_000)))
    found = desk.next()
    assert [m.strip("x") for m in found] == numbers(*range(40_000 - len(found), 40_000))
    assert desk.notices == [
        f"{40_000 - len(found):,} lines were dropped: more are waiting than can be shown"
    ]


@pytest.mark.slow
def test_every_line_comes_once_whatever_happens_between(desk: Desk) -> None:
    """Lines and rotations as they fall, between looks as they fall."""
    chance, written = random.Random(7), 0
    desk.write(lines(0))
    found = desk.last(follow=True, lines=10)
    for _ in range(12):
        for _ in range(chance.randrange(3)):
            if chance.random() < 0.4:
                desk.rotate()
            count = chance.randrange(1, 400)
            desk.write(lines(*range(written + 1, written + 1 + count)))
            written += count
        found += desk.next()
    desk.write(lines(written + 1))
    assert found + desk.next() == numbers(*range(written + 2))
    assert desk.notices == []


def test_a_new_profile_is_read_from_its_beginning(desk: Desk) -> None:
    """One that left is not asked for."""
    desk.write(lines(1))
    desk.last(follow=True, lines=1)
    new = LogSource("here", "scout", ".hermes/profiles/scout", ())
    log = desk.here.home / new.path("gateway")
    log.parent.mkdir(parents=True)
    log.write_text(lines(8, 9))
    assert desk.logs
    desk.logs.follow([new])
    desk.write(lines(2))
    assert desk.next() == numbers(8, 9)


# --- secrets ----------------------------------------------------------------------------------


def test_values_of_the_hosts_env_do_not_leave_it(desk: Desk) -> None:
    """Whatever is the value of a credential there, or looks like one."""
    (desk.here.home / HOME / ".env").write_text(
        "# a comment\nAPI_SERVER_KEY='quoted value one'\nexport BOT_TOKEN = plain-value-2 # mine\n"
        "ODD=abcdefghij1234567890\nAPI_SERVER_PORT=8642\nHOME_CHANNEL=general-talk\nX_KEY=short\n"
    )
    desk.write(
        "2026-07-20 10:00:00,000 INFO a.b: quoted value one, plain-value-2plain-value-2,"
        " abcdefghij1234567890, 8642, general-talk, short\n"
    )
    assert desk.last() == ["***, ******, ***, 8642, general-talk, short"]


def of_many(desk: Desk, names: Sequence[str], **named: Any) -> dict[str, list[str]]:
    """Return the messages of a first look at the logs of these profiles; notices are heard."""
    sources = [LogSource("here", name, f".hermes/profiles/{name}", ()) for name in names]
    desk.notices.clear()
    files = HostLogs("here", sources, Request(**named), desk.tell).last(desk.here)  # type: ignore[arg-type]
    found: dict[str, list[str]] = {name: [] for name in names}
    for line in (line for file in files for line in file):
        found[line.origin.profile].append(line.message)
    return found


def profile(desk: Desk, name: str, *, env: str | None, log: str | None) -> Path:
    """Make another profile; return its log."""
    home = desk.here.home / ".hermes/profiles" / name
    (home / "logs").mkdir(parents=True)
    path = home / "logs/gateway.log"
    if env is not None:
        (home / ".env").write_text(env)
    if log is not None:
        path.write_text(log)
    return path


def test_each_log_is_masked_by_its_own_env(desk: Desk) -> None:
    """They are read together; a word of one profile is no secret of another."""
    text = "2026-07-20 10:00:00,000 INFO a.b: token-of-one token-of-two\n"
    profile(desk, "one", env="A_TOKEN=token-of-one\n", log=text)
    profile(desk, "none", env=None, log=text)
    profile(desk, "two", env="B_TOKEN=token-of-two\n", log=text)
    assert of_many(desk, ["one", "none", "two"]) == {
        "one": ["*** token-of-two"],
        "none": ["token-of-one token-of-two"],
        "two": ["token-of-one ***"],
    }


@pytest.mark.slow
def test_many_logs_need_few_programs(desk: Desk) -> None:
    """One for all where that can be, and one that reads the end of each: programs cost most."""
    folder, noted = desk.here.home / "bin", desk.here.home / "noted"
    folder.mkdir()
    for name in ("ls", "awk", "tr", "tail", "wc"):
        real = shutil.which(name, path="/usr/bin:/bin")
        script = f'#!/bin/sh\necho {name} >>{noted}\nexec {real} "$@"\n'
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    names = [f"p{number}" for number in range(5)]
    for name in names:
        profile(desk, name, env="A_TOKEN=token-of-one\n", log=lines(*range(3000), size=60))
    found = of_many(desk, names, lines=2)
    assert found == {name: [f"{n}{'x' * 60}" for n in (2998, 2999)] for name in names}
    words = noted.read_text().split()
    assert {word: words.count(word) for word in words} == {"ls": 1, "tail": 5, "tr": 1, "awk": 1}


def test_what_is_no_plain_log_is_asked_for_alone(desk: Desk) -> None:
    """Beside one that is: what is missing or none is told, rotated lines and long ones come."""
    profile(desk, "plain", env=None, log=lines(*range(9)))
    profile(desk, "missing", env=None, log=None)
    os.mkfifo(profile(desk, "pipe", env=None, log=None))
    short = profile(desk, "short", env=None, log=lines(7))
    short.with_name("gateway.log.1").write_text(lines(5, 6))
    full = profile(desk, "full", env=None, log=lines(*range(9)))
    full.with_name("gateway.log.1").write_text(lines(99))
    profile(desk, "huge", env=None, log=lines(*range(9), size=200_000))
    names = ["plain", "missing", "pipe", "short", "full", "huge"]
    found = of_many(desk, names, lines=3)
    huge = found.pop("huge")
    assert found == {
        "plain": numbers(6, 7, 8), "missing": [], "pipe": [],
        "short": numbers(5, 6, 7), "full": numbers(6, 7, 8),
    }  # fmt: skip
    assert [message[:2] for message in huge] == ["6x", "7x", "8x"]
    assert all(message.endswith(" bytes]") for message in huge)
    assert sorted(desk.notices) == [
        "not read: it is a named pipe (~/.hermes/profiles/pipe/logs/gateway.log)",
        "there is no gateway.log yet of missing",
    ]


def test_what_is_no_text_stays_a_line(desk: Desk) -> None:
    """Each control character and byte as what it is; 0xff alone is shown as the one before it."""
    odd = "\0\x01\x02\x1b[2J\x7f\x85\x9b\u202e\u2028\udcc3 \udc80\udcfe\udcff"
    desk.write(f"2026-07-20 10:00:00,000 INFO a.b: {odd} x\n" + lines(1))
    assert desk.last() == [f"{odd[:-1]}\udcfe x", "1"]


# --- the journal ------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["", "nobody-else"])
def test_the_journal_of_a_service_of_the_system_is_its_users(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    """The host finds out who asks: a unit of that name may run as anybody."""
    units = desk.here.home / "units"
    units.mkdir()
    owner = user or subprocess.check_output(["id", "-un"], text=True).strip()
    (units / "x.service").write_text(f"[Service]\nUser={owner}\n")
    program = desk.here.home / "bin/journalctl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho '1784541600.000000 x[1]: hello'\n")
    program.chmod(0o755)
    known = {**paths(), "system_units": PurePosixPath(units)}
    monkeypatch.setattr("hermes_ops.commands.logs.ask.paths", lambda: known)
    source = replace(SOURCE, ids=(("systemd_system", "x.service"),))
    logs = HostLogs("here", [source], Request(files=(), journal=True), desk.tell)
    files = logs.last(desk.here)  # type: ignore[arg-type]
    assert _messages([line for file in files for line in file]) == ([] if user else ["hello"])


# --- the host ---------------------------------------------------------------------------------


def test_the_host_tells_its_clock(desk: Desk) -> None:
    """Its zone by its rules; this machine's clock is its own."""
    desk.write(lines(1))
    desk.last()
    assert desk.logs
    assert desk.logs.clock.ahead == 0
    assert isinstance(desk.logs.clock, HostClock)
