"""Runbooks in Markdown: what is run of them, and what is refused before the first step."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from calling import in_repository
from calling import said as program
from case_file import read_case
from examples import examples
from folders import open_to_all
from hypothesis import example, given, settings
from hypothesis import strategies as st
from terminal import typing

from hermes_ops.assets import RUNBOOKS
from hermes_ops.commands.runbook.document import ByHand, Runbook, ToRun, parsed
from hermes_ops.commands.runbook.shelf import opened
from hermes_ops.commands.runbook.values import checked
from hermes_ops.commands.runbook.verbs import planned
from hermes_ops.commands.runbook.words import substituted, words_of
from hermes_ops.errors import Place, UsageError
from hermes_ops.program_name import program_name
from hermes_ops.reporting import journal
from hermes_ops.tasks.command_line import CommandLine

ROOT = Path(__file__).parents[2]
CASES = read_case(ROOT / "tests/cases/runbooks/parsed.yml")
HERE = Place("page", 2)
SECRET = "sk-in-the-inventory-0123456789"
HOSTS = """\
all:
  children: {minis: {hosts: {mini-1: , mini-2: }}}
  vars: {hermes_profiles: [coder], hermes_enabled: false}
"""
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a repository of disabled hosts: everything about them runs, none is contacted."""
    profile = f"env: {{OPENAI_API_KEY: {SECRET}}}\n"
    with in_repository(tmp_path, HOSTS, profile, monkeypatch) as folder:
        yield folder


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Call the program; return exit code, output and errors."""
    return lambda *words: program(capsys, *words)


def write(text: str, file: str = "page.md") -> Path:
    """Write a runbook; return its file."""
    path = Path(file)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def console(*lines: str, info: str = "console") -> str:
    """Return a fenced block."""
    return "\n".join([f"```{info}", *lines, "```", ""])


# --- what a text means --------------------------------------------------------------------------


def text_of(case: dict[str, Any]) -> str:
    """Return the text of a case: a whole page, or one line of a block."""
    text: str = case.get("text", console(case.get("line", ""), info=case.get("info", "console")))
    return text


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_what_a_page_means(case: dict[str, Any]) -> None:
    """Its title, what it asks for and its acts; or the line that is wrong."""
    if "error" in case:
        with pytest.raises(UsageError) as refused:
            parsed(text_of(case), "page")
        assert str(refused.value).startswith(case["error"])
        return
    runbook = parsed(text_of(case), "page")
    assert runbook.title == case["title"]
    assert {need.name: need.about for need in runbook.needs} == case.get("needs", {})
    assert [told(step.act) for step in runbook.steps if step.act] == case["acts"]


def told(act: ToRun | ByHand | None) -> list[Any]:
    """Return an act as a case has it."""
    assert act
    if isinstance(act, ToRun):
        return [act.place.line, list(act.words), list(act.expected)]
    return [act.place.line, act.text]


@settings(max_examples=examples(300))
@given(st.text("ab `'\"$\\|;&<>()#{~=!\n\t*H", max_size=20))
@example('a \'b c\' "d\\"e" f\\ g # h')
def test_words_are_those_of_a_shell(line: str) -> None:
    """What is not refused means to a shell what it means here: the same words, nothing expanded."""
    try:
        words = words_of(line, HERE)
    except UsageError:
        return
    if "\n" in line or any(word[:1] in "~" or "*" in word for word in words):
        return  # a command is one line; a shell would look for files or homes
    done = subprocess.run(
        ["sh", "-c", f"printf '<%s>' {line}"], capture_output=True, text=True, check=False
    )
    assert done.stdout == "".join(f"<{word}>" for word in words or [""])


@pytest.mark.slow
@settings(max_examples=examples(500))
@given(
    st.lists(
        st.sampled_from(["-l", "HOST", "HOST/PROFILE", "~^HOST$", "df HOST; ls", "HOSTS", ""])
    ),
    st.text(max_size=30),
)
@example(["df HOST; ls"], "a; reboot")
@example(["HOST"], "-y")
@example(["HOST"], "PROFILE")
def test_a_value_adds_no_words(words: list[str], value: str) -> None:
    """As many words as before; no new option; and in a text for a host's shell it is one word."""
    with suppress(UsageError):
        value = checked("HOST", value)
        filled = substituted(tuple(words), {"HOST": value}, HERE)
        assert len(filled) == len(words)
        options = [word for word in filled if word.startswith("-")]
        assert options == [word for word in words if word.startswith("-")]
        for before, after in zip(words, filled, strict=True):
            assert after == before.replace("HOST", value) or before == after == "HOSTS"
            if before.startswith("df"):
                assert len(words_of(f"df {value}", HERE)) == 2


