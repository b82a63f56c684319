"""Which settings a gateway's process was started with, and what that says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest
from building import NEW, applied, desired, facts, put, without

from hermes_ops.files.ownership import GENERATED, checks
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.readiness import judge
from hermes_ops.hermes.started import RECORD, compared, record
from hermes_ops.look.facts import Facts
from hermes_ops.plan import make_plan
from hermes_ops.plan.model import Control
from hermes_ops.reporting.report import is_own_record

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


def case_of(**more: Any) -> dict[str, Any]:
    """Return a case of a gateway with a key that its host made."""
    env = {"API_SERVER_ENABLED": "true", "API_SERVER_KEY": {"generate": 32}}
    wanted = {"demo": {"config": {"a": 2}, "env": env}}
    return {"desired": wanted, "facts": {"holds": "desired", **more}}


CASE = case_of()
KEY = f"{HOME}/.env=API_SERVER_KEY"
NEWER = frozenset({f"{HOME}/.env"})


@pytest.mark.parametrize(
    ("newer", "at_once", "stale"),
    [(True, True, True), (True, False, True), (False, True, True), (False, False, False)],
)
def test_a_key_that_the_host_made_and_somebody_replaced(
    newer: bool, at_once: bool, stale: bool
) -> None:
    """By the check that the host wrote at the start; an old time of the file proves nothing."""
    held = facts(CASE)
    ordered = held.now - (1001 if at_once else 1010)
    text = record(keys(), ordered, {"API_SERVER_KEY": "0a0a"})
    assert f"at: {ordered:.0f}" in text
    held = replace(put(held, f"{HOME}/{RECORD}", text), made={KEY: "0b0b"})
    held = replace(held, newer=NEWER if newer else frozenset())
    known = {".env": {"API_SERVER_KEY": GENERATED}}
    process = Evidence(alive=True, age_s=1000, restarts=0)
    told = compared(HOME, known, process, held)
    assert told == ((("API_SERVER_KEY",) if stale else ()), True)
    same = replace(held, made={KEY: "0a0a"})
    assert compared(HOME, known, process, same) == ((), True)
    if stale:
        (change,) = make_plan(desired(CASE), replace(held, newer=NEWER)).changes
        assert change.reason == "it was started with other values of API_SERVER_KEY"
        assert isinstance(change.operation, Control)
        assert change.operation.made == ("API_SERVER_KEY",)


def test_a_record_that_is_gone_is_written_again_without_a_restart() -> None:
    """The process is younger than its files: it has read what is in them."""
    held = replace(without(facts(CASE), f"{HOME}/{RECORD}"), made={KEY: "0a0a"})
    (change,) = make_plan(desired(CASE), held).changes
    assert (change.resource, change.action) == (f"file:{HOME}/{RECORD}", "create")
    assert is_own_record(change)
    then = applied(make_plan(desired(CASE), held), held)
    assert make_plan(desired(CASE), then).changes == ()
    moved = replace(then, made={KEY: "0b0b"}, newer=NEWER)
    assert make_plan(desired(CASE), moved).evidence["demo"].stale == ("API_SERVER_KEY",)


@pytest.mark.parametrize("text", ["", "keys: [", "x" * 99])
def test_a_record_that_cannot_be_read_is_as_one_that_is_gone(text: str) -> None:
    """It is written again."""
    held = put(facts(CASE), f"{HOME}/{RECORD}", text)
    (change,) = make_plan(desired(CASE), held).changes
    assert (change.resource, change.action) == (f"file:{HOME}/{RECORD}", "update")


def test_a_record_that_others_may_write_is_closed_again() -> None:
    """Whoever changes it decides what counts as a difference."""
    held = facts(CASE)
    path = f"{HOME}/{RECORD}"
    held = replace(held, paths={**held.paths, path: replace(held.paths[path], mode=0o666)})
    (change,) = make_plan(desired(CASE), held).changes
    assert (change.resource, change.reason) == (f"file:{path}", "mode is 0666, wanted 0600")
    assert make_plan(desired(CASE), applied(make_plan(desired(CASE), held), held)).changes == ()


def test_without_a_record_newer_files_leave_the_state_unknown() -> None:
    """No run restarts for that; who wants to know restarts it."""
    held = replace(without(facts(CASE), f"{HOME}/{RECORD}"), newer=NEWER)
    plan = make_plan(desired(CASE), held)
    assert plan.changes == ()
    verdict = judge(plan.evidence["demo"])
    assert verdict.state == "unknown"
    assert "are not known" in verdict.reasons[0]
