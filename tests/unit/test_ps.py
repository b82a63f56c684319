"""`fleet.ps`: rows, exit codes and reasons, from looks at hosts of a few words."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from building import NEW, applied, bare_role, desired, facts, put, roles, running

from hermes_ops.audit.finding import Side, make, register
from hermes_ops.cli.options import Options
from hermes_ops.cli.output import Output, exit_code
from hermes_ops.commands.converge import Converged
from hermes_ops.commands.fleet import (
    control,
    faults,
    profile_table,
    ps,
    status,
    verify,
    watch,
)
from hermes_ops.commands.fleet.after_run import seen_after
from hermes_ops.commands.fleet.faults import state_since
from hermes_ops.commands.fleet.profile_table import COLUMNS, WIDE, duration, lasting
from hermes_ops.commands.fleet.status import HostSeen, moment, seen_disabled, seen_from, unit_of
from hermes_ops.commands.fleet.troubles import counted, line, troubles_of
from hermes_ops.commands.look_hosts import Look
from hermes_ops.commands.workspace import Workspace
from hermes_ops.errors import (
    Interrupted,
    NotReady,
    NotUnderstood,
    Unreachable,
    UsageError,
    belongs_to,
)
from hermes_ops.hermes.evidence import Evidence
from hermes_ops.hermes.readiness import Verdict, judge
from hermes_ops.inventory.model import Inventory
from hermes_ops.loader import Vault
from hermes_ops.look.facts import Facts
from hermes_ops.plan import DesiredState, make_plan
from hermes_ops.plan.desired import desired_state
from hermes_ops.run import Done, HostResult
from hermes_ops.services.describe import describe
from hermes_ops.services.units.restarts import lately
from hermes_ops.verify import outcome as words

API = {"API_SERVER_ENABLED": "true"}
HOME = ".hermes/profiles/demo"
CONFIG, ENV, BEAT = f"{HOME}/config.yaml", f"{HOME}/.env", f"{HOME}/state/gateway.heartbeat"
PROFILE_KEYS = [
    "profile", "managed", "orphan", "desired", "as_desired", "state", "reasons", "not_judged",
    "supervised", "enabled", "unit", "pid", "started_at", "uptime_s", "since",
    "state_since", "cpu_percent", "restarts", "restarts_last_hour", "newer_code", "topology",
    "rss_bytes",
    "heartbeat_age_s", "platforms", "drift", "drift_reasons", "drift_unknown",
]  # fmt: skip


def wanted(case: Mapping[str, Any]) -> DesiredState:
    """Return what `fleet.ps` compares with."""
    return desired({**case, "steps": list(ps.STEPS)})


def seen(case: Mapping[str, Any]) -> HostSeen:
    """Return what a look at the host of a case shows."""
    state = wanted(case)
    return seen_from(Look(state.host, state, facts(case)), roles())


def only(host: HostSeen) -> dict[str, Any]:
    """Return the document of the only profile of a host."""
    (profile,) = host.document()["profiles"]
    return dict(profile)


def healthy(**more: Any) -> dict[str, Any]:
    """Return a case of one healthy profile."""
    return {"desired": {"demo": {"env": API}}, "facts": {"holds": "desired", **more}}


def test_a_healthy_profile() -> None:
    """Every field of the contract is there, and nothing besides."""
    host = seen(healthy())
    document = host.document()
    assert json.loads(json.dumps(document)) == document
    assert (document["reachable"], document["error"]) == (True, None)
    assert (document["platform"], document["manager"], document["linger"]) == (
        "linux", "systemd", True,
    )  # fmt: skip
    assert document["hermes"] == {"version": "0.19.0", "python": "3.11.2"}
    profile = only(host)
    assert list(profile) == PROFILE_KEYS
    assert profile["unit"] == "hermes-gateway-demo.service"
    assert profile["started_at"] == "2026-11-22T08:43:20Z"
    assert (profile["uptime_s"], profile["heartbeat_age_s"]) == (1000, 10.0)
    assert (profile["state"], profile["as_desired"], profile["drift"]) == ("healthy", True, False)
    assert profile["platforms"] == {"api_server": "connected"}
    assert list(host.codes) == []


def test_a_look_that_compares_nothing() -> None:
    """A new verb may look without any step: the process says how it does."""
    case = healthy()
    bare = desired_state(wanted(case).host, roles(), ())
    host = seen_from(Look(bare.host, bare, facts(case)), roles())
    assert host.error is None
    profile = only(host)
    assert (profile["state"], profile["platforms"]) == ("healthy", {"api_server": "connected"})
    assert profile["pid"]


def test_a_mistake_of_ours_is_not_the_hosts() -> None:
    """Whoever writes a task reads where it went wrong, and not that a host talks nonsense."""
    said = "^hermes-ops made a mistake with the answer of box: KeyError at commands/fleet/status.py"
    with pytest.raises(NotUnderstood, match=said), belongs_to("box"):
        unit_of(wanted(healthy()).services["demo"], "no-such-manager")


@pytest.mark.parametrize(
    ("state", "service", "found", "as_desired"),
    [
        ("started", "stopped", "stopped", False),
        ("stopped", "stopped", "stopped", True),
        ("stopped", "failed 1", "down", False),
        ("started", "stray", "degraded", False),
        ("started", "starting", "starting", False),
    ],
)
def test_as_desired(state: str, service: str, found: str, as_desired: bool) -> None:
    """Only the state that is wanted is as desired; any other asks for exit code 2."""
    case = {
        "desired": {"demo": {"state": state}},
        "facts": {"holds": "desired", "services": {"demo": service}},
    }
    host = seen(case)
    assert (only(host)["state"], only(host)["as_desired"]) == (found, as_desired)
    assert list(host.codes) == ([] if as_desired else [2])


def test_a_process_that_is_gone_has_no_numbers() -> None:
    """What a dead process left behind is not shown as its own."""
    profile = only(seen(healthy(services={"demo": "stopped"})))
    gone = ("pid", "started_at", "uptime_s", "rss_bytes", "heartbeat_age_s", "supervised")
    assert [profile[key] for key in gone] == [None] * len(gone)


@pytest.mark.parametrize(
    ("more", "state", "reason"),
    [
        ({"files": {CONFIG: "a: [1\n"}}, "degraded", "this is not valid YAML"),
        ({"edits": {CONFIG: "a: 1 => a: 2"}}, "degraded", "differs from the inventory: a"),
        ({"files": {CONFIG: None}}, "degraded", f"~/{CONFIG} is absent"),
        ({"edits": {ENV: "MODE=x => MODE=y"}}, "degraded", "the inventory: MODE"),
        ({"unreadable": ENV}, "degraded", f"~/{ENV} cannot be read by hermes"),
        ({"unwritable": {f"{HOME}/logs": {"uid": 0}}}, "degraded", "sudo chown -R hermes: "),
        ({"runs": {"demo": {"argv": "/bin/sleep 9"}}}, "down", "is /bin/sleep, not a gateway"),
        ({"files": {BEAT: None}}, "unknown", "no heartbeat for 1000 s"),
        ({"modes": {CONFIG: "0644"}}, "healthy", ""),
        ({"files": {f"{HOME}/SOUL.md": "Be loud.\n"}}, "healthy", ""),
        ({"shows": {"demo": {"DropInPaths": "/etc/x.conf"}}}, "healthy", ""),
        ({"services": {"demo": "stale"}}, "healthy", ""),
    ],
)  # fmt: skip
def test_what_was_broken_by_hand_is_not_green(
    more: dict[str, Any], state: str, reason: str
) -> None:
    """A process that runs well is not as desired if anything that it runs with is not."""
    profile = {"env": {**API, "MODE": "x"}, "config": {"a": 1}, "soul": "Be kind.\n"}
    unreadable = more.pop("unreadable", "")
    case = {"desired": {"demo": profile}, "facts": {"holds": "desired", **more}}
    found = facts(case)
    if unreadable:
        kept = {path: text for path, text in found.contents.items() if path != unreadable}
        found = replace(found, contents=kept)
    host = seen_from(Look(wanted(case).host, wanted(case), found), roles())
    document = only(host)
    assert (document["state"], document["as_desired"]) == (state, False)
    assert reason in " ".join(document["reasons"])
    assert list(host.codes) == [4 if state == "unknown" else 2]
    assert document["drift_reasons"] or state in ("down", "unknown")


def test_a_reference_without_a_value_on_the_host_is_not_green() -> None:
    """Nobody needs the value to see that the line is not there."""
    case = healthy()
    case["desired"] = {"demo": {"env": {**API, "TELEGRAM_BOT_TOKEN": {"env": "X"}}}}
    found = facts(healthy())
    host = seen_from(Look(wanted(case).host, wanted(case), found), roles())
    assert only(host)["reasons"] == ["its .env lacks TELEGRAM_BOT_TOKEN"]


def test_an_unknown_state_asks_for_another_look() -> None:
    """A profile that could not be judged is exit code 4."""
    found = replace(facts(healthy()), answers={})
    state = wanted(healthy())
    host = seen_from(Look(state.host, state, found), roles())
    assert only(host)["state"] == "unknown"
    assert list(host.codes) == [4]


NONSENSE: Any = None
"""Facts that nothing of ours expects: whatever is made of them raises."""


def test_facts_that_make_no_sense_are_their_hosts_alone() -> None:
    """A host of which nothing can be judged is unknown, with the reason; no table ends for it."""
    state = wanted(healthy())
    host = seen_from(Look(state.host, state, replace(NEW, units=NONSENSE)), roles())
    assert (only(host)["state"], list(host.codes)) == ("unknown", [4])
    assert host.error is not None
    assert host.error.kind == "not_understood"


def test_an_unreachable_host_has_the_code_of_its_error() -> None:
    """Its profiles are unknown, and that is no further code."""
    state = wanted(healthy())
    failure = Unreachable("it did not answer", kind="timeout")
    host = seen_from(Look(state.host, state, None, failure), roles())
    assert host.document()["reachable"] is False
    assert only(host)["state"] == "unknown"
    assert list(host.codes) == [3]


def test_a_disabled_host_is_shown_and_does_not_count() -> None:
    """Nobody asked it, so nobody says whether it would answer."""
    host = replace(wanted(healthy()).host, enabled=False, disabled_reason="in repair")
    shown = seen_disabled(host)
    assert shown.document()["reachable"] is None
    assert (only(shown)["state"], only(shown)["reasons"]) == ("disabled", ["in repair"])
    assert (only(shown)["as_desired"], list(shown.codes)) == (None, [])


def test_a_host_that_cannot_have_what_is_wanted_says_so() -> None:
    """What is wrong with the whole host is the host's error, exit code 1."""
    case = healthy() | {"host": {"manager": "systemd"}}
    host = seen(case | {"facts": {"systemd": False}})
    assert "systemd cannot run services here" in host.document()["error"]["message"]
    assert list(host.codes) == [1]


