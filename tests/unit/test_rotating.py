"""`secrets.rotate`, and what is kept of references: who uses a value, what was replaced."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from building import env_value
from shell_kit import library, shells, words_of

from hermes_ops.cli.output import Output
from hermes_ops.commands.secrets import rotate, users
from hermes_ops.commands.secrets.ask_hosts import HostAnswer
from hermes_ops.commands.secrets.users import Rotation
from hermes_ops.errors import Place, UsageError
from hermes_ops.files import envfile
from hermes_ops.inventory.model import Host, Inventory, Profile
from hermes_ops.plan import marks
from hermes_ops.secrets.fingerprint import fingerprint
from hermes_ops.secrets.reference import Generate, Reference
from hermes_ops.secrets.secret import Secret

KEY = bytes(range(32))


def profile(name: str, env: Mapping[str, Any], state: str = "started") -> Profile:
    """Return a profile with these variables, written as in an inventory."""
    return Profile(name, env={k: env_value(v) for k, v in env.items()}, state=state)


def inventory(**hosts: Mapping[str, Mapping[str, Any]]) -> Inventory:
    """Return an inventory of hosts, their profiles and those's variables."""
    return Inventory(
        tuple(
            Host(name, profiles=tuple(profile(p, env) for p, env in profiles.items()))
            for name, profiles in hosts.items()
        )
    )


# --- who uses it ------------------------------------------------------------------------------

FLEET = inventory(
    one={
        "a": {"K": {"env": "SOURCE"}, "X": "plain"},
        "b": {"X": "plain"},
        "c": {"OTHER": {"env": "SOURCE"}, "K2": {"env": "ELSEWHERE"}},
    },
    two={"a": {"K": {"file": "/k"}}, "d": {"G": {"generate": 32}}},
)


def test_users_are_found_by_name_and_by_source() -> None:
    """Who has the name, and who has one of its sources under another name; nobody else."""
    found = {who: set(values) for who, values in users.users_of(FLEET, "K").items()}
    assert found == {("one", "a"): {"K"}, ("one", "c"): {"OTHER"}, ("two", "a"): {"K"}}


def test_absent_profiles_use_nothing() -> None:
    """A profile that shall not be there gets no value."""
    gone = Inventory((Host("one", profiles=(profile("a", {"K": "v"}, "absent"),)),))
    assert users.users_of(gone, "K") == {}


def test_only_what_is_rotated_is_left() -> None:
    """Users keep only the variables that are rotated; a host without users is not touched."""
    left = users.focused(FLEET, users.users_of(FLEET, "G"))
    (host,) = left.hosts
    (only,) = host.profiles
    assert (host.name, only.name, dict(only.env)) == ("two", "d", {"G": Generate(32, renew=True)})


def test_name_of_nobody_names_near_ones() -> None:
    """A misspelt name is a usage error with what was meant."""
    with pytest.raises(UsageError, match="no selected profile uses 'OTHR'") as refused:
        users.Users("OTHR")(FLEET)
    assert "OTHER" in refused.value.hint


