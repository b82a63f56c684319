"""What CI takes for a whole run: enough tests of each suite, none skipped, both Pythons."""

from __future__ import annotations

import io
import re
import runpy
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

CI = Path(__file__).parents[2] / ".ci"
MINIMUM = "quick = 2\nnewest = 1\nslow = 1\nlab = 1\n"
FILES = {
    "quick-1": ("3.11.2", [("tests.unit.test_a", "")]),
    "quick-2": ("3.11.2", [("tests.unit.test_b", "")]),
    "newest-1": ("3.14.8", [("tests.unit.test_a", "")]),
    "slow": ("3.11.2", [("tests.unit.test_c", "")]),
    "hosts": ("3.11.2", [("tests.lab.test_d", "")]),
}
STDOUT = "2 passed in 1.00s\n== 2 passed, 1 deselected in 3.21s (0:00:03) ==\n"


def junit(suite: str, python: str, cases: list[tuple[str, str]]) -> str:
    """Return what pytest writes; a case is its module and what happened, nothing if it passed."""
    inside = "".join(
        f'<testcase classname="{module}" name="t">{what}</testcase>' for module, what in cases
    )
    return (
        f'<testsuites><testsuite name="{suite} Python {python}">{inside}</testsuite></testsuites>'
    )


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The results of a run in which all was well."""
    for suite, (python, cases) in FILES.items():
        (tmp_path / f"{suite}.xml").write_text(junit(suite, python, cases))
    (tmp_path / "stdout").write_text(STDOUT)
    (tmp_path / "minimum.toml").write_text(MINIMUM)
    (tmp_path / "inv").write_text("#!/bin/sh\nFIRST=3.11 LAST=3.14 # promised\n")
    return tmp_path


def counted(results: Path) -> tuple[int, str]:
    """Return the exit code and what was said."""
    words = [CI / "counts.py", results, results / "minimum.toml", results / "inv"]
    said, code = io.StringIO(), 0
    try:
        with redirect_stdout(said), patch("sys.argv", list(map(str, words))):
            runpy.run_path(str(words[0]), run_name="__main__")
    except SystemExit as ended:
        said.write(f"{ended.code}\n")
        code = 1
    return code, said.getvalue()


def test_a_whole_run_passes(results: Path) -> None:
    """Its last line is pytest's closing line."""
    code, said = counted(results)
    assert code == 0
    assert said.endswith("ci: passed: 2 passed, 1 deselected in 3.21s (0:00:03)\n")


@pytest.mark.parametrize("suite", ["quick", "newest", "slow", "lab"])
def test_a_test_that_is_missing_fails(results: Path, suite: str) -> None:
    """One fewer than wanted is too few, whichever suite it is."""
    (results / "minimum.toml").write_text(re.sub(rf"({suite} = )\d", r"\g<1>3", MINIMUM))
    code, said = counted(results)
    assert (code, f"ci: {suite}: too few tests passed" in said) == (1, True)


@pytest.mark.parametrize("suite", FILES)
@pytest.mark.parametrize("what", ["skipped", "failure", "error"])
def test_a_test_that_did_not_pass_fails(results: Path, suite: str, what: str) -> None:
    """It is named with its reason, even where enough others passed."""
    python, cases = FILES[suite]
    more = [*cases, ("tests.unit.test_z", f'<{what} message="not today" />')]
    (results / f"{suite}.xml").write_text(junit(suite, python, more))
    code, said = counted(results)
    assert code == 1
    assert "did not pass: tests.unit.test_z::t: not today" in said


@pytest.mark.parametrize("suite", FILES)
def test_a_suite_that_left_nothing_fails(results: Path, suite: str) -> None:
    """A file that is not there is no proof."""
    (results / f"{suite}.xml").unlink()
    assert counted(results)[0] == 1


@pytest.mark.parametrize(
    ("suite", "python"), [("quick-2", "3.12.1"), ("newest-1", "3.11.9"), ("newest-1", "3.15.0")]
)
def test_another_python_fails(results: Path, suite: str, python: str) -> None:
    """The quick tests run under the oldest promised Python, the newest ones under a newer one."""
    (results / f"{suite}.xml").write_text(junit(suite, python, FILES[suite][1]))
    code, said = counted(results)
    assert (code, f"ci: {suite[:-2]}: not under a Python that it is for" in said) == (1, True)


def test_a_closing_line_is_wanted(results: Path) -> None:
    """A run whose output has no closing line of pytest did not end as it should."""
    (results / "stdout").write_text("2 tests\n")
    assert "ci: pytest's closing line is not on stdout" in counted(results)[1]


def test_the_numbers_are_whole() -> None:
    """The file of the project names each suite; `.ci/run` gives it to what was tried here."""
    import tomllib

    minimum = tomllib.loads((CI.parent / "tests" / "minimum.toml").read_text())
    assert minimum.keys() == {"quick", "newest", "slow", "lab"}
    assert all(isinstance(count, int) and count > 0 for count in minimum.values())
    assert 'counts.py "$results" tests/minimum.toml inv' in (CI / "run").read_text()
