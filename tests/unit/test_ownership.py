"""What is ours is remembered without values, and what was ours is told from what is theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from building import NEW, desired, put
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_ops.commands.config.by_hand import owned_by
from hermes_ops.errors import Conflict
from hermes_ops.files import ownership
from hermes_ops.files.ownership import GENERATED, MIGRATED, Ownership, checks, part
from hermes_ops.plan.ledger import ledger_in
from hermes_ops.plan.resource import Owned

FEW = settings(max_examples=examples(100))
KEYS = st.sampled_from(["a", "model", "on", "ä: #", "- x", '"', "x" * 1500, "", 1, 1.5, None, True])
LEAVES: Any = st.sampled_from(["", "x", "secret-word", 1, 1.0, True, None, ["secret-word"], {}])
TREES: Any = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=5),
    max_size=4,
)


@pytest.mark.slow
@FEW
@given(TREES, TREES)
def test_the_file_reads_back(config: dict[Any, Any], other: dict[Any, Any]) -> None:
    """Whatever the keys are, the file is YAML, reads back as it was written, and has no value."""
    ours = Ownership(
        {"skills/a b.md": "0" * 64, "x.yml": "1" * 64},
        {"config.yaml": checks(config), "b.yaml": checks(other), ".env": {"A": GENERATED}},
        33,
    )
    text = ownership.render(ours)
    read = ownership.parse(text)
    assert read.files == ours.files
    assert read.version == 33
    assert read.keys == {name: tree for name, tree in ours.keys.items() if tree}
    assert "secret-word" not in text
    assert isinstance(yaml.safe_load(text), dict)
    assert ownership.render(read) == text


FILES = st.dictionaries(st.from_regex(r"[a-z /.ä-]{1,8}", fullmatch=True), st.just("0" * 64))
NAMES = st.from_regex(r"[A-Z_]{1,4}", fullmatch=True)
ENVS = st.dictionaries(NAMES, st.sampled_from([GENERATED, "0000"]), max_size=4)
MEMORIES = st.builds(
    lambda files, env, config, version: Ownership(
        files, {".env": env, "config.yaml": checks(config)}, version
    ),
    FILES, ENVS, TREES, st.integers(0, 40),
)  # fmt: skip


@pytest.mark.slow
@FEW
@given(MEMORIES)
def test_the_number_of_the_format(ours: Ownership) -> None:
    """A file says in which form it is; one from before forms had numbers means the same."""
    text, before = ownership.render(ours), ownership.render(ours, numbered=False)
    assert yaml.safe_load(text)["format"] == ownership.FORMAT == 1
    assert "format" not in (yaml.safe_load(before) or {})
    assert ownership.parse(text) == ownership.parse(before)
    assert [line for line in text.splitlines() if line != "format: 1"] == before.splitlines()


@pytest.mark.slow
@FEW
@given(MEMORIES, st.integers(2, 10**6), st.binary(max_size=9).map(repr))
def test_a_newer_format_is_refused(ours: Ownership, number: int, more: str) -> None:
    """Whatever else is in a file, a number that we do not know is a conflict that says so."""
    text = ownership.render(ours, numbered=False) + f"format: {number}\nnew: [{json.dumps(more)}]\n"
    with pytest.raises(Conflict, match=rf"a newer hermes-ops wrote ~/x: its format is {number},"):
        ownership.parse(text, "~/x")


@pytest.mark.slow
@FEW
@given(MEMORIES)
def test_shells_of_before_find_what_they_must(ours: Ownership) -> None:
    """A look of any version ends at the first line that it does not know: behind what it needs."""
    found: list[str] = []
    for line in ownership.render(ours).splitlines():
        if line.startswith(('  "', '  - "')):
            found.append(line.strip().removeprefix("- "))
        elif not line.startswith("#") and line not in ("files:", "made_here:"):
            break
    made = {f'".env={name}"' for name, mark in ours.keys[".env"].items() if mark == GENERATED}
    assert set(found) == made | {f'"{name}": "{mark}"' for name, mark in ours.files.items()}


DAMAGED = [
    "a: [", "- 1", "files: [1]", "config_version: x", "keys: {a: 1}",
    "format: x", "format: 0", "format: -1", "format: 1.5", "format: true", "format: [2]", "format:",
]  # fmt: skip


@pytest.mark.parametrize("text", DAMAGED)
def test_what_is_damaged_is_not_guessed(text: str) -> None:
    """A file that is not ours is a ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError, match=r"."):
        ownership.parse(text)


