"""What is kept of a run, of a secret, of an edit: by whom it can be read, and what it shows."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from building import desired, facts
from patience import soon

from hermes_ops.errors import InventoryError, Place
from hermes_ops.loader.edit.edits import edit_key, edit_keys, replace_file, write
from hermes_ops.plan import make_plan
from hermes_ops.reporting import journal
from hermes_ops.reporting.events import Changed, Changing, Connecting, Finished, Planned, Waiting
from hermes_ops.reporting.journal import Journal
from hermes_ops.secrets.names import holds_credential
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.resolve import attempt, resolve
from hermes_ops.secrets.secret import (
    Redactor,
    Secret,
    is_searched,
    without_odd_words,
)
from hermes_ops.secrets.sources.base import LARGEST

TOKEN = "7012345678:AAFx0Zk3vQm9_rT4uLw8"


def quiet(message: str) -> None:
    """Take what a journal complains of, and fail: it has no reason."""
    pytest.fail(message)


def knowing(*values: str) -> Redactor:
    """Return a sink that knows these."""
    redactor = Redactor()
    for value in values:
        redactor.learn(value)
    return redactor


# --- the journal --------------------------------------------------------------------------------


def lines(run: str = "r1") -> list[dict[str, Any]]:
    """Return what the journal of a run has."""
    return list(journal.read(run))


def test_a_journal_is_its_operators_alone() -> None:
    """The file is 0600 and its folder 0700, whatever the mask; each line stands by itself."""
    before = os.umask(0)
    try:
        own = Journal("r1", Redactor(), quiet)
        own.write("begun", task="fleet.up")
        own.write("ended", exit=0)
    finally:
        os.umask(before)
    file = journal.folder() / "r1.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.is_relative_to(Path.home())
    assert [(line["event"], line.get("task")) for line in lines()] == [
        ("begun", "fleet.up"), ("ended", None),
    ]  # fmt: skip
    assert abs(lines()[0]["at"] - time.time()) < 60


@pytest.mark.parametrize(
    "fields",
    [
        {"why": TOKEN},
        {"why": f'{{"a": "{TOKEN}"}}'},
        {"nested": {"list": [{"deep": f"x{TOKEN}y"}]}},
        {"names": {TOKEN: 1}},
        {"tuple": (TOKEN,)},
    ],
)
def test_no_secret_reaches_a_journal(fields: dict[str, Any]) -> None:
    """Neither as a value nor as a name, however deep."""
    Journal("r1", knowing(TOKEN), quiet).write("x", **fields)
    text = (journal.folder() / "r1.jsonl").read_text()
    assert TOKEN not in text
    assert "***" in text


def test_a_journal_that_cannot_be_written_is_told_once() -> None:
    """The run goes on."""
    said: list[str] = []
    (Path.home() / ".local").write_text("a file")
    own = Journal("r1", Redactor(), said.append)
    for _ in range(3):
        own.write("x")
    (only,) = said
    assert only.startswith("warning: the journal of this run cannot be written: ")


def test_what_a_host_did_is_kept() -> None:
    """Each kind of event with what a person wants to read of it later."""
    own = Journal("r1", Redactor(), quiet)
    plan = make_plan(desired({"desired": {"demo": {}}}), facts({"desired": {"demo": {}}}))
    change = plan.changes[0]
    own.event(Connecting("box", 2, "it hung up"))
    own.event(Planned("box", plan))
    own.event(Changing("box", change))
    own.event(Changed("box", change, "failed", "exit 1", 1.23456))
    own.event(Waiting("box", "for readiness"))
    own.event(Finished("box", "failed", "demo is down", 2.34567))
    kept = [{key: value for key, value in line.items() if key != "at"} for line in lines()]
    told = {
        "step": change.step, "profile": "demo", "resource": change.resource,
        "action": change.action, "reason": change.reason,
        "kept": None,
    }  # fmt: skip
    assert kept[0] == {"event": "connecting", "host": "box", "attempt": 2, "why": "it hung up"}
    assert (kept[1]["event"], kept[1]["host"]) == ("planned", "box")
    assert (len(kept[1]["changes"]), kept[1]["changes"][0]) == (len(plan.changes), told)
    assert kept[2] == {"event": "changing", "host": "box", **told}
    assert kept[3] == {"event": "changed", "host": "box", **told, "outcome": "failed",
                       "because": "exit 1", "seconds": 1.235}  # fmt: skip
    assert kept[4] == {"event": "waiting", "host": "box", "what": "for readiness"}
    assert kept[5] == {"event": "finished", "host": "box", "outcome": "failed",
                       "message": "demo is down", "seconds": 2.346}  # fmt: skip


def test_kept_runs_are_told_newest_first() -> None:
    """Of one that was cut off, all but how it ended."""
    Journal("20260101", Redactor(), quiet).write("begun", task="fleet.up", check=False, why="w",
                                                 limit="l", operator="o")  # fmt: skip
    later = Journal("20260102", Redactor(), quiet)
    later.write("begun", task="fleet.plan", check=True)
    later.write("ended", exit=2, changes=7)
    with (journal.folder() / "20260101.jsonl").open("a") as file:
        file.write('{"event": "en')
    first, second = journal.runs()
    assert (first["run"], first["exit"], first["changes"], first["check"]) == (
        "20260102",
        2,
        7,
        True,
    )
    assert (second["run"], second["exit"], second["changes"]) == ("20260101", None, None)
    assert (second["operator"], second["why"], second["limit"]) == ("o", "w", "l")
    assert second["began"] == lines("20260101")[0]["at"]


# --- the sink -----------------------------------------------------------------------------------


def test_documents_are_redacted_whole() -> None:
    """Keys and values, in lists and in tuples; what is no text stays what it is."""
    redact = knowing(TOKEN)
    document = {TOKEN: 1, "a": {f"x{TOKEN}": [TOKEN, (TOKEN, 2.5)]}, 3: None, "b": True}
    assert redact.deep(document) == {
        "***": 1, "a": {"x***": ["***", ["***", 2.5]]}, 3: None, "b": True,
    }  # fmt: skip
    assert redact.deep(TOKEN) == "***"


def test_a_secret_is_learned_as_such() -> None:
    """A `Secret` and its text are the same; one that was learned twice is one."""
    redact = knowing()
    redact.learn(Secret(TOKEN))
    redact.learn(TOKEN)
    assert redact(f"a {TOKEN} b {TOKEN}") == "a *** b ***"
    assert knowing()("nothing is known") == "nothing is known"


def test_the_longest_shape_counts() -> None:
    """Of two values that begin alike, none leaves its end behind."""
    redact = knowing("same-begin", "same-begin-and-more")
    assert redact("same-begin-and-more, same-begin.") == "***, ***."
    assert redact("same-begin-and") == "***-and"


@pytest.mark.parametrize(
    ("value", "searched"),
    [
        ("1234567", False), ("abcdefgh", True), ("  abcdefg ", False), ("123456789", False),
        ("-1234.5678", False), ("1234567x", True), ("LOCALHOST", False), ("Required", False),
        ("10.0.0.1:8080", False), ("https://10.0.0.1/", False), ("https://10.0.0.1/x", True),
        ("fe80::1ff:fe23:4567:890a", False), ("https://example.org", True),
        ("deadbeefdeadbeef", True),
    ],
)  # fmt: skip
def test_what_is_searched_for(value: str, searched: bool) -> None:
    """Numbers, addresses and known words would black out half of all that is said."""
    assert is_searched(value) is searched


def test_secrets_are_equal_by_their_value() -> None:
    """And to nothing else."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