# --- the runbooks that come along ---------------------------------------------------------------


def shelf() -> list[Path]:
    """Return their files."""
    return sorted(RUNBOOKS.glob("*.md"))


@pytest.mark.parametrize("file", shelf(), ids=[file.stem for file in shelf()])
def test_every_command_of_ours_can_be_typed(file: Path) -> None:
    """Tasks and options exist, also with values; it says when, what it needs, when it is over."""
    runbook = opened(file)
    assert planned(runbook, {need.name: "mini-1" for need in runbook.needs}, CommandLine([]))
    text = file.read_text()
    parts = ["# ", "\n**When:**", "\n## You need\n", "\n## It is over when\n"]
    assert [text.count(part) for part in parts[1:]] == [1, 1, 1]
    assert sorted(map(text.index, parts)) == list(map(text.index, parts))
    assert used(runbook) == {need.name for need in runbook.needs}


def used(runbook: Runbook) -> set[str]:
    """Return the names whose values the commands use."""
    words = [word for command in runbook.commands for word in command.words]
    names = {need.name for need in runbook.needs}
    return {name for name in names if any(name in word for word in words)}


def test_they_are_enough() -> None:
    """One for each kind of trouble that operators report."""
    assert {file.stem for file in shelf()} >= {
        *("new-host", "lost-host", "rotated-token", "host-replaced", "machine-slept"),
        "upgrade-gone-wrong",
        *("deaf-gateway", "frozen-gateway", "disk-full", "gateway-does-not-start"),
        *("leaked-bot", "decommission"),
    }


@pytest.mark.slow
def test_which_runbooks_there_are(said: Said) -> None:
    """Ours and those beside the inventory; one of the operator's own counts before ours."""
    write("# Mine\n", "runbooks/lost-host.md")
    write(f"No heading\n\n{console('$ hermes-ops runs.list')}", "runbooks/monday.md")
    code, out, err = said("runbook.list", "--json")
    assert code == 0, err
    rows = {row["name"]: (row["title"], row["where"]) for row in json.loads(out)["items"]}
    assert rows.items() >= {
        ("lost-host", ("Mine", "own")), ("monday", ("monday", "own")),
        ("new-host", ("A new host", "hermes-ops")),
    }  # fmt: skip
    assert "Mine" in said("runbook.list")[1]
    assert said("runbook.run", "monday", "--check")[0] == 0
    code, _, err = said("runbook.run", "lost-host", "--check")
    assert (code, "lost-host.md: it has no block of commands" in err) == (64, True)


# --- refused before the first step --------------------------------------------------------------

