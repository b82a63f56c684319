"""Checks of one host ask at the same time: each turn has what all of them want to know."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from testinfra.host import Host

from hermes_ops.errors import Unknown
from hermes_ops.services.manager import CheckedService
from hermes_ops.verify.ahead import Foreseen
from hermes_ops.verify.backend import SessionBackend
from hermes_ops.verify.together import MOST


class Shell:
    """A shell in which every command prints itself; it remembers what came together."""

    def __init__(self) -> None:
        self.turns: list[list[str]] = []

    def run(self, command: str, *, timeout: float = 30) -> tuple[int, bytes, bytes]:
        (ended,) = self.run_all([command], timeout=timeout)
        assert not isinstance(ended, Unknown)
        return ended

    run_alone = run

    def run_all(
        self, commands: Sequence[str], *, timeout: float = 30
    ) -> list[tuple[int, bytes, bytes] | Unknown]:
        del timeout
        self.turns.append(list(commands))
        return [
            Unknown("too slow") if "slow" in command else (0, command.encode(), b"")
            for command in commands
        ]

    def close(self) -> None:
        pass


def asking(*calls: Callable[[SessionBackend], Any]) -> tuple[Shell, list[Any]]:
    """Make the calls as checks of one host; return its shell, and what each returned."""
    shell, results = Shell(), [None] * len(calls)
    backend = SessionBackend("h", lambda: shell)

    def one(number: int) -> None:
        try:
            results[number] = calls[number](backend)
        except BaseException as error:
            results[number] = error  # type: ignore[call-overload]

    backend.together.all([lambda n=n: one(n) for n in range(len(calls))])  # type: ignore[misc]
    return shell, results


def test_as_many_turns_as_the_longest_check() -> None:
    """What all ask first is one turn, what they ask next another."""

    def check(name: str, count: int) -> Callable[[SessionBackend], Any]:
        return lambda backend: [backend.run(f"{name}{n}").stdout for n in range(count)]

    shell, results = asking(check("a", 1), check("b", 3), check("c", 2))
    assert [sorted(turn) for turn in shell.turns] == [["a0", "b0", "c0"], ["b1", "c1"], ["b2"]]
    assert results == [["a0"], ["b0", "b1", "b2"], ["c0", "c1"]]


def test_the_same_command_of_two_checks_runs_twice() -> None:
    """A command may do something: who asks it, has it run."""
    shell, _ = asking(*[lambda backend: backend.run("mktemp")] * 2)
    assert shell.turns == [["mktemp", "mktemp"]]


def test_a_failure_is_of_its_own_check() -> None:
    """Others have their answers, and can ask further."""
    shell, (slow, good) = asking(
        lambda backend: backend.run("slow"),
        lambda backend: [backend.run("a").stdout, backend.run("b").stdout],
    )
    assert isinstance(slow, Unknown)
    assert good == ["a", "b"]
    assert len(shell.turns) == 2


def test_a_host_that_is_lost_is_lost_for_all() -> None:
    """No check waits for ever."""
    backend, failures = SessionBackend("h", _lost), list[str]()

    def check() -> None:
        with pytest.raises(Unknown) as raised:
            backend.run("true")
        failures.append(str(raised.value))

    backend.together.all([check] * 3)
    assert failures == ["lost"] * 3


def _lost() -> Any:
    raise Unknown("lost")


def test_more_checks_than_threads() -> None:
    """All are made, never more than a bound at once."""
    shell, results = asking(*[lambda backend: backend.run("x").stdout] * (2 * MOST + 1))
    assert results == ["x"] * (2 * MOST + 1)
    assert max(map(len, shell.turns)) <= MOST


def test_a_check_that_works_long_holds_up_nobody() -> None:
    """Its own question goes with a later turn."""
    free = threading.Event()

    def long(backend: SessionBackend) -> bool:
        return free.wait(20) and backend.run("late").rc == 0

    def short(backend: SessionBackend) -> str:
        said = str(backend.run("early").stdout)
        free.set()
        return said

    shell, results = asking(long, short)
    assert results == [True, "early"]
    assert shell.turns == [["early"], ["late"]]


class _Kind:
    """Texts that one command asks about."""

    def command(self, subjects: Sequence[str]) -> str:
        return " ".join(sorted(subjects))

    def answers(self, subjects: Sequence[str], ended: Any) -> list[str]:
        return [f"{subject} of {ended.stdout}" for subject in subjects]


def test_questions_of_one_kind_are_one_command() -> None:
    """Each subject is asked about once a turn, and everybody has the answer to his own."""
    kind = _Kind()
    calls = [lambda b, t=text: b.ask(kind, t) for text in ("u", "v", "u")]
    shell, results = asking(*calls, lambda backend: backend.run("w").stdout)
    assert sorted(*shell.turns) == ["u v", "w"]
    assert results == ["u of u v", "v of u v", "u of u v", "w"]


def test_what_is_begun_goes_with_the_first_turn() -> None:
    """A check that asks in advance loses no turn; one that never needs the answer costs none."""
    kind = _Kind()

    def check(backend: SessionBackend) -> list[str]:
        answer = backend.asking(kind, "ahead")
        return [backend.run("a").stdout, answer(), backend.run("b").stdout]

    shell, results = asking(check, lambda backend: bool(backend.asking(kind, "never")))
    assert results == [["a", "ahead of ahead never", "b"], True]
    assert [sorted(turn) for turn in shell.turns] == [["a", "ahead never"], ["b"]]
    shell, _ = asking(lambda backend: bool(backend.asking(kind, "never")))
    assert shell.turns == []


def test_a_check_that_waits_sees_the_change() -> None:
    """What was asked ahead answers a check once; when it asks again, the host is asked."""
    service = CheckedService("h", "p", "r", "n", "n.service", "systemd", "u", 1, "/h", "/h/p")
    shell = Shell()
    backend = SessionBackend("h", lambda: shell)
    known = {("is %s", "up"): "active\n"}
    backend.asking = lambda _kind, _subject: lambda: known  # type: ignore[method-assign,assignment]
    seen = Foreseen(Host(backend), service)
    assert seen.run("is %s", "up").stdout == "active\n"
    assert seen.check_output("is %s", "up") == "is up"
    assert shell.turns == [["is up"]]