# --- drift ------------------------------------------------------------------------------------

UNIT = ".config/systemd/user/hermes-gateway-demo.service"
TOKEN = {"TOKEN": {"env": "MY_TOKEN"}}


@pytest.mark.parametrize(
    ("env", "more", "drift"),
    [
        (API, {}, False),
        (API, {"edits": {UNIT: "RestartSec=5 => RestartSec=9"}}, True),
        (API, {"modes": {".hermes/profiles/demo/.env": "0644"}}, True),
        (API, {"owes": {"hermes-gateway-demo": True}}, True),
        (API, {"services": {"demo": "stopped"}}, False),
        (API, {"kinds": {".hermes/profiles/demo/.env": "folder"}}, True),
        (API | TOKEN, {}, None),
        (API | TOKEN, {"edits": {UNIT: "RestartSec=5 => RestartSec=9"}}, True),
    ],
)
def test_drift(env: dict[str, Any], more: dict[str, Any], drift: bool | None) -> None:
    """Files, definition and a restart that is owed count; what hides behind references does not."""
    held = {"demo": {"env": {key: value for key, value in env.items() if key != "TOKEN"}}}
    case = {"desired": {"demo": {"env": env}}, "facts": {"holds": held, **more}}
    profile = only(seen(case))
    assert profile["drift"] is drift
    assert bool(profile["drift_reasons"]) is bool(drift)
    assert not (drift and profile["as_desired"])


