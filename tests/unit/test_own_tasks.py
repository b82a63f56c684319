"""Runbooks: an operator's `tasks.py`, whose tasks stand beside ours and require them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from calling import in_repository
from calling import said as program
from folders import give_away, open_to_all

import hermes_ops
from hermes_ops.reporting import journal
from hermes_ops.tasks import MODULES, own_tasks

ROOT = Path(__file__).parents[2]
HOSTS = """\
all:
  children:
    minis: {hosts: {mini-1: , mini-2: }}
    racks: {hosts: {rack-1: }}
  vars: {hermes_profiles: [coder], hermes_enabled: false}
"""
HEAD = "from invoke import call, task\nfrom hermes_ops import fleet, inventory, profile, runs\n"
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a repository of disabled hosts: everything about them runs, none is contacted."""
    with in_repository(tmp_path, HOSTS, "description: writes\n", monkeypatch) as folder:
        yield folder
    sys.modules.pop("tasks", None)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Call the program; return exit code, output and errors."""
    return lambda *words: program(capsys, *words)


def write(text: str, folder: Path = Path(), name: str = "tasks.py") -> Path:
    """Write a runbook; return its file."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(HEAD + text)
    return folder / name


def shown(out: str) -> set[str]:
    """Return the hosts that a table has."""
    return set(re.findall(r"^(?:mini|rack)-\d", out, re.M))


def begun() -> list[tuple[str, str | None, str]]:
    """Return the task, the selection and the reason of every run in the journal."""
    starts = [next(iter(journal.read(row["run"]))) for row in reversed(list(journal.runs()))]
    return [(start["task"], start["limit"], start["why"]) for start in starts]


# --- the page -----------------------------------------------------------------------------------


@pytest.fixture
def page(fleet: Path) -> None:
    """The example of docs/runbooks.md is the runbook."""
    text = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.S)
    (fleet / "tasks.py").write_text(example)


@pytest.mark.usefixtures("page")
def test_the_example_of_the_page(said: Said) -> None:
    """What it requires runs first, each once, with the arguments that are written there."""
    code, out, err = said("monday", "--ticket", "4711")
    assert code == 0, err
    parts = ["nothing found", "nothing to complain about", "0 changes", "ticket 4711"]
    order = [out.index(part) for part in parts]
    assert order == sorted(order)
    assert begun() == [("fleet.up", "minis", "the Monday round")]


@pytest.mark.usefixtures("page")
def test_the_example_with_a_selection(said: Said) -> None:
    """`-l` narrows what the runbook selects; the journal has both."""
    code, _, err = said("monday", "-l", "mini-2")
    assert code == 0, err
    assert "mini-2 is disabled" in err and "mini-1 is disabled" not in err
    assert begun() == [("fleet.up", "minis within mini-2", "the Monday round")]


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("words", [["--list"], []])
def test_both_kinds_of_tasks_are_listed(words: list[str], said: Said) -> None:
    """With `--list`, and where nothing but the program's name is typed: there by noun."""
    code, out, _ = said(*words)
    assert code == 0
    assert {"monday", "review", "fleet.up", "init"} <= set(out.split())
    if not words:
        titles = re.findall(r"^(\S.*):$", out, re.M)
        assert titles == ["of your own", *sorted([*MODULES, "init"]), "To begin with"]


# --- what a runbook may require -----------------------------------------------------------------


