"""One key of a YAML text is set, and every other byte stays."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from case_file import read_case
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hermes_ops.errors import InventoryError
from hermes_ops.loader.edit.nodes import item_of
from hermes_ops.loader.edit.splice import line_of, path_at, put

CASES = read_case(Path(__file__).parents[1] / "cases" / "edit" / "one_key.yml")


@pytest.mark.parametrize("case", CASES["set"].values(), ids=CASES["set"])
def test_a_key_is_set(case: dict[str, Any]) -> None:
    """The text is exactly the one expected."""
    assert put(case["text"], case["path"].split("."), case["value"], file="f.yml") == case["then"]


@pytest.mark.parametrize("case", CASES["refused"])
def test_what_cannot_be_set_is_refused(case: dict[str, str]) -> None:
    """Rather than change anything else, nothing is changed."""
    with pytest.raises(InventoryError) as caught:
        put(case["text"], case["path"].split("."), 2, file="f.yml")
    assert str(caught.value) == case["said"]


words = st.sampled_from(["a", "b", "c c", "yes", "1", "ä"])
scalars = st.one_of(st.integers(), st.text("ab #:'\n-é", max_size=8), st.booleans(), st.none())
documents: Any = st.dictionaries(
    words,
    st.recursive(
        scalars,
        lambda inner: st.dictionaries(words, inner, max_size=3) | st.lists(inner, max_size=2),
    ),
    max_size=4,
)


class Dumper(yaml.SafeDumper):
    """Writes texts of several lines as people do."""


Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


@pytest.mark.slow
@settings(max_examples=examples(200))
@given(
    documents,
    st.lists(words, min_size=1, max_size=3),
    scalars | documents,
    st.sampled_from([None, False]),
    st.sampled_from(["", "\n\n", "...\n", "\n...\n# end\n"]),
)
@example({"a": None, "b": {}}, ["a"], "\n", None, "")
@example({"a": None}, ["a"], ":a", None, "")
@example({"a": {"b": 1}}, ["a", "c"], "x\n\n", None, "")
@example({"a": "x\n\n"}, ["b"], 1, False, "")
@example({"a": "x\n\n"}, ["b"], 1, False, "\n...\n# end\n")
def test_only_the_key_changes(
    data: dict[str, Any], path: list[str], value: Any, flow: bool | None, end: str
) -> None:
    """Whatever the document, the result is it with the value in place, or a refusal."""
    written = yaml.dump(
        data, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=flow
    )
    text = written.removesuffix("...\n") + end
    try:
        result = put(text, path, value, file="f.yml")
    except InventoryError as refusal:
        assert _is_blocked(yaml.safe_load(text), path), refusal
        return
    assert _get(yaml.safe_load(result), path) == value
    assert result.endswith(end.lstrip("\n"))  # blank lines may be of a `|+` text before them
    kept = [line for line in text.splitlines() if re.fullmatch(r"\S+: [a-z]+", line)]
    gone = [line for line in kept if line not in result.splitlines()]
    assert all(str(next(iter(yaml.safe_load(line)))) == path[0] for line in gone)


def _get(data: Any, path: Sequence[str]) -> Any:
    for name in path:
        data = data[name]
    return data


def _is_blocked(data: Any, path: Sequence[str]) -> bool:
    """Say whether something that is neither a mapping nor nothing is in the way."""
    for name in path[:-1]:
        data = data.get(name) if isinstance(data, dict) else None
        if data is not None and not isinstance(data, dict):
            return True
    return False


def test_places_and_paths_are_two_names_of_one_thing() -> None:
    """From a path to its line, and from a place to its path."""
    text = "a:\n  b:\n    c: 1\n  d: 2\n"
    assert line_of(text, ["a", "b", "c"]) == 3
    assert line_of(text, ["a", "x"]) == 0
    assert path_at(text, 3, 5) == ("a", "b", "c")
    assert path_at(text, 9, 1) == ()


@pytest.mark.parametrize(
    ("part", "item"),
    [
        ("[0]", 0), ("[1]", 1), ("[2]", None), ("[-1]", None), ("[]", None), ("[x]", None),
        ("[²]", None), ("0", None), ("(0)", None), ("[0", None), ("x0x", None),
    ],
)  # fmt: skip
def test_a_part_of_a_path_names_an_item(part: str, item: int | None) -> None:
    """A number in brackets that the list has; any other name is a key."""
    assert item_of(["a", "b"], part) == item
