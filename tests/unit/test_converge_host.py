"""One host from the connection to the verdict, over a transport that gives prepared answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from building import desired, facts, roles
from case_file import read_case
from faking import Answer, FakeTransport, connecting, done, evidence, said

from hermes_ops import apply
from hermes_ops.commands.fleet.after_run import seen_after
from hermes_ops.errors import (
    CommandError,
    HermesError,
    Locked,
    MissingPrivilege,
    NotReady,
    Unknown,
    Unreachable,
)
from hermes_ops.look.answers import parse
from hermes_ops.look.facts import Facts
from hermes_ops.plan import Change, DesiredState, Plan, make_plan
from hermes_ops.plan.model import Control, Install, MakeFolder, Refuse, RunCommand
from hermes_ops.reporting.events import (
    Changed,
    Connecting,
    Event,
    Finished,
    Gathered,
    Noted,
    Planned,
    Pushing,
    Waiting,
)
from hermes_ops.run import (
    Connections,
    HostResult,
    Rules,
    Settings,
    Turns,
    converge_hosts,
    gather,
    outcome_of,
    verdict_of,
)
from hermes_ops.run.apply import KILLING, deadline
from hermes_ops.run.host import as_planned, outcome_of_changes
from hermes_ops.run.model import Done
from hermes_ops.services.report import PATIENCE
from hermes_ops.wire import Reader, libraries_end

CASES = Path(__file__).parents[1] / "cases" / "plan"
NEW: dict[str, Any] = {"desired": {"demo": {}}, "facts": {}}
"""A profile that a host does not have."""
HELD: dict[str, Any] = {"desired": {"demo": {}}, "facts": {"holds": "desired"}}
"""A host that has all that is wanted."""
SLOW: dict[str, Any] = {
    "desired": {"demo": {}}, "facts": {"holds": "desired", "services": {"demo": "starting"}},
}  # fmt: skip
FAILED: dict[str, Any] = {
    "desired": {"demo": {}}, "facts": {"holds": "desired", "services": {"demo": "failed 1"}},
}  # fmt: skip


def look(case: Mapping[str, Any]) -> str:
    """Return what the host of a case answers to a look."""
    return said(facts(case))


def planned(case: Mapping[str, Any], **named: Any) -> Plan:
    """Return what is planned for the host of a case."""
    return make_plan(desired(case), facts(case), **named)


def applied(case: Mapping[str, Any], *, end: str = "@ done\n") -> str:
    """Return what the host says that made every change of the plan, and then what it ran."""
    return done(range(len(planned(case).changes))) + evidence(facts(HELD)) + end


def moved(case: Mapping[str, Any]) -> str:
    """Return what the host says on which somebody else changed everything."""
    numbers = " ".join(str(number) for number in range(len(planned(case).changes)))
    return f"@ moved {numbers}\n@ done\n"


def converged(state: DesiredState, how: Settings, events: list[Event]) -> HostResult:
    """Converge one host."""
    with Connections() as connections:
        (result,) = converge_hosts([state], Rules(), how, events.append, connections)
    return result


def run(
    case: Mapping[str, Any], *answers: Answer, **named: Any
) -> tuple[HostResult, FakeTransport, list[Event]]:
    """Converge the host of a case that gives these answers."""
    events: list[Event] = []
    host = FakeTransport(list(answers))
    how = Settings(**{"connect": connecting(box=host), **named})
    result = converged(desired(case), how, events)
    assert host.answers == [], "it was asked less than it was to be"
    return result, host, events


def of_kind(kind: type[Event], events: list[Event]) -> list[Any]:
    """Return the events of one kind."""
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize(
    "name",
    [
        "new_profile", "supervisord_holds", "keys_left_the_inventory", "soul_is_a_link",
        "stray_process", "port_is_taken", "mode_drift", "folder_where_a_file_should_be",
    ],
)  # fmt: skip
def test_the_fake_host_tells_what_a_host_would(name: str) -> None:
    """What it says of facts is read back as these facts."""
    case = read_case(CASES / f"{name}.yml")
    known = facts(case)
    reader = Reader("0123456789abcdef")
    reader.feed(said(known).replace("@ ", "0123456789abcdef ").encode())
    found = parse(reader.reply())
    for part in ("hermes", "paths", "contents", "units", "processes", "answers"):
        assert getattr(found, part) == getattr(known, part), part
    assert all(found.digest(path) == known.digest(path) for path in known.contents)


# --- it goes well -------------------------------------------------------------------------------


def test_a_new_profile() -> None:
    """One look, one exchange that changes, and a verdict from what it showed last."""
    result, host, events = run(NEW, look(NEW), applied(NEW))
    assert (result.outcome, result.error, result.exchanges) == ("changed", None, 2)
    assert [change.outcome for change in result.changes] == ["done"] * len(planned(NEW).changes)
    assert {name: verdict.state for name, verdict in result.verdicts.items()} == {"demo": "healthy"}
    assert [event.outcome for event in of_kind(Finished, events)] == ["changed"]
    assert len(of_kind(Changed, events)) == len(result.changes)
    assert result.transport is host


def test_what_happens_is_told_in_its_order() -> None:
    """From the connection to the end, with the seconds that the look and the whole took."""
    result, _, events = run(NEW, [0.02, look(NEW)], applied(NEW))
    kinds = [type(event).__name__ for event in events]
    assert kinds[:4] == ["Connecting", "Looking", "Gathered", "Planned"]
    assert list(dict.fromkeys(kinds[4:])) == ["Changed", "Waiting", "Finished"]
    assert {event.host for event in events} == {"box"}
    (gathered,), (finished,) = of_kind(Gathered, events), of_kind(Finished, events)
    assert 0.02 <= gathered.seconds <= finished.seconds == result.seconds < 30
    assert sum(event.seconds for event in of_kind(Changed, events)) <= result.seconds
    assert all(0 <= event.seconds < 30 for event in of_kind(Changed, events))


def test_a_host_that_holds_is_only_looked_at() -> None:
    """Nothing is sent that changes, and nothing is waited for."""
    result, host, _ = run(HELD, look(HELD))
    assert (result.outcome, result.changes, host.exchanges) == ("ok", [], 1)
    assert result.differs is False


def test_what_starts_by_itself_is_waited_for() -> None:
    """What holds but is not ready yet is watched, without a lock and without a change."""
    result, host, _ = run(SLOW, look(SLOW), evidence(facts(HELD)) + "@ done\n")
    assert (result.outcome, result.verdicts["demo"].state) == ("ok", "healthy")
    body = host.scripts[1].text[libraries_end(host.scripts[1]) :]
    assert "take_lock" not in body
    assert "await 60 " in body


def test_a_wait_goes_on_while_there_is_time() -> None:
    """A round that shows it still starting is followed by another, for the time that is left."""
    case = {**SLOW, "host": {"ready_timeout": 60}}
    still, then = evidence(facts(SLOW)) + "@ done\n", evidence(facts(HELD)) + "@ done\n"
    result, host, _ = run(case, look(case), still, then)
    assert (result.outcome, host.exchanges) == ("ok", 3)


def test_the_host_waits_for_the_time_that_is_left() -> None:
    """Not for the whole of it once more; a part of a second is a second."""
    case = {**SLOW, "host": {"ready_timeout": 2.4}}
    _, host, _ = run(case, look(case), evidence(facts(HELD)) + "@ done\n")
    assert "await 3 " in host.scripts[1].text[libraries_end(host.scripts[1]) :]


def test_what_the_look_found_down_is_given_a_wait() -> None:
    """Its manager starts it again and again: that was seen once only, and it may come up."""
    case = {**HELD, "facts": {"holds": "desired", "services": {"demo": "restarting 1"}}}
    result, host, _ = run(case, look(case), evidence(facts(HELD)) + "@ done\n")
    assert (result.outcome, host.exchanges) == ("ok", 2)
    down, still = evidence(facts(case)) + "@ done\n", look(case)
    result, host, _ = run(case, still, down)
    assert (result.outcome, host.exchanges) == ("failed", 2)
    assert "demo is down" in str(result.error)


def test_without_waiting() -> None:
    """`--no-wait`: changed and not watched; what was started may not be ready."""
    changes = planned(NEW, wait=False).changes
    result, host, _ = run(NEW, look(NEW), done(range(len(changes))) + "@ done\n", wait=False)
    assert (result.outcome, result.verdicts, host.exchanges) == ("changed", {}, 2)
    assert "await" not in host.scripts[1].text[libraries_end(host.scripts[1]) :]


# --- --check ------------------------------------------------------------------------------------


def test_check_looks_and_plans_only() -> None:
    """One exchange, the look, which asks no URL; each change is planned; nothing is copied."""
    result, host, events = run(NEW, look(NEW), check=True)
    assert (result.outcome, result.differs, host.exchanges) == ("changed", True, 1)
    assert {change.outcome for change in result.changes} == {"planned"}
    assert [change.change for change in result.changes] == list(planned(NEW, wait=False).changes)
    assert host.copied == []
    assert of_kind(Changed, events) == []
    assert len(of_kind(Planned, events)) == 1
    body = host.scripts[0].text[libraries_end(host.scripts[0]) :]
    assert "ask_urls" not in body
    assert "take_lock" not in body


def test_a_check_judges_by_what_it_may_ask() -> None:
    """An API that nobody asked is no API that does not answer: the host holds."""
    env = {"API_SERVER_ENABLED": "true", "API_SERVER_KEY": "k" * 20}
    case = {"desired": {"demo": {"env": env}}, "facts": {"holds": "desired"}}
    assert [watch for watch in planned({**case, "facts": {}}).watches if watch.urls]
    unasked = said(replace(facts(case), answers={}))
    result, _, _ = run(case, unasked, check=True)
    assert (result.outcome, result.differs) == ("ok", False)


def test_a_check_does_not_wait() -> None:
    """What is not ready differs; nobody waits for it."""
    result, host, _ = run(SLOW, look(SLOW), check=True)
    assert (result.outcome, result.differs, host.exchanges) == ("ok", True, 1)


def test_a_check_tells_what_could_not_be() -> None:
    """Behind a change that cannot be, the others of its profile are skipped; of others, none."""
    case = read_case(CASES / "one_broken_profile_among_two.yml")
    result, _, _ = run(case, look(case), check=True)
    ends: dict[str | None, list[str]] = {}
    for end in result.changes:
        ends.setdefault(end.change.profile, []).append(end.outcome)
    (bad,) = (profile for profile, words in ends.items() if "failed" in words)
    assert set(ends.pop(bad)) == {"failed"}
    assert {word for words in ends.values() for word in words} == {"planned"}
    assert result.outcome == "failed"
    refused = next(end for end in result.changes if end.outcome == "failed")
    assert refused.because


def test_behind_what_cannot_be_the_rest_is_skipped() -> None:
    """Of the same profile, and it is said why; before it, and of others, all is as planned."""

    def change(profile: str, step: str, message: str = "") -> Change:
        operation = Refuse(message) if message else MakeFolder(PurePosixPath(step), None)
        return Change(step, profile, step, "make", "absent", operation)

    changes = [
        change("a", "one"), change("b", "one", "it cannot be"), change("a", "two"),
        change("b", "two"), change("b", "three"), change("a", "three", "nor this"),
    ]  # fmt: skip
    assert [(end.outcome, end.because) for end in as_planned(changes)] == [
        ("planned", None), ("failed", "it cannot be"), ("planned", None),
        ("skipped", "one failed"), ("skipped", "one failed"), ("failed", "nor this"),
    ]  # fmt: skip


# --- somebody else ------------------------------------------------------------------------------


def test_what_moved_once_is_looked_at_again() -> None:
    """The second plan is made of a new look, and what it did is told."""
    result, host, events = run(NEW, look(NEW), moved(NEW), look(NEW), applied(NEW))
    assert (result.outcome, host.exchanges) == ("changed", 4)
    assert {change.outcome for change in result.changes} == {"done"}
    assert "looking again" in of_kind(Noted, events)[0].what


def test_what_moved_before_the_second_look_holds() -> None:
    """Another run did all that was to be done: nothing is left, and nothing of ours was done."""
    result, _, _ = run(NEW, look(NEW), moved(NEW), look(HELD))
    assert (result.outcome, result.changes) == ("ok", [])


def test_what_was_done_before_is_still_told() -> None:
    """Of a run that was half done when the rest had moved, the first half is not forgotten."""
    changes = planned(NEW).changes
    half = "@ change 0 done\n" + f"@ moved {' '.join(map(str, range(1, len(changes))))}\n@ done\n"
    result, _, _ = run(NEW, look(NEW), half, look(HELD))
    assert [end.outcome for end in result.changes] == ["done"]
    assert result.outcome == "changed"


def test_what_was_done_comes_before_what_is_done_next() -> None:
    """Of two plans, each change that was made is told once, in the order in which they were."""
    changes = planned(NEW).changes
    half = "@ change 0 done\n" + f"@ moved {' '.join(map(str, range(1, len(changes))))}\n@ done\n"
    result, _, _ = run(NEW, look(NEW), half, look(NEW), applied(NEW))
    assert len(result.changes) == 1 + len(changes)
    assert {end.outcome for end in result.changes} == {"done"}
    assert result.changes[0].change == changes[0]


def test_what_moves_three_times_is_unknown() -> None:
    """Nobody fights for a host: after three looks it is said that somebody else changes it."""
    result, host, events = run(NEW, *[look(NEW), moved(NEW)] * 3)
    assert (result.outcome, host.exchanges) == ("unknown", 6)
    assert isinstance(result.error, Unknown)
    assert (result.error.kind, result.error.exit_code) == ("changed_since_look", 4)
    assert "demo" in str(result.error)
    assert len(of_kind(Noted, events)) == 2


def test_a_lock_that_is_held() -> None:
    """Who holds it at last, since when and why; nothing was done, and the exit code is 5."""
    owner = {"operator": "ann@desk", "run": "r1", "since": "09:00", "why": "tokens"}
    owners = ({"operator": "bob"}, owner)
    held = "".join(f"@ begin lock-held\n{json.dumps(one)}\n@ end\n" for one in owners)
    held += "@ lock-refused\n"
    result, _, events = run(NEW, look(NEW), held)
    assert isinstance(result.error, Locked)
    assert (result.outcome, result.error.exit_code) == ("failed", 5)
    assert "ann@desk, run r1, since 09:00 (tokens)" in str(result.error)
    assert "box" in str(result.error)
    assert "rm -r ~/.local/state/hermes-ops/lock" in result.error.hint
    assert {end.outcome for end in result.changes} == {"skipped"}
    assert [what in one.what for one, what in zip(of_kind(Waiting, events), ("bob", "ann@desk"),
                                                  strict=True)] == [True, True]  # fmt: skip


@pytest.mark.parametrize("owner", ["", "no JSON", "{}"])
def test_an_owner_that_cannot_be_read(owner: str) -> None:
    """A lock whose owner is not told, or not by us, is held all the same."""
    held = f"@ begin lock-held\n{owner}\n@ end\n@ lock-refused\n"
    result, _, _ = run(NEW, look(NEW), held)
    assert isinstance(result.error, Locked)


def test_the_lock_of_a_dead_run() -> None:
    """That it was taken over is told, and whose it was."""
    taken = '@ begin lock-taken-over\n{"operator": "bob"}\n@ end\n'
    result, _, events = run(NEW, look(NEW), taken + applied(NEW))
    assert result.outcome == "changed"
    assert "dead run: bob" in of_kind(Noted, events)[0].what


# --- it breaks ----------------------------------------------------------------------------------

DUE: dict[str, Any] = {
    "desired": {"demo": {"env": {"TELEGRAM_BOT_TOKEN": "123456:abcdefgh"}}},
    "facts": {"holds": "desired", "owes": {"hermes-gateway-demo": ""}},
}
"""A host with a bot that is to be restarted."""


@pytest.mark.parametrize("ends", ["done", "failed exit 1"])
def test_behind_a_restart_that_failed_nobody_has_a_turn(ends: str) -> None:
    """Whoever restarts a bot of the same platform next would fail in the same way."""
    turns = Turns(["box", "next"])
    result, _, _ = run(DUE, look(DUE), f"@ change 0 {ends}\n@ done\n", turns=turns, wait=False)
    assert [end.outcome for end in result.changes] == [ends.partition(" ")[0]]
    turns.ask("next", ["telegram"])
    assert turns.wait("next").partition(" ")[0] == ("" if ends == "done" else "box")


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ("", "ok"), ("skipped", "ok"), ("done skipped", "changed"), ("planned", "changed"),
        ("done failed", "failed"), ("failed moved", "unknown"), ("failed unknown", "unknown"),
    ],
)  # fmt: skip
def test_how_changes_end_is_how_their_host_does(ends: str, outcome: str) -> None:
    """What nobody knows counts more than what failed, and that more than what was done."""
    change = planned(NEW).changes[0]
    made = [Done(change, word) for word in ends.split()]
    assert outcome_of_changes(HostResult(desired(NEW).host, changes=made)) == outcome


def test_lost_in_the_middle() -> None:
    """What was heard of is done; of the rest nobody knows, and the host is unknown."""
    result, _, _ = run(NEW, look(NEW), "@ change 0 done\n@ change 1 failed exit 1\n")
    assert [end.outcome for end in result.changes][:3] == ["done", "failed", "unknown"]
    assert isinstance(result.error, Unknown)
    assert (result.outcome, result.error.exit_code, result.error.kind) == ("unknown", 4, "lost")
    assert "during the changes" in str(result.error)


def test_no_end_within_the_deadline() -> None:
    """What was heard of until then stays known."""
    late = Unknown("no answer within 9 s", kind="timeout")
    result, _, _ = run(NEW, look(NEW), ["@ change 0 done\n", late])
    assert (result.outcome, result.error) == ("unknown", late)
    assert [end.outcome for end in result.changes][:2] == ["done", "unknown"]


def test_lost_while_looking() -> None:
    """Half an answer is none; what the host said beside it is in the hint."""
    result, _, _ = run(NEW, "@ user 1000 hermes\nout of memory\n@ home /home")
    assert isinstance(result.error, Unknown)
    assert (result.outcome, result.plan, result.changes) == ("unknown", None, [])
    assert "out of memory" in result.error.hint


@pytest.mark.parametrize(
    "answer",
    [
        "@ done\n",
        "@ user\n@ done\n",
        look(NEW).replace("@ user 1000 hermes", "@ user many hermes"),
        look(NEW).replace("@ now ", "@ now about "),
        look(NEW).replace("@ begin paths\n", "@ begin paths\nwhat is this\n"),
        look(NEW).replace("@ begin http", "@ process 12 S 1\n@ begin http"),
    ],
)
def test_an_answer_that_is_not_understood(answer: str) -> None:
    """A host that tells nonsense is unknown, whatever it said, and no other host is touched."""
    result, _, events = run(NEW, answer)
    assert (result.outcome, result.plan) == ("unknown", None)
    assert isinstance(result.error, Unknown)
    assert (result.error.kind, result.error.exit_code) == ("not_understood", 4)
    assert of_kind(Finished, events)[0].outcome == "unknown"


@pytest.mark.parametrize("record", ["change many done", "change 4711 done", "starts x", "moved x"])
def test_a_record_that_is_not_understood(record: str) -> None:
    """While changing, too: what ended before it is known, and the rest is unknown."""
    result, _, _ = run(NEW, look(NEW), f"@ change 0 done\n@ {record}\n@ done\n")
    assert result.outcome == "unknown"
    assert [end.outcome for end in result.changes][:2] == ["done", "unknown"]
    assert isinstance(result.error, Unknown)
    assert result.error.kind == "not_understood"


def test_a_host_that_gives_up() -> None:
    """What the host says of why it cannot be changed is the error; nothing was begun there."""
    result, _, _ = run(NEW, look(NEW), "@ fatal the home folder cannot be entered\n")
    assert (result.outcome, str(result.error)) == ("failed", "the home folder cannot be entered")
    assert {end.outcome for end in result.changes} == {"skipped"}


def test_a_change_that_fails() -> None:
    """Its words and its output are told; what follows of its profile names it."""
    answer = "@ change 0 done\n@ begin output 1\n\nno space left\n@ end\n@ change 1 failed exit 1\n"
    answer += done(range(2, len(planned(NEW).changes)), "skipped") + "@ done\n"
    result, host, _ = run(NEW, look(NEW), answer)
    ends = result.changes
    assert (ends[1].outcome, ends[1].because) == ("failed", "exit 1: no space left")
    own = [end.because for end in ends[2:] if end.change.profile == "demo"]
    assert set(own) == {f"{ends[1].change.step} failed"}
    assert (result.outcome, result.error, host.exchanges) == ("failed", None, 2)
    assert result.verdicts == {}, "what was not started is not waited for"


def test_why_something_was_skipped() -> None:
    """For its own profile's failure, the host's, or because another must be ready first."""
    case = {"desired": {"one": {}, "two": {"after": ["one"]}}, "facts": {}}
    changes = planned(case).changes
    ends = [
        "failed exit 1" if n == 0 else "skipped" if c.profile != "two" else "done"
        for n, c in enumerate(changes[:-1])
    ]
    told = "".join(f"@ change {n} {word}\n" for n, word in enumerate([*ends, "skipped"]))
    result, _, _ = run(case, look(case), f"{told}@ done\n")
    first, *_, last = result.changes
    assert (first.change.profile, last.change.profile) == ("one", "two")
    assert last.because == "one must be ready first"
    own = {end.because for end in result.changes[1:] if end.change.profile == "one"}
    assert own == {f"{first.change.step} failed"}
    linger = next(n for n, change in enumerate(changes) if change.profile is None)
    words = ["failed no" if n == linger else "skipped" for n in range(len(changes))]
    told = "".join(f"@ change {n} {word}\n" for n, word in enumerate(words))
    result, _, _ = run(case, look(case), f"{told}@ done\n")
    assert result.changes[-1].because == f"{changes[linger].step} failed"


def test_no_connection() -> None:
    """The host is unreachable, for the reason that the transport gives; each attempt is told."""
    events: list[Event] = []
    gone = Unreachable("box refuses the connection")
    how = Settings(connect=connecting(box=gone))
    result = converged(desired(NEW), how, events)
    assert (result.outcome, result.error, result.exchanges) == ("unreachable", gone, 0)
    assert [event.attempt for event in of_kind(Connecting, events)] == [1]


def test_further_attempts_are_told() -> None:
    """Number and reason of every one."""
    events: list[Event] = []

    def connect(_host: object, *, retry: Callable[[int, str], None], **_: object) -> FakeTransport:
        retry(2, "it hung up")
        return FakeTransport([look(HELD)])

    converged(desired(HELD), Settings(connect=connect), events)
    assert [(e.attempt, e.why) for e in of_kind(Connecting, events)] == [(1, ""), (2, "it hung up")]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Unreachable("x"), "unreachable"), (Unknown("x"), "unknown"), (Locked("x"), "failed"),
        (HermesError("x"), "failed"),
    ],
)  # fmt: skip
def test_errors_have_their_outcome(error: HermesError, outcome: str) -> None:
    """Not reached is not unknown is not failed."""
    assert outcome_of(error) == outcome
    result, _, _ = run(NEW, error)
    assert (result.outcome, result.error) == (outcome, error)


# --- rights -------------------------------------------------------------------------------------


def test_who_may_not_change_a_host_is_told_how_it_is() -> None:
    """The look knew it: nothing is unknown, and what differs was not compared."""
    case = {**HELD, "host": {"manager": "systemd-system"}}
    answer = look(HELD).replace("@ done", "@ root no\n@ done")
    result, *_ = run(case, answer)
    assert isinstance(result.error, MissingPrivilege)
    assert (result.outcome, result.changes) == ("failed", [])
    (seen,) = seen_after(result, roles()).profiles
    assert (seen.verdict.state, seen.drift) == ("degraded", None)
    assert seen.verdict.reasons[0] == "systemd runs it, not systemd-system"


# --- linger -------------------------------------------------------------------------------------


def lingering(policy: str, word: str) -> HostResult:
    """Converge a host on which the change that enables linger ends in this way."""
    case = {**NEW, "host": {"linger": policy}}
    numbers = {c.resource: n for n, c in enumerate(planned(case).changes)}
    at = numbers["linger"]
    others = done(number for number in numbers.values() if number != at)
    end = f"@ change {at} {word}\n{others}{evidence(facts(HELD))}@ done\n"
    return run(case, look(case), end)[0]


def test_linger_that_nobody_may_enable() -> None:
    """Where it is required that is an error, with what root has to type."""
    result = lingering("required", "failed exit 77")
    assert isinstance(result.error, MissingPrivilege)
    assert "loginctl enable-linger hermes" in result.error.hint
    (linger,) = (end for end in result.changes if end.change.resource == "linger")
    assert (linger.outcome, linger.because) == ("failed", "exit 77")
    assert result.outcome == "failed"


def test_a_service_manager_that_does_not_start() -> None:
    """That is no question of rights, and root is told where to look."""
    result = lingering("required", "failed exit 1")
    assert (result.outcome, type(result.error)) == ("failed", CommandError)
    assert result.error
    assert result.error.message == "no service of hermes can be started: exit 1"
    assert "loginctl user-status hermes" in result.error.hint


def test_linger_that_need_not_be() -> None:
    """Where it is optional it is skipped, and all the rest is done."""
    result = lingering("optional", "failed not allowed")
    assert (result.outcome, result.error) == ("changed", None)
    assert [d.outcome for d in result.changes if d.change.resource == "linger"] == ["skipped"]


# --- readiness ----------------------------------------------------------------------------------


def test_not_ready_in_time() -> None:
    """State and reasons are told, and where the log is; the host failed, its changes are done."""
    case = {**NEW, "host": {"ready_timeout": 0.05}}
    late = done(range(len(planned(case).changes))) + evidence(facts(SLOW)) + "@ done\n"
    result, _, _ = run(case, look(case), [late, 0.1])
    assert isinstance(result.error, NotReady)
    assert (result.outcome, result.error.kind) == ("failed", "not_ready")
    assert str(result.error).startswith("demo is starting (")
    assert "log" in result.error.hint
    assert {change.outcome for change in result.changes} == {"done"}


def test_the_end_of_its_log_is_the_hint() -> None:
    """What the host sent of the log of one that is not ready stands there, and no other's."""
    case = {**NEW, "host": {"ready_timeout": 0.05}}
    late = done(range(len(planned(case).changes))) + evidence(facts(FAILED))
    logs = "@ begin log demo\nline one\nline two\n@ end\n@ begin log other\nnot mine\n@ end\n"
    result, _, _ = run(case, look(case), late + logs + "@ done\n")
    assert result.error is not None
    assert result.error.hint.splitlines() == [
        "the log of demo ends:", "      line one", "      line two",
    ]  # fmt: skip


