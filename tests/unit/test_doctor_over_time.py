"""What a doctor finds by comparing hosts with each other, and this look with earlier ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import desired, facts, roles

import hermes_ops.audit.health  # noqa: F401
from hermes_ops.audit.register import Seen
from hermes_ops.audit.standing import standing
from hermes_ops.commands.fleet.care import cron, growth, homes, twice
from hermes_ops.commands.fleet.status import HostSeen, seen_from
from hermes_ops.commands.look_hosts import Look
from hermes_ops.inventory.model import Allowance, Host, Inventory

HELD: Mapping[str, Any] = {"desired": {"demo": {}}, "facts": {"holds": "desired"}}
SUM = "0123456789abcdef"
WHOLE = Inventory((), {}, roles())
HOME = ".hermes/profiles/demo"


def host(name: str, boot: str, **told: Any) -> HostSeen:
    """Return a host on which one gateway lives, and what else it told."""
    state, found = desired(dict(HELD)), facts(HELD)
    own = Host(name, state.host.connection, (), state.host.profiles, state.host.all_profiles)
    return seen_from(Look(own, state, replace(found, boot=boot, **told)), roles())


def pid() -> str:
    """Return the process of that gateway."""
    (found,) = facts(HELD).processes
    return str(found)


def twice_used(*hosts: HostSeen) -> list[str]:
    """Return the sentences about credentials that are used twice."""
    return [one.message for one in twice.used_twice(hosts, WHOLE)]


def test_one_credential_in_two_gateways() -> None:
    """On two machines: those of one, which may be two hosts, Hermes keeps apart."""
    lock = {f"lock:telegram-bot-token-{SUM}": pid()}
    one, other = host("a", "1", health=lock), host("b", "2", health=lock)
    (found,) = twice.used_twice([one, other], WHOLE)
    assert found.message == "a/demo and b/demo use the same telegram bot token at this moment"
    assert found.is_error
    assert SUM not in json.dumps(found.document())
    assert twice_used(one, host("c", "1", health=lock)) == []
    assert (
        twice_used(one, host("b", "2", health={f"lock:telegram-bot-token-{SUM[::-1]}": pid()}))
        == []
    )


MATRIX = {"MATRIX_HOMESERVER": "https://m.test", "MATRIX_ACCESS_TOKEN": "syt_one"}
MAIL = {
    "EMAIL_ADDRESS": "a@b.test", "EMAIL_PASSWORD": "x", "EMAIL_IMAP_HOST": "i",
    "EMAIL_SMTP_HOST": "s",
}  # fmt: skip
SMS = {
    "TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t", "TWILIO_PHONE_NUMBER": "+491",
}  # fmt: skip


def using(name: str, env: Mapping[str, str], boot: str = "", **told: Any) -> HostSeen:
    """Return a host whose gateway has these variables."""
    case = {"desired": {"demo": {"env": dict(env)}}, "facts": {"holds": "desired"}}
    state, found = desired(case), facts(case)
    own = Host(name, state.host.connection, (), state.host.profiles, state.host.all_profiles)
    return seen_from(Look(own, state, replace(found, boot=boot or name, **told)), roles())


@pytest.mark.parametrize(
    ("env", "name"),
    [
        (MATRIX, "MATRIX_ACCESS_TOKEN"), (MAIL, "EMAIL_ADDRESS"),
        (SMS, "TWILIO_ACCOUNT_SID + TWILIO_PHONE_NUMBER"),
        ({"MATTERMOST_URL": "https://m.test", "MATTERMOST_TOKEN": "abcd1"}, "MATTERMOST_TOKEN"),
    ],
)  # fmt: skip
def test_one_account_of_a_platform_without_locks(env: dict[str, str], name: str) -> None:
    """By what the files of living gateways have, which no value leaves; allowed, it is none."""
    one, other = using("a", env), using("b", env)
    (found,) = twice.used_twice([one, other], WHOLE)
    assert found.message == f"a/demo and b/demo use the same {name} at this moment"
    assert not any(
        value in json.dumps(found.document()) for value in env.values() if len(value) > 2
    )
    assert found.mend.startswith("./inv secrets.lint --live -l a,b ")
    entry = Allowance("duplicate-credential", "meant", name.partition(" ")[0])
    allows = tuple(replace(profile, allow=(entry,)) for profile in one.host.profiles)
    meant = replace(WHOLE, hosts=(replace(one.host, profiles=allows),))
    assert list(twice.used_twice([one, other], meant)) == []
    changed = env | dict.fromkeys(name.split(" + "), "another1")
    assert twice_used(one, using("b", changed)) == []
    assert twice_used(one, using("b", env, boot="a")) == []
    assert twice_used(one, using("b", env, processes={})) == []


def test_a_lock_that_a_dead_gateway_left() -> None:
    """Its number is another program's by now, or nobody's."""
    lock = {f"lock:telegram-bot-token-{SUM}": "4194000"}
    assert twice_used(host("a", "1", health=lock), host("b", "2", health=lock)) == []


@pytest.mark.parametrize(
    ("grown", "days", "free_gb", "said"),
    [
        (1_000_000_000, 1, 9, "1000 MB a day: the disk is full in 9 days; most of it is demo's"),
        (1_000_000_000, 1, 60, ""), (0, 5, 1, ""), (-5, 5, 1, ""), (1_000_000_000, 0.1, 9, ""),
        (6_000_000_000, 12, 9, "500 MB a day: the disk is full in 18 days; most of it is demo's"),
    ],
)  # fmt: skip
def test_how_fast_a_disk_fills(
    tmp_path: Path, grown: int, days: float, free_gb: int, said: str
) -> None:
    """By an earlier look that is old enough; a disk that is far from full is nobody's trouble."""
    before = 10_000_000_000
    sizes = {f"{HOME}/state.db": before, f"{HOME}/logs/a.log": grown, f"{HOME}/config.yaml": 9**9}
    one = host("a", "1", sizes=sizes, free_kib=free_gb * 10**9 // 1024)
    now = 1_795_000_000.0
    file = growth.file_of([tmp_path])
    growth.remember(file, [(now - days * growth.DAY, {"a": {"demo": before}, "b": {"demo": 1}})])
    found = [one.message for one in growth.growing([one], [tmp_path], now)]
    assert found == ([f"databases and logs of a grow by {said}"] if said else [])
    assert file.stat().st_mode & 0o777 == 0o600


def test_looks_are_remembered_for_some_days(tmp_path: Path) -> None:
    """The first of each day; what is no file of ours is nothing remembered."""
    file = tmp_path / "looks.json"
    looks = [(growth.DAY * day + hour, {"a": {"demo": day}}) for day in range(1, 30)
             for hour in (1, 2)]  # fmt: skip
    growth.remember(file, looks)
    kept = growth.recalled(file, growth.DAY * 99)
    assert [at for at, _ in kept] == [growth.DAY * day + 1 for day in range(16, 30)]
    for text in ("", "[]", '{"schema": 2}', '{"schema": 1, "looks": [{"at": "x", "hosts": {}}]}'):
        file.write_text(text)
        assert growth.recalled(file, growth.DAY * 99) == []


@pytest.mark.parametrize(
    ("env", "network", "found"),
    [
        ({"TELEGRAM_BOT_TOKEN": "123456:abcdef"}, "unawaited", ["network-at-boot telegram"]),
        ({"TELEGRAM_BOT_TOKEN": "123456:abcdef"}, "awaited", []), ({}, "unawaited", []),
        ({"API_SERVER_ENABLED": "true", "API_SERVER_KEY": "0123456789abcdef"}, "unawaited", []),
    ],
)  # fmt: skip
def test_who_needs_the_network_at_boot(env: dict[str, str], network: str, found: list[str]) -> None:
    """A gateway that connects to somebody by name, on a host where nothing waits."""
    case = {"desired": {"demo": {"env": env}}, "facts": {"holds": "desired"}}
    told = replace(facts(case), health={"network": network}, linger=True)
    said = standing(Seen(desired(case).host, told, roles()))
    assert [f"{one.kind} {one.name}" for one in said] == found
    assert standing(Seen(desired(case).host, replace(told, linger=False), roles())) == []


# --- what lies in the homes -------------------------------------------------------------------


def in_homes(**told: Any) -> list[str]:
    """Return what is found in the homes of a host on which `demo` runs, as kind and sentence."""
    return [f"{one.kind} {one.message}" for one in homes.findings(host("a", "1", **told))]


def test_jobs_that_no_gateway_runs() -> None:
    """Those of a profile that the inventory has are its own matter: it says whether it runs."""
    jobs = {f"cron:{HOME}": "7f,"}
    assert in_homes(health=jobs) == []
    assert in_homes(health={**jobs, "cron:.hermes": "7f,"}) == [
        "cron-waits a has cron jobs of the profile default, and no gateway runs for it"
    ]
    assert in_homes(health={"cron:.hermes/profiles/old": "7f,"}) == [
        "cron-waits a has cron jobs of the profile old, and no gateway runs for it"
    ]


def test_who_looks_at_one_gateway_knows_nothing_of_the_others() -> None:
    """The jobs of a profile that was not selected may well run."""
    found = host("a", "1", health={"cron:.hermes/profiles/old": "7f,"})
    part = replace(found, host=replace(found.host, all_profiles=("demo", "old")))
    assert [one.kind for one in homes.findings(found)] == ["cron-waits"]
    assert list(homes.findings(part)) == []


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        ("7f,8f,", "8f,", "a/demo and b/demo have the same cron jobs: 8f"),
        ("7f,8f,", "8f,7f,9f,", "a/demo and b/demo have the same cron jobs: 8f, 7f"),
        ("7f,", "8f,", None), (",", ",", None),
    ],
)  # fmt: skip
def test_jobs_of_a_copy_run_twice(here: str, there: str, said: str | None) -> None:
    """A clone has the jobs of its original, and each gateway runs them; one machine is one."""
    one = host("a", "1", health={f"cron:{HOME}": here})
    other = host("b", "2", health={f"cron:{HOME}": there})
    found = list(cron.run_twice([one, other]))
    assert [each.message for each in found] == ([said] if said else [])
    for each in found:
        assert [side.target for side in each.sides] == ["a/demo", "b/demo"]
        assert "-p demo cron remove 8f" in each.mend or "in 8f 7f; do" in each.mend
    again = host("c", "1", health={f"cron:{HOME}": here})
    assert list(cron.run_twice([one, again])) == []