RUNS = "$ hermes-ops runs.list"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("hermes-ops fleet.upp", "page.md:3: 'fleet.upp' is neither a task nor an option"),
        ("hermes-ops fleet.up --limt x", "page.md:3: '--limt' is neither a task nor an option"),
        ("hermes-ops fleet.up --forks many", "page.md:3: --forks takes a whole number"),
        ("hermes-ops gateway.repair", "page.md:3: gateway.repair needs TARGET"),
        ("hermes-ops fleet.ps | head", "page.md:3: '|' is for a shell"),
        ("hermes-ops", "page.md:3: a command of a runbook begins with a task"),
        ("hermes-ops --version", "page.md:3: a command of a runbook begins with a task"),
        ("hermes-ops fleet.ps fleet.plan", "page.md:3: fleet.ps and fleet.plan: one task"),
        ("hermes-ops fleet.down -l x -y", "page.md:3: fleet.down would be answered"),
        ("hermes-ops runbook.run page.md", "page.md:3: runbook.run: a runbook cannot run"),
        ("hermes-ops fleet.ps \x1b[2J", "page.md:3: it has characters that cannot be shown"),
        ("hermes-ops fleet.ps --help", "page.md:3: 'fleet.ps' runs no task"),
    ],
)
def test_mistakes_in_a_runbook(line: str, sentence: str, said: Said) -> None:
    """The file, the line and what is wrong: exit 64, and nothing was run or written down."""
    write(console(RUNS, line))
    code, out, err = said("runbook.run", "page.md", "-y")
    assert (code, out) == (64, "")
    assert f"error: {sentence}" in err
    assert not list(journal.runs())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "HOST (the host) is missing, and there is no terminal to ask on"),
        (["--set", "HOST="], "HOST is empty"),
        (["--set", "HOST=-y"], "HOST cannot be '-y': it would be an option"),
        (["--set", "HOTS=a"], "--set 'HOTS=a' is no value of this runbook"),
        (["--set", "HOST"], "--set 'HOST' is no value of this runbook"),
        (["--set", "HOST=a", "--set", "HOST=b"], "--set has two values for HOST"),
        (["--set", "HOST=a\nb"], "HOST cannot be 'a\\nb': it has characters"),
        (["--set"], "--set needs a value"),
        (["--set", "HOST=$(reboot)", "--set", "NAME=y"], "page.md:4: HOST cannot be '$(reboot)'"),
        (["--set", "HOST=a", "--set", "NAME=b,c"], "page.md:5: NAME cannot be 'b,c'"),
        (
            ["--set", "HOST=x", "--set", "NAME=y"],
            "each step is asked about, and there is no terminal to ask on",
        ),
    ],
)
def test_mistakes_in_values(words: list[str], sentence: str, said: Said) -> None:
    """What is no value of a runbook, or cannot be one word, is 64."""
    block = console(
        "$ hermes-ops hosts.exec 'ping -c1 HOST' -l minis", "$ ./inv fleet.ps -l NAME/x"
    )
    names = "" if sentence.startswith("HOST (") else ", `NAME`"
    write(f"## You need\n- `HOST`{names}: the host\n{block}")
    code, out, err = said("runbook.run", "page.md", *words)
    assert (code, out) == (64, "")
    assert f"error: {sentence}" in err


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("lost-hots", "there is no runbook 'lost-hots'"),
        ("none.md", "there is no runbook none.md"),
        ("/dev/null", "/dev/null: may be written by everybody"),
        ("./pipe", "pipe: is not a regular file"),
        ("inventory/", "cannot be read: Is a directory"),
    ],
)
def test_files_that_are_no_runbook(name: str, sentence: str, said: Said) -> None:
    """A sentence, and 64."""
    os.mkfifo("pipe")
    code, _, err = said("runbook.run", name, "-y")
    assert code == 64 and sentence in err