def test_what_failed_for_good_is_not_waited_for() -> None:
    """The time may not be over: there is nothing to wait for."""
    late = done(range(len(planned(NEW).changes))) + evidence(facts(FAILED)) + "@ done\n"
    result, host, _ = run(NEW, look(NEW), late)
    assert host.exchanges == 2
    assert "demo is down" in str(result.error)


def test_what_somebody_else_stopped_is_not_waited_for() -> None:
    """That is told, and no log, which says nothing about it."""
    gone = {"desired": {"demo": {}}, "facts": {"holds": "desired", "services": {"demo": "stopped"}}}
    late = done(range(len(planned(NEW).changes))) + evidence(facts(gone))
    log = "@ begin log demo\nline one\n@ end\n@ done\n"
    result, host, _ = run(NEW, look(NEW), late + log)
    assert host.exchanges == 2
    assert isinstance(result.error, NotReady)
    assert str(result.error) == "demo is stopped (somebody else stopped it during this run)"
    assert result.error.hint == ""


def test_what_cannot_be_told_is_looked_at_again() -> None:
    """A process that ended while it was looked at may be back the next moment."""
    gone = replace(facts(HELD), processes={})
    vague = done(range(len(planned(NEW).changes))) + evidence(gone) + "@ done\n"
    result, host, _ = run(NEW, look(NEW), vague, evidence(facts(HELD)) + "@ done\n")
    assert (result.outcome, result.verdicts["demo"].state, host.exchanges) == (
        "changed", "healthy", 3,
    )  # fmt: skip


