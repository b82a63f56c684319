"""Each case of `tests/cases/readiness`: what was seen of a service, and what that means.

A case is a file, or an entry of a table in `tables/`: what differs from the evidence of the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from case_file import read_case

from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.readiness import Verdict, heartbeat_age, judge, named_platforms
from hermes_ops.look.facts import Answer

FOLDER = Path(__file__).parents[1] / "cases" / "readiness"
STATES = {"healthy", "starting", "draining", "degraded", "down", "stopped", "absent", "unknown"}


def _entries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    table = read_case(path)
    for name, case in table["cases"].items():
        assert case.keys() <= {"why", "evidence", "verdict"}
        yield f"{path.stem}:{name}", {**case, "evidence": {**table["base"], **case["evidence"]}}


FILES = {path.stem: path for path in sorted(FOLDER.glob("*.yml"))}
CASES: dict[str, dict[str, Any]] = {name: read_case(path) for name, path in FILES.items()}
CASES |= {
    name: case for path in sorted(FOLDER.glob("tables/*.yml")) for name, case in _entries(path)
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def evidence(data: Mapping[str, Any]) -> Evidence:
    """Return the evidence of a case; what is not named there was not seen."""
    answers = {url: given and Answer(*given) for url, given in data.get("answers", {}).items()}
    expected = frozenset(data.get("expected", ()))
    return Evidence(**{**data, "answers": answers, "expected": expected})


@every_case
def test_case(case: dict[str, Any]) -> None:
    """The verdict is the one of the case, with the same reasons and platforms."""
    wanted = case["verdict"]
    reasons = tuple(wanted.get("reasons", ()))
    assert judge(evidence(case["evidence"])) == Verdict(
        wanted["state"], reasons, wanted.get("platforms", {})
    )


def test_every_state_has_a_case() -> None:
    """The vocabulary is closed; `disabled` is the inventory's word, no verdict."""
    assert {case["verdict"]["state"] for case in CASES.values()} == STATES


def test_no_two_cases_are_one() -> None:
    """A case that shows the same evidence as another one shows nothing."""
    seen = [json.dumps(case["evidence"], sort_keys=True, default=str) for case in CASES.values()]
    assert len(set(seen)) == len(seen)
    assert len(seen) >= 250


def test_many_cases_come_from_real_hosts() -> None:
    """Those that do say which command made them."""
    texts = {name: path.read_text("utf-8") for name, path in FILES.items()}
    captured = [text for text in texts.values() if text.startswith("# Captured on a host")]
    assert len(captured) >= 80
    assert all("capture_evidence" in text for text in captured)


@every_case
def test_every_field_may_be_unseen(case: dict[str, Any]) -> None:
    """Evidence that lacks any one field still gets a verdict, and is not made healthy by that.

    Only what speaks against it, and what is expected of it, may make it so by being away.
    """
    data = case["evidence"]
    was_healthy = judge(evidence(data)).is_ready
    forgiving = {"answers", "expected", "settle", "suspended", "kind", "activity"}
    forgiving |= {"age_s", "heartbeat", "now", "started_ticks", "argv", "home", "faults"}
    for field in fields(Evidence):
        less = {key: value for key, value in data.items() if key != field.name}
        verdict = judge(evidence(less))
        assert verdict.state in STATES
        assert was_healthy or not verdict.is_ready or field.name in forgiving


def test_waiting_helps_only_what_is_on_its_way() -> None:
    """A wait ends at once at what cannot become ready by itself."""
    pending = {state for state in STATES if Verdict(state).is_pending}
    assert pending == {"starting", "draining"}
    assert {state for state in STATES if Verdict(state).is_ready} == {"healthy"}


def test_a_heartbeat_of_another_process_has_no_age() -> None:
    """The file outlives its process."""
    beat = {"pid": 8, "updated_at": "2026-11-22T09:00:00+00:00"}
    assert heartbeat_age(Evidence(pid=7, heartbeat=beat, now=1795338000)) is None
    assert heartbeat_age(Evidence(pid=8, heartbeat=beat, now=1795338012)) == 12


def test_platforms_of_a_stranger_are_those_its_process_tells_of() -> None:
    """Entries from before the process, and those that are switched off, are none of it."""
    entries = {
        "api_server": {"state": "connected", "updated_at": "2026-11-22T09:00:00+00:00"},
        "telegram": {"state": "connected", "updated_at": "2026-11-21T09:00:00+00:00"},
        "webhook": {"state": "disabled", "updated_at": "2026-11-22T09:00:00+00:00"},
    }
    seen = Evidence(pid=7, alive=True, age_s=60, now=1795338012, state={"platforms": entries})
    assert named_platforms(seen) == {"api_server"}


NOON = 1795348800
"""2026-11-22T12:00:00Z."""


@pytest.mark.parametrize(
    ("when", "age"),
    [
        ("2026-11-22T11:59:50+00:00", 10), ("2026-11-22T13:59:50+02:00", 10),
        ("2026-11-22T12:00:09+00:00", 0), ("soon", 0), (None, 0),
    ],
)  # fmt: skip
def test_a_heartbeat_is_of_now_unless_it_says_when(when: Any, age: float) -> None:
    """Clocks differ a little, and a time that cannot be read is no reason to call it dead."""
    beat = {"pid": 7, "updated_at": when}
    assert heartbeat_age(Evidence(pid=7, heartbeat=beat, now=NOON)) == age


@pytest.mark.parametrize(
    ("when", "counts"),
    [
        ("2026-11-22T11:58:58+00:00", True), ("2026-11-22T11:58:57+00:00", False),
        ("no time", True), (None, True),
    ],
)  # fmt: skip
def test_an_entry_is_of_the_process_unless_it_is_older(when: Any, counts: bool) -> None:
    """By more than two seconds: the kernel counts from the boot, and the file by the clock."""
    entries = {"telegram": {"state": "connected", "updated_at": when}}
    seen = Evidence(pid=7, alive=True, age_s=60, now=NOON, state={"platforms": entries})
    assert named_platforms(seen) == ({"telegram"} if counts else frozenset())
