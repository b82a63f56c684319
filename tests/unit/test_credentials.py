"""What `secrets.lint` finds: cases as data, and that no value is in anything it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from case_file import read_case
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import HERMES, needs

from hermes_ops import loader
from hermes_ops.audit import model, on_host, question, rules
from hermes_ops.audit.finding import Finding, Side, kinds, lines
from hermes_ops.audit.model import Holder
from hermes_ops.audit.preflight import refuse_conflicts
from hermes_ops.commands.secrets import lint
from hermes_ops.commands.secrets.ask_hosts import HostAnswer
from hermes_ops.commands.workspace import Workspace
from hermes_ops.errors import InventoryError, Unknown
from hermes_ops.inventory.credentials import with_secrets
from hermes_ops.inventory.model import Host, Inventory
from hermes_ops.loader import Vault
from hermes_ops.secrets import fingerprint
from hermes_ops.secrets.reference import Reference
from hermes_ops.secrets.secret import Secret
from hermes_ops.wire import Record, Reply

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "cases" / "credentials"
CASES = [case for file in sorted(FOLDER.glob("*.yml")) for case in read_case(file)]
KEY = bytes(range(32))


def written(folder: Path, hosts: Mapping[str, Any]) -> Inventory:
    """Return the inventory of a case, as it is read from files."""
    listed = {}
    for host, given_profiles in hosts.items():
        profiles = dict(given_profiles)
        listed[host] = {**profiles.pop("vars", {}), "hermes_profiles": profiles}
    file = folder / "hosts.yml"
    file.write_text(json.dumps({"all": {"hosts": listed}}))
    return loader.load([file], ROOT / "roles", {})


def answer_of(home: Path, there: Mapping[str, Any], homes: Mapping[str, str]) -> dict[str, Any]:
    """Return what a host with these files tells: the real program, on real files."""
    for path, content in there.items():
        text, mode = (content, 0o600) if isinstance(content, str) else content.values()
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
        (home / path).chmod(mode if isinstance(mode, int) else int(mode, 8))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        told = on_host.answer(model.request(KEY, homes))
    assert isinstance(json.loads(json.dumps(told)), dict)
    return told


def judged(folder: Path, case: Mapping[str, Any]) -> list[Finding]:
    """Return what is found in a case."""
    inventory = written(folder, case["hosts"])
    told = []
    for host in inventory.hosts:
        if host.name in case.get("there", {}):
            (folder / host.name).mkdir()
            there = case["there"][host.name]
            told.append(
                HostAnswer(host, answer_of(folder / host.name, there, case.get("homes", {})))
            )
    workspace = Workspace(inventory, inventory, (), Vault())
    wanted = model.wanted(inventory, KEY)
    return lint._judged(workspace, wanted, told, live=bool(told))


def line(finding: Finding) -> str:
    """Return a finding as the cases write it."""
    word = "allowed" if finding.allowed else finding.severity
    return " ".join([word, finding.kind, finding.name, *sorted(s.target for s in finding.sides)])


@pytest.mark.parametrize("case", CASES, ids=[case["promise"] for case in CASES])
def test_case(case: Mapping[str, Any], tmp_path: Path) -> None:
    """What a case calls for is found, and nothing else."""
    assert sorted(map(line, judged(tmp_path, case))) == sorted(case["findings"])


def test_cases_know_every_finding() -> None:
    """There is a case for each kind that there is, but for the one of a rotation."""
    named = {finding.split()[1] for case in CASES for finding in case["findings"]}
    assert named == set(kinds()) - {"old-value"}


def values(there: object) -> set[str]:
    """Return every value in a case that is a credential."""
    found: set[str] = set()
    for _, value in on_host.leaves(there):
        text = value if isinstance(value, str) else ""
        found.update(text.replace('"', " ").replace("=", " ").split())
    return {value for value in found if "aaaaaaaa" in value or "bbbbbbbb" in value}


@pytest.mark.parametrize("case", CASES, ids=[case["promise"] for case in CASES])
def test_no_value_is_told(case: Mapping[str, Any], tmp_path: Path) -> None:
    """Neither a host's answer nor a finding, in words or as a document, has a credential in it."""
    planted = values(case["hosts"]) | values(case.get("there", {}))
    found = judged(tmp_path, case)
    said = json.dumps([finding.document() for finding in found])
    said += "\n".join(line for finding in found for line in lines(finding))
    for host in case.get("there", {}):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path / host)
            said += json.dumps(on_host.answer(model.request(KEY, {})))
    assert not [value for value in planted if value in said]


