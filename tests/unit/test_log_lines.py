"""Lines of logs: their times in UTC, whose secrets are masked, which are wanted, in what order."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from case_file import read_case

from hermes_ops.cli.output import REDACTOR, Output
from hermes_ops.commands.logs.clock import HostClock, ahead, zone_of
from hermes_ops.commands.logs.line import JournalReader, LineReader, LogLine, Origin
from hermes_ops.commands.logs.mask import masked
from hermes_ops.commands.logs.merge import Merger, merged, placed
from hermes_ops.commands.logs.request import Request, read_request
from hermes_ops.commands.logs.view import SOURCES, View, color_of, document, stamp
from hermes_ops.errors import UsageError

CASES = Path(__file__).parents[1] / "cases/logs"
LINES: dict[str, Any] = read_case(CASES / "lines.yml")
MASKS: list[list[str]] = read_case(CASES / "masks.yml")
ORIGIN = Origin("mini-1", "coder", "gateway")


@pytest.mark.parametrize("name", LINES)
def test_what_a_line_says(name: str) -> None:
    """Time, level, logger and message of each."""
    case = LINES[name]
    clock = HostClock(ZoneInfo(case.get("zone", "UTC")), case.get("ahead", 0.0))
    reader = (JournalReader if case.get("journal") else LineReader)(ORIGIN, clock)
    found = [
        [stamp(line.at) if line.at >= 0 else None, line.level, line.logger, line.message]
        for line in reader.read(case["text"])
    ]
    assert found == case["lines"]
    assert getattr(reader, "cursor", None) == case.get("cursor")


@pytest.mark.parametrize(("text", "wanted"), MASKS)
def test_what_is_masked(text: str, wanted: str) -> None:
    """A value that is assigned to the name of a credential, and no prose."""
    assert masked(text) == wanted


# --- clocks -----------------------------------------------------------------------------------


def test_the_hosts_own_rules_come_first() -> None:
    """Then the zone's name, in any of the forms in which a host has it; then today's offset."""
    rules = next(
        path.read_bytes().hex(" ")
        for path in [Path("/usr/share/zoneinfo/Asia/Tokyo")]
        if path.exists()
    )
    july = datetime(2026, 7, 20, tzinfo=UTC)
    for said, hours in {
        ("Europe/Berlin", rules, "+0100"): 9,
        ("Europe/Berlin", "", "+0100"): 2,
        ("../usr/share/zoneinfo/Europe/Berlin", "not hex", "+0100"): 2,
        ("/usr/share/zoneinfo/posix/Europe/Berlin", "54 5a", "+0100"): 2,
        ("CET-1CEST", "", "+0100"): 1,
        ("", "", "-0330"): -3.5,
        ("../../etc/passwd", "", "+0000"): 0,
        ("", "", "?"): 0,
    }.items():
        assert july.astimezone(zone_of(*said)).utcoffset() == timedelta(hours=hours), said


@pytest.mark.parametrize(
    ("told", "asked", "answered", "wanted"),
    [
        (1000, 1000.2, 1000.4, 0),
        (1000, 1000.9, 1003.0, 0),
        (1000, 999.5, 1000.1, 0),
        (1002, 1000.5, 1000.6, 0),
        (1100, 1000.0, 1000.4, 100.3),
        (900, 1000.0, 1000.4, -99.7),
    ],
)
def test_a_difference_of_clocks(told: int, asked: float, answered: float, wanted: float) -> None:
    """Only one that the way to the host does not explain."""
    assert ahead(told, asked, answered) == pytest.approx(wanted)


# --- the order --------------------------------------------------------------------------------


def lines_of(text: str, host: str = "a") -> list[LogLine]:
    """Return lines of a host, of which each has seconds and a message: `1 x`; none begins `-`."""
    made = [
        f"  {word}" if second == "-" else f"2026-07-20 10:00:{int(second):02d},000 INFO a.b: {word}"
        for second, word in (item.split() for item in text.split(","))
    ]
    return list(LineReader(Origin(host, "p", "gateway"), HostClock()).read("\n".join(made)))


def words(lines: Any) -> str:
    """Return the messages."""
    return " ".join(line.message.strip() for line in lines)


def test_files_are_merged_by_time() -> None:
    """Lines without a time stay with theirs; in its own file nothing changes its place."""
    one = lines_of("1 a,- b,5 c,3 late,7 d")
    two = lines_of("1 A,2 B,4 C,6 D", "b")
    assert words(merged([one, two])) == "a b A B C c late D d"
    assert words(merged([one, two], 3)) == "late D d"
    assert words(merged([one, two], 0)) == ""


def test_the_rest_of_a_message_has_its_place() -> None:
    """If its beginning was not read, it stays before the line that follows."""
    one, two = lines_of("- rest,3 a,4 b"), lines_of("1 A,3 B", "b")
    assert words(merged([placed(one), placed(two)])) == "A rest a B b"
    assert words(placed(lines_of("- rest,- more"))) == "rest more"


def test_what_arrives_is_held_back_a_moment() -> None:
    """An older line of another host that comes within it takes its place."""
    merger = Merger(0.7)
    merger.add(lines_of("5 a,- b,6 c"), 100.0)
    assert words(merger.due(100.5)) == ""
    merger.add(lines_of("4 A,9 B", "b"), 100.6)
    assert words(merger.due(100.8)) == "A a b c"
    assert (words(merger.due(101.4)), len(merger)) == ("B", 0)


# --- what is wanted ---------------------------------------------------------------------------

GIVEN: dict[str, Any] = {
    "follow": False, "lines": None, "since": None, "grep": None, "level": None, "logger": None,
    "file": (),
}  # fmt: skip


def read(**given: Any) -> Request:
    """Return the request of these options, at a time of its own."""
    return read_request({**GIVEN, **given}, now=1_784_541_600)


def test_what_is_shown_without_options() -> None:
    """The last hundred lines of the gateway's log; since a time, all of them."""
    assert (read().lines, read().files, read().journal) == (100, ("gateway",), False)
    assert (read(since="2h").lines, read(since="2h").since) == (None, 1_784_541_600 - 7200)
    assert read(since="2h", lines="5").lines == 5
    assert read(since="2026-07-20T10:00:00+00:00").since == 1_784_541_600
    both = read(file=("errors,journal", "errors"))
    assert (both.files, both.journal) == (("errors",), True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"file": ("gatway",)}, "did you mean gateway?"),
        ({"level": "loud"}, "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        ({"grep": "a("}, r"--grep 'a\('"),
        ({"since": "yesterday"}, "30m, 2h, 1d"),
        ({"since": "99999999w"}, "30m, 2h, 1d"),
        ({"lines": "-1"}, ""),
    ],
)
def test_a_wrong_option_is_told(given: dict[str, Any], said: str) -> None:
    """With what would be right."""
    with pytest.raises(UsageError) as raised:
        read(**given)
    assert said in raised.value.hint


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        (Request(), "a b c d"),
        (Request(level=30), "b c d"),
        (Request(logger="gateway"), "a d"),
        (Request(logger="gate"), "d"),
        (Request(grep=re.compile("[bc]$")), "b c"),
        (Request(grep=re.compile("^WARNING agent: b")), "b"),
        (Request(since=1_784_541_601), "b c d"),
    ],
)
def test_which_lines_are_wanted(request_: Request, wanted: str) -> None:
    """Lines without level or logger have those of the line before, or pass."""
    log = (
        "2026-07-20 10:00:00,000 INFO gateway.run: a\n"
        "2026-07-20 10:00:01,000 WARNING agent: b\n  c\n"
        "2026-07-20 10:00:02,000 d"
    )
    found = LineReader(ORIGIN, HostClock(UTC)).read(log)
    assert words(filter(request_.wants, found)) == wanted