def test_every_noun_can_be_imported(said: Said) -> None:
    """In a runbook each name means the tasks; afterwards the three rooms are rooms again."""
    rooms = hermes_ops.secrets, hermes_ops.inventory  # type: ignore[attr-defined]
    names = ", ".join(MODULES)
    body = "print(lab.up, secrets.rotate)"
    write(f"from hermes_ops import {names}\n@task\ndef told(c):\n    {body}\n")
    code, out, err = said("told")
    assert (code, out) == (0, "<Task 'up'> <Task 'rotate'>\n"), err
    assert rooms == (sys.modules["hermes_ops.secrets"], sys.modules["hermes_ops.inventory"])
    assert rooms == (hermes_ops.secrets, hermes_ops.inventory)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_package_itself_imports_nothing() -> None:
    """`import hermes_ops` is instant; the tasks come when somebody asks for them."""
    code = (
        "import sys, hermes_ops; hermes_ops.__version__\n"
        "assert [n for n in sys.modules if n.startswith('hermes_ops')] == ['hermes_ops']\n"
        "from hermes_ops import fleet\nassert fleet.up.full_name == 'fleet.up'\n"
        "assert not hasattr(hermes_ops, 'flet')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ('fleet.up, limt="minis"', "fleet.up has no argument 'limt'\nhint:  did you mean limit"),
        ('fleet.plan, junit="x"', "fleet.plan has no argument 'junit'"),
        ('fleet.up, no_verify="yes"', "no_verify of fleet.up takes True or False, not 'yes'"),
        ("fleet.up, limit=True", "limit of fleet.up takes a text or a number, not True"),
        ("fleet.up, why=['a']", "why of fleet.up takes a text or a number"),
        ("fleet.up, inventory=False", "inventory of fleet.up takes"),
        ("inventory.explain", "inventory.explain needs TARGET"),
        ('inventory.explain, "a/b", "c"', "inventory.explain takes 1 argument"),
        ('fleet.plan, forks="x"', "--forks takes a whole number"),
    ],
)
def test_arguments_that_cannot_be(written: str, sentence: str, said: Said) -> None:
    """A slip in a runbook is 64, and nothing has run: it could be the whole fleet otherwise."""
    write(f"@task(pre=[call({written})])\ndef x(c):\n    print('ran')\n")
    code, out, err = said("x")
    assert (code, out) == (64, ""), err
    assert sentence in err


@pytest.mark.parametrize(
    ("written", "hosts"),
    [
        ('profile.list_, limit="minis"', {"mini-1", "mini-2"}),
        ('profile.list_, limit=["mini-1", "racks"], forks=4', {"mini-1", "rack-1"}),
        ("profile.list_, inventory='other'", {"rack-9"}),
        ("profile.list_, inventory=['other', 'inventory'], limit='mini-1,rack-9'",
         {"mini-1", "rack-9"}),
        ("profile.list_, limit=None, json=False", {"mini-1", "mini-2", "rack-1"}),
    ],
)  # fmt: skip
def test_arguments_as_python_has_them(written: str, hosts: set[str], said: Said) -> None:
    """Numbers, lists and single paths are what they would be on the command line."""
    Path("other").write_text("[racks]\nrack-9 hermes_profiles='{\"x\": {}}'\n")
    write(f"@task(pre=[call({written})])\ndef x(c):\n    print('ran')\n")
    code, out, err = said("x")
    assert (code, shown(out), out.endswith("ran\n")) == (0, hosts, True), err


def test_operands_may_stand_without_their_names(said: Said) -> None:
    """`call(inventory.explain, "host/profile", key=…)` is as it would be typed."""
    write(
        "@task(pre=[call(inventory.explain, 'mini-1/coder', key='description')])\ndef x(c): pass\n"
    )
    code, out, err = said("x")
    assert (code, "writes" in out) == (0, True), err


def test_what_fails_ends_it_with_its_code(said: Said) -> None:
    """A finding is 2, and neither the next task nor the runbook's own part runs."""
    Path("inventory/profiles/idle.yml").write_text("description: nobody's\n")
    write("@task(pre=[inventory.lint, profile.list_])\ndef x(c):\n    print('ran')\n")
    code, out, _ = said("x")
    assert (code, "1 finding" in out, shown(out), "ran" in out) == (2, True, set(), False)


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("c.run('exit 7', hide=True)", 7, ""),
        ("from invoke import Exit; raise Exit('enough', code=9)", 9, "enough"),
        ("{}['gone']", 1, "error: x: KeyError: 'gone'"),
        (
            "fleet.up(c)",
            64,
            "error: fleet.up cannot be called inside a task\nhint:  require it: @task",
        ),
    ],
)
def test_a_failing_body(body: str, code: int, told: str, said: Said) -> None:
    """The runbook's own part says how it ends; its mistakes are not blamed on hermes-ops."""
    write(f"@task\ndef x(c):\n    {body}\n")
    ended, _, err = said("x")
    assert (ended, told in err) == (code, True), err
    assert "hermes-ops itself" not in err


def test_a_circle_is_named(said: Said) -> None:
    """Tasks of a runbook that require each other are 64, not a traceback."""
    write("@task\ndef a(c): pass\n\n@task(pre=[a])\ndef b(c): pass\n\na.pre.append(b)\n")
    code, _, err = said("a", "-l", "minis")
    assert code == 64
    a_code, _, err = said("a")
    assert (a_code, "a → b → a" in err or "b → a → b" in err) == (64, True), err


# --- -l -----------------------------------------------------------------------------------------


