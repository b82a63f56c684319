"""The surface is documented: help, example and a place in the README for every task."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hermes_ops.tasks import MODULES, namespace
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


def test_a_runbook_may_import_every_noun() -> None:
    """The page lists them all, and no other."""
    page = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"`from hermes_ops import` offers (.*?)\.", page, re.DOTALL)
    assert sorted(re.findall(r"`(\w+)`", told)) == sorted(MODULES)


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMES = re.findall(r"`([A-Z]+(?:_[A-Z]+)*)` \(`([\w/.]+)`\)", CONTRIBUTING)
FILES = re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.(?:py|yml|toml|md|sh))`", CONTRIBUTING)


@pytest.mark.parametrize(("name", "file"), NAMES)
def test_what_is_to_be_extended_is_where_it_is_said_to_be(name: str, file: str) -> None:
    """Whoever adds something finds the table to add it to."""
    places = [ROOT / file, ROOT / "hermes_ops" / file]
    texts = [place.read_text(encoding="utf-8") for place in places if place.is_file()]
    assert [text for text in texts if re.search(rf"^{name}\b", text, re.MULTILINE)]


@pytest.mark.parametrize("file", sorted(set(FILES) - {"role.yml"}))
def test_a_file_that_contributors_are_sent_to_is_there(file: str) -> None:
    """Below the clone, the package, or their tests."""
    below = (".", "hermes_ops", "tests", "tests/unit")
    assert [folder for folder in below if (ROOT / folder / file).is_file()]


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
