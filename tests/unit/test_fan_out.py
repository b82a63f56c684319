"""One piece of work on every host: each has its outcome, whatever happens to the others."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from building import NEW, roles
from faking import FakeTransport, connecting, done, said
from patience import soon

from hermes_ops.commands.fleet.verify import reach
from hermes_ops.commands.look_hosts import look_hosts
from hermes_ops.commands.secrets.ask_hosts import ask
from hermes_ops.errors import (
    CommandError,
    HermesError,
    Interrupted,
    NotUnderstood,
    Unknown,
    Unreachable,
)
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.plan import DesiredState
from hermes_ops.plan.desired import desired_state
from hermes_ops.reporting.events import Event, Finished, Raised
from hermes_ops.run import (
    Connections,
    HostOutcome,
    HostResult,
    Rules,
    Settings,
    converge_hosts,
    over_hosts,
)
from hermes_ops.tasks import graph
from hermes_ops.tasks.executor import step_plans
from hermes_ops.transport import Transport
from hermes_ops.wire import OnRecord, Reply, Script

NAMES = ("one", "two", "three")
HOSTS = [Host(name) for name in NAMES]
ALL_AT_ONCE = Rules()
Ways = dict[str, FakeTransport]


def ways(*names: str) -> Ways:
    """Return a way to each of these hosts."""
    return {name: FakeTransport([]) for name in names or NAMES}


def reaching(there: Ways, **more: Any) -> Settings:
    """Return settings with which the hosts are reached on these ways."""
    return Settings(connect=connecting(**there), **more)


def each(
    act: Callable[[str], object],
    rules: Rules = ALL_AT_ONCE,
    *,
    there: Ways | None = None,
    **named: Any,
) -> list[HostOutcome[str]]:
    """Do something on every host; its value is the host's name in capitals."""

    def work(host: Host, transport: Transport) -> str:
        act(host.name)
        return host.name.upper()

    return over_hosts(HOSTS, work, rules, reaching(there or ways()), **named)


def at(name: str, act: Callable[[], object]) -> Callable[[str], object]:
    """Do it on this host alone."""
    return lambda host: act() if host == name else None


def raising(error: BaseException) -> Callable[[], object]:
    """Return what raises."""

    def act() -> object:
        raise error

    return act