def test_what_has_no_time_is_as_old_as_anything() -> None:
    """The rest of a message whose beginning was not read passes."""
    assert read(since="2h").wants(LogLine(ORIGIN, -1, "", "", "rest", own=False))


# --- how it looks -----------------------------------------------------------------------------

LINE = LogLine(ORIGIN, 1_784_541_600.123, "ERROR", "gateway.run", "it \x1b[2J broke\r \udcff é")


def test_a_line_does_nothing_to_a_terminal() -> None:
    """Only our own colors are there, and only on a terminal."""
    assert View(width=14).drawn(LINE) == (
        "mini-1/coder   2026-07-20T10:00:00.123Z ERROR gateway.run: it \\x1b[2J broke\\x0d \\xff é"
    )
    colored = View(colored=True, grep=re.compile("bro")).drawn(LINE)
    assert colored.startswith(f"\x1b[{color_of('mini-1/coder')}mmini-1/coder\x1b[0m ")
    assert "\x1b[31mERROR\x1b[0m" in colored
    assert "\x1b[7mbro\x1b[0mke" in colored
    assert "\x1b[2J" not in colored


def test_the_rest_of_a_message_has_no_time_of_its_own() -> None:
    """It is drawn under the line that it belongs to."""
    rest = replace_message(LINE, "  File x")
    assert View().drawn(rest) == f"mini-1/coder {' ' * 24}   File x"


