"""What is ours is remembered without values, and what was ours is told from what is theirs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_ops.files import ownership
from hermes_ops.files.ownership import GENERATED, MIGRATED, Ownership, checks, part

FEW = settings(max_examples=examples(100))
KEYS = st.sampled_from(["a", "model", "on", "ä: #", "- x", '"', "x" * 1500, "", 1, 1.5, None, True])
LEAVES: Any = st.sampled_from(["", "x", "secret-word", 1, 1.0, True, None, ["secret-word"], {}])
TREES: Any = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=5),
    max_size=4,
)


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


@pytest.mark.parametrize("text", ["a: [", "- 1", "files: [1]", "config_version: x", "keys: {a: 1}"])
def test_what_is_damaged_is_not_guessed(text: str) -> None:
    """A file that is not ours is a ValueError, whatever is wrong with it."""
    with pytest.raises(ValueError, match=r"."):
        ownership.parse(text)


def test_an_empty_one() -> None:
    """Nothing but comments is nothing of ours."""
    assert ownership.parse(ownership.render(Ownership())) == Ownership()
    assert Ownership().is_empty


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
