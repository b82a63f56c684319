"""Services that are only commanded: what is ordered is done, and nothing else is touched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from building import HERMES, NOW, facts, profile, put, roles

from hermes_ops import program_name
from hermes_ops.commands.fleet.control import order_steps
from hermes_ops.inventory.model import Connection, Host, Profile
from hermes_ops.look.facts import Answer, Facts, PathState
from hermes_ops.plan import Plan, make_plan
from hermes_ops.plan.desired import desired_state
from hermes_ops.plan.model import Control, Drain, Refuse

HOME = ".hermes/profiles/demo"
UNIT = "hermes-gateway-demo.service"
OPS = "/home/hermes/.local/share/hermes-ops"
ALL: Mapping[str, Any] = {"demo": {"config": {"model": {"default": "a/b"}}, "env": {"A": "1"}}}
HELD: Mapping[str, Any] = {"desired": ALL, "facts": {"holds": "desired"}}


def ordered(
    order: str, found: Facts, *, profiles: Mapping[str, Any] = ALL, state: str = "", **named: Any
) -> Plan:
    """Return the plan of an order to all profiles of a host."""
    state = state or ("stopped" if order == "stop" else "started")
    wanted = tuple(profile(k, {**v, "state": state}) for k, v in profiles.items())
    host = Host("box", Connection(), (), wanted, tuple(profiles))
    steps = order_steps(f"fleet.{order}", order, lasts=600)
    return make_plan(desired_state(host, roles(), steps), found, **named)


def controls(plan: Plan) -> list[tuple[str, str]]:
    """Return verb and reason of each change; all are orders to services."""
    return [(change.action, change.reason) for change in plan.changes]


def now_with(**case: Any) -> Facts:
    """Return the facts of a healthy host on which this is otherwise."""
    return facts({**HELD, "facts": {"holds": "desired", **case}})


def drain_request(**fields: Any) -> str:
    """Return a request to drain as it lies in a home."""
    asked = {"owner": {"operator": "ann", "run": "r1"}, "expires_at": NOW + 60, **fields}
    return json.dumps(asked)


@pytest.mark.parametrize(
    ("order", "changes"),
    [
        ("start", []), ("restart", [("restart", "it was asked for")]),
        ("reset", [("restart", "it was asked for")]), ("stop", [("stop", "it was asked for")]),
        ("drain", [("drain", "for 600 s")]),
    ],
)  # fmt: skip
def test_what_is_ordered_of_a_service_that_runs(order: str, changes: list[tuple[str, str]]) -> None:
    """Of a healthy one, however its settings differ from the inventory: none is written."""
    assert controls(ordered(order, facts(HELD))) == changes
    other = {"demo": {"config": {"model": {"default": "x/y"}}, "files": {"a": "b"}}}
    assert controls(ordered(order, facts(HELD), profiles=other)) == changes


@pytest.mark.parametrize("order", ["start", "restart", "reset"])
def test_what_does_not_run_is_started(order: str) -> None:
    """By each order after which it runs."""
    found = now_with(services={"demo": "stopped"})
    assert controls(ordered(order, found)) == [("start", "not running")]


@pytest.mark.parametrize("order", ["stop", "drain"])
def test_what_does_not_run_is_neither_stopped_nor_drained(order: str) -> None:
    """There is nothing to do."""
    assert ordered(order, now_with(services={"demo": "stopped"})).is_empty


def test_who_was_not_drained_is_named() -> None:
    """One that is stopped takes no turn: a note. One that may take turns again is a difference."""
    still = ordered("drain", now_with(services={"demo": "stopped"}))
    assert still.notes == ("demo: nothing was drained, as it is stopped",)
    assert not still.differs
    between = ordered("drain", now_with(services={"demo": "restarting 1"}))
    assert not between.notes
    (one,) = between.differs
    assert one.words.startswith("nothing was drained, as it is down")
    assert one.lasts
    assert not ordered("drain", facts(HELD)).notes


def test_who_runs_beside_its_manager_will_restart() -> None:
    """Its process is ended, and with it the turns: a plan does not say that nobody restarts."""
    assert list(ordered("start", now_with(services={"demo": "stray"})).restarts) == ["demo"]
    assert not ordered("start", now_with(services={"demo": "stopped"})).restarts


def test_who_goes_on_to_drain_is_counted_among_the_restarts() -> None:
    """Its process is replaced as any other; nobody waits for it on its platforms."""
    found = put(facts(HELD), f"{HOME}/.drain_request.json", drain_request())
    assert ordered("restart", found).restarts == {"demo": frozenset()}


def test_who_is_suspended_does_not_hear_of_its_drain() -> None:
    """The request lies there, and nobody has read it."""
    found = facts(HELD)
    frozen = {pid: replace(p, state="T") for pid, p in found.processes.items()}
    (one,) = ordered("drain", replace(found, processes=frozen)).differs
    assert one.words.startswith("it hears of its drain when it goes on, as it is down")
    assert one.lasts


def test_a_start_pays_no_debt() -> None:
    """A restart that is due since an earlier run ends turns: only who asks for it gets it."""
    found = now_with(owes={"hermes-gateway-demo": True})
    assert ordered("start", found).is_empty


@pytest.mark.parametrize("order", ["start", "restart", "reset"])
def test_what_is_not_installed_is_refused_once(order: str) -> None:
    """With the command that installs it; nothing else of it is tried."""
    (change,) = ordered(order, facts({"desired": ALL})).changes
    assert change.action == "refuse"
    assert "fleet.up -l box/demo" in str(change.operation)


@pytest.mark.parametrize("order", ["start", "stop", "restart", "reset", "drain"])
def test_what_another_manager_runs_is_refused(order: str) -> None:
    """Two managers would run it."""
    case = {**HELD, "facts": {"holds": "desired", "under": "supervisord"}}
    (change,) = ordered(order, facts(case)).changes
    assert change.action == "refuse"


def test_settings_that_cannot_be_read_are_not_started_with() -> None:
    """Hermes would run with its defaults."""
    found = put(facts(HELD), f"{HOME}/config.yaml", "a: [")
    assert [change.action for change in ordered("restart", found).changes] == ["refuse"]
    assert [change.action for change in ordered("stop", found).changes] == ["stop"]


def foreign(found: Facts, **properties: str) -> Facts:
    """Return the facts with what somebody's drop-in made of the unit."""
    unit = found.unit("systemd", UNIT)
    changed = replace(unit, properties={**unit.properties, **properties})
    units = {**found.units["systemd"], UNIT: changed}
    return replace(found, units={**found.units, "systemd": units})


