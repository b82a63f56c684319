"""Each case of `tests/cases/plan`: what is wanted, what is so, which changes follow."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from building import UPTIME, applied, desired, facts, put, roles
from case_file import read_case

from hermes_ops.audit.register import Seen
from hermes_ops.audit.standing import standing
from hermes_ops.commands.fleet.down import down_steps
from hermes_ops.errors import Conflict
from hermes_ops.files.layout import KEPT
from hermes_ops.look.facts import Answer, Facts
from hermes_ops.plan import Change, DesiredState, Plan, make_plan
from hermes_ops.plan.desired import desired_state
from hermes_ops.plan.difference import Difference
from hermes_ops.plan.model import Refuse, Write
from hermes_ops.secrets.secret import Secret

FOLDER = Path(__file__).parents[1] / "cases" / "plan"
CASES = sorted(FOLDER.glob("*.yml"))
KEYS = {"why", "host", "desired", "steps", "facts", "conflict"}
TOLD = {"changes", "watches", "notes", "differs", "kept", "operations", "findings"}


@cache
def read(path: Path) -> dict[str, Any]:
    """Return a case; a key that nobody reads is a mistake in it."""
    case: dict[str, Any] = read_case(path)
    assert case.keys() <= KEYS | TOLD
    return case


@cache
def planned(path: Path) -> tuple[DesiredState, Facts, Plan]:
    """Return what a case wants and finds, and the plan from it."""
    case = read(path)
    wanted, found = desired(case), facts(case)
    return wanted, found, make_plan(wanted, found)


def line(change: Change) -> str:
    """Return a change as the cases write it."""
    return f"{change.step} {change.action} {change.resource} ({change.reason})"


def told(plan: Plan) -> dict[str, Any]:
    """Return what a case may say of a plan."""
    return {
        "changes": [line(change) for change in plan.changes],
        "watches": [watch.service.profile for watch in plan.watches],
        "notes": list(plan.notes),
        "differs": list(map(str, plan.differs)),
        "kept": [str(change.kept.relative_to(KEPT)) for change in plan.changes if change.kept],
    }


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    """The plan has these changes, in this order and for these reasons, and nothing besides."""
    case = read(path)
    if "conflict" in case:
        with pytest.raises(Conflict, match=case["conflict"]):
            make_plan(desired(case), facts(case))
        return
    wanted, found, plan = planned(path)
    operations = {line(change): repr(change.operation) for change in plan.changes}
    for start, words in case.get("operations", {}).items():
        (operation,) = (text for key, text in operations.items() if key.startswith(start))
        assert all(word in operation for word in words), operation
    if "findings" in case:
        findings = standing(Seen(wanted.host, found, roles()))
        assert [finding.message for finding in findings] == case["findings"]
    empty: dict[str, Any] = {"changes": [], "watches": [], "notes": [], "differs": [], "kept": []}
    assert told(plan) == {**empty, **{key: case[key] for key in empty.keys() & case.keys()}}


def test_who_is_refused_does_not_count_as_a_restart() -> None:
    """The last line of a plan says whom it restarts, and nobody waits for one that does not."""
    plan = planned(FOLDER / "port_is_not_left_by_who_is_refused.yml")[2]
    assert plan.restarts == {}
    assert list(planned(FOLDER / "files_of_root.yml")[2].restarts) == []


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_second_run_changes_nothing(path: Path) -> None:
    """Once the changes of a plan are done, the plan is empty, and nothing is waited for."""
    case = read(path)
    if "conflict" in case:
        return
    wanted, found, first = planned(path)
    if any(isinstance(change.operation, Refuse) for change in first.changes):
        return
    second = make_plan(wanted, applied(first, found))
    assert told(second)["changes"] == []
    healed = first.changes or not first.watches
    assert not healed or told(second)["watches"] == []


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_no_value_of_env_is_told(path: Path) -> None:
    """A plan that is printed shows no value of `.env`: they are secrets, each of them."""
    case = read(path)
    if "conflict" in case:
        return
    for change in planned(path)[2].changes:
        if isinstance(change.operation, Write) and change.operation.path.name == ".env":
            assert isinstance(change.operation.content, Secret)
            assert "content=***" in repr(change)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_change_knows_what_it_changes(path: Path) -> None:
    """Each file, link, mode, folder and removal carries what the look saw of that very path.

    So the host can tell whether it moved since.
    """
    case = read(path)
    if "conflict" in case:
        return
    _, found, plan = planned(path)
    for change in plan.changes:
        assert all(digest == found.digest(seen) for seen, digest in change.seen)
        at = getattr(change.operation, "path", None)
        assert at is None or [seen for seen, _ in change.seen] == [at], change


def test_down_where_hermes_is_gone() -> None:
    """A service whose program was removed is still stopped, disabled and forgotten."""
    case = {"desired": {"demo": {"state": "started"}}, "facts": {"holds": "desired"}}
    found = replace(facts(case), hermes=None)
    stopped = desired({"desired": {"demo": {"state": "stopped"}}})
    plan = make_plan(desired_state(stopped.host, roles(), down_steps()), found, wait=False)
    assert [f"{change.action} {change.resource}" for change in plan.changes] == [
        "stop service:hermes-gateway-demo",
        "disable file:.config/systemd/user/default.target.wants/hermes-gateway-demo.service",
        "reload manager:systemd",
    ]


STALLED = {"demo": {"env": {"API_SERVER_ENABLED": "true"}}}
BEAT = ".hermes/profiles/demo/state/gateway.heartbeat"


def silent(later: float = 0, *, old: bool = True, status: int | None = None) -> Facts:
    """Return a gateway without a heartbeat for long, whose API does not answer."""
    found = facts({"desired": STALLED, "facts": {"holds": "desired"}})
    beat = found.contents[BEAT].replace("08:59:50", "08:40:00" if old else "08:59:50")
    answers = dict.fromkeys(found.answers, Answer(status))
    found = replace(put(found, BEAT, beat), answers=answers)
    return replace(found, now=found.now + later, uptime=UPTIME + later)


def test_a_gateway_that_is_silent_twice_is_restarted() -> None:
    """No heartbeat and no answer, in two looks ten seconds apart, of one and the same process."""
    wanted = desired({"desired": STALLED})
    first = make_plan(wanted, silent())
    assert (first.changes, first.stalled) == ((), ("demo",))
    plan = make_plan(wanted, silent(10), earlier=silent())
    assert [line(change) for change in plan.changes] == [
        "gateway.start restart service:hermes-gateway-demo"
        " (its event loop stands still, and its API was silent twice in 10 s)"
    ]


@pytest.mark.parametrize(
    ("state", "lasts"), [("starting", False), ("draining", False), ("down", True), ("", True)]
)
def test_what_ends_by_itself_does_not_last(state: str, lasts: bool) -> None:
    """A run that does not wait leaves the others otherwise than wanted; what is settled it may."""
    assert Difference("demo", "x", state).lasts is lasts
    assert not Difference("demo", "x", state, is_settled=True).lasts


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        (silent(9), silent()),
        (silent(11, status=200), silent()),
        (silent(11), silent(status=500)),
        (silent(11, old=False), silent()),
        (silent(11), silent(old=False)),
        (replace(silent(11), answers={}), silent()),
        (replace(silent(11), processes={}), silent()),
        (silent(11), replace(silent(), processes={})),
    ],
)
def test_any_other_silence_restarts_nothing(later: Facts, earlier: Facts) -> None:
    """An answer, a heartbeat, a question that was not asked, or another process: it may be well."""
    plan = make_plan(desired({"desired": STALLED}), later, earlier=earlier)
    assert not [change for change in plan.changes if change.restarts]