def test_why_drift_is_unknown_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the table, and by `fleet.status`; a line of `-` alone would say nothing."""
    monkeypatch.setenv("COLUMNS", "120")
    case = {"desired": {"demo": {"env": API | TOKEN}}, "facts": {"holds": {"demo": {"env": API}}}}
    found = put(facts(case), ENV, facts(case).contents[ENV] + "TOKEN=x\n")
    host = seen_from(Look(wanted(case).host, wanted(case), found), roles())
    why = "the values of TOKEN are not read here: fleet.plan compares them"
    assert (only(host)["drift"], only(host)["drift_unknown"]) == (None, why)
    told = f"box/demo: drift unknown: {why}"
    assert shown(host)[-1] == told
    assert list(profile_table.not_compared([host])) == [told]
    assert list(profile_table.not_compared([seen(healthy())])) == []


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("file:.hermes/x", "~/.hermes/x"),
        ("file:/etc/x.conf", "/etc/x.conf"),
        ("directory:.hermes", "~/.hermes"),
        ("service:hermes-gateway-demo", "a restart of hermes-gateway-demo is due"),
        ("definition:demo", "the definition of demo"),
        ("unread:demo", "the definition of demo, which its manager has not read yet"),
        ("linger", "linger"),
    ],
)
def test_drift_is_told_in_words(resource: str, words: str) -> None:
    """Only what is a path looks like one."""
    assert profile_table.in_words(resource) == words


def test_another_program_has_no_version_of_hermes() -> None:
    """The column is that of the service, not of the host."""
    host = seen(healthy())
    assert "0.19.0" in shown(host, sort="version")[1]
    other = replace(host, profiles=(replace(host.profiles[0], runs_hermes=False),))
    assert "0.19.0" not in shown(other, sort="version")[1]
    assert status.is_hermes(roles()["gateway"])
    assert not status.is_hermes(bare_role("echo"))


# --- strangers --------------------------------------------------------------------------------


def with_strangers(**more: Any) -> Facts:
    """Return the facts of a host with a gateway that nobody described."""
    service = describe(desired({"desired": {"scout": {}}}).host.profiles[0], roles()["gateway"])
    found = running(facts(healthy()), service, 77, platforms=["telegram"])
    return replace(found, profiles=("demo", "scout", "idle"), **more)


def test_gateways_that_nobody_described_are_shown_and_do_not_count() -> None:
    """They are judged by what their own process tells; nothing is wanted of them."""
    state = wanted(healthy())
    host = seen_from(Look(state.host, state, with_strangers()), roles())
    # `idle` has a folder and no service: it is data, and no gateway.
    _, scout = host.document()["profiles"]
    assert [scout["profile"], scout["state"], scout["pid"]] == ["scout", "healthy", 77]
    assert scout["platforms"] == {"telegram": "connected"}
    assert [scout[key] for key in ("managed", "desired", "as_desired", "drift")] == [
        False, None, None, None,
    ]  # fmt: skip
    assert list(host.codes) == []


def test_the_line_of_counts_counts_what_is_wanted() -> None:
    """A gateway that nobody described is none of the profiles; words are singular and plural."""
    state = wanted(healthy())
    host = seen_from(Look(state.host, state, with_strangers()), roles())
    assert line(counted([host])) == "1 profile on 1 host: 1 healthy"
    assert line(counted([host, host])) == "2 profiles on 2 hosts: 2 healthy"
    assert line(counted([])) == "0 profiles on 0 hosts"


def test_a_selection_keeps_what_is_told_of_the_host() -> None:
    """And of a selected profile; the others are left out, each among its own."""
    state = wanted(healthy())
    host = seen_from(Look(state.host, state, with_strangers()), roles())
    sides = {"of the host": None, "of demo": "demo", "of scout": "scout"}
    register("odd", {"severity": "warning", "says": "{who} is odd", "ignored": "", "mend": ""})
    found = tuple(make("odd", name, [Side("box", whose)]) for name, whose in sides.items())
    host = replace(host, findings=found)

    def kept(own: list[str], others: list[str]) -> tuple[list[str], list[str]]:
        less = host.narrowed(own, others)
        return [seen.name for seen in less.profiles], [finding.name for finding in less.findings]

    assert kept(["demo"], []) == (["demo"], ["of the host", "of demo"])
    assert kept([], ["scout"]) == (["scout"], ["of the host", "of scout"])
    assert kept(["scout"], ["demo"])[0] == []


@pytest.mark.parametrize(
    ("limit", "others"),
    [
        (None, ["scout"]), ("box", ["scout"]), ("box/*", ["scout"]), ("b*/s*,box/demo", ["scout"]),
        ("box,!box/demo", ["scout"]), ("box/demo", []), ("*/d*", []), ("box,!box/scout", []),
    ],
)  # fmt: skip
def test_a_selected_profile_brings_no_other(limit: str | None, others: list[str]) -> None:
    """What the inventory does not name is shown with its host, or if the selection means it."""
    state = wanted(healthy())
    here = seen_from(Look(state.host, state, with_strangers()), roles())
    there = HostSeen(replace(state.host, name="another"))
    whole = Inventory((here.host, there.host), {}, roles())
    found = ps._meant([here, there], whole, Options(limit=limit))
    assert [host.host.name for host in found] == ["box", "another"]
    assert [seen.name for seen in found[0].profiles if seen.desired is None] == others


def test_what_could_not_be_read_is_told_of_those_that_run() -> None:
    """Of one that is down it is of no use."""
    for service, told in (("healthy", ["box/demo: not judged: its memory"]), ("stopped", [])):
        host = seen(healthy(services={} if service == "healthy" else {"demo": service}))
        (one,) = host.profiles
        odd = replace(one, evidence=replace(one.evidence, unjudged=("its memory",)))
        assert list(profile_table.unjudged([replace(host, profiles=(odd,))])) == told


def test_profiles_that_are_only_not_selected_are_no_strangers() -> None:
    """What the inventory names is managed, whatever the selection of this call."""
    state = wanted(healthy())
    known = replace(state.host, all_profiles=("demo", "scout"))
    host = seen_from(Look(known, replace(state, host=known), with_strangers()), roles())
    assert [seen.name for seen in host.profiles] == ["demo"]


def test_a_unit_alone_is_a_stranger() -> None:
    """The unit without a suffix is that of the profile `default`."""
    state = wanted(healthy())
    files = ("hermes-gateway.service", "hermes-gateway-old.service", "hermes-gateway-demo.service")
    found = replace(facts(healthy()), defined={"systemd": frozenset(files)})
    host = seen_from(Look(state.host, state, found), roles())
    assert [(seen.name, seen.verdict.state) for seen in host.profiles[1:]] == [
        ("default", "stopped"),
        ("old", "stopped"),
    ]


def test_another_version_of_hermes_is_a_finding() -> None:
    """2, with the two ways out; the inventory's word counts, else the version that we install."""
    host = seen(healthy() | {"host": {"hermes": {"version": "0.20.0"}}})
    assert list(host.codes) == [2]
    (told,) = host.document()["findings"]
    assert (told["finding"], told["host"], told["profile"]) == ("other-version", "box", None)
    assert shown(host)[-1] == (
        "Hermes of box is 0.19.0, wanted 0.20.0; ./inv fleet.upgrade --to 0.20.0 -l box"
        "   # or set hermes_version: 0.19.0"
    )
    assert only(host)["state"] == "healthy"


