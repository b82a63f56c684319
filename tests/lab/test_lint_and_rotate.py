"""`secrets.lint --live` and `secrets.rotate` on real hosts: found, rotated, and nothing leaks."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeOperator
from kit import HOME, Box, Operator, Run, gateway

pytestmark = pytest.mark.lab

PROFILE = f"{HOME}/.hermes/profiles"
OLD = "sk-lab-old-value-0123456789"
NEW = "sk-lab-new-value-9876543210"
PLANTED = {
    "token": "1234:planted-bot-token-aaaaaaaa",
    "weak": "weak-key",
    "config": "sk-planted-in-config-bbbbbbbb",
    "unit": "sk-planted-in-unit-cccccccccc",
    "stray": "planted-homeassistant-dddddddd",
}
USES = {"env": {"OPENAI_API_KEY": {"env": "LAB_KEY"}}}
PROFILES: Mapping[str, Mapping[str, Any]] = {
    "linux-1": {
        "coder": gateway(8701, **USES),
        "scout": gateway(8702),
        "porter": gateway(8703, state="stopped"),
    },
    "linux-2": {"coder": gateway(8701, **USES), "lone": gateway(8704)},
}


@dataclass(frozen=True, slots=True)
class Fleet:
    """Two hosts that are up, and who brought them there."""

    operator: Operator
    boxes: Mapping[str, Box]
    first: Run

    def __getitem__(self, name: str) -> Box:
        return self.boxes[name]

    def sessions(self) -> dict[str, int]:
        """Return what each sshd counted."""
        return {name: box.sessions() for name, box in self.boxes.items()}

    def started(self) -> dict[str, float]:
        """Return when each gateway began."""
        return {
            f"{name}/{profile}": box.started(f"hermes-gateway-{profile}.service")
            for name, box in self.boxes.items()
            for profile, given in PROFILES[name].items()
            if given.get("state") != "stopped"
        }

    def with_key(self, value: str) -> Operator:
        """Return the operator, to whom the source gives this value."""
        return replace(self.operator, environ={"LAB_KEY": value})


@pytest.fixture(scope="module")
def fleets(boxes: Mapping[str, Box]) -> Iterator[dict[int, Fleet]]:
    """The fleets of these tests, by how many tests had failed when they were brought up."""
    yield {}
    for name in PROFILES:
        boxes[name].reset()


@pytest.fixture
def fleet(
    request: pytest.FixtureRequest,
    fleets: dict[int, Fleet],
    boxes: Mapping[str, Box],
    operator: MakeOperator,
) -> Fleet:
    """Two hosts after `fleet.up`: a test that passed left them so, after one that failed anew."""
    failed = request.session.testsfailed
    if failed not in fleets:
        fleets[failed] = brought_up({name: boxes[name] for name in PROFILES}, operator)
    return fleets[failed]


def brought_up(boxes: Mapping[str, Box], operator: MakeOperator) -> Fleet:
    """Return these hosts after the first `fleet.up` of somebody new."""
    for box in boxes.values():
        box.reset()
    somebody = operator({box: PROFILES[name] for name, box in boxes.items()})
    first = replace(somebody, environ={"LAB_KEY": OLD}).up()
    return Fleet(somebody, boxes, first)


def findings(run: Run) -> set[tuple[str, str, str]]:
    """Return kind, name and sides of what was found."""
    return {
        (item["finding"], item["name"], " ".join(sorted(map(target, item["sides"]))))
        for item in run.json["items"]
        if "finding" in item
    }


def target(side: Mapping[str, Any]) -> str:
    """Return `host/profile`, or the host alone."""
    return f"{side['host']}/{side['profile']}" if side["profile"] else side["host"]


def test_bringing_up_takes_two_exchanges(fleet: Fleet) -> None:
    """A look and an apply bring a host up: it waits until what it started is settled."""
    assert fleet.first.json["exchanges"] == dict.fromkeys(PROFILES, 2)


# --- lint -------------------------------------------------------------------------------------


def test_clean_fleet_has_no_finding(fleet: Fleet) -> None:
    """What `fleet.up` leaves behind is clean: for the inventory alone, and on the hosts."""
    somebody = fleet.with_key(OLD)
    assert somebody.run("secrets.lint", code=0).json["items"] == []
    before = fleet.sessions()
    assert somebody.run("secrets.lint", "--live", code=0).json["items"] == []
    counted = {name: count - before[name] for name, count in fleet.sessions().items()}
    assert counted == {"linux-1": 1, "linux-2": 1}


def test_live_needs_no_source(fleet: Fleet) -> None:
    """Who cannot resolve a reference can still ask the hosts; the inventory alone is 64."""
    assert fleet.operator.run("secrets.lint", code=64).json["error"]["kind"] == "inventory"
    assert fleet.operator.run("secrets.lint", "--live", code=0).json["items"] == []


@pytest.fixture
def planted(fleet: Fleet) -> Iterator[Fleet]:
    """The fleet with everything wrong that can be planted in files."""
    one, two = fleet["linux-1"], fleet["linux-2"]
    for box in (one, two):
        # These files alone: in the rest of a home its gateways write all the time.
        box.sh(f"cd {PROFILE} && tar -cpf /root/kept.tar */.env */config.yaml")
    for box, profile in ((one, "coder"), (one, "scout"), (two, "lone")):
        box.user(f"echo 'TELEGRAM_BOT_TOKEN={PLANTED['token']}' >>{PROFILE}/{profile}/.env")
    one.user(f"sed -i 's/^API_SERVER_PORT=.*/API_SERVER_PORT=8701/' {PROFILE}/scout/.env")
    one.user(
        f"sed -i 's/^API_SERVER_KEY=.*/API_SERVER_KEY={PLANTED['weak']}/' {PROFILE}/scout/.env"
    )
    one.user(f"echo GROQ_API_KEY=changeme >>{PROFILE}/scout/.env; chmod 644 {PROFILE}/scout/.env")
    one.user("echo coder >.hermes/active_profile")
    two.user(f"printf 'model:\\n  api_key: {PLANTED['config']}\\n' >>{PROFILE}/coder/config.yaml")
    two.user(
        "cd .config/systemd/user/hermes-gateway-lone.service.d && "
        f"printf '[Service]\\nEnvironment=MISTRAL_API_KEY={PLANTED['unit']}\\n' >60-mine.conf"
    )
    for box, name in ((one, "stray"), (two, "co")):
        box.user(f"mkdir -p {PROFILE}/{name}; umask 077")
        box.user(f"umask 077; echo HASS_TOKEN={PLANTED['stray']} >{PROFILE}/{name}/.env")
    yield fleet
    for box in (one, two):
        box.sh(f"rm -rf {PROFILE}/stray {PROFILE}/co {HOME}/.hermes/active_profile")
        box.sh(f"tar -xpf /root/kept.tar -C {PROFILE}")
        box.sh(f"rm -f {HOME}/.config/systemd/user/hermes-gateway-lone.service.d/60-mine.conf")


def test_everything_planted_is_found(planted: Fleet) -> None:
    """Each is named with both of its sides, exit 2, one exchange a host; nothing is written."""
    before = planted.sessions()
    run = planted.with_key(OLD).run("secrets.lint", "--live", code=2)
    assert {n: c - before[n] for n, c in planted.sessions().items()} == dict.fromkeys(before, 1)
    assert findings(run) == {
        ("duplicate-credential", "TELEGRAM_BOT_TOKEN", "linux-1/coder linux-1/scout linux-2/lone"),
        ("duplicate-credential", "HASS_TOKEN", "linux-1/stray linux-2/co"),
        ("duplicate-port", "8701", "linux-1/coder linux-1/scout"),
        ("weak-key", "API_SERVER_KEY", "linux-1/scout"),
        ("placeholder", "GROQ_API_KEY", "linux-1/scout"),
        ("open-file", ".env", "linux-1/scout"),
        ("sticky-profile", "coder", "linux-1"),
        ("ambiguous-name", "co", "linux-2/co linux-2/coder"),
        ("credential-in-config", "model.api_key", "linux-2/coder"),
        ("credential-in-unit", "MISTRAL_API_KEY", "linux-2/lone"),
    }
    places = [
        place for item in run.json["items"] for side in item["sides"] for place in side["where"]
    ]
    assert "linux-1:~/.hermes/profiles/scout/.env" in places
    assert any(
        place.startswith("linux-2:~/.hermes/profiles/coder/config.yaml:") for place in places
    )


def test_nothing_planted_leaks(planted: Fleet) -> None:
    """No value is in an answer, in `-v`, a journal or an argument on a host; nor is the key."""
    somebody = planted.with_key(OLD)
    box = planted["linux-1"]
    look = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
    script = f"until [ -e /root/seen ]; do {look}; sleep 0.03; done"
    box.sh("rm -f /root/seen")
    seen: list[str] = []
    sampler = threading.Thread(target=lambda: seen.append(box.sh(script)))
    sampler.start()
    try:
        words = ("secrets.lint", "--live")
        runs = [somebody.plain(*words, "-v"), somebody.run(*words)]
    finally:
        box.sh("touch /root/seen")
        sampler.join()
    kept = next(somebody.home.rglob("fingerprint.key")).read_text().strip()
    key = base64.b64encode(bytes.fromhex(kept)).decode()
    told = "".join(run.out + run.err for run in runs)
    told += "".join(path.read_text() for path in somebody.home.rglob("*.jsonl"))
    for name in ("token", "config", "unit", "stray"):
        assert PLANTED[name] not in told, name
    for value in (*PLANTED.values(), OLD):
        assert value not in seen[0]
    assert key not in told + seen[0]
    assert kept not in told + seen[0]
    assert "-I -S -B -c" in seen[0], "the sampler saw nothing of us"
    for each in planted.boxes.values():
        assert each.exec(f"grep -rlF -e {key} -e {kept} {HOME} /tmp /run/user/1000").stdout == ""


def test_lint_writes_nothing(planted: Fleet) -> None:
    """The host's tree is the same before and after."""
    box = planted["linux-1"]
    settings = (
        f"{PROFILE}/scout/.env {PROFILE}/scout/config.yaml {HOME}/.config {HOME}/.local".split()
    )
    before = box.tree(*settings)
    planted.with_key(OLD).run("secrets.lint", "--live", "-l", "linux-1", code=2)
    assert box.tree(*settings) == before