TWO = """
@task(pre=[call(profile.list_, limit="minis")])
def first(c): print("first")

@task(pre=[first, call(profile.list_, limit="racks"), runs.list_])
def x(c, label="none", inverse=False): print("label", label)

@task(pre=[call(profile.list_, limit="racks"), runs.list_])
def last(c): print("last")
"""


@pytest.mark.slow
def test_a_selection_reaches_what_is_required_at_any_distance(said: Said) -> None:
    """It narrows each; what has nothing in it is skipped with a note, the rest goes on."""
    write(TWO)
    assert shown(said("x")[1]) == {"mini-1", "mini-2", "rack-1"}
    code, out, err = said("x", "-l", "mini-1,rack-1")
    assert (code, shown(out)) == (0, {"mini-1", "rack-1"}), err
    code, out, err = said("x", "-l", "mini-2", "--label", "y")
    assert (code, shown(out), "label y" in out) == (0, {"mini-2"}, True), err
    assert "skipped: profile.list: 'racks' and 'mini-2' have nothing in common" in err


def test_a_selection_of_nothing_is_64(said: Said) -> None:
    """A typo is; and so is what none of the required tasks is about: the body does not run."""
    write(TWO)
    assert said("x", "-l", "mini-7")[0] == 64
    code, out, err = said("first", "-l", "racks")
    assert (code, "first" in out) == (64, False), err
    assert "'racks' selects nothing of first" in err
    code, out, err = said("last", "-l", "minis")
    assert (code, "last" in out) == (64, False), err


def test_profiles_are_narrowed_too(said: Said) -> None:
    """Two selections of one host that have no profile in common have nothing in common."""
    Path("inventory/hosts.yml").write_text(HOSTS.replace("[coder]", "[coder, scout]"))
    Path("inventory/profiles/scout.yml").write_text("description: looks\n")
    write("@task(pre=[call(profile.list_, limit='*/coder')])\ndef x(c): pass\n")
    code, out, _ = said("x", "-l", "mini-1")
    assert (code, "coder" in out, "scout" in out) == (0, True, False)
    assert said("x", "-l", "mini-1/scout")[0] == 64


def test_the_short_options_are_ours(said: Said) -> None:
    """A parameter whose letter Invoke would take leaves it to us; one of that name keeps it."""
    write(TWO)
    _, out, _ = said("--help", "x")
    assert re.search(r"  -l, --limit", out)
    assert not re.search(r"-l STRING, --label|-i, --inverse", out)
    write("@task(pre=[profile.list_])\ndef x(c, limit='own'): print('limit', limit)\n")
    code, out, _ = said("x", "-l", "mini-1")
    assert (code, "limit mini-1" in out, len(shown(out))) == (0, True, 3)


def test_what_nobody_typed_takes_nothing_back(said: Said) -> None:
    """A runbook's own `yes=True` counts, whether or not somebody says -y."""
    write("@task(pre=[call(fleet.down, limit='minis', yes=True)])\ndef x(c): pass\n")
    code, _, err = said("x")
    assert code == 0, err


@pytest.mark.parametrize("task", ["x", "runs.list"])
def test_no_selection_where_there_is_nothing_to_select(task: str, said: Said) -> None:
    """Invoke would take -l for its own --list, and the task would not run."""
    write("@task\ndef x(c): print('ran')\n")
    for words in ([task, "-l"], [task, "-l", "mini-1"]):
        code, out, err = said(*words)
        assert (code, out) == (64, ""), err
        assert f"{task} takes no -l" in err
    assert said(task, "--list")[0] == 0


def test_an_inventory_is_handed_down(said: Said, fleet: Path, tmp_path: Path) -> None:
    """The runbook beside it is read; what it requires works on it, unless it names another."""
    write("@task(pre=[profile.list_])\ndef x(c): pass\n")
    os.chdir(tmp_path)
    code, out, err = said("x", "-i", "fleet/inventory", "-y", "-v")
    assert (code, len(shown(out))) == (0, 3), err
    write(f"@task(pre=[call(profile.list_, inventory={str(fleet / 'racks')!r})])\ndef x(c): pass\n",
          fleet)  # fmt: skip
    (fleet / "racks").write_text("[racks]\nrack-9 hermes_profiles='{\"x\": {}}'\n")
    code, out, err = said("x", "-i", "fleet/inventory")
    assert (code, shown(out)) == (0, {"rack-9"}), err


# --- which runbook ------------------------------------------------------------------------------