# --- the table --------------------------------------------------------------------------------


class Page:
    """Takes what would be printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def drawn(self, text: str) -> None:
        self.text(text)

    def text(self, text: str) -> None:
        """Keep it."""
        self.lines += text.splitlines()


def shown(*hosts: HostSeen, sort: str | None = "host") -> list[str]:
    """Return the lines of a table and what stands below it."""
    page = Page()
    profile_table.show_profiles(hosts, page, COLUMNS, sort)
    return page.lines


def test_the_table_has_a_reason_for_what_is_not_as_desired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Healthy ones have a row, others a row and a line."""
    monkeypatch.setenv("COLUMNS", "120")
    lines = shown(seen(healthy()), seen(healthy(services={"demo": "failed 78"})))
    assert lines[0].split() == [column.upper() for column in COLUMNS]
    assert lines[1].split()[:5] == ["box", "demo", "healthy", "100", "16m"]
    assert lines[2].split()[:4] == ["box", "demo", "down", "-"]
    assert lines[3] == "box/demo is down: fatal configuration (exit 78): see the log"


def test_a_state_without_a_reason_says_what_is_wanted() -> None:
    """A stopped gateway has no reason of its own."""
    lines = shown(seen(healthy(services={"demo": "stopped"})))
    assert lines[-1] == "box/demo is stopped: it should be started"


def test_a_gateway_that_does_not_run_tells_for_how_long() -> None:
    """Since its manager stopped it; one that runs has its uptime in its place."""
    ended = {"demo": {"StateChangeTimestampMonotonic": "4400000000"}}
    host = seen(healthy(services={"demo": "stopped"}, shows=ended))
    assert only(host)["since"] == "2026-11-22T08:50:00Z"
    (row,) = troubles_of(host)
    assert row["message"] == "box/demo is stopped (10m 0s): it should be started"
    early = replace(host, facts=replace(facts(healthy()), now=0.0))
    assert lasting(early, host.profiles[0]) == " (0s)"
    running = seen(healthy(shows=ended))
    assert only(running)["since"] == "2026-11-22T08:50:00Z"
    assert lasting(running, running.profiles[0]) == ""
    assert only(seen({"desired": {"demo": {}}}))["since"] is None


NOTED = {"gateway_state": "stopped", "updated_at": "2026-11-22T08:50:00+00:00"}


