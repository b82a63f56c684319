"""A YAML file gets its keys, and keeps every byte that is not theirs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_ops import yamlfile
from hermes_ops.errors import Conflict

CASES = sorted((Path(__file__).parents[1] / "cases" / "yaml").glob("*.yml"))
MANY = settings(max_examples=500, deadline=None, derandomize=True)
FEWER = settings(MANY, max_examples=150)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    """Each case names a text, what is wanted, and the text or the conflict that follows."""
    case = yaml.safe_load(path.read_text())
    initial = case.get("initial")
    if sentence := case.get("conflict"):
        with pytest.raises(Conflict) as caught:
            yamlfile.merge(case["text"], case["wanted"], initial)
        assert sentence in str(caught.value)
        assert caught.value.hint
        return
    result = yamlfile.merge(case["text"], case["wanted"], initial)
    assert result == case["result"]
    assert yamlfile.merge(result, case["wanted"], initial) == result
    assert yamlfile.holds(case["text"], case["wanted"]) == (case["text"] == case["result"])


ODD = [
    "yes",
    "On",
    "012",
    "1_0",
    "1:30",
    "2024-01-02",
    "~",
    "",
    " ",
    "<<",
    "=",
    "a: b",
    "# c",
    "- x",
]
ODD += [
    "a #b",
    "'",
    '"',
    "\\",
    "%TAG",
    "@x",
    "`",
    "{",
    "[a]",
    "!t",
    "&a",
    "*a",
    "|",
    ">",
    "?",
    "...",
]
ODD += [
    "---",
    "a\nb",
    "a\n",
    "\na",
    "a\n\n",
    " a\n b",
    "a \nb",
    "é\nü",
    "🙂",
    "\x85",
    "\u2028\n",
    "\ufeff",
]
ODD += ["\x07", "1e3", "1.e+3", ".inf", "0x1F", "0b1", "null", "a\tb", "x" * 300, "${HOME}", "$(x)"]

texts = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
times = st.datetimes(timezones=st.none() | st.just(dt.UTC)).map(lambda time: time.replace(fold=0))
scalars = (
    texts
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | times
    | st.binary(max_size=5)
)
keys = texts | st.integers() | st.booleans()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
known = st.sampled_from(["model", "tools", "gateway", "text", "deep", "none", "flow", "odd", "yes"])
mappings = st.dictionaries(known | keys, values, max_size=4)

FOREIGN = [
    "",
    "# only a comment\n",
    "---\nmodel: 1\n",
    "{}",
    "{model: 1, flow: {a: [1, 2], 'b': \"c\"},}\n",
    "model:   x   # beside\n\n# mid\ntools:\n- a # one\n# inside\n- b\n\ngateway:\n    p: 0o17\n",
    "text: |+\n  one\n\n  two\n\n\nnone:\ndeep: >-\n  folded\n  text\n\n# end\n",
    "flow: {a: 1,\n  b: {c: [1,\n 2]}}\nodd: 'it''s'\nmodel: plain\n  over lines\nyes: off\n",
    "deep:\n  deep:\n    # note\n    model: 1_0\n\n  # after\n  tools: [ ]\nnone: ~ #\ngateway: {}",
    "model:\r\n  a: 1\r\n# c\r\ntools: 2\r\n",
]


def load(text: str) -> Any:
    return yaml.load(text, yaml.CSafeLoader) or {}


def merged(have: Any, want: Any) -> Any:
    """The meaning of a merge, said once more for the test."""
    if isinstance(have, dict) and isinstance(want, Mapping):
        return {**have, **{k: merged(have.get(k), v) for k, v in want.items()}}
    return want


@MANY
@given(st.sampled_from(FOREIGN), mappings)
def test_reads_back_what_was_merged(text: str, wanted: dict[Any, Any]) -> None:
    """Any value survives, all foreign keys keep theirs, and nothing is left to do."""
    result = yamlfile.merge(text, wanted)
    assert repr(load(result)) == repr(merged(load(text), wanted))
    assert yamlfile.holds(result, wanted)
    assert yamlfile.merge(result, wanted) == result


@FEWER
@given(
    st.sampled_from(FOREIGN),
    st.dictionaries(texts.filter(bool).map("x{}".format), scalars, max_size=4),
)
def test_new_keys_change_no_old_line(text: str, wanted: dict[Any, Any]) -> None:
    """Adding keys leaves every line that is there, in its order."""
    kept = iter(yamlfile.merge(text, wanted).split("\n"))
    if not text.startswith("{"):
        assert all(line in kept for line in text.rstrip("\n").split("\n"))


@FEWER
@given(mappings, st.booleans(), mappings)
def test_merges_into_any_dumped_file(
    have: dict[Any, Any], flow: bool, wanted: dict[Any, Any]
) -> None:
    """A file in the form that Hermes itself writes takes any value."""
    text = yaml.safe_dump(have, default_flow_style=flow)
    assert yamlfile.holds(yamlfile.merge(text, wanted), wanted)


def test_frozen_mappings_and_tuples_are_values() -> None:
    """The inventory's frozen values are written as what they stand for."""
    wanted = MappingProxyType({"a": MappingProxyType({"b": (1, 2)})})
    assert yamlfile.merge("", wanted) == "a:\n  b:\n    - 1\n    - 2\n"
    assert yamlfile.holds("a: {b: [1, 2]}", wanted)
