"""`init` makes a repository for a fleet that works as it is."""

from __future__ import annotations

import json
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from calling import said

from hermes_ops import program_name

FILES = {
    *("README.md", ".gitignore", "tasks.py", "inventory/hosts.yml", "inventory/known_hosts"),
    *("inventory/profiles/demo.yml", "inventory/profiles/demo.soul.md"),
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in an empty folder, with an empty home and a umask that keeps nobody out.

    The program was started as `../inv`, a name that is of no use in the folder that is made.
    """
    monkeypatch.setattr(program_name, "_known", {"started": ("../inv",), "inventory": ()})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HERMES_OPS_INVENTORY", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = os.umask(0)
    yield
    os.umask(before)


def made(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """Call `init`; return what it tells."""
    code, out, err = said(capsys, "init", *words, "--json")
    assert (code, err) == (0, "")
    item: dict[str, object] = json.loads(out)["items"][0]
    return item


def files(folder: Path) -> set[str]:
    """Return the files of a folder, by their names in it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["fleet", "a/new one", "$HOME"])
def test_a_repository_is_made(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It has all that is promised, nobody else may write any of it, and the inventory is whole."""
    told = made(capsys, name)
    folder = Path(name)
    assert files(folder) == FILES
    assert told["files"] == [str(folder / file) for file in sorted(FILES, key=plain)]
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
    os.chdir(folder)
    code, out, _ = said(capsys, "profile.list", "--json")
    assert (code, [item["profile"] for item in json.loads(out)["items"]]) == (0, ["demo"])
    code, out, _ = said(capsys, "inventory.lint")
    assert (code, out) == (0, "nothing found\n")


def plain(name: str) -> Path:
    """Return where a file's template lies, in whose order they are told."""
    return Path(name.replace(".gitignore", "gitignore"))


def test_the_first_agent_is_for_this_machine_only(capsys: pytest.CaptureFixture[str]) -> None:
    """Its API listens on loopback, asks for a key, and loads nothing from the internet."""
    made(capsys, "fleet")
    code, out, _ = said(capsys, "inventory.show", "-i", "fleet/inventory", "--json")
    (item,) = json.loads(out)["items"]
    assert (code, item["config"]) == (0, {"security": {"allow_lazy_installs": False}})
    profile = Path("fleet/inventory/profiles/demo.yml").read_text()
    env = yaml.safe_load(profile)["env"]
    assert env.pop("API_SERVER_KEY") == {"generate": 32}
    assert env == {
        "API_SERVER_ENABLED": "true", "API_SERVER_HOST": "127.0.0.1", "API_SERVER_PORT": "8642",
    }  # fmt: skip


def test_the_next_three_commands_are_true(capsys: pytest.CaptureFixture[str]) -> None:
    """From the folder that was left, the first enters the new one, the others name tasks."""
    code, out, _ = said(capsys, "init", "a b")
    steps = [line.strip() for line in out.partition("now:\n")[2].splitlines()]
    assert (code, steps[0], len(steps)) == (0, "cd 'a b'", 3)
    os.chdir(shlex.split(steps[0])[1])
    for step in steps[1:]:
        assert said(capsys, "--help", shlex.split(step)[1])[0] == 0
    os.umask(0o022)
    Path("deep").mkdir()
    os.chdir("deep")
    steps = list(made(capsys, ".")["next"])  # type: ignore[call-overload]
    assert [shlex.split(step)[1] for step in steps] == ["fleet.plan", "fleet.up", "fleet.ps"]


def test_what_is_written_can_be_typed_there(capsys: pytest.CaptureFixture[str]) -> None:
    """README and runbook name the program by what works in that folder, and tasks that exist."""
    made(capsys, "fleet")
    known = {line.split()[0] for line in said(capsys, "--list")[1].splitlines() if line.strip()}
    own = {"morning", "look"}
    text = Path("fleet/README.md").read_text() + Path("fleet/tasks.py").read_text()
    program = str(Path.cwd().parent / "inv")
    assert said(capsys, "init", "other")[1].count(program) == 2
    said_there = [part.split()[0].strip("`,.") for part in text.split(f"{program} ")[1:]]
    assert len(said_there) > 10
    assert set(said_there) - {"--list", "--help"} <= known | own


def test_a_repository_without_files_is_filled(capsys: pytest.CaptureFixture[str]) -> None:
    """What `git init` made is no obstacle, nor is an empty folder."""
    for folder, part in (Path("bare"), ".git"), (Path("empty"), "."):
        (folder / part).mkdir(parents=True, mode=0o755)
        folder.chmod(0o755)
        made(capsys, str(folder))
        assert files(folder) >= FILES


def used(folder: Path) -> None:
    """Have a file in the folder, hidden."""
    folder.mkdir(mode=0o755)
    (folder / ".hidden").write_text("mine")


def a_file(folder: Path) -> None:
    """Be a file."""
    folder.write_text("mine")


def a_dangling_link(folder: Path) -> None:
    """Lead nowhere."""
    folder.symlink_to("nowhere")


def everybodys(folder: Path) -> None:
    """Be a folder that everybody may write, where what is printed would be refused."""
    folder.mkdir()


def below_a_file(folder: Path) -> None:
    """Lie where no folder can be."""
    folder.parent.write_text("mine")


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (used, "fleet"), (a_file, "fleet"), (a_dangling_link, "fleet"), (everybodys, "fleet"),
        (below_a_file, "fleet/below"),
    ],
)  # fmt: skip
def test_what_is_there_stays(spoil: object, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything but a new or empty folder is 64, asked of nobody, and nothing is written."""
    spoil(Path(name))  # type: ignore[operator]
    before = sorted(Path().rglob("*"))
    code, _, err = said(capsys, "init", name)
    assert (code, err.startswith(f"error: {name}: ")) == (64, True), err
    assert sorted(Path().rglob("*")) == before


def test_no_folder_is_64(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither an empty name nor none at all means the folder that somebody stands in."""
    for words in ([], [""]):
        assert said(capsys, "init", *words)[0] == 64
        assert not list(Path().iterdir())


def test_a_variable_that_wins_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has $HERMES_OPS_INVENTORY set would plan for another fleet with what is printed."""
    monkeypatch.setenv("HERMES_OPS_INVENTORY", "/elsewhere")
    assert "$HERMES_OPS_INVENTORY is set, and wins" in said(capsys, "init", "fleet")[2]