MISTAKES = [
    KeyError("user"), ValueError("x"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"),
    AttributeError("x"), IndexError("x"), RecursionError("x"), MemoryError(), OSError("x"),
    AssertionError(), SystemExit(3), GeneratorExit(),
]  # fmt: skip


@pytest.mark.parametrize("error", MISTAKES, ids=lambda error: type(error).__name__)
def test_any_exception_is_its_own_hosts(error: BaseException) -> None:
    """What nobody expected makes one host unknown, says which, and costs no other its value."""
    outcomes = each(at("two", raising(error)))
    assert [outcome.host for outcome in outcomes] == HOSTS
    assert [outcome.value for outcome in outcomes] == ["ONE", None, "THREE"]
    assert [outcome.word for outcome in outcomes] == ["ok", "unknown", "ok"]
    failure = outcomes[1].failure
    assert isinstance(failure, NotUnderstood)
    assert (failure.kind, failure.exit_code) == ("not_understood", 4)
    assert "two" in str(failure)
    assert type(error).__name__ in str(failure)


@pytest.mark.parametrize(
    ("error", "word"),
    [(CommandError("x"), "failed"), (Unreachable("x"), "unreachable"), (Unknown("x"), "unknown")],
)
def test_an_error_of_ours_stays_as_it_is(error: HermesError, word: str) -> None:
    """A failure that has words is the host's own, with its kind; the others have their values."""
    outcomes = each(at("one", raising(error)))
    assert outcomes[0].failure is error
    assert [outcome.word for outcome in outcomes] == [word, "ok", "ok"]
    assert [outcome.value for outcome in outcomes] == [None, "TWO", "THREE"]


def test_a_connection_that_cannot_be_made_is_one_hosts() -> None:
    """Whatever happens while connecting, too, is the outcome of that host alone."""
    outcomes = each(lambda _: None, there=ways("one", "three"))
    assert [outcome.value for outcome in outcomes] == ["ONE", None, "THREE"]
    assert isinstance(outcomes[1].failure, NotUnderstood)


def test_the_words_of_an_exception_stay_inside() -> None:
    """Where it happened is told, to `-v` and the journal too; what a host sent is in no word."""
    events: list[Event] = []
    shown: list[str] = []
    way = ways()
    settings = Settings(
        connect=connecting(**way), trace=lambda host, line: shown.append(f"{host} {line}")
    )

    def work(host: Host, transport: Transport) -> int:
        return int("hunter2")

    (outcome,) = over_hosts(HOSTS[:1], work, ALL_AT_ONCE, settings, events.append)
    (raised,) = (event for event in events if isinstance(event, Raised))
    assert any("test_fan_out.py" in line for line in raised.trace)
    assert any("ValueError" in line for line in raised.trace)
    assert [f"one {line}" for line in raised.trace] == shown
    assert "hunter2" not in f"{outcome.failure}{shown}".replace('int("hunter2")', "")


def test_every_host_ends_with_an_event() -> None:
    """The journal hears how each host ended, and why."""
    events: list[Event] = []
    each(at("two", raising(CommandError("broken"))), emit=events.append)
    ended = {e.host: (e.outcome, e.message) for e in events if isinstance(e, Finished)}
    assert ended == {"one": ("ok", ""), "two": ("failed", "broken"), "three": ("ok", "")}


# --- when the run ends before the work --------------------------------------------------------


class Hang:
    """Work that goes on until the test is over."""

    def __init__(self) -> None:
        self.begun, self.over = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        self.over.wait(10)

    def __enter__(self) -> Hang:
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()


def test_the_deadline() -> None:
    """At the deadline a host in flight is unknown, one that waits is skipped, values are kept."""
    way = ways()
    events: list[Event] = []
    with Hang() as hang:
        rules = Rules(forks=1, deadline=time.monotonic() + 0.1)
        one, two, three = each(at("two", hang), rules, there=way, emit=events.append)
        assert way["two"].is_closed
        seen = len(events)
    assert (one.value, one.word) == ("ONE", "ok")
    assert (two.word, two.begun, two.ended) == ("unknown", True, False)
    assert (three.word, three.begun) == ("skipped", False)
    for late in (two, three):
        assert late.failure is not None
        assert late.failure.kind == "timeout"
        assert "deadline" in str(late.failure)
    assert [e.host for e in events if isinstance(e, Finished)] == ["one", "two"]
    time.sleep(0.02)
    assert len(events) == seen, "who was left behind is silent"


@pytest.mark.parametrize("keep", [Connections, lambda: None], ids=["kept", "own"])
def test_a_connection_that_comes_too_late_is_closed(keep: Callable[[], Connections | None]) -> None:
    """A host that is reached only after the deadline is let go at once; nothing is done there."""
    way = ways("one")
    with Hang() as hang:

        def connect(host: Host, **_: Any) -> Transport:
            hang()
            return way[host.name]

        settings, rules = Settings(connect=connect), Rules(deadline=time.monotonic() + 0.05)
        worked: list[str] = []
        (outcome,) = over_hosts(
            HOSTS[:1], lambda host, _: worked.append(host.name), rules, settings, keep=keep()
        )
        assert outcome.word == "unknown"
        assert not way["one"].is_closed
    assert soon(lambda: way["one"].is_closed)
    assert worked == []


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Press Ctrl-C, whatever a test runner does about it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_an_interrupt(ctrl_c: Callable[[], None]) -> None:
    """Ctrl-C keeps the values; hosts in flight are unknown, the rest skipped: 130."""

    def press() -> None:
        hang.begun.wait(5)
        ctrl_c()

    with Hang() as hang:
        caller = threading.Thread(target=press)
        caller.start()
        outcomes = each(at("two", hang), Rules(forks=1))
        caller.join()
    assert [outcome.word for outcome in outcomes] == ["ok", "unknown", "skipped"]
    assert outcomes[0].value == "ONE"
    for outcome in outcomes[1:]:
        assert isinstance(outcome.failure, Interrupted)
        assert outcome.failure.exit_code == 130


def test_max_fail() -> None:
    """Failures of every kind count; the hosts behind them are skipped, with the reason."""
    outcomes = each(at("one", raising(KeyError())), Rules(forks=1, most_failures=0))
    assert [outcome.word for outcome in outcomes] == ["unknown", "skipped", "skipped"]
    assert all("--max-fail" in str(outcome.failure) for outcome in outcomes[1:])
    assert {outcome.failure.kind for outcome in outcomes[1:] if outcome.failure} == {"command"}


def test_what_counts_as_a_failure_may_be_in_the_value() -> None:
    """`word_of` judges values, too: for `--max-fail` and in the event."""
    events: list[Event] = []
    rules = Rules(forks=1, most_failures=0)
    outcomes = each(lambda _: None, rules, word_of=lambda _: "failed", emit=events.append)
    assert [outcome.begun for outcome in outcomes] == [True, False, False]
    assert [e.outcome for e in events if isinstance(e, Finished)] == ["failed"]


def test_an_outcome_is_judged_once() -> None:
    """For `--max-fail` and the event alike: to judge one may mean to plan for its host."""
    judged: list[str] = []

    def word_of(outcome: HostOutcome[str]) -> str:
        judged.append(outcome.host.name)
        return outcome.word

    each(lambda _: None, word_of=word_of)
    assert sorted(judged) == sorted(NAMES)


def test_serial() -> None:
    """With a batch of one no host begins before the last one has ended."""
    order: list[str] = []

    def work(host: Host, transport: Transport) -> None:
        order.append(f"+{host.name}")
        order.append(f"-{host.name}")

    over_hosts(HOSTS, work, Rules(batch=1), reaching(ways()))
    assert order == ["+one", "-one", "+two", "-two", "+three", "-three"]


# --- connections ------------------------------------------------------------------------------


def test_what_is_done_meanwhile() -> None:
    """Once for all batches, while the first one is at work."""
    begun, told = threading.Event(), threading.Event()
    calls: list[bool] = []

    def meanwhile() -> None:
        calls.append(begun.wait(5))
        told.set()

    def work(host: Host, transport: Transport) -> bool:
        del host, transport
        begun.set()
        return told.wait(5)

    how = reaching(ways(), meanwhile=meanwhile)
    outcomes = over_hosts(HOSTS, work, Rules(batch=1), how)
    assert calls == [True]
    assert [outcome.value for outcome in outcomes] == [True, True, True]


def test_connections_are_closed_however_it_ends() -> None:
    """After the work of a host its connection is closed, whatever became of it."""
    way = ways()
    each(at("two", raising(KeyError())), there=way)
    assert all(transport.is_closed for transport in way.values())


def test_a_connection_is_closed_before_the_next_is_made() -> None:
    """Of many hosts only so many are connected as are worked on."""
    way = ways()
    open_then: list[list[str]] = []

    def count(_: str) -> None:
        open_then.append([name for name in NAMES if not way[name].is_closed])

    each(count, Rules(forks=1), there=way)
    assert open_then == [["one", "two", "three"], ["two", "three"], ["three"]]


def test_who_is_left_behind_is_not_kept() -> None:
    """At the deadline the connections of hosts in flight end; those of the others go on."""
    way = ways()
    with Hang() as hang, Connections() as kept:
        each(at("two", hang), Rules(deadline=time.monotonic() + 0.1), there=way, keep=kept)
        assert [way[name].is_closed for name in NAMES] == [False, True, False]


def test_connections_that_are_kept_are_closed_with_the_rest() -> None:
    """Who wants to go on over the same connections does, and closes all of them at once."""
    way = ways()
    with Connections() as kept:
        each(at("two", raising(KeyError())), there=way, keep=kept)
        assert not any(transport.is_closed for transport in way.values())
    assert all(transport.is_closed for transport in way.values())


def test_an_end_that_fails_costs_nothing() -> None:
    """A connection that cannot even be closed takes neither the value nor the other ends."""

    class Broken(FakeTransport):
        def close(self) -> None:
            super().close()
            raise OSError("x")

    way: Ways = {**ways(), "one": Broken([])}
    with Connections() as kept:
        outcomes = each(lambda _: None, there=way, keep=kept)
    assert [outcome.value for outcome in outcomes] == ["ONE", "TWO", "THREE"]
    assert all(transport.is_closed for transport in way.values())


# --- those who use it -------------------------------------------------------------------------

LOOK = said(NEW)
"""A host that has Hermes, and nothing of ours."""
GARBAGE = {
    "nothing of what was asked": "@ done\n",
    "numbers that are none": LOOK.replace("@ user 1000", "@ user many"),
    "a banner and bytes": "\udcff\x1b[31m\n" + LOOK.replace("@ now", "@ now \udcff"),
    "a table of another system": LOOK.replace("@ begin paths\n", "@ begin paths\ntotal 0\n"),
    "a process that is none": LOOK.replace("@ done", "@ process x\n@ done"),
}


def inventory() -> Inventory:
    """Return two hosts, each with a gateway; one of them answers with garbage."""
    hosts = tuple(
        Host(name, profiles=(Profile("demo"),), all_profiles=("demo",)) for name in ("odd", "fine")
    )
    return Inventory(hosts, {}, roles())


def states() -> list[DesiredState]:
    """Return what is wanted of them."""
    return [desired_state(host, roles(), step_plans(graph.start)) for host in inventory().hosts]


def settings(answer: str, fine: str = LOOK, **more: Any) -> Settings:
    """Return settings with which `odd` answers so."""
    return reaching({"odd": FakeTransport([answer]), "fine": FakeTransport([fine])}, **more)


def assert_not_understood(failure: HermesError | None) -> None:
    """Check that it is said of the host `odd` that its answer was not understood."""
    assert isinstance(failure, NotUnderstood)
    assert "odd" in str(failure)


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_a_look(answer: str) -> None:
    """`fleet.ps` and its like know the one host, and say of the other that it is unknown."""
    odd, fine = look_hosts(states(), ALL_AT_ONCE, settings(answer))
    assert_not_understood(odd.failure)
    assert fine.facts is not None
    assert fine.facts.user == "hermes"


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_a_converge(answer: str) -> None:
    """`fleet.up` plans for the one host; the other is unknown, and nothing is changed there."""
    odd, fine = converged(settings(answer, check=True))
    assert (odd.outcome, odd.changes) == ("unknown", [])
    assert_not_understood(odd.error)
    assert fine.outcome == "changed"
    assert fine.changes
    assert (odd.exchanges, fine.exchanges) == (1, 1)


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_a_verification(answer: str) -> None:
    """`fleet.verify` checks the one host, and the other's checks say why they could not be."""
    with Connections() as connections:
        odd, fine = reach(states(), ALL_AT_ONCE, settings(answer), connections)
    assert_not_understood(odd.failure)
    assert fine.value is not None
    assert [service.profile for service in fine.value.services] == ["demo"]


def told(answer: str) -> str:
    """Return what a host sends that tells so of its credentials."""
    return f"@ begin disclosed\n{answer}\n\n@ end\n@ done\n"


NOTHING = '{"profiles": [], "services": [], "shared": {"env": []}, "sticky": ""}'


@pytest.mark.parametrize("answer", ["{}", '{"profiles": [{}]}', '{"profiles": 1}', "[" * 100_000])
def test_a_question_about_credentials(answer: str) -> None:
    """`secrets.lint --live` hears the one host; the other's answer has another shape: unknown."""
    there = inventory()
    how = settings(told(answer), told(NOTHING))
    odd, fine = ask(there.hosts, bytes(32), there, ALL_AT_ONCE, how)
    assert_not_understood(odd.failure)
    assert odd.answer is None
    assert fine.answer == json.loads(NOTHING)
    assert (odd.exchanges, fine.exchanges) == (1, 1)


# --- in the middle of an apply ----------------------------------------------------------------


def converged(how: Settings, rules: Rules = ALL_AT_ONCE) -> list[HostResult]:
    """Converge both hosts."""
    with Connections() as connections:
        return converge_hosts(states(), rules, how, lambda _: None, connections)


def well() -> str:
    """Return the answer of a host on which every change was made."""
    planned = converged(settings(LOOK, check=True))[1].changes
    return f"{done(range(len(planned)))}@ done\n"


def applied(odd: FakeTransport, rules: Rules = ALL_AT_ONCE) -> tuple[HostResult, HostResult]:
    """Converge both hosts, of which one changes as it should."""
    how = reaching({"odd": odd, "fine": FakeTransport([LOOK, well()])}, wait=False)
    first, second = converged(how, rules)
    return first, second


def ends(result: HostResult) -> list[str]:
    """Return how the first three changes of a host ended."""
    return [done.outcome for done in result.changes[:3]]


BEGUN = "@ change 0 done\n@ change 1 failed it is full\n"


@pytest.mark.parametrize("record", ["change x done", "change 99 done", "starts", "output x"])
def test_an_apply_whose_answer_is_garbage(record: str) -> None:
    """What had been done by then is told, the rest is unknown; the other host is changed."""
    odd, fine = applied(FakeTransport([LOOK, f"{BEGUN}@ {record}\n{well()}"]))
    assert_not_understood(odd.error)
    assert (odd.outcome, ends(odd)) == ("unknown", ["done", "failed", "unknown"])
    assert (fine.outcome, set(ends(fine))) == ("changed", {"done"})


def test_an_apply_that_is_too_slow() -> None:
    """When an exchange ends at its deadline, what was heard until then has happened."""
    slow = Unknown("no answer within 1 s", kind="timeout")
    first, fine = applied(FakeTransport([LOOK, [BEGUN, slow]]))
    assert (first.outcome, ends(first)) == ("unknown", ["done", "failed", "unknown"])
    assert fine.outcome == "changed"


class Stopping(FakeTransport):
    """A host whose second answer ends in the middle, until the test is over."""

    hang: Hang

    def exchange(
        self, script: Script, on_record: OnRecord | None = None, *, timeout: float | None = None
    ) -> Reply:
        reply = super().exchange(script, on_record, timeout=timeout)
        if self.exchanges == 2:
            self.hang()
        return reply


@pytest.mark.slow
def test_an_apply_at_the_deadline_of_the_run() -> None:
    """Of a host that is left behind in the middle one tells what was heard until then."""
    with Hang() as hang:
        odd = Stopping([LOOK, BEGUN])
        odd.hang = hang
        first, fine = applied(odd, Rules(deadline=time.monotonic() + 0.4))
        assert odd.is_closed
    assert (first.outcome, ends(first)) == ("unknown", ["done", "failed"])
    assert first.error is not None
    assert first.error.kind == "timeout"
    assert fine.outcome == "changed"