def test_which_runbook(said: Said, fleet: Path, tmp_path: Path) -> None:
    """`-r` names a folder, `-c` a file; else it lies beside the inventory, wherever that is."""
    write("@task\ndef here(c): print('here')\n")
    write("@task\ndef there(c): print('there')\n", tmp_path / "books")
    write("@task\ndef other(c): print('other')\n", name="more.py")
    (fleet / "deep").mkdir()
    (fleet / ".git").mkdir()
    os.chdir(fleet / "deep")
    assert said("here")[1] == "here\n"
    assert said("-r", str(tmp_path / "books"), "there")[1] == "there\n"
    assert said("-c", "more", "other")[1] == "other\n"
    os.chdir(tmp_path)
    assert said("here")[0] == 64
    for named in ("fleet/inventory", "fleet/inventory/hosts.yml", "fleet/deep/../inventory"):
        assert own_tasks.find(None, None, [named], {}) == fleet / "tasks.py"
    assert own_tasks.find(None, None, [], {"HERMES_OPS_INVENTORY": str(fleet / "inventory")})
    assert own_tasks.find(None, None, ["fleet/inventory", "elsewhere"], {}) == fleet / "tasks.py"


def test_beside_which_inventory(fleet: Path, tmp_path: Path) -> None:
    """Of several the last one counts, which is the strongest; a file may be an inventory, too."""
    write("", fleet)
    write("", tmp_path / "other")
    (tmp_path / "other/hosts.ini").write_text("[racks]\n")
    given = [str(fleet / "inventory"), str(tmp_path / "other/hosts.ini")]
    assert own_tasks.find(None, None, given, {}) == tmp_path / "other/tasks.py"
    assert own_tasks.find(None, None, given[::-1], {}) == fleet / "tasks.py"


def test_what_is_named_and_not_there(said: Said, fleet: Path) -> None:
    """A folder that is named is not left for one above it, which is what Invoke would do."""
    write("@task\ndef here(c): pass\n")
    (fleet / "empty").mkdir()
    for words in (["-r", "empty", "here"], ["-c", "absent", "here"]):
        code, _, err = said(*words)
        assert (code, "there is no " in err) == (64, True), err


def test_no_runbook_is_our_tasks_alone(said: Said, tmp_path: Path) -> None:
    """Neither without one, nor where no inventory is, nor in a folder that was removed."""
    assert said("--list")[0] == 0
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    assert said("--list")[0] == 0
    (tmp_path / "gone").rmdir()
    code, out, _ = said("--list")
    assert (code, "fleet.up" in out) == (0, True)


def test_the_clone_has_our_tasks_alone(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own tasks.py is for stock Invoke: whoever may read the clone may use it."""
    monkeypatch.chdir(ROOT)
    assert own_tasks.find(None, None, [str(ROOT / "inventory")], {}) is None
    write("from hermes_ops.tasks import namespace\nns = namespace()\n", Path(os.environ["HOME"]))
    code, out, err = said("-r", os.environ["HOME"], "--list")
    assert (code, out.count("  fleet.up  ")) == (0, 1), err


@pytest.mark.parametrize(
    "words", [["-i", "a", "--inventory", "b"], ["-ia", "-i=b"], ["--inventory=a", "-i", "b"]]
)
def test_inventories_of_a_command_line(words: list[str]) -> None:
    """They are known before there is a parser, in each of the ways to write them."""
    assert own_tasks.inventories(["fleet.up", *words, "-l", "x"]) == ["a", "b"]


@pytest.mark.parametrize("spoil", [give_away, open_to_all])
@pytest.mark.parametrize("part", ["fleet", "fleet/tasks.py"])
@pytest.mark.parametrize("words", [(), ("-r", "fleet"), ("-i", "fleet/inventory")])
def test_a_runbook_that_others_can_write(
    spoil: Callable[[Path, pytest.MonkeyPatch], None],
    part: str,
    words: tuple[str, ...],
    said: Said,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is a program: found or named, it is 64, and nothing of it has run."""
    write("open('ran', 'w')\n\n@task\ndef x(c): pass\n")
    spoil(tmp_path / part, monkeypatch)
    if words:
        os.chdir(tmp_path)
    call = [*words, "x"] if "-r" in words else ["x", *words]
    code, _, err = said(*call)
    assert (code, "may be programs of theirs" in err) == (64, True), err
    assert not list(tmp_path.rglob("ran"))


# --- how it is read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def x(:\n", "tasks.py:3: SyntaxError: "),
        ("\nfleet.upp\n", "tasks.py:4: AttributeError: "),
        ("import helper\n", "helper.py:2: ZeroDivisionError: "),
        ("import json; json.loads('{')\n", "tasks.py:3: JSONDecodeError: "),
        ("import nowhere\n", "tasks.py:3: ModuleNotFoundError: "),
        ("from hermes_ops import flet\n", "tasks.py:3: ImportError: "),
        ("@task\ndef fleet(c): pass\n", "tasks.py: hermes-ops itself uses the name 'fleet'"),
        ("@task\ndef init(c): pass\n", "tasks.py: hermes-ops itself uses the name 'init'"),
        ("from invoke import Collection\n@task\ndef x(c): pass\n"
         "ns = Collection(runs=Collection(x))\n", "tasks.py: hermes-ops itself uses the name"),
    ],
)  # fmt: skip
def test_mistakes_in_a_runbook(text: str, sentence: str, said: Said, fleet: Path) -> None:
    """It is a sentence with file and line, and 64."""
    Path("helper.py").write_text("\n1 / 0\n")
    write(text)
    code, out, err = said("fleet.ps")
    assert (code, out) == (64, ""), err
    assert err.startswith(f"error: {fleet}/{sentence}"), err
    assert "Traceback" not in err
    sys.modules.pop("helper", None)