def test_users_that_are_not_there_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Who is not on its host yet is told and skipped; a host that said nothing keeps its users."""
    uses = {("one", "a"): {"K": Secret("x")}, ("one", "b"): {}, ("two", "c"): {}}
    before = [told("one", a={"K": "old"}), HostAnswer(Host("two"), failure=UsageError("away"))]
    present = rotate._present(Rotation("K", KEY, uses, before), Output(json=True))
    assert present == [("one", "a"), ("two", "c")]
    assert "skipped: one/b does not exist yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("held", "owing", "due"),
    [
        ({"K": "old"}, set(), [("one", "a")]),
        ({"K": "new"}, set(), []),
        ({"K": "new"}, {("one", "a")}, [("one", "a")]),
        ({}, set(), [("one", "a")]),
    ],
    ids=["another value", "the value", "the value, and no restart since", "no value"],
)
def test_who_is_due(held: Mapping[str, str], owing: set[tuple[str, str]], due: list[Any]) -> None:
    """Who has another value is due, and who got the new one from a run that was cut off."""
    uses = {("one", "a"): {"K": Secret("x")}}
    rotation = Rotation("K", KEY, uses, [told("one", a=held)])
    assert users.due(rotation, {("one", "a", "K"): ("new",)}, owing) == due


# --- what was replaced ------------------------------------------------------------------------


def told(host: str, **held: Mapping[str, str]) -> HostAnswer:
    """Return what a host tells: for each profile, a fingerprint for each variable."""
    profiles = [
        {
            "profile": name,
            "home": f".hermes/profiles/{name}",
            "env": [{"name": k, "marks": [m], "traits": [], "line": 1} for k, m in env.items()],
            "config": [],
            "files": [],
            "broken": [],
        }
        for name, env in held.items()
    ]
    shared: dict[str, list[Any]] = {"env": [], "config": [], "broken": []}
    answer = {"profiles": profiles, "services": [], "shared": shared, "sticky": "", "owed": []}
    return HostAnswer(Host(host), answer)


@pytest.mark.parametrize(
    ("after", "left"),
    [
        ({"a": {"K": "new"}, "b": {"X": "x"}}, []),
        ({"a": {"K": "new"}, "b": {"X": "x", "COPY": "old"}}, ["COPY of b"]),
        ({"a": {"K": "old"}, "b": {"X": "x"}}, []),
        ({"a": {"K": "new", "COPY": "old"}, "c": {"K": "old"}}, ["COPY of a", "K of c"]),
    ],
    ids=["gone", "a copy", "not replaced", "two copies"],
)
def test_old_value_is_found_wherever_it_is(after: Mapping[str, Any], left: list[str]) -> None:
    """What a user held and holds no more is looked for under every name of every profile."""
    uses = {("one", "a"): {"K": Secret("x")}}
    rotation = Rotation("K", KEY, uses, [told("one", a={"K": "old"}, b={"X": "x"})])
    found = users.leftovers(rotation, [told("one", **after)])
    assert [f"{finding.name} of {finding.sides[0].profile}" for finding in found] == left


def test_values_that_changed_places_are_no_leftovers() -> None:
    """What one user gave up and another one has by now is nobody's old value."""
    uses = {("one", "a"): {"K": Secret("x")}, ("one", "b"): {"K": Secret("y")}}
    rotation = Rotation("K", KEY, uses, [told("one", a={"K": "1"}, b={"K": "2"})])
    assert users.leftovers(rotation, [told("one", a={"K": "2"}, b={"K": "1"})]) == []


# --- what is kept of references ---------------------------------------------------------------

REFERENCE = Reference("env", "SOURCE", Place("here", 1))


def kept(value: str, reference: Reference = REFERENCE, key: bytes = KEY) -> str:
    """Return what is kept of a value that a reference led to."""
    whole = Inventory((Host("one", profiles=(Profile("a", env={"K": reference}),)),))
    marked = marks.with_marks(whole, {reference: Secret(value)}, key)
    return marks.merged("", marked.hosts[0].profiles[0].marks)


def legacy(note: str) -> str:
    """Return a note as older versions wrote it: it does not say with whose key."""
    return re.sub(r"\.[0-9a-f]{8} ", " ", note)


@pytest.mark.parametrize(
    ("env", "note", "moved"),
    [
        ("K=value\n", kept("value"), False),
        ("K=other\n", kept("value"), True),
        ("X=value\n", kept("value"), True),
        ("K=value\n", "", None),
        ("K=value\n", kept("value", Reference("env", "ELSE", Place("here"))), True),
        ("K=value\n", legacy(kept("value")), False),
        ("K=value\n", legacy(kept("value", Reference("env", "ELSE", Place("here")))), None),
        ("K=value\n", kept("value", key=bytes(32)), None),
        ("K=value\n", kept("value", Reference("env", "SOURCE", Place("there"))), False),
    ],
    ids=[
        "same",
        "changed",
        "gone",
        "nothing kept",
        "other source",
        "old format",
        "other source in the old format",
        "other key",
        "other place",
    ],
)
def test_drift_of_references(env: str, note: str, moved: bool | None) -> None:
    """A changed value is drift, an unchanged one is none; what cannot be told is neither."""
    assert marks.has_moved(Profile("a", env={"K": REFERENCE}), env, note, KEY) is moved