def test_hosts_that_do_not_tell(fleet: Fleet, operator: MakeOperator) -> None:
    """One that is not reached is 3, one without Hermes' libraries 4; the others are looked at."""
    own = {"linux-2": {"ansible_port": 1, "hermes_connect_timeout": 2}}
    boxes = {fleet[name]: PROFILES[name] for name in PROFILES}
    away = operator(boxes, own=own).run("secrets.lint", "--live", code=3)
    (item,) = away.json["items"]
    assert (item["host"], item["error"]["kind"]) == ("linux-2", "refused")
    none = operator(boxes, own={"linux-2": {"hermes_python": "/nowhere/python"}})
    told = none.run("secrets.lint", "--live", code=4).json["items"][0]["error"]["message"]
    assert "lacks" in told or "no Python" in told


# --- up refuses -------------------------------------------------------------------------------


def test_up_refuses_before_contact(fleet: Fleet, operator: MakeOperator) -> None:
    """Two that would be one bot: exit 64 with both sides and places, and no sshd heard of it."""
    bot = {"env": {"HASS_TOKEN": {"env": "BOT"}}}
    boxes = {
        fleet["linux-1"]: {"coder": gateway(8701, **bot)},
        fleet["linux-2"]: {"scout": gateway(8701, env={"HASS_TOKEN": "lab-home-token-aaaa"})},
    }
    somebody = replace(operator(boxes), environ={"BOT": "lab-home-token-aaaa"})
    said = "journalctl --sync; journalctl -q -b -t sshd | wc -l"
    before = {name: box.sh(said) for name, box in fleet.boxes.items()}
    for words in (("fleet.up",), ("fleet.plan",), ("gateway.start",)):
        error = somebody.run(*words, code=64).json["error"]
        assert error["kind"] == "conflict"
        for part in ("linux-1/coder", "linux-2/scout", "HASS_TOKEN", "hosts.yml:1:"):
            assert part in error["message"]
        assert "lab-home-token-aaaa" not in json.dumps(error)
    assert {name: box.sh(said) for name, box in fleet.boxes.items()} == before