@pytest.mark.parametrize(
    ("ours", "lines"),
    [
        (Ownership({}, {}, 0), []),
        (Ownership({}, {"config.yaml": {}}, 33), ["config_version: 33"]),
        (Ownership({"SOUL.md": "00"}, {}, 0), ["files:", '  "SOUL.md": "00"']),
        (Ownership({}, {".env": {"A": GENERATED, "B": "11"}}, 0), [
            "made_here:", '  - ".env=A"',
            "keys:", '  ".env":', f"    A: {GENERATED}", '    B: "11"',
        ]),
    ],
)  # fmt: skip
def test_the_text_has_what_there_is(ours: Ownership, lines: list[str]) -> None:
    """And no section of which there is nothing."""
    text = ownership.render(ours, numbered=False)
    told = [line for line in text.splitlines() if not line.startswith("#")]
    assert yaml.safe_load("\n".join(told)) == yaml.safe_load("\n".join(lines))
    assert [line.partition(":")[0] for line in told] == [line.partition(":")[0] for line in lines]


def test_an_empty_one() -> None:
    """Nothing but comments is nothing of ours."""
    assert ownership.parse(ownership.render(Ownership())) == Ownership()
    assert Ownership().is_empty


@pytest.mark.slow
@FEW
@given(TREES, TREES)
def test_what_left_the_inventory_goes_and_nothing_else(
    old: dict[Any, Any], new: dict[Any, Any]
) -> None:
    """On a host as we left it, all that is not wanted any more goes, and all that is stays."""
    gone, left, migrated = part(checks(old), new, old, rose=False)
    rest = ownership.pruned(old, gone)
    assert (left, migrated) == ((), ())
    assert not part(checks(rest), new, rest, rose=False).gone
    again = part(checks(old), old, old, rose=True)
    assert again == ({}, (), ())


OWNED = checks({"memory": {"write_mode": "approve", "on": True}, "list": [1, 2]})
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], bool, Any]] = {
    "it left, and is as we wrote it": (
        {}, {"memory": {"write_mode": "approve", "on": True}, "list": [1, 2]}, False,
        ({"memory": {"write_mode": None, "on": None}, "list": None}, (), ()),
    ),
    "it left, and is somebody's": (
        {}, {"memory": {"write_mode": "off"}, "list": [1]}, False,
        ({}, (("memory", "write_mode"), ("list",)), ()),
    ),
    "true is not 1": (
        {}, {"memory": {"on": 1}}, False, ({}, (("memory", "on"),), ()),
    ),
    "it left, and Hermes has renamed it": ({}, {"memory": {"write_approval": True}}, True,
                                           ({}, (), ())),
    "it is wanted, and Hermes has renamed it": (
        {"memory": {"write_mode": "approve", "on": True}},
        {"memory": {"write_approval": True, "on": True}}, True,
        ({}, (), (("memory", "write_mode"),)),
    ),
    "it is wanted, and somebody removed it": (
        {"memory": {"write_mode": "approve"}}, {"memory": {"on": True}}, False,
        ({"memory": {"on": None}}, (), ()),
    ),
    "a value takes the place of the mapping": ({"memory": "all"}, {"memory": {"on": True}}, False,
                                               ({}, (), ())),
    "a mapping takes the place of the value": ({"list": {"a": 1}}, {"list": [1, 2]}, False,
                                               ({}, (), ())),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_part(name: str) -> None:
    """What becomes of a key follows from what is wanted, what is there and what we wrote."""
    wanted, have, rose, expected = CASES[name]
    assert part(OWNED, wanted, have, rose=rose) == expected


def test_a_migrated_key_stays_away() -> None:
    """Once Hermes took a key over it is not put back, however often one looks; by hand it is."""
    wanted = {"memory": {"write_mode": "approve"}}
    owned = ownership.marked(checks(wanted), [("memory", "write_mode")], MIGRATED)
    have = {"memory": {"write_approval": True}}
    assert part(owned, wanted, have, rose=False).migrated == (("memory", "write_mode"),)
    assert part(owned, {}, {"memory": {"write_mode": "x"}}, rose=False) == ({}, (), ())
    assert part(owned, wanted, {"memory": {"write_mode": "x"}}, rose=False) == ({}, (), ())


def test_names_of_env() -> None:
    """A name goes while its value is ours or the host made it; a changed one is somebody's."""
    owned = {name: ownership.check((name,), "1", secret=True) for name in ("A", "B", "C", "D")}
    owned["G"] = GENERATED
    have = {"A": "1", "B": "2", "C": "1", "G": "x", "THEIRS": "1"}
    assert ownership.part_names(owned, ["C"], have) == (["A", "G"], ["B"])
    assert all(len(mark) == 4 for name, mark in owned.items() if name != "G")


def test_who_only_looks_at_a_newer_memory() -> None:
    """Checks of a running service do without it; who asks what is ours is told why nobody knows."""
    case: dict[str, Any] = {"desired": {"demo": {"config": {"a": 1}}}}
    path = ".hermes/profiles/demo/.hermes-ops.yml"
    wanted, found = desired(case).wanted, put(NEW, path, "format: 2\n")
    (memory,) = (w.resource for w in wanted if isinstance(w.resource, Owned))
    assert ledger_in(wanted, found).before == Ownership()
    with pytest.raises(Conflict, match=f"a newer hermes-ops wrote ~/{path}"):
        owned_by(memory, found)
    assert owned_by(memory, put(NEW, path, "keys: [")) == Ownership()
