"""What `dev.check` runs: all at once, each told with what it said, and every failure named."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from hermes_ops.cli.output import Output
from hermes_ops.commands.dev.tools import Tool, is_shell, parts, quick_tests, run, tools, weights
from hermes_ops.errors import CommandError

ROOT = Path(__file__).parents[2]
MEET = """
import pathlib, sys, time
mine, other = map(pathlib.Path, sys.argv[1:])
mine.touch()
end = time.monotonic() + 10
while not other.exists():
    if time.monotonic() > end:
        sys.exit(f"{other} did not come")
    time.sleep(0.01)
"""


def python(code: str, *words: str) -> Tool:
    """Return a tool that is a few lines of Python."""
    return Tool("python", ("-c", code, *words))


def told(*some: Tool) -> tuple[str, str, str]:
    """Return what was printed, what was noted, and the error if there was one."""
    out, err, error = io.StringIO(), io.StringIO(), ""
    try:
        run(some, Output(json=False, out=out, err=err))
    except CommandError as caught:
        error = caught.message
    return out.getvalue(), err.getvalue(), error


def test_they_run_at_once(tmp_path: Path) -> None:
    """Two that wait for each other end well."""
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert told(python(MEET, one, two), python(MEET, two, one))[2] == ""


def test_every_failure_is_told_with_what_it_said() -> None:
    """Two of three fail: both are named, and all three were shown, errors included."""
    printed, noted, error = told(
        python("print('a word')"),
        python("import sys; sys.exit('first')"),
        python("import sys; sys.stderr.write('second\\n'); sys.exit(3)"),
    )
    assert sorted(printed.split("\n")) == ["", "a word", "first", "second"]
    assert noted.count("$ python -c") == 3
    assert sorted(error.split("; ")) == [
        "python failed with exit code 1",
        "python failed with exit code 3",
    ]


@pytest.mark.parametrize(
    ("name", "text", "shell"),
    [
        ("a.sh", "echo\n", True),
        ("run", "#!/usr/bin/env bash\n", True),
        ("inv", "#!/bin/sh\n", True),
        ("text.sh.j2", "#!/bin/sh\nexec x\n", True),
        ("text.sh.j2", "#!/bin/sh\n{% if a %}\n", False),
        ("a.py", "#!/usr/bin/env python3\n", False),
        ("a.py", "'''\n#!/bin/sh\n'''\n", False),
        ("empty", "", False),
    ],
)
def test_what_is_shell(name: str, text: str, shell: bool, tmp_path: Path) -> None:
    """By its ending or its first line; a template with blocks is none before it is rendered."""
    (tmp_path / name).write_text(text)
    assert is_shell(tmp_path / name) is shell


def test_what_is_looked_at() -> None:
    """Shell files wherever they lie; for spelling every text, but not what programs wrote."""
    files = {tool.name: set(tool.files) for tool in tools()}
    assert {"inv", ".ci/run"} <= files["shellcheck"]
    assert any(name.startswith("hermes_ops/") for name in files["shellcheck"])
    assert {"README.md", "pyproject.toml", "inv"} <= files["codespell"]
    assert not any(name.endswith((".lock", ".whl")) for name in files["codespell"])


def test_a_slip_is_found(tmp_path: Path) -> None:
    """Both tools are there and complain about what they are to find."""
    (tmp_path / "bad.sh").write_text("#!/bin/sh\nrm -r $1\n")
    (tmp_path / "bad.md").write_text("We rec" + "ieve it.\n")
    printed, _, error = told(
        Tool("shellcheck", files=(str(tmp_path / "bad.sh"),)),
        Tool("codespell", files=(str(tmp_path / "bad.md"),)),
    )
    assert "SC2086" in printed
    assert "==> receive" in printed
    assert error.count("failed") == 2


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_every_file_of_tests_is_in_one_part(count: int) -> None:
    """No part is more than the largest file above another, and none is empty."""
    sizes = {"a": 50, "b": 40, "c": 40, "d": 30, "e": 10, "f": 1}
    found = parts(sizes, count)
    assert sorted(file for part in found for file in part) == sorted(sizes)
    weights = [sum(sizes[file] for file in part) for part in found]
    assert max(weights) - min(weights) <= max(sizes.values())


def test_a_file_weighs_what_it_took_the_last_time() -> None:
    """A new file is taken to last as long for its size as the others do; at first sizes decide."""
    sizes = {"slow": 10, "quick": 30, "new": 20}
    assert weights(sizes, {"slow": 6.0, "quick": 2.0, "gone": 9.0}) == {
        "slow": 6.0,
        "quick": 2.0,
        "new": 4.0,
    }
    assert weights(sizes, {}) == sizes
    assert weights(sizes, {"slow": 0.0}) == {"slow": 0.0, "quick": 30, "new": 20}


def test_the_quick_tests_are_all_files() -> None:
    """Whatever the machine, each module of tests/unit is in a part; results go to a file a part."""
    tools = quick_tests("results")
    files = [Path(file).name for tool in tools for file in tool.files]
    assert sorted(files) == sorted(path.name for path in (ROOT / "tests/unit").glob("test_*.py"))
    names = {word for tool in tools for word in tool.words if word.startswith("--junit-xml=")}
    assert names == {f"--junit-xml=results/quick-{n}.xml" for n in range(1, len(tools) + 1)}
