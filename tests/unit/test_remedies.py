"""The next command for what is not as desired, where its settings need no change."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from hermes_ops.commands.fleet.faults import ending, remedy
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.readiness import Verdict
from hermes_ops.inventory.model import Host
from hermes_ops.look.facts import Answer, Facts
from hermes_ops.plan.difference import Difference

HERE = Facts("me", 1000, "/home/me", "/home/me")
SILENT = {"answers": {"http://127.0.0.1:8642/health": Answer(None)}}


@pytest.mark.parametrize(
    ("state", "seen", "task"),
    [
        ("draining", {"drain_lasts": True}, "fleet.start"),
        ("draining", {"age_s": 4.0}, "fleet.ps"),
        ("frozen", {"traced": True}, "fleet.restart --now"),
        ("unknown", {"doubts": ("x",)}, "fleet.restart"),
        ("unknown", {"damage": "x"}, "fleet.restart"),
        ("unknown", {"age_s": 360.0}, "fleet.ps"),
        ("unknown", {"age_s": 361.0}, "fleet.restart"),
        ("unknown", {}, "fleet.ps"),
        ("down", {"activity": "activating", "restarts": 1}, "fleet.ps"),
        ("down", {"activity": "activating", "restarts": 2}, "fleet.logs --file journal"),
        ("starting", {"age_s": 10.0}, "fleet.ps"),
        ("starting", {"age_s": 400.0}, "fleet.restart"),
        ("degraded", SILENT, "fleet.restart"),
        ("degraded", {}, "fleet.logs --file journal"),
    ],
)
def test_the_next_command(state: str, seen: dict[str, Any], task: str) -> None:
    """A start is given the time that Hermes may take for it, and no more."""
    plan: Any = SimpleNamespace(stalled=frozenset(), differs=())
    pair = (Verdict(state, ()), Evidence(**seen))
    assert remedy("box/demo", pair, (), plan, HERE, lacks=False) == f"./inv {task} -l box/demo"


def test_a_home_that_is_gone_is_not_made_anew_unasked() -> None:
    """Its disk may not be mounted: what `fleet.up` makes is empty, and no remedy."""
    plan: Any = SimpleNamespace(stalled=frozenset(), differs=())
    gone = (Verdict("down", ()), Evidence(homeless=True))
    words = remedy("box/demo", gone, (), plan, HERE, lacks=True)
    assert words.startswith("bring its folder back first")
    assert words != "./inv fleet.up -l box/demo"
    new = (Verdict("absent", ()), Evidence(homeless=True, installed=False))
    assert remedy("box/demo", new, (), plan, HERE, lacks=True) == "./inv fleet.up -l box/demo"


FULL = Difference("demo", "the disk is full", mend="make room there")
OLD = Difference("demo", "its process is old", mend="./inv fleet.restart -l box/demo")
UP = "./inv fleet.up -l box/demo"


def test_what_a_run_does_not_mend_is_told_before_it() -> None:
    """A profile that has drifted on a full disk: with `fleet.up` alone it stays as ill."""
    pair = (Verdict("degraded", ()), Evidence())
    enable, restart = (SimpleNamespace(operation=None, restarts=restarts) for restarts in (0, 1))
    for differs, changes, words in (
        ((FULL,), (), "make room there"),
        ((FULL,), (enable,), f"make room there; {UP}"),
        ((OLD,), (enable,), f"{OLD.mend}; {UP}"),
        ((OLD, FULL), (restart,), f"make room there; {UP}"),
        ((replace(FULL, profile="other"),), (enable,), UP),
    ):
        plan: Any = SimpleNamespace(stalled=frozenset(), differs=differs)
        assert remedy("box/demo", pair, changes, plan, HERE, lacks=False) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("linger", "wish", "manager", "ends"),
    [
        (False, "required", "systemd", True),
        (True, "required", "systemd", False),
        (False, "optional", "systemd", False),
        (False, "required", "supervisord", False),
    ],
)
def test_services_that_end_with_a_session(
    *, linger: bool, wish: str, manager: str, ends: bool
) -> None:
    """Where linger is required and off, every service says so."""
    host = Host("box", linger=wish)
    words = ["linger is off: it ends with the last session of ann"] if ends else []
    facts = Facts("ann", 1000, "/home/ann", "/home/ann", linger=linger)
    assert ending(host, manager, facts) == words
