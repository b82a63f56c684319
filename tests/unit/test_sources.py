"""The table of sources: whatever takes a reference derives from it, and a new kind is one entry."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import calling
import pytest
from folders import fill
from jsonschema import Draft202012Validator
from one_more import run_quick, with_source

from hermes_ops.assets import ROLES
from hermes_ops.cli import output as sink
from hermes_ops.errors import InventoryError, Place, UsageError
from hermes_ops.loader import load
from hermes_ops.loader.explain.json_schema import SCHEMAS
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.resolve import attempt, resolve
from hermes_ops.secrets.runner import Failed, Runner
from hermes_ops.secrets.secret import Redactor
from hermes_ops.secrets.sources import SOURCES
from hermes_ops.secrets.sources.base import TextSource

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "secrets.md").read_text(encoding="utf-8")


class Mirror(TextSource):
    """A source that no module knows: the value is its argument, read backwards."""

    kind = "mirror"
    meaning = "what the argument is when it is read backwards"
    example = "drow-terces-a"
    option = "mirror:TXET"

    def checked(self, argument: str, folder: Path) -> str:
        del folder
        if not argument.isascii():
            raise UsageError(f"{self.kind!r} must be ASCII", hint="write it in ASCII")
        return argument.lower()

    def shown(self, argument: str) -> str:
        return f"{len(argument)} letters"

    def resolve(self, argument: str, runner: Runner) -> str:
        del runner
        return argument[::-1]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an inventory that uses the source, which is an entry of the table and no more."""
    monkeypatch.setitem(SOURCES, Mirror.kind, Mirror())
    files = {
        "hosts.yml": "all: {hosts: {m1: {hermes_profiles: [coder]}}}\n",
        "profiles/coder.yml": "env:\n  A_TOKEN: {mirror: drow-terces-A}\n",
    }
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HERMES_OPS_INVENTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sink, "REDACTOR", Redactor())
    monkeypatch.chdir(tmp_path)
    return fill(tmp_path / "inventory", files)


