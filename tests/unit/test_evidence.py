"""What facts show of one service: whose process it is, and whether it lives."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from building import NEW, desired, put

from hermes_ops.hermes.evidence import TICKS, Evidence, evidence_of
from hermes_ops.look.facts import Answer, Facts, Hermes, Process, Unit
from hermes_ops.services.base import ServiceSpec

STARTED = 400_000
HOME = ".hermes/profiles/demo"
SECTION = ".config/hermes-ops/supervisord.d/hermes-gateway-demo.conf"


def service() -> ServiceSpec:
    """Return the service that is looked at."""
    return desired({"desired": {"demo": {}}}).services["demo"]


def seen(found: Facts, manager: str = "systemd", **named: Any) -> Evidence:
    """Return what these facts show."""
    return evidence_of(service(), found, manager, **named)


def with_process(found: Facts, pid: int = 7, state: str = "S", started: int = STARTED) -> Facts:
    """Return the facts with a process."""
    process = Process(started, state, 1000, "/user.slice")
    return replace(found, processes={**found.processes, pid: process})


def with_unit(found: Facts, **properties: object) -> Facts:
    """Return the facts with what systemd says of the unit."""
    given = {"LoadState": "loaded", "UnitFileState": "enabled", **properties}
    unit = Unit({key: str(value) for key, value in given.items()})
    return replace(found, units={"systemd": {f"{service().name}.service": unit}})


def supervised(found: Facts, state: str, pid: int | None = None) -> Facts:
    """Return the facts with what supervisord says of the program, nothing if it has no state."""
    number = {"MainPID": str(pid)} if pid else {}
    units = {"hermes-gateway-demo": Unit({"State": state, **number})} if state else {}
    return replace(found, units={"supervisord": units})


def recorded(found: Facts, record: Any, name: str = "gateway.pid") -> Facts:
    """Return the facts with a file that the service wrote."""
    text = record if isinstance(record, str) else json.dumps(record)
    return put(found, f"{HOME}/{name}", text)


# --- a pid file ---------------------------------------------------------------------------------


def test_a_process_that_wrote_its_number_lives() -> None:
    """Nobody supervises it, and it is known by its number and its birth."""
    found = seen(recorded(with_process(NEW), {"pid": 7, "start_time": STARTED}))
    assert (found.pid, found.alive, found.supervised) == (7, True, False)


@pytest.mark.parametrize(
    "record",
    [
        {"pid": 7, "start_time": STARTED - 1},
        {"pid": 7, "start_time": "400000"},
        {"pid": 8, "start_time": STARTED},
        {"pid": "7"},
        {"pid": None},
        {},
        [7],
        "7",
        "{",
        "",
    ],
)
def test_a_stranger_with_that_number_is_none_of_ours(record: Any) -> None:
    """It would be ended in the place of one that is long dead."""
    found = seen(recorded(with_process(NEW), record))
    assert (found.pid, found.alive) == (None, False)


def test_a_pid_file_without_a_birth_is_believed() -> None:
    """Older ones have none."""
    assert seen(recorded(with_process(NEW), {"pid": 7})).pid == 7


def test_what_its_manager_says_is_more() -> None:
    """The file of an older process says nothing beside the process that runs."""
    found = with_unit(with_process(with_process(NEW), 8), ActiveState="active", MainPID=8)
    evidence = seen(recorded(found, {"pid": 7, "start_time": STARTED}))
    assert (evidence.pid, evidence.supervised, evidence.alive) == (8, True, True)


def test_only_gateways_have_such_a_file() -> None:
    """What another program writes there is its own affair."""
    plain = replace(service(), text="service")
    found = recorded(with_process(NEW), {"pid": 7, "start_time": STARTED})
    assert evidence_of(plain, found, "systemd").pid is None


# --- a process ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "alive", "suspended"),
    [
        ("S", True, False), ("R", True, False), ("D", True, False), ("I", True, False),
        ("Z", False, False), ("X", False, False), ("T", True, True), ("t", True, True),
    ],
)  # fmt: skip
def test_states_of_a_process(state: str, alive: bool, suspended: bool) -> None:
    """A zombie has ended, and one that is stopped lives without doing anything."""
    found = with_unit(with_process(NEW, state=state), ActiveState="active", MainPID=7)
    evidence = seen(found)
    assert (evidence.alive, evidence.suspended) == (alive, suspended)


def test_a_process_that_is_gone() -> None:
    """systemd named it, and it was not there any more when it was looked at."""
    evidence = seen(with_unit(NEW, ActiveState="active", MainPID=7))
    assert (evidence.pid, evidence.alive, evidence.supervised) == (7, False, True)
    assert (evidence.started_ticks, evidence.age_s, evidence.rss_bytes) == (None, None, None)


def test_its_age_and_its_memory() -> None:
    """In seconds since its birth, never below none, and in bytes."""
    found = replace(with_unit(with_process(NEW), ActiveState="active", MainPID=7), uptime=5000.0)
    evidence = seen(found)
    assert evidence.age_s == 5000 - STARTED / TICKS
    assert (evidence.rss_bytes, evidence.cgroup) == (1000 * 4096, "/user.slice")
    assert evidence.started_ticks == STARTED
    assert seen(replace(found, uptime=10.0)).age_s == 0
    assert seen(replace(found, uptime=None)).age_s is None


# --- a process of a kernel without /proc --------------------------------------------------------

BORN = 1_767_600_000.0
"""Hermes there writes hundredths of a second since 1970 as its birth."""


def on_a_mac(**process: Any) -> Facts:
    """Return what is so on a host whose processes `ps` has shown."""
    shown = Process(**{"started": None, "state": "S", "rss_pages": 1000, "born": BORN, **process})
    return replace(NEW, system="Darwin", now=BORN + 100, uptime=9e9, processes={7: shown})


def test_its_birth_is_its_age() -> None:
    """How long the kernel has run says nothing of it; a clock that was set back, no negative."""
    found = supervised(on_a_mac(), "RUNNING", 7)
    evidence = seen(found, "supervisord")
    assert (evidence.age_s, evidence.rss_bytes, evidence.started_ticks) == (100, 4096000, None)
    assert (evidence.alive, evidence.supervised, evidence.cgroup) == (True, True, "")
    assert seen(replace(found, now=BORN - 9), "supervisord").age_s == 0


def test_what_ps_does_not_tell_is_not_known() -> None:
    """Neither an age nor a memory; the process lives."""
    evidence = seen(supervised(on_a_mac(born=None, rss_pages=None), "RUNNING", 7), "supervisord")
    assert (evidence.alive, evidence.age_s, evidence.rss_bytes) == (True, None, None)


@pytest.mark.parametrize(
    ("start_time", "pid"),
    [
        (int(BORN * 100), 7),
        (int(BORN * 100) + 499, 7),
        (int(BORN * 100) - 499, 7),
        (None, 7),
        (STARTED, 7),
        (int(BORN * 100) + 501, None),
        (int(BORN * 100) - 501, None),
        (int(BORN * 100) - 8_640_000, None),
        ("yesterday", None),
        (BORN, None),
    ],
)
def test_its_number_may_be_another_ones_after_a_reboot(start_time: Any, pid: int | None) -> None:
    """A record of the process that had it before is not taken for the one that has it now.

    Ticks since the boot cannot be compared there, and are believed.
    """
    found = recorded(on_a_mac(), {"pid": 7, "start_time": start_time})
    assert seen(found, "supervisord").pid == pid


def test_where_its_birth_is_not_told_its_number_counts() -> None:
    """As `ps` may print something else than an age."""
    found = recorded(on_a_mac(born=None), {"pid": 7, "start_time": int(BORN * 100)})
    assert seen(found, "supervisord").pid == 7


# --- systemd ------------------------------------------------------------------------------------


def test_what_systemd_says() -> None:
    """Its words, and its numbers where it has any."""
    found = with_unit(NEW, ActiveState="failed", ExecMainStatus=78, Result="exit-code",
                      NRestarts=3, MainPID=0)  # fmt: skip
    evidence = seen(found)
    assert (evidence.activity, evidence.exit_status, evidence.restarts) == ("failed", 78, 3)
    assert (evidence.installed, evidence.enabled, evidence.supervised) == (True, True, False)
    assert evidence.ended_by == "exit-code"
    assert seen(with_unit(NEW, Result="success")).ended_by == ""


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("2min 30s", 150), ("1min 500ms", 61), ("1h 1s", 3601), ("infinity", 90), ("", 90)],
)
def test_how_long_systemd_lets_it_end(said: str, seconds: int) -> None:
    """A unit that it would never kill is given what systemd gives by default."""
    assert seen(with_unit(NEW, TimeoutStopUSec=said)).patience == seconds


def test_how_long_supervisord_lets_it_end() -> None:
    """Its section says it."""
    section = ".config/hermes-ops/supervisord.d/hermes-gateway-demo.conf"
    found = supervised(NEW, "RUNNING", 7)
    assert seen(found, "supervisord").patience == 90
    found = put(found, section, "[program:x]\nstopwaitsecs=150\n")
    assert seen(found, "supervisord").patience == 150


def test_a_unit_that_systemd_does_not_know() -> None:
    """Not installed, and whether it would be enabled nobody can say."""
    evidence = seen(NEW)
    assert (evidence.installed, evidence.enabled, evidence.activity) == (False, None, "inactive")
    disabled = seen(with_unit(NEW, LoadState="not-found", UnitFileState="disabled"))
    assert (disabled.installed, disabled.enabled) == (False, False)


# --- supervisord --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "activity", "pid"),
    [
        ("RUNNING", "active", 7),
        ("STARTING", "activating", None),
        ("BACKOFF", "activating", None),
        ("STOPPING", "deactivating", None),
        ("FATAL", "failed", None),
        ("UNKNOWN", "failed", None),
        ("EXITED", "inactive", None),
        ("STOPPED", "inactive", None),
        ("", "inactive", None),
    ],
)
def test_what_supervisord_says(status: str, activity: str, pid: int | None) -> None:
    """Its words in those of systemd, and the number of a process that runs."""
    evidence = seen(supervised(with_process(NEW), status, pid), "supervisord")
    assert (evidence.activity, evidence.pid, evidence.supervised) == (
        activity,
        pid,
        pid is not None,
    )
    assert (evidence.exit_status, evidence.installed, evidence.enabled) == (None, False, False)


def test_an_exit_that_was_fatal() -> None:
    """supervisord does not tell the code: the gateway's own word that its start failed does."""
    said = {"gateway_state": "startup_failed"}
    gone = recorded(supervised(NEW, "EXITED"), said, "gateway_state.json")
    evidence = seen(gone, "supervisord")
    assert (evidence.activity, evidence.exit_status) == ("failed", 78)
    assert seen(supervised(gone, "RUNNING", 7), "supervisord").exit_status is None
    forgiving = replace(service(), fatal_exit=())
    assert evidence_of(forgiving, gone, "supervisord").activity == "inactive"