def replace_message(line: LogLine, message: str) -> LogLine:
    """Return what follows a line."""
    return line._replace(message=message, own=False)


@pytest.mark.parametrize("millis", [1, 4, 999, 1001, 1999])
def test_a_time_is_shown_to_the_millisecond(millis: int) -> None:
    """As it was written, whatever became of it as a number."""
    assert stamp(millis / 1000) == f"1970-01-01T00:00:0{millis // 1000}.{millis % 1000:03d}Z"


def test_no_profile_is_red() -> None:
    """That is for errors; the color of a profile stays the same."""
    assert not {"31", "91"} & set(SOURCES)
    assert {color_of(f"h/{n}") for n in range(200)} == set(SOURCES)


def test_the_object_of_a_line() -> None:
    """Exactly the promised keys."""
    assert document(replace_message(LINE, "KEY=1 API_KEY=abcd")) == {
        "ts": "2026-07-20T10:00:00.123Z", "host": "mini-1", "profile": "coder", "file": "gateway",
        "level": "ERROR", "logger": "gateway.run", "message": "KEY=1 API_KEY=***",
    }  # fmt: skip
    odd = document(replace_message(LINE, "caf\udce9 \x1b ä"))["message"]
    assert odd == "caf\\xe9 \x1b ä", "half of a pair is JSON that many readers refuse"
    bare = LogLine(ORIGIN, -1, "", "", "x", own=False)
    assert [document(bare)[key] for key in ("ts", "level", "logger")] == [None, None, None]


class Terminal(StringIO):
    """A terminal that keeps what is printed."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


@pytest.mark.parametrize(
    ("out", "json", "environ", "wanted"),
    [
        (Terminal(), False, {"TERM": "xterm"}, True),
        (Terminal(), True, {"TERM": "xterm"}, False),
        (Terminal(), False, {"TERM": "dumb"}, False),
        (Terminal(), False, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (StringIO(), False, {"TERM": "xterm"}, False),
    ],
)
def test_colors_are_for_terminals(
    out: StringIO, json: bool, environ: dict[str, str], wanted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """And for those who want them."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    output = Output(json=json, out=out, err=StringIO())
    assert (output.has_colors, output.is_closed) == (wanted, False)


def test_who_reads_no_more_is_noticed() -> None:
    """Before the next line, which may come in an hour."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as out:
        output = Output(json=False, out=out, err=StringIO())
        assert not output.is_closed
        os.close(reader)
        assert output.is_closed


def test_objects_are_one_a_line() -> None:
    """Nothing in them is a second line, or a secret."""
    REDACTOR.learn("a-secret-of-this-test")
    output = Output(json=True, out=(out := StringIO()), err=StringIO())
    output.objects([{"message": "a\nb\x1b a-secret-of-this-test"}, {"message": "é"}])
    assert out.getvalue() == '{"message": "a\\nb\\u001b ***"}\n{"message": "é"}\n'