def test_a_job_that_no_gateway_runs_is_run_by_none_twice() -> None:
    """A copy that lies beside is a matter of `cron-waits` alone."""
    jobs = {f"cron:{HOME}": "7f,", "cron:.hermes/profiles/old": "7f,"}
    assert list(cron.run_twice([host("a", "1", health=jobs)])) == []


@pytest.mark.parametrize(
    ("venv", "called"),
    [
        ("/home/hermes/.local/share/hermes-ops/hermes/current/venv",
         "~/.local/share/hermes-ops/hermes/current/venv/bin/hermes"),
        ("/srv/my hermes/venv", "'/srv/my hermes/venv/bin/hermes'"),
        (None, "/usr/bin/python3 -m hermes_cli.main"),
    ],
)  # fmt: skip
def test_a_hint_for_the_host_can_be_typed_there(venv: str | None, called: str) -> None:
    """A Hermes that we installed is on no PATH, and another may be in front of one that is."""
    hermes = replace(facts(HELD).hermes, python="/usr/bin/python3", venv=venv)  # type: ignore[type-var]
    (found,) = homes.findings(host("a", "1", health={"cron:.hermes": "7f,"}, hermes=hermes))
    assert found.mend.startswith(f"on the host: {called} -p default cron list")


SIGNAL = "SIGNAL_HTTP_URL=http://127.0.0.1:1\nSIGNAL_ACCOUNT=+4930\n"