@pytest.mark.parametrize(("word", "enabled"), [("true", True), ("false", False)])
def test_whether_supervisord_would_start_it(word: str, enabled: bool) -> None:
    """Its section says so."""
    evidence = seen(put(NEW, SECTION, f"[program:x]\nautostart={word}\n"), "supervisord")
    assert (evidence.installed, evidence.enabled) == (True, enabled)


# --- what it wrote, and what answers ------------------------------------------------------------


def test_what_a_gateway_wrote() -> None:
    """Its state and its heartbeat, where they can be read; else it was not seen."""
    found = recorded(recorded(NEW, {"a": 1}, "gateway_state.json"), {"b": 2},
                     "state/gateway.heartbeat")  # fmt: skip
    assert (seen(found).state, seen(found).heartbeat) == ({"a": 1}, {"b": 2})
    for text in ("", "{", "[1]", "null", "1"):
        assert seen(recorded(NEW, text, "gateway_state.json")).state is None


@pytest.mark.parametrize(
    ("version", "beatless"), [("0.18.2", True), ("0.19.0", False), ("99.0", False)]
)
def test_a_version_that_writes_no_heartbeat(version: str, beatless: bool) -> None:
    """Of one that nobody has examined it is not known."""
    found = replace(NEW, hermes=Hermes("/venv/bin/python", version))
    assert seen(found).beatless is beatless
    assert not seen(replace(NEW, hermes=None)).beatless


def test_what_is_expected_goes_along() -> None:
    """URLs that nobody asked have no answer, which is not that nobody answered."""
    url = "http://127.0.0.1:1/health"
    evidence = seen(NEW, urls=(url, "other"), expected=frozenset({"api"}), settle=4)
    assert evidence.answers == {url: None, "other": None}
    assert evidence.expected == {"api"}
    assert (evidence.settle, evidence.now) == (4, NEW.now)
    asked = seen(replace(NEW, answers={url: Answer(None)}), urls=(url,))
    assert asked.answers == {url: Answer(None)}
    assert (evidence.kind, seen(NEW).answers) == ("hermes", {})