def test_both_sides_have_their_places(tmp_path: Path) -> None:
    """A finding names file, line and column of the inventory, and path and line of the host."""
    case = {
        "hosts": {"one": {"a": {"env": {"HASS_TOKEN": "aaaaaaaaaaaaaaaa"}}}, "two": {"b": {}}},
        "there": {"two": {".hermes/profiles/b/.env": "#\nHASS_TOKEN=aaaaaaaaaaaaaaaa\n"}},
    }
    (finding,) = judged(tmp_path, case)
    places = {side.target: side.places for side in finding.sides}
    (written_at,) = places["one/a"]
    assert written_at.startswith(f"{tmp_path}/hosts.yml:1:")
    assert places["two/b"] == ("two:~/.hermes/profiles/b/.env:2",)


# --- what is shown of a finding -----------------------------------------------------------------

TWO_SIDES = Finding(
    "duplicate", "TELEGRAM_BOT_TOKEN",
    (
        Side("one", "a", ("hosts.yml:1:2", "one:~/.env:3")),
        Side("twenty", "bot", ("hosts.yml:9:1",)),
    ),
    "error", "two have the same", "only one is answered", "give each its own",
    platform="telegram", fingerprint="abcd",
)  # fmt: skip


def test_the_document_of_a_finding() -> None:
    """It is found at its first side, and all sides are in it with their places."""
    assert TWO_SIDES.document() == {
        "host": "one",
        "profile": "a",
        "finding": "duplicate",
        "severity": "error",
        "name": "TELEGRAM_BOT_TOKEN",
        "platform": "telegram",
        "fingerprint": "abcd",
        "sides": [
            {"host": "one", "profile": "a", "where": ["hosts.yml:1:2", "one:~/.env:3"]},
            {"host": "twenty", "profile": "bot", "where": ["hosts.yml:9:1"]},
        ],
        "message": "two have the same",
        "ignored": "only one is answered",
        "mend": "give each its own",
        "allowed": None,
    }
    bare = replace(TWO_SIDES, platform="", fingerprint="", allowed="it is meant")
    found = bare.document()
    assert [found[key] for key in ("platform", "fingerprint", "allowed")] == [
        None, None, "it is meant",
    ]  # fmt: skip


def test_a_finding_in_words() -> None:
    """What it is, each place under its side, what follows and what is to be done; or why not."""
    assert list(lines(TWO_SIDES)) == [
        "error    duplicate: two have the same   fingerprint abcd",
        "         one/a       hosts.yml:1:2",
        "         one/a       one:~/.env:3",
        "         twenty/bot  hosts.yml:9:1",
        "         if left: only one is answered",
        "         mend:    give each its own",
    ]
    meant = replace(TWO_SIDES, allowed="it is meant", fingerprint="")
    assert list(lines(meant)) == [
        "allowed  duplicate: two have the same",
        "         one/a       hosts.yml:1:2",
        "         one/a       one:~/.env:3",
        "         twenty/bot  hosts.yml:9:1",
        "         allowed: it is meant",
    ]


@pytest.mark.parametrize(
    ("found", "profiles", "text"),
    [
        ([], ["one/a"], "nothing found in 1 profile of 1 host"),
        ([TWO_SIDES], ["one/a", "one/b", "two/a"], "1 finding in 3 profiles of 2 hosts"),
        ([TWO_SIDES] * 2, ["one/a", "one/a"], "2 findings in 1 profile of 1 host"),
        ([replace(TWO_SIDES, allowed="so"), TWO_SIDES], ["one/a"],
         "1 finding in 1 profile of 1 host; 1 allowed"),
        ([replace(TWO_SIDES, allowed="so")], ["one/a"],
         "nothing found in 1 profile of 1 host; 1 allowed"),
    ],
)  # fmt: skip
def test_the_sum_of_findings(found: list[Finding], profiles: list[str], text: str) -> None:
    """What is meant is none; each profile counts once."""
    holders = [Holder(host, profile) for host, profile in (name.split("/") for name in profiles)]
    assert lint._total(found, holders, []) == text


# --- the program that hosts run ---------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=examples(100))
@given(st.text(min_size=1).filter(lambda text: text == text.strip()))
def test_hosts_make_the_operators_fingerprints(value: str) -> None:
    """What a host makes of a value is what we make of it."""
    assert on_host.fingerprint(KEY, value) == fingerprint.fingerprint(KEY, value)


