"""Whose turn it is to restart: one host for each messaging platform, in the inventory's order."""

from __future__ import annotations

import threading

from patience import soon

from hermes_ops.run import Turns

TELEGRAM, SLACK = {"telegram"}, {"slack"}


def waiting(turns: Turns, host: str) -> tuple[threading.Thread, list[str]]:
    """Let a host wait for its turn; return its thread, and what it was told."""
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(turns.wait(host)), daemon=True)
    thread.start()
    return thread, told


def test_a_host_waits_for_those_before_it_on_its_platforms() -> None:
    """Whatever order their looks ended in."""
    turns = Turns(["a", "b", "c"])
    assert not turns.ask("c", TELEGRAM)
    _, told = waiting(turns, "c")
    assert turns.ask("a", TELEGRAM)
    assert turns.ask("b", SLACK) is True
    assert told == []
    turns.leave("b")
    assert told == []
    turns.leave("a")
    assert soon(lambda: told == [""])


def test_who_restarts_nothing_on_a_platform_waits_for_nobody() -> None:
    """And nobody waits for it."""
    turns = Turns(["a", "b", "c"])
    assert turns.ask("b", ())
    assert not turns.ask("c", TELEGRAM)  # what `a` restarts is not known yet
    turns.ask("a", ())
    assert turns.ask("c", TELEGRAM)
    assert turns.wait("c") == ""


def test_a_host_that_failed_before_its_plan_is_not_waited_for() -> None:
    """It restarted nothing: it does not count as a bad turn."""
    turns = Turns(["a", "b"])
    turns.leave("a", failed=True)
    assert turns.ask("b", TELEGRAM)
    assert turns.wait("b") == ""


def test_after_a_bad_turn_nobody_gets_another() -> None:
    """On its platforms: the next ones are told which host it was. All others go on."""
    turns = Turns(["a", "b", "c", "d"])
    assert turns.ask("a", TELEGRAM)
    turns.ask("b", TELEGRAM)
    _, told = waiting(turns, "b")
    turns.leave("a", failed=True)
    assert soon(lambda: told == ["a did not come up again after a restart"])
    for host, platforms in (("c", SLACK), ("d", ())):
        turns.ask(host, platforms)
        assert turns.wait(host) == ""


def test_as_many_bad_turns_as_are_allowed() -> None:
    """`--max-fail` counts here, too; a turn that ended well before does not end badly later."""
    turns = Turns(["a", "b", "c"], 1)
    for host in ("a", "b"):
        turns.ask(host, TELEGRAM)
        assert turns.wait(host) == ""
        turns.leave(host, failed=host == "a")
        turns.leave(host, failed=True)
    turns.ask("c", TELEGRAM)
    assert turns.wait("c") == ""
