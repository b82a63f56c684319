"""The command line: what it takes, what it refuses in one sentence, and which fleet is meant."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from calling import said
from examples import seldom

from hermes_ops.cli.options import Amount, Options, amount, seconds, whole
from hermes_ops.cli.output import exit_code
from hermes_ops.errors import Interrupted, NotReady, UsageError
from hermes_ops.tasks.program import _help_first, _terminated

ROOT = Path(__file__).parents[2]
HOSTS = "all:\n  hosts:\n    {name}: {{ansible_host: {name}.invalid, hermes_profiles: [demo]}}\n"


@pytest.fixture
def fleets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two fleets: the one in the working folder, and the one that is named."""
    for name in ("inventory", "named"):
        (tmp_path / name / "profiles").mkdir(parents=True)
        (tmp_path / name / "profiles/demo.yml").write_text("{}\n")
        (tmp_path / name / "hosts.yml").write_text(HOSTS.format(name=f"of-{name}"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def hosts(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Return the hosts that a command line means."""
    code, out, err = said(capsys, "inventory.list", "--json", *words)
    assert code == 0, err
    return sorted(json.loads(out)["_meta"]["hostvars"])


# --- which fleet --------------------------------------------------------------------------------


@pytest.mark.slow
def test_which_fleet_is_meant(
    fleets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that is named, else the variable's, else the one here."""
    assert hosts(capsys) == ["of-inventory"]
    assert hosts(capsys, "-i", "named") == ["of-named"]
    assert hosts(capsys, "--inventory=named") == ["of-named"]
    assert hosts(capsys, "-i", "named", "-i", "inventory") == ["of-inventory", "of-named"]
    monkeypatch.setenv("HERMES_OPS_INVENTORY", "named")
    assert hosts(capsys) == ["of-named"]
    assert hosts(capsys, "-i", "inventory") == ["of-inventory"]


@pytest.mark.parametrize(
    "words",
    [
        ("-i",),
        ("--inventory",),
        ("-i", ""),
        ("--inventory", ""),
        ("--inventory=",),
        ("-i", "--json"),
        ("-i", "-l", "of-inventory"),
        ("-l", "of-inventory", "-i"),
        ("-i", "named", "-i"),
        ("-i", "named", "-i", ""),
    ],
)
def test_an_inventory_without_a_value_is_no_other_fleet(
    words: tuple[str, ...], fleets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty variable in a script does not lead to the fleet that happens to be here."""
    code, out, err = said(capsys, "inventory.list", *words)
    assert (code, out == "" or "--json" in words) == (64, True)
    assert "needs a value" in err
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("-l", "a", "-l", "c"), ["a", "c"]),
        (("-l", "a:b", "--limit", "c"), ["a", "b", "c"]),
        (("--limit=a,b", "-l=c", "-l", "!b"), ["a", "c"]),
        (("-l", "a"), ["a"]),
        ((), ["a", "b", "c"]),
        (("-l",), None),
        (("-l", "a", "-l"), None),
        (("--limit",), None),
        (("-l", "--json"), None),
        (("-l", "a", "--limit", ""), None),
        (("-l", ""), None),
    ],
)
def test_selections_unite(
    words: tuple[str, ...], found: list[str] | None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Each `-l` adds to the others, as their terms; one without a value selects not everything."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.yml").write_text("all: {hosts: {a: , b: , c: }}\n")
    code, out, err = said(capsys, "inventory.list", "-i", "fleet.yml", *words)
    if found is None:
        assert code == 64
        assert "needs a value" in out + err or "names nothing" in err
    else:
        assert (code, [line.strip() for line in out.splitlines()[2:]]) == (0, found), err


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (("fleet.pln",), "'fleet.pln' is neither a task", "did you mean fleet.plan"),
        (("logs",), "'logs' is neither a task", "did you mean fleet.logs or gateway.logs?"),
        (
            ("fleet.p",),
            "'fleet.p' is neither a task",
            "did you mean fleet.plan or fleet.prune or fleet.ps?",
        ),
        (("xyzzy",), "'xyzzy' is neither a task", "inv --list shows the tasks"),
        (("inventory.schema", "hosts"), "'hosts' is neither a task", "did you mean --of hosts?"),
        (
            ("inventory.graph", "mermaid"),
            "'mermaid' is neither a task",
            "did you mean --format mermaid?",
        ),
        (("fleet.stop", "a/b"), "'a/b' is neither a task", "to select: -l a/b"),
        (("fleet.restart", "mini-1"), "'mini-1' is neither a task", "to select: -l mini-1"),
        (("gateway.logs", "-l", "a/b"), "'a/b' is neither", "without -l: ./inv gateway.logs a/b"),
        (("hosts.exec", "df", "x"), "'x' is neither", "./inv hosts.exec 'COMMAND' -l HOSTS"),
        (("hosts.tunnel", "a/b", "c/d"), "'c/d' is neither a task", "inv --list shows the tasks"),
        (("fleet.plan", "--limt", "x"), "'--limt' is neither a task", "did you mean --limit"),
        (("fleet.ps", "--wid"), "'--wid' is neither a task", "did you mean --wide?"),
        (("fleet.plan", "--limit"), "--limit needs a value", "inv --help TASK"),
        (("config.get",), "config.get needs TARGET", "./inv --help config.get"),
        (("fleet.plan", "--dry"), "--dry is not supported", "--check"),
        (("--dry", "fleet.plan"), "--dry is not supported", "--check"),
        (("fleet.plan", "--echo"), "--echo is an option of the program", "-v"),
        (("fleet.plan", "--pty"), "--pty is an option of the program", "inv --pty …"),
        (("fleet.plan", "--", "rm"), "nothing may follow --, but here is: rm", ""),
        (("fleet.plan", "--forks", "0"), "--forks takes a whole number from 1 up", ""),
        (("fleet.plan", "--lock-timeout", "-1"), "--lock-timeout takes a whole number from 0", ""),
        (("fleet.plan", "--timeout", "0"), "--timeout takes seconds above 0, not '0'", ""),
        (("fleet.plan", "--max-fail", "x"), "--max-fail takes a number of hosts or a share", ""),
    ],
)
def test_what_is_wrong_is_one_sentence(
    words: tuple[str, ...],
    error: str,
    hint: str,
    fleets: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the remedy, where there is one; exit 64, and nothing on standard output."""
    code, out, err = said(capsys, *words)
    assert (code, out) == (64, "")
    first, *rest = err.splitlines()
    assert first.startswith(f"error: {error}")
    assert hint in " ".join(rest)
    assert len(rest) <= 1


def test_a_refusal_is_a_document_where_one_is_wanted(
    fleets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json`: also of a command line that is none."""
    code, out, _ = said(capsys, "fleet.plan", "--limt", "x", "--json")
    assert code == 64
    assert json.loads(out)["error"]["kind"] == "usage"


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """What an operator would type."""
    code, out, _ = said(capsys, "--help", "fleet.down")
    assert code == 0
    assert "Example:\n  ./inv fleet.down -l minis/coder -y" in out
    assert said(capsys, "fleet.down", "--help")[1] == out


def test_compiled_files_are_kept_as_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    """Invoke forbids them for the whole process; that is undone."""
    before = sys.dont_write_bytecode
    for value in (True, False):
        sys.dont_write_bytecode = value
        said(capsys, "--version")
        assert sys.dont_write_bytecode is value
    sys.dont_write_bytecode = before


def test_the_first_failure_ends_a_call(fleets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several tasks the later ones do not begin."""
    code, out, err = said(capsys, "inventory.list", "-l", "nobody", "inventory.list")
    assert (code, out) == (64, "")
    assert "nobody" in err


@pytest.mark.parametrize(
    ("mistake", "code", "kind", "message"),
    [
        (KeyError("x"), 1, "command", "this is a bug in hermes-ops: KeyError: 'x'"),
        (KeyboardInterrupt(), 130, "interrupted", "interrupted"),
        (NotReady("not yet", hint="wait"), 1, "not_ready", "not yet"),
    ],
)
def test_however_a_task_ends_there_is_an_answer(
    mistake: BaseException, code: int, kind: str, message: str,
    fleets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """In words and as a document; the lines of a mistake are shown to be reported."""

    def run(*_: object) -> None:
        raise mistake

    monkeypatch.setattr("hermes_ops.commands.inventory.show.show", run)
    ended, out, err = said(capsys, "inventory.show", "--json", "inventory.show")
    document = json.loads(out)
    assert (ended, document["exit"], document["error"]["kind"]) == (code, code, kind)
    assert document["error"]["message"] == message
    assert ("Traceback" in err) is isinstance(mistake, KeyError)
    ended, out, err = said(capsys, "inventory.show")
    assert (ended, out) == (code, "")
    assert f"error: {message}\n" in err
    assert ("please report the lines above" in err) is isinstance(mistake, KeyError)


@pytest.mark.slow
def test_the_program_ends_as_its_tasks_did(fleets: Path) -> None:
    """With all that was said, and the code; also where something waits for the end."""
    code = """
import atexit, sys, threading
from hermes_ops.tasks.program import main
atexit.register(lambda: print("at the end"))
if "--thread" in sys.argv:
    sys.argv.remove("--thread")
    def late():
        threading.main_thread().join()
        print("late")
    threading.Thread(target=late).start()
main()
"""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for words, ended, told in (
        (["inventory.list"], 0, ["@all", "  @ungrouped", "    of-inventory: demo", "at the end"]),
        (["inventory.list", "-l", "nobody"], 64, ["at the end"]),
        (["inventory.list", "--thread"], 0, [
            "@all", "  @ungrouped", "    of-inventory: demo", "late", "at the end",
        ]),
    ):  # fmt: skip
        run = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True, text=True, check=False, env=environ,
        )  # fmt: skip
        assert (run.returncode, run.stdout.splitlines()) == (ended, told), run.stderr


# --- options ------------------------------------------------------------------------------------


def test_options_are_read() -> None:
    """Each of its kind, and what is not given has its own value."""
    given = {
        "inventory": ["a", "b"], "forks": "4", "serial": "25%", "max_fail": "0", "timeout": "1.5",
        "lock_timeout": "0", "check": True, "limit": None, "unknown": 1,
    }  # fmt: skip
    read = Options.read(given)
    assert (read.inventory, read.forks, read.lock_timeout) == (("a", "b"), 4, 0)
    assert (read.serial, read.max_fail) == (Amount(25, percent=True), Amount(0))
    assert (read.timeout, read.check, read.limit) == (1.5, True, None)
    empty = Options.read({})
    assert (empty.forks, empty.lock_timeout, empty.serial) == (32, 60, None)
    assert (empty.max_fail, empty.inventory) == (None, ())


def test_who_waits_for_nobody_waits_for_no_turn() -> None:
    """`--now` and a time to wait contradict each other; no time at all is what `--now` means."""
    with pytest.raises(UsageError, match="--now waits for no turn, and --drain 5 does"):
        Options.read({"now": True, "drain": "5"})
    assert Options.read({"now": True, "drain": "0"}).now
    assert Options.read({"now": False, "drain": "5"}).drain == 5


@pytest.mark.parametrize(
    ("share", "total", "count"),
    [
        (Amount(3), 10, 3), (Amount(0), 10, 0), (Amount(20, percent=True), 10, 2),
        (Amount(1, percent=True), 10, 1), (Amount(100, percent=True), 7, 7),
        (Amount(50, percent=True), 5, 2),
    ],
)  # fmt: skip
def test_amounts(share: Amount, total: int, count: int) -> None:
    """A share is rounded down, and is at least one host."""
    assert share.of(total) == count


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "0", "1e3", " 1", "9999999999"])
def test_numbers_that_are_none(text: str) -> None:
    """Whole ones, from one up."""
    with pytest.raises(UsageError, match=r"--max-x takes a whole number from 1 (up|to 9{9}), not"):
        whole("max_x", text)


@pytest.mark.parametrize("text", ["", "-1", "0", "0.0", "x", "1,5", "nan", "inf"])
def test_times_that_are_none(text: str) -> None:
    """Seconds above none."""
    with pytest.raises(UsageError, match="takes seconds above 0"):
        seconds("timeout", text)


@pytest.mark.parametrize(
    ("name", "text"),
    [("serial", "0"), ("serial", "0%"), ("serial", "101%"), ("max_fail", "101%"), ("serial", "%"),
     ("serial", "-1"), ("max_fail", "1.5")],
)  # fmt: skip
def test_amounts_that_are_none(name: str, text: str) -> None:
    """None at once is no amount; none may fail is one."""
    with pytest.raises(UsageError, match="takes a number of hosts or a share"):
        amount(name, text)
    assert amount("max_fail", "0") == Amount(0)
    assert amount("max_fail", "0%") == Amount(0, percent=True)


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], 0), ([0, 0], 0), ([0, 2], 2), ([2, 3], 3), ([3, 4], 4), ([4, 1], 1), ([1, 5], 5),
        ([5, 64], 64), ([64, 130], 130), ([7, 0], 0), ([7], 7), ([9, 7], 9), ([1, 9], 1),
    ],
)  # fmt: skip
def test_of_several_codes_one_holds(codes: list[int], code: int) -> None:
    """The one that says most, as the manual orders them."""
    assert exit_code(codes) == code


# --- going down ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("fleet.down",), "needs a selection"),
        (("fleet.down", "-y"), "needs a selection"),
        (("fleet.prune",), "needs a selection"),
        (("fleet.prune", "-y"), "needs a selection"),
        (
            ("fleet.down", "-l", "of-inventory"),
            "Stop and disable one gateway (of-inventory/demo)? — there is no terminal",
        ),
        (
            ("gateway.uninstall", "--all-hosts"),
            "Stop and uninstall one gateway (of-inventory/demo)? — there is no terminal",
        ),
    ],
)
def test_nothing_goes_down_unasked(
    words: tuple[str, ...], sentence: str, fleets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is meant must be said, and a yes, too."""
    code, _, err = said(capsys, *words)
    assert code == 64
    assert sentence in err


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("inv init --help", "inv --help init"),
        ("inv config.set a -h", "inv --help config.set"),
        ("inv fleet.up --help", "inv --help fleet.up"),
        ("inv -r my.folder lab.cut --help", "inv -r my.folder --help lab.cut"),
        ("inv --help lab.cut", "inv --help lab.cut"),
        ("inv fleet.up -l a", "inv fleet.up -l a"),
        ("inv morning --help", "inv morning --help"),
        ("inv", "inv"),
    ],
)
def test_help_is_no_operand(typed: str, read: str) -> None:
    """Behind a task that takes operands it would be one: `init` made a folder of that name."""
    assert _help_first(typed.split()) == read.split()


def test_help_of_a_task_with_operands(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown, and nothing is done."""
    monkeypatch.chdir(tmp_path)
    code, out, _ = said(capsys, "init", "--help")
    assert (code, "Usage:" in out, list(tmp_path.iterdir())) == (0, True, [])


@pytest.mark.parametrize(
    ("folder", "first"),
    [
        ("inventory", ["fleet.plan", "fleet.up", "fleet.ps"]),
        ("", ["init", "fleet.plan", "fleet.up"]),
    ],
)
def test_three_tasks_to_begin_with_end_the_help(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
    first: list[str],
) -> None:
    """What a terminal still shows when the whole list has scrolled by; all are in the list, too."""
    (tmp_path / folder).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path)
    code, out, _ = said(capsys)
    listed, _, begin = out.partition("To begin with:\n")
    assert (code, [line.split()[0] for line in begin.splitlines()]) == (0, first)
    assert set(begin.splitlines()) <= set(listed.splitlines())


def test_sigterm_ends_as_ctrl_c_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the document, whose exit code is that of the signal."""
    monkeypatch.setattr(Interrupted, "exit_code", Interrupted.exit_code)
    with pytest.raises(KeyboardInterrupt):
        _terminated(15, None)
    assert Interrupted.exit_code == 143
    assert exit_code([2, 143, 4]) == 143


def test_ctrl_c_waits_for_an_import() -> None:
    """Python would keep its lock of imports: other threads would hang at their next one."""
    text = "import signal; signal.raise_signal(signal.SIGINT); reached = True"
    inside = compile(text, "<frozen importlib._bootstrap>", "exec")
    seen: dict[str, bool] = {}
    before = signal.signal(signal.SIGINT, _terminated)
    try:
        with pytest.raises(KeyboardInterrupt):
            exec(inside, seen)
            began = time.monotonic()
            time.sleep(20)
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen["reached"]
    assert time.monotonic() - began < 15, "who sleeps was not woken"


@pytest.mark.slow
@pytest.mark.parametrize("ignored", [False, True])
def test_ctrl_c_while_the_program_is_loaded(tmp_path: Path, ignored: bool) -> None:
    """It ends as any program does, without a word; where it is ignored it stays so."""
    (tmp_path / "invoke.py").write_text("print('loading', flush=True); input()")
    start = f"import signal, sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]"
    if not ignored:  # it is where a script runs the tests in its background
        start += "; signal.signal(signal.SIGINT, signal.default_int_handler)"
    words = [sys.executable, "-c", f"{start}; from hermes_ops.entry import main; main()", "--list"]
    with subprocess.Popen(
        ["sh", "-c", ("trap '' INT; " if ignored else "") + 'exec "$@"', "sh", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"loading\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(b"\n", timeout=60)
    assert (process.returncode == -signal.SIGINT, err == b"") == (not ignored, not ignored)
    assert b"KeyboardInterrupt" not in err


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["--list"], *seldom(["--help", "fleet.up"], ["inventory.schema"])]
)
def test_a_reader_that_has_read_enough_ends_nothing(words: list[str]) -> None:
    """`| head -n 1`: no error, and nothing is said of it."""
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "hermes_ops.tasks.program", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=writer, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(reader)
        os.close(writer)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
