"""Which settings a gateway's process was started with, and what that says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest
from building import NEW, desired, facts, put

from hermes_ops.files.ownership import checks
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.started import RECORD, compared, record
from hermes_ops.look.facts import Facts
from hermes_ops.plan import make_plan
from hermes_ops.plan.model import Control

HOME = PurePosixPath(".hermes/profiles/demo")
NOW = NEW.now


def keys(**config: Any) -> dict[str, dict[Any, Any]]:
    """Return the checks of a profile with these settings."""
    return {"config.yaml": dict(checks(config)), ".env": {"API_SERVER_PORT": "1111"}}


def found(text: str | None, *, newer: bool = True) -> Facts:
    """Return the facts with this record, and with settings that are newer than the process."""
    held = put(NEW, f"{HOME}/{RECORD}", text)
    return replace(held, newer=frozenset({f"{HOME}/config.yaml"} if newer else ()))


YOUNG = Evidence(alive=True, age_s=100)
BEFORE = record(keys(a=1, b={"c": 1}), NOW - 110)


def test_a_value_that_was_another_at_the_start_is_told() -> None:
    """By its name; no value is in the record."""
    told = compared(HOME, keys(a=1, b={"c": 2}), YOUNG, found(BEFORE))
    assert told == (("b.c",), True)
    assert "c: 1" not in BEFORE


def test_equal_values_are_no_difference_however_new_the_file_is() -> None:
    """Hermes writes the file itself; a time alone is no verdict."""
    assert compared(HOME, keys(a=1, b={"c": 1}), YOUNG, found(BEFORE)) == ((), True)


def test_files_that_are_older_than_the_process_are_what_it_read() -> None:
    """Whatever the record says."""
    assert compared(HOME, keys(a=2), YOUNG, found(BEFORE, newer=False)) == ((), True)


def test_a_setting_that_is_new_in_the_inventory_may_have_been_there_before() -> None:
    """And one that left it is removed from the file by a plan of its own."""
    assert compared(HOME, keys(a=1, d=5), YOUNG, found(BEFORE)) == ((), True)


def test_what_applies_on_the_next_turn_needs_no_start() -> None:
    """Models and the keys of their providers; the drain time is in the unit."""
    one = keys(model={"default": "a"}, agent={"x": 1, "restart_drain_timeout": 5})
    two = keys(model={"default": "b"}, agent={"x": 2, "restart_drain_timeout": 9})
    one[".env"] |= {"ANTHROPIC_API_KEY": "aaaa", "API_SERVER_KEY": "aaaa"}
    two[".env"] |= {"ANTHROPIC_API_KEY": "bbbb", "API_SERVER_KEY": "bbbb"}
    told = compared(HOME, two, YOUNG, found(record(one, NOW - 110)))
    assert told == (("agent.restart_drain_timeout", "API_SERVER_KEY"), True)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "ordered: 5\n",
        record(keys(a=1), NOW - 5000),
        record(keys(a=1), NOW - 50),
        BEFORE.replace("format: 1", "format: 99"),
        f"keys: [\nordered: {NOW - 110:.0f}\n",
    ],
)
def test_a_start_of_somebody_else_is_not_judged(text: str | None) -> None:
    """Nor one without a record that can be read."""
    assert compared(HOME, keys(a=2), YOUNG, found(text)) == ((), False)


def test_a_process_with_other_settings_is_restarted_and_every_start_is_recorded() -> None:
    """The record goes with the order."""
    case = {"desired": {"demo": {"config": {"a": 2}}}, "facts": {"holds": "desired"}}
    held = facts(case)
    held = put(held, f"{HOME}/{RECORD}", record(keys(a=1), held.now - 1005))
    held = replace(held, newer=frozenset({f"{HOME}/config.yaml"}))
    plan = make_plan(desired(case), held)
    (change,) = plan.changes
    assert change.reason == "it was started with other values of a"
    assert isinstance(change.operation, Control)
    assert change.operation.keeps is not None
    path, text = change.operation.keeps
    assert path == HOME / RECORD
    now = replace(put(held, str(path), text), now=held.now + 105)
    assert compared(HOME, keys(a=2), YOUNG, now) == ((), True)


def test_what_is_not_known_of_a_start_changes_nothing() -> None:
    """After an update of hermes-ops there is no record yet."""
    case = {"desired": {"demo": {"config": {"a": 2}}}, "facts": {"holds": "desired"}}
    held = replace(facts(case), newer=frozenset({f"{HOME}/config.yaml"}))
    plan = make_plan(desired(case), held)
    assert plan.changes == ()
    assert plan.evidence["demo"].unjudged[-1].startswith("the settings at the start of process")