@pytest.mark.slow
@settings(max_examples=examples(100))
@given(st.text(min_size=4, max_size=60), st.sampled_from(["A_TOKEN", "X", "platforms.x.token"]))
def test_only_open_settings_are_told(value: str, name: str) -> None:
    """A setting that is not known to be no secret leaves the host without its value."""
    teller = on_host.Teller(KEY, model.request(KEY, {}))
    assert "text" not in teller.tell(name, value)


@pytest.mark.slow
def test_program_runs_alone(tmp_path: Path) -> None:
    """Sent as a text to an interpreter of its own, with the request on its input, it answers."""
    (tmp_path / ".hermes").mkdir()
    (tmp_path / ".hermes" / ".env").write_text("A_TOKEN=secret\n")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", question._program(), *filter(None, sys.path)],
        cwd=tmp_path,
        input=json.dumps(model.request(KEY, {})),
        capture_output=True,
        text=True,
        check=True,
    )
    (profile,) = json.loads(done.stdout)["profiles"]
    assert profile["env"][0]["marks"] == [fingerprint.fingerprint(KEY, "secret")]
    assert "secret" not in done.stdout


def test_host_without_its_libraries_is_unknown(tmp_path: Path) -> None:
    """A Python that cannot read the files as Hermes does says so, and that is `unknown`."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", question._program()],
        cwd=tmp_path,
        input=json.dumps(model.request(KEY, {})),
        capture_output=True,
        text=True,
        check=True,
    )
    with pytest.raises(Unknown, match="lacks dotenv"):
        question.parse(Reply((Record("disclosed", "", done.stdout),), complete=True))


@pytest.mark.parametrize(
    ("records", "complete", "said"),
    [
        ((Record("python", "none"),), True, "no Python"),
        ((), False, "connection was lost"),
        ((Record("disclosed", "", "Killed"),), True, "could not read"),
        ((Record("disclosed", "", "[1]"),), True, "could not read"),
    ],
)
def test_no_answer_is_unknown(records: tuple[Record, ...], complete: bool, said: str) -> None:
    """Whatever keeps a host from telling, it is unknown, with the reason."""
    with pytest.raises(Unknown, match=said):
        question.parse(Reply(records, complete=complete))


def test_names_of_a_host_are_harmless() -> None:
    """What a host calls its files and variables is printed without what a terminal obeys."""
    sent = json.dumps({"profiles": [{"profile": "a\x1b[31mb", "env": ["\udcff\u2028"]}]})
    told = question.parse(Reply((Record("disclosed", "", sent),), complete=True))
    assert told == {"profiles": [{"profile": "a?[31mb", "env": ["??"]}]}


@pytest.mark.slow
@settings(max_examples=examples(100))
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_odd_files_are_told_of(env: bytes, config: bytes) -> None:
    """Whatever is in its files, a host answers, and says what it could not read."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        home = Path(folder, ".hermes")
        home.mkdir()
        (home / ".env").write_bytes(env)
        (home / "config.yaml").write_bytes(config)
        patch.chdir(folder)
        told = json.loads(json.dumps(on_host.answer(model.request(KEY, {}))))
    machine, own = model.found(Host("one"), told)
    assert [holder.profile for holder in own] == ["default"]
    rules.findings([], own, [machine])


def test_key_is_in_no_argument() -> None:
    """The key stands in the script once, and only behind a builtin of the shell."""
    script = question.probe(model.request(KEY, {}))
    assert script.text.count(model.shown_key(KEY)) == 1
    assert "printf '%s' \"$2\" |" in script.text


KEYS = ["", "short", "123456789abcdef", "123456789abcdef0", "  123456789abcdef  ", "*" * 16]
KEYS += ["changeme", "Your_API_Key_Here", "placeholder" + " " * 8, "null", "x" * 40]


@needs("hermes-agent")
def test_hermes_refuses_the_same_keys(tmp_path: Path) -> None:
    """The real package, asked for any key, refuses those that are a finding, and no other."""
    python = os.environ[HERMES]
    ask = (
        "import json, sys; from hermes_cli.auth import has_usable_secret as usable\n"
        "print(json.dumps([usable(key, min_length=16) for key in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        [python, "-c", ask], input=json.dumps(KEYS), capture_output=True, text=True, check=True,
        env={"HOME": str(tmp_path), "HERMES_HOME": str(tmp_path)},
    )  # fmt: skip
    teller = on_host.Teller(KEY, model.request(KEY, {}))
    found = []
    for key in KEYS:
        env = {
            name: model.setting_of(teller.tell(name, value), "here")
            for name, value in {"API_SERVER_ENABLED": "true", "API_SERVER_KEY": key}.items()
        }
        said = rules.findings([model.Holder("one", "a", env=env)])
        found.append("weak-key" not in {finding.kind for finding in said})
    assert found == json.loads(done.stdout)