@pytest.mark.parametrize(
    ("env", "settings", "found"),
    [
        (SIGNAL, "", []), ("SIGNAL_HOME_CHANNEL=+49\n", "", []),
        (f"{SIGNAL}SIGNAL_HOME_CHANNEL=+49\n", "", ["signal"]),
        (f"{SIGNAL}SIGNAL_HOME_CHANNEL=\n", "", []),
        (SIGNAL, "platforms: {signal: {home_channel: {chat_id: x}}}", ["signal"]),
        (f"{SIGNAL}SIGNAL_HOME_CHANNEL=+49\n",
         "platforms: {signal: {gateway_restart_notification: true}}", []),
        (f"{SIGNAL}SIGNAL_HOME_CHANNEL=+49\n", "signal: {gateway_restart_notification: false}", []),
    ],
)  # fmt: skip
def test_who_floods_a_chat_when_it_restarts(env: str, settings: str, found: list[str]) -> None:
    """A gateway with a home channel, if nobody has said whether it shall write there."""
    contents = {**facts(HELD).contents, f"{HOME}/.env": env, f"{HOME}/config.yaml": settings}
    seen = homes.findings(host("a", "1", contents=contents))
    assert [one.name for one in seen if one.kind == "restart-notices"] == found


def test_a_command_of_a_profile_that_is_gone() -> None:
    """Hermes leaves it behind if it has another name than the profile."""
    aliases = {".local/bin/demo": "demo", ".local/bin/d": "default", ".local/bin/kim": "old"}
    (found,) = in_homes(aliases=aliases, profiles=("demo",))
    assert found == (
        "stale-command a has the command ~/.local/bin/kim of the profile old, which is gone"
    )
    assert in_homes(aliases=aliases, profiles=("demo", "old")) == []