def test_what_could_not_be_started_is_not_waited_for() -> None:
    """Its start failed, and nothing else: the host failed, and nobody looks at it any longer."""
    last = len(planned(NEW).changes) - 1
    result, host, _ = run(NEW, look(NEW), f"{done(range(last))}@ change {last} failed no\n@ done\n")
    assert (result.outcome, result.verdicts, host.exchanges) == ("failed", {}, 2)


def test_what_has_not_settled_is_not_ready() -> None:
    """It must have run for the time that the inventory says."""
    (watch,) = planned(NEW).watches
    wanted = desired(NEW).host
    for settle, state in ((3, "healthy"), (100_000, "starting")):
        verdict = verdict_of(watch, "systemd", facts(HELD), replace(wanted, settle=settle))
        assert verdict.state == state


@pytest.mark.slow
def test_time_that_was_waited_already_counts() -> None:
    """A host that waited out its time while it changed is not waited for a second time."""
    case = {**NEW, "host": {"ready_timeout": 0.2}}
    first = done(range(len(planned(case).changes))) + evidence(facts(SLOW))
    result, host, _ = run(case, look(case), [first, 0.25, evidence(facts(SLOW)) + "@ done\n"])
    assert result.waited >= 0.25
    assert host.exchanges == 2
    assert isinstance(result.error, NotReady)


