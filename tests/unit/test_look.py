"""An answer of a host, as it was sent, becomes facts; one that broke off or complains, an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from case_file import read_case

from hermes_ops.errors import CommandError, NotUnderstood, Unknown
from hermes_ops.look.answers import latest, parse
from hermes_ops.look.facts import Facts, Invocation, Process, Server
from hermes_ops.look.processes import invocations, processes, unit_lines
from hermes_ops.look.servers import deleted, opened
from hermes_ops.wire import Reader, Record, Reply

FOLDER = Path(__file__).parents[1] / "cases" / "look"
CASES = sorted(FOLDER.glob("*.yml"))
NONCE = "0123456789abcdef"
HEAD = f"""\
{NONCE} user 1000 hermes
{NONCE} home /home/hermes
{NONCE} account /home/hermes
{NONCE} system Linux x86_64
{NONCE} now 1795339938
{NONCE} boot bb281c8d
"""


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    """The fields that a case names have the values that it gives; maps and records match deep."""
    case = read_case(path)
    facts = parse(reply(case["answer"].replace("␁", "\x01")))
    assert not list(differences(facts, case["facts"], "facts"))


def reply(text: str, sizes: Iterable[int] = ()) -> Reply:
    """Return what is read of a text that comes in pieces of these sizes, the rest at once."""
    reader = Reader(NONCE)
    data = text.encode("utf-8", "surrogateescape")
    for size in sizes:
        reader.feed(data[:size])
        data = data[size:]
    reader.feed(data)
    return reader.reply()


def differences(found: Any, wanted: Any, place: str) -> Iterable[str]:
    """Yield a line for each part of `wanted` that is not so in `found`."""
    if is_dataclass(found):
        found = {field.name: getattr(found, field.name) for field in fields(found)}
    if isinstance(wanted, Mapping) and wanted and isinstance(found, Mapping):
        for key, value in wanted.items():
            yield from differences(found.get(key), value, f"{place}.{key}")
    elif plain(found) != plain(wanted):
        yield f"{place} is {plain(found)!r}, not {plain(wanted)!r}"


def plain(value: Any) -> Any:
    """Return a value as YAML would have it."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, frozenset | tuple | list):
        items = sorted(value) if isinstance(value, frozenset) else value
        return [plain(item) for item in items]
    return value.replace("␁", "\x01") if isinstance(value, str) else value