def test_note_has_no_value_and_keeps_others() -> None:
    """The note is fingerprints; writing some of them leaves the rest as they are."""
    note = marks.merged("A 1 2\nK 3 4\n", {"K": "5 6"})
    assert note == "A 1 2\nK 5 6\n"
    assert marks.merged("K 0 0\nK.b 3 4\nL.b 1 1\n", {"K.a": "5 6"}) == "K.a 5 6\nL.b 1 1\n"
    # What only one operator brings is recorded beside what the others know.
    assert marks.recorded("K 0 0\nK.b 3 4\n", {"K.a": "5 6"}) == "K.a 5 6\nK.b 3 4\n"
    assert "value-of-it" not in kept("value-of-it")
    assert fingerprint(KEY, "value-of-it") in kept("value-of-it")


# --- on the host ------------------------------------------------------------------------------


def test_renewed_key_takes_the_place_of_the_old() -> None:
    """A generated key that is renewed gets a token, one that is not keeps its line."""
    text = f"K={envfile.MASK}\nL={envfile.MASK}\n"
    assert envfile.merge(text, {}, {"K": 16, "L": 16}, renewed={"K"}) == (
        f"K={envfile.new(16)}\nL={envfile.MASK}\n"
    )


SHELLS = shells("dash", "posix", "busybox")
DRAIN = """
boot_id; mkdir -p home .local/state/hermes-ops/lock
state_is() {
  form='{"pid": %s, "gateway_state": "%s", "active_agents": %s}'
  printf "$form" $$ "$1" "$2" >home/gateway_state.json
}
state_is running 1
[ -z "$3" ] || printf '%s\n' "$3" >home/.drain_request.json
( until [ -s home/.drain_request.json ]; do sleep 0.05; done; state_is draining "$1" ) &
drain_gateway home "$2" >/dev/null
cat home/.drain_request.json
tr -d ' ' <home/gateway_state.json
release_lock
[ -e home/.drain_request.json ] && echo LEFT
exit 0
"""


def drained(
    shell: str, folder: Path, agents: int, seconds: int, others: str = ""
) -> tuple[dict[str, Any], str]:
    """Return the request that a gateway saw, and what was so when the wait ended."""
    script = f"nonce=x length=0\n{library()}\n{DRAIN}"
    done = subprocess.run(
        [*words_of(shell), "-s", str(agents), str(seconds), others],
        cwd=folder, input=script, capture_output=True, text=True, check=True,
    )  # fmt: skip
    request, rest = done.stdout.split("\n", 1)
    return json.loads(request), rest


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_drain_waits_for_running_turns(shell: str, tmp_path: Path) -> None:
    """The request is of this boot, ends the wait when no turn runs, and is taken back."""
    request, rest = drained(shell, tmp_path, agents=0, seconds=20)
    assert (request["action"], request["principal"]) == ("drain", "hermes-ops")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    begun = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19]
    assert request["epoch"] == f"{boot}:{begun}"
    assert '"gateway_state":"draining"' in rest
    assert "LEFT" not in rest


@pytest.mark.slow
def test_drain_has_an_end(tmp_path: Path) -> None:
    """A turn that does not end is not waited for longer than was said."""
    _, rest = drained("dash", tmp_path, agents=1, seconds=1)
    assert '"active_agents":1' in rest
    assert "LEFT" not in rest


def test_drain_of_others_is_left_to_them(tmp_path: Path) -> None:
    """Where somebody else drains already, that is waited for, and their request stays."""
    request, rest = drained("dash", tmp_path, agents=0, seconds=20, others='{"by": "them"}')
    assert request == {"by": "them"}
    assert '"gateway_state":"draining"' in rest
    assert "LEFT" in rest