def test_the_last_whole_round_counts() -> None:
    """A round that broke off says less than the one before it."""
    end = evidence(facts(HELD)) + "@ round\n@ round\n@ done\n"
    result, _, _ = run(NEW, look(NEW), done(range(len(planned(NEW).changes))) + end)
    assert (result.outcome, result.verdicts["demo"].state) == ("changed", "healthy")


# --- what is carried ----------------------------------------------------------------------------

BARE: dict[str, Any] = {"desired": {"demo": {}}, "facts": {"hermes": None}}
"""A host without Hermes."""


def test_without_the_wheel_of_pip(tmp_path: Path) -> None:
    """A clone without it says so; nothing was changed on the host."""
    result, host, _ = run(BARE, look(BARE))
    assert isinstance(result.error, NotReady)
    assert (result.outcome, host.exchanges, host.copied) == ("failed", 1, [])
    assert "pip's wheel is missing" in str(result.error)
    assert "vendor" in result.error.hint


def test_pip_goes_along_where_something_is_installed(tmp_path: Path) -> None:
    """It is there before the script; the Hermes that was installed is known afterwards."""
    (tmp_path / "pip-1.whl").write_text("wheel")
    result, host, events = run(BARE, look(BARE), applied(BARE), pip=tmp_path / "pip-1.whl")
    assert host.copied == [("pip-1.whl", str(apply.PIP))]
    assert [event.what for event in of_kind(Pushing, events)] == ["pip"]
    assert result.facts is not None
    assert result.facts.hermes is not None
    assert result.facts.hermes.version == "0.19.0"


