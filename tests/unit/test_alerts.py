"""What others are told of a look: news, messages, metrics and endpoints, as values."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from building import desired, facts, roles
from case_file import read_case

from hermes_ops.alerts import delivery, memory
from hermes_ops.alerts.deadline import within
from hermes_ops.alerts.gatus import configuration, is_askable, of_port
from hermes_ops.alerts.memory import Memory
from hermes_ops.alerts.metrics import Metric, exposition
from hermes_ops.alerts.news import (
    FINDING,
    MOST_LINES,
    Condition,
    News,
    Trouble,
    Troubles,
    in_units,
    message,
    news,
    standing,
)
from hermes_ops.alerts.ping import refusal
from hermes_ops.audit.finding import Side, make, register
from hermes_ops.cli.output import REDACTOR
from hermes_ops.commands.fleet import ps, troubles
from hermes_ops.commands.fleet.monitoring.seen import conditions, hidden
from hermes_ops.commands.fleet.status import HostSeen, seen_from
from hermes_ops.commands.look_hosts import Look
from hermes_ops.errors import CommandError, NotUnderstood, Unreachable
from hermes_ops.files.replace import put_file

CASES = sorted((Path(__file__).parents[1] / "cases/alerts").glob("*.yml"))


# --- news -------------------------------------------------------------------------------------


def condition(text: str) -> Condition:
    """Return the condition of a word: `healthy`, or `down!` if it is wrong."""
    state = text.removesuffix("!")
    return Condition(state, text.endswith("!"), f"it is {state}" if text.endswith("!") else "")


def told_of(case: Mapping[str, Any]) -> list[list[str]]:
    """Return what one URL is told of each look of a case, with all that lies between."""
    told: Troubles = {}
    known: Troubles = {}
    said = []
    for look in case["looks"]:
        seen = {target: condition(word) for target, word in look["seen"].items()}
        hidden, now = look.get("hidden", []), float(look["at"])
        found = news(told, seen, hidden, now)
        known = standing(known, seen, hidden, now)
        told = told if look.get("lost") else known
        said.append([f"{each.target}: {each.text}" for each in found])
    return said


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_looks_one_after_the_other(file: Path) -> None:
    """Each look tells what the case says, and nothing besides."""
    case = read_case(file)
    assert told_of(case) == [look.get("tells", []) for look in case["looks"]], case["promise"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"), (45, "45 s"), (60, "1 m"), (719, "11 m"), (3599, "59 m"), (3600, "1 h"),
        (11100, "3 h 5 m"), (86400, "1 d"), (187200, "2 d 4 h"),
    ],
)  # fmt: skip
def test_how_long_it_lasted(seconds: float, words: str) -> None:
    """In the two largest units; a clock that was set back gives no negative time."""
    assert in_units(seconds) == words


def test_one_message_for_a_look() -> None:
    """Its title counts, it is good only if all of it is, and its lines are single ones."""
    bad, good = News("a/b", "a/b is down:\n why  so"), News("a/c", "a/c is healthy again", True)
    both = message([bad, good])
    assert both.title == "hermes-ops: 1 not as wanted, 1 well again"
    assert both.body == "a/b is down: why so\na/c is healthy again"
    assert (both.is_good, message([good]).is_good) == (False, True)


def test_a_message_is_never_long() -> None:
    """Services cut or refuse long ones: sentences are counted, and a long one is cut."""
    many = [News(f"a/{n}", "x" * 5000) for n in range(100)]
    body = message(many).body
    assert body.endswith(f"…\nand {100 - MOST_LINES} more")
    assert len(body) < 6500
    assert len(body.splitlines()) == MOST_LINES + 1
    assert "more" not in message(many[:MOST_LINES]).body


# --- memory -----------------------------------------------------------------------------------


def test_a_lock_that_leads_elsewhere_is_not_opened(tmp_path: Path) -> None:
    """Nobody can let a look make a file in another place."""
    (tmp_path / "x.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CommandError, match="cannot be written"), memory.held(tmp_path / "x.json"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_memory_comes_back(tmp_path: Path) -> None:
    """What is written is read again, and nobody else may read it."""
    file = tmp_path / "a" / "x.json"
    kept = Memory(5.5, {"a/b": Trouble("down", 1.5)}, {"f00": {"a": Trouble("unknown", 2.0)}})
    with memory.held(file):
        memory.remember(file, kept)
    assert memory.recall(file) == kept
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


OTHER_SCHEMA = '{"schema": 2, "looked_at": 5, "wrong": {}, "told": {}}'


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"schema": 2}', OTHER_SCHEMA, '{"schema": 1}', '"x"']
)
def test_a_damaged_memory_is_none(text: str, tmp_path: Path) -> None:
    """A first look follows: better told twice than never."""
    (tmp_path / "x.json").write_text(text)
    assert memory.recall(tmp_path / "x.json") == Memory()


def test_each_selection_has_its_own(tmp_path: Path) -> None:
    """Two inventories, or two selections of one, do not share what they told."""
    one, two = tmp_path / "one", tmp_path / "two"
    files = {memory.file_of(*of) for of in (([one], None), ([one], "a"), ([two], None))}
    assert len(files) == 3
    assert memory.file_of([one], "a") in files


def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets its mode, whatever the old one had; what cannot be written leaves nothing behind."""
    file = tmp_path / "m.prom"
    file.write_text("old")
    file.chmod(0o600)
    steps: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda _: steps.append(file.read_text()))
    put_file(file, "new\n", mode=0o644)
    assert steps == ["old"], "the new text is on the disk before it has the name"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new\n", 0o644)
    with pytest.raises(CommandError, match="cannot be written"):
        put_file(tmp_path / "no" / "m.prom", "x", mode=0o644)
    assert [path.name for path in tmp_path.iterdir()] == ["m.prom"]


def test_nobody_waits_longer() -> None:
    """A job that hangs has the result for late ones, and the others have theirs."""

    def slow() -> str:
        time.sleep(5)
        return "done"

    begun = time.monotonic()
    assert within(0.1, [lambda: "done", slow], "late") == ["done", "late"]
    assert time.monotonic() - begun < 2


# --- metrics ----------------------------------------------------------------------------------


def test_the_text_of_metrics() -> None:
    """Labels are escaped as the format asks for; a metric without samples is not there."""
    text = exposition([
        Metric("a_state", "What\nit is.", [({"host": 'a"b\\c\nd', "state": "up"}, 1)]),
        Metric("none", "Nothing.", []),
        Metric("when", "A time.", [({}, 1795811338.5)]),
    ])  # fmt: skip
    assert text == (
        "# HELP a_state What\\nit is.\n# TYPE a_state gauge\n"
        'a_state{host="a\\"b\\\\c\\nd",state="up"} 1\n'
        "# HELP when A time.\n# TYPE when gauge\nwhen 1795811338.5\n"
    )


def test_remarks_are_comments_and_addresses_are_urls() -> None:
    """Whatever a remark holds, it stays in its line; an address of IPv6 has its brackets."""
    text = configuration([of_port("a", "b", "::1", 22)], ["why\nendpoints: []"])
    assert text.startswith("# why endpoints: []\nendpoints:\n- name: a\n")
    assert "url: tcp://[::1]:22\n" in text