def test_a_runbook_that_others_can_write(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names commands that would run as the operator."""
    open_to_all(write(console(RUNS)), monkeypatch)
    code, _, err = said("runbook.run", "page.md", "-y")
    assert code == 64 and "may be written by everybody" in err


# --- the walk -----------------------------------------------------------------------------------

WALK = (
    "# A walk\nBegin here.\n## You need\n- `NAME`: whose\n## Steps\n"
    + console("$ hermes-ops inventory.list -l NAME", "$ ssh NAME")
    + console("$ hermes-ops fleet.ps -l NAME", info="console exits 0 2")
    + "It is over.\n"
)


def outcomes() -> list[tuple[str, str]]:
    """Return what the journal of the newest walk says of each step, and how it ended."""
    walks = (row["run"] for row in journal.runs() if row["task"] == "runbook.run")
    *steps, ended = list(journal.read(next(walks)))[1:]
    assert ended["event"] == "ended"
    told = [(step["outcome"], step["command"]) for step in steps if step["outcome"] != "begins"]
    return [*told, ("ended", str(ended["exit"]))]


@pytest.mark.slow
def test_a_walk(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for what it needs; each step is shown, asked about and written down."""
    write(WALK)
    with typing(monkeypatch, "minis\nr\ns\n\n"):
        code, out, err = program(capfd, "runbook.run", "page.md", "--why", "drill")
    assert code == 0, err
    assert "NAME (whose): " in err and "run / skip / quit?" in err
    parts = ["Begin here.", "[1/3]", "mini-2", "[2/3] by hand", "ssh minis", "[3/3]", "It is over."]
    order = [out.index(part) for part in parts]
    assert order == sorted(order)
    assert outcomes() == [
        ("done", "inventory.list -l minis"), ("skipped", "$ ssh minis"),
        ("done", "fleet.ps -l minis"), ("ended", "0"),
    ]  # fmt: skip
    first = next(row["run"] for row in journal.runs() if row["task"] == "runbook.run")
    code, out, _ = program(capfd, "runs.show", first)
    assert code == 0 and "NAME=minis" in out
    assert re.search(
        r"done +inventory.list -l minis — exit 0 in .* s\n.* skipped +\$ ssh minis", out
    )


def test_quit(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows is not done: 130; so it is at the end of input; other words are asked again."""
    write(WALK)
    for answers in ("x\ns\nq\n", "s\n\x04"):
        with typing(monkeypatch, answers):
            code, _, err = program(capfd, "runbook.run", "page.md", "--set", "NAME=minis")
        assert code == 130 and "what follows was not done" in err
        assert outcomes() == [("skipped", "inventory.list -l minis"), ("ended", "130")]


def test_tasks_in_texts_can_be_typed(capfd: pytest.CaptureFixture[str]) -> None:
    """In a sentence, and in what is to be done by hand; other words stay as they are."""
    write("Look: `hermes-ops fleet.ps -l x`.\n\n```\nhermes-ops hosts.ssh x\nls hermes-ops\n```\n")
    out = program(capfd, "runbook.run", "page.md", "-y")[1]
    name = program_name()
    assert f"Look: `{name} fleet.ps -l x`." in out.replace(" -i inventory", "")
    assert f"    {name} hosts.ssh x" in out.replace(" -i inventory", "")
    assert "    ls hermes-ops\n" in out
    assert name != "hermes-ops"


@pytest.mark.slow
def test_it_stops_where_a_command_ends_otherwise(capfd: pytest.CaptureFixture[str]) -> None:
    """With the exit code of the command; a 0 that was not expected is a failure, too."""
    write(console(RUNS, "$ hermes-ops fleet.ps -l none", RUNS))
    code, _, err = program(capfd, "runbook.run", "page.md", "-y")
    assert code == 64
    assert "error: page.md:3: fleet.ps -l none ended with 64" in err
    assert outcomes() == [("done", "runs.list"), ("failed", "fleet.ps -l none"), ("ended", "64")]
    write(console(RUNS, info="console exits 2"))
    assert program(capfd, "runbook.run", "page.md", "-y")[0] == 1


@pytest.mark.slow
def test_yes_is_no_answer_to_what_a_command_asks(capfd: pytest.CaptureFixture[str]) -> None:
    """The walk stops there: nobody typed anything."""
    write(console("$ hermes-ops fleet.stop", RUNS))
    code, _, err = program(capfd, "runbook.run", "page.md", "-y")
    assert code == 64 and "there is no terminal to ask on" in err
    assert outcomes() == [("failed", "fleet.stop"), ("ended", "64")]


def test_check_runs_nothing(said: Said) -> None:
    """Everything is shown, and nothing but this walk is in the journal."""
    write(WALK)
    code, out, _ = said("runbook.run", "page.md", "--check", "--set", "NAME=minis")
    assert code == 0 and "mini-2" not in out
    words = ["planned", "shown", "planned", "ended"]
    assert [outcome for outcome, _ in outcomes()] == words
    assert len(list(journal.runs())) == 1


@pytest.mark.slow
def test_secrets_are_masked(capfd: pytest.CaptureFixture[str]) -> None:
    """A value of the inventory is neither shown nor written down."""
    write("## You need\n- `NAME`: whose\n" + console("$ hermes-ops inventory.list -l NAME"))
    _, out, err = program(capfd, "runbook.run", "page.md", "-y", "--set", f"NAME={SECRET}")
    (run,) = (row["run"] for row in journal.runs())
    assert SECRET not in out + err + (journal.folder() / f"{run}.jsonl").read_text()


@pytest.mark.slow
def test_the_inventory_is_handed_on(fleet: Path, tmp_path: Path) -> None:
    """To each command whose task reads one; with --json one document is on standard output."""
    page = write(console("$ hermes-ops inventory.list", RUNS)).absolute()
    words = [sys.executable, "-m", "hermes_ops.tasks.program", "runbook.run", str(page)]
    done = subprocess.run(
        [*words, "-y", "--json", "-i", str(fleet / "inventory")],
        cwd=tmp_path, env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert (done.returncode, document["exit"], document["error"]) == (0, 0, None), done.stderr
    assert [item["outcome"] for item in document["items"]] == ["done", "done"]
    assert "mini-2" in done.stderr


@pytest.mark.slow
def test_own_tasks_can_be_run(capfd: pytest.CaptureFixture[str]) -> None:
    """A task of the `tasks.py` beside the inventory is a task like any other."""
    Path("tasks.py").write_text("from invoke import task\n@task\ndef hello(c):\n    print('hi')\n")
    write(console("$ hermes-ops hello"))
    code, out, err = program(capfd, "runbook.run", "page.md", "-y")
    assert code == 0, err
    assert "hi\n" in out


def hear_ctrl_c() -> None:
    """Let SIGINT reach what is started: who runs tests in the background has it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupt_ends_the_command_too(number: int, code: int) -> None:
    """The command that runs ends, what follows is not done, and the transcript says so."""
    text = "import time\nfrom invoke import task\n@task\ndef wait(c):\n"
    Path("tasks.py").write_text(text + "    print('waiting', flush=True)\n    time.sleep(60)\n")
    page = str(write(console("$ hermes-ops wait", RUNS)))
    with subprocess.Popen(
        [sys.executable, "-m", "hermes_ops.tasks.program", "runbook.run", page, "-y"],
        env={"HOME": os.environ["HOME"], "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        preexec_fn=hear_ctrl_c,  # noqa: PLW1509 - nothing else runs in this process then
    ) as process:  # fmt: skip
        assert process.stdout
        while process.stdout.readline() != "waiting\n":
            assert process.poll() is None
        if number == signal.SIGTERM:
            process.terminate()
        else:  # as a terminal does
            os.killpg(process.pid, number)
        process.stdout.read()  # until both have ended
        assert process.wait(20) == code
    assert outcomes() == [("ended", str(code))]


def test_a_walk_cannot_be_resumed(said: Said) -> None:
    """Its commands can."""
    write(console(RUNS))
    said("runbook.run", "page.md", "--check")
    code, _, err = said("runs.resume", "last")
    assert code == 64 and "walked through a runbook" in err
    assert "runbook.run --check" in said("runs.show", "last")[1]