def test_an_installation_that_failed_is_no_program(tmp_path: Path) -> None:
    """The host has no more than it had, whatever the plan meant to give it."""
    (tmp_path / "pip-1.whl").write_text("wheel")
    failed = "@ change 0 failed exit 1\n" + done(range(1, len(planned(BARE).changes)))
    result, _, _ = run(BARE, look(BARE), failed + "@ done\n", pip=tmp_path / "pip-1.whl")
    assert result.facts is not None
    assert (result.facts.hermes, result.outcome) == (None, "failed")


@pytest.mark.slow
def test_wheels_go_along_to_a_host_without_an_index(tmp_path: Path) -> None:
    """They are asked for once, for the host's own kind, and told by what they are for."""
    (tmp_path / "pip-1.whl").mkdir()
    (tmp_path / "pip-1.whl/pip").write_text(
        "import pathlib, sys\n"
        "folder = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])\n"
        "(folder / 'agent.whl').write_text('wheel')\n"
    )
    case = {**BARE, "facts": {"hermes": None, "has_route": False}}
    how = {"pip": tmp_path / "pip-1.whl", "cache": tmp_path / "cache"}
    _, host, events = run(case, look(case), applied(case), **how)
    assert host.copied == [
        ("pip-1.whl", str(apply.PIP)), ("agent.whl", f"{apply.WHEELS}/agent.whl"),
    ]  # fmt: skip
    assert [event.what.split("==")[0] for event in of_kind(Pushing, events)] == [
        "pip", "the wheels of hermes-agent",
    ]  # fmt: skip


