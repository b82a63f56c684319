"""The surface is documented: help, example and a place in the README for every task."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hermes_ops.tasks import namespace
from hermes_ops.tasks.program import Program
from hermes_ops.tasks.step import Verb

ROOT = Path(__file__).parents[2]
TASKS = {name: namespace()[name] for name in namespace().task_names}


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_has_help_and_an_example(name: str) -> None:
    """A task says what it does in a sentence, has an example, and each option has help."""
    task = TASKS[name]
    assert isinstance(task, Verb)
    assert re.match(r"[A-Z].+\.$", (task.__doc__ or "").strip(), re.DOTALL)
    assert f"./inv {name}" in task.example
    assert all(argument.help for argument in task.get_arguments())


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_stands_in_the_readme(name: str) -> None:
    """A stranger finds each task in the README."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page, f"README.md has no line for the task: add a row for `{name}`"


def test_what_is_documented_exists() -> None:
    """No document names a task that there is not."""
    words = "|".join(sorted({name.split(".")[0] for name in TASKS}))
    pattern = re.compile(rf"`(?:\./inv )?((?:{words})\.[a-z_]+)`")
    for file in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        named = set(pattern.findall(file.read_text(encoding="utf-8"))) - {
            "hosts.yml",
            "config.yaml",
            "profile.yaml",
        }
        assert named <= set(TASKS), file.name


def test_links_lead_somewhere() -> None:
    """Every relative link of a document leads to a file."""
    for file in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


@pytest.mark.parametrize("words", [["--list"], ["--version"], ["--help", "fleet.up"], []])
def test_the_program_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """List, version and help are printed, and end with 0."""
    with pytest.raises(SystemExit) as leaving:
        Program().run(["inv", *words])
    assert leaving.value.code in (0, None)
    assert capsys.readouterr().out.strip()