def read_by_gatus(text: str, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the endpoints that Gatus v5 reads, or fail as its start does.

    These are `parseAndValidateConfigBytes`, `ValidateEndpointsConfig`, `ConvertGroupAndNameToKey`
    and `validateEndpointNameGroupAndAlerts` of its source.
    """
    literal = text.replace("$$", "\ufdd0")
    expanded = re.sub(r"\$(\w+|\{\w+\})", lambda m: environment.get(m[1].strip("{}"), ""), literal)
    endpoints = yaml.safe_load(expanded.replace("\ufdd0", "$"))["endpoints"]
    keys = []
    for each in endpoints:
        assert set(each) == {"name", "group", "url", "interval", "conditions"}
        assert each["name"]
        assert not set('"\\') & set(each["name"] + each["group"])
        assert all(" == " in condition for condition in each["conditions"])
        assert re.fullmatch(r"(tcp|https?)://(\[[\da-f:]+\]|[\w.-]+):\d+(/health)?", each["url"])
        words = [each["group"].lower().strip(), each["name"].lower().strip()]
        keys.append("_".join(re.sub("[/_., #+&]", "-", word) for word in words))
    assert len(keys) == len(set(keys))
    return list(endpoints)


def test_gatus_takes_every_name() -> None:
    """Names that are one to it get a number; none can end its start, or read its environment."""
    pairs = [
        ("a_b", "h.1"), ("a-b", "h-1"), ("A.B", "H_1"), ("a-b (2)", "h-1"), ("port-22", "h"),
        ("$HOME", '${PWD} "q" \\'), ("no", "8080"), ("1e3", "~"), ("é: x", "# y"), ("-", " s "),
    ]  # fmt: skip
    asked = [of_port(name, group, "10.0.0.9", 22) for name, group in pairs]
    text = configuration([of_port("port 22", "h", "::1", 22), *asked], ["it is $HOME's"])
    found = read_by_gatus(text, {"HOME": "x\nendpoints: []", "PWD": "/", "q": "1"})
    assert [(each["name"], each["group"]) for each in found] == [
        ("port 22", "h"), ("a_b", "h.1"), ("a-b (2)", "h-1"), ("A.B (3)", "H_1"),
        ("a-b (2) (2)", "h-1"), ("port-22 (2)", "h"), ("$HOME", "${PWD} 'q' /"),
        ("no", "8080"), ("1e3", "~"), ("é: x", "# y"), ("-", " s "),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("mini-1.example.org", True), ("fd00::1", True), ("my_host", True),
        ("bücher.example", True),
        ("fe80::1%eth0", False), ("a b", False), ("a/b", False), ("", False), ("[::1]", False),
    ],
)  # fmt: skip
def test_what_gatus_can_ask(host: str, taken: bool) -> None:
    """An address with a zone means something on one machine alone."""
    assert is_askable(host) is taken


# --- what may be called -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "is_called"),
    [
        ("https://hc.example.org/ping/x", True),
        ("http://127.0.0.1:8000/x", True),
        ("http://localhost/x", True),
        ("http://[::1]:80/x", True),
        ("http://hc.example.org/x", False),
        ("http://127.0.0.1.example.org/x", False),
        ("http://localhost@example.org/x", False),
        ("ftp://127.0.0.1/x", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://a b/", False),
        ("https://[::1/", False),
        ("x", False),
        ("", False),
    ],
)
def test_what_is_pinged(url: str, is_called: bool) -> None:
    """Only https, or http to this machine."""
    assert (refusal(url) == "") is is_called


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:8000/x", "json://localhost/x", "json://[::1]:80/x",
        "jsons://ops.example.org/x", "ntfys://ntfy.example.org/topic",
        "tgram://123456789:abcdefghijklmnopqrstuvwxyz123456789/12345/",
        "mailtos://me:secret@example.org", "jsons://127.0.0.1/x?verify=no",
    ],
)  # fmt: skip
def test_services_that_are_used(url: str) -> None:
    """Apprise's own, over TLS, or to this machine; no redirection is followed."""
    assert delivery.service_of(url).redirects is False
    assert (
        delivery.service_of(url + ("&" if "?" in url else "?") + "redirect=yes").redirects is False
    )


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("json://ops.example.org/x", "without TLS (json://): write jsons://"),
        ("json://localhost.example.org/x", "without TLS"),
        ("mailto://me:secret@example.org", "write mailtos://"),
        ("mailto://me:secret@localhost?smtp=mail.example.org", "without TLS"),
        ("mailtos://me:secret@example.org?mode=insecure", "mode=insecure"),
        ("jsons://ops.example.org/x?verify=no", "verify=no"),
        ("syslog://", "without TLS (syslog://)"),
        ("rsyslog://example.org", "without TLS"),
        ("discord://123456789012345678/abcdefghijk?template=/etc/passwd", "names a file"),
        ("discord://123456789012345678/abcdefghijk?Template=https://example.org", "names a file"),
        ("discord://123456789012345678/abcdefghijk?-template=/etc/passwd", "names a file"),
        ("config://https://example.org/apprise.yml", "not a URL that Apprise knows"),
        ("https://example.org/apprise.yml", "not a URL that Apprise knows"),
        ("jsons://a.example.org, json://b.example.org", "not a URL that Apprise knows"),
        ("nonsense", "not a URL that Apprise knows"),
        ("", "not a URL that Apprise knows"),
    ],
)
def test_services_that_are_not(url: str, why: str) -> None:
    """The reason does not repeat the URL."""
    with pytest.raises(ValueError, match=re.escape(why)) as refused:
        delivery.service_of(url)
    assert "secret" not in str(refused.value)