@pytest.mark.parametrize(
    ("noted", "since"),
    [
        (NOTED, "2026-11-22T08:50:00Z"),
        ({**NOTED, "gateway_state": "running"}, None),
        ({**NOTED, "updated_at": "when"}, None),
        ({"gateway_state": "stopped"}, None),
        (None, None),
    ],
    ids=["ended", "killed", "no time", "none", "no file"],
)
def test_where_no_manager_tells_the_gateway_does(
    noted: dict[str, str] | None, since: str | None
) -> None:
    """launchd and supervisord forget when they stopped something; who was killed noted no end."""
    assert moment(state_since(Verdict("stopped"), Evidence(state=noted))) == since
    assert state_since(Verdict("stopped"), Evidence(state=noted, since=7)) == 7
    assert state_since(Verdict("absent"), Evidence(state=noted)) is None


def test_rows_sort_as_people_count() -> None:
    """q2 comes before q10; without a column to sort by, rows are in the inventory's order."""
    one = seen(healthy())
    hosts = [replace(one, host=replace(one.host, name=name)) for name in ("q10", "q2", "q1")]
    assert [row.split()[0] for row in shown(*hosts)[1:]] == ["q1", "q2", "q10"]
    assert [row.split()[0] for row in shown(*hosts, sort=None)[1:]] == ["q10", "q2", "q1"]


def test_a_table_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The columns that say least are left out first; one that is sorted by stays.

    In a pipe nothing is left out.
    """
    monkeypatch.setenv("COLUMNS", "80")
    one = seen(healthy())
    host = replace(one, host=replace(one.host, name="a-host-with-a-longer-name"))
    lines = shown(host)
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:3] == ["HOST", "PROFILE", "STATE"]
    assert lines[0].split()[-1] == "DRIFT"
    assert "RESTARTS" in shown(host, sort="restarts")[0]
    monkeypatch.delenv("COLUMNS")
    assert shown(host)[0].split() == [column.upper() for column in COLUMNS]


@pytest.mark.slow
@pytest.mark.parametrize("column", WIDE)
def test_every_column_sorts(column: str) -> None:
    """Numbers sort as numbers, and what is not known comes last."""
    young = replace(seen(healthy()), host=replace(seen(healthy()).host, name="a"))
    gone = seen(healthy(services={"demo": "stopped"}))
    assert len(shown(gone, young, sort=column)) == 4
    assert shown(gone, young, sort="pid")[1].split()[0] == "a"


def test_an_unknown_column_is_refused_before_anything_is_read() -> None:
    """The error names the columns."""
    options = Options(inventory=("/nowhere",))
    with pytest.raises(UsageError, match="no column 'memroy'") as error:
        ps.run([], options, Output(json=False), watch=False, wide=False, sort="memroy")
    assert "memory" in (error.value.hint or "")


def test_watch_prints_no_document() -> None:
    """One document and a table again and again exclude each other."""
    options = Options(inventory=("/nowhere",), json=True)
    with pytest.raises(UsageError, match="--watch"):
        ps.run([], options, Output(json=True), watch=True, wide=False, sort=None)


def test_watch_goes_on_until_it_is_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each table has its time and its blank line; the result is that of the last one."""
    looks = [[seen(healthy())], [seen(healthy(services={"demo": "stopped"}))]]
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)

    def look(_each: object) -> list[HostSeen]:
        if looks:
            return looks.pop(0)
        raise KeyboardInterrupt

    def show(hosts: Sequence[HostSeen], page: Any) -> None:
        profile_table.show_profiles(hosts, page, COLUMNS, "host")

    result = watch.watched(look, show, Output(json=False))
    first, second, end = capsys.readouterr().out.split("\n\n")
    assert (result.exit, end, pauses) == (2, "", [watch.EVERY] * 2)
    assert result.document["hosts"][0]["profiles"][0]["state"] == "stopped"
    for told, state in ((first, "healthy"), (second, "stopped")):
        time, head, row, *_ = told.splitlines()
        assert time.startswith("20") and time.endswith("Z")
        assert (head.split()[0], row.split()[2]) == ("HOST", state)