def test_a_setting_of_invoke_that_cannot_be_read(said: Said) -> None:
    """`invoke.yaml` beside the runbook counts, and a broken one is a sentence."""
    write("@task\ndef x(c): print(c.greeting)\n")
    Path("invoke.yaml").write_text("greeting: hello\n")
    assert said("x")[1] == "hello\n"
    Path("invoke.yaml").write_text("greeting: [\n")
    code, _, err = said("x")
    assert (code, "invoke.*: cannot be read" in err, "Traceback" in err) == (64, True, False)


def test_files_beside_a_runbook(said: Said) -> None:
    """They can be imported, and stand in for nothing that is installed."""
    Path("helper_of_ours.py").write_text("WORD = 'helped'\n")
    Path("tabnanny.py").write_text("1 / 0\n")
    sys.modules.pop("tabnanny", None)  # a module of Python itself that nobody needs
    write("import helper_of_ours, tabnanny\n@task\ndef x(c): print(helper_of_ours.WORD)\n")
    code, out, err = said("x")
    assert (code, out) == (0, "helped\n"), err
    sys.modules.pop("helper_of_ours")


def test_tasks_of_invoke_and_collections(said: Said) -> None:
    """A runbook may have a namespace of its own; ours stand beside it."""
    write(
        "from invoke import Collection\n@task(help={'who': 'whom'})\ndef greet(c, who='me'):\n"
        "    print('hello', who)\nns = Collection(greet, extra=Collection(greet))\n"
    )
    assert said("greet", "-w", "you")[1] == "hello you\n"
    assert said("extra.greet", "fleet.plan", "-l", "racks")[1].startswith("hello me\n")
    assert "whom" in said("--help", "extra.greet")[1]


@pytest.mark.slow
def test_completion_knows_the_selection(said: Said) -> None:
    """A task of a runbook is completed with what it takes for those that it requires."""
    write(TWO)
    assert {"--limit", "--label"} <= set(said("--complete", "--", "inv x --")[1].split())
    assert "first" in said("--complete", "--", "inv fi")[1].split()


@pytest.mark.slow
def test_completion_is_silent_about_a_runbook_that_is_refused(said: Said, fleet: Path) -> None:
    """Who presses Tab reads no error; our own tasks are offered."""
    write(TWO)
    fleet.chmod(0o777)
    code, out, err = said("--complete", "--", "inv fl")
    assert (code, "fleet.up" in out.split(), err) == (0, True, "")


@pytest.mark.slow
def test_programs_of_a_runbook_do_not_take_over_our_name(fleet: Path) -> None:
    """What ./inv tells us of how it was started is for us alone, and is in what we propose."""
    write("@task\ndef x(c): c.run('echo [$HERMES_OPS_STARTED_AS]')\n")
    assert started("x", cwd=fleet) == "[]\n"
    document = json.loads(started("config.get", "-i", "x y", "--json", cwd=fleet))
    assert document["error"]["hint"] == "/opt/h/inv --help config.get"


def started(*words: str, cwd: Path) -> str:
    """Start the program as ./inv does; return what it prints."""
    environ = {"HERMES_OPS_STARTED_AS": "/opt/h/inv", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "hermes_ops.tasks.program", *words],
        cwd=cwd, env={**os.environ, **environ}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout
