"""Reading YAML: the values that PyYAML gives, each with its place, and never a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hermes_ops.errors import InventoryError
from hermes_ops.loader.layers.overlay import overlaid, signed
from hermes_ops.loader.located import Located, plain
from hermes_ops.loader.sources.yaml import parse, read

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
WORDS = st.text(min_size=1).filter(lambda key: signed(key) == ("", key))
KEYS = st.sampled_from(["a", "b", "c"]) | WORDS | st.integers()
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
MAPPINGS = st.dictionaries(KEYS, TREES, max_size=4)


@pytest.mark.slow
@given(TREES)
def test_values_are_those_of_pyyaml(tree: Any) -> None:
    """Whatever PyYAML can write is read back equal."""
    text = yaml.safe_dump(tree)
    assert plain(parse(text, "x")) == tree == yaml.safe_load(text)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#\n\t <,0", max_size=40))
def test_any_text_is_a_value_or_a_sentence(text: str) -> None:
    """No text ends in another exception; a sentence always has its place."""
    try:
        parse(text, "x")
    except InventoryError as error:
        assert (error.where or "").startswith("x")
        assert "\n" not in error.message


@pytest.mark.slow
@given(MAPPINGS, MAPPINGS)
def test_merging_again_changes_nothing(one: Any, two: Any) -> None:
    """The stronger layer already has its way; nothing upon nothing is nothing."""
    a, b = (parse(yaml.safe_dump(tree), "x") for tree in (one, two))
    nothing = parse("{}", "x")
    assert plain(overlaid(overlaid(a, b), b)) == plain(overlaid(a, b))
    assert plain(overlaid(a, nothing)) == plain(overlaid(nothing, a)) == one


@pytest.mark.slow
@given(MAPPINGS, MAPPINGS)
def test_merging_keeps_all_keys_and_changes_neither(one: Any, two: Any) -> None:
    """The merged mapping has the keys of both, and both stay as they were."""
    a, b = (parse(yaml.safe_dump(tree), "x") for tree in (one, two))
    both = plain(overlaid(a, b))
    assert both.keys() == one.keys() | two.keys()
    assert all(both[key] == one[key] for key in one.keys() - two.keys())
    assert all(both[key] == two[key] for key in two if not isinstance(two[key], dict))
    assert (plain(a), plain(b)) == (one, two)


def test_every_value_knows_its_place() -> None:
    """Entries have the place of their key, items their own; both count from 1."""
    root = parse("a: 1\nb:\n  c: [x,\n    y]\n", "x")
    entry = root.entries["b"].entries["c"]
    assert [str(v.place) for v in (root, entry, *entry.items)] == [
        "x:1:1",
        "x:3:3",
        "x:3:7",
        "x:4:5",
    ]


def test_scalars_keep_what_was_written() -> None:
    """`0x10` is sixteen and still `0x10`, so that a text can be made of it."""
    entries = parse("a: 0x10\nb: 1.50\nc: 'yes'\n", "x").entries
    assert [(v.data, v.text) for v in entries.values()] == [
        (16, "0x10"),
        (1.5, "1.50"),
        ("yes", "yes"),
    ]


def test_alias_has_the_place_of_its_own_key() -> None:
    """An alias says where it is used; what is inside says where it is written."""
    entries = parse("a: &a {x: 1}\nb: *a\n", "x").entries
    assert str(entries["b"].place) == "x:2:1"
    assert str(entries["b"].entries["x"].place) == "x:1:8"


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "? " * 50_000, "{a: " * 5_000])
def test_depth_is_a_sentence(text: str) -> None:
    """Nesting that would end libyaml's process is refused before."""
    with pytest.raises(InventoryError, match="deeper than 100"):
        parse(text, "x")


def test_aliases_that_stay_small_are_fine() -> None:
    """Many uses of one anchor are no bomb."""
    text = "base: &b {x: 1, y: [1, 2, 3]}\n" + "".join(f"k{n}: *b\n" for n in range(5_000))
    assert len(plain(parse(text, "x"))) == 5_001


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: \xff\n", "x.yml:1:4: is not UTF-8 text"),
        (b"a: \x00\n", "control characters are not allowed"),
        pytest.param(
            b"#" * (64 * 1024 * 1024 + 1), "is larger than 64 MiB", marks=pytest.mark.slow
        ),
    ],
)
def test_files_that_are_no_text(
    content: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that are no text, and files that are no inventory by their size, are refused."""
    monkeypatch.chdir(tmp_path)
    Path("x.yml").write_bytes(content)
    with pytest.raises(InventoryError) as caught:
        read(Path("x.yml"))
    assert message in str(caught.value)


def test_unreadable_file(tmp_path: Path) -> None:
    """A folder where a file is wanted is a sentence."""
    with pytest.raises(InventoryError, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_empty_file_is_nothing(tmp_path: Path) -> None:
    """A file of comments only has no value, at its first line."""
    (tmp_path / "x.yml").write_text("# later\n")
    value = read(tmp_path / "x.yml")
    assert isinstance(value, Located)
    assert (value.data, value.place.line) == (None, 1)
