"""What is proposed can be typed: it names the program as it was started, and the inventory."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from calling import said

from hermes_ops import program_name
from hermes_ops.errors import UsageError
from hermes_ops.program_name import spoken, started_as, works_on

PACKAGE = Path(program_name.__file__).parent


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know of no start, as when nothing was typed."""
    monkeypatch.setattr(program_name, "_known", {"started": (), "inventory": ()})


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of PATH that has a hermes-ops."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "hermes-ops").write_text("#!/bin/sh\n")
    (tmp_path / "hermes-ops").chmod(0o755)
    return tmp_path


def test_a_clone_is_called_inv() -> None:
    """Where nobody typed anything, a clone says `./inv`."""
    assert spoken("try ./inv fleet.up") == "try ./inv fleet.up"


def test_what_is_on_the_path_is_its_bare_name(tools: Path) -> None:
    """A program that the shell finds by its name is called by it, from every folder."""
    started_as(str(tools / "hermes-ops"))
    assert spoken("./inv init DIR, or ./inv --list") == "hermes-ops init DIR, or hermes-ops --list"
    assert spoken("./inv init", elsewhere=True) == "hermes-ops init"


def test_what_is_not_on_the_path_is_called_as_it_was_typed(tools: Path) -> None:
    """Another of the same name may be on the PATH: it is not the one that was started."""
    started_as("/opt/it's here/hermes-ops")
    assert spoken("./inv init") == """'/opt/it'"'"'s here/hermes-ops' init"""


def test_from_another_folder_it_has_its_whole_path(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`../inv` leads nowhere once somebody has changed the folder; `sh inv` names a file here."""
    monkeypatch.chdir(tools)
    started_as("../inv")
    assert spoken("./inv init") == "../inv init"
    assert spoken("./inv init", elsewhere=True) == f"{tools.parent}/inv init"
    started_as("inv")
    assert spoken("./inv init") == "./inv init"


def test_a_task_is_proposed_for_the_inventory_that_was_named() -> None:
    """`-i` is handed on to tasks that read an inventory, and to no other."""
    works_on(["my inventory", "b"])
    said = spoken("./inv hosts.trust -l a")
    assert said == "./inv hosts.trust -i 'my inventory' -i b -l a"
    assert spoken(said) == said
    for text in ("./inv runs.list", "./inv init DIR", "./inv --list", "./inv lab.up", "cd ./inv.d"):
        assert spoken(text) == text


def test_paths_that_look_alike_stay() -> None:
    """Only the program is meant, never a file of a similar name."""
    started_as("/x/hermes-ops")
    for text in ("./inventory", "a/./inv", "../inv", "./inv/x", "./inv-old"):
        assert spoken(text) == text


def test_every_hint_is_spoken() -> None:
    """An error's hint names the program that was started, in the text and in the document."""
    started_as("/x/hermes-ops")
    error = UsageError("no", hint="./inv runs.list")
    assert (error.hint, error.document()["hint"]) == ("/x/hermes-ops runs.list",) * 2


def test_help_and_usage_name_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a task shows its example and its usage as they are to be typed."""
    started_as("/x/hermes-ops")
    _, out, _ = said(capsys, "--help", "fleet.up")
    assert out.startswith("Usage: /x/hermes-ops [--core-opts] fleet.up ")
    assert "  /x/hermes-ops fleet.up -l minis" in out
    assert "./inv" not in out
    _, out, _ = said(capsys, "--help")
    assert out.startswith("Usage: /x/hermes-ops ")


def unspoken(tree: ast.AST) -> Iterator[str]:
    """Yield texts that propose a command without passing where the name is put in."""
    heard: set[ast.AST] = set()
    for node in ast.walk(tree):
        if (
            (isinstance(node, ast.keyword) and node.arg in ("hint", "example", "mend"))
            or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "spoken")
            or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "register")
            or (
                isinstance(node, ast.Assign)
                and {getattr(target, "id", "") for target in node.targets}
                <= {"hint", "_YOURS", "script"}
            )
            # A docstring proposes nothing, and a `script` is run in a clone, not shown.
            or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        ):
            heard.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in heard and "./inv " in str(node.value):
            yield str(node.value)


@pytest.mark.slow
def test_nothing_is_proposed_by_a_fixed_name() -> None:
    """Each text that says `./inv` is a hint, an example, or is spoken where it is printed."""
    files = [file for file in PACKAGE.rglob("*.py") if file.name != "program_name.py"]
    found = {str(file): list(unspoken(ast.parse(file.read_text()))) for file in files}
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_a_fixed_name_would_be_seen() -> None:
    """What prints `./inv` as it is, or returns it, is found."""
    texts = 'output.text(f"now: ./inv config.push {x}")\n', 'def f():\n    return "./inv x"\n'
    assert [len(list(unspoken(ast.parse(text)))) for text in texts] == [1, 1]
