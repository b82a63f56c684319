"""The page `docs/exit-codes.md` says what the program does: codes, their order, kinds of errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from hermes_ops import errors
from hermes_ops.cli.output import exit_code
from hermes_ops.errors import HermesError
from hermes_ops.run.fan_out import outcome_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/exit-codes.md").read_text()
ORDER = [int(code) for code in re.search(r"is used: ([\d, ]+\d)", PAGE)[1].split(", ")]  # type: ignore[index]
ROWS = re.findall(r"^\| (`.*`.*?) \| (.*?) \| .* \|$", PAGE, re.MULTILINE)


def classes(of: type[HermesError] = HermesError) -> Iterator[type[HermesError]]:
    """Yield every kind of error of the program."""
    yield of
    for further in of.__subclasses__():
        if further.__module__ == errors.__name__:
            yield from classes(further)


def kinds_in_code() -> set[str]:
    """Return the kinds that are given to single errors, in the code."""
    texts = (file.read_text() for file in (ROOT / "hermes_ops").rglob("*.py"))
    return {kind for text in texts for kind in re.findall(r'\bkind="(\w+)"', text)}


@pytest.mark.parametrize(("first", "then"), list(combinations(ORDER, 2)))
def test_the_first_code_of_the_page_holds(first: int, then: int) -> None:
    """Of any two, however they are given."""
    assert exit_code([first, then]) == exit_code([then, 0, first]) == first


def test_every_code_has_its_place_in_the_order() -> None:
    """Each code with which an error ends the program, and no other."""
    ends = {error.exit_code for error in classes()} - {errors.Interrupted.exit_code}
    assert ends | {0, 2} == set(ORDER)


def test_every_kind_stands_on_the_page() -> None:
    """And the page has no further one."""
    own = {error.default_kind for error in classes()} | kinds_in_code()
    told = {kind for kinds, _ in ROWS for kind in re.findall(r"`(\w+)`", kinds)}
    assert told == own - {"interrupted"}  # the run ended: no host has that outcome


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (errors.Unreachable("x"), "unreachable", 3),
        (errors.Unreachable("x", kind="auth"), "unreachable", 3),
        (errors.Unreachable("x", kind="timeout"), "unreachable", 3),
        (errors.Unreachable("x", kind="host_key_unknown"), "unreachable", 3),
        (errors.Unreachable("x", kind="login_shell"), "unreachable", 3),
        (errors.HostKeyChanged("x"), "failed", 1),
        (errors.Unknown("x"), "unknown", 4),
        (errors.Unknown("x", kind="timeout"), "unknown", 4),
        (errors.Unknown("x", kind="changed_since_look"), "unknown", 4),
        (errors.NotUnderstood("x"), "unknown", 4),
        (errors.Locked("x"), "failed", 5),
        (errors.RolledBack("x"), "failed", 6),
        (errors.MissingPrivilege("x"), "failed", 1),
        (errors.NotReady("x"), "failed", 1),
        (errors.Conflict("x"), "failed", 1),
        (errors.CommandError("x"), "failed", 1),
    ],
)
def test_what_a_kind_means_for_its_host(error: HermesError, outcome: str, code: int) -> None:
    """Outcome and code are those of the page's row."""
    rows = {told for kinds, told in ROWS if f"`{error.kind}`" in kinds and "64" not in kinds}
    assert outcome in rows
    assert (outcome_of(error), error.exit_code) == (outcome, code)