# --- drift ------------------------------------------------------------------------------------


def test_drift_of_references_without_their_source(fleet: Fleet, tmp_path: Path) -> None:
    """`fleet.ps` tells drift of a profile with references, and resolves none; one exchange."""
    box = fleet["linux-1"]
    assert drift(fleet.operator) == {"coder": False, "scout": False, "porter": False}
    notes = f"{HOME}/.local/state/hermes-ops/written/*"
    note = box.sh(f"cat {notes}; stat -c %a {notes}")
    assert note.startswith("OPENAI_API_KEY.")
    assert note.endswith("600")
    assert OLD not in note
    box.user(f"sed -i s/{OLD}/{OLD}x/ {PROFILE}/coder/.env")
    before = box.sessions()
    assert drift(fleet.operator) == {"coder": True, "scout": False, "porter": False}
    assert box.sessions() - before == 1
    assert drift(fleet.operator.another(tmp_path / "home"))["coder"] is None
    box.user(f"sed -i s/{OLD}x/{OLD}/ {PROFILE}/coder/.env")
    assert drift(fleet.operator)["coder"] is False


def drift(operator: Operator) -> dict[str, bool | None]:
    """Return what `fleet.ps` says of each profile of linux-1."""
    seen = operator.run("fleet.ps", "-l", "linux-1").host("linux-1")["profiles"]
    return {profile["profile"]: profile["drift"] for profile in seen}