def test_watch_ends_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an error, and with the last whole table: who was being asked then is not unknown."""
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    looks = iter([[seen(healthy())], [seen(healthy(services={"demo": "stopped"}))]])

    def show(hosts: Sequence[HostSeen], page: Any) -> None:
        profile_table.show_profiles(hosts, page, COLUMNS, "host")

    seconds = iter([5, 1, 1, 0])  # before a look, for the pause; before a look, and after it
    result = watch.watched(lambda _: next(looks), show, Output(json=False), lambda: next(seconds))
    assert (result.exit, pauses, capsys.readouterr().out.count("demo")) == (0, [1], 1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "5s"), (65, "1m 5s"), (3600, "1h 0m"), (3 * 86400 + 4 * 3600 + 59, "3d 4h"), (0.4, "0s")],
)
def test_duration(seconds: float, words: str) -> None:
    """Two units are enough."""
    assert duration(seconds) == words


def test_exit_codes_of_many_hosts() -> None:
    """Of all that apply, the one that says most."""
    state = wanted(healthy())
    away = seen_from(Look(state.host, state, None, Unreachable("x")), roles())
    hosts = [seen(healthy()), away, seen(healthy(services={"demo": "stopped"}))]
    assert exit_code(code for host in hosts for code in host.codes) == 3


# --- at the end of `fleet.up` -----------------------------------------------------------------


def test_after_a_run_facts_that_make_no_sense_are_their_hosts_alone() -> None:
    """The table at the end of `fleet.up` is there for all others."""
    case = healthy(services={"demo": "stopped"})
    state, found = desired(case), facts(case)
    plan = make_plan(state, found)
    result = HostResult(state.host, "changed", plan=plan, facts=replace(found, units=NONSENSE))
    result.verdicts = {"demo": judge(plan.evidence["demo"])}
    host = seen_after(result, roles())
    assert only(host)["state"] == "unknown"
    assert host.error is not None
    assert host.error.kind == "not_understood"
    result.error = NotReady("the run's own")
    assert seen_after(result, roles()).error is result.error


def after(case: Mapping[str, Any], *, outcome: str = "done", judged: bool = True) -> HostSeen:
    """Return what the end of a run shows, which ended each change so."""
    state = desired(case)
    before = facts(case)
    plan = make_plan(state, before)
    result = HostResult(state.host, plan=plan, facts=before)
    result.outcome = "changed" if outcome == "done" else "failed"
    result.changes = [Done(change, outcome) for change in plan.changes]
    if judged:
        result.facts = applied(plan, before)
        result.verdicts = {
            watch.service.profile: judge(plan.evidence["demo"]) for watch in plan.watches
        }
    return seen_after(result, roles())


def test_what_a_run_started_is_shown_as_its_wait_saw_it() -> None:
    """The last round of the wait counts, not the look before the changes."""
    host = after({"desired": {"demo": {"env": API}}})
    assert (only(host)["state"], only(host)["drift"]) == ("healthy", False)
    assert list(profile_table._addresses([host])) == [
        "demo answers at http://127.0.0.1:8642/health on box"
    ]


def test_a_stopped_profile_that_was_just_installed_is_stopped() -> None:
    """It is absent no more, although nothing was ordered of its service."""
    host = after({"desired": {"demo": {"env": API, "state": "stopped"}}})
    assert (only(host)["state"], only(host)["as_desired"]) == ("stopped", True)


def test_an_answer_that_refuses_is_no_address() -> None:
    """Somebody answers there, and not as asked for."""
    host = after({"desired": {"demo": {"env": API}}})
    (one,) = host.profiles
    refused = {
        url: replace(answer, status=503) for url, answer in one.evidence.answers.items() if answer
    }
    other = replace(one, evidence=replace(one.evidence, answers=refused))
    assert list(profile_table._addresses([replace(host, profiles=(other,))])) == []


def test_what_was_not_waited_for_is_starting() -> None:
    """With --no-wait nobody looked again."""
    host = after({"desired": {"demo": {}}}, judged=False)
    assert only(host)["state"] == "starting"


def test_what_was_stopped_is_stopped() -> None:
    """The order to stop was heard to its end."""
    case = {"desired": {"demo": {"state": "stopped"}}, "facts": {"holds": {"demo": {}}}}
    assert only(after(case, judged=False))["state"] == "stopped"
    absent = {"desired": {"demo": {"state": "absent"}}, "facts": {"holds": {"demo": {}}}}
    assert only(after(absent, judged=False))["state"] == "absent"


def test_changes_that_failed_are_drift() -> None:
    """What was planned and not done still differs."""
    host = after({"desired": {"demo": {}}}, outcome="failed", judged=False)
    assert (only(host)["state"], only(host)["drift"]) == ("absent", True)


def test_an_order_says_nothing_of_drift() -> None:
    """It compares no settings: what `fleet.ps` calls drift in the same moment is not denied."""
    state, found = desired(healthy(services={"demo": "stopped"})), facts(healthy())
    plan = replace(make_plan(state, found), is_order=True)
    result = HostResult(state.host, "failed", plan=plan, facts=found)
    result.changes = [Done(change, "failed") for change in plan.changes]
    document = only(seen_after(result, roles()))
    assert (document["drift"], document["drift_reasons"]) == (None, [])


def test_a_start_that_failed_is_no_drift() -> None:
    """As in `fleet.ps`: its state tells."""
    case = healthy(services={"demo": "stopped"})
    host = after(case, outcome="failed", judged=False)
    state = desired(case)
    result = HostResult(state.host, "failed", plan=make_plan(state, facts(case)), facts=facts(case))
    assert result.plan is not None
    result.changes = [Done(change, "failed") for change in result.plan.changes]
    assert only(host)["state"] != "healthy"
    assert only(seen_after(result, roles()))["drift"] is only(seen(case))["drift"] is False


def test_between_two_of_many_starts_the_journal_helps() -> None:
    """In the moment of a start nothing has failed yet: the number of restarts tells."""
    begins = Evidence(installed=True, activity="activating", restarts=16, recent=16)
    verdict = judge(begins)
    assert (verdict.state, verdict.reasons) == (
        "starting", ("it is being started", "restarted 16 times so far, 16 in the last hour"),
    )  # fmt: skip
    assert faults._task(verdict, begins) == "fleet.logs --file journal"
    once = replace(begins, restarts=1)
    assert faults._task(judge(once), once) == "fleet.ps"


def test_a_run_that_never_looked_shows_unknown() -> None:
    """The host's error is the reason."""
    state = desired(healthy())
    result = HostResult(state.host, error=NotReady("x"))
    assert only(seen_after(result, roles()))["state"] == "unknown"


def converged(*results: HostResult) -> Converged:
    """Return a run that ended so."""
    hosts = tuple(result.host for result in results)
    inventory = Inventory(hosts, {}, roles())
    workspace = Workspace(inventory, inventory, (), Vault(None, lambda _: None))
    return Converged("a run", "fleet.up", Options(), workspace, list(results))