@pytest.mark.parametrize("order", ["start", "restart", "reset"])
def test_what_could_not_live_is_not_ended(order: str) -> None:
    """A drop-in of somebody else lets the unit run something else; a masked one cannot start."""
    path = "/home/hermes/.config/systemd/user/hermes-gateway-demo.service.d/99-x.conf"
    other = {
        "ExecStart": "{ path=/bin/true ; argv[]=/bin/true ; ignore_errors=no ; }",
        "DropInPaths": path,
    }
    for found in (foreign(facts(HELD), **other), foreign(facts(HELD), LoadState="masked")):
        assert [change.action for change in ordered(order, found).changes] == ["refuse"]
        assert [change.action for change in ordered("stop", found).changes] == ["stop"]


def repair(found: Facts, state: str = "stopped") -> list[tuple[str, str]]:
    """Return what a repair does to a gateway that the inventory wants in a state."""
    return controls(ordered("repair", found, state=state))


def test_a_repair_starts_nothing_that_is_to_be_stopped() -> None:
    """What is ill there is ended, what a crash left is moved; one that is well stays."""
    moved = ("move", "its process is gone")
    assert repair(now_with(services={"demo": "stopped"})) == [moved]
    started = [moved, ("start", "not running")]
    assert repair(now_with(services={"demo": "stopped"}), "started") == started
    assert repair(facts(HELD)) == []
    ((verb, reason),) = repair(now_with(services={"demo": "suspended"}))
    assert verb == "stop"
    assert "is suspended" in reason


def test_what_a_repair_moves_aside_bars_no_start() -> None:
    """A lock of root cannot be written; it is moved before the start."""
    lock = f"{HOME}/gateway.lock"
    found = now_with(services={"demo": "stopped"})
    root = {lock: PathState("file", 0o644, 0, 9)}
    found = replace(found, paths={**found.paths, **root}, unwritable=root, closed=frozenset(root))
    actions = [action for action, _ in repair(found, "started")]
    assert (actions[-1], "refuse" in actions, actions.count("move")) == ("start", False, 2)


# --- drains -------------------------------------------------------------------------------------