# --- rotate -----------------------------------------------------------------------------------


def value_of(box: Box, profile: str, name: str) -> str:
    """Return what a profile's .env gives to a variable."""
    return box.sh(f"sed -n s/^{name}=//p {PROFILE}/{profile}/.env")


def test_rotation_reaches_exactly_the_users(fleet: Fleet) -> None:
    """Users get the value and restart, drained; the others' files and processes stay; then 2."""
    others = {f"linux-1/{PROFILE}/scout/.env", f"linux-2/{PROFILE}/lone/.env"}
    before, trees = fleet.started(), {path: tree_of(fleet, path) for path in others}
    planned = fleet.with_key(NEW).run("secrets.rotate", "OPENAI_API_KEY", "--check", code=2)
    assert planned.totals["changes"] == 6
    assert fleet.started() == before
    sessions = fleet.sessions()
    run = fleet.with_key(NEW).run("secrets.rotate", "OPENAI_API_KEY", "--why", "leaked", code=0)
    assert (run.totals["changed"], run.json["findings"]) == (2, [])
    counted = {name: count - sessions[name] for name, count in fleet.sessions().items()}
    assert run.json["exchanges"] == counted == dict.fromkeys(sessions, 4)
    after = fleet.started()
    assert {who for who in after if after[who] != before[who]} == {"linux-1/coder", "linux-2/coder"}
    assert {path: tree_of(fleet, path) for path in others} == trees
    for box in fleet.boxes.values():
        assert value_of(box, "coder", "OPENAI_API_KEY") == NEW
        assert box.sh(f"find {HOME} -name '.drain_request.json*'") == ""
        assert "drain ENGAGED" in box.sh(f"cat {PROFILE}/coder/logs/gateway.log")
    told = run.out + run.err + "".join(p.read_text() for p in fleet.operator.home.rglob("*.jsonl"))
    assert OLD not in told
    assert NEW not in told
    again = fleet.with_key(NEW).plain("secrets.rotate", "OPENAI_API_KEY", code=2)
    assert "still gives the old value" in again.out
    assert fleet.started() == after
    assert fleet.with_key(NEW).plan(code=0).totals["changes"] == 0
    fleet.with_key(OLD).run("secrets.rotate", "OPENAI_API_KEY", code=0)