def facts_of(more: str) -> Facts:
    """Return the facts in an answer that has these lines beside the ones every answer has."""
    return parse(reply(f"{HEAD}{more}{NONCE} done\n"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_an_answer_comes_in_any_pieces(path: Path) -> None:
    """How the network cuts the bytes is of no consequence."""
    answer = read_case(path)["answer"]
    assert reply(answer, [7] * (len(answer) // 8)) == reply(answer)


def test_an_answer_that_breaks_off_is_no_answer() -> None:
    """Facts come from a whole answer only, and what the host said beside it is told."""
    with pytest.raises(Unknown, match="connection was lost") as error:
        parse(reply(f"Killed by the OOM killer\n{HEAD}"))
    assert "OOM" in (error.value.hint or "")


@pytest.mark.parametrize(
    "line", ["user", "user x hermes", "now", "process 7", "begin paths\ntotal 0", "cgroup x"]
)
def test_an_answer_that_makes_no_sense_is_unknown(line: str) -> None:
    """What cannot be read is said to be that, whatever the exception was."""
    end = f"\n{NONCE} end" if line.startswith("begin") else ""
    with pytest.raises(NotUnderstood, match="the answer of box could not be parsed") as error:
        parse(reply(f"{HEAD}{NONCE} {line}\n{end}\n{NONCE} done\n"), "box")
    assert "at look/" in str(error.value)


def test_a_host_that_cannot_be_looked_at_says_so() -> None:
    """The reason that the host gives is the error."""
    with pytest.raises(CommandError, match="the home folder /x cannot be entered"):
        parse(reply(f"{NONCE} fatal the home folder /x cannot be entered\n{NONCE} done\n"))


def test_what_a_host_prints_by_itself_is_no_record() -> None:
    """A chatty login shell, or a banner with words of ours in it, changes nothing."""
    text = f"Welcome!\nuser 0 root\nfeedfacefeedface user 0 root\n{HEAD}{NONCE} done\n"
    assert parse(reply(text)) == facts_of("")


def test_text_of_a_file_cannot_forge_a_record() -> None:
    """A file that was written to look like an answer is read as a file."""
    content = f"A=1\nfeedfacefeedface end\nuser 0 root\n{NONCE}done\n {NONCE} done\n"
    facts = facts_of(f"{NONCE} begin env .env\n{content}\n{NONCE} end\n")
    assert facts.contents == {".env": content}
    assert facts.uid == 1000


@pytest.mark.parametrize(
    ("mode", "number"),
    [("-rw-------", 0o600), ("drwxr-xr-x", 0o755), ("-rwsr-S--T", 0o740), ("-rw-r--r--+", 0o644)],
)
def test_mode(mode: str, number: int) -> None:
    """The letters of `ls` are a number; an access list behind them changes nothing."""
    line = f"123 {mode} 1 1000 1000 5 Nov 22 09:28 a file with blanks"
    facts = facts_of(f"{NONCE} begin paths\n{line}\n\n{NONCE} end\n")
    assert facts.paths["a file with blanks"].mode == number


def test_a_process_name_may_hold_anything() -> None:
    """The kernel's line is read after its last `)`: a name cannot move the fields."""
    stat = "S 1 7 7 0 -1 0 1 2 3 4 5 6 7 8 20 0 9 0 4711 100 200 300"
    facts = facts_of(f"{NONCE} process 7 {stat}\n{NONCE} cgroup 7 /user.slice/a b.service\n")
    assert (facts.processes[7].started, facts.processes[7].rss_pages) == (4711, 200)
    assert facts.processes[7].cgroup == "/user.slice/a b.service"


def listed(*lines: str) -> Mapping[int, Process]:
    """Return the processes in what a `ps` printed, behind the clock."""
    text = "\n".join(lines)
    return facts_of(f"{NONCE} begin ps\n{text}\n\n{NONCE} end\n").processes


@pytest.mark.parametrize(
    ("line", "process"),
    [
        ("    7 S    01:02  4000", Process(None, "S", 1000, born=938)),
        ("7 Ss+ 01:02:03 4000", Process(None, "S", 1000, born=1000 - 3723)),
        ("7 R 2-01:02:03 4003", Process(None, "R", 1000, born=1000 - 176523)),
        ("7 Z 123-00:00:00 0", Process(None, "Z", 0, born=1000 - 123 * 86400)),
        ("7 T 60:00 4000", Process(None, "T", 1000, born=1000 - 3600)),
        ("7 U<s 24:00:00 4000", Process(None, "U", 1000, born=1000 - 86400)),
        ("7 ? - 4000", Process(None, "?", 1000)),
        ("7 S 00:-5 4000", Process(None, "S", 1000)),
        ("7 S 00:05", Process(None, "S", None, born=995)),
        ("7 S", Process(None, "S", None)),
    ],
)
def test_a_process_as_ps_shows_it(line: str, process: Process) -> None:
    """Its state without the letters behind it, its birth in any form of age, its memory."""
    assert listed("1000", line, "77 S 00:10 8000")[7] == process
    assert listed("1000", "77 S 00:10 8000", line)[7] == process


@pytest.mark.parametrize(
    "line",
    ["", "S 00:05 4000", "x S 00:05 4000", "-7 S 00:05 4000", "7", "ps: no such process 7",
     "7 00:05 S 4000", "7 S 00:05 4000 more", "  PID STAT ELAPSED RSS", "\u0667 S 00:05 4000"],
)  # fmt: skip
def test_a_line_that_shows_no_process_is_passed_over(line: str) -> None:
    """And the others count."""
    assert list(listed("1000", line, "77 S 00:10 8000", line)) == [77]


@pytest.mark.parametrize("clock", ["", "x", "-1"])
def test_where_the_clock_is_not_told_no_birth_is_known(clock: str) -> None:
    """A process lives all the same."""
    assert listed(clock, "7 S 00:05 4000") == {7: Process(None, "S", 1000)}


def test_a_ps_that_shows_nobody() -> None:
    """The clock alone."""
    assert listed("1000") == listed("") == {}


def test_a_link_to_a_name_with_an_arrow() -> None:
    """The target of a link begins after the first arrow."""
    line = "123 lrwxrwxrwx 1 1000 1000 5 Nov 22 09:28 link -> ../a -> b"
    facts = facts_of(f"{NONCE} begin paths\n{line}\n\n{NONCE} end\n")
    assert facts.paths["link"].target == "../a -> b"


def test_links_that_lead_to_each_other_have_no_end() -> None:
    """The shell gives such a path up after some steps, and tells a link as its end."""
    links = "1 lrwxrwxrwx 1 7 7 1 Nov 22 09:28 a -> b\n2 lrwxrwxrwx 1 7 7 1 Nov 22 09:28 b -> a"
    told = f"{NONCE} begin paths\n{links}\n\n{NONCE} end\n{NONCE} begin links\na\tb\n"
    facts = facts_of(f"{told}\n{NONCE} end\n{NONCE} begin targets\n{links}\n\n{NONCE} end\n")
    assert facts.paths["a"].end is None


def test_what_a_wait_shows_replaces_what_the_look_saw_of_processes() -> None:
    """Who served a port then, and with which words, is not asked again: it is not known now."""
    before = replace(facts_of(""), servers=(Server("127.0.0.1", 8701, 7),), contents={"a": "1"},
                     commands={7: Invocation(("python",))})  # fmt: skip
    after = latest([Record("now", "1795339999")], before)
    assert (after.servers, after.commands, after.now) == (None, {}, 1795339999)
    assert after.contents == {"a": "1"}


def test_a_damaged_archive_is_no_answer() -> None:
    """What came of the files cannot be trusted in part."""
    with pytest.raises(Unknown, match="damaged"):
        facts_of(f"{NONCE} begin files\nLmhlcm1lcy9wcm9maWxlcw==\n{NONCE} end\n")


def test_what_is_told_of_homes() -> None:
    """Where each lies in truth, in which one cannot write, and what is no database."""
    told = ("real a /data/x y", "real b /home/b", "closed b", "garbled b/state.db")
    facts = facts_of("".join(f"{NONCE} {line}\n" for line in told))
    assert facts.real == {"a": "/data/x y", "b": "/home/b"}
    assert facts.closed == {"b"}
    assert facts.garbled == {"b/state.db"}


def test_what_processes_were_started_with() -> None:
    """Lines that are none are passed over."""
    lines = "7\t/home/a\t/x.slice\tpython\tgateway\n\n8\t\t\t/bin/sleep\nx\t\t\ty\n9\n"
    found = invocations(Reply((Record("commands", "", lines),), complete=True))
    assert found == {
        7: Invocation(("python", "gateway"), "/home/a", "/x.slice"),
        8: Invocation(("/bin/sleep",)),
    }


@pytest.mark.parametrize(
    ("home", "named"),
    [
        ("/data/h/profiles/x", "/home/bot/.hermes/profiles/x"),
        ("/data/h", "/home/bot/.hermes"),
        ("/data/hh", "/data/hh"),
        ("/home/bot/.hermes/profiles/x", "/home/bot/.hermes/profiles/x"),
    ],
)
def test_a_home_behind_a_link_has_the_users_name_for_it(home: str, named: str) -> None:
    """In a process, and in a unit: it is compared with those of the inventory."""
    records = (
        Record("home", "/home/bot"), Record("real", ".hermes /data/h"),
        Record("commands", "", f"7\t{home}\t/g\tpython\n"),
        Record("unitlines", "", f"x.service:HERMES_HOME={home}\nx.service:User=bot\n"),
    )  # fmt: skip
    found = Reply(records, complete=True)
    assert invocations(found)[7].home == named
    assert unit_lines(found) == {"x.service": (f"HERMES_HOME={named}", "User=bot")}


@pytest.mark.slow
def test_what_a_host_tells_without_end_is_parsed_in_linear_time() -> None:
    """Of one unit, or of one process: with a square of it this would take minutes."""
    many = 300_000
    records = (
        Record("home", "/home/bot"), *(Record("real", f".hermes /data/{n}") for n in range(1000)),
        Record("commands", "", "7\t/data/999/x\t/g\tpython\n" * (many // 100)),
        Record("unitlines", "", "x.service:HERMES_HOME=/data/999\n" * many),
        Record("sockets", "", "/proc/7/fd:\n" + "l 1 -> /x.log (deleted)\nl 1 -> /x.log\n" * many),
        *(Record("cgroup", "7 /g") for _ in range(many)),
        Record("process", f"7 S {'0 ' * 22}"),
    )  # fmt: skip
    found = Reply(records, complete=True)
    assert invocations(found)[7].home == "/home/bot/.hermes/x"
    assert len(unit_lines(found)["x.service"]) == many
    assert [len(of(found)[7]) for of in (deleted, opened)] == [many, many]
    assert len(processes(found)[7].cgroups) == many