def test_the_end_of_a_run_shows_what_it_was_about() -> None:
    """A table, and where each profile answers; nothing in a document, or without profiles."""
    case = {"desired": {"demo": {"env": API}}}
    state = desired(case)
    plan = make_plan(state, facts(case))
    result = HostResult(state.host, "changed", plan=plan, facts=applied(plan, facts(case)))
    result.changes = [Done(change, "done") for change in plan.changes]
    result.verdicts = {"demo": judge(plan.evidence["demo"])}
    bare = replace(result, host=replace(state.host, profiles=()), plan=None)
    for as_json, results, lines in ((False, [result], 4), (True, [result], 0), (False, [bare], 0)):
        out = io.StringIO()
        profile_table.show_converged(converged(*results), Output(json=as_json, out=out))
        told = out.getvalue().splitlines()
        assert len(told) == lines, told
        if told:
            assert (told[0], told[1].split()[0], told[2].split()[:2]) == (
                "",
                "HOST",
                ["box", "demo"],
            )
            assert told[3] == "demo answers at http://127.0.0.1:8642/health on box"


@pytest.mark.parametrize("outcome", ["unknown", "unreachable", "skipped"])
def test_a_host_that_was_lost_is_unknown(outcome: str) -> None:
    """What was seen before the connection was lost may no longer be so."""
    state, found = desired(healthy()), facts(healthy())
    lost = HostResult(state.host, outcome, Unreachable("it is gone"))
    lost.plan, lost.facts = make_plan(state, found), found
    host = seen_after(lost, roles())
    assert (only(host)["state"], only(host)["reasons"]) == ("unknown", ["it is gone"])
    assert list(profile_table._addresses([host])) == []


def test_what_the_checks_saw_last_counts() -> None:
    """They come after the wait."""
    state, found = desired(healthy()), facts(healthy())
    result = HostResult(state.host, "ok", plan=make_plan(state, found), facts=found)
    assert only(seen_after(result, roles()))["state"] == "healthy"
    result.doubts["demo"] = Verdict("unknown", ("the host does not answer",))
    assert only(seen_after(result, roles()))["state"] == "unknown"


@pytest.mark.parametrize(
    ("outcome", "check", "state"),
    [
        ("ok", words.FAILED, "degraded"), ("changed", words.FAILED, "degraded"),
        ("ok", words.UNKNOWN, "unknown"), ("changed", words.UNREACHABLE, "unknown"),
        ("ok", words.PASSED, "healthy"), ("changed", words.SKIPPED, "healthy"),
    ],
)  # fmt: skip
def test_a_check_that_did_not_pass_is_in_the_table(outcome: str, check: str, state: str) -> None:
    """The last table of `fleet.up` says no more than was proven."""
    wanted, found = desired(healthy()), facts(healthy())
    result = HostResult(wanted.host, outcome, plan=make_plan(wanted, found), facts=found)
    seen = words.CheckOutcome(words.Check("box", "demo", "test_it"), check, message="it is not so")
    verify._doubt(words.Verified((seen,)), converged(result))
    row = only(seen_after(result, roles()))
    assert row["state"] == state
    assert (row["reasons"] == ["it is not so"]) is (state != "healthy")


def test_only_a_doctor_asks_what_a_doctor_wants_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its questions costs the host time: a table asks none of them."""
    asked: list[bool] = []

    def look_all(*_: object, health: bool, **__: object) -> list[Look]:
        asked.append(health)
        return []

    monkeypatch.setattr(ps, "look_all", look_all)
    inventory = Inventory((), {}, roles())
    space = Workspace(inventory, inventory, (), Vault(None, lambda _: None))
    assert ps.look_at([], Options(), Output(json=True), space) == []
    assert ps.look_at([], Options(), Output(json=True), space, health=True) == []
    assert asked == [False, True]


@pytest.mark.parametrize(("outcome", "state"), [("done", "draining"), ("failed", "healthy")])
def test_only_who_was_asked_to_drain_drains(outcome: str, state: str) -> None:
    """A request that could not be written changes nothing of how a gateway is."""
    found = facts(healthy())
    order = control.order_steps("fleet.drain", "drain", lasts=60)
    plan = make_plan(desired_state(desired(healthy()).host, roles(), order), found)
    result = HostResult(plan.host, "changed", plan=plan, facts=found)
    result.changes = [Done(change, outcome) for change in plan.changes]
    control._note_drains(converged(result))
    assert only(seen_after(result, roles()))["state"] == state


def test_an_answer_of_this_machine_needs_no_host() -> None:
    """Here one can click on it."""
    host = after({"desired": {"demo": {"env": API}}, "host": {"connection": "local"}})
    assert list(profile_table._addresses([host])) == [
        "demo answers at http://127.0.0.1:8642/health"
    ]
    assert host.facts is not None
    assert host.facts.home == NEW.home


# --- after a run --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("healthy_ones", "all_rows", "rows"), [(10, False, 11), (11, False, 1), (11, True, 12)]
)
def test_many_healthy_rows_are_a_number(healthy_ones: int, *, all_rows: bool, rows: int) -> None:
    """More than ten; what is not well keeps its row, and --all-rows keeps all."""
    hosts = [*[seen(healthy())] * healthy_ones, seen(healthy(services={"demo": "stopped"}))]
    page = Page()
    profile_table.show_states(hosts, page, all_rows=all_rows)
    table = [line for line in page.lines if line.startswith("box")]
    assert len(table) == rows
    told = f"{healthy_ones} profiles are healthy; --all-rows shows them"
    assert (told in page.lines) is (rows == 1)
    urls = [line for line in page.lines if " answers at " in line]
    assert len(urls) == (0 if rows == 1 else healthy_ones)


@pytest.mark.slow
def test_each_host_is_drawn_as_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the slowest one has; then all are, in the inventory's order, and so they stay."""
    one = seen(healthy())
    quick, slow = (replace(one, host=replace(one.host, name=name)) for name in ("quick", "slow"))
    interrupted = replace(slow, error=Interrupted("interrupted"))
    drawn: list[list[str]] = []

    def show(hosts: Sequence[HostSeen], page: Any) -> None:
        drawn.append([f"{host.host.name}{'!' * bool(host.error)}" for host in hosts])
        profile_table.show_profiles(hosts, page, COLUMNS, None)

    def look(each: watch.Each) -> list[HostSeen]:
        if len(drawn) > 2:
            each(interrupted)
            raise KeyboardInterrupt
        each(quick)
        each(slow)
        return [slow, quick]

    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert watch.watched(look, show, Output(json=False)).exit == 0
    whole = ["slow", "quick"]
    assert drawn == [["quick"], ["quick", "slow"], whole, ["slow!", "quick"], whole]