def restart(plan: Plan) -> Control:
    """Return the only change of a plan, which restarts."""
    (change,) = plan.changes
    assert isinstance(change.operation, Control)
    return change.operation


@pytest.mark.parametrize(
    ("asked", "config", "waits"),
    [(30, {}, 30), (0, {}, 0), (300, {}, 55), (300, {"restart_drain_timeout": 100}, 125)],
)
def test_how_long_a_restart_waits_for_turns(
    asked: int, config: Mapping[str, Any], waits: int
) -> None:
    """Less than systemd lets it end."""
    profiles = {"demo": {"config": {"agent": config}}}
    found = facts({"desired": profiles, "facts": {"holds": "desired"}})
    assert restart(ordered("restart", found, profiles=profiles, drain=asked)).drain == waits


def test_a_reset_waits_for_no_turn_and_ends_the_process_that_was_seen() -> None:
    """It is told by its number and by when it began."""
    control = restart(ordered("reset", facts(HELD), drain=30))
    (process,) = (p for p in facts(HELD).processes.items() if p[0] == control.ends)
    assert (control.drain, control.born) == (0, process[1].started)


def test_a_start_is_for_what_stands_still_too() -> None:
    """A suspended process does not run, whatever its manager says."""
    found = facts(HELD)
    frozen = {pid: replace(p, state="T") for pid, p in found.processes.items()}
    plan = ordered("start", replace(found, processes=frozen))
    ((verb, why),) = controls(plan)
    assert (verb, why.endswith("is suspended")) == ("restart", True)
    assert restart(plan).ends in frozen


@pytest.mark.parametrize("order", ["restart", "stop"])
def test_a_frozen_process_is_ended_and_not_drained(order: str) -> None:
    """It hears neither."""
    found = facts(HELD)
    frozen = {pid: replace(p, state="T") for pid, p in found.processes.items()}
    control = restart(ordered(order, replace(found, processes=frozen), drain=30))
    assert control.ends in frozen
    assert (control.drain, control.announced) == (0, None)


def test_a_gateway_whose_loop_stands_still_is_ended_and_not_drained() -> None:
    """Its process runs and hears nothing: no heartbeat for long, and no answer."""
    profiles = {"demo": {"env": {"API_SERVER_ENABLED": "true"}}}
    found = facts({"desired": profiles, "facts": {"holds": "desired"}})
    beat = f"{HOME}/state/gateway.heartbeat"
    old = found.contents[beat].replace("08:59:50", "08:40:00")
    silent = replace(put(found, beat, old), answers=dict.fromkeys(found.answers, Answer(None)))
    control = restart(ordered("restart", silent, profiles=profiles, drain=30))
    assert control.ends in silent.processes
    assert (control.drain, control.announced) == (0, None)
    assert restart(ordered("restart", found, profiles=profiles, drain=30)).ends is None


def test_who_knows_no_drain_is_not_waited_for() -> None:
    """Old versions take turns all the same; of a version that nobody knows it is tried."""
    for version, waits in [("0.15.0", 0), ("0.19.0", 30), ("9.0.0", 30)]:
        found = replace(facts(HELD), hermes=replace(HERMES, version=version))
        assert restart(ordered("restart", found, drain=30)).drain == waits


def test_who_knows_no_drain_is_not_drained() -> None:
    """A request that its Hermes does not read would only look like a drain."""
    found = replace(facts(HELD), hermes=replace(HERMES, version="0.17.0"))
    (refused,) = [change.operation for change in ordered("drain", found).changes]
    assert isinstance(refused, Refuse)
    assert "Hermes 0.17.0 takes new turns until it is stopped" in refused.said


def test_a_definition_that_is_not_ours_announces_no_end() -> None:
    """So we do, for the process that was seen."""
    found = put(facts(HELD), f".config/systemd/user/{UNIT}.d/50-hermes-ops.conf", None)
    for order in ("stop", "restart"):
        control = restart(ordered(order, found))
        assert control.announced in found.processes
    assert restart(ordered("stop", facts(HELD))).announced is None


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "ends the drain request of ann, run r1"),
        ({"expires_at": NOW - 1}, "expired drain request of ann, run r1"),
    ],
)
def test_a_start_ends_a_drain(fields: Mapping[str, Any], word: str) -> None:
    """Whoever asked for it; one whose time is up is only removed, as every verb does."""
    found = put(facts(HELD), f"{HOME}/.drain_request.json", drain_request(**fields))
    plan = ordered("start", found)
    assert controls(plan) == [("remove", word)]