@pytest.mark.parametrize(
    ("name", "promises"),
    [
        ("API_KEY", True), ("--token", True), ("DB_PASSWORD", True), ("db_pass", True),
        ("AUTH", True), ("X_CREDENTIALS", True), ("KEYS", False), ("MONKEYS", False),
        ("TOKEN_FILE", False), ("", False),
    ],
)  # fmt: skip
def test_names_that_promise_a_secret(name: str, promises: bool) -> None:
    """By their last word, however it is written."""
    assert holds_credential(name) is promises


def test_odd_words_are_masked() -> None:
    """What has letters and digits, and is long, looks like a key; words of a language do not."""
    text = "the key abcdefghij0123456789 of internationalisation-committee, 01234567890123456789012"
    masked = "the key *** of internationalisation-committee, 01234567890123456789012"
    assert without_odd_words(text) == masked
    assert without_odd_words("abcdefghij012345678") == "abcdefghij012345678"


# --- references ---------------------------------------------------------------------------------


def command(*words: str) -> Reference:
    """Return a reference to what a command prints."""
    return Reference("command", words, Place("hosts.yml", 7))


def refused(of: Reference, deadline: float = 30) -> str:
    """Return why a reference leads to nothing."""
    with pytest.raises(InventoryError) as caught:
        resolve([of], dict(os.environ), deadline=deadline)
    assert caught.value.where == "hosts.yml:7"
    return f"{caught.value.message} | {caught.value.hint}"