@pytest.mark.parametrize(
    ("properties", "recent"),
    [
        ({"NRestarts": 0}, 0),
        ({"NRestarts": 1}, 1),
        ({"NRestarts": 5}, None),
        ({"NRestarts": 5, "Recent": 3}, 3),
        ({"NRestarts": 2, "Recent": 30}, 2),
        ({"NRestarts": 5, "Recent": 3, "StateChangeTimestampMonotonic": 1_000_000_000}, 0),
        ({"NRestarts": 5, "StateChangeTimestampMonotonic": 4_000_000_000}, None),
        ({}, None),
    ],
)
def test_restarts_of_the_last_hour(properties: dict[str, int], recent: int | None) -> None:
    """Those of this start, as far as anything tells them."""
    profile = only(seen(healthy(shows={"demo": properties})))
    assert profile["restarts_last_hour"] == recent


@pytest.mark.parametrize(
    ("times", "starts", "ordered", "age", "recent"),
    [
        (None, (), None, 5, None),
        (0, (), None, 5, 0),
        (3, (), None, 5000, 0),
        (1, (), None, 5, 1),
        (1, (), None, None, None),
        (3, (-5000, -4000, -20, -10), -9000, 5, 2),
        (3, (-30, -20, -10), -60, 5, 3),
        (3, (-90, -20, -10), -60, 5, None),  # one ended before it noted its start
        (60, tuple(range(-40, 0)), -900, 5, None),  # only the last forty are kept
        (60, tuple(range(-4000, 0, 100)), -9000, 5, 36),
    ],
)
def test_restarts_of_the_last_hour_by_noted_starts(
    times: int | None, starts: tuple[int, ...], ordered: int | None, age: int | None,
    recent: int | None,
) -> None:  # fmt: skip
    """Where the manager tells no times; what the notes do not cover is not known."""
    assert lately(times, starts, ordered, now=0, age=age) == recent


def test_code_that_is_newer_than_the_process() -> None:
    """It serves as before: that is told, and changes nothing."""
    case = healthy()
    assert only(seen(case))["newer_code"] is False
    newer = only(seen(healthy(newer=frozenset({HOME}))))
    assert (newer["newer_code"], newer["as_desired"]) == (True, True)
    stopped = healthy(newer=frozenset({HOME}), services={"demo": "stopped"})
    assert only(seen(stopped))["newer_code"] is None


def test_a_gateway_that_serves_others() -> None:
    """Its state file names them."""
    assert only(seen(healthy()))["topology"] == "unit"
    edit = {
        f"{HOME}/gateway_state.json": '"gateway_state" => "served_profiles": ["a"], "gateway_state"'
    }
    assert only(seen(healthy(edits=edit)))["topology"] == "multiplex"
    assert only(seen(healthy(services={"demo": "stopped"})))["topology"] is None


URL = "http://127.0.0.1:8642/health"
DRAINS = '{"principal": "ann", "requested_at": "2026-11-22T08:30:00+00:00"}'


def test_a_request_to_drain_that_nobody_can_read() -> None:
    """Hermes cannot parse it either, and may run on: a plan and `ps` say the same."""
    found = healthy(files={f"{HOME}/.drain_request.json": "\x00{"})
    row = only(seen(found))
    assert (row["state"], row["as_desired"]) == ("draining", False)
    assert row["reasons"] == ["by the drain request of somebody"]


@pytest.mark.parametrize(
    ("more", "since"),
    [
        ({}, None),
        ({"services": {"demo": "starting"}}, "2026-11-22T08:43:20Z"),
        ({"edits": {f"{HOME}/gateway_state.json": "running => draining"}}, None),
        (
            {"edits": {f"{HOME}/gateway_state.json": "running => draining"},
             "files": {f"{HOME}/.drain_request.json": DRAINS}},
            "2026-11-22T08:30:00Z",
        ),
        (
            {"edits": {BEAT: "08:59:50 => 08:40:00"}, "answers": {URL: [None, ""]}},
            "2026-11-22T08:40:00Z",
        ),
        ({"services": {"demo": "suspended"}}, None),
    ],
)  # fmt: skip
def test_since_when_a_state_lasts(more: dict[str, Any], since: str | None) -> None:
    """Only where something tells it."""
    assert only(seen(healthy(**more)))["state_since"] == since
