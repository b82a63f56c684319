"""Hermes itself is upgraded: side by side, through a gate, and back if it does not pass."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from conftest import MakeOperator
from copies import FOLDER, code, installed, really
from kit import HOME, Box, Operator, Profiles, Run, gateway

pytestmark = pytest.mark.lab

CODER, WRITER = "hermes-gateway-coder.service", "hermes-gateway-writer.service"
PROFILE = ".hermes/profiles/coder"
SKILLS = {"HERMES_BUNDLED_SKILLS": "/home/hermes/bundled"}
PROFILES = {"coder": gateway(8701, env=SKILLS), "writer": gateway(8702)}
PAIRED = {**PROFILES, "idle": gateway(8703, state="stopped", env=SKILLS)}
NOW = ("--soak", "0", "--now")
_ROWS = """
import sqlite3, sys
base = sqlite3.connect(sys.argv[1], timeout=10)
for name in sys.argv[2:]:
    base.execute("INSERT INTO sessions (id, source, started_at) VALUES (?, 'cli', 1)", (name,))
base.commit()
print(*(row[0] for row in base.execute("SELECT id FROM sessions ORDER BY id")))
print(base.execute("SELECT version FROM schema_version").fetchone()[0])
"""


def rows(box: Box, *new: str) -> tuple[str, str]:
    """Add rows to the database of a profile; return all, and the number of its schema."""
    box.user(f"cat >rows.py <<'END'\n{_ROWS}END")
    words = f"{FOLDER}/current/venv/bin/python rows.py {PROFILE}/state.db {' '.join(new)}"
    names, _, schema = box.user(words).rpartition("\n")
    return names, schema


def version(box: Box) -> str:
    """Return the version that `current` leads to."""
    return box.user(f"readlink {FOLDER}/current")


def note(box: Box) -> str:
    """Return how far the last upgrade of a host has come."""
    phase: str = json.loads(box.user("cat .local/state/hermes-ops/upgrade/note.json"))["phase"]
    return phase


def test_a_real_version_and_back(linux: Box, operator: MakeOperator) -> None:
    """0.18.2 to 0.19.0, which migrates the databases, and back to what was stored before."""
    one = operator({linux: PROFILES}, variables={"hermes_version": "0.18.2"})
    really(linux, "0.18.2")
    one.up()
    assert rows(linux, "early") == ("early", "19")
    pids = linux.pid(CODER)
    gone = one.run("fleet.upgrade", "--to", "9.9.9", code=1).json["hosts"][0]
    assert gone["error"]["message"].startswith(
        "there is no hermes-agent 9.9.9 in the package index"
    )
    assert linux.user(f"ls {FOLDER}").split() == ["0.18.2", "current"]
    checked = one.run("fleet.upgrade", "--to", "0.19.0", "--check", code=2)
    assert ("program:hermes", "switch", "planned") in checked.changes(linux.name)
    assert linux.pid(CODER) == pids
    run = one.run("fleet.upgrade", "--to", "0.19.0", *NOW, code=0)
    assert ("program:hermes-0.19.0", "install", "done") in run.changes(linux.name)
    assert "set hermes_version: 0.19.0" in run.err
    assert (version(linux), note(linux)) == ("0.19.0", "done")
    assert rows(linux, "late") == ("early late", "22")
    plan = one.run("fleet.plan", code=2).json
    assert plan["totals"]["changes"] == 0
    (finding,) = plan["hosts"][0]["findings"]
    assert finding["finding"] == "other-version"
    assert "fleet.rollback -l" in finding["mend"]
    assert one.run("fleet.upgrade", "--to", "0.19.0", *NOW, code=0).totals["changes"] == 0
    older = one.run("fleet.upgrade", "--to", "0.18.2", code=1).json["hosts"][0]["error"]
    assert "fleet.rollback" in older["hint"]
    back = one.run("fleet.rollback", "-y", "--now", code=0)
    assert "state.db is as before the upgrade" in back.err
    assert (version(linux), note(linux)) == ("0.18.2", "reverted")
    assert rows(linux) == ("early", "19")
    assert one.plan().totals["changes"] == 0
    assert one.run("fleet.ps", code=0)


def prepared(operator: MakeOperator, *hosts: Box, profiles: Profiles = PAIRED) -> Operator:
    """Bring hosts up on 0.18.9, with 0.19.1 beside it."""
    for box in hosts:
        installed(box, "0.18.9", "0.19.1")
    one = operator(
        dict.fromkeys(hosts, profiles),
        variables={"hermes_version": "0.18.9", "hermes_ready_timeout": 30},
    )
    one.up()
    return one


def skill(box: Box, place: str, text: str) -> None:
    """Write a skill; its name is that of its folder."""
    name = place.rpartition("/")[2]
    box.user(f"mkdir -p {place} && printf -- '---\nname: {name}\n---\n{text}\n' >{place}/SKILL.md")


def test_what_fails_is_taken_back_and_the_rest_is_not_begun(
    linuxes: list[Box], operator: MakeOperator
) -> None:
    """Its evidence is kept; once it is mended, the same run goes on; modified skills stay."""
    first, second = linuxes[:2]
    pair = prepared(operator, first, second)
    for box in (first, second):
        broken(box)
        for name in ("plain", "mine"):
            skill(box, f"bundled/demo/{name}", "one")
    pair.run("fleet.restart", "--now", "-l", "*/coder", code=0)  # its start syncs the skills
    skill(first, f"{PROFILE}/skills/demo/mine", "my own")
    assert rows(first, "early")[0] == "early"
    pids = second.pid(CODER)
    run = pair.run("fleet.upgrade", "--to", "0.19.1", *NOW, code=6)
    failed, left = run.json["hosts"]
    assert (failed["outcome"], failed["error"]["kind"]) == ("failed", "rolled_back")
    assert "is back on 0.18.9, and runs as before" in failed["error"]["message"]
    assert (left["outcome"], second.pid(CODER)) == ("skipped", pids)
    assert (version(first), note(first), version(second)) == ("0.18.9", "reverted", "0.18.9")
    assert "(exit 78)" in first.user("cat .local/state/hermes-ops/upgrade/evidence/*/seen.txt")
    assert rows(first)[0] == "early"
    assert pair.plan().totals["changes"] == 0
    for box in (first, second):
        box.user(f"sed -i 1d {code(box, '0.19.1')}")
        for name in ("plain", "mine"):
            skill(box, f"bundled/demo/{name}", "two")
    pair.run("runs.resume", "last", code=0)  # the plan that came later is no run to resume
    assert (version(first), version(second)) == ("0.19.1", "0.19.1")
    texts = {
        (profile, name): first.user(
            f"tail -n 1 .hermes/profiles/{profile}/skills/demo/{name}/SKILL.md"
        )
        for profile in ("coder", "idle")
        for name in ("plain", "mine")
    }
    assert texts == {
        ("coder", "plain"): "two", ("coder", "mine"): "my own",
        ("idle", "plain"): "two", ("idle", "mine"): "two",
    }  # fmt: skip
    hosts = pair.run("fleet.ps", code=2).json["hosts"]  # for the inventory names another version
    assert {p["as_desired"] for host in hosts for p in host["profiles"]} == {True}


def broken(box: Box) -> None:
    """Let no gateway of 0.19.1 start."""
    box.user(f"sed -i '1i import sys; sys.exit(78)' {code(box, '0.19.1')}")


def outcomes(run: Run) -> dict[str, str]:
    """Return what each host of a run came to."""
    return {host["host"]: host["outcome"] for host in run.json["hosts"]}


def test_of_two_canaries_one_passes(linuxes: list[Box], operator: MakeOperator) -> None:
    """It keeps what it has, ended; the rest is not begun, or goes on as far as that is allowed.

    One that may not be taken back is named by every look, until somebody ends it.
    """
    fleet = prepared(operator, *linuxes, profiles={"coder": gateway(8701)})
    broken(linuxes[1])
    words = ("fleet.upgrade", "--to", "0.19.1", "--now", "--soak", "1")
    run = fleet.run(*words, "--canary", "2", "--no-auto-revert", code=1)
    assert list(outcomes(run).values()) == ["changed", "failed", "skipped"]
    assert [note(box) for box in linuxes[:2]] == ["done", "switched"]
    found = fleet.run("fleet.ps", code=2).json["hosts"]
    kinds = [[one["finding"] for one in host["findings"]] for host in found]
    assert ["half-upgraded" in each for each in kinds] == [False, True, False]
    again = fleet.run(*words, "--canary", "0", "--serial", "1", "--max-fail", "1", code=6)
    assert list(outcomes(again).values()) == ["ok", "failed", "changed"]
    assert [version(box) for box in linuxes] == ["0.19.1", "0.18.9", "0.19.1"]
    linuxes[0].user(f"cd {FOLDER} && cp -a 0.19.1 0.17.0")
    gone = fleet.run("fleet.gc", "-y", code=0)
    assert [name for name, _, _ in gone.changes("linux-1")] == ["version:hermes-0.17.0"]
    assert {name for name, _, _ in gone.changes("linux-2")} >= {"version:hermes-0.19.1"}
    assert gone.json["bytes"] > 100_000_000
    fleet.run("fleet.rollback", "-y", "--now", "-l", "linux-1", code=0)
    assert linuxes[0].user(f"ls {FOLDER}").split() == ["0.18.9", "0.19.1", "current"]


@pytest.mark.parametrize(
    ("manager", "kind", "later", "login"),
    [
        ("supervisord", "linux", "0.21.5", {}),
        ("launchd", "mac", "0.19.2", {}),
        ("systemd-system", "linux", "0.19.2", {"ansible_user": "root", "hermes_user": "hermes"}),
    ],
)
def test_there_and_back_under_other_managers(
    manager: str, kind: str, later: str, login: Mapping[str, str], operator: MakeOperator,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """Gateways and a dashboard stop together, and run from the other version, each way.

    As units of the system, for a user who is not the one who logs in: all files are that user's.
    The key that 0.21.5 needs outside a unit of its own comes with it, and goes with it.
    """
    box: Box = request.getfixturevalue(kind)
    installed(box, "0.19.1", later)
    board = {"role": "dashboard", "service": {"settings": {"port": 9120}}}
    variables = {"hermes_service_manager": manager, "hermes_version": "0.19.1", **login}
    one = operator({box: {"coder": gateway(8701), "board": board}}, variables=variables)
    one.up()
    try:
        for words, ends in (
            (("fleet.upgrade", "--to", later, *NOW), (later, "done")),
            (("fleet.rollback", "-y", "--now"), ("0.19.1", "reverted")),
        ):
            before = pids(one)
            one.run(*words, code=0)
            assert (version(box), note(box)) == ends
            assert not set(before) & set(pids(one))
            strangers = box.user("find .local .hermes ! -user $(id -un) | head")
            assert strangers == ""
            config = box.user("cat .hermes/profiles/coder/config.yaml")
            assert ("standalone: true" in config) == (ends == ("0.21.5", "done"))
        assert one.plan().totals["changes"] == 0
    finally:
        one.run("gateway.uninstall", "--all-hosts", "-y")


def pids(one: Operator) -> list[int]:
    """Return the processes of all services, which must be as desired."""
    (host,) = one.run("fleet.ps").json["hosts"]
    assert {p["as_desired"] for p in host["profiles"]} == {True}
    return [p["pid"] for p in host["profiles"]]


def test_killed_on_either_way_the_same_command_goes_on(linux: Box, operator: MakeOperator) -> None:
    """On the way there and on the way back, wherever the host is by then."""
    one = prepared(operator, linux)
    there = ("fleet.upgrade", "--to", "0.19.1", *NOW)
    back = ("fleet.rollback", "-y", "--now")
    for words, at, ends in ((there, 3, ("0.19.1", "done")), (back, 2, ("0.18.9", "reverted"))):
        killed = one.driven({"at": at, "do": "kill"}, *words)
        assert killed.code == -9, killed.err
        one.run(*words, code=0)
        assert (version(linux), note(linux)) == ends
        assert linux.state(CODER) == linux.state(WRITER) == "active"


def test_what_cannot_be_upgraded_is_refused_whole(
    linuxes: list[Box], operator: MakeOperator
) -> None:
    """A disk that is full, a part of a host, a Hermes that is not ours: nothing was stopped."""
    first, other = linuxes[:2]
    one = prepared(operator, first)
    pids = first.pid(CODER)
    folder = f"{HOME}/.local/state/hermes-ops/upgrade"
    first.user(f"mkdir -p {folder}")
    first.sh(f"mount -t tmpfs -o size=8k,uid=1000,mode=700 tmpfs {folder}")
    try:
        full = one.run("fleet.upgrade", "--to", "0.19.1", *NOW, code=1)
    finally:
        first.sh(f"umount {folder}")
    error = full.json["hosts"][0]["error"]
    assert "full" in error["message"] or "No space left" in error["message"]
    assert "nothing was stopped" in error["hint"]
    part = one.run("fleet.upgrade", "--to", "0.19.1", "-l", f"{first.name}/coder", code=64)
    assert part.json["error"]["hint"] == f"select the host: -l {first.name}"
    assert (first.pid(CODER), version(first)) == (pids, "0.18.9")
    strange = operator({other: PROFILES}).run("fleet.upgrade", "--to", "0.19.1", code=1)
    error = strange.json["hosts"][0]["error"]
    assert "/opt/hermes/venv/bin/python (pip)" in error["message"]
    assert "-m pip install hermes-agent==0.19.1" in error["hint"]