def tree_of(fleet: Fleet, path: str) -> dict[str, str]:
    """Return everything about one file of a host."""
    host, _, file = path.partition("/")
    return fleet[host].tree(file)


def test_old_value_elsewhere_is_found(fleet: Fleet) -> None:
    """A copy that nobody described keeps the rotation from being done: 2, and where it is."""
    box = fleet["linux-2"]
    box.user(f"mkdir -p {PROFILE}/stray; umask 077; echo MY_KEY={OLD} >{PROFILE}/stray/.env")
    run = fleet.with_key(NEW).run("secrets.rotate", "OPENAI_API_KEY", code=2)
    (finding,) = run.json["findings"]
    assert (finding["finding"], finding["name"]) == ("old-value", "MY_KEY")
    assert finding["sides"][0]["where"] == ["linux-2:~/.hermes/profiles/stray/.env:1"]
    assert run.totals["failed"] == 0
    box.user(f"rm -r {PROFILE}/stray")
    fleet.with_key(OLD).run("secrets.rotate", "OPENAI_API_KEY", code=0)


def test_rotation_that_was_cut_off_is_done(fleet: Fleet) -> None:
    """Where a run ended between the file and the restart, the next one restarts, and only there."""
    before = fleet.started()
    fleet["linux-1"].user(": >.local/state/hermes-ops/restart/hermes-gateway-coder")
    fleet.with_key(OLD).run("secrets.rotate", "OPENAI_API_KEY", code=0)
    after = fleet.started()
    assert {who for who in after if after[who] != before[who]} == {"linux-1/coder"}
    fleet.with_key(OLD).run("secrets.rotate", "OPENAI_API_KEY", code=2)


def test_generated_key_is_made_anew_on_its_host(fleet: Fleet) -> None:
    """A key that a host made is made anew there; its gateway alone restarts, and answers to it."""
    box, before = fleet["linux-1"], fleet.started()
    old = value_of(box, "scout", "API_SERVER_KEY")
    run = fleet.operator.run("secrets.rotate", "API_SERVER_KEY", "-l", "*/scout", code=0)
    new = value_of(box, "scout", "API_SERVER_KEY")
    assert (len(new), new != old) == (64, True)
    after = fleet.started()
    assert {who for who in after if after[who] != before[who]} == {"linux-1/scout"}
    assert not {old, new} & set((run.out + run.err).split('"'))
    url = "http://127.0.0.1:8702/health/detailed"
    codes = [status(box, url, key) for key in (old, new)]
    assert codes == [401, 200]


def status(box: Box, url: str, key: str) -> int:
    """Return what a server answers to somebody with this key."""
    ask = (
        "import urllib.request as u\n"
        f"r = u.Request({url!r}, headers={{'Authorization': 'Bearer {key}'}})\n"
        "try: print(u.urlopen(r).status)\nexcept u.HTTPError as e: print(e.code)"
    )
    return int(box.sh('python3 -c "$1"', ask))


def test_unknown_name(fleet: Fleet) -> None:
    """A name that nobody uses is 64, with the near ones, and no host is asked."""
    before = fleet.sessions()
    error = fleet.operator.run("secrets.rotate", "OPENAI_KEY", code=64).json["error"]
    assert "OPENAI_API_KEY" in error["hint"]
    assert fleet.sessions() == before