def is_alive(pid: int) -> bool:
    """Say whether a process lives, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def ends(pid: int) -> bool:
    """Say whether a process ends in a moment."""
    return soon(lambda: not is_alive(pid))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_a_command_that_is_too_slow_ends_with_all_that_it_started(tmp_path: Path) -> None:
    """Nothing of it goes on when it is given up; that it can ask nobody is in the hint."""
    script = f"sleep 30 & echo $! >{tmp_path}/child; echo $$ >{tmp_path}/own; wait"
    told = refused(command("sh", "-c", script), deadline=0.2)
    assert (
        told == "command sh gave no answer in 0.2 s | its stdin is closed: it cannot ask anything"
    )
    for name in ("child", "own"):
        assert ends(int((tmp_path / name).read_text()))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")
def test_others_are_ended_when_one_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for an answer that is of no use any more."""
    monkeypatch.setattr("hermes_ops.secrets.resolve.SETTLING", 0.1)
    slow = command("sh", "-c", f"echo $$ >{tmp_path}/own; exec sleep 30")
    fails = command("sh", "-c", f"until [ -s {tmp_path}/own ]; do sleep 0.01; done; exit 3")
    began = time.monotonic()
    with pytest.raises(InventoryError, match="command sh failed with exit 3"):
        resolve([slow, fails], {"PATH": os.environ["PATH"]})
    assert time.monotonic() - began < 20
    assert ends(int((tmp_path / "own").read_text()))


@pytest.mark.slow
def test_a_value_of_a_command_has_a_limit() -> None:
    """1 MiB is enough for any secret; more is refused, and said."""

    def printing(count: int) -> Reference:
        return command("sh", "-c", f"head -c {count} /dev/zero | tr '\\0' x")

    environ = {"PATH": os.environ["PATH"]}
    most = printing(LARGEST)
    assert len(resolve([most], environ)[most].reveal()) == LARGEST
    assert refused(printing(LARGEST + 1)).startswith("command sh is larger than 1 MiB")
    assert LARGEST == 1 << 20


def test_a_file_has_the_same_limit(tmp_path: Path) -> None:
    """Of a larger one no more is read than shows that."""
    (tmp_path / "large").write_text("x" * (LARGEST + 1))
    of = Reference("file", str(tmp_path / "large"), Place("hosts.yml", 7))
    assert "is larger than 1 MiB" in refused(of)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_regular_files_are_read(make: Callable[[str], None], tmp_path: Path) -> None:
    """A pipe could keep us waiting for ever."""
    make(str(tmp_path / "odd"))
    of = Reference("file", str(tmp_path / "odd"), Place("hosts.yml", 7))
    assert "odd is not a regular file" in refused(of)