def test_a_new_source_is_shown(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`secrets.show` has kind and place, resolves it, and shows what the source lets be seen."""
    code, out, err = calling.said(capsys, "secrets.show", "--json")
    (row,) = json.loads(out)["items"]
    assert (code, row["kind"], row["source"]) == (0, "mirror", "13 letters"), err
    assert row["where"] == "inventory/profiles/coder.yml:2:13"
    assert row["fingerprint"]
    assert "drow" not in out + err


def test_a_new_source_is_explained(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`inventory.explain` shows the same of it, and nothing of an argument that cannot be one."""
    words = ("inventory.explain", "m1/coder", "--key", "env.A_TOKEN", "--json")
    (row,) = json.loads(calling.said(capsys, *words)[1])["items"]
    assert row["value"] == {"mirror": "13 letters"}
    (mirror / "group_vars").mkdir()
    loser = "hermes_profile_defaults: {env: {A_TOKEN: {mirror: [drow]}}}\n"
    (mirror / "group_vars/all.yml").write_text(loser)
    (mirror / "host_vars").mkdir()
    winner = "hermes_profile_defaults: {env: {A_TOKEN: {mirror: drow}}}\n"
    (mirror / "host_vars/m1.yml").write_text(winner)
    (row,) = json.loads(calling.said(capsys, *words)[1])["items"]
    assert [said["value"] for said in row["said"]] == [
        {"mirror": "4 letters"}, {"mirror": "…"}, {"mirror": "13 letters"},
    ]  # fmt: skip


def test_a_new_source_is_read_from(mirror: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`secrets.set --from` takes a value from it, and names it among those that there are."""
    assert calling.said(capsys, "secrets.keygen")[0] == 0
    code, _, err = calling.said(
        capsys,
        "secrets.set",
        "m1/coder",
        "NEW",
        "--layer",
        "catalogue",
        "--from",
        "mirror:drow-terces-a",
    )
    assert code == 0, err
    rows = json.loads(calling.said(capsys, "secrets.show", "--json")[1])["items"]
    assert {row["name"]: row["kind"] for row in rows} == {"A_TOKEN": "mirror", "NEW": "age"}
    assert rows[0]["fingerprint"] == rows[1]["fingerprint"]
    code, _, err = calling.said(capsys, "secrets.set", "m1/coder", "X", "--from", "mirrow:x")
    assert code == 64
    assert f"{', '.join(s.option for s in SOURCES.values() if s.option)} or stdin" in err


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{mirror: ü}", "'mirror' must be ASCII | write it in ASCII"),
        ("{mirror: [a]}", "'mirror' must be a text, this is a list | mirror: drow-terces-a"),
        ("{mirorr: a}", "'mirorr' is not a known kind of reference | did you mean 'mirror'?"),
        ("{qqq: a}", "'qqq' is not a known kind of reference | known are: FORMS"),
        ("{}", "A wants exactly one of FORMS | "),
        ("{file: c, env: D}", "A wants exactly one of FORMS | "),
    ],
)
def test_a_new_source_is_checked(
    written: str, said: str, mirror: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong with an argument is said with its place, before anything is resolved."""
    (mirror / "profiles/coder.yml").write_text(f"env: {{A: {written}}}\n")
    code, out, _ = calling.said(capsys, "inventory.list", "--json")
    error = json.loads(out)["error"]
    all_kinds = ", ".join((*SOURCES, "generate"))
    assert f"{error['message']} | {error['hint'] or ''}" == said.replace("FORMS", all_kinds)
    assert error["where"].startswith("inventory/profiles/coder.yml:1:")
    assert code == 64


def fits(env: object) -> bool:
    """Say whether the schema of a profile takes this `env`."""
    return Draft202012Validator(SCHEMAS["profile"]()).is_valid({"env": {"A": env}})


def test_a_new_source_is_in_the_schema(mirror: Path) -> None:
    """An editor takes it, shows its meaning, and underlines what it cannot be."""
    assert mirror
    assert fits({"mirror": "abc"})
    assert not fits({"mirror": ["abc"]})
    assert Mirror.meaning in json.dumps(SCHEMAS["variables"]())


@pytest.mark.parametrize(
    ("env", "is_right"),
    [
        ({"env": "X"}, True),
        ({"env": ""}, False),
        ({"file": ["a"]}, False),
        ({"command": ["op", "read"]}, True),
        ({"command": "op read"}, False),
        ({"command": "{{ words }}"}, True),
        ({"command": []}, False),
        ({"keyring": "a/b"}, True),
        ({"keyring": "ab"}, False),
        ({"age": "a.age"}, True),
        ({"generate": 32}, True),
        ({"generate": 8}, False),
        ({"env": "X", "file": "y"}, False),
        ({"mirror": "x"}, False),
        ("plain", True),
    ],
)
def test_the_schema_knows_arguments(env: object, is_right: bool) -> None:
    """Each kind's own argument is taken, another is underlined."""
    assert fits(env) is is_right


# --- the documentation ------------------------------------------------------------------------


def table() -> list[str]:
    """Return the table of the page, as the sources say it."""
    return [
        f"| `{{{source.kind}: {source.example}}}` | {source.meaning}"
        f" | {f'`{source.option}`' if source.option else ''} |".replace("  |", " |")
        for source in SOURCES.values()
    ]


def on_the_page() -> list[str]:
    """Return the table of the page, as it stands there."""
    head = "| reference | the value is | `secrets.set --from` |\n|---|---|---|\n"
    return PAGE.partition(head)[2].partition("\n\n")[0].splitlines()


def test_the_page_has_every_source() -> None:
    """The table of docs/secrets.md is the table of sources."""
    wanted = "\n".join(table())
    assert on_the_page() == table(), f"docs/secrets.md needs these rows in this order:\n{wanted}"


def test_a_new_source_is_missed_on_the_page(mirror: Path) -> None:
    """Whoever adds a kind is told the line that documents it."""
    assert mirror
    row = "| `{mirror: drow-terces-a}` | what the argument is when it is read backwards"
    assert [line for line in table() if line not in on_the_page()] == [f"{row} | `mirror:TXET` |"]


@pytest.mark.slow
def test_one_source_more_breaks_no_test(tmp_path: Path) -> None:
    """Whoever adds one by the row in CONTRIBUTING.md changes nothing else, and no test."""
    words = ("secrets.sources", "keyring", "error_of")
    ended = run_quick(with_source(tmp_path / "project"), words)
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert "test_sources.py::test_the_page_has_every_source PASSED" in ended.stdout


def test_examples_are_right() -> None:
    """What each kind is documented with is an argument of it."""
    import yaml

    for source in SOURCES.values():
        argument = source.read(yaml.safe_load(source.example))
        assert argument is not None
        assert source.checked(argument, Path("/inventory"))
        assert source.shown(argument)


# --- what references share --------------------------------------------------------------------


class Counted(TextSource):
    """A source that asks once for all, and fails if it is told to."""

    kind = "counted"
    meaning = example = "x"

    def __init__(self, fails: bool) -> None:
        self.asked: list[Sequence[str]] = []
        self._fails = fails

    def resolve(self, argument: str, runner: Runner) -> str:
        return runner.once(self.kind, lambda: self._ask(runner.arguments(self.kind))) + argument

    def _ask(self, arguments: Sequence[str]) -> str:
        self.asked.append(arguments)
        time.sleep(0.1)
        if self._fails:
            raise UsageError("it is locked", hint="unlock it", where="the box")
        return "value of "

    __slots__ = ("_fails", "asked")


PLACE = Place("x.yml", 7)


def references(kind: str, *arguments: str) -> list[Reference]:
    """Return references, each at a line of its own."""
    return [Reference(kind, a, Place("x.yml", line)) for line, a in enumerate(arguments, 1)]


def test_what_a_kind_shares_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all references of a run, at the same time, with everything that they want."""
    counted = Counted(fails=False)
    monkeypatch.setitem(SOURCES, "counted", counted)
    asked = references("counted", "a", "b", "a", "c")
    found = resolve([*asked, *references("env", "A")], {"A": "x"})
    assert [found[of].reveal() for of in asked] == [f"value of {name}" for name in "abac"]
    assert counted.asked == [["a", "b", "c"]]


def test_a_failure_is_shared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks again, and each reference says it of its own place."""
    counted = Counted(fails=True)
    monkeypatch.setitem(SOURCES, "counted", counted)
    monkeypatch.setattr("hermes_ops.secrets.resolve.MOST_AT_ONCE", 1)
    found = attempt(references("counted", "a", "b", "c"), {})
    assert len(counted.asked) == 1
    assert [str(error) for error in found.values()] == [
        f"x.yml:{line}: the box: it is locked" for line in (1, 2, 3)
    ]


@pytest.mark.slow
def test_a_command_may_say_what_others_found() -> None:
    """Its failure is told without any value of the run, whoever knows that yet."""
    (known,) = references("env", "NAME")
    failing = Reference("command", ("sh", "-c", "sleep 0.2; echo not $NAME >&2; exit 3"), PLACE)
    environ = {"NAME": "so-plain-a-word", "PATH": "/usr/bin:/bin"}
    said = str(attempt([failing, known], environ)[failing])
    assert said == "x.yml:7: command sh failed with exit 3: not ***"


def test_one_kind_does_not_wait_for_another() -> None:
    """While one is asked, another is."""
    runner = Runner({}, 5, [])
    slow, began = threading.Event(), threading.Event()

    def wait() -> bool:
        began.set()
        return slow.wait(5)

    waiting = threading.Thread(target=runner.once, args=("a", wait))
    waiting.start()
    assert began.wait(5)
    assert runner.once("b", lambda: 1) == 1
    assert waiting.is_alive()
    slow.set()
    waiting.join()


def test_a_run_that_has_ended_starts_nothing_that_stays() -> None:
    """A program that is started while the others are ended is ended as well."""
    runner = Runner({"PATH": "/usr/bin:/bin"}, 30, [])
    runner.end()
    before = time.monotonic()
    with pytest.raises(Failed):
        runner.output(["sleep", "30"], "sleep", "")
    assert time.monotonic() - before < 10


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """A secret has at most 1 MiB."""
    (tmp_path / "large").write_bytes(b"x" * (1024 * 1024 + 1))
    (of,) = references("file", str(tmp_path / "large"))
    with pytest.raises(InventoryError, match="is larger than 1 MiB"):
        resolve([of], {})


LAZY = """
import sys
from hermes_ops.secrets.reference import Place, Reference
from hermes_ops.secrets.resolve import resolve
of = [Reference(*pair, Place("x")) for pair in (("env", "A"), ("command", ("printf", "x")))]
resolve(of, {"A": "x", "PATH": "/usr/bin:/bin"})
print(sorted({name.partition(".")[0] for name in sys.modules} & {"pyrage", "keyring"}))
"""


@pytest.mark.slow
def test_nothing_is_imported_that_no_reference_needs() -> None:
    """A run without age loads no pyrage, and the keyring is loaded in a program of its own."""
    words = [sys.executable, "-c", LAZY]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_an_address_for_alerts_cannot_be_generated(tmp_path: Path) -> None:
    """Only its owner knows it; each source can have it."""
    text = "all:\n  hosts: {one: }\n  vars:\n    hermes_alerts: {urls: [{generate: 32}]}\n"
    (tmp_path / "hosts.yml").write_text(text)
    with pytest.raises(InventoryError) as caught:
        load([tmp_path], ROLES, {})
    assert caught.value.message.startswith("hermes_alerts.urls cannot be generated")
    assert caught.value.hint == f"known are: {', '.join(SOURCES)}"
    assert str(caught.value.where) == f"{tmp_path}/hosts.yml:4:28"


def test_no_other_module_knows_kinds() -> None:
    """Outside of the sources no module names one; `keyring` is a word of nothing else."""
    named = [
        str(file.relative_to(ROOT))
        for file in [ROOT / "tasks.py", *(ROOT / "hermes_ops").rglob("*.py")]
        if re.search(r"""["'{]keyring\b""", file.read_text(encoding="utf-8"))
    ]
    assert set(named) == {
        "hermes_ops/extras.py",  # the package of that name
        "hermes_ops/secrets/sources/ask_keyring.py",  # the program that asks
        "hermes_ops/secrets/sources/keyring.py",
    }
