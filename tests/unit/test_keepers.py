"""What keeps a machine awake: from `hermes_awake` and what a host told to the orders."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from case_file import read_case

import hermes_ops.audit.awake  # noqa: F401 - it registers the findings
from hermes_ops.audit.register import Seen, all_of
from hermes_ops.commands.awake import difference
from hermes_ops.errors import Conflict
from hermes_ops.inventory.awake import Awake
from hermes_ops.inventory.model import Connection, Host, Profile
from hermes_ops.look.facts import Facts
from hermes_ops.plan.host import is_apart
from hermes_ops.plan.model import Change, Refuse
from hermes_ops.services.awake import KEEPERS, keeper_of
from hermes_ops.services.awake.keeper import AwakeOrder, Hold
from hermes_ops.verify.awake import AWAKE, awake_service, checks_of

CASES: Mapping[str, Any] = read_case(Path(__file__).parents[1] / "cases" / "awake.yml")
TEXTS = ("user-text", "system-text", "text")


def facts_of(case: Mapping[str, Any]) -> Facts:
    """Return the facts of a case; the text `same` is the one that would be written."""
    system = case.get("system", "Linux")
    home, uid = ("/Users/ann", 501) if system == "Darwin" else ("/home/ann", 1000)
    told = {word: str(value) for word, value in case["told"].items()}
    root = case.get("root", True)
    tools = frozenset(["sudo"] if root else [])
    facts = Facts("ann", uid, home, home, system, tools=tools, may_root=root)
    same = [name for name in TEXTS if told.get(name) == "same"]
    if same:
        others = {name: value for name, value in told.items() if name not in same}
        awake = replace(wanted(case), is_on=True, pmset={})
        told |= dict.fromkeys(same, text_of(orders_of(awake, replace(facts, awake=others))))
    return replace(facts, awake=told)


def wanted(case: Mapping[str, Any]) -> Awake:
    """Return the setting of a case."""
    given: dict[str, Any] = dict(case["awake"])
    if "flags" in given:
        given["flags"] = tuple(given["flags"])
    return Awake(**given)


def orders_of(awake: Awake, facts: Facts, *, begins: bool = False) -> list[AwakeOrder]:
    """Return what would be done."""
    return list(keeper_of(facts).orders(awake, facts, begins=begins, lingers=True))


def text_of(orders: list[AwakeOrder]) -> str:
    """Return the file that is written."""
    return next(words[-1] for one in orders for words in (one.words, one.root) if is_on(words))


def is_on(words: tuple[str, ...]) -> bool:
    """Whether these words bring a text."""
    return bool(words) and words[0].endswith("_on")


def written(order: AwakeOrder) -> list[str]:
    """Return an order as the cases write it."""
    said = [words[:-1] if is_on(words) else words for words in (order.words, order.root)]
    shown = [" ".join(filter(None, words)) for words in said]
    by_root = [f"root: {shown[1]}"] if order.root else []
    return [
        order.resource,
        order.action,
        order.reason,
        " ".join([*filter(None, shown[:1]), *by_root]),
    ]


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    """What the case expects is what these facts and this setting give."""
    case = CASES[name]
    awake, facts = wanted(case), facts_of(case)
    begins = case.get("begins", False)
    if "refused" in case:
        with pytest.raises(Conflict) as caught:
            orders_of(awake, facts, begins=begins)
        assert caught.value.message == case["refused"]
        assert caught.value.kind == case.get("kind", "conflict")
        assert caught.value.hint
    else:
        orders = orders_of(awake, facts, begins=begins)
        assert [written(one) for one in orders] == case["orders"]
        for part in case.get("text", ()):
            assert part in text_of(orders)
    if facts.system in KEEPERS:
        assert list(keeper_of(facts).notes(awake, facts)) == case.get("notes", [])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("its time is over", ""),
        ("it was stopped", "awake is failed"),
        ("it holds", ""),
        ("settings of pmset without sudo", "pmset:sleep is 1, not 0"),
        ("a Mac on which somebody disabled it", "awake is disabled"),
    ],
)
def test_awake_status_says_the_same_as_a_plan(name: str, said: str) -> None:
    """Settings and flags, too, whoever may change them; a time that is over is as wanted."""
    host = Host("box", Connection(), awake=wanted(CASES[name]))
    assert difference(host, facts_of(CASES[name])) == said


def test_the_list_of_a_mac_is_valid() -> None:
    """A property list holds the script as it is, whatever is in the name of a home."""
    facts = facts_of({"system": "Darwin", "told": {"job": "Activity=\n"}})
    awake = Awake(follow="x", home=".hermes/R&D <1>")
    words = plistlib.loads(text_of(orders_of(awake, facts)).encode())["ProgramArguments"]
    assert words[:2] == ["/bin/sh", "-c"]
    assert "'/Users/ann/.hermes/R&D <1>/gateway.pid'" in words[2]


@pytest.mark.parametrize(("seconds", "again"), [(0, True), (60, False)])
def test_the_job_of_a_mac(seconds: int, again: bool) -> None:
    """It begins in every session, and again whenever it ends, unless its time is over."""
    facts = facts_of({"system": "Darwin", "told": {"job": "Activity=\n"}})
    text = text_of(orders_of(Awake(flags=("idle",), seconds=seconds), facts))
    job = plistlib.loads(text.encode())
    assert job.pop("ProgramArguments")
    assert job == {
        "Label": "ai.hermes-ops.awake", "LimitLoadToSessionType": ["Aqua", "Background"],
        "RunAtLoad": True, "KeepAlive": again,
    }  # fmt: skip


LISTS: tuple[tuple[str, str, list[Hold] | None], ...] = (
    (
        "Linux",
        '{"type":"a(ssssuu)","data":[[["sleep:idle","hermes-ops","gateways","block",0,90],'
        '["shutdown","Me","x","delay",0,7]]]}',
        [Hold("hermes-ops", "sleep:idle", "gateways", "block", 90)],
    ),
    (
        "Linux",
        '[{"who":"a  b","uid":0,"user":"root","pid":3,"comm":"x","what":"idle","why":"y z",'
        '"mode":"block"}]',
        [Hold("a  b", "idle", "y z", "block", 3)],
    ),
    ("Linux", "[]", []),
    ("Linux", "WHO UID USER", None),
    ("Linux", "", None),
    (
        "Darwin",
        "Listed by owning process:\n"
        "   pid 4300(caffeinate): [0x0000000100018001] 00:10:00 PreventUserIdleSystemSleep named: "
        '"caffeinate"  \n\tDetails: caffeinate asserting forever\n'
        '   pid 81(powerd (x)): [0x1] 00:00:01 PreventSystemSleep named: "Powerd"\n',
        [
            Hold("caffeinate", "PreventUserIdleSystemSleep", "caffeinate", "", 4300),
            Hold("powerd (x)", "PreventSystemSleep", "Powerd", "", 81),
        ],
    ),
    ("Darwin", "Listed by owning process:\nNo kernel assertions.\n", []),
    ("Darwin", "", None),
)  # fmt: skip


@pytest.mark.parametrize(("system", "listed", "holds"), LISTS)
def test_who_holds_what_is_read(system: str, listed: str, holds: list[Hold] | None) -> None:
    """Who keeps a machine awake is named, from each list of a system; else it is unknown."""
    found = KEEPERS[system].holds(listed)
    assert (None if found is None else list(found)) == holds


def test_only_what_can_be_promised_is_checked() -> None:
    """A hold that ends, or follows a gateway, is not always there; that it stays is checked."""
    profiles = (Profile("coder"),)
    facts = facts_of({"told": {}})
    for awake, count in ((None, 0), (Awake(is_on=False), 0), (Awake(seconds=5), 1), (Awake(), 2)):
        host = Host("one", profiles=profiles, awake=awake)
        assert len(checks_of(host)) == count
        assert len(awake_service(host, facts)) == (count > 0)
    assert checks_of(Host("one", awake=Awake())) == ()
    text = (AWAKE.folder / "checks" / "test_awake.py").read_text()
    assert all(f"def {name}(" in text for name in AWAKE.checks)


def test_no_profile_depends_on_it() -> None:
    """A machine that cannot be kept awake keeps no gateway from its start."""
    refuse = Refuse("no")
    assert is_apart(Change("awake.on", None, "awake", "refuse", "", refuse))
    assert is_apart(Change("awake.on", None, "pmset:sleep", "update", "", refuse))
    assert not is_apart(Change("linger.enable", None, "linger", "enable", "", refuse))
    assert not is_apart(Change("gateway.start", "awake", "awake", "start", "", refuse))


def kinds(host: Host, facts: Facts) -> set[str]:
    """Return the kinds of what a doctor finds."""
    return {finding.kind for finding in all_of(Seen(host, facts, {}))} & {"not-awake", "lid"}


def test_a_doctor_tells_of_a_machine_that_may_sleep() -> None:
    """If nothing of ours holds, or its lid would; only where it is wanted, and was asked."""
    idle = facts_of({"told": {"logind": "yes", "lid": "yes"}})
    runs = facts_of({"told": {"user-unit": "ActiveState=active\n"}})
    barred = {"job": "Activity=active\n", "lid": "yes", "live": " SleepDisabled\t\t1\n"}
    mac = facts_of({"system": "Darwin", "told": barred})
    wants = Host("one", awake=Awake())
    assert kinds(wants, idle) == {"not-awake", "lid"}
    assert kinds(Host("one", awake=Awake(seconds=9)), idle) == {"lid"}
    assert kinds(wants, runs) == kinds(wants, mac) == set()
    assert kinds(Host("one"), idle) == kinds(Host("one", awake=Awake(is_on=False)), idle) == set()
    assert kinds(wants, facts_of({"told": {}})) == set()