def test_nothing_is_carried_where_nothing_is_installed(tmp_path: Path) -> None:
    """A host that has Hermes gets no pip."""
    _, host, _ = run(NEW, look(NEW), applied(NEW), pip=tmp_path / "pip-1.whl")
    assert host.copied == []


# --- how long -----------------------------------------------------------------------------------


def test_everything_that_takes_time_is_in_the_deadline() -> None:
    """Exchange, lock, installations, drains, and a wait for each wave of starts and the first.

    Where the connection is not needed to the end, the commands of the plan, too.
    """
    case: dict[str, Any] = {
        "desired": {"one": {}, "two": {"after": ["one"]}}, "facts": {"hermes": None},
        "host": {"ready_timeout": 40},
    }  # fmt: skip
    plan = planned(case)
    installs = sum(isinstance(change.operation, Install) for change in plan.changes)
    assert (installs, {watch.wave for watch in plan.watches}) == (1, {0, 1})
    exchange = plan.host.connection.exchange_timeout
    assert deadline(plan, Settings(lock_timeout=7)) == exchange + 7 + 900 + 2 * 40
    slow = [
        replace(change, operation=replace(change.operation, drain=30))
        for change in plan.changes
        if isinstance(change.operation, Control)
    ]
    draining = replace(plan, changes=tuple(slow))
    assert deadline(draining, Settings(lock_timeout=7)) == exchange + 7 + 2 * 30 + 2 * 40
    stops = [
        replace(change, operation=replace(change.operation, drain=30, verb="stop"))
        for change in plan.changes
        if isinstance(change.operation, Control)
    ]
    stopping = replace(plan, changes=tuple(stops))
    ends = 2 * (PATIENCE + KILLING)
    assert deadline(stopping, Settings(lock_timeout=7)) == exchange + 7 + 2 * 30 + 2 * 40 + ends
    command = Change("s", "one", "c", "run", "why", RunCommand(("copy",), 300))
    running = replace(plan, changes=(command,), watches=(), whole=True)
    assert deadline(running, Settings(lock_timeout=7)) == exchange + 7 + 300 + 40