def test_a_start_that_ends_a_drain_is_waited_for() -> None:
    """Nothing keeps the gateway from becoming ready any more."""
    found = now_with(services={"demo": "stopped"})
    plan = ordered("start", put(found, f"{HOME}/.drain_request.json", drain_request()))
    assert [change.action for change in plan.changes] == ["remove", "start"]
    assert len(plan.watches) == 1


def test_a_drain_that_lasts_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart the gateway comes back as it was: it takes no turn."""
    found = put(facts(HELD), f"{HOME}/.drain_request.json", drain_request())
    plan = ordered("restart", found)
    assert plan.watches == ()
    assert [(str(one), one.lasts) for one in plan.differs] == [
        ("demo is draining: by the drain request of ann, run r1; "
         "to end that: ./inv fleet.start -l box/demo", True)
    ]  # fmt: skip
    monkeypatch.setitem(program_name._known, "started", ("/opt/ops/inv",))
    assert str(plan.differs[0]).endswith("to end that: /opt/ops/inv fleet.start -l box/demo")
    assert not any(ordered(order, found).differs for order in ("start", "stop", "drain"))
    assert len(ordered("restart", facts(HELD)).watches) == 1


def test_of_a_stranger_the_commands_reach_it() -> None:
    """What the inventory does not name needs one word more, and nothing of ours installs it."""
    found = put(facts(HELD), f"{HOME}/.drain_request.json", drain_request())
    host = Host("box", Connection(), (), (Profile("demo", unmanaged=True),), ("demo",))
    steps = order_steps("fleet.restart", "restart", lasts=0)
    plan = make_plan(desired_state(host, roles(), steps), found)
    assert [one.mend for one in plan.differs] == ["./inv fleet.start -l box/demo --unmanaged"]
    (refused,) = make_plan(desired_state(host, roles(), steps), facts({"desired": {}})).changes
    assert isinstance(refused.operation, Refuse)
    assert refused.operation.hint == (
        "on the host: /opt/hermes/venv/bin/hermes -p demo gateway install"
    )


@pytest.mark.parametrize(
    ("order", "under", "hint"),
    [
        ("restart", "systemd-system", f"on the host: sudo systemctl restart {UNIT}"),
        ("stop", "systemd-system", f"on the host: sudo systemctl stop {UNIT}"),
        ("drain", "systemd-system", "name demo under hermes_profiles of box, with "
         "hermes_service_manager: systemd-system; then ./inv fleet.up -l box"),
        ("reset", "supervisord", f"on the host: {OPS}/supervisor/current/venv/bin/"
         "supervisorctl -c /home/hermes/.config/hermes-ops/supervisord.conf restart "
         "hermes-gateway-demo"),
    ],
)  # fmt: skip
def test_a_stranger_under_another_manager_is_reached_there(
    order: str, under: str, hint: str
) -> None:
    """To install it here as well would make two services of one home."""
    found = facts({"desired": ALL, "facts": {"holds": "desired", "under": under}})
    steps = order_steps(f"fleet.{order}", order, lasts=600)
    strange = Host("box", Connection(), (), (Profile("demo", unmanaged=True),), ("demo",))
    (refused,) = make_plan(desired_state(strange, roles(), steps), found).changes
    assert isinstance(refused.operation, Refuse)
    assert refused.operation.message == f"its service runs under {under}, not under systemd"
    assert refused.operation.hint == hint


def test_a_drain_that_a_restart_left_is_removed() -> None:
    """Its run was killed: the next one that holds the lock takes it away, and waits as ever."""
    found = put(facts(HELD), f"{HOME}/.drain_request.json", drain_request(until="restart"))
    plan = ordered("restart", found)
    assert [change.action for change in plan.changes] == ["remove", "restart"]
    assert len(plan.watches) == 1


def test_a_drain_takes_the_place_of_another() -> None:
    """And says so."""
    found = put(facts(HELD), f"{HOME}/.drain_request.json", drain_request())
    (change,) = ordered("drain", found, drain=30).changes
    assert isinstance(change.operation, Drain)
    assert (change.operation.lasts, change.operation.wait) == (600, 30)
    assert change.reason == "for 600 s; in place of the drain request of ann, run r1"