def test_whoever_shows_gets_every_answer() -> None:
    """A reference that leads nowhere is told beside those that lead somewhere; both are learned."""
    known: list[Secret] = []
    good, bad = command("echo", "a-good-value"), command("sh", "-c", "echo no >&2; exit 2")
    found = attempt([good, bad], {"PATH": os.environ["PATH"]}, learn=known.append)
    assert found[good] == Secret("a-good-value")
    assert isinstance(found[bad], InventoryError)
    assert "failed with exit 2: no" in str(found[bad])
    assert known == [Secret("a-good-value")]


# --- edits --------------------------------------------------------------------------------------


def test_an_edit_is_on_the_disk_before_it_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that loses its power has the old file or the new one, whole."""
    file = tmp_path / "a.yml"
    file.write_text("a: 1\n")
    seen: list[tuple[str, str]] = []
    fsync = os.fsync

    def spied(handle: int) -> None:
        (draft,) = (path for path in tmp_path.iterdir() if path != file)
        seen.append((draft.read_text(), file.read_text()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", spied)
    write(edit_key(file, ("b",), 2), lambda: None)
    assert seen == [("a: 1\nb: 2\n", "a: 1\n")]
    assert file.read_text() == "a: 1\nb: 2\n"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_an_edit_keeps_the_mode(mode: int, tmp_path: Path) -> None:
    """Who could read the file can read it afterwards, and nobody else, at no moment."""
    file = tmp_path / "a.yml"
    file.write_text("a: 1\n")
    file.chmod(mode)
    replace_file(file, "a: 2\n")
    assert (stat.S_IMODE(file.stat().st_mode), file.read_text()) == (mode, "a: 2\n")


def test_an_edit_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """It is one sentence with the place, and no draft lies about."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(InventoryError, match="cannot be written") as caught:
        replace_file(tmp_path / "folder", "a: 2\n")
    assert caught.value.where
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_several_keys_are_one_edit(tmp_path: Path) -> None:
    """All of them or none; its place is the first one's, and the same again is none."""
    file = tmp_path / "a.yml"
    file.write_text("a: 1\n")
    made = edit_keys(file, [(("b", "c"), 2), (("a",), 3)])
    assert (made.after, made.place.line, made.is_empty) == ("a: 3\nb:\n  c: 2\n", 3, False)
    assert made.diff().splitlines()[2:] == ["@@ -1 +1,3 @@", "-a: 1", "+a: 3", "+b:", "+  c: 2"]
    write(made, lambda: None)
    assert edit_keys(file, [(("b", "c"), 2), (("a",), 3)]).is_empty
    fresh = edit_key(tmp_path / "new.yml", ("a",), 1)
    assert (fresh.before, fresh.diff().splitlines()[:2]) == (
        None, ["--- /dev/null", f"+++ {fresh.place.file}"],
    )  # fmt: skip


def test_whatever_ends_a_check_puts_the_old_file_back(tmp_path: Path) -> None:
    """Ctrl-C, too; it goes on as what it was."""
    file = tmp_path / "a.yml"
    file.write_text("a: 1\n")

    def interrupted() -> None:
        assert file.read_text() == "a: 2\n"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(edit_key(file, ("a",), 2), interrupted)
    assert file.read_text() == "a: 1\n"


def test_json_is_edited_as_json(tmp_path: Path) -> None:
    """In one line if it was in one, else indented; a list of names becomes a mapping."""
    file = tmp_path / "a.json"
    file.write_text('{"p": ["coder", "scout"]}')
    assert edit_key(file, ("p", "coder", "x"), 1).after == (
        '{"p": {"coder": {"x": 1}, "scout": null}}'
    )
    file.write_text('{\n  "a": "é"\n}\n')
    assert edit_key(file, ("b",), 2).after == '{\n  "a": "é",\n  "b": 2\n}\n'
    file.write_text('{"a": 1}')
    with pytest.raises(InventoryError, match="'b' cannot be set: the file is not a mapping"):
        edit_key(file, ("a", "b"), 2)
    assert json.loads(edit_key(tmp_path / "none.json", ("a",), 1).after) == {"a": 1}