def test_code_that_was_changed_under_a_gateway() -> None:
    """Only of one that is as desired: of any other, the reason why it is not comes first."""
    assert in_homes(newer=frozenset({HOME})) == [
        "newer-code packages of Hermes were changed on a after a/demo had started"
    ]
    assert in_homes(newer=frozenset({HOME}), processes={}) == []
    assert len(in_homes(health={f"packages:{HOME}": "newer"})) == 1
    assert in_homes(health={"packages:.hermes/profiles/other": "newer"}) == []


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, ["no-dispatcher"]), ({"config": {"kanban": {"dispatch_in_gateway": False}}}, []),
        ({"env": {"HERMES_KANBAN_DISPATCH_IN_GATEWAY": "off"}}, []),
    ],
)  # fmt: skip
def test_a_dispatcher_that_nobody_is_to_be(more: dict[str, Any], found: list[str]) -> None:
    """Its lock is free, and a restart changes nothing."""
    case = {"desired": {"demo": more}, "facts": {"holds": "desired"}}
    told = replace(facts(case), health={"dispatcher": "free"})
    assert [one.kind for one in standing(Seen(desired(case).host, told, roles()))] == found


def test_a_gateway_that_runs_is_to_hand_out_the_work() -> None:
    """One that is stopped may be refused its start: it is masked, or held."""
    case = {
        "desired": {"demo": {}, "other": {}},
        "facts": {"holds": "desired", "services": {"demo": "stopped"}},
    }
    told = replace(facts(case), health={"dispatcher": "free"})
    found = standing(Seen(desired(case).host, told, roles()))
    (mend,) = [one.mend for one in found if one.kind == "no-dispatcher"]
    assert mend == "./inv fleet.restart -l box/other"


def test_every_finding_has_its_row() -> None:
    """Of all that a doctor knows, those about credentials aside: `secrets.lint` finds them."""
    listed = "from hermes_ops.audit.finding import _REGISTERED; print(*_REGISTERED)"
    script = f"import hermes_ops.commands.fleet.care.doctor; {listed}"
    words = [sys.executable, "-c", script]
    known = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    page = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    rows = {name for line in page.splitlines() if line.startswith("| `")
            for name in line.split("|")[1].replace("`", "").replace(",", " ").split()}  # fmt: skip
    assert set(known) <= rows
    assert rows <= set(known)