def test_the_deadline_is_the_transports() -> None:
    """The exchange that changes has it; the look has the transport's own."""
    _, host, _ = run(NEW, look(NEW), applied(NEW), lock_timeout=11)
    assert host.timeouts == [None, deadline(planned(NEW), Settings(lock_timeout=11))]


def test_what_a_script_is_told() -> None:
    """The owner of the lock, how long to wait for it, and how long for readiness."""
    case = {**NEW, "host": {"ready_timeout": 41.6}}
    _, host, _ = run(case, look(case), applied(case), owner={"operator": "ann"}, lock_timeout=9)
    body = host.scripts[1].text[libraries_end(host.scripts[1]) :]
    assert """take_lock 9 '{"operator": "ann"}'""" in body
    assert "await 42 " in body


# --- what is told of it -------------------------------------------------------------------------


def test_values_of_the_host_are_learned() -> None:
    """Every value of a `.env`, and what stands under a credential's name in a config.yaml."""
    known: list[str] = []
    case = {
        "desired": {"demo": {}},
        "facts": {
            "files": {
                ".hermes/profiles/demo/.env": "A_TOKEN='quoted-value'\nexport B = plain-value\n",
                ".hermes/profiles/demo/config.yaml":
                    "telegram: {bot_token: flow-value, name: bert}\napi_key: 'block-value'\n",
            }
        },
    }  # fmt: skip
    run(case, look(case), check=True, learn=known.append)
    assert {"quoted-value", "plain-value", "flow-value", "block-value"} <= set(known)
    assert "bert" not in known


def test_the_trace_is_of_the_host() -> None:
    """`-v`: each line is told with the name of its host."""
    lines: list[tuple[str, str]] = []
    run(NEW, look(NEW), check=True, trace=lambda host, line: lines.append((host, line)))
    assert {host for host, _ in lines} == {"box"}
    assert "← user 1000 hermes" in [line for _, line in lines]


def test_a_look_asks_for_what_is_to_be_seen() -> None:
    """URLs only where they may be asked, strangers only where they are wanted."""
    bodies = []
    every: list[dict[str, Any]] = [{}, {"urls": False}, {"strangers": True}]
    for named in every:
        host = FakeTransport([look(HELD)])
        found: Facts = gather(desired(HELD), host, lambda _: None, **named)
        assert found.user == "hermes"
        bodies.append(host.scripts[0].text[libraries_end(host.scripts[0]) :])
    assert ["ask_urls" in body for body in bodies] == [True, False, True]
    assert ["look_profiles" in body for body in bodies] == [False, False, True]