def test_plugins_of_others_are_not_used() -> None:
    """Even if somebody has loaded one into Apprise."""
    from apprise import decorators, manager_plugins

    own: Any = decorators.notify
    manager: Any = manager_plugins.NotificationManager

    @own(on="ourown")  # type: ignore[untyped-decorator]
    def send(body: str, title: str, *_: Any, **__: Any) -> bool:
        raise AssertionError(body + title)

    try:
        with pytest.raises(ValueError, match="not Apprise's own"):
            delivery.service_of("ourown://localhost")
    finally:
        manager().remove("ourown")


# --- a look as conditions ---------------------------------------------------------------------


def seen(desired_: Mapping[str, Any], more: Mapping[str, Any]) -> HostSeen:
    """Return what a look at a host of a few words shows."""
    case = {"desired": desired_, "facts": {"holds": "desired", **more}, "steps": list(ps.STEPS)}
    state = desired(case)
    return seen_from(Look(state.host, state, facts(case)), roles())


def test_a_look_has_a_condition_for_each_target() -> None:
    """The host, and each profile that it should have: what is as desired is not wrong."""
    host = seen({"demo": {}, "idle": {"state": "stopped"}}, {"services": {"idle": "stopped"}})
    assert conditions([host]) == {
        "box": Condition("reachable"),
        "box/demo": Condition("healthy"),
        "box/idle": Condition("stopped"),
    }


def test_what_is_wrong_has_its_sentence() -> None:
    """State and reasons, without the command that mends it."""
    host = seen({"demo": {}}, {"services": {"demo": "failed 1"}})
    found = conditions([host])["box/demo"]
    (row,) = troubles.troubles_of(host)
    assert (found.state, found.is_wrong, found.text) == ("down", True, row["message"])
    assert found.text.startswith("box/demo is down: ")


def test_a_host_that_is_lost_hides_its_profiles() -> None:
    """Nothing is said of them, and what was known of them stays; its own state is no secret."""
    lost = replace(seen({"demo": {}}, {}), error=Unreachable("no answer\x1b[31m from 10.0.0.1"))
    text = "box is unreachable: no answer\\x1b[31m from 10.0.0.1"
    assert conditions([lost]) == {"box": Condition("unreachable", True, text)}
    known = ["box", "box/demo", "box/scout (orphan)", "box (odd thing)", "boxer/demo"]
    assert hidden([lost], known) == {"box/demo", "box/scout (orphan)", "box (odd thing)"}


def test_what_a_secret_is_stays_here() -> None:
    """A reason that quotes a value that is known to be secret has it masked."""
    REDACTOR.learn("a-token-of-the-fleet")
    lost = replace(seen({"demo": {}}, {}), error=NotUnderstood("it said a-token-of-the-fleet"))
    assert conditions([lost])["box"].text == "box is unknown: it said ***"


def test_a_finding_is_a_target() -> None:
    """It is there or not; a disabled host has no condition at all."""
    register(
        "odd-alert", {"severity": "warning", "says": "{who} is odd", "ignored": "", "mend": ""}
    )
    side = Side("box", "demo")
    odd = replace(seen({"demo": {}}, {}), findings=(make("odd-alert", "thing", [side]),))
    found = conditions([odd])["box/demo (odd-alert thing)"]
    assert found == Condition(FINDING, True, "box/demo is odd")
    off = replace(odd, host=replace(odd.host, enabled=False))
    assert conditions([off]) == {}
