"""One host on the way back from an upgrade, over a transport that gives prepared answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from building import HERMES, facts, profile, put, roles
from faking import Answer, FakeTransport, done, evidence, said

from hermes_ops.audit.register import Seen
from hermes_ops.audit.standing import standing
from hermes_ops.commands.fleet.upgrade.host import Upgrade
from hermes_ops.commands.fleet.upgrade.job import Job
from hermes_ops.commands.fleet.upgrade.switch import orders
from hermes_ops.errors import (
    CommandError,
    Conflict,
    HermesError,
    RolledBack,
    Unknown,
    Unreachable,
)
from hermes_ops.files.layout import UPGRADE_NOTE, environment, stamp
from hermes_ops.inventory.model import Connection, Host, Inventory
from hermes_ops.look.facts import Facts
from hermes_ops.look.upgrades import note_of
from hermes_ops.reporting.events import Event, Noted
from hermes_ops.run.host import LOOKS
from hermes_ops.run.model import HostResult, Settings

BOX = Host("box", Connection(), (), (profile("demo", {"state": "started"}),), ("demo",))
CHANGES = 6
"""The note, the stop, the switch, the unit, its reload and the start."""


def switched(*services: str) -> Facts:
    """Return a host that runs the new version, for which these gateways were stopped."""
    found = facts({"desired": {"demo": {}}, "facts": {"holds": "desired"}})
    python = f"{found.home}/{environment('hermes')}/bin/python"
    found = replace(found, hermes=replace(HERMES, python=python))
    note = {"phase": "switched", "run": "r1", "from": "0.18.2", "to": "0.19.0",
            "services": list(services)}  # fmt: skip
    found = put(found, str(stamp("hermes")), json.dumps({"version": "0.19.0", "extras": []}))
    return put(found, str(UPGRADE_NOTE), json.dumps(note))


def tells(answer: Mapping[str, Any]) -> str:
    """Return what the program on the host answers."""
    return f"@ begin disclosed\n{json.dumps(answer)}\n@ end\n@ done\n"


def back(
    found: Facts, *answers: str, looks: int = 2
) -> tuple[HostResult, list[str], FakeTransport]:
    """Take a host back; return what it came to, and what was noted."""
    events: list[Event] = []
    host = FakeTransport([*[said(found)] * looks, *answers])
    inventory = Inventory((BOX,), {}, roles())
    desired = orders(BOX, inventory, "fleet.rollback")
    work = Upgrade(Job("r2", inventory), desired, host, Settings(), events.append, HostResult(BOX))
    result = work.back()
    assert host.answers == []
    return result, [event.what for event in events if isinstance(event, Noted)], host


def gone_back(found: Facts) -> str:
    """Return what a host says that made all changes, and whose gateway runs again."""
    return f"{done(range(CHANGES))}{evidence(found)}@ done\n"


def test_a_host_is_back_when_all_that_was_stopped_runs() -> None:
    """The note is ended as taken back, and what was put back is told."""
    found = switched("demo")
    end = tells({"restored": [".hermes/state.db"], "put_away": [".hermes/x.db"], "skills": {}})
    result, notes, host = back(found, tells({"there": True}), gone_back(found), end)
    assert (result.outcome, len(result.changes)) == ("changed", CHANGES)
    note, away = notes
    assert note.startswith("~/.hermes/state.db is as before the upgrade; the later one is in ~/")
    assert away.startswith("~/.hermes/x.db was not there before the upgrade: it is in ~/.local")
    assert '"phase": "reverted"' in host.scripts[-1].text
    assert host.exchanges == 5


def test_a_gateway_that_was_stopped_and_is_not_back_is_no_way_back() -> None:
    """Whatever else runs: the note stays open, so that nobody takes the host for well."""
    found = switched("demo", "late")
    with pytest.raises(CommandError, match="late does not run"):
        back(found, tells({"there": True}), gone_back(found))


def test_a_version_that_is_gone_is_not_led_to() -> None:
    """Nothing is stopped for it."""
    with pytest.raises(CommandError, match=r"hermes-agent 0\.18\.2 is not on its disk any more"):
        back(switched("demo"), tells({"there": False}))


def test_a_host_that_is_back_already_is_left_alone() -> None:
    """The command is typed again, as other hosts were not done; it says so, and ends well."""
    result, notes, _ = back(before("reverted"), looks=1)
    assert (result.outcome, result.changes) == ("ok", [])
    assert notes == ["it is back on 0.18.2 already: an upgrade is taken back once"]
    with pytest.raises(Conflict, match="there was no upgrade"):
        back(before("reverted", runs="0.19.0"), looks=1)  # somebody moved it since


def test_a_gateway_that_failed_goes_back_with_the_others() -> None:
    """After an upgrade that has passed it is why a host goes back; one that somebody stopped
    stays stopped."""
    found, end = before("done", runs="0.19.0"), tells({"skills": {}})
    for state, changes in (
        (dead, ["update", "switch", "update", "reload", "start"]),
        (at_rest, ["update", "switch"]),
    ):
        then = f"{done(range(len(changes)))}{evidence(found)}@ done\n"
        result, _, _ = back(state(found), tells({"there": True}), then, end)
        assert [d.change.action for d in result.changes] == changes


# --- to the new version -----------------------------------------------------------------------

UP = ("copy", "stop", "switch", "update", "reload", "start")
GATE, END = "errors", "end"


def before(phase: str = "", *, runs: str = "0.18.2") -> Facts:
    """Return a host on which a version runs, and how far an upgrade from 0.18.2 has come."""
    found = switched("demo")
    hermes = found.hermes and replace(found.hermes, version=runs)
    found = put(found, str(stamp("hermes")), json.dumps({"version": runs, "extras": []}))
    note = {"phase": phase, "run": "r1", "from": "0.18.2", "to": "0.19.0", "services": ["demo"]}
    return put(replace(found, hermes=hermes), str(UPGRADE_NOTE), json.dumps(note))


class Upgraded:
    """One host on the way to 0.19.0, and all that came of it."""

    def __init__(self, *answers: Answer, verb: str = "up", check: bool = False, **job: Any) -> None:
        self.host, self.events = FakeTransport(list(answers)), list[Event]()
        inventory = Inventory((BOX,), {}, roles())
        self.job = Job("r2", inventory, "0.19.0", **job)
        settings = Settings(check=check)
        self.result = HostResult(BOX)
        work = Upgrade(
            self.job, orders(BOX, inventory, "fleet.upgrade"), self.host, settings,
            self.events.append, self.result,
        )  # fmt: skip
        self.error: HermesError | None = None
        try:
            getattr(work, verb)()
        except HermesError as error:
            self.error = error
        assert self.host.answers == []

    @property
    def asked(self) -> list[str]:
        """What the program on the host was asked, and whether changes were made, in order."""
        verbs = [re.findall(r'"verb": "([a-z]+)"', script.text) for script in self.host.scripts]
        return ["changes" if len(found) > 1 else "".join(found) or "look" for found in verbs]

    @property
    def facts(self) -> Facts:
        """What is known of the host at the end."""
        assert self.result.facts is not None
        return self.result.facts

    @property
    def made(self) -> tuple[str, ...]:
        """The changes of the host."""
        return tuple(done.change.action for done in self.result.changes)


def passed(found: Facts, **outcomes: Sequence[int]) -> str:
    """Return what a host says of its changes, by their outcomes; its gateway runs then."""
    told = "".join(done(numbers, word) for word, numbers in outcomes.items())
    return f"{told or done(range(CHANGES))}{evidence(found)}@ done\n"


def dead(found: Facts) -> Facts:
    """Return a host on which systemd has given the gateway up."""
    then = {
        "desired": {"demo": {}},
        "facts": {"holds": "desired", "services": {"demo": "failed 1"}},
    }
    return replace(found, units=facts(then).units, processes={})


def at_rest(found: Facts) -> Facts:
    """Return a host on which somebody stopped the gateway."""
    then = {"desired": {"demo": {}}, "facts": {"holds": "desired", "services": {"demo": "stopped"}}}
    return replace(found, units=facts(then).units, processes={})


QUIET, ENDED, KEPT = tells({"errors": {}}), tells({"skills": {}}), tells({"folder": "kept/r2"})
LOUD = tells({"errors": {"demo": ["gateway.run: it hurts"]}})
THERE = tells({"there": True})


def test_a_version_that_passes_is_the_end() -> None:
    """Copies, one stop and one start; the logs are asked before the note is ended."""
    found = before()
    one = Upgraded(said(found), passed(found), QUIET, ENDED)
    assert one.error is None
    assert (one.result.outcome, one.made) == ("changed", UP)
    assert one.asked[2:] == [GATE, END]
    note = note_of(one.facts)
    assert (note.phase, note.before, note.after) == ("done", "0.18.2", "0.19.0")


def test_a_canary_that_soaks_ends_its_upgrade_when_it_is_judged_again() -> None:
    """It has passed once: that is noted here, and not on the host."""
    found = before()
    one = Upgraded(said(found), passed(found), QUIET, soaking=frozenset({"box"}))
    assert (one.error, one.job.passed, one.asked[-1]) == (None, {"box"}, GATE)
    assert note_of(one.facts).phase == "switched"
    again = Upgraded(said(before("switched", runs="0.19.0")), QUIET, ENDED, verb="again")
    assert (again.error, again.made, again.asked[1:]) == (None, (), [GATE, END])


def test_a_canary_that_fails_while_it_soaks_goes_back() -> None:
    """What is wrong then counts as much as at the switch."""
    found = before("switched", runs="0.19.0")
    answers = (LOUD, KEPT, said(found), THERE, gone_back(found), ENDED)
    one = Upgraded(said(found), *answers, verb="again")
    assert isinstance(one.error, RolledBack)
    assert one.asked[1:] == [GATE, "keep", "look", "there", "changes", END]


def test_a_check_asks_and_changes_nothing() -> None:
    """Neither where it would switch, nor where an upgrade is in the middle."""
    for found, made in ((before(), UP), (before("switched", runs="0.19.0"), ())):
        one = Upgraded(said(found), check=True)
        assert (one.error, one.made, one.host.exchanges) == (None, made, 1)


@pytest.mark.parametrize("phase", ["", "done", "reverted"])
def test_a_host_that_is_there_is_left_alone(phase: str) -> None:
    """One look, if its gateways are well and nothing is to be judged."""
    one = Upgraded(said(before(phase, runs="0.19.0")))
    assert (one.error, one.result.outcome, one.made) == (None, "ok", ())
    assert one.result.plan is not None
    assert not one.result.plan.restarts


def test_one_that_is_there_and_ill_is_not_taken_back() -> None:
    """Its upgrade has passed long ago: what ails it now is another matter."""
    found = before("done", runs="0.19.0")
    ill = {pid: replace(process, state="T") for pid, process in found.processes.items()}
    frozen = replace(found, processes=ill)
    one = Upgraded(said(frozen))
    assert isinstance(one.error, Conflict)
    assert "demo is down (its process 100 is suspended)" in str(one.error)
    failed = Upgraded(said(dead(found)))
    assert isinstance(failed.error, Conflict)
    assert "demo is down (failed with exit code 1)" in str(failed.error)
    stopped = Upgraded(said(at_rest(found)))  # somebody stopped it: that is no failure
    assert (stopped.error, stopped.made) == (None, ())


@pytest.mark.parametrize("phase", ["switching", "switched"])
def test_an_upgrade_that_was_cut_off_is_judged(phase: str) -> None:
    """Behind the switch only its end is left; nothing is stopped a second time."""
    found = before(phase, runs="0.19.0")
    one = Upgraded(said(found), QUIET, ENDED)
    assert (one.error, one.made) == (None, ())
    assert note_of(one.facts).phase == "done"


def test_an_upgrade_that_was_cut_off_before_the_switch_is_done_anew() -> None:
    """With new copies: the old version has stored more since then."""
    found = before("switching")
    one = Upgraded(said(found), passed(found), QUIET, ENDED)
    assert (one.error, one.made) == (None, UP)


def test_a_way_back_that_was_cut_off_comes_to_its_end_first() -> None:
    """And is told as one, whatever version was wanted now."""
    found = before("reverting", runs="0.19.0")
    one = Upgraded(said(found), said(found), THERE, gone_back(found), ENDED)
    assert isinstance(one.error, RolledBack)
    assert "an earlier run was interrupted on the way back" in str(one.error)
    assert note_of(one.facts).phase == "reverted"


def test_what_does_not_start_goes_back_with_what_was_seen() -> None:
    """The words of the gate are kept on the host before it goes."""
    found = before()
    failed = f"{done(range(5))}{done([5], 'failed')}{evidence(dead(found))}@ done\n"
    answers = (KEPT, said(before("switched", runs="0.19.0")), THERE, gone_back(found), ENDED)
    one = Upgraded(said(found), failed, *answers)
    assert isinstance(one.error, RolledBack)
    assert str(one.error).startswith("0.19.0 did not pass: demo: ")
    assert "it is back on 0.18.2, and runs as before" in str(one.error)
    assert "what was seen is on the host: ~/kept/r2" in one.error.hint
    assert one.asked[2:] == ["keep", "look", "there", "changes", END]


def test_what_could_not_be_kept_bars_no_way_back() -> None:
    """On a full disk, say."""
    found = before()
    full = tells({"error": "No space left on device"})
    answers = (full, said(before("switched", runs="0.19.0")), THERE, gone_back(found), ENDED)
    one = Upgraded(said(found), passed(found), LOUD, *answers)
    assert isinstance(one.error, RolledBack)
    assert "demo logs an error that is new: gateway.run: it hurts" in str(one.error)
    assert "could not be kept on the host: No space left on device" in one.error.hint


def test_logs_that_cannot_be_read_do_not_pass() -> None:
    """Nobody knows what is in them."""
    found = before()
    torn = tells({"error": "Permission denied"})
    one = Upgraded(said(found), passed(found), torn, KEPT, reverts=False)
    assert "0.19.0 did not pass: its logs could not be read: Permission denied" in str(one.error)


def test_who_wants_to_look_at_it_gets_it_as_it_is() -> None:
    """With the command that takes it back."""
    found = before()
    one = Upgraded(said(found), passed(found), LOUD, KEPT, reverts=False)
    assert one.error is not None
    assert not isinstance(one.error, RolledBack)
    assert "it still runs 0.19.0; back: ./inv fleet.rollback -l box" in one.error.hint
    assert note_of(one.facts).phase == "switched"
    (half,) = (each for each in standing(Seen(BOX, one.facts, roles())) if "half" in each.kind)
    assert "it runs 0.19.0" in half.message


def test_a_way_back_that_fails_is_no_way_back() -> None:
    """Both reasons are told, and the exit code is that of a failure."""
    found, later = before(), said(before("switched", runs="0.19.0"))
    for answers in (
        [later, tells({"there": False})],
        [later, tells({"there": True, "lost": [".hermes/state.db"]})],
        [later, THERE, f"{done(range(5))}{done([5], 'failed')}{evidence(dead(found))}@ done\n"],
    ):
        one = Upgraded(said(found), passed(found), LOUD, KEPT, *answers)
        assert one.error is not None
        assert not isinstance(one.error, RolledBack)
        assert str(one.error).startswith("the way back to 0.18.2 failed: ")
        assert "it hurts" in one.error.hint


def test_what_fails_before_the_first_stop_leaves_all_as_it_was() -> None:
    """The copies could not be made, say: no way back is needed."""
    found = before()
    skipped = "".join(f"@ change {number} skipped\n" for number in range(1, CHANGES))
    one = Upgraded(said(found), f"{done([0], 'failed')}{skipped}@ done\n")
    assert isinstance(one.error, CommandError)
    assert one.error.hint == "nothing was stopped; it runs as before"


def test_what_an_earlier_run_has_stopped_does_not_run_as_before() -> None:
    """Where this one has failed as well: on a full disk, say."""
    found = dead(before("reverting", runs="0.19.0"))
    skipped = "".join(f"@ change {number} skipped\n" for number in range(1, CHANGES - 1))
    one = Upgraded(
        said(found), said(found), THERE, f"{done([0], 'failed')}{skipped}@ done\n", verb="back"
    )
    assert one.error is not None
    assert "demo: stopped by an earlier run, and still so" in one.error.hint


def test_a_host_that_another_run_has_changed_is_looked_at_again() -> None:
    """Nothing of the plan was done; after some times that is given up."""
    found = before()
    moved = "".join(f"@ change {number} moved\n" for number in range(CHANGES)) + "@ done\n"
    one = Upgraded(said(found), moved, said(found), passed(found), QUIET, ENDED)
    assert (one.error, one.made) == (None, UP)
    lost = Upgraded(*([said(found), moved] * LOOKS))
    assert isinstance(lost.error, Unknown)


def test_a_connection_that_is_lost_behind_the_switch_is_no_failure_of_the_version() -> None:
    """Whether it passes nobody knows: the next run judges it, and none takes it back blindly."""
    found = before()
    cut: Answer = [done(range(3)), Unreachable("the connection was lost", kind="lost")]
    one = Upgraded(said(found), cut, verb="up")
    assert isinstance(one.error, Unreachable)
    assert "keep" not in one.asked


def test_a_connection_that_is_lost_on_the_way_back_says_so() -> None:
    """The way back goes on there by itself: it has not failed."""
    found = before("reverting", runs="0.19.0")
    cut: Answer = [done(range(2)), Unreachable("the connection was lost", kind="lost")]
    one = Upgraded(said(found), said(found), THERE, cut)
    assert isinstance(one.error, Unreachable)
    assert "failed" not in str(one.error)