# --- a run that would start a duplicate -------------------------------------------------------

SHARED = {"env": {"TELEGRAM_BOT_TOKEN": {"env": "BOT"}}}


def test_same_source_is_refused_unresolved(tmp_path: Path) -> None:
    """One that is not selected is compared by its source: nothing is resolved for it."""
    whole = written(tmp_path, {"one": {"a": SHARED}, "two": {"b": SHARED}})
    selected = whole.narrowed({"one": frozenset({"a"})})
    with pytest.raises(InventoryError) as refused:
        refuse_conflicts(whole, selected)
    assert refused.value.kind == "conflict"
    assert refused.value.exit_code == 64
    for part in ("one/a", "two/b", "TELEGRAM_BOT_TOKEN", f"{tmp_path}/hosts.yml:1:"):
        assert part in str(refused.value)
    line = "allow: [{finding: duplicate-credential, name: TELEGRAM_BOT_TOKEN, reason: …}]"
    assert line in refused.value.hint


def test_resolved_values_are_compared_with_plain_ones(tmp_path: Path) -> None:
    """What a selected reference led to meets a plain value, and whoever has the same source."""
    plain = {"env": {"TELEGRAM_BOT_TOKEN": "1:aaaaaaaaaaaaaaaa"}}
    whole = written(tmp_path, {"one": {"a": SHARED}, "two": {"b": plain}, "three": {"c": SHARED}})
    reference = whole.hosts[0].profiles[0].env["TELEGRAM_BOT_TOKEN"]
    assert isinstance(reference, Reference)
    chosen = whole.narrowed({"one": frozenset({"a"})})
    selected = with_secrets(chosen, {reference: Secret("1:aaaaaaaaaaaaaaaa")})
    with pytest.raises(InventoryError, match="one/a, two/b and three/c"):
        refuse_conflicts(whole, selected)


MEANT = [{"finding": "duplicate-credential", "name": "TELEGRAM_BOT_TOKEN", "reason": "one bot"}]


@pytest.mark.parametrize(
    "hosts",
    [
        {"one": {"a": SHARED}, "two": {"b": {**SHARED, "state": "stopped"}}},
        {"one": {"a": {**SHARED, "state": "stopped"}}, "two": {"b": SHARED}},
        {"one": {"a": {**SHARED, "allow": MEANT}}, "two": {"b": SHARED}},
        {"one": {"a": SHARED}, "two": {"b": {**SHARED, "allow": MEANT}}},
        {"one": {"a": {}}, "two": {"b": SHARED}, "three": {"c": SHARED}},
        {"one": {"a": {**SHARED, "allow": MEANT}}, "two": {"b": SHARED}, "three": {"c": SHARED}},
    ],
    ids=["other stopped", "stopped", "meant", "meant there", "others", "meant, others not"],
)
def test_what_does_not_meet_is_started(hosts: Mapping[str, Any], tmp_path: Path) -> None:
    """Only two that would run at once, and of which none says that it is meant, are refused."""
    whole = written(tmp_path, hosts)
    refuse_conflicts(whole, whole.narrowed({"one": frozenset({"a"})}))


# --- the line in the inventory ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"finding": "duplicate-port", "name": "x"}, "an exception needs a 'reason'"),
        ({"reason": "x"}, "an exception needs a 'finding'"),
        ({"finding": "duplicate", "reason": "x"}, "'finding' must be a finding of secrets.lint"),
        ({"finding": "weak-key", "reason": ""}, "'reason' must be a text that is not empty"),
        ({"finding": "weak-key", "reason": "x", "nam": "y"}, "unknown key 'nam'"),
    ],
)
def test_bad_exception_is_one_sentence(entry: object, said: str, tmp_path: Path) -> None:
    """An exception without a reason, or for nothing that there is, says where and what."""
    with pytest.raises(InventoryError, match=said) as refused:
        written(tmp_path, {"one": {"a": {"allow": [entry]}}})
    assert f"{tmp_path}/hosts.yml:1:" in str(refused.value)


@pytest.mark.parametrize("inventory", ["inventory"])
def test_embedded_inventory_is_clean(inventory: str) -> None:
    """What a newcomer starts from has no finding."""
    found = loader.load([ROOT / inventory], ROOT / "roles", {})
    wanted = model.wanted(found, KEY)
    assert wanted
    assert rules.findings(wanted) == []
